// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot send: leave a message, or one a line, on a channel. */
#include "tools.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>

/* All of standard input, but never more than the buffer holds: the kernel refuses that much. */
static int send_input(const struct slot *slot)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = stream_read(stream_buffer + length, sizeof(stream_buffer) - length);
		if (got < 0)
			return STATUS_FAILED;
		length += (size_t)got;
	} while (got && length < sizeof(stream_buffer));

	return slot_send(slot, stream_buffer, length) ? STATUS_FAILED : STATUS_DONE;
}

/*
 * Each line is sent as soon as it is complete.  One that fills the buffer is longer than any
 * message: it goes to the kernel as it is, to be refused in the kernel's words.
 */
static int send_lines(struct slot *slot)
{
	static char input[65536];
	size_t length = 0;
	ssize_t got;

	slot->line = 1;
	while ((got = stream_read(input, sizeof(input))) > 0) {
		for (const char *byte = input; byte < input + got; byte++) {
			if (*byte != '\n')
				stream_buffer[length++] = *byte;
			if (*byte != '\n' && length < sizeof(stream_buffer))
				continue;
			if (slot_send(slot, stream_buffer, length))
				return STATUS_FAILED;
			length = 0;
			slot->line++;
		}
	}
	if (got < 0)
		return STATUS_FAILED;
	if (length && slot_send(slot, stream_buffer, length))
		return STATUS_FAILED;
	return STATUS_DONE;
}

static int send_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "lines", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path, *message;
	char node[32];
	struct slot slot;
	uint32_t channel;
	bool lines = false;
	int option, wanted;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+hl", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			return report_help(&send_command);
		case 'l':
			lines = true;
			break;
		default:
			return report_option(argc, argv);
		}
	}
	argc -= optind;
	argv += optind;

	wanted = lines ? 2 : 3;
	if (argc != wanted)
		return report_usage("%d arguments are needed%s, %d given", wanted,
				    lines ? " with -l" : "", argc);
	if (!argument_slot(argv[0], node, sizeof(node), &path) ||
	    !argument_channel(argv[1], &channel))
		return STATUS_USAGE;

	if (slot_open(&slot, path, channel, O_WRONLY))
		return STATUS_FAILED;
	if (lines)
		return send_lines(&slot);
	message = argv[2];
	if (!strcmp(message, "-"))
		return send_input(&slot);
	return slot_send(&slot, message, strlen(message)) ? STATUS_FAILED : STATUS_DONE;
}

const struct command send_command = {
	.name = "send",
	.run = send_run,
	.arguments = "[-h] { SLOT CHANNEL MESSAGE | SLOT CHANNEL - | -l SLOT CHANNEL }",
	.summary = "Leave a message on a channel of a slot.",
	.help = "  SLOT         a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL      0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"  MESSAGE      the message; '-' stands for all of standard input\n"
		"  -l, --lines  send each line of standard input, without its newline\n"
		"  -h, --help   print this\n"
		"\n"
		"Options end at SLOT: what comes behind it may start with '-'.\n",
};
