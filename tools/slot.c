// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening a slot, sending to it and receiving from it, with reports that say what to do.
 *
 * The path comes from a user and may name anything.  Nothing but a character device is opened at
 * all (a FIFO's other end would notice, a plain file is none of our business), nothing is ever
 * created or cut, and nothing is written before the device took MSG_SLOT_CHANNEL, which only a
 * slot does.
 */
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum call { CALL_OPEN, CALL_SELECT, CALL_SEND, CALL_RECEIVE };

/* What the system's own text does not say. */
static const struct {
	enum call call;
	int error;
	const char *text;
} hints[] = {
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

static const char *find_hint(const struct slot *slot, enum call call, int error)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (hints[i].call == call && hints[i].error == error)
			return hints[i].text;
	if (call == CALL_SELECT && error == EINVAL && !slot->channel)
		return "channels of a slot of mode last start at 1";
	return NULL;
}

static int report(const struct slot *slot, enum call call, int error, const char *hint)
{
	char channel[64] = "";
	const char *text = hint ? hint : find_hint(slot, call, error);

	if (call != CALL_OPEN && slot->line)
		snprintf(channel, sizeof(channel), "channel %u: line %ju: ", slot->channel,
			 slot->line);
	else if (call != CALL_OPEN)
		snprintf(channel, sizeof(channel), "channel %u: ", slot->channel);

	report_failure("%s: %s%s%s%s%s", slot->path, channel, strerror(error), text ? " (" : "",
		       text ? text : "", text ? ")" : "");
	return -1;
}

/* 0 for a character device, else the errno that says best what it is instead. */
static int check_device(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return errno;
	if (S_ISDIR(status.st_mode))
		return EISDIR;
	return S_ISCHR(status.st_mode) ? 0 : ENOTTY;
}

int slot_open(struct slot *slot, const char *path, uint32_t channel, int access)
{
	int flags, error;

	*slot = (struct slot){ .fd = -1, .path = path, .channel = channel };

	error = check_device(path);
	if (error)
		return report(slot, CALL_OPEN, error, NULL);

	/* O_NONBLOCK: the path may have become a FIFO since, and open() must not wait for one. */
	slot->fd = open(path, access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (slot->fd < 0)
		return report(slot, CALL_OPEN, errno, NULL);

	if (ioctl(slot->fd, MSG_SLOT_CHANNEL, (unsigned long)channel)) {
		error = errno;
		goto err_close;
	}
	flags = fcntl(slot->fd, F_GETFL);
	if (flags < 0 || fcntl(slot->fd, F_SETFL, flags & ~O_NONBLOCK)) {
		error = errno;
		goto err_close;
	}
	return 0;

err_close:
	close(slot->fd);
	slot->fd = -1;
	return report(slot, CALL_SELECT, error, NULL);
}

int slot_send(const struct slot *slot, const void *message, size_t length)
{
	const char *hint = NULL;
	char text[80];
	ssize_t sent;
	int error;

	do
		sent = write(slot->fd, message, length);
	while (sent < 0 && errno == EINTR);

	if (sent == (ssize_t)length)
		return 0;
	if (sent >= 0)
		return report(slot, CALL_SEND, EIO, "only a part of the message was taken");

	/* "Message too long" would be an odd thing to say about an empty one. */
	error = errno;
	if (error == EMSGSIZE && !length) {
		hint = "it is empty; a message has at least 1 byte";
	} else if (error == EMSGSIZE) {
		/* The tool stops reading at the buffer's end, so then it does not know more. */
		snprintf(text, sizeof(text), "%s%zu bytes are more than the slot's max_message",
			 length > MSGSLOT_MESSAGE_MAX ? "at least " : "", length);
		hint = text;
	}
	return report(slot, CALL_SEND, error, hint);
}

ssize_t slot_receive(const struct slot *slot, void *message, size_t size, bool *nothing)
{
	ssize_t length;

	do
		length = read(slot->fd, message, size);
	while (length < 0 && errno == EINTR);

	*nothing = length < 0 && errno == EAGAIN;
	if (length < 0)
		return report(slot, CALL_RECEIVE, errno, NULL);
	return length;
}
