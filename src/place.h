/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Placing: a message goes into a log, and into the map of that log where there is one.
 *
 * Everything that may fail comes first; from the first change of a cell on nothing fails.
 *
 * Modelled in tests/model/cell.pml, map.pml.
 */
#ifndef MSGSLOT_PLACE_H
#define MSGSLOT_PLACE_H

#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/msgslot.h>

#include "feed.h"
#include "log.h"
#include "map.h"

/**
 * struct msgslot_incoming - a message on its way into a log
 * @length: in bytes
 * @pid: of the sender, as in the cell
 * @uid: of the sender, as in the cell
 * @share: of the sender, which is charged for @buffer
 * @privileged: charged beyond the share
 * @paid: @buffer is charged already
 * @conditional: placed only if the newest message is @expected
 * @least: what a later message of the channel needs of its cell, in bytes, MSGSLOT_INLINE_BYTES at
 *	most
 * @expected: a sequence, or 0: only if there is no message
 * @sequence: its number, once it is placed
 * @bytes: the message, where it is short
 * @buffer: has the message where it is long, else NULL
 * @placed: once a long message is placed, its buffer
 * @map: the map that the caller is to fill with it then, or NULL
 */
struct msgslot_incoming {
	u32 length;
	pid_t pid;
	kuid_t uid;
	struct msgslot_share *share;
	bool privileged;
	bool paid;
	bool conditional;
	u32 least;
	u64 expected;
	u64 sequence;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
	struct msgslot_buffer *placed;
	struct msgslot_map_pages *map;
};

/*
 * The capacity that its cell needs: also that of a long message, which stores no byte there, so
 * that a shorter one finds it that comes in its place.
 */
static inline u32 msgslot_incoming_capacity(const struct msgslot_incoming *message)
{
	return min_t(u32, max(message->length, message->least), MSGSLOT_INLINE_BYTES);
}

/*
 * What msgslot_place() would return for a long message, if it had a buffer: 0, -EAGAIN, -ESTALE,
 * -EIDRM, -ENOSPC, -EDQUOT.
 */
int msgslot_place_check(struct msgslot_log *log, const struct msgslot_rules *rules,
			const struct msgslot_incoming *message);

/*
 * The message in @cell goes into the log's map.  NULL; or that map, with a reference, and the
 * caller is to call msgslot_place_fill_map() without the lock, with the cell's buffer, which has a
 * reference for that.
 */
struct msgslot_map_pages *msgslot_place_in_map_locked(struct msgslot_log *log,
						      const struct msgslot_cell *cell);
/* Fills the cell of a long message in @map, and puts @buffer. */
void msgslot_place_fill_map(struct msgslot_log *log, struct msgslot_map_pages *map, u64 sequence,
			    u32 length, struct msgslot_buffer *buffer,
			    struct msgslot_spares *spares);
/*
 * Copies what @log kept when it got @map; messages that come meanwhile are copied by their writers.
 */
void msgslot_place_fill_new_map(struct msgslot_log *log, struct msgslot_map_pages *map,
				struct msgslot_spares *spares);

/* The message is in its cell, and readers find it.  @time: 0 for now. */
static __always_inline void place_store_locked(struct msgslot_log *log, struct msgslot_cell *cell,
					       const struct msgslot_incoming *message, u64 sequence,
					       u64 first, u64 time, bool is_long)
{
	raw_write_seqcount_begin(&cell->version);
	cell->length = message->length;
	cell->sequence = sequence;
	cell->time = time ? time : ktime_get_boottime_ns();
	cell->pid = message->pid;
	cell->uid = message->uid;
	if (!is_long)
		memcpy(cell->bytes, message->bytes, message->length);
	rcu_assign_pointer(cell->buffer, is_long ? message->buffer : NULL);
	raw_write_seqcount_end(&cell->version);
	if (unlikely(log->at_end)) {
		cell->standing = log->at_end;
		log->at_end = 0;
	}

	/* Pairs with msgslot_log_next(): a reader that sees the number finds the message. */
	smp_store_release(&log->next, sequence + 1);
	/* Pairs with msgslot_log_first(): a reader that sees it sees next beyond it. */
	smp_store_release(&log->first, first);
}

/*
 * Places @message; inline, which saves 15 instructions of a write.  Returns by how many messages
 * the log keeps more than before (0 or 1); -EAGAIN: it is full, and a wake-up is requested;
 * -ENOBUFS: it must grow first; -ESTALE: the condition does not hold; -EIDRM: it is dead; -ENOSPC
 * or -EDQUOT, of a long message, which is charged here.  @is_long: it has a buffer.  @feed: is told
 * of it; a constant NULL where no file listens.  On success the log owns the buffer, and
 * @message->buffer is one that it does not use any more, or NULL, for the caller to put.
 */
static __always_inline int msgslot_place(struct msgslot_log *log, const struct msgslot_rules *rules,
					 struct msgslot_feed *feed,
					 struct msgslot_incoming *message, bool is_long)
{
	const u32 bytes = is_long ? MSGSLOT_INLINE_BYTES : max(message->length, message->least);
	struct msgslot_cell *cell, *leaving;
	struct msgslot_buffer *old;
	struct msgslot_ring *ring;
	struct msgslot_map_pages *map;
	u64 sequence, first, time = 0;
	unsigned int wake = 0;
	int more, err;

	spin_lock(&log->lock);
	sequence = log->next;
	first = log->first;
	ring = msgslot_log_ring_locked(log);
	if (unlikely(!ring)) {
		if (msgslot_log_is_dead(log))
			more = -EIDRM;
		else
			more = message->conditional && message->expected ? -ESTALE : -ENOBUFS;
		goto out;
	}
	if (unlikely(message->conditional && message->expected != msgslot_log_newest_locked(log))) {
		more = -ESTALE;
		goto out;
	}
	more = sequence - first < log->depth;
	if (!more) {
		if (unlikely(rules->overflow != MSGSLOT_DROP &&
			     !msgslot_log_may_drop_or_request_locked(log, rules))) {
			more = -EAGAIN;
			goto out;
		}
		first++;
	}
	/* The cell is free unless it keeps the message that is one turn of the ring older. */
	if (unlikely(sequence - max(first, ring->base) >= ring->cells ||
		     bytes > msgslot_ring_capacity(ring))) {
		more = -ENOBUFS;
		goto out;
	}
	cell = msgslot_ring_cell(ring, sequence);
	/* Usually it is the one that the oldest message leaves; filling it empties it then. */
	leaving = cell;
	if (unlikely(!more && (ring->cells != rules->depth || rcu_access_pointer(ring->older))))
		leaving = msgslot_log_cell_locked(log, log->first);
	old = rcu_dereference_protected(leaving->buffer, lockdep_is_held(&log->lock));
	if (is_long && !message->paid) {
		err = msgslot_buffer_charge(message->buffer, old, message->share,
					    message->privileged);
		if (unlikely(err)) {
			more = err;
			goto out;
		}
	} else if (unlikely(old)) {
		msgslot_buffer_uncharge(old);
	}
	/* From here on nothing fails. */
	if (unlikely(leaving != cell))
		msgslot_log_detach_oldest_locked(log, leaving);
	if (unlikely(ring->share != message->share))
		msgslot_log_note_sender_locked(log, ring, cell, first, sequence, message->share);
	else
		ring->newest_of_share = sequence;
	if (feed)
		time = msgslot_feed_add_locked(feed, log, more ? NULL : leaving, sequence, &wake);
	place_store_locked(log, cell, message, sequence, first, time, is_long);
	if (is_long)
		message->placed = message->buffer;
	if (unlikely(log->map)) {
		map = msgslot_place_in_map_locked(log, cell);
		/* Nothing is left to do for a short message. */
		if (is_long)
			message->map = map;
	}
	message->sequence = sequence;
	message->buffer = old;
out:
	spin_unlock(&log->lock);
	if (feed && wake)
		msgslot_feed_wake(feed, log->id, wake);
	return more;
}

#endif /* MSGSLOT_PLACE_H */
