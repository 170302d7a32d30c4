// SPDX-License-Identifier: GPL-2.0-only
/* One attempt of a receive that is not the usual case.  See receiver.h. */
#include <linux/err.h>
#include <linux/uaccess.h>

#include "receiver.h"

void receiver_wake_next(struct receiver *r)
{
	struct msgslot_channel *channel = r->lookup.channel;

	if (!r->slept || !receiver_is_exclusive(r))
		return;
	if (r->by_range && r->woken_for >= 0)
		msgslot_listener_wake_next(r->listener, r->woken_for);
	else if (!r->by_range && msgslot_log_has(&channel->log, 0, false))
		msgslot_channel_wake_reader(channel);
	r->woken_for = -1;
}

/* ---- finding the message --------------------------------------------------------------------- */

/*
 * Messages before @first went unread: moves the file's cursor there.  -ENOBUFS, which read()
 * returns; or 1 to look again, because another reader moved it.  MSGSLOT_RECV only marks the loss
 * as pending, and the next call that finds a message tells it.
 */
static int receiver_overrun(struct receiver *r, u64 first)
{
	struct msgslot_file *f = r->f;
	u64 lost = first - r->cursor, dropped = lost;
	int err = -ENOBUFS;

	spin_lock(&f->lock);
	if (f->generation == r->lookup.generation && f->cursor.next == r->cursor &&
	    f->cursor.offset == r->offset) {
		WRITE_ONCE(f->cursor.next, first);
		WRITE_ONCE(f->cursor.offset, r->args ? MSGSLOT_LOSS_PENDING : 0);
		WRITE_ONCE(f->cursor.lost, f->cursor.lost + lost);
		dropped = msgslot_cursor_dropped(&f->cursor, r->cursor, first);
	} else if (f->generation == r->lookup.generation || !r->lookup.held) {
		err = 1;
	}
	/*
	 * Otherwise the call slept on a channel the file has since deselected: there is no cursor
	 * to move.
	 */
	spin_unlock(&f->lock);
	if (err > 0)
		return err;
	r->cursor = first;
	trace_msgslot_drop(f->slot->minor, r->id, first, lost);
	this_cpu_add(f->slot->stats->dropped, dropped);
	return err;
}

/* The file's cursor, for a call that holds the channel: as long as it is in that channel. */
static void receiver_set_cursor_held(struct receiver *r)
{
	struct msgslot_file *f = r->f;

	spin_lock(&f->lock);
	if (f->generation == r->lookup.generation) {
		r->cursor = f->cursor.next;
		r->offset = f->cursor.offset;
	}
	spin_unlock(&f->lock);
}

static void receiver_set_cursor(struct receiver *r)
{
	struct msgslot_file *f = r->f;

	if (receiver_has_flag(r, MSGSLOT_RECV_NEWER)) {
		r->cursor = r->args->sequence + (r->args->sequence != U64_MAX);
	} else if (r->owner != MSGSLOT_CURSOR_OF_FILE) {
		r->cursor = 0;
	} else if (r->lookup.held) {
		receiver_set_cursor_held(r);
	} else {
		/* If these are of two moments, or of another channel, receive_advance() notices. */
		r->cursor = READ_ONCE(f->cursor.next);
		r->offset = READ_ONCE(f->cursor.offset);
	}
}

/* read() has to tell a loss that MSGSLOT_RECV left pending, before the message that it found. */
static bool receiver_has_loss_pending(const struct receiver *r, int err)
{
	return !err && !r->args && r->offset == MSGSLOT_LOSS_PENDING;
}

int receiver_peek_range(struct receiver *r, struct msgslot_peek *peek)
{
	struct msgslot_position *before = &r->found.before;
	int err;

	if (!r->listener)
		return -EIDRM;
	peek->pieces = false;
	peek->leased = false;
	err = msgslot_listener_peek(r->listener, &r->found, peek, r->space);
	if (err > 0 || err == -EIDRM)
		return err;
	r->id = r->found.channel;
	r->lost = before->lost;
	if (r->args) {
		r->found.after.lost_told = before->lost;
		r->found.after.lost_seen = before->lost;
		/* poll() does not report the loss again; the next message tells it. */
		if (err && before->lost_seen != before->lost &&
		    !receiver_has_flag(r, MSGSLOT_RECV_PEEK)) {
			before->lost_seen = before->lost;
			(void)msgslot_listener_move(r->listener, &r->found, before);
		}
		return err;
	}
	/* As read() of a channel, it tells the loss once, and then with the next message. */
	if (before->lost_told == before->lost || (err && before->lost_seen == before->lost))
		return err;
	msgslot_buffer_put(&r->f->slot->spares, peek->buffer);
	before->lost_told = before->lost;
	before->lost_seen = before->lost;
	return msgslot_listener_move(r->listener, &r->found, before) ? -ENOBUFS : 1;
}

int receiver_peek_range_next(struct receiver *r, const struct msgslot_position *position,
			     struct msgslot_peek *peek, size_t size)
{
	int err = msgslot_range_peek_next(&r->listener->range, position, &r->found, peek, size);

	if (err)
		return err;
	r->id = r->found.channel;
	r->lost = r->found.before.lost;
	r->found.after.lost_told = r->lost;
	r->found.after.lost_seen = r->lost;
	return 0;
}

int receiver_peek(struct receiver *r, struct msgslot_peek *peek)
{
	struct msgslot_file *f = r->f;
	struct msgslot_channel *channel;
	int err, overrun;
	u64 first;

	rcu_read_lock();
	if (!r->lookup.held) {
		/* Pairs with the release in file_select(): never new with the channel before. */
		r->lookup.generation = smp_load_acquire(&f->generation);
		r->lookup.channel = rcu_dereference(f->reading);
	}
	channel = r->lookup.channel;
	if (!channel || (r->args && !r->lookup.held && channel->log.id != r->args->channel)) {
		rcu_read_unlock();
		return -EIDRM;
	}
	r->id = channel->log.id;
	r->lost = 0;
	receiver_set_cursor(r);
	/* A look at all that is kept. */
	peek->leased = r->owner == MSGSLOT_CURSOR_OF_CHANNEL &&
		       receiver_has_flag(r, MSGSLOT_RECV_NEWER);
	peek->pieces = !r->args && msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_PIECES);
	err = msgslot_peek(&channel->log, r->cursor, peek, r->space);
	first = msgslot_log_first(&channel->log);
	if (!err)
		first = peek->sequence;
	if (receiver_has_flag(r, MSGSLOT_RECV_NEWER) && r->args->sequence)
		r->lost = first - max(r->cursor, channel->log.start);
	rcu_read_unlock();
	msgslot_buffer_put(&f->slot->spares, peek->stale);

	if (!receiver_uses_file_cursor(r) ||
	    (first <= r->cursor && !receiver_has_loss_pending(r, err)))
		return err;
	/* MSGSLOT_RECV tells a loss with the message that it finds, and moves nothing before. */
	r->lost = first - r->cursor;
	if (r->args && (!err || receiver_has_flag(r, MSGSLOT_RECV_PEEK)))
		return err;
	if (!err)
		msgslot_buffer_put(&f->slot->spares, peek->buffer);
	/* Messages that go with the slot are no loss: its end is told first. */
	if (msgslot_slot_is_gone(f->slot))
		return -ENODEV;
	overrun = receiver_overrun(r, first);
	/*
	 * Without a message, MSGSLOT_RECV has moved the cursor; else poll() would report it again
	 * and again.
	 */
	return r->args && overrun < 0 ? err : overrun;
}

/* ---- handing it to the user ------------------------------------------------------------------ */

/*
 * Copies @n bytes of the message, from @offset on, and puts its buffer: 0, -EFAULT, or 1 to look
 * again.  A missing page may never come, and no other call may wait for it: the next reader is
 * woken first, and a long message is let go, and looked for again when all pages are there.
 */
static int receiver_copy(struct receiver *r, struct msgslot_peek *peek, u32 offset, size_t n)
{
	struct msgslot_buffer *buffer = peek->buffer;
	bool done = receive_copy_now(r->to, peek->bytes + offset, n);

	/* Unless the call returns it. */
	r->voided = max(r->voided, n);
	peek->buffer = NULL;
	msgslot_buffer_put(&r->f->slot->spares, buffer);
	if (done)
		return 0;
	receiver_wake_next(r);
	if (buffer)
		return user_fault_in(r->to, n) ? 1 : -EFAULT;
	return user_copy_out(r->to, peek->bytes + offset, n) ? 0 : -EFAULT;
}

u64 receiver_lost_by_file(const struct receiver *r)
{
	struct msgslot_file *f = r->f;
	u64 lost;

	spin_lock(&f->lock);
	lost = f->generation == r->lookup.generation ? f->cursor.lost : 0;
	spin_unlock(&f->lock);
	return lost;
}

static bool receiver_put_result(struct receiver *r, const struct msgslot_peek *peek)
{
	const u64 lost = r->lost + (receiver_uses_file_cursor(r) ? receiver_lost_by_file(r) : 0);
	const u32 *channel = r->by_range ? &r->found.channel : NULL;
	const u64 *delivered = receiver_has_flag(r, MSGSLOT_RECV_LEASE) ? &peek->delivered : NULL;
	bool done;

	r->told = true;
	pagefault_disable();
	done = receive_put_result(r->user, channel, delivered, peek, lost);
	pagefault_enable();
	if (done)
		return true;
	receiver_wake_next(r);
	return receive_put_result(r->user, channel, delivered, peek, lost);
}

int receiver_copy_result(struct receiver *r, struct msgslot_peek *peek, u32 *n)
{
	u32 offset = 0;
	int err = 0;

	*n = peek->length;
	if (peek->pieces) {
		offset = r->offset;
		/* It is another message's: another reader of this file was faster. */
		if (offset && offset >= peek->length)
			return 1;
		*n = min_t(size_t, r->size, peek->length - offset);
	}
	if (receiver_has_flag(r, MSGSLOT_RECV_IF) && peek->sequence != r->args->sequence)
		return -ESTALE;
	/* No byte goes to the user then, but the result does. */
	if (receiver_has_flag(r, MSGSLOT_RECV_DROP))
		err = 0;
	else if (*n > r->size)
		err = -ENOSPC;
	else if (user_is_null(r->to))
		err = -EINVAL;
	else
		err = receiver_copy(r, peek, offset, *n);
	/* The length of a message that does not fit is told, too. */
	if (r->args && (!err || err == -ENOSPC) && !receiver_put_result(r, peek))
		err = -EFAULT;
	return err;
}

/* ---- no trace of a void attempt -------------------------------------------------------------- */

static void receiver_clear(const struct receiver *r, size_t from, size_t size)
{
	struct user_memory to = r->to;
	struct iov_iter iter;

	if (user_is_null(to))
		return;
	if (to.iter) {
		iter = *to.iter;
		to.iter = &iter;
	} else {
		to.pointer += from;
	}
	user_clear(to, size);
}

void receiver_take_back(struct receiver *r, ssize_t ret)
{
	/* The length of a message that does not fit is told, and no trace of another. */
	const bool failed = ret < 0 && ret != -ENOSPC;
	const size_t n = max_t(ssize_t, ret, 0);

	pagefault_disable();
	if (r->voided > n)
		receiver_clear(r, n, r->voided - n);
	/* The usual case, before, may have told a result, too. */
	if (r->args && failed && (r->voided || r->told))
		(void)receive_put_fields(
			r->user, r->by_range ? &r->args->channel : NULL,
			receiver_has_flag(r, MSGSLOT_RECV_LEASE) ? &r->args->delivered : NULL,
			r->args->length, r->args->sequence, r->args->time, r->args->lost,
			r->args->pid, r->args->uid);
	pagefault_enable();
}
