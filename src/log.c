// SPDX-License-Identifier: GPL-2.0-only
/* The ring of cells.  How it is kept, and why that is safe, is told in log.h. */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "log.h"
#include "map.h"

/* From one cell to the next, where each has room for so many bytes. */
static u32 stride_of(u32 room)
{
	return ALIGN(sizeof(struct msgslot_cell) + room, sizeof(u64));
}

/* With room for at least @room bytes in each cell; more than @most nobody wants. */
static struct msgslot_ring *ring_alloc(const struct msgslot_payer *payer, u32 cells, u32 room,
				       u32 most)
{
	u32 stride = stride_of(room);
	size_t size = sizeof(struct msgslot_ring) + (size_t)cells * stride;
	struct msgslot_ring *ring;
	int err;

	/* What the allocator would give anyway: the next message may be a little longer. */
	if (cells == 1) {
		size = roundup_pow_of_two(size);
		stride = min_t(u32, size - sizeof(*ring), stride_of(most));
	}
	err = msgslot_charge(payer, size, 0);
	if (err)
		return ERR_PTR(err);
	ring = kvzalloc(size, MSGSLOT_GFP);
	if (!ring) {
		msgslot_uncharge(payer->share, size, 0);
		return ERR_PTR(-ENOMEM);
	}
	ring->cells = cells;
	ring->stride = stride;
	ring->size = size;
	ring->share = payer->share;
	return ring;
}

/*
 * Frees @ring and the older ones, none of which has a message any more.  Nobody finds them, though
 * readers may still look at them.  Takes NULL; neither sleeps nor takes long.
 */
static void ring_free_drained(struct msgslot_ring *ring)
{
	struct msgslot_ring *older;

	for (; ring; ring = older) {
		older = rcu_dereference_protected(ring->older, true);
		msgslot_uncharge(ring->share, ring->size, 0);
		kvfree_rcu(ring, rcu);
	}
}

/* Frees @rings, the newest and the older ones, with all messages.  Takes NULL.  Sleeps. */
static void ring_free(struct msgslot_ring *rings)
{
	struct msgslot_ring *ring;
	struct msgslot_cell *cell;
	u32 i;

	for (ring = rings; ring; ring = rcu_dereference_protected(ring->older, true)) {
		for (i = 0; i < ring->cells; i++) {
			cell = msgslot_ring_cell(ring, i);
			msgslot_buffer_put(rcu_dereference_protected(cell->buffer, true));
			cond_resched();
		}
	}
	ring_free_drained(rings);
}

void msgslot_log_init(struct msgslot_log *log, u64 start)
{
	memset(log, 0, sizeof(*log));
	spin_lock_init(&log->lock);
	log->start = start;
	log->first = start;
	log->next = start;
	log->slowest = start;
}

static void log_drop_older_locked(struct msgslot_log *log, struct msgslot_ring *ring)
{
	struct msgslot_ring *older;

	older = rcu_dereference_protected(ring->older, lockdep_is_held(&log->lock));
	RCU_INIT_POINTER(ring->older, NULL);
	ring_free_drained(older);
}

/*
 * Whether the log must grow for the next message, which wants so many bytes of a cell; and of how
 * many cells, with how much room, the ring is to be then.  Where one message was too long for the
 * cells, they get as much room as any may want: so where lengths vary, that happens once.
 */
static bool log_must_grow_locked(struct msgslot_log *log, const struct msgslot_rules *rules,
				 u32 bytes, u32 most, u32 *cells, u32 *room)
{
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);
	u64 first = log->first;

	*cells = 1;
	*room = bytes;
	if (!ring)
		return true;
	if (log->next - first >= rules->depth)
		first++;
	*cells = ring->cells;
	if (log->next - max(first, ring->base) >= ring->cells)
		*cells *= 2;
	*room = msgslot_ring_room(ring);
	if (bytes > *room)
		*room = most;
	return *cells > ring->cells || *room > msgslot_ring_room(ring);
}

int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer,
		     const struct msgslot_rules *rules, u32 bytes)
{
	const u32 most = min_t(u32, rules->max_message, MSGSLOT_INLINE_BYTES);
	struct msgslot_ring *ring, *older;
	u32 cells, room;
	int err = 0;
	bool must;

	/* One at a time: two would be charged twice, and one fail of it for no reason. */
	if (wait_on_bit_lock(&log->flags, MSGSLOT_LOG_GROWING, TASK_KILLABLE))
		return -EINTR;
	spin_lock(&log->lock);
	must = log_must_grow_locked(log, rules, bytes, most, &cells, &room);
	spin_unlock(&log->lock);
	if (!must)
		goto out;
	ring = ring_alloc(payer, cells, room, most);
	if (IS_ERR(ring)) {
		err = PTR_ERR(ring);
		goto out;
	}

	spin_lock(&log->lock);
	older = msgslot_log_ring_locked(log);
	if (msgslot_log_is_dead(log)) {
		err = -EIDRM;
	} else {
		ring->base = log->next;
		/* Without a message the older ring would never be missed. */
		if (log->first < log->next) {
			rcu_assign_pointer(ring->older, older);
			older = NULL;
		}
		rcu_assign_pointer(log->ring, ring);
		ring = older;
	}
	spin_unlock(&log->lock);
	ring_free_drained(ring);
out:
	clear_and_wake_up_bit(MSGSLOT_LOG_GROWING, &log->flags);
	return err;
}

struct msgslot_buffer *msgslot_log_keep_spare(struct msgslot_log *log,
					      struct msgslot_buffer *buffer)
{
	spin_lock(&log->lock);
	buffer = msgslot_log_keep_spare_locked(log, buffer);
	spin_unlock(&log->lock);
	return buffer;
}

/* Takes the buffer away from the cell of a kept message that leaves.  NULL if it is a short one. */
static struct msgslot_buffer *cell_empty_locked(struct msgslot_log *log, struct msgslot_cell *cell)
{
	struct msgslot_buffer *buffer;

	buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
	if (!buffer)
		return NULL;
	/* From here on the buffer may be filled anew: who reads it without a lock must notice. */
	raw_write_seqcount_begin(&cell->version);
	cell->sequence = 0;
	cell->length = 0;
	RCU_INIT_POINTER(cell->buffer, NULL);
	raw_write_seqcount_end(&cell->version);
	return buffer;
}

struct msgslot_buffer *msgslot_log_empty_cell_locked(struct msgslot_log *log)
{
	struct msgslot_ring *ring = msgslot_log_ring_of_locked(log, log->first);

	log_drop_older_locked(log, ring);
	return cell_empty_locked(log, msgslot_ring_cell(ring, log->first));
}

struct msgslot_buffer *msgslot_log_take_slow_locked(struct msgslot_log *log)
{
	struct msgslot_buffer *buffer = msgslot_log_empty_cell_locked(log);
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);

	if (log->first + 1 == log->next) {
		log_drop_older_locked(log, ring);
		if (ring->size > MSGSLOT_EMPTY_RING_BYTES) {
			RCU_INIT_POINTER(log->ring, NULL);
			ring_free_drained(ring);
		}
	}
	return buffer ? msgslot_log_keep_spare_locked(log, buffer) : NULL;
}

bool msgslot_log_may_drop_locked(struct msgslot_log *log, const struct msgslot_rules *rules)
{
	struct msgslot_cursor *cursor;
	u64 slowest = log->next;

	lockdep_assert_held(&log->lock);
	if (rules->overflow == MSGSLOT_DROP)
		return true;
	if (rules->reads == MSGSLOT_READS_NEXT && log->first < log->slowest)
		return true;
	WRITE_ONCE(log->wanted, log->wanted | MSGSLOT_WANTED_ONCE);
	if (rules->reads != MSGSLOT_READS_NEXT)
		return false;
	/* As in log.h: a reader who moves on from here on sees that he is waited for. */
	smp_mb();
	hlist_for_each_entry(cursor, &log->cursors, node)
		slowest = min(slowest, READ_ONCE(cursor->next));
	log->slowest = slowest;
	return log->first < slowest;
}

int msgslot_log_check(struct msgslot_log *log, const struct msgslot_rules *rules,
		      const struct msgslot_message *message)
{
	int err = 0;

	spin_lock(&log->lock);
	if (msgslot_log_is_dead(log))
		err = -EIDRM;
	else if (message->conditional && message->expected != msgslot_log_newest_locked(log))
		err = -ESTALE;
	else if (log->next - log->first >= rules->depth && !msgslot_log_may_drop_locked(log, rules))
		err = -EAGAIN;
	spin_unlock(&log->lock);
	return err;
}

static bool log_has_room_locked(struct msgslot_log *log, const struct msgslot_rules *rules)
{
	return msgslot_log_is_dead(log) || log->next - log->first < rules->depth ||
	       msgslot_log_may_drop_locked(log, rules);
}

bool msgslot_log_has_room(struct msgslot_log *log, const struct msgslot_rules *rules, int sleepers)
{
	bool room;

	spin_lock(&log->lock);
	WRITE_ONCE(log->wanted, log->wanted + sleepers * MSGSLOT_WANTED_SLEEPER);
	room = log_has_room_locked(log, rules);
	spin_unlock(&log->lock);
	return room;
}

bool msgslot_log_has_wanted_room(struct msgslot_log *log, const struct msgslot_rules *rules)
{
	bool room;

	/* The right column in log.h: the cursor moved before this. */
	smp_mb();
	if (!READ_ONCE(log->wanted))
		return false;
	spin_lock(&log->lock);
	room = log->wanted;
	WRITE_ONCE(log->wanted, log->wanted & ~MSGSLOT_WANTED_ONCE);
	/* Where there is none yet, this asks to be told again. */
	room = room && log_has_room_locked(log, rules);
	spin_unlock(&log->lock);
	return room;
}

void msgslot_log_join(struct msgslot_log *log, const struct msgslot_rules *rules,
		      struct msgslot_cursor *cursor, bool reads)
{
	spin_lock(&log->lock);
	WRITE_ONCE(cursor->next, rules->reads == MSGSLOT_READS_NEXT ? log->next : 0);
	cursor->offset = 0;
	cursor->lost = 0;
	if (reads && rules->reads == MSGSLOT_READS_NEXT && rules->overflow == MSGSLOT_BLOCK)
		hlist_add_head(&cursor->node, &log->cursors);
	spin_unlock(&log->lock);
}

void msgslot_log_part(struct msgslot_log *log, struct msgslot_cursor *cursor)
{
	/* Only the file itself joins and parts, one at a time: mostly it is in no list. */
	if (hlist_unhashed(&cursor->node))
		return;
	spin_lock(&log->lock);
	hlist_del_init(&cursor->node);
	spin_unlock(&log->lock);
}

int msgslot_log_seek(struct msgslot_log *log, struct msgslot_cursor *cursor, u32 whence,
		     u64 sequence)
{
	int err = 0;

	spin_lock(&log->lock);
	switch (whence) {
	case MSGSLOT_SEEK_OLDEST:
		sequence = log->first;
		break;
	case MSGSLOT_SEEK_END:
		sequence = log->next;
		break;
	case MSGSLOT_SEEK_SEQUENCE:
		sequence = max(sequence, log->start);
		break;
	default:
		err = -EINVAL;
	}
	if (sequence > log->next)
		err = -EINVAL;
	if (!err) {
		WRITE_ONCE(cursor->next, sequence);
		cursor->offset = 0;
		/* It may be the slowest now. */
		log->slowest = min(log->slowest, sequence);
	}
	spin_unlock(&log->lock);
	return err;
}

void msgslot_log_tell_map_locked(struct msgslot_log *log)
{
	lockdep_assert_held(&log->lock);
	/* Pairs with the uAPI's reader: who sees it sees next, set before, beyond it. */
	if (log->map)
		smp_store_release(&log->map->head->first, log->first);
}

void msgslot_log_tell_map(struct msgslot_log *log)
{
	spin_lock(&log->lock);
	msgslot_log_tell_map_locked(log);
	spin_unlock(&log->lock);
}

bool msgslot_log_set_map(struct msgslot_log *log, struct msgslot_map *map)
{
	bool dead;

	spin_lock(&log->lock);
	dead = msgslot_log_is_dead(log);
	if (!map || !dead)
		log->map = map;
	/* As if it were empty, until it is filled. */
	if (log->map)
		WRITE_ONCE(log->map->head->next, log->first);
	msgslot_log_tell_map_locked(log);
	spin_unlock(&log->lock);
	return !dead;
}

/* Takes everything out of @log; what comes back is to be freed, outside the lock. */
static u64 log_empty_locked(struct msgslot_log *log, struct msgslot_ring **ring,
			    struct msgslot_buffer **spare)
{
	u64 lost = log->next - log->first;

	lockdep_assert_held(&log->lock);
	*ring = msgslot_log_ring_locked(log);
	RCU_INIT_POINTER(log->ring, NULL);
	*spare = xchg(&log->spare, NULL);
	smp_store_release(&log->first, log->next);
	msgslot_log_tell_map_locked(log);
	return lost;
}

int msgslot_log_clear(struct msgslot_log *log, bool conditional, u64 expected, u64 *lost)
{
	struct msgslot_buffer *spare = NULL;
	struct msgslot_ring *ring = NULL;
	int err = 0;

	spin_lock(&log->lock);
	if (conditional && expected != msgslot_log_newest_locked(log)) {
		err = -ESTALE;
	} else {
		*lost = log_empty_locked(log, &ring, &spare);
		WRITE_ONCE(log->wanted, log->wanted & ~MSGSLOT_WANTED_ONCE);
	}
	spin_unlock(&log->lock);
	ring_free(ring);
	msgslot_buffer_put(spare);
	return err;
}

bool msgslot_log_retire(struct msgslot_log *log)
{
	struct msgslot_buffer *spare = NULL;
	struct msgslot_ring *ring = NULL;
	bool dead;

	spin_lock(&log->lock);
	if (log->first == log->next) {
		set_bit(MSGSLOT_LOG_DEAD, &log->flags);
		log_empty_locked(log, &ring, &spare);
	}
	dead = msgslot_log_is_dead(log);
	spin_unlock(&log->lock);
	/* There is no message in it, so this takes no time, and the caller may hold a lock. */
	ring_free_drained(ring);
	msgslot_buffer_put(spare);
	return dead;
}

u64 msgslot_log_kill(struct msgslot_log *log)
{
	struct msgslot_buffer *spare;
	struct msgslot_ring *ring;
	u64 lost;

	spin_lock(&log->lock);
	set_bit(MSGSLOT_LOG_DEAD, &log->flags);
	lost = log_empty_locked(log, &ring, &spare);
	if (log->map)
		WRITE_ONCE(log->map->head->gone, 1);
	spin_unlock(&log->lock);
	ring_free(ring);
	msgslot_buffer_put(spare);
	return lost;
}
