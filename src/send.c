// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: write(), writev(), MSGSLOT_SEND.
 *
 * Everything that may fail or sleep comes before the message is placed: the bytes are copied in,
 * the log is made to grow, room is waited for.  Placing is the last thing, and who sleeps is woken
 * after it.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "map.h"
#include "message.h"

/*
 * A buffer for a long message of @length bytes: the spare of a channel at hand, if that is large
 * enough, else a new one.  Which channel it comes from does not matter: they are all of one slot.
 */
static struct msgslot_buffer *buffer_get(struct msgslot_file *f, size_t length)
{
	struct msgslot_channel *channel;
	struct msgslot_buffer *buffer;

	rcu_read_lock_sched();
	channel = rcu_dereference_sched(f->channel);
	buffer = channel ? msgslot_log_take_spare(&channel->log) : NULL;
	rcu_read_unlock_sched();
	if (buffer && buffer->capacity >= length)
		return buffer;
	msgslot_buffer_put(buffer);
	return msgslot_buffer_alloc(&f->payer, length);
}

/* For a call that failed: the next one may want the buffer. */
static void buffer_put_back(struct msgslot_file *f, struct msgslot_buffer *buffer)
{
	struct msgslot_channel *channel;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	if (channel)
		buffer = msgslot_log_keep_spare(&channel->log, buffer);
	rcu_read_unlock();
	msgslot_buffer_put(buffer);
}

/*
 * Copies a long message in; ERR_PTR if that cannot be.  Where there is no buffer to be had, a bad
 * pointer is still the error that comes first: so the message is read through then, into @room, a
 * piece at a time.
 */
static noinline struct msgslot_buffer *copy_in_long(struct msgslot_file *f, struct user_memory from,
						    size_t length, u8 *room)
{
	struct msgslot_buffer *buffer = buffer_get(f, length);
	size_t done, n;

	if (!IS_ERR(buffer)) {
		if (copy_in(buffer->bytes, from, length))
			return buffer;
		buffer_put_back(f, buffer);
		return ERR_PTR(-EFAULT);
	}
	for (done = 0; done < length; done += n) {
		n = min_t(size_t, length - done, MSGSLOT_INLINE_BYTES);
		if (!copy_in(room, from, n))
			return ERR_PTR(-EFAULT);
		if (!from.iter)
			from.pointer += n;
	}
	return buffer;
}

/**
 * struct sender - a call that did not get by without more ado
 * @f: the file
 * @args: of MSGSLOT_SEND, or NULL
 * @patience: how long it may wait
 * @held: the channel, with a hold; or NULL
 * @map: of the channel, with its lock; or NULL
 * @slept: the call slept in the channel's queue
 */
struct sender {
	struct msgslot_file *f;
	const struct msgslot_send *args;
	const struct msgslot_patience *patience;
	struct msgslot_channel *held;
	struct msgslot_map *map;
	bool slept;
};

/* Takes a hold of the channel that the call names, or of the selected one. */
static int hold(struct sender *s)
{
	struct msgslot_channel *channel;

	if (s->held)
		return 0;
	if (!s->args)
		channel = msgslot_file_hold_selected(s->f, NULL, NULL);
	else if (s->args->flags & MSGSLOT_SEND_IF && s->args->expected)
		/* Where there is no channel there is no message that could be the newest. */
		channel = msgslot_channel_find(s->f->slot, s->args->channel) ?: ERR_PTR(-ESTALE);
	else
		channel = msgslot_channel_hold(s->f->slot, s->args->channel, &s->f->payer);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	s->held = channel;
	return 0;
}

/* After @wrong of place(): 0 to place @message again. */
static int prepare_again(struct sender *s, const struct msgslot_message *message, int wrong)
{
	struct msgslot_slot *slot = s->f->slot;
	int err;

	/* Nothing of what follows may be done under its lock. */
	msgslot_map_unlock(s->map);
	s->map = NULL;
	/* Forgotten under our hands, with the slot or for another selection. */
	if (wrong == -EIDRM)
		return READ_ONCE(slot->gone) ? -ENODEV : hold(s);
	if (wrong == -EAGAIN ? !s->patience->wait : wrong != -ENOBUFS && wrong != -EBUSY)
		return wrong;
	err = hold(s);
	if (err)
		return err;
	if (wrong == -EBUSY) {
		s->map = msgslot_map_lock(&s->held->log);
		return 0;
	}
	if (wrong == -ENOBUFS) {
		err = msgslot_log_grow(&s->held->log, &s->f->payer, &slot->rules,
				       msgslot_message_bytes(message));
		/* A channel on hold dies with its slot only. */
		return err == -EIDRM ? -ENODEV : err;
	}
	s->slept = true;
	return msgslot_channel_wait_room(slot, s->held, s->patience);
}

/*
 * Places @message in the channel that is held or, where that is none, selected at that moment;
 * -EIDRM if that is not the channel that @args name.
 */
static __always_inline int place(struct msgslot_file *f, struct msgslot_slot *slot,
				 const struct msgslot_send *args, struct msgslot_channel *held,
				 struct msgslot_message *message)
{
	const struct msgslot_buffer *buffer = message->map ? message->buffer : NULL;
	struct msgslot_channel *channel;
	int more;

	rcu_read_lock();
	channel = held ?: rcu_dereference(f->channel);
	more = -EIDRM;
	if (likely(!args || (channel && channel->id == args->channel)))
		more = msgslot_log_place(&channel->log, &slot->rules, message);
	if (likely(more >= 0)) {
		if (message->map)
			msgslot_map_put(message->map, message->sequence, message->time,
					message->length, buffer ? buffer->bytes : message->bytes);
		msgslot_wake(&channel->wait, MSGSLOT_EVENTS_MESSAGE);
		if (more)
			this_cpu_add(slot->stats->messages, more);
	}
	rcu_read_unlock();
	return more < 0 ? more : 0;
}

/*
 * Where no memory is to be had for the bytes of a long message, it may be that a full log or the
 * condition stands before that: these errors come first, and room brings memory, too.  @buffer is
 * what came of the first try.
 */
static int take_in_long(struct sender *s, struct msgslot_message *message, struct user_memory from,
			u8 *room, struct msgslot_buffer *buffer)
{
	int err;

	while (IS_ERR(buffer) && PTR_ERR(buffer) != -EFAULT) {
		err = hold(s);
		if (!err)
			err = msgslot_log_check(&s->held->log, &s->f->slot->rules, message);
		if (!err)
			break;
		err = prepare_again(s, message, err);
		if (err)
			return err;
		/* It was read through. */
		if (from.iter)
			iov_iter_revert(from.iter, message->length);
		buffer = copy_in_long(s->f, from, message->length, room);
	}
	message->buffer = buffer;
	return PTR_ERR_OR_ZERO(buffer);
}

/* All that is not the usual case: after @err of place(), or of bytes that could not be taken in. */
static noinline int send_slow(struct sender *s, struct msgslot_message *message,
			      struct user_memory from, u8 *room, int err)
{
	struct msgslot_slot *slot = s->f->slot;

	if (IS_ERR(message->buffer)) {
		err = take_in_long(s, message, from, room, message->buffer);
		if (err)
			goto out;
		err = place(s->f, slot, s->args, s->held, message);
	}
	while (err) {
		err = prepare_again(s, message, err);
		if (err)
			break;
		message->map = s->map;
		err = place(s->f, slot, s->args, s->held, message);
	}
	msgslot_map_unlock(s->map);
	if (err && message->buffer)
		buffer_put_back(s->f, message->buffer);
	else
		msgslot_buffer_put(message->buffer);
out:
	/* Who slept and leaves without placing wakes the next, if there is room. */
	if (err && s->slept && msgslot_log_has_room(&s->held->log, &slot->rules, 0))
		msgslot_wake(&s->held->wait, MSGSLOT_EVENTS_ROOM);
	if (s->held)
		msgslot_channel_unhold(slot, s->held);
	return err;
}

static __always_inline struct msgslot_message message_of(const struct msgslot_file *f,
							 const struct msgslot_send *args,
							 u32 length, const u8 *bytes,
							 struct msgslot_buffer *buffer)
{
	return (struct msgslot_message){
		.length = length,
		.pid = current->tgid,
		.uid = f->payer.uid,
		.conditional = args && args->flags & MSGSLOT_SEND_IF,
		.expected = args ? args->expected : 0,
		.bytes = bytes,
		.buffer = buffer,
	};
}

/*
 * Sends to the channel that @args name or, if they are NULL, to the selected one; @sequence, where
 * the message's number goes, may be NULL.  Without @patience, @nowait says it.  In the usual case
 * @is_long is a constant, and the message nowhere but in registers.
 */
static __always_inline int send(struct msgslot_file *f, bool is_long,
				const struct msgslot_send *args, struct user_memory from,
				size_t length, bool nowait, const struct msgslot_patience *patience,
				u64 *sequence)
{
	u8 room[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_buffer *buffer = NULL;
	struct msgslot_slot *slot = f->slot;
	struct msgslot_message message;
	int err;

	if (unlikely(!length || length > slot->rules.max_message))
		return -EMSGSIZE;
	if (unlikely(is_null(from)))
		return -EINVAL;
	if (is_long)
		buffer = copy_in_long(f, from, length, room);
	else if (unlikely(!copy_in(room, from, length)))
		return -EFAULT;
	message = message_of(f, args, length, room, buffer);
	err = IS_ERR(buffer) ? PTR_ERR(buffer) : place(f, slot, args, NULL, &message);
	if (unlikely(err)) {
		const struct msgslot_patience simple = plain_patience(f, nowait);
		struct msgslot_message again = message_of(f, args, length, room, buffer);
		struct sender s = { .f = f, .args = args, .patience = patience ?: &simple };

		err = send_slow(&s, &again, from, room, err);
		message.sequence = again.sequence;
		message.buffer = NULL;
	}
	if (unlikely(err))
		return err;
	/* A long message that this one replaced, and nobody has a use for. */
	if (unlikely(message.buffer))
		msgslot_buffer_put(message.buffer);
	this_cpu_inc(slot->stats->sent);
	if (sequence)
		*sequence = message.sequence;
	return 0;
}

static __always_inline ssize_t write(struct msgslot_file *f, bool is_long, struct user_memory from,
				     size_t length, bool nowait)
{
	int err;

	if (unlikely(READ_ONCE(f->slot->gone)))
		return -ENODEV;
	/* Once selected, a file always has a channel. */
	if (unlikely(!rcu_access_pointer(f->channel))) {
		err = msgslot_file_select_first(f);
		if (err)
			return err;
	}
	return send(f, is_long, NULL, from, length, nowait, NULL, NULL) ?: length;
}

static noinline ssize_t write_long(struct msgslot_file *f, struct user_memory from, size_t length,
				   bool nowait)
{
	return write(f, true, from, length, nowait);
}

ssize_t msgslot_write(struct file *file, const char __user *buffer, size_t length, loff_t *pos)
{
	const struct user_memory from = { .pointer = (char __user *)buffer };

	if (length > MSGSLOT_INLINE_BYTES)
		return write_long(file->private_data, from, length, false);
	return write(file->private_data, false, from, length, false);
}

ssize_t msgslot_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct msgslot_file *f = iocb->ki_filp->private_data;
	const struct user_memory from = { .iter = iter };
	const bool nowait = iocb->ki_flags & IOCB_NOWAIT;

	if (iov_iter_count(iter) > MSGSLOT_INLINE_BYTES)
		return write_long(f, from, iov_iter_count(iter), nowait);
	return write(f, false, from, iov_iter_count(iter), nowait);
}

static noinline int send_long(struct msgslot_file *f, const struct msgslot_send *args,
			      struct user_memory from, const struct msgslot_patience *patience,
			      u64 *sequence)
{
	return send(f, true, args, from, args->length, false, patience, sequence);
}

long msgslot_send(struct msgslot_file *f, struct msgslot_send __user *user,
		  const struct msgslot_send *args, const struct msgslot_patience *patience)
{
	const struct user_memory from = { .pointer = u64_to_user_ptr(args->message) };
	u64 sequence;
	int err;

	/* Where the result cannot be written nothing is sent; afterwards it would be too late. */
	if (put_user(0, &user->sequence))
		return -EFAULT;
	if (args->length > MSGSLOT_INLINE_BYTES)
		err = send_long(f, args, from, patience, &sequence);
	else
		err = send(f, false, args, from, args->length, false, patience, &sequence);
	if (!err)
		(void)!put_user(sequence, &user->sequence);
	return err;
}
