/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at a message: how a reader finds it in a log and copies it, usually without a lock.
 *
 * log.h, "Locking", tells why no torn message is returned.  Nothing is taken here: a cursor moves
 * afterwards (cursor.h).
 *
 * Modelled in tests/model/cell.pml, ring.pml.
 */
#ifndef MSGSLOT_PEEK_H
#define MSGSLOT_PEEK_H

#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/string.h>

#include "log.h"

/* A reader whose message changes while it copies tries this often before it takes the lock. */
#define MSGSLOT_RETRIES 3

/**
 * struct msgslot_peek - a message on its way out
 * @sequence: its number
 * @time: as in the cell
 * @pid: as in the cell
 * @uid: as in the cell
 * @length: in bytes
 * @pieces: in: a message that is longer than the reader's buffer is wanted, too
 * @leased: in: one that a file has leased is wanted, too; not looked at by msgslot_peek_once()
 * @returned: it was leased, and came back; this and the next are set by msgslot_peek() only
 * @delivered: how often it came back
 * @bytes: the message, to be copied to the reader
 * @buffer: that @bytes points into, with a reference; or NULL
 * @stale: another buffer with a reference, or NULL
 * @inline_buffer: in: MSGSLOT_INLINE_BYTES, for a short message
 */
struct msgslot_peek {
	u64 sequence;
	u64 time;
	pid_t pid;
	kuid_t uid;
	u32 length;
	bool pieces;
	bool leased;
	bool returned;
	u64 delivered;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
	struct msgslot_buffer *stale;
	u8 *inline_buffer;
};

/*
 * Describes the message in @cell, if that does not change: all of it, or only sequence and length.
 */
static __always_inline void msgslot_cell_describe(const struct msgslot_cell *cell,
						  struct msgslot_peek *peek, bool all)
{
	peek->sequence = READ_ONCE(cell->sequence);
	peek->length = READ_ONCE(cell->length);
	if (!all)
		return;
	peek->time = READ_ONCE(cell->time);
	peek->pid = READ_ONCE(cell->pid);
	peek->uid = READ_ONCE(cell->uid);
}

/*
 * The buffer of @cell with a reference, or NULL.  It may be another message's unless the cell still
 * has the version that it had before (buffer.h).
 */
static __always_inline struct msgslot_buffer *
msgslot_cell_buffer_get(const struct msgslot_cell *cell)
{
	struct msgslot_buffer *buffer = rcu_dereference_sched(cell->buffer);

	return buffer && refcount_inc_not_zero(&buffer->refs) ? buffer : NULL;
}

/*
 * One try, without a lock, to find the oldest message from @cursor on, and to copy it; or, if it is
 * long and has at most @size bytes or is wanted in pieces, to get a reference of its buffer: 0;
 * -EAGAIN: there is none; -ESTALE: it changed meanwhile.  Sender and time are found only if
 * @described.  The caller is in an RCU section that is not preempted, which costs less and takes no
 * longer than to copy a short message.
 *
 * After -ESTALE there may be a reference of another message's buffer in @peek->buffer, for the
 * caller to put.
 */
static __always_inline int msgslot_peek_once(struct msgslot_log *log, u64 cursor,
					     struct msgslot_peek *peek, bool described, size_t size)
{
	u64 sequence = max(msgslot_log_first(log), cursor);
	const struct msgslot_cell *cell;
	struct msgslot_ring *ring;
	unsigned int version;

	peek->buffer = NULL;
	if (unlikely(sequence >= msgslot_log_next(log)))
		return READ_ONCE(log->wake_requests) & MSGSLOT_HAS_RETURNED ? -ESTALE : -EAGAIN;
	ring = rcu_dereference_sched(log->ring);
	while (likely(ring) && unlikely(sequence < ring->base))
		ring = rcu_dereference_sched(ring->older);
	if (unlikely(!ring))
		return -ESTALE;
	cell = msgslot_ring_cell(ring, sequence);
	version = raw_seqcount_begin(&cell->version);
	msgslot_cell_describe(cell, peek, described);
	peek->bytes = peek->inline_buffer;
	if (likely(peek->length <= MSGSLOT_INLINE_BYTES)) {
		memcpy(peek->inline_buffer, cell->bytes, peek->length);
	} else if (peek->length <= size || peek->pieces) {
		peek->buffer = msgslot_cell_buffer_get(cell);
		if (unlikely(!peek->buffer))
			return -ESTALE;
		peek->bytes = peek->buffer->bytes;
	}
	/* If there is one cell, the message in it is the oldest and the newest. */
	if (unlikely(read_seqcount_retry(&cell->version, version)) ||
	    unlikely(peek->sequence != sequence && (!peek->sequence || ring->cells != 1)))
		return -ESTALE;
	return 0;
}

/* Describes and copies the message of @lease; under the log's lock. */
void msgslot_peek_lease_locked(const struct msgslot_lease *lease, struct msgslot_peek *peek,
			       size_t size);
/*
 * Finds the oldest message from @cursor on: 0, or -EAGAIN if there is none.  The caller has been in
 * an RCU read section since before it found @log.  It leaves the section, and puts @peek->stale;
 * copies @peek->bytes, and never sleeps while it has @peek->buffer; and puts that.
 */
int msgslot_peek(struct msgslot_log *log, u64 cursor, struct msgslot_peek *peek, size_t size);

#endif /* MSGSLOT_PEEK_H */
