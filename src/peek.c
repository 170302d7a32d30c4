// SPDX-License-Identifier: GPL-2.0-only
/* Looking at a message.  See peek.h. */
#include <linux/rcupdate.h>

#include "peek.h"

/* The message, which has @buffer if it is long, is to be copied from there, or from @bytes. */
static void peek_bytes_locked(struct msgslot_peek *peek, const u8 *bytes,
			      struct msgslot_buffer *buffer, size_t size)
{
	peek->bytes = peek->inline_buffer;
	if (peek->length <= MSGSLOT_INLINE_BYTES) {
		memcpy(peek->inline_buffer, bytes, peek->length);
	} else if (peek->length <= size || peek->pieces) {
		refcount_inc(&buffer->refs);
		peek->buffer = buffer;
		peek->bytes = buffer->bytes;
	}
}

static void peek_cell_locked(struct msgslot_log *log, u64 sequence, struct msgslot_peek *peek,
			     size_t size)
{
	const struct msgslot_cell *cell = msgslot_log_cell_locked(log, sequence);

	lockdep_assert_held(&log->lock);
	msgslot_cell_describe(cell, peek, true);
	peek_bytes_locked(peek, cell->bytes,
			  rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock)),
			  size);
}

void msgslot_peek_lease_locked(const struct msgslot_lease *lease, struct msgslot_peek *peek,
			       size_t size)
{
	peek->sequence = lease->message.sequence;
	peek->length = lease->message.length;
	peek->time = lease->message.time;
	peek->pid = lease->message.pid;
	peek->uid = lease->message.uid;
	peek->delivered = lease->message.delivered;
	peek_bytes_locked(peek, lease->bytes, lease->buffer, size);
}

static int peek_locked(struct msgslot_log *log, u64 cursor, struct msgslot_peek *peek, size_t size)
{
	const struct msgslot_leases *leases = msgslot_log_leases_locked(log);
	const u64 sequence = max(log->first, cursor);
	struct msgslot_lease *lease = NULL;

	/* What was leased left the ring, so all of that was before what is there. */
	if (leases)
		lease = msgslot_leases_find(leases, cursor, peek->leased);
	if (lease && lease->message.sequence < log->first) {
		msgslot_peek_lease_locked(lease, peek, size);
		peek->returned = true;
		return 0;
	}
	if (sequence >= log->next)
		return -EAGAIN;
	peek_cell_locked(log, sequence, peek, size);
	return 0;
}

/* There is something besides the ring that may be looked at. */
static bool peek_has_leases(const struct msgslot_log *log, const struct msgslot_peek *peek)
{
	return READ_ONCE(log->wake_requests) &
	       (peek->leased ? MSGSLOT_HAS_LEASES : MSGSLOT_HAS_RETURNED);
}

int msgslot_peek(struct msgslot_log *log, u64 cursor, struct msgslot_peek *peek, size_t size)
{
	int tries = peek_has_leases(log, peek) ? MSGSLOT_RETRIES : 0, err = -ESTALE;

	peek->buffer = NULL;
	peek->returned = false;
	peek->delivered = 0;
	/*
	 * A reference that was taken is to be put, which may sleep: so there is no other try then.
	 */
	while (err == -ESTALE && !peek->buffer && tries++ < MSGSLOT_RETRIES) {
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
	err = peek_locked(log, cursor, peek, size);
	spin_unlock(&log->lock);
	return err;
}
