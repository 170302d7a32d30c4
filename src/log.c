// SPDX-License-Identifier: GPL-2.0-only
/* The ring of cells.  How it is kept, and why that is safe, is told in log.h. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "log.h"
#include "map.h"

void msgslot_log_init(struct msgslot_log *log, u64 start, struct msgslot_share *share)
{
	memset(log, 0, sizeof(*log));
	spin_lock_init(&log->lock);
	log->share = share;
	log->start = start;
	log->first = start;
	log->next = start;
}

static void log_drop_older_locked(struct msgslot_log *log, struct msgslot_ring *ring)
{
	struct msgslot_ring *older;

	older = rcu_dereference_protected(ring->older, lockdep_is_held(&log->lock));
	RCU_INIT_POINTER(ring->older, NULL);
	msgslot_ring_free_drained(older);
}

/* Who is charged for the channel, and for what is kept for its sake. */
static void log_charge_locked(struct msgslot_log *log, struct msgslot_share *share)
{
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);

	if (ring && log->first == log->next && ring->share != share) {
		msgslot_charge_move(ring->share, share, ring->size, 0);
		ring->share = share;
	}
	if (log->share != share) {
		msgslot_charge_move(log->share, share, 0, 1);
		log->share = share;
	}
}

/*
 * Whether the log must grow for the next message, which wants so many bytes of a cell; and what shape the
 * ring is to have then.  Where one message was too long for the cells, they get as much room as any may
 * want: so where lengths vary, that happens once.
 */
static bool log_must_grow_locked(struct msgslot_log *log, const struct msgslot_rules *rules,
				 u32 bytes, struct msgslot_ring_shape *shape)
{
	const u32 most = min_t(u32, rules->max_message, MSGSLOT_INLINE_BYTES);
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);
	u64 first = log->first;
	u32 cells, room;

	lockdep_assert_held(&log->lock);
	if (!ring) {
		*shape = msgslot_ring_shape(1, bytes, most);
		return true;
	}
	if (log->next - first >= rules->depth)
		first++;
	cells = ring->cells;
	if (log->next - max(first, ring->base) >= ring->cells)
		cells *= 2;
	room = msgslot_ring_capacity(ring);
	if (bytes > room)
		room = most;
	*shape = msgslot_ring_shape(cells, room, most);
	return cells > ring->cells || room > msgslot_ring_capacity(ring);
}

/*
 * Makes @ring the log's, charged to the payer: 0, and it is the log's; 1, the log does not need it any
 * more; -EAGAIN, it needs another one by now; -EIDRM, -ENOSPC, -EDQUOT.
 */
static int log_install(struct msgslot_log *log, struct msgslot_ring *ring,
		       const struct msgslot_payer *payer, const struct msgslot_rules *rules,
		       u32 bytes, bool privileged)
{
	struct msgslot_ring *older = NULL;
	struct msgslot_ring_shape shape;
	int err = 0;

	spin_lock(&log->lock);
	if (msgslot_log_is_dead(log))
		err = -EIDRM;
	else if (!log_must_grow_locked(log, rules, bytes, &shape))
		err = 1;
	else if (ring->cells < shape.cells || ring->stride < shape.stride)
		err = -EAGAIN;
	else
		err = msgslot_charge_as(payer, ring->size, 0, privileged);
	if (!err) {
		older = msgslot_log_ring_locked(log);
		ring->share = payer->share;
		ring->base = log->next;
		ring->newest_of_share = 0;
		if (log->unheld)
			log_charge_locked(log, payer->share);
		/* Without a message the older ring would never be missed. */
		if (log->first < log->next) {
			rcu_assign_pointer(ring->older, older);
			older = NULL;
		}
		rcu_assign_pointer(log->ring, ring);
	}
	spin_unlock(&log->lock);
	msgslot_ring_free_drained(older);
	return err;
}

int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer,
		     const struct msgslot_rules *rules, u32 bytes, gfp_t gfp)
{
	struct msgslot_ring *ring;
	struct msgslot_ring_shape shape;
	bool must;
	int err;

	do {
		spin_lock(&log->lock);
		must = log_must_grow_locked(log, rules, bytes, &shape);
		spin_unlock(&log->lock);
		if (!must)
			return 0;
		err = msgslot_growth_begin(payer, shape.size, gfp);
		if (err)
			return err;
		ring = msgslot_ring_alloc(&shape, gfp);
		err = -ENOMEM;
		if (ring)
			err = log_install(log, ring, payer, rules, bytes, false);
		if (err == -EDQUOT && msgslot_payer_is_privileged(payer))
			err = log_install(log, ring, payer, rules, bytes, true);
		if (err)
			kvfree(ring);
		msgslot_growth_end(payer, shape.size);
	} while (err == -EAGAIN);
	return min(err, 0);
}

/*
 * Who is charged for a ring
 *
 * A user is, as long as a message of theirs is in it that is known: up to @newest_of_share.  With that one
 * gone, the sender of the oldest message left is charged, however many of theirs there are besides.  Each
 * cell that a user filled who was not charged then has that user's name; and as the charge does not leave
 * a user before all the others that they filled are empty, the oldest message left has one.
 */
static void log_charge_ring_locked(struct msgslot_log *log, struct msgslot_ring *ring, u64 sequence,
				   struct msgslot_share *share)
{
	lockdep_assert_held(&log->lock);
	if (log->unheld)
		log_charge_locked(log, share);
	if (ring->share != share)
		msgslot_charge_move(ring->share, share, ring->size, 0);
	ring->share = share;
	ring->newest_of_share = sequence;
}

void msgslot_log_note_sender_locked(struct msgslot_log *log, struct msgslot_ring *ring,
				    struct msgslot_cell *cell, u64 first, u64 sequence,
				    struct msgslot_share *share)
{
	if (ring->newest_of_share < first)
		log_charge_ring_locked(log, ring, sequence, share);
	else
		cell->payer = share->uid;
}

/* The messages before @first leave; if one stays in @ring, whoever keeps it there is charged. */
static void log_pass_ring_on_locked(struct msgslot_log *log, struct msgslot_ring *ring, u64 first)
{
	struct msgslot_share *share;

	if (first == log->next)
		return;
	if (ring->newest_of_share >= first) {
		/* Who was charged for the channel may have had the last message of an older ring. */
		if (log->unheld)
			log_charge_locked(log, ring->share);
		return;
	}
	share = msgslot_share_get_of(ring->share->account, msgslot_ring_cell(ring, first)->payer);
	/* Without memory it stays as it is; the next message that leaves tries it again. */
	if (!share)
		return;
	log_charge_ring_locked(log, ring, first, share);
	/* The ring's charge has a reference of its own. */
	msgslot_share_put(share);
}

struct msgslot_cell *msgslot_log_cell_locked(struct msgslot_log *log, u64 sequence)
{
	return msgslot_ring_cell(msgslot_log_ring_of_locked(log, sequence), sequence);
}

struct msgslot_buffer *msgslot_log_detach_oldest_locked(struct msgslot_log *log,
							struct msgslot_cell *cell)
{
	const u64 first = log->first + 1;
	struct msgslot_ring *ring = msgslot_log_ring_of_locked(log, first);
	struct msgslot_buffer *buffer = msgslot_cell_detach_buffer(cell);

	log_drop_older_locked(log, ring);
	log_pass_ring_on_locked(log, ring, first);
	return buffer;
}

u32 msgslot_log_advance_slow_locked(struct msgslot_log *log, struct msgslot_buffer **old)
{
	struct msgslot_cell *cell = msgslot_log_cell_locked(log, log->first);
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);

	*old = msgslot_log_detach_oldest_locked(log, cell);
	if (log->first + 1 == log->next) {
		if (ring->size > MSGSLOT_EMPTY_RING_BYTES) {
			RCU_INIT_POINTER(log->ring, NULL);
			msgslot_ring_free_drained(ring);
		} else if (!log->unheld && ring->share != log->share) {
			/* It is kept for the channel's sake, and that for its holders'. */
			log_charge_ring_locked(log, ring, 0, log->share);
		}
	}
	return msgslot_log_advance_locked(log) | (*old ? MSGSLOT_HAS_BUFFER : 0);
}

bool msgslot_log_may_drop_or_request_locked(struct msgslot_log *log,
					    const struct msgslot_rules *rules)
{
	lockdep_assert_held(&log->lock);
	if (rules->overflow == MSGSLOT_DROP)
		return true;
	if (rules->cursor == MSGSLOT_CURSOR_OF_FILE &&
	    !msgslot_log_cell_locked(log, log->first)->standing)
		return true;
	WRITE_ONCE(log->wake_requests, log->wake_requests | MSGSLOT_WAKE_ONCE);
	return false;
}

static bool log_is_writable_locked(struct msgslot_log *log, const struct msgslot_rules *rules)
{
	return msgslot_log_is_dead(log) || log->next - log->first < rules->depth ||
	       msgslot_log_may_drop_or_request_locked(log, rules);
}

bool msgslot_log_is_writable(struct msgslot_log *log, const struct msgslot_rules *rules)
{
	bool writable;

	spin_lock(&log->lock);
	writable = log_is_writable_locked(log, rules);
	spin_unlock(&log->lock);
	return writable;
}

void msgslot_log_add_writer(struct msgslot_log *log)
{
	spin_lock(&log->lock);
	WRITE_ONCE(log->wake_requests, log->wake_requests + MSGSLOT_WAKE_WAITER);
	spin_unlock(&log->lock);
}

void msgslot_log_remove_writer(struct msgslot_log *log)
{
	spin_lock(&log->lock);
	WRITE_ONCE(log->wake_requests, log->wake_requests - MSGSLOT_WAKE_WAITER);
	spin_unlock(&log->lock);
}

bool msgslot_log_take_wake_request(struct msgslot_log *log, const struct msgslot_rules *rules)
{
	bool room;

	/* The caller had the log's lock since: whoever asked for room before that is seen here. */
	if (!READ_ONCE(log->wake_requests))
		return false;
	spin_lock(&log->lock);
	room = log->wake_requests;
	WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_WAKE_ONCE);
	/* Where there is none yet, this asks to be told again. */
	room = room && log_is_writable_locked(log, rules);
	spin_unlock(&log->lock);
	return room;
}

void msgslot_log_hold(struct msgslot_log *log, struct msgslot_share *share)
{
	spin_lock(&log->lock);
	log->unheld = false;
	log_charge_locked(log, share);
	spin_unlock(&log->lock);
}

/* Takes everything out of @log; the rings that come back are to be freed, outside the lock. */
static struct msgslot_ring *log_reset_locked(struct msgslot_log *log)
{
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);

	RCU_INIT_POINTER(log->ring, NULL);
	smp_store_release(&log->first, log->next);
	log->at_end = log->readers;
	if (log->map)
		msgslot_map_advance_locked(log->map, log->next, log->dead);
	return ring;
}

int msgslot_log_clear(struct msgslot_log *log, struct msgslot_spares *spares, bool conditional,
		      u64 expected, u64 *lost)
{
	struct msgslot_ring *ring = NULL;
	int err = 0;

	spin_lock(&log->lock);
	if (conditional && expected != msgslot_log_newest_locked(log)) {
		err = -ESTALE;
	} else {
		*lost = log->next - log->first;
		ring = log_reset_locked(log);
		WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_WAKE_ONCE);
	}
	spin_unlock(&log->lock);
	msgslot_ring_free(ring, spares);
	return err;
}

bool msgslot_log_unhold(struct msgslot_log *log)
{
	struct msgslot_ring *ring;
	bool dead;

	spin_lock(&log->lock);
	ring = msgslot_log_ring_locked(log);
	if (log->first == log->next) {
		WRITE_ONCE(log->dead, true);
		log_reset_locked(log);
	} else {
		log->unheld = true;
		log_charge_locked(log, ring->share);
		ring = NULL;
	}
	dead = log->dead;
	spin_unlock(&log->lock);
	/* There is no message in it, so this takes no time, and the caller may hold a lock. */
	msgslot_ring_free_drained(ring);
	return dead;
}

u64 msgslot_log_kill(struct msgslot_log *log, struct msgslot_spares *spares)
{
	struct msgslot_ring *ring;
	u64 lost;

	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	lost = log->next - log->first;
	ring = log_reset_locked(log);
	spin_unlock(&log->lock);
	msgslot_ring_free(ring, spares);
	return lost;
}
