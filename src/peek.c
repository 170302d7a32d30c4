// SPDX-License-Identifier: GPL-2.0-only
/* Looking at a message.  See peek.h. */
#include <linux/rcupdate.h>
#include <linux/uaccess.h>

#include "peek.h"

int msgslot_cell_copy_long(const struct msgslot_cell *cell, u32 length, char __user *user)
{
	const struct msgslot_buffer *buffer;
	int err = 0;

	/* The caller's section, for as long as this takes, as one that may be preempted. */
	rcu_read_lock();
	rcu_read_unlock_sched();
	buffer = rcu_dereference(cell->buffer);
	pagefault_disable();
	/* Length and buffer may be of two messages; the version would tell, but later. */
	if (!buffer || buffer->capacity < length)
		err = -ESTALE;
	else if (copy_to_user(user, buffer->bytes, length))
		err = -EFAULT;
	pagefault_enable();
	rcu_read_lock_sched();
	rcu_read_unlock();
	return err;
}

static void peek_locked(struct msgslot_log *log, u64 sequence, struct msgslot_peek *peek)
{
	struct msgslot_ring *ring = msgslot_log_ring_of_locked(log, sequence);
	const struct msgslot_cell *cell = msgslot_ring_cell(ring, sequence);

	lockdep_assert_held(&log->lock);
	msgslot_cell_describe(cell, peek, true);
	peek->bytes = peek->room;
	if (peek->length <= MSGSLOT_INLINE_BYTES) {
		memcpy(peek->room, cell->bytes, peek->length);
		return;
	}
	peek->buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
	refcount_inc(&peek->buffer->refs);
	peek->bytes = peek->buffer->bytes;
}

int msgslot_log_peek(struct msgslot_log *log, u64 cursor, struct msgslot_peek *peek,
		     char __user *user, size_t size)
{
	int tries, err = -ESTALE;
	u64 sequence;

	peek->buffer = NULL;
	for (tries = 0; tries < MSGSLOT_RETRIES && err == -ESTALE; tries++) {
		rcu_read_lock_sched();
		err = msgslot_log_peek_once(log, cursor, peek, true, user, size);
		rcu_read_unlock_sched();
	}
	if (!err || err == -EAGAIN)
		return err;

	spin_lock(&log->lock);
	sequence = max(log->first, cursor);
	err = sequence < log->next ? 0 : -EAGAIN;
	if (!err)
		peek_locked(log, sequence, peek);
	spin_unlock(&log->lock);
	return err;
}
