/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: a log inside a slot, named by a 32-bit id.
 *
 * Channels are found by id in a red-black tree of the slot: 24 bytes a channel whatever the ids,
 * walked in order of ids, and nothing that could fail or sleep when a channel comes or goes.
 *
 * A channel is held by every open file that has it selected.  It lives until nobody holds it and it
 * has no message; then it is forgotten, and only the highest sequence it used stays with the slot.
 * So messages outlive every process, and selecting ids is no way to eat the kernel.
 *
 * Reading and writing take no hold: they find the file's channel by RCU.  Should another thread
 * select meanwhile and the channel be forgotten, a reader finds an empty log, which is a true
 * answer, and a writer finds the log dead, and looks again which channel the file has now.
 *
 * Waiting
 * -------
 * Whoever polls sleeps in the wait queue of his open file (file.h), for a channel can be forgotten
 * while epoll still holds the queue.  The file hangs one relay in its channel's queue; a wake-up of
 * the channel goes through the relays to the files.  A wake-up cannot be missed:
 *
 *	poll					write
 *	enter the file's queue			place the message
 *	hang the relay				smp_mb()
 *	smp_mb()				anyone in the channel's queue?  in the file's?
 *	is there a message?
 *
 * Either the writer sees the sleeper, or the sleeper sees the message.
 */
#ifndef MSGSLOT_CHANNEL_H
#define MSGSLOT_CHANNEL_H

#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "log.h"

struct msgslot_slot;

/**
 * struct msgslot_mode - what a mode means
 * @name: as users write it
 * @depth: messages a log keeps, unless set
 * @depth_max: the most that may be set
 * @max_message: longest message in bytes, unless set
 * @max_bytes: memory of a slot, unless set
 * @max_channels: channels of a slot, unless set
 */
struct msgslot_mode {
	const char *name;
	u32 depth;
	u32 depth_max;
	u32 max_message;
	u64 max_bytes;
	u32 max_channels;
};

/* The mode called @name, which may end in a newline; or NULL. */
const struct msgslot_mode *msgslot_mode_find(const char *name);

/**
 * struct msgslot_channel - a channel
 * @node: in the slot's tree, empty when it was taken out; under the slot's lock
 * @id: never changes
 * @holds: of open files and calls under way; under the slot's lock
 * @share: who is charged for the channel
 * @wait: relays of the files that poll; has its own lock
 * @log: the messages; has its own lock
 * @rcu: found by RCU through msgslot_file.channel
 */
struct msgslot_channel {
	struct rb_node node;
	u32 id;
	u32 holds;
	struct msgslot_share *share;
	wait_queue_head_t wait;
	struct msgslot_log log;
	struct rcu_head rcu;
};

/*
 * The channel @id of the payer's slot with a hold for the caller, made if there is none.
 * ERR_PTR: -ENODEV, -ENOSPC, -EDQUOT, -ENOMEM.
 */
struct msgslot_channel *msgslot_channel_hold(struct msgslot_slot *slot, u32 id,
					     const struct msgslot_payer *payer);
/* Gives a hold back; the last one forgets an empty channel.  Takes NULL. */
void msgslot_channel_unhold(struct msgslot_slot *slot, struct msgslot_channel *channel);

/* Makes the log of a file's channel ready for a first message; -ESTALE: look at the file again. */
int msgslot_channel_grow(struct msgslot_slot *slot, struct msgslot_channel __rcu **where,
			 const struct msgslot_payer *payer);

/* Takes all channels of a slot that is gone, wakes who waits there, frees the messages.  Sleeps. */
void msgslot_channel_kill_all(struct msgslot_slot *slot);

/* Tells pollers in @queue that @events came; after the event, outside of locks. */
static inline void msgslot_wake(wait_queue_head_t *queue, __poll_t events)
{
	/* The barrier of the right column above is in here. */
	if (wq_has_sleeper(queue))
		wake_up_poll(queue, events);
}

#endif /* MSGSLOT_CHANNEL_H */
