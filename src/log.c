// SPDX-License-Identifier: GPL-2.0-only
/* The log of a channel.  See log.h. */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/msgslot.h>

#include "log.h"
#include "map.h"

void msgslot_log_init(struct msgslot_log *log, u32 id, u64 start, struct msgslot_share *share)
{
	memset(log, 0, sizeof(*log));
	spin_lock_init(&log->lock);
	log->id = id;
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

void msgslot_log_charge_locked(struct msgslot_log *log, struct msgslot_share *share)
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

/* At least @cells, and so many that @count messages have space, if so many are kept. */
static u32 log_cells_for(u32 cells, u32 count, const struct msgslot_rules *rules)
{
	while (unlikely(cells < count && cells < rules->depth))
		cells *= 2;
	return cells;
}

/*
 * Whether the log must grow for the next message, which needs @bytes of a cell; and the shape of
 * the ring that it needs, for @count such messages.  If one message was too long for the cells,
 * they get the largest capacity that any may need: so where lengths vary, that happens once.
 */
static bool log_must_grow_locked(struct msgslot_log *log, const struct msgslot_rules *rules,
				 u32 bytes, u32 count, struct msgslot_ring_shape *shape)
{
	const u32 most = min_t(u32, rules->max_message, MSGSLOT_INLINE_BYTES);
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);
	u64 first = log->first;
	u32 used, cells, capacity;

	lockdep_assert_held(&log->lock);
	if (!ring) {
		*shape = msgslot_ring_shape(log_cells_for(1, count, rules), bytes, most);
		return true;
	}
	if (first < log->next && msgslot_log_is_full_locked(log, rules))
		first++;
	cells = ring->cells;
	used = log->next - max(first, ring->base);
	if (used >= cells)
		cells = log_cells_for(2 * cells, used + count, rules);
	capacity = msgslot_ring_capacity(ring);
	if (bytes > capacity)
		capacity = most;
	*shape = msgslot_ring_shape(cells, capacity, most);
	return cells > ring->cells || capacity > msgslot_ring_capacity(ring);
}

/*
 * Makes @ring the log's, charged to the payer: 0; 1: the log does not need it any more; -EAGAIN:
 * the log needs a larger one by now; -EIDRM, -ENOSPC, -EDQUOT.
 */
static int log_install(struct msgslot_log *log, struct msgslot_ring *ring,
		       const struct msgslot_payer *payer, const struct msgslot_rules *rules,
		       u32 bytes, u32 count, bool privileged)
{
	struct msgslot_ring *older = NULL;
	struct msgslot_ring_shape shape;
	int err = 0;

	spin_lock(&log->lock);
	if (msgslot_log_is_dead(log))
		err = -EIDRM;
	else if (!log_must_grow_locked(log, rules, bytes, count, &shape))
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
		log->depth = rules->depth - msgslot_log_leased_locked(log);
		if (log->unheld)
			msgslot_log_charge_locked(log, payer->share);
		/* An older ring without messages is not needed. */
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
		     const struct msgslot_rules *rules, u32 bytes, u32 count, u32 more, gfp_t gfp)
{
	struct msgslot_ring *ring;
	struct msgslot_ring_shape shape;
	bool must;
	int err;

	do {
		spin_lock(&log->lock);
		must = log_must_grow_locked(log, rules, bytes, count, &shape);
		spin_unlock(&log->lock);
		if (!must)
			return 0;
		err = msgslot_growth_begin(payer, shape.size, more, gfp);
		if (err)
			return err;
		ring = msgslot_ring_alloc(&shape, gfp);
		err = -ENOMEM;
		if (ring)
			err = log_install(log, ring, payer, rules, bytes, count, false);
		if (err == -EDQUOT && msgslot_payer_is_privileged(payer))
			err = log_install(log, ring, payer, rules, bytes, count, true);
		if (err)
			kvfree(ring);
		msgslot_growth_end(payer, shape.size);
	} while (err == -EAGAIN);
	return min(err, 0);
}

/*
 * Which user is charged for a ring
 *
 * A user remains charged as long as a message of that user is known in the ring: up to
 * @newest_of_share.  When that one is gone, the sender of the oldest message left is charged,
 * however many other messages of the former user are there.  Each cell that another user fills
 * records that user (@payer); and because the charge does not leave a user before that user's last
 * known message, the oldest message left has a record.
 */
static void log_charge_ring_locked(struct msgslot_log *log, struct msgslot_ring *ring, u64 sequence,
				   struct msgslot_share *share)
{
	lockdep_assert_held(&log->lock);
	if (log->unheld)
		msgslot_log_charge_locked(log, share);
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

/* The messages before @first leave; if one remains in @ring, its sender is charged if need be. */
static void log_pass_ring_on_locked(struct msgslot_log *log, struct msgslot_ring *ring, u64 first)
{
	struct msgslot_share *share;

	if (first == log->next)
		return;
	if (ring->newest_of_share >= first) {
		/*
		 * The user charged for the channel may have had the last message of an older ring.
		 */
		if (log->unheld)
			msgslot_log_charge_locked(log, ring->share);
		return;
	}
	share = msgslot_share_get_of(ring->share->account, msgslot_ring_cell(ring, first)->payer);
	/* Without memory the charge remains; the next message that leaves tries it again. */
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
			/* It is kept for the channel, and the channel for its holders. */
			log_charge_ring_locked(log, ring, 0, log->share);
		}
	}
	msgslot_log_advance_locked(log);
	return *old ? MSGSLOT_HAS_BUFFER : 0;
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
	return msgslot_log_is_dead(log) || !msgslot_log_is_full_locked(log, rules) ||
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
	bool wake;

	/*
	 * The caller held the log's lock since the cursor moved: a request from before that is seen
	 * here.
	 */
	if (!READ_ONCE(log->wake_requests))
		return false;
	spin_lock(&log->lock);
	wake = log->wake_requests & MSGSLOT_WAKE_MASK;
	WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_WAKE_ONCE);
	/* If there is no space yet, this requests the wake-up again. */
	wake = wake && log_is_writable_locked(log, rules);
	spin_unlock(&log->lock);
	return wake;
}

/* The first message kept that was placed after @time, or the one to come. */
static u64 log_find_after_locked(struct msgslot_log *log, u64 time)
{
	u64 from = log->first, to = log->next, middle;

	while (from < to) {
		middle = from + (to - from) / 2;
		if (msgslot_log_cell_locked(log, middle)->time > time)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

struct msgslot_log_range msgslot_log_find_range(struct msgslot_log *log, u64 from, u64 to,
						u64 *dropped)
{
	struct msgslot_log_range range;

	spin_lock(&log->lock);
	range.first = log_find_after_locked(log, from);
	range.end = log_find_after_locked(log, to);
	*dropped = log->dead ? 0 : log->dropped;
	spin_unlock(&log->lock);
	return range;
}

void msgslot_log_hold(struct msgslot_log *log, struct msgslot_share *share)
{
	spin_lock(&log->lock);
	log->unheld = false;
	msgslot_log_charge_locked(log, share);
	spin_unlock(&log->lock);
}

/* The log keeps no message in rings: those it had. */
static __always_inline struct msgslot_ring *log_take_rings_locked(struct msgslot_log *log)
{
	struct msgslot_ring *rings = msgslot_log_ring_locked(log);

	RCU_INIT_POINTER(log->ring, NULL);
	/* Pairs with msgslot_log_first(). */
	smp_store_release(&log->first, log->next);
	log->at_end = log->readers;
	return rings;
}

/* What files have leased is void; the caller is to free what came back. */
static void log_reset_leases_locked(struct msgslot_log *log, struct msgslot_leases *leases,
				    struct msgslot_log_rest *rest)
{
	rest->messages += msgslot_leases_count(leases);
	rest->leased = leases->away_count;
	rest->returned = leases->returned.rb_root;
	leases->returned = RB_ROOT_CACHED;
	leases->away_count = 0;
	leases->returned_count = 0;
	leases->void_below = log->next;
	WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_HAS_RETURNED);
}

/* Takes all messages out of @log. */
static void log_reset_locked(struct msgslot_log *log, struct msgslot_log_rest *rest)
{
	struct msgslot_leases *leases = msgslot_log_leases_locked(log);

	rest->messages = log->next - log->first;
	rest->rings = log_take_rings_locked(log);
	if (leases)
		log_reset_leases_locked(log, leases, rest);
	else if (log->map)
		msgslot_map_advance_locked(log->map, log->next, log->dead);
}

void msgslot_log_rest_free(struct msgslot_log_rest *rest, struct msgslot_spares *spares)
{
	msgslot_ring_free(rest->rings, spares);
	msgslot_lease_free_all(&rest->returned, spares);
}

int msgslot_log_clear(struct msgslot_log *log, const struct msgslot_rules *rules, bool conditional,
		      u64 expected, struct msgslot_log_rest *rest)
{
	int err = 0;

	*rest = (struct msgslot_log_rest){};
	spin_lock(&log->lock);
	if (conditional && expected != msgslot_log_newest_locked(log)) {
		err = -ESTALE;
	} else {
		if (log->first < log->next && rules->cursor != MSGSLOT_CURSOR_OF_CHANNEL)
			log->dropped = msgslot_log_cell_locked(log, log->next - 1)->time;
		log_reset_locked(log, rest);
		WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_WAKE_ONCE);
	}
	spin_unlock(&log->lock);
	return err;
}

void msgslot_log_charge_leased_locked(struct msgslot_log *log)
{
	const struct msgslot_lease *lease = msgslot_lease_first(&log->leases->returned);
	struct msgslot_share *sender;

	if (!lease) {
		lease = msgslot_lease_first(&log->leases->away);
		msgslot_log_charge_locked(log, lease->share);
		return;
	}
	sender = msgslot_share_get_of(lease->share->account, lease->message.payer);
	/* Without memory the charge remains. */
	if (!sender)
		return;
	msgslot_log_charge_locked(log, sender);
	msgslot_share_put(sender);
}

bool msgslot_log_unhold(struct msgslot_log *log)
{
	struct msgslot_leases *leases;
	struct msgslot_ring *rings = NULL;
	bool unused;

	spin_lock(&log->lock);
	leases = msgslot_log_leases_locked(log);
	unused = msgslot_log_is_empty_locked(log) && !(leases && msgslot_leases_has_away(leases));
	if (!unused) {
		leases = NULL;
		log->unheld = true;
		msgslot_log_charge_sender_locked(log);
	} else {
		WRITE_ONCE(log->dead, true);
		rings = log_take_rings_locked(log);
		if (unlikely(leases)) {
			log->leases = NULL;
			WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_HAS_LEASES);
		} else if (log->map) {
			msgslot_map_advance_locked(log->map, log->next, true);
		}
	}
	spin_unlock(&log->lock);
	if (unlikely(leases))
		kfree(leases);
	/* It has no message, so this takes no time, and the caller may hold a lock. */
	msgslot_ring_free_drained(rings);
	return unused;
}

u64 msgslot_log_kill(struct msgslot_log *log, struct msgslot_spares *spares)
{
	struct msgslot_log_rest rest = {};

	spin_lock(&log->lock);
	WRITE_ONCE(log->dead, true);
	log_reset_locked(log, &rest);
	spin_unlock(&log->lock);
	msgslot_log_rest_free(&rest, spares);
	return rest.messages;
}
