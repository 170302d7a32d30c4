// SPDX-License-Identifier: GPL-2.0-only
/* The end of an attempt to receive.  See receiver_deliver.h. */
#include <linux/err.h>
#include <linux/uio.h>

#include "log_lease.h"
#include "receiver_deliver.h"
#include "tied_lease.h"

/* The channel of the message, in an RCU section; NULL if it may be another by now. */
static struct msgslot_channel *receiver_channel(const struct receiver *r)
{
	struct msgslot_channel *channel;
	u32 id = r->found.channel;

	if (r->by_range)
		return msgslot_channel_lookup(&r->f->slot->channels, id, id);
	if (r->lookup.held)
		return r->lookup.channel;
	channel = rcu_dereference(r->f->reading);
	return lookup_revalidate(r->f, &r->lookup, channel) ? channel : NULL;
}

/* After a message was taken from @channel: as receive_take_end(). */
static void receiver_take_end(struct receiver *r, struct msgslot_channel *channel, u32 count,
			      int left)
{
	receive_take_end(r->f, channel, count, left,
			 !r->lookup.held && !msgslot_log_has(&channel->log, 0, false));
}

/* Messages that a range has, or one that came back: 0 or -ESTALE. */
static int receiver_take(struct receiver *r, const struct msgslot_peek *peek, u32 count)
{
	struct msgslot_slot *slot = r->f->slot;
	struct msgslot_lease *lease = NULL;
	struct msgslot_channel *channel;
	struct msgslot_buffer *old;
	int left = -ESTALE;

	rcu_read_lock();
	channel = receiver_channel(r);
	if (channel && peek->returned)
		left = msgslot_log_take_returned(&channel->log, peek->sequence, &lease);
	else if (channel)
		left = msgslot_cursor_take(&channel->log, peek->sequence, count,
					   peek->length > MSGSLOT_INLINE_BYTES, &old);
	if (left >= 0)
		receiver_take_end(r, channel, count, left);
	rcu_read_unlock();
	if (left < 0)
		return left;
	if (left & MSGSLOT_HAS_BUFFER)
		msgslot_buffer_put(&slot->spares, old);
	if (lease)
		msgslot_lease_free(lease, &slot->spares);
	this_cpu_sub(slot->stats->messages, count);
	return 0;
}

/* r->lease is one for such a message: 0, -ENOMEM, -EDQUOT. */
static int receiver_set_lease(struct receiver *r, u32 length, bool returned)
{
	struct msgslot_file *f = r->f;
	struct msgslot_tied_lease *lease;

	if (r->lease && msgslot_tied_lease_fits(r->lease, length, returned))
		return 0;
	if (r->lease)
		msgslot_tied_lease_put(r->lease, &f->ties, &f->slot->spares);
	r->lease = NULL;
	lease = msgslot_tied_lease_get(&f->payer, &f->ties, length, returned, MSGSLOT_GFP_NOW);
	if (IS_ERR(lease)) {
		receiver_wake_next(r);
		lease = msgslot_tied_lease_get(&f->payer, &f->ties, length, returned, MSGSLOT_GFP);
	}
	if (IS_ERR(lease))
		return PTR_ERR(lease);
	r->lease = lease;
	return 0;
}

/* The message becomes the file's: 0, -ESTALE, -ENOMEM, -EDQUOT. */
static int receiver_lease(struct receiver *r, const struct msgslot_peek *peek)
{
	struct msgslot_channel *channel;
	int err;

	do {
		err = receiver_set_lease(r, peek->length, peek->returned);
		if (err)
			return err;
		r->lease->lease.message.sequence = peek->sequence;
		r->lease->lease.message.delivered = peek->delivered;
		rcu_read_lock();
		channel = receiver_channel(r);
		err = -ESTALE;
		if (channel)
			err = msgslot_tied_lease_take(r->lease, &r->f->ties, r->f->slot, channel,
						      false);
		rcu_read_unlock();
		if (err != -ENOBUFS)
			break;
		receiver_wake_next(r);
		err = msgslot_tied_lease_prepare(r->lease);
	} while (!err);
	if (!err)
		r->lease = NULL;
	return err;
}

/* The same in the range that the file listens to. */
static int receiver_advance_range(struct receiver *r, const struct msgslot_peek *peek, u32 count)
{
	int err;

	if (r->owner != MSGSLOT_CURSOR_OF_CHANNEL)
		return msgslot_listener_move(r->listener, &r->found, &r->found.after) ? 0 : -ESTALE;
	err = receiver_has_flag(r, MSGSLOT_RECV_LEASE) ? receiver_lease(r, peek) :
							 receiver_take(r, peek, count);
	/* Another thread may have moved it as well: the round only spreads what is taken. */
	if (!err)
		(void)msgslot_listener_move(r->listener, &r->found, &r->found.after);
	return err;
}

/* Of a queue: the messages are taken, or become the file's. */
static int receiver_advance_queue(struct receiver *r, const struct msgslot_peek *peek, u32 count)
{
	if (receiver_has_flag(r, MSGSLOT_RECV_LEASE))
		return receiver_lease(r, peek);
	if (peek->returned)
		return receiver_take(r, peek, count);
	return receive_take(r->f, &r->lookup, peek->sequence, count,
			    peek->length > MSGSLOT_INLINE_BYTES) ?
		       0 :
		       -ESTALE;
}

int receiver_advance(struct receiver *r, const struct msgslot_peek *peek, u32 count, u32 n)
{
	struct msgslot_file *f = r->f;
	u32 end = peek->pieces ? r->offset + n : peek->length;

	if (receiver_has_flag(r, MSGSLOT_RECV_PEEK))
		return 0;
	if (r->by_range)
		return receiver_advance_range(r, peek, count);
	if (r->owner == MSGSLOT_CURSOR_OF_CHANNEL)
		return receiver_advance_queue(r, peek, count);
	if (r->owner == MSGSLOT_CURSOR_OF_NONE) {
		if (!r->lookup.held || r->selected)
			receive_mark_seen(f, &r->lookup, peek->sequence);
		return 0;
	}
	if (receiver_uses_file_cursor(r) &&
	    !receive_advance(f, &r->lookup, r->cursor, r->offset, peek->sequence, count, end,
			     peek->length))
		return -ESTALE;
	return 0;
}

void receiver_trace(const struct receiver *r, const struct msgslot_peek *peek)
{
	if (likely(!trace_msgslot_receive_enabled()))
		return;
	trace_msgslot_receive(r->f->slot->minor, r->id, peek->sequence, peek->length, r->lost,
			      ktime_get_boottime_ns() - peek->time);
}

ssize_t receiver_deliver(struct receiver *r, struct msgslot_peek *peek, bool *again)
{
	u32 n;
	int err = receiver_copy_result(r, peek, &n);

	/* Where nothing was copied it is still there. */
	msgslot_buffer_put(&r->f->slot->spares, peek->buffer);
	*again = err > 0;
	if (err)
		return err;
	err = receiver_advance(r, peek, 1, n);
	if (err) {
		/* The iterator goes back to where the message began. */
		if (r->to.iter)
			iov_iter_revert(r->to.iter, n);
		*again = err == -ESTALE;
		return *again ? 0 : err;
	}
	if (!receiver_has_flag(r, MSGSLOT_RECV_PEEK) &&
	    (!peek->pieces || r->offset + n == peek->length)) {
		/* A look is not counted, and of a message in pieces only the last. */
		this_cpu_inc(r->f->slot->stats->received);
		receiver_trace(r, peek);
	}
	return n;
}
