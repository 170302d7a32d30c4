/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The usual case of a receive, inline in the calls that begin with it: a message is there, on the
 * selected channel, and wanted just so.  Everything else is receive_slow()'s, in receive.c.
 */
#ifndef MSGSLOT_RECEIVE_FAST_H
#define MSGSLOT_RECEIVE_FAST_H

#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "channel.h"
#include "compat.h"
#include "cursor.h"
#include "file.h"
#include "peek.h"
#include "slot.h"
#include "user.h"

/**
 * struct lookup - where a message was found
 * @channel: to be compared only, unless @held
 * @held: the call holds @channel
 * @generation: of the file's selection
 */
struct lookup {
	struct msgslot_channel *channel;
	bool held;
	unsigned long generation;
};

/*
 * Whether @channel, which the file has selected now, is the one of @lookup, by the same selection;
 * in an RCU section.  The generation is read after the channel, and select changes them in that
 * order: so an equal generation with an equal channel is that very selection.
 */
static __always_inline bool lookup_revalidate(struct msgslot_file *f, const struct lookup *lookup,
					      const struct msgslot_channel *channel)
{
	/* Pairs with the release of generation in file_select(). */
	smp_rmb();
	return likely(channel == lookup->channel && READ_ONCE(f->generation) == lookup->generation);
}

/* ---- the cursor, after the message was copied ------------------------------------------------ */

/* Notes for poll() that @sequence was read, unless another channel was selected meanwhile. */
static __always_inline void receive_mark_seen(struct msgslot_file *f, const struct lookup *lookup,
					      u64 sequence)
{
	spin_lock(&f->lock);
	if (f->generation == lookup->generation && f->cursor.next <= sequence)
		WRITE_ONCE(f->cursor.next, sequence + 1);
	spin_unlock(&f->lock);
}

/*
 * What msgslot_cursor_take() left to do that belongs into its RCU section, after it took @count.
 * @moved: the file has selected another channel, of which the call is no holder.
 */
static noinline void receive_take_end(struct msgslot_file *f, struct msgslot_channel *channel,
				      u32 count, int left, bool moved)
{
	if (left > 0 && left & MSGSLOT_WAKE_MASK)
		msgslot_channel_wake_writers(channel, count);
	if (left > 0 && left & MSGSLOT_IS_READY)
		msgslot_feed_settle_log(&f->slot->channels.feed, &channel->log);
	/* The right column in channel.h. */
	if (channel && moved)
		msgslot_channel_forget(&f->slot->channels, channel);
}

/*
 * Takes the @count oldest messages of a queue: one that @is_long, or short ones.  Whether they were
 * still there.
 */
static __always_inline bool receive_take(struct msgslot_file *f, const struct lookup *lookup,
					 u64 sequence, u32 count, bool is_long)
{
	struct msgslot_channel *channel = lookup->channel;
	struct msgslot_buffer *old;
	int left = -ESTALE;

	rcu_read_lock();
	if (!lookup->held)
		channel = rcu_dereference(f->reading);
	if (lookup->held || lookup_revalidate(f, lookup, channel))
		left = msgslot_cursor_take(&channel->log, sequence, count, is_long, &old);
	else
		channel = NULL;
	if (unlikely(left || READ_ONCE(f->generation) != lookup->generation))
		receive_take_end(f, channel, count, left,
				 !lookup->held && READ_ONCE(f->generation) != lookup->generation);
	rcu_read_unlock();
	if (unlikely(left)) {
		if (left < 0)
			return false;
		if (left & MSGSLOT_HAS_BUFFER)
			msgslot_buffer_put(&f->slot->spares, old);
	}
	this_cpu_sub(f->slot->stats->messages, count);
	return true;
}

/*
 * receive_advance(); with @channel, writers may wait for the cursor: it is counted anew in
 * *@channel.
 */
static __always_inline bool receive_advance_file(struct msgslot_file *f,
						 const struct lookup *lookup, u64 from, u32 offset,
						 u64 sequence, u32 count, u32 end, u32 length,
						 struct msgslot_channel **channel)
{
	bool moved = false;

	spin_lock(&f->lock);
	if (unlikely(f->generation != lookup->generation)) {
		/*
		 * The call slept on a channel the file has since deselected: the message is
		 * delivered; there is no cursor to advance.
		 */
		moved = lookup->held;
	} else if (likely(f->cursor.next == from && f->cursor.offset == offset)) {
		moved = true;
		WRITE_ONCE(f->cursor.offset, end < length ? end : 0);
		if (likely(end >= length))
			WRITE_ONCE(f->cursor.next, sequence + count);
		if (unlikely(sequence != from)) {
			WRITE_ONCE(f->cursor.lost, f->cursor.lost + (sequence - from));
			this_cpu_add(f->slot->stats->dropped,
				     msgslot_cursor_dropped(&f->cursor, from, sequence));
		}
		if (channel) {
			*channel = lookup->channel;
			msgslot_cursor_follow(&f->cursor, &lookup->channel->log);
		}
	}
	spin_unlock(&f->lock);
	return moved;
}

/* Where writers wait for readers, they are woken; the RCU section keeps the channel. */
static noinline bool receive_advance_and_wake(struct msgslot_file *f, struct lookup lookup,
					      u64 from, u32 offset, u64 sequence, u32 count,
					      u32 end, u32 length)
{
	struct msgslot_channel *channel = NULL;
	bool moved;

	rcu_read_lock();
	moved = receive_advance_file(f, &lookup, from, offset, sequence, count, end, length,
				     &channel);
	if (channel)
		msgslot_channel_tell_space(channel, &f->slot->rules, count);
	rcu_read_unlock();
	return moved;
}

/*
 * Advances the file's cursor from byte @offset of the message @from to byte @end of the message
 * @sequence, which has @length bytes; or over @count messages from @sequence on, to the next one.
 * The messages between went unread.  Whether the cursor was still there.
 */
static __always_inline bool receive_advance(struct msgslot_file *f, const struct lookup *lookup,
					    u64 from, u32 offset, u64 sequence, u32 count, u32 end,
					    u32 length)
{
	if (unlikely(f->slot->rules.overflow == MSGSLOT_BLOCK))
		return receive_advance_and_wake(f, *lookup, from, offset, sequence, count, end,
						length);
	return receive_advance_file(f, lookup, from, offset, sequence, count, end, length, NULL);
}

/* ---- the caller's memory --------------------------------------------------------------------- */

/*
 * @channel: in which the message was found, where the call names a range; else NULL.  @delivered:
 * where the program's struct has that; else NULL.
 */
static __always_inline bool receive_put_fields(struct msgslot_recv __user *user, const u32 *channel,
					       const u64 *delivered, u32 length, u64 sequence,
					       u64 time, u64 lost, u32 pid, u32 uid)
{
	/* As much as every program's struct has. */
	if (!user_access_begin(user, delivered ? offsetofend(struct msgslot_recv, delivered) :
						 offsetofend(struct msgslot_recv, uid)))
		return false;
	if (channel)
		unsafe_put_user(*channel, &user->channel, fault);
	unsafe_put_user(length, &user->length, fault);
	unsafe_put_user(sequence, &user->sequence, fault);
	unsafe_put_user(time, &user->time, fault);
	unsafe_put_user(lost, &user->lost, fault);
	unsafe_put_user(pid, &user->pid, fault);
	unsafe_put_user(uid, &user->uid, fault);
	if (delivered)
		unsafe_put_user(*delivered, &user->delivered, fault);
	user_access_end();
	return true;

fault:
	user_access_end();
	return false;
}

/* Writes the result of MSGSLOT_RECV.  Whether that worked. */
static __always_inline bool receive_put_result(struct msgslot_recv __user *user, const u32 *channel,
					       const u64 *delivered,
					       const struct msgslot_peek *peek, u64 lost)
{
	return receive_put_fields(user, channel, delivered, peek->length, peek->sequence,
				  user_time(peek->time), lost, user_pid(peek->pid, peek->time),
				  user_uid(peek->uid));
}

/* Copies out without waiting for a page.  Whether that worked. */
static __always_inline bool receive_copy_now(struct user_memory to, const void *from, size_t length)
{
	bool done;

	pagefault_disable();
	done = user_copy_out(to, from, length);
	pagefault_enable();
	return done;
}

/* The same with a long message, whose buffer is put. */
static noinline bool receive_copy_long(struct msgslot_file *f, struct user_memory to,
				       struct msgslot_buffer *buffer, size_t length)
{
	const bool done = receive_copy_now(to, buffer->bytes, length);

	if (unlikely(refcount_dec_and_test(&buffer->refs)))
		msgslot_buffer_release(&f->slot->spares, buffer);
	return done;
}

/* ---- the usual case -------------------------------------------------------------------------- */

/*
 * The length of the message; or nothing happened, and the caller goes on with receive_slow():
 * -EAGAIN: there is no message; -EIDRM: it may be another channel; 0: any other case, in which
 * *@voided bytes may have gone to the user, of a message that another reader took, or that was not
 * copied to its end.  @args and @user are those of MSGSLOT_RECV, if it @is_recv; @held is the
 * channel, if the caller holds it, else NULL.
 */
static __always_inline ssize_t receive_fast(struct msgslot_file *f, enum msgslot_cursor_owner owner,
					    const struct lookup *held, bool is_recv,
					    const struct msgslot_recv *args,
					    struct msgslot_recv __user *user, struct user_memory to,
					    size_t size, size_t *voided)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	struct lookup lookup = { .held = false };
	bool usual, moved = true;
	int err = -EIDRM;
	u64 cursor = 0;
	size_t length;

	rcu_read_lock_sched();
	if (held) {
		lookup = *held;
		usual = true;
	} else {
		/* Pairs with the release in file_select(): never new with the channel before. */
		lookup.generation = smp_load_acquire(&f->generation);
		lookup.channel = rcu_dereference_sched(f->reading);
		usual = lookup.channel && (!is_recv || lookup.channel->log.id == args->channel);
	}
	if (owner == MSGSLOT_CURSOR_OF_FILE) {
		/* If these are of two moments, or of another channel, receive_advance() notices. */
		cursor = READ_ONCE(f->cursor.next);
		usual = usual && !READ_ONCE(f->cursor.offset);
	}
	if (likely(usual))
		err = msgslot_peek_once(&lookup.channel->log, cursor, &peek, is_recv, size);
	rcu_read_unlock_sched();
	if (unlikely(err))
		goto unusual;
	length = peek.length;
	if (unlikely(length > size || user_is_null(to)))
		goto unusual;
	if (owner == MSGSLOT_CURSOR_OF_FILE && unlikely(peek.sequence != cursor))
		goto unusual;
	if (likely(length <= sizeof(inline_buffer)))
		moved = user_copy_out(to, inline_buffer, length);
	else
		moved = receive_copy_long(f, to, peek.buffer, length);
	if (unlikely(!moved))
		goto again;
	if (is_recv &&
	    unlikely(!receive_put_result(user, NULL, NULL, &peek, READ_ONCE(f->cursor.lost))))
		goto revert;
	switch (owner) {
	case MSGSLOT_CURSOR_OF_NONE:
		if (unlikely(READ_ONCE(f->cursor.next) != peek.sequence + 1))
			receive_mark_seen(f, &lookup, peek.sequence);
		break;
	case MSGSLOT_CURSOR_OF_CHANNEL:
		moved = receive_take(f, &lookup, peek.sequence, 1, length > MSGSLOT_INLINE_BYTES);
		break;
	case MSGSLOT_CURSOR_OF_FILE:
		moved = receive_advance(f, &lookup, peek.sequence, 0, peek.sequence, 1, length,
					length);
		break;
	}
	if (likely(moved)) {
		this_cpu_inc(f->slot->stats->received);
		return length;
	}
revert:
	/* The iterator goes back to where the message began. */
	if (to.iter)
		iov_iter_revert(to.iter, length);
again:
	*voided = max(*voided, length);
	return 0;

unusual:
	msgslot_buffer_put(&f->slot->spares, peek.buffer);
	return err == -EAGAIN || err == -EIDRM ? err : 0;
}

/*
 * The same, with code of its own for each owner of a cursor: that saves thirty instructions of a
 * message.
 */
static __always_inline ssize_t receive_fast_by_owner(struct msgslot_file *f, bool is_recv,
						     const struct msgslot_recv *args,
						     struct msgslot_recv __user *user,
						     struct user_memory to, size_t size,
						     size_t *voided)
{
	switch (f->slot->rules.cursor) {
	case MSGSLOT_CURSOR_OF_NONE:
		return receive_fast(f, MSGSLOT_CURSOR_OF_NONE, NULL, is_recv, args, user, to, size,
				    voided);
	case MSGSLOT_CURSOR_OF_CHANNEL:
		return receive_fast(f, MSGSLOT_CURSOR_OF_CHANNEL, NULL, is_recv, args, user, to,
				    size, voided);
	default:
		return receive_fast(f, MSGSLOT_CURSOR_OF_FILE, NULL, is_recv, args, user, to, size,
				    voided);
	}
}

#endif /* MSGSLOT_RECEIVE_FAST_H */
