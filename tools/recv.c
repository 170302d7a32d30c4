// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot recv: print the message of a channel. */
#include "tools.h"

#include <fcntl.h>
#include <getopt.h>

static int recv_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "no-newline", no_argument, NULL, 'N' },
		{ NULL, 0, NULL, 0 },
	};
	bool newline = true, nothing;
	const char *path;
	char node[32];
	struct slot slot;
	uint32_t channel;
	ssize_t length;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+hN", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			return report_help(&recv_command);
		case 'N':
			newline = false;
			break;
		default:
			return report_option(argc, argv);
		}
	}
	argc -= optind;
	argv += optind;

	if (argc != 2)
		return report_usage("2 arguments are needed, %d given", argc);
	if (!argument_slot(argv[0], node, sizeof(node), &path) ||
	    !argument_channel(argv[1], &channel))
		return STATUS_USAGE;

	if (slot_open(&slot, path, channel, O_RDONLY))
		return STATUS_FAILED;
	length = slot_receive(&slot, stream_buffer, MSGSLOT_MESSAGE_MAX, &nothing);
	if (length < 0)
		return nothing ? STATUS_NOTHING : STATUS_FAILED;

	/* In the buffer, so that message and newline leave in one write. */
	if (newline && (!length || stream_buffer[length - 1] != '\n'))
		stream_buffer[length++] = '\n';
	return stream_write(stream_buffer, (size_t)length) ? STATUS_FAILED : STATUS_DONE;
}

const struct command recv_command = {
	.name = "recv",
	.run = recv_run,
	.arguments = "[-h] [-N] SLOT CHANNEL",
	.summary = "Print the message of a channel of a slot.",
	.help = "  SLOT              a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL           0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"  -N, --no-newline  the message's bytes and nothing else\n"
		"  -h, --help        print this\n"
		"\n"
		"A newline is added unless the message ends with one.  Exit code 3: the channel,\n"
		"of a slot of mode last, holds no message; in the other modes recv waits for one.\n",
};
