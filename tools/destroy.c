// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot destroy: a slot goes, with all its messages. */
#include "admin.h"

#include <errno.h>
#include <getopt.h>

static int destroy_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	struct address address;
	int letter, status, minor;
	bool quiet = false;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:hq", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&destroy_command);
		case 'q':
			quiet = true;
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	status = argument_address(argc - optind, argv + optind, CHANNEL_NONE, &address);
	if (!status && argc - optind > 1)
		status = report_usage("'%s' is too much", argv[optind + 1]);
	if (!status)
		status = admin_slot(&address, &minor);
	if (status)
		return status;
	if (msgslot_slot_destroy(minor))
		return report_sysfs(address.node, errno);
	if (!quiet && admin_comes_with_module(minor))
		admin_hint_slots(
			"It comes again with the module, so at the latest after the next reboot.\n"
			"To be without it from boot on, as of now:");
	return STATUS_DONE;
}

const struct command destroy_command = {
	.name = "destroy",
	.run = destroy_run,
	.arguments = "[OPTION]... SLOT",
	.summary = "Destroy a slot and its messages (root).",
	.help = "  SLOT         a number N for /dev/msgslotN, or the path of a device node\n"
		"  -q, --quiet  do not say what would keep the slot away after a reboot\n"
		"  -h, --help   print this\n"
		"\n"
		"Who has the slot open gets an error from then on.\n",
};
