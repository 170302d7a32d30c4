// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * message_sender and message_reader: the two programs of the course, the operating-systems exercise
 * "message slots".  As there, all arguments are positional, whatever they look like, and exit codes
 * are 0 and 1.  They use plain read() and write(), and so work in every mode.
 *
 * The path comes from a user and may name anything.  Only a character device is opened (a FIFO's
 * other end would notice, a plain file is not for this program); nothing is ever created or
 * truncated; and nothing is written before the device accepted MSG_SLOT_CHANNEL, which only a slot
 * does.
 */
#include "arguments.h"
#include "command.h"
#include "report.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

struct course {
	int fd;
	const char *path;
	uint32_t channel;
};

enum call { CALL_OPEN, CALL_SELECT, CALL_SEND, CALL_RECEIVE };

/* Explanations for errors whose text of the system is too general. */
static const struct {
	enum call call;
	int error;
	const char *text;
} course_hints[] = {
	{ CALL_OPEN, EACCES, "are you in the group msgslot?" },
	{ CALL_OPEN, ENOENT, "no such slot, or the module msgslot is not loaded" },
	{ CALL_OPEN, ENXIO, "the slot was destroyed, or the module msgslot is not loaded" },
	{ CALL_OPEN, ENOTTY, "not a slot" },
	{ CALL_OPEN, EISDIR, "not a slot" },
	{ CALL_SELECT, ENOTTY, "not a slot" },
	{ CALL_SELECT, ENODEV, "the slot was destroyed" },
	{ CALL_SELECT, ENOSPC, "the slot's max_channels are in use" },
	{ CALL_SELECT, EDQUOT, "your share of the slot's channels is in use" },
	{ CALL_SEND, ENODEV, "the slot was destroyed" },
	{ CALL_SEND, ENOSPC, "the slot's max_bytes are in use" },
	{ CALL_SEND, EDQUOT, "your share of the slot's bytes is in use" },
	{ CALL_RECEIVE, ENODEV, "the slot was destroyed" },
	{ CALL_RECEIVE, EAGAIN, "the channel holds no message" },
};

static const char *course_find_hint(const struct course *course, enum call call, int error)
{
	for (size_t i = 0; i < sizeof(course_hints) / sizeof(course_hints[0]); i++)
		if (course_hints[i].call == call && course_hints[i].error == error)
			return course_hints[i].text;
	if (call == CALL_SELECT && error == EINVAL && !course->channel)
		return "channels of a slot of mode last start at 1";
	return NULL;
}

static int course_report(const struct course *course, enum call call, int error, const char *hint)
{
	char channel[64] = "";
	const char *text = hint ? hint : course_find_hint(course, call, error);

	if (call != CALL_OPEN)
		snprintf(channel, sizeof(channel), "channel %u: ", course->channel);

	report_error(STATUS_FAILED, course->path, NULL, "%s%s%s%s%s", channel, strerror(error),
		     text ? " (" : "", text ? text : "", text ? ")" : "");
	return -1;
}

/* 0 for a character device, else the errno that fits best. */
static int course_check_device(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return errno;
	if (S_ISDIR(status.st_mode))
		return EISDIR;
	return S_ISCHR(status.st_mode) ? 0 : ENOTTY;
}

static int course_open(struct course *course, const char *path, uint32_t channel, int access)
{
	int flags, error;

	*course = (struct course){ .fd = -1, .path = path, .channel = channel };

	error = course_check_device(path);
	if (error)
		return course_report(course, CALL_OPEN, error, NULL);

	/* O_NONBLOCK: the path may be a FIFO by now, and open() must not wait for its other end. */
	course->fd = open(path, access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (course->fd < 0)
		return course_report(course, CALL_OPEN, errno, NULL);

	if (ioctl(course->fd, MSG_SLOT_CHANNEL, (unsigned long)channel)) {
		error = errno;
		goto err_close;
	}
	flags = fcntl(course->fd, F_GETFL);
	if (flags < 0 || fcntl(course->fd, F_SETFL, flags & ~O_NONBLOCK)) {
		error = errno;
		goto err_close;
	}
	return 0;

err_close:
	close(course->fd);
	course->fd = -1;
	return course_report(course, CALL_SELECT, error, NULL);
}

static int course_send(const struct course *course, const char *message, size_t length)
{
	const char *hint = NULL;
	char text[80];
	ssize_t sent;
	int error;

	/* In `broadcast` a write() of more than one message takes the first. */
	do {
		sent = write(course->fd, message, length);
		if (sent > 0) {
			message += sent;
			length -= (size_t)sent;
		}
	} while (sent > 0 ? length > 0 : sent < 0 && errno == EINTR);

	if (sent > 0)
		return 0;
	if (sent == 0)
		return course_report(course, CALL_SEND, EIO,
				     "only a part of the message was taken");

	/* "Message too long" is the wrong text for an empty one. */
	error = errno;
	if (error == EMSGSIZE && !length) {
		hint = "it is empty; a message has at least 1 byte";
	} else if (error == EMSGSIZE) {
		/* A longer argument than any message is possible: this one is at least so long. */
		snprintf(text, sizeof(text), "%s%zu bytes are more than the slot's max_message",
			 length > MSGSLOT_MESSAGE_MAX ? "at least " : "", length);
		hint = text;
	}
	return course_report(course, CALL_SEND, error, hint);
}

static ssize_t course_receive(const struct course *course, void *message, size_t size)
{
	ssize_t length;

	do
		length = read(course->fd, message, size);
	while (length < 0 && errno == EINTR);

	if (length < 0)
		return course_report(course, CALL_RECEIVE, errno, NULL);
	return length;
}

/* SLOT and CHANNEL, or @NAME for both, and exactly that many words more. */
static int course_address(int argc, char **argv, int more, struct address *address)
{
	int needed = more + (argc > 0 && argv[0][0] == '@' ? 1 : 2);

	if (argc != needed)
		return report_usage("%d argument%s needed, %d given", needed,
				    needed == 1 ? " is" : "s are", argc);
	return argument_address(argc, argv, CHANNEL_ONE, address);
}

#define COURSE_HELP                                                                            \
	"This is a program of the course: the operating-systems exercise \"message slots\",\n" \
	"which many universities set.\n"

static int course_run_sender(int argc, char **argv)
{
	struct address address;
	struct course course;
	const char *message;

	if (course_address(argc, argv, 1, &address))
		return STATUS_FAILED;
	message = argv[address.words];
	if (course_open(&course, address.node, address.channel, O_WRONLY) ||
	    course_send(&course, message, strlen(message)))
		return STATUS_FAILED;
	return STATUS_DONE;
}

const struct command message_sender_command = {
	.name = "message_sender",
	.run = course_run_sender,
	.arguments = "SLOT CHANNEL MESSAGE",
	.summary = "Leave a message on a channel.",
	.help = "  SLOT     the path of a slot's device node, or a number N for /dev/msgslotN\n"
		"  CHANNEL  0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"           (@NAME stands for both)\n"
		"  MESSAGE  the message; it is sent as it is\n"
		"\n" COURSE_HELP "There are no options.  Exit code 0: sent, 1: not sent.\n",
	.own_name = true,
};

static int course_run_reader(int argc, char **argv)
{
	struct address address;
	struct course course;
	ssize_t length;

	if (course_address(argc, argv, 0, &address))
		return STATUS_FAILED;
	if (course_open(&course, address.node, address.channel, O_RDONLY))
		return STATUS_FAILED;
	length = course_receive(&course, stream_buffer, MSGSLOT_MESSAGE_MAX);
	if (length < 0 || stream_write(stream_buffer, (size_t)length))
		return STATUS_FAILED;
	return STATUS_DONE;
}

const struct command message_reader_command = {
	.name = "message_reader",
	.run = course_run_reader,
	.arguments = "SLOT CHANNEL",
	.summary = "Print the message of a channel.",
	.help = "  SLOT     the path of a slot's device node, or a number N for /dev/msgslotN\n"
		"  CHANNEL  0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"           (@NAME stands for both)\n"
		"\n" COURSE_HELP
		"Standard output gets the bytes of the message and nothing else.  There are no\n"
		"options.  Exit code 0: printed, 1: not printed.\n",
	.own_name = true,
};
