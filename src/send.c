// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending: write(), writev(), sendfile(), MSGSLOT_SEND.
 *
 * Everything that may fail or sleep comes before the message is placed: the bytes are copied in,
 * the log is made to grow, space is waited for.  Placing is the last step, and readers are woken
 * after it.
 *
 * send_fast() is the usual case, inline in the calls that begin with it.  What it leaves,
 * sender_place_slow() does.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/pipe_fs_i.h>
#include <linux/sched.h>
#include <linux/splice.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "file.h"
#include "send.h"
#include "sender.h"
#include "slot.h"
#include "user.h"

/*
 * Sends to the channel that @args name or, if they are NULL, to the selected one.  @sequence, where
 * the message's number goes, may be NULL.  Without @deadline, @nowait counts.  In the usual case
 * @is_long is a constant, and the message is nowhere but in registers.
 */
static __always_inline int send_fast(struct msgslot_file *f, bool is_long,
				     const struct msgslot_send *args, struct user_memory from,
				     size_t length, bool nowait,
				     const struct msgslot_deadline *deadline, u64 *sequence)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_buffer *buffer = NULL;
	struct msgslot_slot *slot = f->slot;
	struct msgslot_incoming message;
	int err;

	if (unlikely(!length || length > slot->rules.max_message))
		return -EMSGSIZE;
	if (unlikely(user_is_null(from)))
		return -EINVAL;
	if (is_long)
		buffer = sender_copy(f, from, length, inline_buffer);
	else if (unlikely(!user_copy_in(inline_buffer, from, length)))
		return -EFAULT;
	err = PTR_ERR_OR_ZERO(buffer);
	if (unlikely(err == -EFAULT))
		return err;
	if (unlikely(err))
		buffer = NULL;
	message = sender_message(f, args, length, inline_buffer, buffer);
	/*
	 * While sends are traced sender_place_slow() places them: what a tracepoint tells costs
	 * nothing here.
	 */
	if (unlikely(trace_msgslot_send_enabled()))
		err = err ?: -EIDRM;
	if (likely(!err))
		err = sender_place(f, slot, is_long, args, NULL, &message);
	if (unlikely(err)) {
		struct msgslot_incoming again =
			sender_message(f, args, length, inline_buffer, buffer);

		if (err == -EXDEV)
			err = sender_place_anywhere(f, args, NULL, &again);
		if (unlikely(err)) {
			const struct msgslot_deadline simple = msgslot_file_deadline(f, nowait);
			struct sender s = { .f = f, .args = args, .deadline = deadline ?: &simple };

			err = sender_place_slow(&s, &again, from, inline_buffer, err);
			sender_unhold(&s);
			if (unlikely(err))
				return err;
		}
		message = again;
	}
	sender_end(slot, is_long, &message);
	this_cpu_inc(slot->stats->sent);
	if (sequence)
		*sequence = message.sequence;
	return 0;
}

static ssize_t send_write_part(struct msgslot_file *f, struct user_memory from, size_t length,
			       bool nowait);

static __always_inline ssize_t send_write(struct msgslot_file *f, bool is_long,
					  struct user_memory from, size_t length, bool nowait)
{
	int err = 0;

	if (unlikely(msgslot_slot_is_gone(f->slot)))
		return -ENODEV;
	if (unlikely(!msgslot_file_has_channel(f)))
		err = msgslot_file_select_first(f);
	if (likely(!err))
		err = send_fast(f, is_long, NULL, from, length, nowait, NULL, NULL);
	if (likely(!err))
		return length;
	/* The end of the slot comes before all other errors, also where it came while they did. */
	if (msgslot_slot_is_gone(f->slot))
		return -ENODEV;
	return err == -EMSGSIZE ? send_write_part(f, from, length, nowait) : err;
}

static noinline ssize_t send_write_short(struct msgslot_file *f, struct user_memory from,
					 size_t length, bool nowait)
{
	return send_write(f, false, from, length, nowait);
}

static noinline ssize_t send_write_long(struct msgslot_file *f, struct user_memory from,
					size_t length, bool nowait)
{
	return send_write(f, true, from, length, nowait);
}

/*
 * Where messages may be written in pieces, a write takes as much as one may have, as a pipe does.
 */
static ssize_t send_write_part(struct msgslot_file *f, struct user_memory from, size_t length,
			       bool nowait)
{
	const struct msgslot_rules *rules = &f->slot->rules;

	if (!msgslot_rules_can(rules, MSGSLOT_CAN_PIECES) || length <= rules->max_message)
		return -EMSGSIZE;
	if (rules->max_message > MSGSLOT_INLINE_BYTES)
		return send_write_long(f, from, rules->max_message, nowait);
	return send_write_short(f, from, rules->max_message, nowait);
}

ssize_t msgslot_write(struct file *file, const char __user *buffer, size_t length, loff_t *pos)
{
	const struct user_memory from = { .pointer = (char __user *)buffer };

	if (length > MSGSLOT_INLINE_BYTES)
		return send_write_long(file->private_data, from, length, false);
	return send_write(file->private_data, false, from, length, false);
}

ssize_t msgslot_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	struct msgslot_file *f = iocb->ki_filp->private_data;
	const struct user_memory from = { .iter = iter };
	const bool nowait = iocb->ki_flags & IOCB_NOWAIT;

	if (iov_iter_count(iter) > MSGSLOT_INLINE_BYTES)
		return send_write_long(f, from, iov_iter_count(iter), nowait);
	return send_write(f, false, from, iov_iter_count(iter), nowait);
}

/*
 * sendfile(), by which some languages copy a file: one pipe full at a time, each written as one
 * message.  A full pipe may have the beginning of something longer, which would be cut: that is
 * refused unless messages may be written in pieces.  splice() from a pipe that other processes may
 * have open is refused, because the pipe's lock would be held while the write waits.
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

static noinline int send_fast_long(struct msgslot_file *f, const struct msgslot_send *args,
				   struct user_memory from, const struct msgslot_deadline *deadline,
				   u64 *sequence)
{
	return send_fast(f, true, args, from, args->length, false, deadline, sequence);
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
		err = send_fast_long(f, args, from, deadline, &sequence);
	else
		err = send_fast(f, false, args, from, args->length, false, deadline, &sequence);
	if (!err)
		(void)!put_user(sequence, &user->sequence);
	else if (msgslot_slot_is_gone(f->slot))
		err = -ENODEV;
	return err;
}
