// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot send: leave a message, or one a line, on a channel. */
#include "command.h"
#include "option.h"
#include "report.h"
#include "slot.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct msgslot_send_options send_how = { .timeout = MSGSLOT_FOREVER };
static uint64_t send_expected;
static bool send_if;
static bool send_each_line;
static bool send_by_field; /* the channel, of each line */
static bool send_tells;	   /* the sequence, on standard output */

static const struct option_rule send_options[] = {
	{ .letter = 'l', .name = "lines", .flag = &send_each_line },
	{ .name = "channel-field", .flag = &send_by_field },
	{ .letter = 's', .name = "sequence", .flag = &send_tells },
	{ .letter = 'W', .name = "timeout", .seconds = &send_how.timeout },
	{ .name = "if-seq", .flag = &send_if, .number = &send_expected, .max = UINT64_MAX },
	{ .name = NULL },
};

static int send_message(const struct slot *slot, const char *message, size_t length)
{
	char line[32];
	uint64_t sequence;
	int result;

	do
		result = msgslot_message_send_with(slot->handle, slot->channel, message, length,
						   &send_how, &sequence);
	while (result < 0 && errno == EINTR);

	if (result < 0)
		return slot_report_send(slot, length, errno);
	if (!send_tells)
		return STATUS_DONE;
	snprintf(line, sizeof(line), "%" PRIu64 "\n", sequence);
	return stream_write(line, strlen(line)) ? STATUS_FAILED : STATUS_DONE;
}

/* Sends standard input; reads no more of it than shows that it is too long. */
static int send_input(struct slot *slot)
{
	size_t length = 0, size = msgslot_slot_get_max_message(slot->handle) + 1;
	ssize_t got;

	do {
		got = stream_read(stream_buffer + length, size - length);
		if (got < 0)
			return STATUS_FAILED;
		length += (size_t)got;
	} while (got && length < size);

	slot->cut = got > 0;
	return send_message(slot, stream_buffer, length);
}

/**
 * struct send_batch - lines that are sent together
 * @writer: has the last of them, which were not sent
 * @lines: how many lines were put into it, from line 1 of the input on
 */
struct send_batch {
	struct msgslot_writer *writer;
	uintmax_t lines;
};

/* Reports the first of the lines that are left, or the one that comes next. */
static int send_report_left(struct send_batch *batch, struct slot *slot, int error)
{
	size_t length = 0;

	msgslot_writer_get_next(batch->writer, &slot->channel, &length);
	slot->line = batch->lines - msgslot_writer_get_left(batch->writer) + 1;
	return slot_report_send(slot, length, error);
}

static int send_flush(struct send_batch *batch, struct slot *slot)
{
	while (msgslot_writer_flush(batch->writer))
		if (errno != EINTR)
			return send_report_left(batch, slot, errno);
	return STATUS_DONE;
}

/* Takes off the channel that a line begins with. */
static bool send_take_channel(struct slot *slot, const char **line, size_t *length)
{
	size_t digits = 0, blank;

	while (digits < *length && (*line)[digits] != ' ' && (*line)[digits] != '\t')
		digits++;
	blank = digits < *length;
	if (!argument_parse_channel(*line, digits, &slot->channel))
		return false;
	*line += digits + blank;
	*length -= digits + blank;
	return true;
}

/* A line that cannot be sent, by its own fault: those before it are. */
static int send_refuse_line(struct send_batch *batch, struct slot *slot, size_t length, int error)
{
	int status = send_flush(batch, slot);

	if (status)
		return status;
	slot->line = batch->lines + 1;
	if (error != EBADMSG)
		return slot_report_send(slot, length, error);
	if (slot->cut)
		return report_error(STATUS_USAGE, "standard input", NULL,
				    "line %ju begins with a channel that is too long", slot->line);
	return report_error(STATUS_USAGE, "standard input",
			    "With --channel-field a line is a channel, a blank and the message.",
			    "line %ju does not begin with a channel", slot->line);
}

/* Sends a line together with others, or alone where its sequence is to be told. */
static int send_line(struct send_batch *batch, struct slot *slot, const char *line, size_t length)
{
	int status;

	slot->line = batch->lines + 1;
	if (send_by_field && !send_take_channel(slot, &line, &length))
		return send_refuse_line(batch, slot, length, EBADMSG);
	/* A line that was cut never goes, even if what is left fits. */
	if (slot->cut && length <= msgslot_slot_get_max_message(slot->handle))
		return send_refuse_line(batch, slot, length, EBADMSG);
	if (send_tells) {
		status = send_message(slot, line, length);
		batch->lines += !status;
		return status;
	}
	while (msgslot_writer_put(batch->writer, slot->channel, line, length)) {
		if (errno == EMSGSIZE)
			return send_refuse_line(batch, slot, length, errno);
		if (errno != EINTR)
			return send_report_left(batch, slot, errno);
	}
	batch->lines++;
	return STATUS_DONE;
}

/*
 * Sends each line as soon as it is complete, those that came together with one call.  Of a line
 * that is longer than any message the part that was read goes to the slot, which refuses it.
 */
static int send_lines(struct send_batch *batch, struct slot *slot)
{
	static char input[65536];
	size_t length = 0, size = msgslot_slot_get_max_message(slot->handle) + 1;
	int status = STATUS_DONE;
	ssize_t got;

	size += send_by_field ? STREAM_SPARE - 1 : 0;
	do {
		got = stream_read(input, sizeof(input));
		for (const char *byte = input; !status && byte < input + got; byte++) {
			if (*byte != '\n')
				stream_buffer[length++] = *byte;
			if (*byte != '\n' && length < size)
				continue;
			slot->cut = *byte != '\n';
			status = send_line(batch, slot, stream_buffer, length);
			length = 0;
		}
		if (!status && !got && length)
			status = send_line(batch, slot, stream_buffer, length);
		if (!status)
			status = send_flush(batch, slot);
	} while (!status && got > 0);
	return !status && got < 0 ? STATUS_FAILED : status;
}

static int send_all_lines(struct slot *slot)
{
	struct send_batch batch = {
		.writer = msgslot_writer_new(slot->handle, send_how.timeout, 0),
	};
	int status;

	if (!batch.writer)
		return report_system(slot->node, errno);
	status = send_lines(&batch, slot);
	msgslot_writer_free(batch.writer);
	return status;
}

static int send_run(int argc, char **argv)
{
	int words = send_each_line ? 0 : 1, status;
	struct address address;
	struct slot slot;

	if (send_each_line && send_if)
		return report_usage("--if-seq is for one message, and -l for many");
	if (send_by_field && !send_each_line)
		return report_usage("--channel-field is for lines: -l");
	status = argument_address(argc, argv, send_by_field ? CHANNEL_NONE : CHANNEL_ONE, &address);
	if (!status)
		status = argument_end(argc, argv, address.words + words);
	if (!status && argc < address.words + words)
		status = report_usage("no message is given");
	if (!status)
		status = slot_open(&slot, &address, O_WRONLY);
	if (status)
		return status;

	if (send_if) {
		send_how.flags = MSGSLOT_SEND_IF;
		send_how.expected = send_expected;
		/* Only with -W it waits until the channel is empty. */
		if (send_how.timeout == MSGSLOT_FOREVER)
			send_how.timeout = 0;
	}
	if (send_each_line)
		return send_all_lines(&slot);
	argv += address.words;
	if (!strcmp(argv[0], "-"))
		return send_input(&slot);
	return send_message(&slot, argv[0], strlen(argv[0]));
}

const struct command send_command = {
	.name = "send",
	.run = send_run,
	.options = send_options,
	.arguments =
		"[OPTION]... { SLOT CHANNEL { MESSAGE | - } | -l SLOT CHANNEL | -l --channel-field SLOT }",
	.summary = "Leave a message on a channel of a slot.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both)\n"
		"  MESSAGE            the message; '-' stands for all of standard input\n"
		"  -l, --lines        send each line of standard input, without its newline\n"
		"      --channel-field  with -l: a line is a channel, a blank and the message\n"
		"      --if-seq S     mode last: only if S is the newest message's sequence\n"
		"                     (0: there is none)\n"
		"  -s, --sequence     print the sequence of the message\n"
		"  -W, --timeout SEC  wait no longer while the channel is full; 0: not at all\n"
		"  -h, --help         print this\n"
		"\n"
		"Options end at SLOT: what comes behind it may start with '-'.\n",
};
