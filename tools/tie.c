// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot tie: leave a message on a channel of mode `last` for as long as a command runs. */
#include "command.h"
#include "option.h"
#include "report.h"
#include "slot.h"
#include "tied.h"

#include <errno.h>
#include <string.h>

static struct tied tie_tied = { .how = { .timeout = MSGSLOT_FOREVER } };

static const struct option_rule tie_options[] = {
	{ .name = "will", .text = &tie_tied.will },
	{ .letter = 'o', .name = "close", .flag = &tie_tied.close },
	{ .name = NULL },
};

static int tie_run(int argc, char **argv)
{
	struct tied *tied = &tie_tied;
	struct address address;
	int status = argument_address(argc, argv, CHANNEL_ONE, &address), first;

	if (!status && argc <= address.words)
		status = report_usage("no message is given");
	if (status)
		return status;
	tied->message = argv[address.words];
	first = address.words + 1;
	/* The end of options may be said here, too. */
	first += first < argc && !strcmp(argv[first], "--");
	if (first >= argc)
		return report_usage("no command is given");
	status = tied_open(tied, &address, argv[first]);
	if (status)
		return status;
	if (tied_send(tied))
		return slot_report_send(&tied->slot, strlen(tied->message), errno);
	return tied_run(tied, argv + first);
}

const struct command tie_command = {
	.name = "tie",
	.run = tie_run,
	.options = tie_options,
	.arguments = "[OPTION]... SLOT CHANNEL MESSAGE [--] COMMAND [ARGUMENT]...",
	.summary = "Leave a message for as long as a command runs.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both)\n"
		"  MESSAGE            goes when COMMAND has ended, unless a newer one came\n"
		"      --will TEXT    TEXT takes its place then\n"
		"  -o, --close        COMMAND does not inherit the tie: the message goes when\n"
		"                     this process has ended\n"
		"  -h, --help         print this\n",
};
