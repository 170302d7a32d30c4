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
 * Reading and writing take no hold as long as they do not sleep: they find the file's channel by RCU.
 * Should another thread select meanwhile and the channel be forgotten, a reader finds an empty log,
 * which is a true answer, and a writer finds the log dead, and looks again which channel the file
 * has now.  Who must sleep takes a hold first, and keeps the channel he began on.
 *
 * A reader without a hold may take a channel's last message just as the last file that had the
 * channel selected goes elsewhere, so either may be the one that leaves it empty and not held:
 *
 *	select, on the same file		read
 *	generation + 1				take the message (log.lock)
 *	give the hold back			is generation as it was?
 *	  is the log empty (log.lock)?  forget	no: forget, if no file holds it (slot.lock)
 *
 * If the select finds the message, the read sees the new generation; else the log is empty.
 */
#ifndef MSGSLOT_CHANNEL_H
#define MSGSLOT_CHANNEL_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "log.h"
#include "wait.h"

struct msgslot_slot;

/**
 * struct msgslot_channel - a channel
 * @node: in the slot's tree, empty when it was taken out; under the slot's lock
 * @id: never changes
 * @holds: how many hold it; under the slot's lock
 * @holders: those; under the slot's lock
 * @waiters: of the channel; each queue has its own lock
 * @log: the messages; has its own lock
 * @rcu: found by RCU through msgslot_file.channel
 */
struct msgslot_channel {
	struct rb_node node;
	u32 id;
	u32 holds;
	struct hlist_head holders;
	struct msgslot_waiters waiters;
	struct msgslot_log log;
	struct rcu_head rcu;
};

/*
 * The channel @id of the payer's slot, held by @holder, made if there is none.
 * ERR_PTR: -ENODEV, -ENOSPC, -EDQUOT, -ENOMEM.
 */
struct msgslot_channel *msgslot_channel_hold(struct msgslot_slot *slot, u32 id,
					     const struct msgslot_payer *payer,
					     struct msgslot_holder *holder);
/* @holder holds @channel no longer; with the last one an empty channel is forgotten. */
void msgslot_channel_unhold(struct msgslot_slot *slot, struct msgslot_channel *channel,
			    struct msgslot_holder *holder);
/* @heir holds @to instead of @holder; and no longer @from, if that is not NULL. */
void msgslot_channel_pass_hold(struct msgslot_slot *slot, struct msgslot_holder *heir,
			       struct msgslot_channel *from, struct msgslot_channel *to,
			       struct msgslot_holder *holder);

/*
 * For a caller that took a message without a hold, in the RCU section it found @channel in: forgets the
 * channel if no file holds it any more and that was its last message.
 */
void msgslot_channel_forget(struct msgslot_slot *slot, struct msgslot_channel *channel);

/* The channel @id of @slot, held by @holder; NULL if there is none; or ERR_PTR(-ENODEV). */
struct msgslot_channel *msgslot_channel_find(struct msgslot_slot *slot, u32 id,
					     struct msgslot_share *share,
					     struct msgslot_holder *holder);
/* A channel that is held is held by @holder, too. */
void msgslot_channel_hold_again(struct msgslot_slot *slot, struct msgslot_channel *channel,
				struct msgslot_share *share, struct msgslot_holder *holder);

/*
 * Takes all messages of the channel @id, if @conditional only if the newest is @expected (0: there
 * is none), and wakes who waits for room: 0, with how many in @messages, or -ESTALE, -ENODEV.
 */
int msgslot_channel_clear(struct msgslot_slot *slot, u32 id, struct msgslot_share *share,
			  bool conditional, u64 expected, u64 *messages);

/* The channels from *@from on, at most @count of them: how many; *@from is where to go on. */
u32 msgslot_channel_walk(struct msgslot_slot *slot, u64 *from, struct msgslot_walk_entry *entries,
			 u32 count);

/* After a cursor in @channel moved: wakes writers for the space, where one asked: one of them, or @all. */
static inline void msgslot_channel_wake_writers(struct msgslot_channel *channel,
						const struct msgslot_rules *rules, bool all)
{
	msgslot_waiters_wake_writers(&channel->waiters, &channel->log, rules, all);
}

/* Takes all channels of a slot that is gone, wakes who waits there, frees the messages.  Sleeps. */
void msgslot_channel_kill_all(struct msgslot_slot *slot);

#endif /* MSGSLOT_CHANNEL_H */
