/* SPDX-License-Identifier: GPL-2.0-only */
/* The usual case of receiving, inline in the calls that begin with it.  Part of receive.c. */
#ifndef MSGSLOT_RECEIVE_FAST_H
#define MSGSLOT_RECEIVE_FAST_H

#include "compat.h"
#include "cursor.h"
#include "message.h"
#include "peek.h"

static __always_inline bool put_fields(struct msgslot_recv __user *user, u32 length, u64 sequence,
				       u64 time, u64 lost, u32 pid, u32 uid)
{
	if (!user_access_begin(user, sizeof(*user)))
		return false;
	unsafe_put_user(length, &user->length, fault);
	unsafe_put_user(sequence, &user->sequence, fault);
	unsafe_put_user(time, &user->time, fault);
	unsafe_put_user(lost, &user->lost, fault);
	unsafe_put_user(pid, &user->pid, fault);
	unsafe_put_user(uid, &user->uid, fault);
	user_access_end();
	return true;

fault:
	user_access_end();
	return false;
}

/* Writes the result of MSGSLOT_RECV; whether that worked. */
static __always_inline bool put_result(struct msgslot_recv __user *user,
				       const struct msgslot_peek *peek, u64 lost)
{
	return put_fields(user, peek->length, peek->sequence, time_for_caller(peek->time), lost,
			  pid_for_caller(peek->pid, peek->time), uid_for_caller(peek->uid));
}

/* Copy out without waiting for a page: whether that worked. */
static __always_inline bool copy_out_now(struct user_memory to, const void *from, size_t length)
{
	bool done;

	pagefault_disable();
	done = copy_out(to, from, length);
	pagefault_enable();
	return done;
}

/* The same with a long message, whose buffer is put. */
static noinline bool copy_out_long(struct msgslot_file *f, struct user_memory to,
				   struct msgslot_buffer *buffer, size_t length)
{
	const bool done = copy_out_now(to, buffer->bytes, length);

	if (unlikely(refcount_dec_and_test(&buffer->refs)))
		msgslot_buffer_release(&f->slot->spares, buffer);
	return done;
}

/*
 * The usual case in a few steps: a message is there, on the selected channel, and wanted just so.
 * The length of the message.  Or nothing happened: -EAGAIN, no message is there; -EIDRM, it may be another
 * channel; 0, it is another case, and so many bytes as *@voided says may have gone to the user, of a message
 * that another reader took, or that went there only in part.  @args and @user are those of MSGSLOT_RECV, if
 * it @is_recv; @held is the channel where the caller has it on hold, else NULL.
 */
static __always_inline ssize_t receive_usual(struct msgslot_file *f,
					     enum msgslot_cursor_owner reads,
					     const struct found *held, bool is_recv,
					     const struct msgslot_recv *args,
					     struct msgslot_recv __user *user,
					     struct user_memory to, size_t size, size_t *voided)
{
	u8 room[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .room = room };
	struct found found = { .held = false };
	bool there, moved = true;
	int err = -EIDRM;
	u64 cursor = 0;
	size_t length;

	rcu_read_lock_sched();
	if (held) {
		found = *held;
		there = true;
	} else {
		/* Pairs with the release in file_select(): never new with the channel before. */
		found.generation = smp_load_acquire(&f->generation);
		found.channel = rcu_dereference_sched(f->channel);
		there = found.channel && (!is_recv || found.channel->id == args->channel);
	}
	if (reads == MSGSLOT_CURSOR_OF_FILE) {
		/* If these are of two moments, or of another channel, move_on() will know. */
		cursor = READ_ONCE(f->cursor.next);
		there = there && !READ_ONCE(f->cursor.offset);
	}
	if (likely(there))
		err = msgslot_log_peek_once(&found.channel->log, cursor, &peek, is_recv, size);
	rcu_read_unlock_sched();
	if (unlikely(err))
		goto another_case;
	length = peek.length;
	if (unlikely(length > size || is_null(to)))
		goto another_case;
	if (reads == MSGSLOT_CURSOR_OF_FILE && unlikely(peek.sequence != cursor))
		goto another_case;
	if (likely(length <= sizeof(room)))
		moved = copy_out(to, room, length);
	else
		moved = copy_out_long(f, to, peek.buffer, length);
	if (unlikely(!moved))
		goto again;
	if (is_recv && unlikely(!put_result(user, &peek, READ_ONCE(f->cursor.lost))))
		goto back;
	switch (reads) {
	case MSGSLOT_CURSOR_OF_NONE:
		if (unlikely(READ_ONCE(f->cursor.next) != peek.sequence + 1))
			mark_seen(f, &found, peek.sequence);
		break;
	case MSGSLOT_CURSOR_OF_CHANNEL:
		moved = take_head(f, &found, peek.sequence, length);
		break;
	case MSGSLOT_CURSOR_OF_FILE:
		moved = move_on(f, &found, peek.sequence, 0, peek.sequence, length, length);
		break;
	}
	if (likely(moved)) {
		this_cpu_inc(f->slot->stats->received);
		return length;
	}
back:
	/* What went out with the iterator goes out again. */
	if (to.iter)
		iov_iter_revert(to.iter, length);
again:
	*voided = max(*voided, length);
	return 0;

another_case:
	msgslot_buffer_put(&f->slot->spares, peek.buffer);
	return err == -EAGAIN || err == -EIDRM ? err : 0;
}

/* The same, where each mode has code of its own: that saves thirty instructions of a message. */
static __always_inline ssize_t receive_usual_of_mode(struct msgslot_file *f, bool is_recv,
						     const struct msgslot_recv *args,
						     struct msgslot_recv __user *user,
						     struct user_memory to, size_t size,
						     size_t *voided)
{
	switch (f->slot->rules.cursor) {
	case MSGSLOT_CURSOR_OF_NONE:
		return receive_usual(f, MSGSLOT_CURSOR_OF_NONE, NULL, is_recv, args, user, to, size,
				     voided);
	case MSGSLOT_CURSOR_OF_CHANNEL:
		return receive_usual(f, MSGSLOT_CURSOR_OF_CHANNEL, NULL, is_recv, args, user, to,
				     size, voided);
	default:
		return receive_usual(f, MSGSLOT_CURSOR_OF_FILE, NULL, is_recv, args, user, to, size,
				     voided);
	}
}

#endif /* MSGSLOT_RECEIVE_FAST_H */
