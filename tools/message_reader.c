// SPDX-License-Identifier: GPL-2.0-or-later
/* message_reader: the course's reader.  The bytes of the message and nothing else. */
#include "tools.h"

#include <fcntl.h>

static int reader_run(int argc, char **argv)
{
	struct slot slot;
	uint32_t channel;
	ssize_t length;
	bool nothing;

	if (argc != 3)
		return report_usage("2 arguments are needed, %d given", argc - 1);
	if (!argument_channel(argv[2], &channel))
		return STATUS_FAILED;
	if (slot_open(&slot, argv[1], channel, O_RDONLY))
		return STATUS_FAILED;
	length = slot_receive(&slot, stream_buffer, MSGSLOT_MESSAGE_MAX, &nothing);
	if (length < 0 || stream_write(stream_buffer, (size_t)length))
		return STATUS_FAILED;
	return STATUS_DONE;
}

const struct command message_reader_command = {
	.name = "message_reader",
	.run = reader_run,
	.arguments = "SLOT CHANNEL",
	.summary = "Print the message of a channel, as a course program does.",
	.help = "  SLOT     the path of a slot's device node\n"
		"  CHANNEL  0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"\n"
		"The message's bytes go to standard output and nothing else.  There are no options.\n"
		"Exit code 0: printed, 1: not.\n",
	.own_name = true,
};
