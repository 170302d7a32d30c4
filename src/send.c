// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: write(), writev(), sendfile(), MSGSLOT_SEND.
 *
 * Everything that may fail or sleep comes before the message is placed: the bytes are copied in,
 * the log is made to grow, room is waited for.  Placing is the last thing, and who sleeps is woken
 * after it.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched.h>
#include <linux/splice.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "file.h"
#include "mmap.h"
#include "place.h"
#include "send.h"
#include "slot.h"
#include "user.h"

/*
 * Copies a long message in; ERR_PTR(-EFAULT) or ERR_PTR(-ENOMEM).  Where there is no memory, a bad pointer
 * is still the error that comes first: so the message is read through then, into @room, a piece at a time.
 */
static noinline struct msgslot_buffer *copy_in_long(struct msgslot_file *f, struct user_memory from,
						    size_t length, u8 *room)
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
		if (!user_copy_in(room, from, n))
			return ERR_PTR(-EFAULT);
		if (!from.iter)
			from.pointer += n;
	}
	return ERR_PTR(-ENOMEM);
}

/* The same without sleep; NULL if that cannot be. */
static struct msgslot_buffer *copy_in_long_now(struct msgslot_file *f, struct user_memory from,
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

/**
 * struct sender - a call that did not get by without more ado
 * @f: the file
 * @args: of MSGSLOT_SEND, or NULL
 * @deadline: how long it may wait
 * @held: the channel, held by @holder; or NULL
 * @holder: the call, as that channel knows it
 * @slept: the call slept in the channel's queue
 */
struct sender {
	struct msgslot_file *f;
	const struct msgslot_send *args;
	const struct msgslot_deadline *deadline;
	struct msgslot_channel *held;
	struct msgslot_holder holder;
	bool slept;
};

/* Takes a hold of the channel that the call names, or of the selected one. */
static int hold(struct sender *s)
{
	struct msgslot_channel *channel;

	if (s->held)
		return 0;
	if (!s->args)
		channel = msgslot_file_hold_selected(s->f, &s->holder).channel;
	else if (s->args->flags & MSGSLOT_SEND_IF && s->args->expected)
		/* Where there is no channel there is no message that could be the newest. */
		channel =
			msgslot_channel_find(&s->f->slot->channels, s->args->channel, s->f->payer.share, &s->holder) ?:
				ERR_PTR(-ESTALE);
	else
		channel = msgslot_channel_hold(&s->f->slot->channels, s->args->channel,
					       &s->f->payer, &s->holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	s->held = channel;
	return 0;
}

/* Before the call waits for a page or for memory: having been woken alone it wakes the next. */
static void before_waiting(struct sender *s)
{
	if (s->slept && msgslot_log_is_writable(&s->held->log, &s->f->slot->rules))
		msgslot_waiters_wake(&s->held->waiters.writers, MSGSLOT_EVENTS_WRITABLE);
}

/* Makes room for so many @bytes in a cell: errors as of msgslot_log_grow(). */
static int grow(struct sender *s, u32 bytes)
{
	const struct msgslot_payer *payer = &s->f->payer;
	const struct msgslot_rules *rules = &s->f->slot->rules;
	int err = -ENOMEM;

	/* Whoever was woken alone tries it without sleep, for nobody else is to be woken if that will do. */
	if (s->slept)
		err = msgslot_log_grow(&s->held->log, payer, rules, bytes, MSGSLOT_GFP_NOW);
	if (err != -ENOMEM)
		return err;
	before_waiting(s);
	return msgslot_log_grow(&s->held->log, payer, rules, bytes, MSGSLOT_GFP);
}

/* After @wrong of place(): 0 to place @message again.  While it waits for room it has no buffer. */
static int prepare_again(struct sender *s, struct msgslot_incoming *message, int wrong)
{
	struct msgslot_slot *slot = s->f->slot;
	int err;

	/* Forgotten under our hands, with the slot or for another selection. */
	if (wrong == -EIDRM)
		return msgslot_slot_is_gone(slot) ? -ENODEV : hold(s);
	if (wrong == -EDQUOT && !message->privileged && msgslot_payer_is_privileged(&s->f->payer)) {
		message->privileged = true;
		return 0;
	}
	if (wrong == -EAGAIN ? !s->deadline->wait : wrong != -ENOBUFS)
		return wrong;
	err = hold(s);
	if (err)
		return err;
	if (wrong == -ENOBUFS) {
		err = grow(s, msgslot_incoming_capacity(message));
		/* A channel on hold dies with its slot only. */
		return err == -EIDRM ? -ENODEV : err;
	}
	msgslot_buffer_put(&slot->spares, message->buffer);
	message->buffer = NULL;
	s->slept = true;
	return msgslot_wait_space(&s->held->waiters, &s->held->log, &slot->rules, s->deadline);
}

/*
 * Places @message in the channel that is held or, where that is none, selected at that moment;
 * -EIDRM if that is not the channel that @args name.
 */
static __always_inline int place(struct msgslot_file *f, struct msgslot_slot *slot, bool is_long,
				 const struct msgslot_send *args, struct msgslot_channel *held,
				 struct msgslot_incoming *message)
{
	struct msgslot_channel *channel;
	int more;

	rcu_read_lock();
	channel = held ?: rcu_dereference(f->channel);
	more = -EIDRM;
	if (likely(!args || (channel && channel->id == args->channel)))
		more = msgslot_place(&channel->log, &slot->rules, message, is_long);
	if (likely(more >= 0)) {
		/* Where there is a map to be filled, that comes before anybody is woken. */
		if (!is_long || likely(!message->map))
			msgslot_waiters_wake(&channel->waiters.readers, MSGSLOT_EVENTS_READABLE);
		if (more)
			this_cpu_add(slot->stats->messages, more);
	}
	rcu_read_unlock();
	return more < 0 ? more : 0;
}

/*
 * Copies a long message in again: it was not placed, and the call waited since.  Where there is no memory,
 * a full log, the condition or a limit stands before that, and room brings memory, too.
 */
static int take_in_long(struct sender *s, struct msgslot_incoming *message, struct user_memory from,
			u8 *room)
{
	int err;

	/* It was read through. */
	if (from.iter)
		iov_iter_revert(from.iter, message->length);
	message->buffer = copy_in_long_now(s->f, from, message->length);
	if (message->buffer)
		return 0;
	before_waiting(s);
	message->buffer = copy_in_long(s->f, from, message->length, room);
	if (!IS_ERR(message->buffer))
		return 0;
	err = PTR_ERR(message->buffer);
	message->buffer = NULL;
	return err;
}

/* After -ENOMEM: what would have come before that, which may be something to wait for. */
static int check_before_memory(struct sender *s, const struct msgslot_incoming *message)
{
	return hold(s)								       ?:
		       msgslot_place_check(&s->held->log, &s->f->slot->rules, message) ?:
											 -ENOMEM;
}

/* All that is not the usual case: after @err of place(), or of bytes that could not be taken in. */
static noinline int send_slow(struct sender *s, struct msgslot_incoming *message,
			      struct user_memory from, u8 *room, int err)
{
	const bool is_long = message->length > MSGSLOT_INLINE_BYTES;
	struct msgslot_slot *slot = s->f->slot;
	unsigned int rounds = 0;

	while (err) {
		if (err == -ENOMEM)
			err = check_before_memory(s, message);
		err = prepare_again(s, message, err);
		/* Others may be faster, again and again. */
		if (!err)
			err = msgslot_deadline_retry(s->deadline, &rounds);
		if (err)
			break;
		if (is_long && !message->buffer)
			err = take_in_long(s, message, from, room);
		if (err == -EFAULT)
			break;
		if (!err)
			err = place(s->f, slot, is_long, s->args, s->held, message);
	}
	if (!err && is_long && message->map)
		msgslot_mmap_fill(message->map, message->sequence, message->length,
				  message->placed);
	msgslot_buffer_put(&slot->spares, message->buffer);
	/* Who slept and leaves without placing wakes the next, if there is room. */
	if (err)
		before_waiting(s);
	if (s->held)
		msgslot_channel_unhold(&slot->channels, s->held, &s->holder);
	return err;
}

static __always_inline struct msgslot_incoming message_of(const struct msgslot_file *f,
							  const struct msgslot_send *args,
							  u32 length, const u8 *bytes,
							  struct msgslot_buffer *buffer)
{
	return (struct msgslot_incoming){
		.length = length,
		.pid = current->tgid,
		.uid = f->payer.uid,
		.share = f->payer.share,
		.conditional = args && args->flags & MSGSLOT_SEND_IF,
		.expected = args ? args->expected : 0,
		.bytes = bytes,
		.buffer = buffer,
	};
}

/*
 * Sends to the channel that @args name or, if they are NULL, to the selected one; @sequence, where
 * the message's number goes, may be NULL.  Without @deadline, @nowait says it.  In the usual case
 * @is_long is a constant, and the message nowhere but in registers.
 */
static __always_inline int send(struct msgslot_file *f, bool is_long,
				const struct msgslot_send *args, struct user_memory from,
				size_t length, bool nowait, const struct msgslot_deadline *deadline,
				u64 *sequence)
{
	u8 room[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_buffer *buffer = NULL;
	struct msgslot_slot *slot = f->slot;
	struct msgslot_incoming message;
	int err;

	if (unlikely(!length || length > slot->rules.max_message))
		return -EMSGSIZE;
	if (unlikely(user_is_null(from)))
		return -EINVAL;
	if (is_long)
		buffer = copy_in_long(f, from, length, room);
	else if (unlikely(!user_copy_in(room, from, length)))
		return -EFAULT;
	err = PTR_ERR_OR_ZERO(buffer);
	if (unlikely(err == -EFAULT))
		return err;
	if (unlikely(err))
		buffer = NULL;
	message = message_of(f, args, length, room, buffer);
	if (likely(!err))
		err = place(f, slot, is_long, args, NULL, &message);
	if (unlikely(err)) {
		const struct msgslot_deadline simple = msgslot_file_deadline(f, nowait);
		struct msgslot_incoming again = message_of(f, args, length, room, buffer);
		struct sender s = { .f = f, .args = args, .deadline = deadline ?: &simple };

		err = send_slow(&s, &again, from, room, err);
		if (unlikely(err))
			return err;
		message.sequence = again.sequence;
		message.buffer = NULL;
	} else if (is_long && unlikely(message.map)) {
		msgslot_mmap_fill(message.map, message.sequence, length, message.placed);
	}
	/* A long message that this one took the place of. */
	if (unlikely(message.buffer))
		msgslot_buffer_put(&slot->spares, message.buffer);
	this_cpu_inc(slot->stats->sent);
	if (sequence)
		*sequence = message.sequence;
	return 0;
}

static ssize_t write_part(struct msgslot_file *f, struct user_memory from, size_t length,
			  bool nowait);

static __always_inline ssize_t write(struct msgslot_file *f, bool is_long, struct user_memory from,
				     size_t length, bool nowait)
{
	int err = 0;

	if (unlikely(msgslot_slot_is_gone(f->slot)))
		return -ENODEV;
	/* Once selected, a file always has a channel. */
	if (unlikely(!rcu_access_pointer(f->channel)))
		err = msgslot_file_select_first(f);
	if (likely(!err))
		err = send(f, is_long, NULL, from, length, nowait, NULL, NULL);
	if (likely(!err))
		return length;
	/* The end of the slot comes before all other errors, also where it came while they did. */
	if (msgslot_slot_is_gone(f->slot))
		return -ENODEV;
	return err == -EMSGSIZE ? write_part(f, from, length, nowait) : err;
}

static noinline ssize_t write_short(struct msgslot_file *f, struct user_memory from, size_t length,
				    bool nowait)
{
	return write(f, false, from, length, nowait);
}

static noinline ssize_t write_long(struct msgslot_file *f, struct user_memory from, size_t length,
				   bool nowait)
{
	return write(f, true, from, length, nowait);
}

/* Of more than a message `broadcast` takes what it can, as a pipe does; elsewhere messages are whole. */
static ssize_t write_part(struct msgslot_file *f, struct user_memory from, size_t length,
			  bool nowait)
{
	const struct msgslot_rules *rules = &f->slot->rules;

	if (!msgslot_rules_can(rules, MSGSLOT_CAN_PIECES) || length <= rules->max_message)
		return -EMSGSIZE;
	if (rules->max_message > MSGSLOT_INLINE_BYTES)
		return write_long(f, from, rules->max_message, nowait);
	return write_short(f, from, rules->max_message, nowait);
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

/*
 * sendfile(), by which some languages copy a file: one pipe full at a time, each written as one message.
 * A pipe that is full may hold the beginning of something longer, which would be cut; only `broadcast` may
 * do so.  splice() from a pipe that other processes may have open is refused: its lock would be held while
 * a write here waits.
 */
ssize_t msgslot_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *pos,
			     size_t length, unsigned int flags)
{
	const struct msgslot_file *f = file->private_data;

	if (pipe != current->splice_pipe)
		return -EINVAL;
	if (!msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_PIECES) &&
	    pipe_full(pipe->head, pipe->tail, pipe->max_usage))
		return -EMSGSIZE;
	return iter_file_splice_write(pipe, file, pos, length, flags);
}

static noinline int send_long(struct msgslot_file *f, const struct msgslot_send *args,
			      struct user_memory from, const struct msgslot_deadline *deadline,
			      u64 *sequence)
{
	return send(f, true, args, from, args->length, false, deadline, sequence);
}

long msgslot_send(struct msgslot_file *f, struct msgslot_send __user *user,
		  const struct msgslot_send *args, const struct msgslot_deadline *deadline)
{
	const struct user_memory from = { .pointer = u64_to_user_ptr(args->message) };
	u64 sequence;
	int err;

	/* Where the result cannot be written nothing is sent; afterwards it would be too late. */
	if (put_user(args->sequence, &user->sequence))
		return -EFAULT;
	if (args->length > MSGSLOT_INLINE_BYTES)
		err = send_long(f, args, from, deadline, &sequence);
	else
		err = send(f, false, args, from, args->length, false, deadline, &sequence);
	if (!err)
		(void)!put_user(sequence, &user->sequence);
	else if (msgslot_slot_is_gone(f->slot))
		err = -ENODEV;
	return err;
}
