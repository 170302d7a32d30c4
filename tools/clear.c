// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot clear: take all messages from a channel, a range, or every channel of a slot. */
#include "command.h"
#include "option.h"
#include "report.h"
#include "slot.h"

#include <errno.h>
#include <fcntl.h>

static bool clear_whole;
static bool clear_if;
static uint64_t clear_newest;

static const struct option_rule clear_options[] = {
	{ .letter = 'a', .name = "all", .flag = &clear_whole },
	{ .name = "if-seq", .flag = &clear_if, .number = &clear_newest, .max = UINT64_MAX },
	{ .name = NULL },
};

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

static int clear_each(struct slot *slot, const struct msgslot_walk_detail *entry, void *data)
{
	(void)data;
	return address_has(slot->address, entry->channel) ? clear_channel(slot, NULL) : STATUS_DONE;
}

static int clear_run(int argc, char **argv)
{
	struct address address;
	struct slot slot;
	int status;

	if (clear_whole && clear_if)
		return report_usage("--if-seq is for one channel, and -a for all");
	status = argument_only_address(argc, argv, clear_whole ? CHANNEL_NONE : CHANNEL_RANGE,
				       &address);
	if (!status && clear_if && address.is_range)
		status = report_usage("--if-seq is for one channel, and not for a range");
	if (!status)
		status = slot_open(&slot, &address, O_WRONLY);
	if (status)
		return status;
	if (clear_whole || address.is_range)
		return slot_walk(&slot, clear_each, NULL);
	return clear_channel(&slot, clear_if ? &clear_newest : NULL);
}

const struct command clear_command = {
	.name = "clear",
	.run = clear_run,
	.options = clear_options,
	.arguments = "[OPTION]... { SLOT CHANNEL | -a SLOT }",
	.summary = "Take all messages from a channel, or from some or all of a slot.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"              (@NAME stands for both), or a range: 1-100, 0x10-, all\n"
		"  -a, --all   every channel\n"
		"      --if-seq S  only if S is the newest message's sequence (0: there is none)\n"
		"  -h, --help  print this\n",
};
