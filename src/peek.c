// SPDX-License-Identifier: GPL-2.0-only
/* Looking at a message.  See peek.h. */
#include <linux/rcupdate.h>

#include "peek.h"

static void peek_locked(struct msgslot_log *log, u64 sequence, struct msgslot_peek *peek,
			size_t size)
{
	const struct msgslot_cell *cell = msgslot_log_cell_locked(log, sequence);

	lockdep_assert_held(&log->lock);
	msgslot_cell_describe(cell, peek, true);
	peek->bytes = peek->inline_buffer;
	if (peek->length <= MSGSLOT_INLINE_BYTES) {
		memcpy(peek->inline_buffer, cell->bytes, peek->length);
	} else if (peek->length <= size || peek->pieces) {
		peek->buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
		refcount_inc(&peek->buffer->refs);
		peek->bytes = peek->buffer->bytes;
	}
}

int msgslot_peek(struct msgslot_log *log, u64 cursor, struct msgslot_peek *peek, size_t size)
{
	int tries, err = -ESTALE;
	u64 sequence;

	peek->buffer = NULL;
	/*
	 * A reference that was taken is to be put, which may sleep: so there is no other try then.
	 */
	for (tries = 0; tries < MSGSLOT_RETRIES && err == -ESTALE && !peek->buffer; tries++) {
		rcu_read_lock_sched();
		err = msgslot_peek_once(log, cursor, peek, true, size);
		rcu_read_unlock_sched();
	}
	peek->stale = NULL;
	if (err != -ESTALE)
		return err;

	peek->stale = peek->buffer;
	peek->buffer = NULL;
	spin_lock(&log->lock);
	sequence = max(log->first, cursor);
	err = sequence < log->next ? 0 : -EAGAIN;
	if (!err)
		peek_locked(log, sequence, peek, size);
	spin_unlock(&log->lock);
	return err;
}
