/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The channels of a slot: logs, each named by a 32-bit id.
 *
 * A red-black tree finds a channel by its id.  A channel costs the tree 24 bytes whatever the ids
 * are, the tree is walked in the order of ids, and nothing can fail or sleep when a channel comes
 * or goes.
 *
 * A channel has holders: each open file that has it selected, each mapping, and each call that
 * needs it while it sleeps.  It lives until it has no holder and no message, also none that a file
 * has leased.  Then it is forgotten, and only the highest sequence it used stays, in @floor.  So
 * messages outlive every process, and selecting many ids does not exhaust kernel memory.
 *
 * A reader or writer that does not sleep is no holder: it finds the file's channel, or where files
 * listen the one that MSGSLOT_SEND names, by RCU.  If that is forgotten meanwhile, a reader finds
 * an empty log, which is true, and a writer finds the log dead and becomes a holder of the channel
 * that it means.  A call that must sleep becomes a holder first, and stays with that channel.
 *
 * A reader that is no holder may take the last message just as the last file that has the channel
 * selected selects another.  Either may be the one that leaves it empty and without holder:
 *
 *	select, on the same file		read
 *	generation + 1				take the message (log.lock)
 *	remove the holder			is generation as it was?
 *	  is the log empty (log.lock)?  forget	no: forget, if there is no holder (channels.lock)
 *
 * If the select finds the message, the read sees the new generation; otherwise the log is empty.
 *
 * A channel is charged to one of its holders, and moves to another when that one leaves.  Without a
 * holder it is charged to a user with a message in it (log.h).
 *
 * Modelled in tests/model/lease.pml, wait.pml.
 */
#ifndef MSGSLOT_CHANNEL_H
#define MSGSLOT_CHANNEL_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "account.h"
#include "feed.h"
#include "log.h"
#include "trace.h"
#include "wait.h"

struct msgslot_walk_detail;

/**
 * struct msgslot_channels - the channels of a slot
 * @lock: guards all of this, and the holders of each channel
 * @tree: the channels by id
 * @floor: the highest sequence of all channels that were forgotten
 * @slot: the minor of the slot; never changes
 * @gone: the slot was destroyed: there are no channels any more; set once under @lock, read
 *	anywhere
 * @feed: tells listeners which of them have something new; has its own lock
 */
struct msgslot_channels {
	spinlock_t lock;
	struct rb_root tree;
	u64 floor;
	u32 slot;
	bool gone;
	struct msgslot_feed feed;
};

/**
 * struct msgslot_holder - what keeps a channel: a file that has it selected, a mapping, or a call
 *	under way
 * @node: in the channel's @holders; under the lock of the channels
 * @share: of the user, which lives as long as the holder
 */
struct msgslot_holder {
	struct hlist_node node;
	struct msgslot_share *share;
};

/**
 * struct msgslot_channel - a channel
 * @node: in the tree, empty when it was taken out; under the lock of the channels
 * @slot: the minor of its slot, for tracers; never changes
 * @forgotten: it is freed once no RCU section knows it; set once, under the lock of the channels
 * @holds: number of holders; under the lock of the channels
 * @holders: the holders; under the lock of the channels
 * @waiters: each queue has its own lock
 * @log: the messages; has its own lock
 *
 * Found by RCU through msgslot_file.channel and by msgslot_channel_lookup().  A slot has many: so
 * this is as large as the allocator's memory for it, 192 bytes on a 64-bit machine.
 */
struct msgslot_channel {
	struct rb_node node;
	u16 slot;
	bool forgotten;
	u32 holds;
	struct hlist_head holders;
	struct msgslot_waiters waiters;
	struct msgslot_log log;
};

void msgslot_channels_init(struct msgslot_channels *channels, u32 slot);
/* No channel comes any more. */
void msgslot_channels_close(struct msgslot_channels *channels);
/*
 * After msgslot_channels_close(): ends all channels and wakes all waiters.  Returns the messages
 * lost.  Sleeps.
 */
u64 msgslot_channels_kill(struct msgslot_channels *channels, struct msgslot_spares *spares);

/*
 * Lists the channels from *@from on, at most @count of them; returns how many.  *@from becomes the
 * id to go on from.  @depth: of the slot.
 */
u32 msgslot_channels_walk(struct msgslot_channels *channels, u32 depth, u64 *from,
			  struct msgslot_walk_detail *entries, u32 count);

/*
 * The channel @id, which @holder holds then; made and charged to @payer if there is none.
 * ERR_PTR: -ENODEV, -ENOSPC, -EDQUOT, -ENOMEM.
 */
struct msgslot_channel *msgslot_channel_hold(struct msgslot_channels *channels, u32 id,
					     const struct msgslot_payer *payer,
					     struct msgslot_holder *holder);
/* The channel @id, which @holder holds then; NULL if there is none; or ERR_PTR(-ENODEV). */
struct msgslot_channel *msgslot_channel_find(struct msgslot_channels *channels, u32 id,
					     struct msgslot_share *share,
					     struct msgslot_holder *holder);
/*
 * The channel with the lowest id from @first to @last, or NULL; in an RCU section, in which it may
 * be forgotten, but is not freed.
 */
struct msgslot_channel *msgslot_channel_lookup(struct msgslot_channels *channels, u32 first,
					       u32 last);
/* The feed knows each channel that has a message: 0, or -EINTR by a signal that kills. */
int msgslot_channels_note_logs(struct msgslot_channels *channels);
/* @holder holds @channel, too, which has another holder. */
void msgslot_channel_hold_again(struct msgslot_channels *channels, struct msgslot_channel *channel,
				struct msgslot_share *share, struct msgslot_holder *holder);
/* @holder holds @channel no longer.  An empty channel that loses its last holder is forgotten. */
void msgslot_channel_unhold(struct msgslot_channels *channels, struct msgslot_channel *channel,
			    struct msgslot_holder *holder);
/* @heir holds @to in place of @holder; and no longer @from, if that is not NULL. */
void msgslot_channel_pass_hold(struct msgslot_channels *channels, struct msgslot_holder *heir,
			       struct msgslot_channel *from, struct msgslot_channel *to,
			       struct msgslot_holder *holder);
/*
 * For a call that is no holder and took a message, in the RCU section it found @channel in: forgets
 * the channel if it has no holder and no message.
 */
void msgslot_channel_forget(struct msgslot_channels *channels, struct msgslot_channel *channel);

void msgslot_channel_trace_wake(const struct msgslot_channel *channel, bool writers);

/* Wakes readers of @channel after a message came: all that are not exclusive, and one that is. */
static inline void msgslot_channel_wake_reader(struct msgslot_channel *channel)
{
	wait_queue_head_t *readers = &channel->waiters.readers;

	if (!wq_has_sleeper(readers))
		return;
	if (unlikely(trace_msgslot_wake_enabled()))
		msgslot_channel_trace_wake(channel, false);
	__wake_up(readers, TASK_NORMAL, 1, poll_to_key(MSGSLOT_EVENTS_READABLE));
}

/* Wakes writers of @channel after there is space: @count of those asleep in a call, or all (0). */
static inline void msgslot_channel_wake_writers(struct msgslot_channel *channel, u32 count)
{
	wait_queue_head_t *writers = &channel->waiters.writers;

	if (!wq_has_sleeper(writers))
		return;
	if (unlikely(trace_msgslot_wake_enabled()))
		msgslot_channel_trace_wake(channel, true);
	__wake_up(writers, TASK_NORMAL, count, poll_to_key(MSGSLOT_EVENTS_WRITABLE));
}

/*
 * After a cursor in @channel moved: wakes writers for the space, where one asked: @count of them,
 * or all (0).
 */
static inline void msgslot_channel_tell_space(struct msgslot_channel *channel,
					      const struct msgslot_rules *rules, u32 count)
{
	if (msgslot_log_take_wake_request(&channel->log, rules))
		msgslot_channel_wake_writers(channel, count);
}

#endif /* MSGSLOT_CHANNEL_H */
