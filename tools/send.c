// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot send: leave a message, or one a line, on a channel. */
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct sender {
	struct slot slot;
	struct msgslot_send_options options;
	bool tells; /* the sequence, on standard output */
};

static int send_message(const struct sender *sender, const char *message, size_t length)
{
	char line[32];
	uint64_t sequence;
	int result;

	do
		result = msgslot_message_send_with(sender->slot.handle, sender->slot.channel,
						   message, length, &sender->options, &sequence);
	while (result < 0 && errno == EINTR);

	if (result < 0)
		return slot_report_send(&sender->slot, length, errno);
	if (!sender->tells)
		return STATUS_DONE;
	snprintf(line, sizeof(line), "%" PRIu64 "\n", sequence);
	return stream_write(line, strlen(line)) ? STATUS_FAILED : STATUS_DONE;
}

/* All of standard input, but never more than shows that it is too long. */
static int send_input(struct sender *sender)
{
	size_t length = 0, size = msgslot_slot_get_max_message(sender->slot.handle) + 1;
	ssize_t got;

	do {
		got = stream_read(stream_buffer + length, size - length);
		if (got < 0)
			return STATUS_FAILED;
		length += (size_t)got;
	} while (got && length < size);

	sender->slot.cut = got > 0;
	return send_message(sender, stream_buffer, length);
}

/*
 * Each line is sent as soon as it is complete.  One that is longer than any message goes to the kernel
 * as far as it is known, to be refused in the kernel's words.
 */
static int send_lines(struct sender *sender)
{
	static char input[65536];
	size_t length = 0, size = msgslot_slot_get_max_message(sender->slot.handle) + 1;
	int status = STATUS_DONE;
	ssize_t got;

	sender->slot.line = 1;
	while ((got = stream_read(input, sizeof(input))) > 0) {
		for (const char *byte = input; byte < input + got; byte++) {
			if (*byte != '\n')
				stream_buffer[length++] = *byte;
			if (*byte != '\n' && length < size)
				continue;
			sender->slot.cut = *byte != '\n';
			status = send_message(sender, stream_buffer, length);
			if (status)
				return status;
			length = 0;
			sender->slot.line++;
		}
	}
	if (got < 0)
		return STATUS_FAILED;
	return length ? send_message(sender, stream_buffer, length) : STATUS_DONE;
}

/* What there is behind the options, and what it means. */
static int send_words(struct sender *sender, int argc, char **argv, bool lines)
{
	struct address address;
	const char *message;
	int status = argument_address(argc, argv, CHANNEL_NEEDED, &address);

	if (status)
		return status;
	argc -= address.words;
	argv += address.words;
	if (argc > !lines)
		return report_usage("'%s' is too much", argv[!lines]);
	if (argc < !lines)
		return report_usage("no message is given");

	status = slot_open(&sender->slot, &address, O_WRONLY);
	if (status)
		return status;
	if (lines)
		return send_lines(sender);
	message = argv[0];
	if (!strcmp(message, "-"))
		return send_input(sender);
	return send_message(sender, message, strlen(message));
}

static int send_run(int argc, char **argv)
{
	enum { IF_SEQ = 256 };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "lines", no_argument, NULL, 'l' },
		{ "sequence", no_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 'W' },
		{ "if-seq", required_argument, NULL, IF_SEQ },
		{ NULL, 0, NULL, 0 },
	};
	struct sender sender = { .options.timeout = MSGSLOT_FOREVER };
	int letter, status = STATUS_DONE;
	bool lines = false;

	opterr = 0;
	while (!status && (letter = getopt_long(argc, argv, "+:hlsW:", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&send_command);
		case 'l':
			lines = true;
			break;
		case 's':
			sender.tells = true;
			break;
		case 'W':
			status = argument_seconds("-W", optarg, &sender.options.timeout);
			break;
		case IF_SEQ:
			sender.options.flags = MSGSLOT_SEND_IF;
			status = argument_number("--if-seq", optarg, 0, UINT64_MAX,
						 &sender.options.expected);
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	if (!status && lines && sender.options.flags)
		status = report_usage("--if-seq is for one message, and -l for many");
	if (status)
		return status;
	return send_words(&sender, argc - optind, argv + optind, lines);
}

const struct command send_command = {
	.name = "send",
	.run = send_run,
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
