// SPDX-License-Identifier: GPL-2.0-or-later
/* An open slot, and what its errors mean to the user.  See slot.h. */
#include "slot.h"

#include "report.h"
#include "report_errno.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int slot_open(struct slot *slot, const struct address *address, int access)
{
	*slot = (struct slot){
		.address = address,
		.node = address->node,
		.channel = address->channel,
	};
	slot->handle = msgslot_slot_open(address->node, access);
	return slot->handle ? STATUS_DONE : report_open(slot->node, errno);
}

int slot_select(struct slot *slot)
{
	if (!msgslot_channel_select(slot->handle, slot->channel))
		return STATUS_DONE;
	return slot_report(slot, errno);
}

int slot_walk(struct slot *slot,
	      int (*each)(struct slot *slot, const struct msgslot_walk_detail *entry, void *data),
	      void *data)
{
	struct msgslot_walker *walker = msgslot_walker_new(slot->handle);
	struct msgslot_walk_detail entry;
	int found, status = STATUS_DONE;

	if (!walker)
		return report_system(slot->node, errno);
	while (!status && (found = msgslot_walker_next(walker, &entry, sizeof(entry))) != 0) {
		if (found > 0) {
			slot->channel = entry.channel;
			status = each(slot, &entry, data);
		} else {
			status = slot_report(slot, errno);
		}
	}
	msgslot_walker_free(walker);
	return status;
}

/* "channels 2 of 2, bytes 300 of 1000", of the slot or of the user's share. */
static void slot_usage(const struct slot *slot, bool share, char *text, size_t size)
{
	struct msgslot_info info;

	*text = '\0';
	if (msgslot_info_get(slot->handle, &info, sizeof(info)))
		return;
	snprintf(text, size, ": channels %" PRIu64 " of %" PRIu64 ", bytes %" PRIu64 " of %" PRIu64,
		 (uint64_t)(share ? info.share_channels : info.channels),
		 (uint64_t)(share ? info.share_max_channels : info.max_channels),
		 (uint64_t)(share ? info.share_bytes : info.bytes),
		 (uint64_t)(share ? info.share_max_bytes : info.max_bytes));
}

static int slot_report_full(const struct slot *slot, bool share)
{
	char used[160];

	slot_usage(slot, share, used, sizeof(used));
	if (share)
		return report_error(
			STATUS_FULL, slot->node,
			"Clear channels that you do not need ('msgslot clear'); root has no "
			"share, and can raise the slot's limits ('msgslot set').",
			"your share of the slot is used up%s", used);
	return report_error(
		STATUS_FULL, slot->node,
		"Clear channels that are not needed ('msgslot clear'), or raise max_channels "
		"or max_bytes, as root ('msgslot set').",
		"the slot is full%s", used);
}

int slot_report(const struct slot *slot, int error)
{
	switch (error) {
	case ENODEV:
		return report_open(slot->node, error);
	case EINVAL:
		if (slot->channel || msgslot_slot_get_mode(slot->handle) != MSGSLOT_LAST)
			break;
		return report_error(STATUS_USAGE, slot->node,
				    "Channels of a slot of mode last are 1 to 4294967295.",
				    "there is no channel 0 in mode last");
	case ENOSPC:
		return slot_report_full(slot, false);
	case EDQUOT:
		return slot_report_full(slot, true);
	}
	return report_error(STATUS_FAILED, slot->node, NULL, "channel %u: %s", slot->channel,
			    strerror(error));
}

/* The limit, where it is set, and how far it can be raised. */
static int slot_report_too_long(const struct slot *slot, const char *line, size_t length)
{
	size_t max = msgslot_slot_get_max_message(slot->handle);
	const char *at_least = slot->cut ? "at least " : "";
	char todo[256];

	snprintf(todo, sizeof(todo),
		 "As root, 'msgslot set' raises max_message up to %d bytes "
		 "(/sys/class/msgslot/msgslot%d/max_message).",
		 MSGSLOT_MESSAGE_MAX, msgslot_slot_get_minor(slot->handle));
	return report_error(
		STATUS_LENGTH, slot->node, todo,
		"channel %u: %sthe message is too long: %s%zu bytes, and max_message is %zu",
		slot->channel, line, at_least, length, max);
}

int slot_report_send(const struct slot *slot, size_t length, int error)
{
	const char *mode = text_known(msgslot_mode_get_name(msgslot_slot_get_mode(slot->handle)));
	char line[32] = "";

	if (slot->line)
		snprintf(line, sizeof(line), "line %ju: ", slot->line);
	switch (error) {
	case EMSGSIZE:
		if (length)
			return slot_report_too_long(slot, line, length);
		return report_error(STATUS_LENGTH, slot->node, "A message has at least 1 byte.",
				    "channel %u: %sthe message is empty", slot->channel, line);
	case EAGAIN:
		return report_error(STATUS_FULL, slot->node,
				    "Without -W 0 it waits until a message is received.",
				    "channel %u: %sthe channel is full", slot->channel, line);
	case ETIMEDOUT:
		return report_error(
			STATUS_TIMEOUT, slot->node,
			"It is full until a message is received: 'msgslot show' counts what "
			"it keeps.",
			"channel %u: %sthe channel stayed full", slot->channel, line);
	case ESTALE:
		return report_error(
			STATUS_STALE, slot->node,
			"Receive the newest message with its sequence, and try again with "
			"that.",
			"channel %u: another sender was quicker: the newest message has "
			"another sequence",
			slot->channel);
	case EOPNOTSUPP:
		return report_error(STATUS_USAGE, slot->node,
				    "Leave --if-seq out, or take a slot of mode last.",
				    "--if-seq is for mode last, and this is %s", mode);
	}
	return slot_report(slot, error);
}

/* "channel 5", or "channels 1 to 100". */
static const char *slot_channels(const struct slot *slot)
{
	static char text[64];

	if (slot->address->is_range)
		snprintf(text, sizeof(text), "channels %" PRIu32 " to %" PRIu32,
			 slot->address->channel, slot->address->last);
	else
		snprintf(text, sizeof(text), "channel %" PRIu32, slot->channel);
	return text;
}

int slot_report_receive(const struct slot *slot, size_t length, int error)
{
	switch (error) {
	case EAGAIN:
		return report_error(STATUS_NOTHING, slot->node,
				    msgslot_slot_get_mode(slot->handle) == MSGSLOT_LAST ?
					    "With -w it waits for one." :
					    "Without -W 0 it waits for one.",
				    "%s: there is no message", slot_channels(slot));
	case ETIMEDOUT:
		return report_error(STATUS_TIMEOUT, slot->node,
				    "-W says how long to wait; without it there is no end.",
				    "%s: no message came in time", slot_channels(slot));
	case ENOSPC:
		if (!length)
			break;
		return report_error(
			STATUS_LENGTH, slot->node,
			"The message is still there: raise --max-length, or leave it out.",
			"channel %u: the buffer is too short for a message of %zu bytes",
			slot->channel, length);
	}
	return slot_report(slot, error);
}
