// SPDX-License-Identifier: GPL-2.0-only
/* Placing: what is not inline.  See place.h. */
#include <linux/errno.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "place.h"

/* A writer copies this many messages at most that came to its cell of the map after its own. */
#define PLACE_TRIES 3

int msgslot_place_check(struct msgslot_log *log, const struct msgslot_rules *rules,
			const struct msgslot_incoming *message)
{
	struct msgslot_buffer *old = NULL;
	bool full;
	int err;

	spin_lock(&log->lock);
	full = msgslot_log_is_full_locked(log, rules);
	if (msgslot_log_is_dead(log)) {
		err = -EIDRM;
	} else if (message->conditional && message->expected != msgslot_log_newest_locked(log)) {
		err = -ESTALE;
	} else if (full && !msgslot_log_may_drop_or_request_locked(log, rules)) {
		err = -EAGAIN;
	} else {
		if (full)
			old = rcu_dereference_protected(
				msgslot_log_cell_locked(log, log->first)->buffer,
				lockdep_is_held(&log->lock));
		err = msgslot_buffer_check(message->length, old, message->share,
					   message->privileged);
	}
	spin_unlock(&log->lock);
	return err;
}

/*
 * NULL; or the buffer of the message in @cell, with a reference, and the caller is to copy it into
 * the map.
 */
static struct msgslot_buffer *place_in_map_locked(struct msgslot_log *log,
						  struct msgslot_map_pages *map,
						  const struct msgslot_cell *cell)
{
	struct msgslot_buffer *buffer;

	buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
	if (!msgslot_map_place_locked(map, cell->sequence, cell->time, cell->length,
				      buffer ? NULL : cell->bytes, log->first))
		return NULL;
	refcount_inc(&buffer->refs);
	return buffer;
}

struct msgslot_map_pages *msgslot_place_in_map_locked(struct msgslot_log *log,
						      const struct msgslot_cell *cell)
{
	struct msgslot_map_pages *map = log->map;

	/* That may be leases instead. */
	if (unlikely(log->wake_requests & MSGSLOT_HAS_LEASES) ||
	    !place_in_map_locked(log, map, cell))
		return NULL;
	refcount_inc(&map->refs);
	return map;
}

void msgslot_place_fill_map(struct msgslot_log *log, struct msgslot_map_pages *map, u64 sequence,
			    u32 length, struct msgslot_buffer *buffer,
			    struct msgslot_spares *spares)
{
	struct msgslot_buffer *done;
	struct msgslot_cell *cell;
	int tries;

	for (tries = 1; buffer; tries++) {
		msgslot_map_copy(map, sequence, buffer->bytes, length);
		done = buffer;
		buffer = NULL;
		spin_lock(&log->lock);
		sequence = msgslot_map_filled_locked(map, sequence, log->first);
		/* Where another message claimed the cell that is still kept, that one is copied. */
		if (sequence && sequence >= log->first && log->map == map && tries < PLACE_TRIES) {
			cell = msgslot_log_cell_locked(log, sequence);
			length = cell->length;
			buffer = place_in_map_locked(log, log->map, cell);
		}
		spin_unlock(&log->lock);
		msgslot_buffer_put(spares, done);
	}
}

void msgslot_place_fill_new_map(struct msgslot_log *log, struct msgslot_map_pages *map,
				struct msgslot_spares *spares)
{
	struct msgslot_buffer *buffer;
	struct msgslot_cell *cell;
	u64 sequence, end;
	u32 length = 0;

	spin_lock(&log->lock);
	sequence = log->first;
	end = log->next;
	spin_unlock(&log->lock);
	for (; sequence < end; sequence++) {
		spin_lock(&log->lock);
		sequence = max(sequence, log->first);
		if (sequence >= end) {
			spin_unlock(&log->lock);
			break;
		}
		buffer = NULL;
		if (!msgslot_map_has_locked(map, sequence)) {
			cell = msgslot_log_cell_locked(log, sequence);
			length = cell->length;
			buffer = place_in_map_locked(log, log->map, cell);
		}
		spin_unlock(&log->lock);
		if (buffer)
			msgslot_place_fill_map(log, map, sequence, length, buffer, spares);
		cond_resched();
	}
}
