/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Moving a cursor: the last step of receiving, after a message was handed out.
 *
 *	mode		whose cursor			moved under
 *	last		the file's, for poll() only	msgslot_file.lock
 *	queue		the channel's: log.first	msgslot_log.lock
 *	broadcast	the file's			msgslot_file.lock
 *
 * Each is moved only from where the message was found, so of several who handed out the same
 * message one moves the cursor, and the others are told that it was not there any more.
 */
#ifndef MSGSLOT_CURSOR_H
#define MSGSLOT_CURSOR_H

#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "channel.h"
#include "file.h"
#include "slot.h"

/**
 * struct found - where a message was found
 * @channel: to be compared only, unless it is on hold
 * @held: whether it is
 * @generation: of the file's selection
 */
struct found {
	struct msgslot_channel *channel;
	bool held;
	unsigned long generation;
};

/*
 * Whether @channel, which the file has now, is the one that was @found, by the same selection; in an RCU
 * section.  The generation is read after the channel, and select changes them in that order: so an equal
 * generation with an equal channel is that very selection.
 */
static __always_inline bool is_found_again(struct msgslot_file *f, const struct found *found,
					   const struct msgslot_channel *channel)
{
	/* Pairs with the release in file_select(). */
	smp_rmb();
	return likely(channel == found->channel && READ_ONCE(f->generation) == found->generation);
}

/* Remembers for poll() that @sequence was read, unless another channel was selected meanwhile. */
static __always_inline void mark_seen(struct msgslot_file *f, const struct found *found,
				      u64 sequence)
{
	spin_lock(&f->lock);
	if (f->generation == found->generation && f->cursor.next <= sequence)
		WRITE_ONCE(f->cursor.next, sequence + 1);
	spin_unlock(&f->lock);
}

/* What is @left by msgslot_log_take(), and may be done in its RCU section; @moved: on without the channel. */
static noinline void take_head_end(struct msgslot_file *f, struct msgslot_channel *channel,
				   int left, bool moved)
{
	if (left > 0 && left & MSGSLOT_WAKE_MASK)
		msgslot_waiters_wake(&channel->waiters.writers, MSGSLOT_EVENTS_WRITABLE);
	/* The right column in channel.h. */
	if (channel && moved)
		msgslot_channel_forget(f->slot, channel);
}

/* Takes the head, which has @length bytes: whether it was still there. */
static __always_inline bool take_head(struct msgslot_file *f, const struct found *found,
				      u64 sequence, u32 length)
{
	struct msgslot_channel *channel = found->channel;
	struct msgslot_buffer *old;
	int left = -ESTALE;

	rcu_read_lock();
	if (!found->held)
		channel = rcu_dereference(f->channel);
	if (found->held || is_found_again(f, found, channel))
		left = msgslot_log_take(&channel->log, sequence, length > MSGSLOT_INLINE_BYTES,
					&old);
	else
		channel = NULL;
	if (unlikely(left || READ_ONCE(f->generation) != found->generation))
		take_head_end(f, channel, left,
			      !found->held && READ_ONCE(f->generation) != found->generation);
	rcu_read_unlock();
	if (unlikely(left)) {
		if (left < 0)
			return false;
		if (left & MSGSLOT_TAKEN_BUFFER)
			msgslot_buffer_put(&f->slot->spares, old);
	}
	this_cpu_dec(f->slot->stats->messages);
	return true;
}

/* The cursor's part of move_on(); if writers wait for it, it is counted anew in *@channel. */
static __always_inline bool move_file_cursor(struct msgslot_file *f, const struct found *found,
					     u64 from, u32 offset, u64 sequence, u32 end,
					     u32 length, struct msgslot_channel **channel)
{
	bool moved = false;

	spin_lock(&f->lock);
	if (unlikely(f->generation != found->generation)) {
		/* Who slept on a channel that the file left since has his message, and no cursor. */
		moved = found->held;
	} else if (likely(f->cursor.next == from && f->cursor.offset == offset)) {
		moved = true;
		WRITE_ONCE(f->cursor.offset, end < length ? end : 0);
		if (likely(end >= length))
			WRITE_ONCE(f->cursor.next, sequence + 1);
		if (unlikely(sequence != from)) {
			WRITE_ONCE(f->cursor.lost, f->cursor.lost + (sequence - from));
			this_cpu_add(f->slot->stats->dropped,
				     msgslot_cursor_dropped(&f->cursor, from, sequence));
		}
		if (channel) {
			*channel = found->channel;
			msgslot_log_follow(&found->channel->log, &f->cursor);
		}
	}
	spin_unlock(&f->lock);
	return moved;
}

/* Where writers wait for readers, they are told; the RCU section is for the channel. */
static noinline bool move_on_and_tell(struct msgslot_file *f, struct found found, u64 from,
				      u32 offset, u64 sequence, u32 end, u32 length)
{
	struct msgslot_channel *channel = NULL;
	bool moved;

	rcu_read_lock();
	moved = move_file_cursor(f, &found, from, offset, sequence, end, length, &channel);
	if (channel)
		msgslot_channel_wake_writers(channel, &f->slot->rules, false);
	rcu_read_unlock();
	return moved;
}

/*
 * Moves the file's cursor from byte @offset of the message @from on: to byte @end of the message
 * @sequence, which has @length bytes, or to the next message; those between went unread.  Whether
 * it was still there.
 */
static __always_inline bool move_on(struct msgslot_file *f, const struct found *found, u64 from,
				    u32 offset, u64 sequence, u32 end, u32 length)
{
	if (unlikely(f->slot->rules.overflow == MSGSLOT_BLOCK))
		return move_on_and_tell(f, *found, from, offset, sequence, end, length);
	return move_file_cursor(f, found, from, offset, sequence, end, length, NULL);
}

#endif /* MSGSLOT_CURSOR_H */
