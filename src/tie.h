/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an open file holds in channels, and what goes back when the file ends: messages of queues
 * that it has leased (tied_lease.h), and values in `last` that stay only as long as the file does
 * (tied_value.h).
 *
 * While there is a tie its channel is not forgotten.  Only one of those that end a tie gets it:
 * under the lock of the log it is taken off its file's list, with the lock of that list inside, and
 * in the same step the log has it no longer.
 *
 * A file that ends finds the first of its ties under the lock of the list, and takes the lock of
 * its log then.  The tie may have been freed meanwhile, but, in an RCU section, not the memory of
 * its channel: so the file looks again whether its first tie is of this channel.
 *
 * Lock order: msgslot_log.lock, then msgslot_ties.lock or msgslot_feed.lock.
 */
#ifndef MSGSLOT_TIE_H
#define MSGSLOT_TIE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "channel.h"

struct msgslot_tied_lease;

/**
 * struct msgslot_ties - the ties of a file
 * @lock: guards the rest
 * @list: in the order in which they were made
 * @count: how many; changed under @lock, read anywhere
 * @used: there was one
 * @spare: for the next lease, charged as those are, without a message; or NULL; taken and given by
 *	xchg()
 *
 * Those that clear a channel find it by RCU through a tie.
 */
struct msgslot_ties {
	spinlock_t lock;
	struct list_head list;
	u32 count;
	bool used;
	struct msgslot_tied_lease *spare;
};

/**
 * struct msgslot_tie - what a file holds in a channel
 * @ties: of the file
 * @node: in @ties
 * @channel: that
 */
struct msgslot_tie {
	struct msgslot_ties *ties;
	struct list_head node;
	struct msgslot_channel *channel;
};

/**
 * struct msgslot_message_name - which message a tie is for
 * @channel: the id of its channel
 * @sequence: its number
 */
struct msgslot_message_name {
	u32 channel;
	u64 sequence;
};

void msgslot_ties_init(struct msgslot_ties *ties);

/* @tie in @channel is the file's.  Under the lock of the log. */
static inline void msgslot_tie_link_locked(struct msgslot_tie *tie, struct msgslot_ties *ties,
					   struct msgslot_channel *channel)
{
	lockdep_assert_held(&channel->log.lock);
	tie->ties = ties;
	tie->channel = channel;
	spin_lock(&ties->lock);
	list_add_tail(&tie->node, &ties->list);
	ties->used = true;
	WRITE_ONCE(ties->count, ties->count + 1);
	spin_unlock(&ties->lock);
}

/* The file has @tie no longer.  Likewise. */
static inline void msgslot_tie_unlink_locked(struct msgslot_tie *tie)
{
	struct msgslot_ties *ties = tie->ties;

	lockdep_assert_held(&tie->channel->log.lock);
	spin_lock(&ties->lock);
	list_del(&tie->node);
	WRITE_ONCE(ties->count, ties->count - 1);
	spin_unlock(&ties->lock);
}

/* Where the first tie of the file is, or NULL; in an RCU section. */
struct msgslot_channel *msgslot_ties_first_channel(struct msgslot_ties *ties);
/* The first tie of the file, for the caller to end, if it still is in @channel; else NULL. */
struct msgslot_tie *msgslot_ties_first_locked(struct msgslot_ties *ties,
					      const struct msgslot_channel *channel);

#endif /* MSGSLOT_TIE_H */
