/* SPDX-License-Identifier: GPL-2.0-only */
/* MSGSLOT_CLEAR: all messages of a channel go. */
#ifndef MSGSLOT_CLEAR_H
#define MSGSLOT_CLEAR_H

#include <linux/types.h>

struct msgslot_channel;
struct msgslot_share;
struct msgslot_slot;

/*
 * Takes all messages from the channel @id, if @conditional only if the newest is @expected (0:
 * there is none), and wakes writers: 0, with how many there were in *@messages; or -ESTALE,
 * -ENODEV.
 */
int msgslot_clear(struct msgslot_slot *slot, u32 id, struct msgslot_share *share, bool conditional,
		  u64 expected, u64 *messages);

/* The same in @channel, which the caller holds: how many there were; or -ESTALE. */
long long msgslot_clear_channel(struct msgslot_slot *slot, struct msgslot_channel *channel,
				bool conditional, u64 expected);

#endif /* MSGSLOT_CLEAR_H */
