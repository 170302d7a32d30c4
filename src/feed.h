/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The feed of a slot: which of its channels has something new, for files that listen to a range of
 * channels (listener.h).  It costs nothing while no file listens.
 *
 * Where a message leaves the log only for a newer one, a listener wants news: each message that is
 * placed adds an entry to a ring of the last @depth, with the channel, the sequence and the time.
 * A listener is a position in it.  Where messages are taken, a listener wants state: a tree has the
 * logs that have a message.
 *
 * The time of a message is its position
 * -------------------------------------
 * While there are listeners a message is placed with the time that its entry got under the feed's
 * lock, which rises from entry to entry.  So one number tells for any message that is kept, of
 * whatever channel, whether a listener had it from the feed, will have it, or has to look for it
 * in the logs.  A cell needs nothing besides.
 *
 * An entry is added before its message is stored, both under the log's lock.  A listener that finds
 * an entry and no message yet takes that lock once, and finds the message then.
 *
 * On and off
 * ----------
 *	writer (RCU section)			first listener
 *	does a file listen?			one does
 *	no: place the message			wait for a grace period
 *						look at the logs
 *
 * Each message that was placed without the feed was placed before the look.
 *
 * Waking
 * ------
 * A listener that sleeps, or is polled, stands in an interval tree.  A message finds those that
 * listen to its channel, and no others; the lock is held for one at a time.
 *
 *	listener				writer
 *	enter the tree (feed.lock)		add the entry (feed.lock)
 *	is there an entry (feed.lock)?		is a listener in the tree (feed.lock)?  wake
 *
 * @polls: all of them are woken, without the lock, and then leave the tree, unless they came again
 * meanwhile.  In that order: a writer that is preempted between the two keeps no other writer from
 * waking them.  Those that enter the tree after the wake-up began find the message themselves: they
 * are passed by, or others could hold the writer for ever with new ones.
 *
 * @calls: a message in a queue wakes one, under the lock: so the one that is found still sleeps.
 * It learns for which channel it was woken, and answers for that: if it receives from another
 * channel, or nothing, it wakes the next for what is there.  A waiter is in the tree as long as a
 * call sleeps in its queue: the last one that leaves, or the message that wakes it, takes it out.
 *
 * Modelled in tests/model/feed.pml.
 */
#ifndef MSGSLOT_FEED_H
#define MSGSLOT_FEED_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "account.h"
#include "audience.h"
#include "log.h"

/**
 * struct msgslot_feed_entry - a message that was placed
 * @time: of the message; rises from entry to entry
 * @sequence: of the message
 * @channel: its id
 */
struct msgslot_feed_entry {
	u64 time;
	u64 sequence;
	u32 channel;
};

/**
 * struct msgslot_feed_ring - the last entries
 * @depth: their number, a power of two
 * @size: of all in bytes, as charged
 * @entries: number N is in N mod depth
 */
struct msgslot_feed_ring {
	u32 depth;
	size_t size;
	struct msgslot_feed_entry entries[];
};

/**
 * struct msgslot_feed_waiter - a listener as it waits
 * @node: in a tree of the feed, or empty
 * @first: of the range
 * @last: of the range
 * @subtree_last: the highest @last in the tree below this node
 * @closed: the listener ended
 * @armed: how often it was to be woken
 * @turn: of its coming into the tree
 * @queue: the wait queue; lives as long as any RCU section that found the waiter
 */
struct msgslot_feed_waiter {
	struct rb_node node;
	u32 first;
	u32 last;
	u32 subtree_last;
	bool closed;
	u32 armed;
	u64 turn;
	wait_queue_head_t *queue;
};

/**
 * struct msgslot_feed_key - what a call in the queue of a waiter in @calls is woken with
 * @channel: where there is a message
 * @woken: the call that is woken sets it
 */
struct msgslot_feed_key {
	u32 channel;
	bool woken;
};

/**
 * struct msgslot_feed_member - a listener as the feed knows it
 * @node: in the feed's @members
 * @share: of its user, which lives as long as the listener
 * @range: what it listens to, in the feed's @audience
 */
struct msgslot_feed_member {
	struct hlist_node node;
	struct msgslot_share *share;
	struct msgslot_audience_range range;
};

/**
 * struct msgslot_feed - the feed of a slot
 * @lock: guards all that follows
 * @members: the listeners
 * @audience: their ranges
 * @listeners: their number; changed under @lock, read anywhere
 * @on: it is not 0; of its own, as testing a byte costs each write an instruction less
 * @closed: the slot is gone: no waiter is to be woken any more
 * @epoch: how often the first listener came
 * @settled: the epoch in which every message that was placed without the feed has been found
 * @depth: entries of the next ring, a power of two
 * @ring: the news; NULL where there is no listener, or there is a state
 * @share: of the listener that is charged for @ring
 * @next: number of the entry to come
 * @time: of the newest entry, or later; changed under @lock, read anywhere
 * @cleared: the same when a channel was last cleared; likewise
 * @ready: the logs that have a message, by the channel's id
 * @turns: how often a waiter entered a tree
 * @polls: listeners that are polled, or sleep in a call that takes nothing
 * @calls: listeners that sleep in a call that takes a message
 *
 * Lock order: after msgslot_log.lock, before msgslot_account.lock.
 */
struct msgslot_feed {
	spinlock_t lock;
	struct hlist_head members;
	struct rb_root audience;
	u32 listeners;
	bool on;
	bool closed;
	u64 epoch;
	u64 settled;
	u32 depth;
	struct msgslot_feed_ring *ring;
	struct msgslot_share *share;
	u64 next;
	u64 time;
	u64 cleared;
	struct rb_root ready;
	u64 turns;
	struct rb_root_cached polls;
	struct rb_root_cached calls;
};

/* Which trees of waiters are not empty. */
#define MSGSLOT_FEED_POLLS 1
#define MSGSLOT_FEED_CALLS 2

void msgslot_feed_init(struct msgslot_feed *feed);
/* Entries of the next ring, from the next first listener on: at least 1, a power of two is made. */
void msgslot_feed_set_depth(struct msgslot_feed *feed, u32 depth);

/* ---- for placing and taking ------------------------------------------------------------------ */

/* Whether a file may listen; in the RCU section in which a message is placed. */
static __always_inline bool msgslot_feed_is_on(const struct msgslot_feed *feed)
{
	/* Any value will do: the first listener waits until those that saw none have placed. */
	return data_race(feed->on);
}

/* @log has a message, and the feed is a state.  Under both locks. */
void msgslot_feed_insert_ready_locked(struct msgslot_feed *feed, struct msgslot_log *log);
/*
 * Message @sequence is about to be stored in @log, whose lock is held; the one in @leaving, if that
 * is not NULL, goes for it.  Returns the time that it is to have; *@wake: which listeners may
 * sleep, for msgslot_feed_wake(), which the caller is to call afterwards, without the lock.
 */
static __always_inline u64 msgslot_feed_add_locked(struct msgslot_feed *feed,
						   struct msgslot_log *log,
						   const struct msgslot_cell *leaving, u64 sequence,
						   unsigned int *wake)
{
	u64 time = ktime_get_boottime_ns();
	struct msgslot_feed_entry *entry;

	lockdep_assert_held(&log->lock);
	spin_lock(&feed->lock);
	if (feed->ring) {
		time = max(time, feed->time + 1);
		WRITE_ONCE(feed->time, time);
		entry = &feed->ring->entries[feed->next++ & (feed->ring->depth - 1)];
		entry->time = time;
		entry->sequence = sequence;
		entry->channel = log->id;
		if (leaving)
			log->dropped = leaving->time;
	} else if (feed->listeners) {
		msgslot_feed_insert_ready_locked(feed, log);
	}
	/* If the first listener comes later, it waits until this message is there, and finds it. */
	*wake = (RB_EMPTY_ROOT(&feed->polls.rb_root) ? 0 : MSGSLOT_FEED_POLLS) |
		(RB_EMPTY_ROOT(&feed->calls.rb_root) ? 0 : MSGSLOT_FEED_CALLS);
	spin_unlock(&feed->lock);
	return time;
}

/*
 * Wakes listeners to channel @id: with MSGSLOT_FEED_POLLS in @wake those in @polls, with
 * MSGSLOT_FEED_CALLS one call of those in @calls.  In an RCU section.
 */
void msgslot_feed_wake(struct msgslot_feed *feed, u32 id, unsigned int wake);
/* Only such a call.  In an RCU section. */
void msgslot_feed_wake_call(struct msgslot_feed *feed, u32 id);
/* Wakes all listeners: the slot is gone, which those that come later see.  Sleeps. */
void msgslot_feed_wake_all(struct msgslot_feed *feed);
/*
 * After a message was taken from @log, and before a dead log is freed: where none is left the state
 * says so.
 */
void msgslot_feed_settle_log(struct msgslot_feed *feed, struct msgslot_log *log);
/* The same under the log's lock. */
void msgslot_feed_settle_log_locked(struct msgslot_feed *feed, struct msgslot_log *log);
/* After all messages of @log were cleared. */
void msgslot_feed_note_clear(struct msgslot_feed *feed, struct msgslot_log *log);

/* ---- for listeners --------------------------------------------------------------------------- */

/* How many listen to channel @id. */
u32 msgslot_feed_count_listeners(struct msgslot_feed *feed, u32 id);
/*
 * @member listens to its range; with @rules, the feed is news or a state: 0, with the epoch in
 * *@epoch; -EDQUOT, -ENOSPC, -ENOMEM, -ERESTARTSYS.  Sleeps.
 */
int msgslot_feed_join(struct msgslot_feed *feed, struct msgslot_feed_member *member,
		      const struct msgslot_rules *rules, const struct msgslot_payer *payer,
		      u64 *epoch);
void msgslot_feed_part(struct msgslot_feed *feed, struct msgslot_feed_member *member);
/* Whether all logs are known in this epoch.  If not, the caller finds them, and says so. */
bool msgslot_feed_is_settled(struct msgslot_feed *feed, u64 epoch);
void msgslot_feed_set_settled(struct msgslot_feed *feed, u64 epoch);
/* Where a listener begins: at the end, *@next; all messages placed before have at most *@time. */
void msgslot_feed_get_end(struct msgslot_feed *feed, u64 *next, u64 *time);
/* @log, which may have a message, is known from now on.  Under the log's lock. */
void msgslot_feed_note_log_locked(struct msgslot_feed *feed, struct msgslot_log *log);

/*
 * The next entry from *@position on of a channel @first to @last: 0; -EAGAIN: there is none;
 * -ENOBUFS: entries are gone; 1: call again.  *@position is behind what was looked at, and *@time
 * the time of that.
 */
int msgslot_feed_read(struct msgslot_feed *feed, u32 first, u32 last, u64 *position, u64 *time,
		      struct msgslot_feed_entry *entry);
/*
 * Whether the message of @entry, which was read just now, may have been cleared.  If not, it is
 * kept, or has gone for a newer one in its channel.
 */
static inline bool msgslot_feed_may_be_cleared(const struct msgslot_feed *feed,
					       const struct msgslot_feed_entry *entry)
{
	return entry->time <= READ_ONCE(feed->cleared);
}

/*
 * The log with the lowest id from @first to @last that has a message, or NULL.  In an RCU section.
 */
struct msgslot_log *msgslot_feed_find_ready(struct msgslot_feed *feed, u32 first, u32 last);

/* @waiter is to be woken, once; @tree is &feed->polls or &feed->calls. */
void msgslot_feed_add_waiter(struct msgslot_feed *feed, struct rb_root_cached *tree,
			     struct msgslot_feed_waiter *waiter);
/* @entry leaves the queue of @waiter, which is not to be woken any more if it was the last. */
void msgslot_feed_finish_wait(struct msgslot_feed *feed, struct rb_root_cached *tree,
			      struct msgslot_feed_waiter *waiter, struct wait_queue_entry *entry);
/* Not any more, and never again. */
void msgslot_feed_close_waiter(struct msgslot_feed *feed, struct rb_root_cached *tree,
			       struct msgslot_feed_waiter *waiter);

#endif /* MSGSLOT_FEED_H */
