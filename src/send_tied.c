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

/* Sends @message, and ties it. */
static int send_tied_place(struct msgslot_file *f, const struct msgslot_send *args,
			   const struct msgslot_deadline *deadline, struct user_memory from,
			   struct msgslot_incoming *message, struct msgslot_tied_value *value)
{
	const bool is_long = message->length > MSGSLOT_INLINE_BYTES;
	struct sender s = { .f = f, .args = args, .deadline = deadline };
	u8 *inline_buffer = (u8 *)message->bytes;
	int err;

	/* So the call holds the channel. */
	err = sender_place_slow(&s, message, from, inline_buffer, -EIDRM);
	if (!err) {
		sender_end(f->slot, is_long, message);
		this_cpu_inc(f->slot->stats->sent);
		msgslot_tied_value_tie(value, &f->ties, f->slot, s.held, message->sequence);
	}
	sender_unhold(&s);
	return err;
}

static int send_tied(struct msgslot_file *f, const struct msgslot_send *args,
		     const struct msgslot_deadline *deadline, u64 *sequence)
{
	const struct user_memory from = { .pointer = u64_to_user_ptr(args->message) };
	u8 inline_buffer[MSGSLOT_INLINE_BYTES];
	struct msgslot_buffer *buffer = NULL;
	struct msgslot_tied_value *value;
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
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	value = send_tied_get_will(f, args);
	if (IS_ERR(value)) {
		msgslot_buffer_put(&f->slot->spares, buffer);
		return PTR_ERR(value);
	}
	message = sender_message(f, args, args->length, inline_buffer, buffer);
	message.least = min_t(u32, args->will_length, MSGSLOT_INLINE_BYTES);
	err = send_tied_place(f, args, deadline, from, &message, value);
	if (err)
		msgslot_tied_value_free(value, f->slot);
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

	msgslot_tied_value_leave(value);
	if (value->length)
		send_will(value, slot);
	else
		(void)msgslot_clear_channel(slot, channel, true, value->sequence);
	msgslot_channel_unhold(&slot->channels, channel, &value->tie.holder);
	msgslot_tied_value_free(value, slot);
}

void msgslot_send_wills(struct msgslot_file *f)
{
	struct msgslot_tie *tie;

	while ((tie = msgslot_ties_detach_first(&f->ties))) {
		if (!IS_ERR(tie))
			send_tied_end(msgslot_tied_value_of(tie), f->slot);
		cond_resched();
	}
}
