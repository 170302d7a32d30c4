// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot chat: a room.  What is typed is said to all, what anybody says is shown with his name, which
 * is the kernel's word and not his.
 *
 * Nothing waits but the poll: in a room with overflow=block a line may find no place until everybody
 * has read, ourselves included.
 */
#include "receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct room {
	struct slot slot;
	bool typed;   /* standard input is a terminal, which shows what we say */
	bool open;    /* standard input has more */
	char *typing; /* MSGSLOT_MESSAGE_MAX + 1 bytes, used from start to end */
	size_t start;
	size_t end;
	size_t line;	/* of the line at start, with its newline; 0: it is not complete */
	uint64_t said;	/* the last message that is ours */
	uint64_t heard; /* the last message that came */
	uint64_t lost;
	struct text text;
};

static int show(struct room *room, const struct msgslot_message *message, const char *bytes)
{
	struct text *text = &room->text;

	if (message->lost > room->lost)
		text_format(text, "-- %" PRIu64 " lost --\n", message->lost - room->lost);
	room->lost = message->lost;
	if (!room->typed || message->pid != (uint32_t)getpid()) {
		text_format(text, "%s: ", format_user(message->uid));
		format_line(text, bytes, message->length);
		if (text->bytes[text->length - 1] != '\n')
			text_string(text, "\n");
	}
	return text_print(text);
}

/* Shows the next message, if there is one. */
static int hear(struct room *room, bool *nothing)
{
	static const struct msgslot_receive_options at_once = { 0 };
	struct msgslot_message message;

	*nothing = false;
	if (msgslot_message_receive_with(room->slot.handle, room->slot.channel, stream_buffer,
					 MSGSLOT_MESSAGE_MAX, &at_once, &message,
					 sizeof(message)) >= 0) {
		room->heard = message.sequence;
		return show(room, &message, stream_buffer);
	}
	if (errno != EAGAIN && errno != EINTR)
		return slot_report(&room->slot, errno);
	*nothing = errno == EAGAIN;
	return STATUS_DONE;
}

/* Where the line ends that was typed first: at its newline, where there is too much, or at the end. */
static void find_line(struct room *room)
{
	size_t length = room->end - room->start;
	const char *line = room->typing + room->start;
	const char *newline = memchr(line, '\n', length);

	if (newline)
		room->line = (size_t)(newline - line) + 1;
	else if (!room->open || length > MSGSLOT_MESSAGE_MAX)
		room->line = length;
	else
		room->line = 0;
}

/*
 * Says the line that was typed first, if there is room for it, with its newline, so that it is a line
 * also to who listens with cat.  A line that is refused is told, and no reason to leave.
 */
static int say(struct room *room)
{
	static const struct msgslot_send_options at_once = { 0 };
	const char *line = room->typing + room->start;

	if ((room->line > 1 || *line != '\n') &&
	    msgslot_message_send_with(room->slot.handle, room->slot.channel, line, room->line,
				      &at_once, &room->said)) {
		if (errno == EAGAIN || errno == EINTR)
			return STATUS_DONE;
		if (errno == ENODEV)
			return slot_report(&room->slot, errno);
		slot_report_send(&room->slot, room->line, errno);
	}
	room->start += room->line;
	find_line(room);
	return STATUS_DONE;
}

static int type(struct room *room)
{
	ssize_t got;

	room->end -= room->start;
	memmove(room->typing, room->typing + room->start, room->end);
	room->start = 0;
	got = stream_read(room->typing + room->end, MSGSLOT_MESSAGE_MAX + 1 - room->end);
	if (got < 0)
		return STATUS_FAILED;
	room->end += (size_t)got;
	room->open = got > 0;
	find_line(room);
	return STATUS_DONE;
}

/* ends is a descriptor that can be read when the chat shall end. */
static int chat(struct room *room, int ends)
{
	int status = STATUS_DONE;
	bool nothing;

	while (!status && (room->open || room->line)) {
		struct pollfd files[] = {
			{ .fd = room->line ? -1 : STDIN_FILENO, .events = POLLIN },
			{ .fd = msgslot_slot_get_fd(room->slot.handle),
			  .events = room->line ? POLLIN | POLLOUT : POLLIN },
			{ .fd = STDOUT_FILENO },
			{ .fd = ends, .events = POLLIN },
		};

		if (poll(files, 4, -1) < 0)
			return report_system("poll", errno);
		if (files[3].revents)
			break;
		if (files[2].revents)
			return report_system("standard output",
					     files[2].revents & POLLNVAL ? EBADF : EPIPE);
		if (files[1].revents)
			status = hear(room, &nothing);
		if (!status && room->line)
			status = say(room);
		else if (!status && files[0].revents)
			status = type(room);
	}
	/* What we said last comes back to us, too. */
	for (nothing = false; !status && !nothing && room->heard < room->said;)
		status = hear(room, &nothing);
	if (!status && room->lost)
		status = STATUS_LOST;
	return status;
}

static int chat_open(struct room *room, const struct address *address)
{
	int status = slot_open(&room->slot, address, O_RDWR);

	if (status)
		return status;
	if (msgslot_slot_get_mode(room->slot.handle) == MSGSLOT_BROADCAST)
		return slot_select(&room->slot);
	return report_error(STATUS_USAGE, room->slot.node, "'msgslot list' says which slots are.",
			    "a room is a channel of a slot of mode broadcast, and this is %s",
			    msgslot_mode_get_name(msgslot_slot_get_mode(room->slot.handle)));
}

static int chat_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static char typing[MSGSLOT_MESSAGE_MAX + 1];
	struct room room = { .open = true, .typing = typing, .typed = isatty(STDIN_FILENO) };
	struct address address;
	sigset_t signals;
	int letter, status, ends;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (letter == 'h')
			return report_help(&chat_command);
		return report_option(letter, argc, argv);
	}
	status = argument_address(argc - optind, argv + optind, CHANNEL_NEEDED, &address);
	if (!status && argc - optind > address.words)
		status = report_usage("'%s' is too much", argv[optind + address.words]);
	if (!status)
		status = chat_open(&room, &address);
	if (status)
		return status;

	/* Signals that are read wait for their turn, and nobody's flood of messages can delay it. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	ends = signalfd(-1, &signals, SFD_CLOEXEC);
	if (ends < 0 || sigprocmask(SIG_BLOCK, &signals, NULL))
		return report_system("signals", errno);
	status = chat(&room, ends);
	text_free(&room.text);
	return status;
}

const struct command chat_command = {
	.name = "chat",
	.run = chat_run,
	.arguments = "[-h] SLOT CHANNEL",
	.summary = "Talk to all who are on a channel of a broadcast slot.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"              (@NAME stands for both)\n"
		"  -h, --help  print this\n"
		"\n"
		"Every line that is typed is a message.  Ends with Ctrl-D or Ctrl-C.\n",
};
