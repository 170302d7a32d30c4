// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot set: change the settings of a slot. */
#include "admin.h"
#include "command.h"
#include "option.h"
#include "report.h"
#include "setting.h"

#include <stdio.h>

static bool set_quiet;

static const struct option_rule set_options[] = {
	{ .letter = 'q', .name = "quiet", .flag = &set_quiet },
	{ .name = NULL },
};

static int set_run(int argc, char **argv)
{
	struct settings wanted = { 0 };
	struct address address;
	int status, minor;

	status = argument_address(argc, argv, CHANNEL_NONE, &address);
	if (!status && argc < 2)
		status = report_usage("no setting is given");
	if (!status)
		status = setting_parse(argc - 1, argv + 1, &wanted);
	if (!status)
		status = admin_slot(&address, &minor);
	if (!status)
		status = admin_apply(minor, &wanted);
	if (status || set_quiet)
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
	.options = set_options,
	.arguments = "[OPTION]... SLOT SETTING=VALUE...",
	.summary = "Change the settings of a slot (root).",
	.help = "  SLOT           a number N for /dev/msgslotN, or the path of a device node\n"
		"  SETTING=VALUE  mode=, depth=, max_message=, overflow=, max_bytes= or\n"
		"                 max_channels=; all of them are set, or none\n"
		"  -q, --quiet    do not say what would make them stay after a reboot\n"
		"  -h, --help     print this\n"
		"\n"
		"All but the last two can change only while the slot is not open and keeps no\n"
		"message.  A new mode resets all other settings.\n",
};
