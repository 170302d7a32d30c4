// SPDX-License-Identifier: GPL-2.0-only
/* A send that is not the usual case.  See sender.h. */
#include <linux/err.h>
#include <linux/uaccess.h>

#include "sender.h"

struct msgslot_buffer *sender_copy(struct msgslot_file *f, struct user_memory from, size_t length,
				   u8 *inline_buffer)
{
	struct msgslot_buffer *buffer;
	size_t done, n;

	buffer = msgslot_buffer_get(&f->slot->spares, f->payer.share->uid, length, MSGSLOT_GFP);
	if (buffer) {
		if (user_copy_in(buffer->bytes, from, length))
			return buffer;
		msgslot_buffer_put(&f->slot->spares, buffer);
		return ERR_PTR(-EFAULT);
	}
	for (done = 0; done < length; done += n) {
		n = min_t(size_t, length - done, MSGSLOT_INLINE_BYTES);
		if (!user_copy_in(inline_buffer, from, n))
			return ERR_PTR(-EFAULT);
		if (!from.iter)
			from.pointer += n;
	}
	return ERR_PTR(-ENOMEM);
}

/* The same without sleep; NULL if that is not possible. */
static struct msgslot_buffer *sender_copy_now(struct msgslot_file *f, struct user_memory from,
					      size_t length)
{
	struct msgslot_buffer *buffer;
	bool done;

	buffer = msgslot_buffer_get(&f->slot->spares, f->payer.share->uid, length, MSGSLOT_GFP_NOW);
	if (!buffer)
		return NULL;
	pagefault_disable();
	done = user_copy_in(buffer->bytes, from, length);
	pagefault_enable();
	if (done)
		return buffer;
	msgslot_buffer_put(&f->slot->spares, buffer);
	return NULL;
}

/* The call holds the channel that it names, or the selected one: 0, also if it already does. */
static int sender_hold(struct sender *s)
{
	struct msgslot_channels *channels = &s->f->slot->channels;
	struct msgslot_channel *channel;

	if (s->held)
		return 0;
	if (!s->args)
		channel = msgslot_file_hold_selected(s->f, &s->holder).channel;
	else if (s->args->flags & MSGSLOT_SEND_IF && s->args->expected)
		channel = msgslot_channel_find(channels, s->args->channel, s->f->payer.share,
					       &s->holder);
	else
		channel =
			msgslot_channel_hold(channels, s->args->channel, &s->f->payer, &s->holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	/* Without a channel there is no message that could be the newest. */
	if (!channel)
		return -ESTALE;
	s->held = channel;
	return 0;
}

/*
 * Before the call leaves without placing, or may block on a page or memory: if it slept it may have
 * been woken alone, and wakes the next writer, if there is space, or for one that waits until the
 * channel is empty, if it is.
 */
static void sender_wake_next(struct sender *s)
{
	struct msgslot_log *log;

	if (!s->slept)
		return;
	log = &s->held->log;
	if (s->args && s->args->flags & MSGSLOT_SEND_IF ?
		    !msgslot_log_has(log, 0, false) :
		    msgslot_log_is_writable(log, &s->f->slot->rules))
		msgslot_channel_wake_writers(s->held, 1);
}

/*
 * Makes the log grow for @message: errors as of msgslot_log_grow().  Where there is no space for
 * its buffer besides, nothing grows.
 */
static int sender_grow(struct sender *s, const struct msgslot_incoming *message)
{
	const u32 bytes = msgslot_incoming_capacity(message);
	const u32 more = message->buffer ? message->buffer->capacity : 0;
	const struct msgslot_payer *payer = &s->f->payer;
	const struct msgslot_rules *rules = &s->f->slot->rules;
	struct msgslot_log *log = &s->held->log;
	int err = -ENOMEM;

	/* Without space for all that follow there may be some for this one. */
	if (s->ahead &&
	    !msgslot_log_grow(log, payer, rules, bytes, 1 + s->ahead, more, MSGSLOT_GFP_NOW))
		return 0;
	/*
	 * After a sleep, without sleep first: if that will do, no other writer needs to be woken.
	 */
	if (s->slept)
		err = msgslot_log_grow(log, payer, rules, bytes, 1, more, MSGSLOT_GFP_NOW);
	if (err != -ENOMEM)
		return err;
	sender_wake_next(s);
	return msgslot_log_grow(log, payer, rules, bytes, 1, more, MSGSLOT_GFP);
}

/* Waits for space or, with @empty, until the channel is empty; without the buffer meanwhile. */
static int sender_wait(struct sender *s, struct msgslot_incoming *message, bool empty)
{
	struct msgslot_slot *slot = s->f->slot;

	msgslot_buffer_put(&slot->spares, message->buffer);
	message->buffer = NULL;
	s->slept = true;
	trace_msgslot_wait(s->held->slot, s->held->log.id, 0, true);
	if (empty)
		return msgslot_wait_empty(&s->held->waiters, &s->held->log, s->deadline);
	return msgslot_wait_space(&s->held->waiters, &s->held->log, &slot->rules, s->deadline);
}

/* A log that is full is told from one that must grow by its ring, which it may have no more. */
static bool sender_is_full_of_leases(struct sender *s)
{
	struct msgslot_log *log = &s->held->log;

	return READ_ONCE(log->wake_requests) & MSGSLOT_HAS_LEASES &&
	       !msgslot_log_is_writable(log, &s->f->slot->rules);
}

/*
 * After @wrong of sender_place(): 0 to place @message again.  While it waits for space it has no
 * buffer.
 */
static int sender_prepare_again(struct sender *s, struct msgslot_incoming *message, int wrong)
{
	struct msgslot_slot *slot = s->f->slot;
	int err;

	/*
	 * The channel was forgotten meanwhile: with the slot, or because the file has selected
	 * another.
	 */
	if (wrong == -EIDRM)
		return msgslot_slot_is_gone(slot) ? -ENODEV : sender_hold(s);
	if (wrong == -EDQUOT && !message->privileged && msgslot_payer_is_privileged(&s->f->payer)) {
		message->privileged = true;
		return 0;
	}
	if (wrong == -EAGAIN || (wrong == -ESTALE && !message->expected) ? !s->deadline->wait :
									   wrong != -ENOBUFS)
		return wrong;
	err = sender_hold(s);
	if (err)
		return err;
	if (wrong == -ENOBUFS && sender_is_full_of_leases(s)) {
		if (!s->deadline->wait)
			return -EAGAIN;
		wrong = -EAGAIN;
	}
	if (wrong == -ENOBUFS) {
		err = sender_grow(s, message);
		/* The log of a channel that is held is dead only when the slot is gone. */
		return err == -EIDRM ? -ENODEV : err;
	}
	return sender_wait(s, message, wrong == -ESTALE);
}

/*
 * Copies a long message in again, because the call waited since.  A full log, the condition and a
 * limit come before a lack of memory, and space brings memory, too.
 */
static int sender_copy_again(struct sender *s, struct msgslot_incoming *message,
			     struct user_memory from, u8 *inline_buffer)
{
	int err;

	/* It was read to its end. */
	if (from.iter)
		iov_iter_revert(from.iter, message->length);
	message->buffer = sender_copy_now(s->f, from, message->length);
	if (message->buffer)
		return 0;
	sender_wake_next(s);
	message->buffer = sender_copy(s->f, from, message->length, inline_buffer);
	if (!IS_ERR(message->buffer))
		return 0;
	err = PTR_ERR(message->buffer);
	message->buffer = NULL;
	return err;
}

/* After -ENOMEM: the error that comes before it, which may be one to wait for. */
static int sender_check(struct sender *s, const struct msgslot_incoming *message)
{
	int err = sender_hold(s);

	if (!err)
		err = msgslot_place_check(&s->held->log, &s->f->slot->rules, message);
	return err ?: -ENOMEM;
}

int sender_wait_before(struct sender *s, struct msgslot_incoming *message, int wrong)
{
	int err = sender_hold(s);

	if (err)
		return err;
	err = msgslot_place_check(&s->held->log, &s->f->slot->rules, message);
	if (err != -ESTALE)
		return wrong;
	return message->expected || !s->deadline->wait ? err : sender_wait(s, message, true);
}

/* A message that could not be placed, for tracers. */
static void sender_trace_full(struct sender *s, const struct msgslot_incoming *message, int err)
{
	u32 id = 0;

	if (err != -EAGAIN && err != -ENOSPC && err != -EDQUOT && err != -ENOMEM)
		return;
	if (s->args)
		id = s->args->channel;
	else
		(void)msgslot_file_get_channel(s->f, &id);
	trace_msgslot_full(s->f->slot->minor, id, message->length, -err);
}

int sender_place_anywhere(struct msgslot_file *f, const struct msgslot_send *args,
			  struct msgslot_channel *held, struct msgslot_incoming *message)
{
	const bool is_long = message->length > MSGSLOT_INLINE_BYTES;
	struct msgslot_slot *slot = f->slot;
	struct msgslot_channel *channel;
	int err = -EIDRM;

	rcu_read_lock();
	channel = held ?: rcu_dereference(f->channel);
	if (args && (!channel || channel->log.id != args->channel))
		channel = msgslot_channel_lookup(&slot->channels, args->channel, args->channel);
	if (channel)
		err = sender_place_in(channel, slot, is_long, true, message);
	if (!err)
		trace_msgslot_send(slot->minor, channel->log.id, message->sequence,
				   message->length);
	rcu_read_unlock();
	return err;
}

int sender_place_slow(struct sender *s, struct msgslot_incoming *message, struct user_memory from,
		      u8 *inline_buffer, int err)
{
	const bool is_long = message->length > MSGSLOT_INLINE_BYTES;
	struct msgslot_slot *slot = s->f->slot;
	unsigned int rounds = 0;

	while (err) {
		if (unlikely(trace_msgslot_full_enabled()))
			sender_trace_full(s, message, err);
		if (err == -ENOMEM)
			err = sender_check(s, message);
		err = sender_prepare_again(s, message, err);
		/* Others may be faster, again and again. */
		if (!err)
			err = msgslot_deadline_retry(s->deadline, &rounds);
		if (err)
			break;
		if (is_long && !message->buffer)
			err = sender_copy_again(s, message, from, inline_buffer);
		if (err == -EFAULT)
			break;
		if (!err)
			err = sender_place(s->f, slot, is_long, s->args, s->held, message);
		if (err == -EXDEV)
			err = sender_place_anywhere(s->f, s->args, s->held, message);
	}
	if (!err)
		return 0;
	sender_wake_next(s);
	msgslot_buffer_put(&slot->spares, message->buffer);
	return err;
}

void sender_unhold(struct sender *s)
{
	if (s->held)
		msgslot_channel_unhold(&s->f->slot->channels, s->held, &s->holder);
	s->held = NULL;
	s->slept = false;
}
