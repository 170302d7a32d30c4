// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot create: a new slot, with settings of its own if need be. */
#include "admin.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static bool is_mode(const char *word)
{
	return !strcmp(word, MSGSLOT_MODE_LAST) || !strcmp(word, MSGSLOT_MODE_QUEUE) ||
	       !strcmp(word, MSGSLOT_MODE_BROADCAST);
}

static int report_create(int minor, int error)
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
				    "the slot that had this number is still on its way out");
	case ENOSPC:
		return report_error(STATUS_FULL, NULL,
				    "'msgslot destroy' makes the number of a slot free.",
				    "there are %d slots, and no number is free", MSGSLOT_SLOTS_MAX);
	}
	return report_sysfs(minor >= 0 ? node : NULL, error);
}

static int create(int minor, const char *mode, const struct settings *wanted, bool quiet)
{
	bool configured = false;
	int created = msgslot_slot_create(minor, mode), status;

	if (created < 0)
		return report_create(minor, errno);
	for (int i = 0; i < SETTINGS; i++)
		configured = configured || wanted->values[i][0];
	status = configured ? admin_apply(created, wanted) : STATUS_DONE;
	if (status) {
		msgslot_slot_destroy(created);
		return status;
	}

	printf("/dev/msgslot%d\n", created);
	status = report_flush();
	if (!quiet) {
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
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int letter, status, minor = -1, words;
	struct settings wanted = { 0 };
	struct address address;
	bool quiet = false;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:hq", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&create_command);
		case 'q':
			quiet = true;
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	words = optind;
	if (words + 1 < argc && !is_mode(argv[words])) {
		status = argument_address(argc - words, argv + words, CHANNEL_NONE, &address);
		if (!status)
			status = admin_slot(&address, &minor);
		if (status)
			return status;
		words++;
	}
	if (words >= argc || !argv[words][strspn(argv[words], "0123456789")])
		return report_usage("no mode is given");
	if (!is_mode(argv[words]))
		return report_usage("mode '%s' is not last, queue or broadcast", argv[words]);
	status = admin_parse(argc - words - 1, argv + words + 1, &wanted);
	if (!status && wanted.values[SETTING_MODE][0])
		status = report_usage("the mode is there twice");
	return status ? status : create(minor, argv[words], &wanted, quiet);
}

const struct command create_command = {
	.name = "create",
	.run = create_run,
	.arguments = "[OPTION]... [SLOT] MODE [SETTING=VALUE]...",
	.summary = "Make a slot, and print its node (root).",
	.help = "  SLOT           a number N for /dev/msgslotN; if left out, the lowest that is free\n"
		"  MODE           last, queue or broadcast\n"
		"  SETTING=VALUE  depth=, max_message=, overflow=, max_bytes= or max_channels=\n"
		"  -q, --quiet    do not say what would make the slot stay after a reboot\n"
		"  -h, --help     print this\n",
};
