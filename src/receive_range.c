// SPDX-License-Identifier: GPL-2.0-only
/*
 * The usual case of a receive by a listener.  See receive_range.h.
 *
 * All of it is in one RCU section, which keeps the listener and the channel: so the pages that it
 * writes to must be there.  As elsewhere the message is copied first and passed, or taken, last.
 */
#include <linux/rcupdate.h>
#include <linux/uaccess.h>
#include <linux/msgslot.h>

#include "file.h"
#include "listener.h"
#include "receive_fast.h"
#include "receive_range.h"

/* The message, and the result. */
static bool range_copy_out(const struct msgslot_recv *args, struct msgslot_recv __user *user,
			   const struct msgslot_next *next, const struct msgslot_peek *peek)
{
	const u32 channel = next->channel->log.id;
	bool done;

	pagefault_disable();
	done = !copy_to_user(u64_to_user_ptr(args->message), peek->bytes, peek->length) &&
	       receive_put_result(user, &channel, NULL, peek, next->lost);
	pagefault_enable();
	return done;
}

/* Of a queue: receive_take(), in one step with what the feed is told. */
static bool range_take(struct msgslot_file *f, struct msgslot_channel *channel, u64 sequence)
{
	struct msgslot_log *log = &channel->log;
	struct msgslot_buffer *old;
	bool unheld;
	int left;

	spin_lock(&log->lock);
	left = msgslot_cursor_take_locked(log, sequence, 1, false, &old);
	if (left > 0 && left & MSGSLOT_IS_READY)
		msgslot_feed_settle_log_locked(&f->slot->channels.feed, log);
	/* Where the last holder goes only after this, it forgets the channel itself. */
	unheld = log->unheld && msgslot_log_is_empty_locked(log);
	spin_unlock(&log->lock);
	if (left < 0)
		return false;
	left &= ~MSGSLOT_IS_READY;
	if (left || unheld)
		receive_take_end(f, channel, 1, left, unheld);
	this_cpu_dec(f->slot->stats->messages);
	return true;
}

bool receive_range_fast(struct msgslot_file *f, const struct msgslot_recv *args,
			struct msgslot_recv __user *user, size_t *voided)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	struct msgslot_listener *listener;
	struct msgslot_next next;
	bool done = false;

	if (trace_msgslot_receive_enabled() || !args->message)
		return false;
	rcu_read_lock();
	listener = rcu_dereference(f->listener);
	if (!listener || msgslot_listener_peek_fast(listener, &next, &peek) ||
	    peek.length > args->size || msgslot_slot_is_gone(f->slot))
		goto out;
	*voided = max_t(size_t, peek.length, 1);
	if (!range_copy_out(args, user, &next, &peek))
		goto out;
	if (!msgslot_range_is_taken(&listener->range) || range_take(f, next.channel, peek.sequence))
		done = msgslot_listener_move_fast(listener, &next);
	if (done)
		this_cpu_inc(f->slot->stats->received);
out:
	rcu_read_unlock();
	return done;
}
