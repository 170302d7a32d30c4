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
static bool send_tells; /* the sequence, on standard output */

static const struct option_rule send_options[] = {
	{ .letter = 'l', .name = "lines", .flag = &send_each_line },
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

/*
 * Sends each line as soon as it is complete.  Of a line that is longer than any message the part
 * that was read goes to the kernel, which refuses it.
 */
static int send_lines(struct slot *slot)
{
	static char input[65536];
	size_t length = 0, size = msgslot_slot_get_max_message(slot->handle) + 1;
	int status = STATUS_DONE;
	ssize_t got;

	slot->line = 1;
	while ((got = stream_read(input, sizeof(input))) > 0) {
		for (const char *byte = input; byte < input + got; byte++) {
			if (*byte != '\n')
				stream_buffer[length++] = *byte;
			if (*byte != '\n' && length < size)
				continue;
			slot->cut = *byte != '\n';
			status = send_message(slot, stream_buffer, length);
			if (status)
				return status;
			length = 0;
			slot->line++;
		}
	}
	if (got < 0)
		return STATUS_FAILED;
	return length ? send_message(slot, stream_buffer, length) : STATUS_DONE;
}

static int send_run(int argc, char **argv)
{
	int words = send_each_line ? 0 : 1, status;
	struct address address;
	struct slot slot;

	if (send_each_line && send_if)
		return report_usage("--if-seq is for one message, and -l for many");
	status = argument_address(argc, argv, CHANNEL_NEEDED, &address);
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
	}
	if (send_each_line)
		return send_lines(&slot);
	argv += address.words;
	if (!strcmp(argv[0], "-"))
		return send_input(&slot);
	return send_message(&slot, argv[0], strlen(argv[0]));
}

const struct command send_command = {
	.name = "send",
	.run = send_run,
	.options = send_options,
	.arguments = "[OPTION]... { SLOT CHANNEL MESSAGE | SLOT CHANNEL - | -l SLOT CHANNEL }",
	.summary = "Leave a message on a channel of a slot.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both)\n"
		"  MESSAGE            the message; '-' stands for all of standard input\n"
		"  -l, --lines        send each line of standard input, without its newline\n"
		"      --if-seq S     mode last: only if S is the newest message's sequence\n"
		"                     (0: there is none)\n"
		"  -s, --sequence     print the sequence of the message\n"
		"  -W, --timeout SEC  wait no longer while the channel is full; 0: not at all\n"
		"  -h, --help         print this\n"
		"\n"
		"Options end at SLOT: what comes behind it may start with '-'.\n",
};
