// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot chat: sends each typed line to a broadcast channel and shows each message with the name
 * of its sender, which the kernel tells and the sender cannot choose.
 *
 * Nothing waits but the polls: with overflow=block the channel may be full until every reader,
 * this process among them, has read.
 */
#include "command.h"
#include "format.h"
#include "option.h"
#include "report.h"
#include "slot.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct chat {
	struct slot slot;
	bool typed;   /* standard input is a terminal, which shows what is typed */
	bool open;    /* standard input has more */
	char *typing; /* MSGSLOT_MESSAGE_MAX + 1 bytes, used from start to end */
	size_t start;
	size_t end;
	size_t line;	/* of the line at start, with its newline; 0: it is not complete */
	uint64_t sent;	/* the last message of this process */
	uint64_t shown; /* the last message that was received */
	uint64_t lost;
	struct text text;
	int ends; /* a descriptor that can be read when the chat has to end */
};

/*
 * Prints the text.  What standard output does not take is left out when the chat has to end: a
 * terminal may be stopped, and a pipe may have a reader that does not read.
 */
static int chat_print(struct chat *chat)
{
	struct pollfd files[] = {
		{ .fd = STDOUT_FILENO, .events = POLLOUT },
		{ .fd = chat->ends, .events = POLLIN },
	};
	struct text *text = &chat->text;
	int status = STATUS_DONE;
	size_t done = 0;

	while (!status && done < text->length) {
		/* What can be written takes so much without a wait. */
		size_t left = text->length - done, part = left < PIPE_BUF ? left : PIPE_BUF;

		if (poll(files, 2, -1) < 0)
			status = errno == EINTR ? STATUS_DONE : report_system("poll", errno);
		else if (!files[0].revents)
			break;
		else if (stream_write(text->bytes + done, part))
			status = STATUS_FAILED;
		else
			done += part;
	}
	text->length = 0;
	return status;
}

static int chat_show(struct chat *chat, const struct msgslot_message *message, const char *bytes)
{
	struct text *text = &chat->text;

	if (message->lost > chat->lost)
		text_format(text, "-- %" PRIu64 " lost --\n", message->lost - chat->lost);
	chat->lost = message->lost;
	if (!chat->typed || message->pid != (uint32_t)getpid()) {
		text_format(text, "%s: ", format_user(message->uid));
		format_line(text, bytes, message->length);
		if (text->bytes[text->length - 1] != '\n')
			text_string(text, "\n");
	}
	return chat_print(chat);
}

/* Shows the next message, if there is one. */
static int chat_receive(struct chat *chat, bool *nothing)
{
	static const struct msgslot_receive_options at_once = { 0 };
	struct msgslot_message message;

	*nothing = false;
	if (msgslot_message_receive_with(chat->slot.handle, chat->slot.channel, stream_buffer,
					 MSGSLOT_MESSAGE_MAX, &at_once, &message,
					 sizeof(message)) >= 0) {
		chat->shown = message.sequence;
		return chat_show(chat, &message, stream_buffer);
	}
	if (errno != EAGAIN && errno != EINTR)
		return slot_report(&chat->slot, errno);
	*nothing = errno == EAGAIN;
	return STATUS_DONE;
}

/* Ends the first typed line: at its newline, at the longest message, or at the end of input. */
static void chat_find_line(struct chat *chat)
{
	size_t length = chat->end - chat->start;
	const char *line = chat->typing + chat->start;
	const char *newline = memchr(line, '\n', length);

	if (newline)
		chat->line = (size_t)(newline - line) + 1;
	else if (!chat->open || length > MSGSLOT_MESSAGE_MAX)
		chat->line = length;
	else
		chat->line = 0;
}

/*
 * Sends the first typed line, unless the channel is full.  Its newline is part of the message, for
 * readers like cat.  A line that is refused is reported, and does not end the chat.
 */
static int chat_send(struct chat *chat)
{
	static const struct msgslot_send_options at_once = { 0 };
	const char *line = chat->typing + chat->start;

	if ((chat->line > 1 || *line != '\n') &&
	    msgslot_message_send_with(chat->slot.handle, chat->slot.channel, line, chat->line,
				      &at_once, &chat->sent)) {
		if (errno == EAGAIN || errno == EINTR)
			return STATUS_DONE;
		if (errno == ENODEV)
			return slot_report(&chat->slot, errno);
		slot_report_send(&chat->slot, chat->line, errno);
	}
	chat->start += chat->line;
	chat_find_line(chat);
	return STATUS_DONE;
}

static int chat_read(struct chat *chat)
{
	ssize_t got;

	chat->end -= chat->start;
	memmove(chat->typing, chat->typing + chat->start, chat->end);
	chat->start = 0;
	got = stream_read(chat->typing + chat->end, MSGSLOT_MESSAGE_MAX + 1 - chat->end);
	if (got < 0)
		return STATUS_FAILED;
	chat->end += (size_t)got;
	chat->open = got > 0;
	chat_find_line(chat);
	return STATUS_DONE;
}

static int chat_loop(struct chat *chat)
{
	int status = STATUS_DONE;
	bool nothing;

	while (!status && (chat->open || chat->line)) {
		struct pollfd files[] = {
			{ .fd = chat->line ? -1 : STDIN_FILENO, .events = POLLIN },
			{ .fd = msgslot_slot_get_fd(chat->slot.handle),
			  .events = chat->line ? POLLIN | POLLOUT : POLLIN },
			{ .fd = STDOUT_FILENO },
			{ .fd = chat->ends, .events = POLLIN },
		};

		if (poll(files, 4, -1) < 0)
			return report_system("poll", errno);
		if (files[3].revents)
			break;
		if (files[2].revents)
			return report_system("standard output",
					     files[2].revents & POLLNVAL ? EBADF : EPIPE);
		if (files[1].revents)
			status = chat_receive(chat, &nothing);
		if (!status && chat->line)
			status = chat_send(chat);
		else if (!status && files[0].revents)
			status = chat_read(chat);
	}
	/* The last messages of this process come back to it. */
	for (nothing = false; !status && !nothing && chat->shown < chat->sent;)
		status = chat_receive(chat, &nothing);
	if (!status && chat->lost)
		status = STATUS_LOST;
	return status;
}

static int chat_open(struct chat *chat, const struct address *address)
{
	int status = slot_open(&chat->slot, address, O_RDWR);

	if (status)
		return status;
	if (msgslot_slot_get_mode(chat->slot.handle) == MSGSLOT_BROADCAST)
		return slot_select(&chat->slot);
	return report_error(
		STATUS_USAGE, chat->slot.node, "'msgslot list' shows the slots and their modes.",
		"chat needs a slot of mode broadcast, and this is %s",
		text_known(msgslot_mode_get_name(msgslot_slot_get_mode(chat->slot.handle))));
}

static int chat_run(int argc, char **argv)
{
	static char typing[MSGSLOT_MESSAGE_MAX + 1];
	struct chat chat = { .open = true, .typing = typing, .typed = isatty(STDIN_FILENO) };
	struct address address;
	sigset_t signals;
	int status;

	status = argument_only_address(argc, argv, CHANNEL_ONE, &address);
	if (!status)
		status = chat_open(&chat, &address);
	if (status)
		return status;

	/*
	 * A signal that is read does not interrupt a send, and a flood of messages cannot delay it.
	 */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	chat.ends = signalfd(-1, &signals, SFD_CLOEXEC);
	if (chat.ends < 0 || sigprocmask(SIG_BLOCK, &signals, NULL))
		return report_system("signals", errno);
	status = chat_loop(&chat);
	text_free(&chat.text);
	return status;
}

const struct command chat_command = {
	.name = "chat",
	.run = chat_run,
	.options = option_none,
	.arguments = "[-h] SLOT CHANNEL",
	.summary = "Talk on a channel of a broadcast slot.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"              (@NAME stands for both)\n"
		"  -h, --help  print this\n"
		"\n"
		"Every line that is typed is a message.  Ends with Ctrl-D or Ctrl-C.\n",
};
