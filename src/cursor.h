/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Moving a cursor: the last step of receiving, after a message was copied out.
 *
 *	mode		whose cursor			moved under
 *	last		the file's, for poll() only	msgslot_file.lock
 *	queue		the channel's: log.first	msgslot_log.lock
 *	broadcast	the file's			msgslot_file.lock
 *
 * Each is moved only from where the message was found.  So of several readers that copied the same
 * message one moves the cursor, and the others find that the message is no longer there.
 *
 * Writers that wait for readers
 * -----------------------------
 * Where `overflow` is `block` and each file has a cursor, the oldest message may go once every
 * reader has read it.  So each cell counts the cursors that stand at its message, and the log
 * counts those at its end; placing a message turns the latter into the former.  A counted cursor is
 * moved under the log's lock, from cell to cell, at a cost that does not depend on how many there
 * are.
 *
 * A cursor before @first counts at @first.  A clear leaves cursors behind: all of them count at the
 * end then, where @first is, too, until the last of them has moved on.  A seek may go there as
 * well.
 *
 * Modelled in tests/model/charge.pml, wait.pml.
 */
#ifndef MSGSLOT_CURSOR_H
#define MSGSLOT_CURSOR_H

#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "log.h"

/**
 * struct msgslot_cursor - the position of a file in the log of its channel
 * @counted: writers wait for it; under the log's lock
 * @stands: where it is counted; under the log's lock
 * @next: the message to be read next; changed under msgslot_file.lock, read anywhere
 * @offset: bytes of it that were read already; or MSGSLOT_LOSS_PENDING: none, and the reader was
 *	not told yet of the messages lost before it; under msgslot_file.lock
 * @reached: the highest @next before a seek took it elsewhere; under msgslot_file.lock
 * @lost: messages that went unread since it joined; under msgslot_file.lock
 */
struct msgslot_cursor {
	bool counted;
	u64 stands;
	u64 next;
	u32 offset;
	u64 reached;
	u64 lost;
};

/*
 * Above every offset in a message; and not 0, so that receive_fast() leaves it to receive_slow().
 */
#define MSGSLOT_LOSS_PENDING U32_MAX

/*
 * How many of the messages @from to @to - 1, which went unread, count as dropped: those that the
 * file had passed before it went back by a seek do not.
 */
static inline u64 msgslot_cursor_dropped(const struct msgslot_cursor *cursor, u64 from, u64 to)
{
	return to - clamp(cursor->reached, from, to);
}

/* Puts @cursor at the end of @log; @reads: of a file that is open for reading. */
void msgslot_cursor_join(struct msgslot_cursor *cursor, struct msgslot_log *log,
			 const struct msgslot_rules *rules, bool reads);
/* Takes @cursor away from @log. */
void msgslot_cursor_part(struct msgslot_cursor *cursor, struct msgslot_log *log);
/* @cursor was advanced: where it is counted follows. */
void msgslot_cursor_follow(struct msgslot_cursor *cursor, struct msgslot_log *log);
/* Moves @cursor: 0 or -EINVAL. */
int msgslot_cursor_seek(struct msgslot_cursor *cursor, struct msgslot_log *log, u32 whence,
			u64 sequence);

/*
 * Moves the channel's cursor: takes @count messages from @sequence on, if that is the oldest: one
 * that @is_long, or short ones.  -ESTALE if it is not, or one that was leased came back; 0; or what
 * is left to do: wake requests, and MSGSLOT_HAS_BUFFER: the caller is to put the message's buffer,
 * *@old.
 *
 * However many they are, that is one step: short messages leave nothing in their cells, and a ring
 * or a charge that goes with any of them goes with the last.
 */
static __always_inline int msgslot_cursor_take_locked(struct msgslot_log *log, u64 sequence,
						      u32 count, bool is_long,
						      struct msgslot_buffer **old)
{
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);
	const u64 last = sequence + count - 1;
	const u32 requests = log->wake_requests;

	if (unlikely(log->first != sequence || !ring))
		return -ESTALE;
	if (unlikely(requests & (MSGSLOT_WAKE_ONCE | MSGSLOT_HAS_RETURNED))) {
		if (requests & MSGSLOT_HAS_RETURNED)
			return -ESTALE;
		WRITE_ONCE(log->wake_requests, requests & ~MSGSLOT_WAKE_ONCE);
	}
	if (count > 1)
		/* Pairs with msgslot_log_first(). */
		smp_store_release(&log->first, last);
	if (unlikely(is_long || rcu_access_pointer(ring->older) ||
		     (last + 1 == log->next ?
			      ring->size > MSGSLOT_EMPTY_RING_BYTES || ring->share != log->share :
			      ring->newest_of_share <= last)))
		return requests | msgslot_log_advance_slow_locked(log, old);
	msgslot_log_advance_locked(log);
	return requests;
}

/* The same for a caller without the lock. */
static __always_inline int msgslot_cursor_take(struct msgslot_log *log, u64 sequence, u32 count,
					       bool is_long, struct msgslot_buffer **old)
{
	int left;

	spin_lock(&log->lock);
	left = msgslot_cursor_take_locked(log, sequence, count, is_long, old);
	spin_unlock(&log->lock);
	return left;
}

#endif /* MSGSLOT_CURSOR_H */
