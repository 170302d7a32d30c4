// SPDX-License-Identifier: GPL-2.0-or-later
/* message_sender: the course's sender.  Three arguments, no options, whatever they look like. */
#include "tools.h"

#include <fcntl.h>
#include <string.h>

static int sender_run(int argc, char **argv)
{
	struct slot slot;
	uint32_t channel;

	if (argc != 4)
		return report_usage("3 arguments are needed, %d given", argc - 1);
	if (!argument_channel(argv[2], &channel))
		return STATUS_FAILED;
	if (slot_open(&slot, argv[1], channel, O_WRONLY) ||
	    slot_send(&slot, argv[3], strlen(argv[3])))
		return STATUS_FAILED;
	return STATUS_DONE;
}

const struct command message_sender_command = {
	.name = "message_sender",
	.run = sender_run,
	.arguments = "SLOT CHANNEL MESSAGE",
	.summary = "Leave a message on a channel, as a course program does.",
	.help = "  SLOT     the path of a slot's device node\n"
		"  CHANNEL  0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"  MESSAGE  the message; it is sent as it is\n"
		"\n"
		"There are no options.  Exit code 0: sent, 1: not sent.\n",
	.own_name = true,
};
