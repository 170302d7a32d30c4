// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot destroy: destroy a slot with all its messages. */
#include "admin.h"
#include "command.h"
#include "option.h"
#include "report.h"
#include "report_errno.h"

#include <errno.h>
#include <msgslot.h>

static bool destroy_quiet;

static const struct option_rule destroy_options[] = {
	{ .letter = 'q', .name = "quiet", .flag = &destroy_quiet },
	{ .name = NULL },
};

static int destroy_run(int argc, char **argv)
{
	struct address address;
	int status, minor;

	status = argument_only_address(argc, argv, CHANNEL_NONE, &address);
	if (!status)
		status = admin_slot(&address, &minor);
	if (status)
		return status;
	if (msgslot_slot_destroy(minor))
		return report_sysfs(address.node, errno);
	if (!destroy_quiet && admin_comes_with_module(minor))
		admin_hint_slots(
			"It comes again with the module, so at the latest after the next reboot.\n"
			"To be without it from boot on, as of now:");
	return STATUS_DONE;
}

const struct command destroy_command = {
	.name = "destroy",
	.run = destroy_run,
	.options = destroy_options,
	.arguments = "[OPTION]... SLOT",
	.summary = "Destroy a slot and its messages (root).",
	.help = "  SLOT         a number N for /dev/msgslotN, or the path of a device node\n"
		"  -q, --quiet  do not say what would keep the slot away after a reboot\n"
		"  -h, --help   print this\n"
		"\n"
		"Calls on its open files fail from then on.\n",
};
