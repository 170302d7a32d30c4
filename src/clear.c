// SPDX-License-Identifier: GPL-2.0-only
/* MSGSLOT_CLEAR.  See clear.h. */
#include <linux/err.h>

#include "channel.h"
#include "clear.h"
#include "slot.h"
#include "tied_lease.h"
#include "trace.h"

/* After all messages of @channel were taken: what is counted and told. */
static void clear_tell(struct msgslot_slot *slot, struct msgslot_channel *channel,
		       const struct msgslot_log_rest *rest)
{
	this_cpu_sub(slot->stats->messages, rest->messages);
	this_cpu_sub(slot->stats->leased, rest->leased);
	/* Where each file has a cursor, it counts what it lost when it comes to it. */
	if (slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL)
		this_cpu_add(slot->stats->dropped, rest->messages);
	if (rest->messages)
		trace_msgslot_drop(channel->slot, channel->log.id, 0, rest->messages);
	msgslot_feed_note_clear(&slot->channels.feed, &channel->log);
	/* In `last` those that sleep wait until it is empty, which it stays for one of them. */
	msgslot_channel_wake_writers(channel, slot->rules.cursor == MSGSLOT_CURSOR_OF_NONE);
}

long long msgslot_clear_channel(struct msgslot_slot *slot, struct msgslot_channel *channel,
				bool conditional, u64 expected)
{
	struct msgslot_log_rest rest;
	int err = msgslot_log_clear(&channel->log, &slot->rules, conditional, expected, &rest);

	if (err)
		return err;
	clear_tell(slot, channel, &rest);
	/* This takes its time, and no other call waits for it. */
	msgslot_log_rest_free(&rest, &slot->spares);
	msgslot_tied_leases_free_void(slot, channel);
	return rest.messages;
}

int msgslot_clear(struct msgslot_slot *slot, u32 id, struct msgslot_share *share, bool conditional,
		  u64 expected, u64 *messages)
{
	struct msgslot_channel *channel;
	struct msgslot_holder holder;
	long long cleared;

	*messages = 0;
	channel = msgslot_channel_find(&slot->channels, id, share, &holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	if (!channel)
		return conditional && expected ? -ESTALE : 0;
	cleared = msgslot_clear_channel(slot, channel, conditional, expected);
	msgslot_channel_unhold(&slot->channels, channel, &holder);
	if (cleared < 0)
		return cleared;
	*messages = cleared;
	return 0;
}
