// SPDX-License-Identifier: GPL-2.0-only
/* Messages that are tied to a file, and their wills.  See send_tied.h. */
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "clear.h"
#include "file.h"
#include "send_tied.h"
#include "sender.h"
#include "tied_value.h"
#include "user.h"

/* ---- send ------------------------------------------------------------------------------------ */

/* The will that @args bring, with what ties the message: ERR_PTR. */
static struct msgslot_tied_value *send_tied_get_will(struct msgslot_file *f,
						     const struct msgslot_send *args)
{
	const void __user *will = u64_to_user_ptr(args->will);
	struct msgslot_tied_value *value;

	if (args->will_length > f->slot->rules.max_message)
		return ERR_PTR(-EMSGSIZE);
	if (args->will_length && !will)
		return ERR_PTR(-EINVAL);
	value = msgslot_tied_value_new(&f->payer, f->slot, args->will_length);
	if (IS_ERR(value))
		return value;
	value->pid = current->tgid;
	value->uid = f->payer.uid;
	if (!copy_from_user(msgslot_tied_value_will(value), will, args->will_length))
		return value;
	msgslot_tied_value_free(value, f->slot);
	return ERR_PTR(-EFAULT);
}

/* The same; a condition that does not hold comes before a lack of space or memory for it. */
static struct msgslot_tied_value *send_tied_wait_for_will(struct sender *s,
							  struct msgslot_incoming *message)
{
	struct msgslot_tied_value *value;
	unsigned int rounds = 0;
	int err;

	do {
		value = send_tied_get_will(s->f, s->args);
		err = PTR_ERR_OR_ZERO(value);
		if (err != -ENOSPC && err != -EDQUOT && err != -ENOMEM)
			return value;
		err = sender_wait_before(s, message, err);
		if (!err)
			err = msgslot_deadline_retry(s->deadline, &rounds);
	} while (!err);
	return ERR_PTR(err);
}

/* Sends @message, and ties it.  @err: of its buffer, for sender_place_slow(). */
static int send_tied_place(struct sender *s, struct msgslot_incoming *message,
			   struct user_memory from, u8 *inline_buffer, int err)
{
	const bool is_long = message->length > MSGSLOT_INLINE_BYTES;
	struct msgslot_file *f = s->f;
	struct msgslot_tied_value *value = send_tied_wait_for_will(s, message);

	if (IS_ERR(value)) {
		msgslot_buffer_put(&f->slot->spares, message->buffer);
		return PTR_ERR(value);
	}
	/* So the call holds the channel. */
	err = sender_place_slow(s, message, from, inline_buffer, err ?: -EIDRM);
	if (err) {
		msgslot_tied_value_free(value, f->slot);
		return err;
	}
	sender_end(f->slot, is_long, message);
	this_cpu_inc(f->slot->stats->sent);
	msgslot_tied_value_tie(value, &f->ties, f->slot, s->held, message->sequence);
	return 0;
}

static int send_tied(struct msgslot_file *f, const struct msgslot_send *args,
		     const struct msgslot_deadline *deadline, u64 *sequence)
{
	const struct user_memory from = { .pointer = u64_to_user_ptr(args->message) };
	struct sender s = { .f = f, .args = args, .deadline = deadline };
	u8 inline_buffer[MSGSLOT_INLINE_BYTES];
	struct msgslot_buffer *buffer = NULL;
	struct msgslot_incoming message;
	int err;

	if (!args->length || args->length > f->slot->rules.max_message)
		return -EMSGSIZE;
	if (user_is_null(from))
		return -EINVAL;
	if (args->length > MSGSLOT_INLINE_BYTES)
		buffer = sender_copy(f, from, args->length, inline_buffer);
	else if (!user_copy_in(inline_buffer, from, args->length))
		return -EFAULT;
	err = PTR_ERR_OR_ZERO(buffer);
	if (err == -EFAULT)
		return err;
	if (err)
		buffer = NULL;
	message = sender_message(f, args, args->length, inline_buffer, buffer);
	message.least = min_t(u32, args->will_length, MSGSLOT_INLINE_BYTES);
	err = send_tied_place(&s, &message, from, inline_buffer, err);
	sender_unhold(&s);
	*sequence = message.sequence;
	return err;
}

long msgslot_send_tied(struct msgslot_file *f, struct msgslot_send __user *user,
		       const struct msgslot_send *args, const struct msgslot_deadline *deadline)
{
	u64 sequence;
	int err;

	/* Where the result cannot be written nothing is sent; afterwards it would be too late. */
	if (put_user(args->sequence, &user->sequence))
		return -EFAULT;
	err = send_tied(f, args, deadline, &sequence);
	if (!err)
		(void)!put_user(sequence, &user->sequence);
	else if (msgslot_slot_is_gone(f->slot))
		err = -ENODEV;
	return err;
}

/* ---- the file's end -------------------------------------------------------------------------- */

/* The will takes the place of the message, if that still is the newest. */
static void send_will(struct msgslot_tied_value *value, struct msgslot_slot *slot)
{
	struct msgslot_incoming message = {
		.length = value->length,
		.pid = value->pid,
		.uid = value->uid,
		.share = value->share,
		.paid = true,
		.conditional = true,
		.expected = value->sequence,
		.bytes = value->bytes,
		.buffer = value->buffer,
	};
	int err;

	rcu_read_lock();
	err = sender_place_in(value->tie.channel, slot, value->buffer, true, &message);
	rcu_read_unlock();
	if (err)
		return;
	/* It is the log's. */
	sender_end(slot, value->buffer, &message);
	value->buffer = NULL;
	this_cpu_inc(slot->stats->sent);
}

static void send_tied_end(struct msgslot_tied_value *value, struct msgslot_slot *slot)
{
	struct msgslot_channel *channel = value->tie.channel;

	if (value->length)
		send_will(value, slot);
	else
		(void)msgslot_clear_channel(slot, channel, true, value->sequence);
	msgslot_channel_unhold(&slot->channels, channel, &value->holder);
	msgslot_tied_value_free(value, slot);
}

/* The same with the first that the file has.  Whether there was one. */
static bool send_tied_end_first(struct msgslot_ties *ties, struct msgslot_slot *slot)
{
	struct msgslot_tied_value *value = NULL;
	struct msgslot_channel *channel;
	struct msgslot_tie *tie;

	rcu_read_lock();
	channel = msgslot_ties_first_channel(ties);
	if (channel) {
		spin_lock(&channel->log.lock);
		tie = msgslot_ties_first_locked(ties, channel);
		/* Otherwise another call ended it meanwhile. */
		if (tie) {
			value = msgslot_tied_value_of(tie);
			msgslot_tied_value_untie_locked(value);
		}
		spin_unlock(&channel->log.lock);
	}
	rcu_read_unlock();
	if (value)
		send_tied_end(value, slot);
	return channel;
}

void msgslot_send_wills(struct msgslot_file *f)
{
	while (send_tied_end_first(&f->ties, f->slot))
		cond_resched();
}
