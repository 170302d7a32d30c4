/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that listens to a range of channels (MSGSLOT_LISTEN), and where it is there (range.h).
 *
 * Several threads may receive by one file.  Each works on a copy of the position, and moves the
 * listener at the end only if no other did.
 *
 * Modelled in tests/model/feed.pml.
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
#include "range.h"
#include "wait.h"

/**
 * struct msgslot_listener - a file that listens
 * @range: which channels
 * @member: as the feed knows it
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
	struct msgslot_range range;
	struct msgslot_feed_member member;
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

/**
 * struct msgslot_next - the message that comes next for a listener, in the usual case
 * @channel: its channel
 * @sequence: its number; 0: the oldest of the channel
 * @lost: messages that are gone
 * @moves: of the listener, as it was looked for
 * @next: in the feed, once the message is received
 * @told: a time, likewise
 */
struct msgslot_next {
	struct msgslot_channel *channel;
	u64 sequence;
	u64 lost;
	u64 moves;
	u64 next;
	u64 told;
};

/*
 * Looks for the next message: as msgslot_range_peek(), so msgslot_range_begin_look() precedes it;
 * -EIDRM: the file does not listen any more.  What was skipped is behind the listener then.
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
 * errors as of msgslot_wait_message().  @takes: a message wakes one such call, which answers for
 * that message: *@woken_for becomes its channel, or -1.
 */
int msgslot_listener_wait(struct msgslot_listener *listener, const struct msgslot_found *found,
			  bool takes, const struct msgslot_deadline *deadline, s64 *woken_for);
/* A call that was woken for channel @id does not receive from it, or not yet: the next is woken. */
void msgslot_listener_wake_next(struct msgslot_listener *listener, u32 id);

/* ---- the usual case, in an RCU section, which keeps the channel ------------------------------ */

/*
 * Looks for the next message, a short one, for which nothing is skipped: 0; -EAGAIN: there is none,
 * and no loss to be told; -ESTALE: it is not the usual case.
 */
int msgslot_listener_peek_fast(struct msgslot_listener *listener, struct msgslot_next *next,
			       struct msgslot_peek *peek);
/*
 * The listener moves behind the message, which was found and, of a queue, taken: whether it was
 * still where it was looked for.
 */
bool msgslot_listener_move_fast(struct msgslot_listener *listener, const struct msgslot_next *next);
/* Whether there is a message; -ESTALE: it is not the usual case. */
int msgslot_listener_is_readable_fast(struct msgslot_listener *listener);

#endif /* MSGSLOT_LISTENER_H */
