// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot set: other settings for a slot. */
#include "admin.h"

#include <getopt.h>
#include <stdio.h>

static int set_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	struct settings wanted = { 0 };
	struct address address;
	int letter, status, minor;
	bool quiet = false;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:hq", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&set_command);
		case 'q':
			quiet = true;
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	status = argument_address(argc - optind, argv + optind, CHANNEL_NONE, &address);
	if (!status && argc - optind < 2)
		status = report_usage("no setting is given");
	if (!status)
		status = admin_parse(argc - optind - 1, argv + optind + 1, &wanted);
	if (!status)
		status = admin_slot(&address, &minor);
	if (!status)
		status = admin_apply(minor, &wanted);
	if (status || quiet)
		return status;
	fputs("It lasts until the slot goes, so at most until the next reboot.\n"
	      "To have it from boot on:\n",
	      stderr);
	admin_hint_settings(minor, &wanted);
	return STATUS_DONE;
}

const struct command set_command = {
	.name = "set",
	.run = set_run,
	.arguments = "[OPTION]... SLOT SETTING=VALUE...",
	.summary = "Change the settings of a slot (root).",
	.help = "  SLOT           a number N for /dev/msgslotN, or the path of a device node\n"
		"  SETTING=VALUE  mode=, depth=, max_message=, overflow=, max_bytes= or\n"
		"                 max_channels=; all of them are set, or none\n"
		"  -q, --quiet    do not say what would make them stay after a reboot\n"
		"  -h, --help     print this\n"
		"\n"
		"All but the last two change only while nobody has the slot open and no message\n"
		"is kept.  A new mode comes with its own settings.\n",
};
