/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that listens to a range of channels (MSGSLOT_LISTEN): which message it is to receive next.
 *
 * Where the feed is a state, that is the head of the next channel that has a message, round by id,
 * or always of the lowest.
 *
 * Where the feed is news, a listener is a position in it, and walks its range by id where the feed
 * does not tell: in `last` once at the beginning, for what is there already; and after an overrun,
 * for what is kept of the messages whose entries are gone:
 *
 *	next			the next entry
 *	told			messages up to this time were told, or lost
 *	walk			the channel to be looked at, if there is a walk
 *	left			the messages of that channel that are left to be told
 *	until			the walk tells messages up to this time; the feed has the others,
 *				from position on
 *
 * Entries that are lost during a walk start the next one after it, never the same one again: so it
 * ends, and a listener always gets to the newest message of each channel.
 *
 * Several threads may receive by one file.  Each works on a copy of the position, and moves the
 * listener at the end only if no other did.
 */
#ifndef MSGSLOT_LISTENER_H
#define MSGSLOT_LISTENER_H

#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "account.h"
#include "feed.h"
#include "peek.h"
#include "slot.h"
#include "wait.h"

/**
 * struct msgslot_position - where a listener is; see above
 * @next: in the feed
 * @told: a time
 * @walk: a channel; above the range: there is no walk
 * @left: messages of that channel; empty at 0: not looked at yet
 * @until: a time
 * @lost: messages that are gone, at least
 * @lost_told: how many of them read() told
 * @lost_seen: how many of them poll() does not report
 * @round: the channel to begin with, where the feed is a state
 */
struct msgslot_position {
	u64 next;
	u64 told;
	u64 walk;
	struct msgslot_log_range left;
	u64 until;
	u64 lost;
	u64 lost_told;
	u64 lost_seen;
	u32 round;
};

/**
 * struct msgslot_listener - a file that listens
 * @slot: which the file references
 * @member: as the feed knows it
 * @first: of the range
 * @last: of the range
 * @lowest: always the lowest channel first
 * @refs: one of the file, and one of each call that uses it
 * @lock: guards @ended, @position and @moves
 * @ended: the file does not listen any more
 * @position: where it is
 * @moves: how often that changed
 * @calls: calls that sleep, and take a message
 * @waiting: the same, for the feed
 * @polled: the file's queue, for the feed
 * @rcu: found by RCU through the file, and by those that wake it
 */
struct msgslot_listener {
	struct msgslot_slot *slot;
	struct msgslot_feed_member member;
	u32 first;
	u32 last;
	bool lowest;
	refcount_t refs;
	spinlock_t lock;
	bool ended;
	struct msgslot_position position;
	u64 moves;
	wait_queue_head_t calls;
	struct msgslot_feed_waiter waiting;
	struct msgslot_feed_waiter polled;
	struct rcu_head rcu;
};

/**
 * struct msgslot_found - the message that a listener is to receive
 * @channel: its id
 * @moves: of the listener, as it was looked for
 * @before: where the listener is before it; all that was skipped is behind
 * @after: where it is once the message is received
 */
struct msgslot_found {
	u32 channel;
	u64 moves;
	struct msgslot_position before;
	struct msgslot_position after;
};

/*
 * A listener to the channels @first to @last, of a file that processes poll in @queue: with a
 * reference of the file; ERR_PTR: -EDQUOT, -ENOSPC, -ENOMEM, -EINTR, -ERESTARTSYS.  Sleeps.
 */
struct msgslot_listener *msgslot_listener_new(struct msgslot_slot *slot,
					      const struct msgslot_payer *payer,
					      wait_queue_head_t *queue, u32 first, u32 last,
					      bool lowest);
/* The file does not listen any more: calls that sleep are woken.  Puts the reference. */
void msgslot_listener_end(struct msgslot_listener *listener);
/* Takes NULL. */
void msgslot_listener_put(struct msgslot_listener *listener);

/*
 * Looks for the next message: 0, with it in @peek and @found; -EAGAIN: there is none; -EIDRM: the
 * file does not listen any more; 1 to look again.  @peek->inline_buffer is the caller's; @peek->
 * buffer is the caller's to put.
 */
int msgslot_listener_peek(struct msgslot_listener *listener, struct msgslot_found *found,
			  struct msgslot_peek *peek, size_t size);
/*
 * Moves the listener to @position, and counts what is lost by that; whether it was still where
 * @found was looked for.
 */
bool msgslot_listener_move(struct msgslot_listener *listener, const struct msgslot_found *found,
			   const struct msgslot_position *position);
/* Where the listener is polled, it is to be woken. */
void msgslot_listener_poll(struct msgslot_listener *listener);
/* Whether there is a message, or a loss to be told; @length, of the message, may be NULL. */
bool msgslot_listener_is_readable(struct msgslot_listener *listener, u32 *length);
/*
 * Sleeps once, until there may be a message after @found, or the file does not listen any more:
 * errors as of msgslot_wait_message().  @takes: a message wakes one such call.
 */
int msgslot_listener_wait(struct msgslot_listener *listener, const struct msgslot_found *found,
			  bool takes, const struct msgslot_deadline *deadline);
/*
 * A call that slept and takes leaves without a message, or may block on a page: others are woken
 * for what it may have been woken for.
 */
void msgslot_listener_wake_next(struct msgslot_listener *listener);

#endif /* MSGSLOT_LISTENER_H */
