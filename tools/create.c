// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot create: create a slot, with settings if wanted. */
#include "admin.h"
#include "command.h"
#include "option.h"
#include "report.h"
#include "report_errno.h"
#include "setting.h"
#include "stream.h"

#include <errno.h>
#include <msgslot.h>
#include <stdio.h>
#include <string.h>

static bool create_quiet;

static const struct option_rule create_options[] = {
	{ .letter = 'q', .name = "quiet", .flag = &create_quiet },
	{ .name = NULL },
};

static int create_report(int minor, int error)
{
	char node[32] = "", mode[32] = "?";

	if (minor >= 0)
		snprintf(node, sizeof(node), "/dev/msgslot%d", minor);
	switch (error) {
	case EEXIST:
		msgslot_attribute_get(minor, "mode", mode, sizeof(mode));
		return report_error(
			STATUS_FAILED, node,
			"Leave SLOT out, and the lowest free number is taken; 'msgslot set' changes "
			"a slot, 'msgslot destroy' makes its number free.",
			"there is such a slot, of mode %s", mode);
	case EBUSY:
		return report_error(STATUS_FAILED, node, "Try again in a moment.",
				    "the slot that had this number is not gone yet");
	case ENOSPC:
		return report_error(STATUS_FULL, NULL,
				    "'msgslot destroy' makes the number of a slot free.",
				    "there are %d slots, and no number is free", MSGSLOT_SLOTS_MAX);
	}
	return report_sysfs(minor >= 0 ? node : NULL, error);
}

static int create_slot(int minor, const char *mode, const struct settings *wanted)
{
	bool configured = false;
	int created = msgslot_slot_create(minor, mode), status;

	if (created < 0)
		return create_report(minor, errno);
	for (int i = 0; i < SETTINGS; i++)
		configured = configured || wanted->values[i][0];
	status = configured ? admin_apply(created, wanted) : STATUS_DONE;
	if (status) {
		msgslot_slot_destroy(created);
		return status;
	}

	printf("/dev/msgslot%d\n", created);
	status = stream_flush();
	if (!create_quiet) {
		admin_hint_slots(
			"It lasts until the module unloads, so at most until the next reboot.\n"
			"To have it from boot on, as of now:");
		if (configured)
			admin_hint_settings(created, wanted);
	}
	return status;
}

static int create_run(int argc, char **argv)
{
	struct settings wanted = { 0 };
	struct address address;
	int status, minor = -1;

	if (argc > 1 && !setting_is_mode(argv[0])) {
		status = argument_address(argc, argv, CHANNEL_NONE, &address);
		if (!status)
			status = admin_slot(&address, &minor);
		if (status)
			return status;
		argc--;
		argv++;
	}
	if (argc < 1 || !argv[0][strspn(argv[0], "0123456789")])
		return report_usage("no mode is given");
	if (!setting_is_mode(argv[0]))
		return report_usage("mode '%s' is not last, queue or broadcast", argv[0]);
	status = setting_parse(argc - 1, argv + 1, &wanted);
	if (!status && wanted.values[SETTING_MODE][0])
		status = report_usage("the mode is given twice");
	return status ? status : create_slot(minor, argv[0], &wanted);
}

const struct command create_command = {
	.name = "create",
	.run = create_run,
	.options = create_options,
	.arguments = "[OPTION]... [SLOT] MODE [SETTING=VALUE]...",
	.summary = "Make a slot, and print its node (root).",
	.help = "  SLOT           a number N for /dev/msgslotN; if left out, the lowest that is free\n"
		"  MODE           last, queue or broadcast\n"
		"  SETTING=VALUE  depth=, max_message=, overflow=, max_bytes= or max_channels=\n"
		"  -q, --quiet    do not say what would make the slot stay after a reboot\n"
		"  -h, --help     print this\n",
};
