/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Looking at a message: how readers find it in a log and copy it, mostly without a lock.
 *
 * Why no torn message is ever returned, and when a buffer is pinned, is told in log.h, "Locking".
 * Nothing is taken here: a cursor moves afterwards (cursor.h).
 */
#ifndef MSGSLOT_PEEK_H
#define MSGSLOT_PEEK_H

#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/string.h>

#include "log.h"

/* So often a reader whose message changed under his hands tries again, before he takes the lock. */
#define MSGSLOT_RETRIES 3

/**
 * struct msgslot_peek - a message on its way out
 * @sequence: its number
 * @time: as in the cell
 * @pid: as in the cell
 * @uid: as in the cell
 * @length: in bytes
 * @pieces: in: a message that is longer than the reader asked for is wanted all the same
 * @bytes: the message, to be copied to the reader; NULL if it is with him already
 * @buffer: pinned while @bytes points into it, else NULL
 * @room: in: MSGSLOT_INLINE_BYTES where a short message is put
 */
struct msgslot_peek {
	u64 sequence;
	u64 time;
	pid_t pid;
	kuid_t uid;
	u32 length;
	bool pieces;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
	u8 *room;
};

/* What is known of the message in @cell, if that does not change; @all, or what all must know. */
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

/* Copies a long message of a cell to @user, if that needs no waiting: 0, -ESTALE, -EFAULT. */
int msgslot_cell_copy_long(const struct msgslot_cell *cell, u32 length, char __user *user);

/*
 * One try, without a lock, to copy the oldest message from @cursor on; a long one of at most @size
 * bytes straight to @user, unless that is NULL: 0; -EAGAIN, there is none; -ESTALE, it changed under
 * our hands; -EFAULT, it is long, and must be pinned.  Only if @described are sender and time found
 * out.  The caller is in an RCU section of the kind that is not preempted, which costs less and takes
 * no longer than to copy a short message.
 */
static __always_inline int msgslot_log_peek_once(struct msgslot_log *log, u64 cursor,
						 struct msgslot_peek *peek, bool described,
						 char __user *user, size_t size)
{
	u64 sequence = max(msgslot_log_first(log), cursor);
	const struct msgslot_cell *cell;
	struct msgslot_ring *ring;
	unsigned int version;
	int err = 0;

	if (unlikely(sequence >= msgslot_log_next(log)))
		return -EAGAIN;
	ring = rcu_dereference_sched(log->ring);
	while (likely(ring) && unlikely(sequence < ring->base))
		ring = rcu_dereference_sched(ring->older);
	if (unlikely(!ring))
		return -ESTALE;
	cell = msgslot_ring_cell(ring, sequence);
	version = raw_seqcount_begin(&cell->version);
	msgslot_cell_describe(cell, peek, described);
	peek->bytes = peek->room;
	if (likely(peek->length <= MSGSLOT_INLINE_BYTES)) {
		memcpy(peek->room, cell->bytes, peek->length);
	} else if (peek->length > size) {
		err = peek->pieces ? -EFAULT : 0;
	} else {
		peek->bytes = NULL;
		err = user ? msgslot_cell_copy_long(cell, peek->length, user) : -EFAULT;
	}
	/* Where there is one cell, the message in it is the oldest and the newest. */
	if (unlikely(read_seqcount_retry(&cell->version, version)) ||
	    unlikely(peek->sequence != sequence && (!peek->sequence || ring->cells != 1)))
		return -ESTALE;
	return err;
}

/*
 * Finds the oldest message from @cursor on: 0, or -EAGAIN if there is none.  A long one of at most
 * @size bytes goes straight to @user, unless that is NULL.  The caller is in an RCU read section
 * from before he found @log; leaves the section; copies @peek->bytes out; and calls
 * msgslot_buffer_put() with @peek->buffer.
 */
int msgslot_log_peek(struct msgslot_log *log, u64 cursor, struct msgslot_peek *peek,
		     char __user *user, size_t size);

#endif /* MSGSLOT_PEEK_H */
