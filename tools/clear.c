// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot clear: take all messages from a channel, or from every channel of a slot. */
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>

static int clear_channel(struct slot *slot, const uint64_t *newest)
{
	if (!msgslot_channel_clear(slot->handle, slot->channel, newest, NULL))
		return STATUS_DONE;
	if (errno != ESTALE)
		return slot_report(slot, errno);
	return report_error(STATUS_STALE, slot->node,
			    "'msgslot show' says which sequence comes next.",
			    "channel %u: the newest message has another sequence", slot->channel);
}

static int clear_all(struct slot *slot)
{
	struct msgslot_walker *walker = msgslot_walker_new(slot->handle);
	struct msgslot_walk_entry entry;
	int found, status = STATUS_DONE;

	if (!walker)
		return report_system(slot->node, errno);
	while (!status && (found = msgslot_walker_next(walker, &entry, sizeof(entry))) != 0) {
		slot->channel = entry.channel;
		status = found < 0 ? slot_report(slot, errno) : clear_channel(slot, NULL);
	}
	msgslot_walker_free(walker);
	return status;
}

static int clear_run(int argc, char **argv)
{
	enum { IF_SEQ = 256 };
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "all", no_argument, NULL, 'a' },
		{ "if-seq", required_argument, NULL, IF_SEQ },
		{ NULL, 0, NULL, 0 },
	};
	bool all = false, conditional = false;
	int letter, status = STATUS_DONE;
	struct address address;
	struct slot slot;
	uint64_t newest;

	opterr = 0;
	while (!status && (letter = getopt_long(argc, argv, "+:ha", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&clear_command);
		case 'a':
			all = true;
			break;
		case IF_SEQ:
			conditional = true;
			status = argument_number("--if-seq", optarg, 0, UINT64_MAX, &newest);
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	if (!status && all && conditional)
		status = report_usage("--if-seq is for one channel, and -a for all");
	if (!status)
		status = argument_address(argc - optind, argv + optind,
					  all ? CHANNEL_NONE : CHANNEL_NEEDED, &address);
	if (!status && argc - optind > address.words)
		status = report_usage("'%s' is too much", argv[optind + address.words]);
	if (!status)
		status = slot_open(&slot, &address, O_WRONLY);
	if (status)
		return status;
	return all ? clear_all(&slot) : clear_channel(&slot, conditional ? &newest : NULL);
}

const struct command clear_command = {
	.name = "clear",
	.run = clear_run,
	.arguments = "[OPTION]... { SLOT CHANNEL | -a SLOT }",
	.summary = "Take all messages from a channel, or from every channel of a slot.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"              (@NAME stands for both)\n"
		"  -a, --all   every channel\n"
		"      --if-seq S  only if S is the newest message's sequence (0: there is none)\n"
		"  -h, --help  print this\n",
};
