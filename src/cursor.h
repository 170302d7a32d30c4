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
 * That channel, in an RCU section: NULL if another one was selected since.  The generation is read
 * after the channel, and select changes them in that order: so an equal generation with an equal
 * channel is that very selection.
 */
static __always_inline struct msgslot_channel *found_again(struct msgslot_file *f,
							   const struct found *found)
{
	struct msgslot_channel *channel;

	if (found->held)
		return found->channel;
	channel = rcu_dereference(f->channel);
	/* Pairs with the release in file_select(). */
	smp_rmb();
	if (unlikely(channel != found->channel || READ_ONCE(f->generation) != found->generation))
		return NULL;
	return channel;
}

/* Remembers for poll() that @sequence was read, unless another channel was selected meanwhile. */
static inline void mark_seen(struct msgslot_file *f, const struct found *found, u64 sequence)
{
	spin_lock(&f->lock);
	if (f->generation == found->generation && f->cursor.next <= sequence)
		WRITE_ONCE(f->cursor.next, sequence + 1);
	spin_unlock(&f->lock);
}

/* Takes the head: whether it was still there. */
static __always_inline bool take_head(struct msgslot_file *f, const struct found *found,
				      u64 sequence)
{
	struct msgslot_channel *channel;
	int wanted = -ESTALE;

	rcu_read_lock();
	channel = found_again(f, found);
	if (likely(channel))
		wanted = msgslot_log_take(&channel->log, sequence);
	if (unlikely(wanted > 0))
		msgslot_wake(&channel->wait, MSGSLOT_EVENTS_ROOM);
	rcu_read_unlock();
	if (unlikely(wanted < 0))
		return false;
	this_cpu_dec(f->slot->stats->messages);
	return true;
}

/*
 * Moves the file's cursor from byte @offset of the message @from on: to byte @end of the message
 * @sequence, which has @length bytes, or to the next message; those between went unread.  Whether
 * it was still there.
 */
static __always_inline bool move_on(struct msgslot_file *f, const struct found *found, u64 from,
				    u32 offset, u64 sequence, u32 end, u32 length)
{
	struct msgslot_channel *channel;
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
			this_cpu_add(f->slot->stats->dropped, sequence - from);
		}
	}
	spin_unlock(&f->lock);
	if (unlikely(f->slot->rules.overflow == MSGSLOT_BLOCK) && moved) {
		rcu_read_lock();
		channel = found_again(f, found);
		/* If another one was selected since, that told it. */
		if (channel)
			msgslot_channel_tell_room(f->slot, channel, false);
		rcu_read_unlock();
	}
	return moved;
}

#endif /* MSGSLOT_CURSOR_H */
