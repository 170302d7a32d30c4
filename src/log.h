/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a channel: its last messages, in a ring of cells.
 *
 * Messages are numbered by a rising 64-bit sequence.  The log keeps the messages @first to @next
 * - 1, at most the slot's depth of them.  Message S is in cell S mod cells of its ring.  A cell is
 * a header and up to MSGSLOT_INLINE_BYTES of the message; a longer message has a buffer of its own,
 * to which the cell points.
 *
 * A ring starts with one cell, of the capacity that the first message needs.  It grows by doubling,
 * and once, when a longer message comes, to cells that any short message fits.  Nothing is copied
 * then: a new ring takes the messages from its @base on, the older ones stay in the older ring
 * until they leave, and that ring goes with the last of them.  In the steady state nothing is
 * allocated, charged or freed: a short message is copied into its cell; a long one comes in a
 * buffer that an earlier one left as a spare, and takes over its charge.
 *
 * Locking
 * -------
 * Every change of the log takes msgslot_log.lock.  Under it at most MSGSLOT_INLINE_BYTES are
 * copied, from kernel memory, and once more where there is a map; nothing sleeps and nothing is
 * woken.  Nothing is allocated but the share of a user with only short messages left in the slot,
 * without sleep, and failure there does no harm (log_pass_ring_on_locked()).
 *
 * Readers take no lock and write nothing shared.  They find the ring by RCU and copy under the
 * cell's version, a sequence counter that is odd while the cell changes:
 *
 *	reader					writer (holds lock)
 *	first, then next: S is kept
 *	ring (after next), cell of S
 *	v = version				version++		(odd)
 *	copy sequence, length, bytes		new sequence, length, bytes, buffer
 *	version == v, sequence == S ?		version++		(even)
 *	done : again				next, then first
 *
 * A copy that overlaps with a writer sees another version and is discarded, so no torn message is
 * returned; a copy that comes too late finds another sequence.  A reader that loads @first before
 * @next never takes a log for empty that is not; a reader that loads the ring after @next finds the
 * ring in which S was placed, or a newer one that leads to it.  After MSGSLOT_RETRIES such copies
 * the reader takes the lock, where it cannot lose: no stream of writers starves a reader.  The
 * counter is read without waiting for an even value, so a reader does not spin while a writer is
 * preempted (PREEMPT_RT).
 *
 * A reader of a long message takes a reference of its buffer under the version, leaves the RCU
 * section, and copies from bytes that do not change any more; buffer.h tells why that is safe.  It
 * copies with page faults off, because nothing of a slot may be held while a page is waited for.
 * Where a page is missing, the reader lets the buffer go, touches the pages, and finds the message
 * again (receive.c).
 *
 * Order in a queue
 * ----------------
 * A reader copies the head S to its user first and takes it afterwards: msgslot_cursor_take() moves
 * @first from S to S + 1 under the lock, only if it still is S, and cannot fail otherwise.
 *
 *	reader A		reader B
 *	copies S		copies S
 *	takes S			finds S + 1 the head: its copy is void, it starts over
 *
 * A reader that dies, faults or is stopped before its take has taken nothing and delays no other: a
 * message is either kept or taken, so none is lost, doubled or overtaken.
 *
 * Lock order: msgslot_file.lock, msgslot_channels.lock, msgslot_log.lock, msgslot_feed.lock,
 * msgslot_account.lock.
 *
 * Modelled in tests/model/cell.pml, ring.pml, charge.pml, lease.pml, feed.pml, wait.pml.
 */
#ifndef MSGSLOT_LOG_H
#define MSGSLOT_LOG_H

#include <linux/rbtree.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "account.h"
#include "buffer.h"
#include "lease.h"
#include "mode.h"
#include "ring.h"

struct msgslot_map_pages;
struct msgslot_tied_value;
struct msgslot_walk_detail;

/* An emptied ring of at most this size waits for the next message; a larger one is freed. */
#define MSGSLOT_EMPTY_RING_BYTES 4096

/**
 * struct msgslot_log - the messages of a channel
 * @lock: guards every change
 * @id: of the channel; never changes
 * @wake_requests: of writers, for when there is space: MSGSLOT_WAKE_ONCE, and MSGSLOT_WAKE_WAITER
 *	for each writer asleep; and MSGSLOT_IS_READY, _HAS_TIE, _HAS_LEASES, _HAS_RETURNED;
 *	changed under @lock, read anywhere
 * @depth: messages that the ring may keep: the slot's depth, but for those that are leased or came
 *	back; once there is a ring; under @lock
 * @dead: there is no ring, and there never will be; set once under @lock
 * @ring: NULL before the first message; changed under @lock, read by RCU
 * @start: the first message it ever had; never changes
 * @first: the oldest message kept
 * @next: the message to come; kept are @first to @next - 1
 * @readers: cursors that are counted (cursor.h); under @lock
 * @at_end: those of them that stand at @next; under @lock
 * @map: the copy that users map, or NULL (map.h); under @lock
 * @leases: where messages are taken, if MSGSLOT_HAS_LEASES is set (lease.h); under @lock
 * @share: of the user that is charged for the channel; under @lock
 * @unheld: the channel has no holder, so its charge goes with its messages; under @lock
 * @ready: where messages are taken: in the feed's tree, if MSGSLOT_IS_READY is set; under the
 *	feed's lock
 * @dropped: elsewhere, while there are listeners: the time of the newest message that went for
 *	another one or by a clear; changed under @lock
 * @tied: in `last`, if MSGSLOT_HAS_TIE is set, what ties a message to a file (tied_value.h); under
 *	@lock
 * @tied_sequence: the number of that message, which may be gone
 * @rcu: of the channel, once it is dead and forgotten
 *
 * @first and @next change under @lock and are read anywhere.
 */
struct msgslot_log {
	spinlock_t lock;
	u32 id;
	u32 wake_requests;
	u32 depth;
	bool dead;
	bool unheld;
	struct msgslot_ring __rcu *ring;
	u64 start;
	u64 first;
	u64 next;
	u32 readers;
	u32 at_end;
	union {
		struct msgslot_map_pages *map;
		struct msgslot_leases *leases;
	};
	struct msgslot_share *share;
	union {
		struct rb_node ready;
		struct {
			u64 dropped;
			struct msgslot_tied_value *tied;
			u64 tied_sequence;
		};
		struct rcu_head rcu;
	};
};

#define MSGSLOT_WAKE_ONCE 1
#define MSGSLOT_WAKE_WAITER 2
#define MSGSLOT_WAKE_MASK ((1 << 26) - 1)
/* In `last`: a message was tied to a file that is there. */
#define MSGSLOT_HAS_TIE (1 << 26)
/* A message was leased some time. */
#define MSGSLOT_HAS_LEASES (1 << 27)
/* A leased message came back: it is taken before those in the ring, of which none is taken then. */
#define MSGSLOT_HAS_RETURNED (1 << 28)
/* Listeners know that there is a message: a reader that takes the last one is to say so. */
#define MSGSLOT_IS_READY (1 << 29)
/* Beside wake requests, in what msgslot_cursor_take() returns. */
#define MSGSLOT_HAS_BUFFER (1 << 30)

/*
 * The first message of @log, of channel @id, will have the number @start.  The channel has a
 * holder, and is charged to @share.
 */
void msgslot_log_init(struct msgslot_log *log, u32 id, u64 start, struct msgslot_share *share);

/*
 * Makes a ring, or a larger one, for a message that needs @bytes in its cell, and @more that are
 * charged when it is placed; and charges it to @payer: 0, also if another writer did; -EIDRM if the
 * log is dead; -ENOSPC, -EDQUOT, -ENOMEM.  Sleeps if @gfp allows it.  No caller waits for another:
 * of several that grow one log at once, one installs its ring, and is charged.  @count: so many
 * such messages are to come, with this one, as far as is known.
 */
int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer,
		     const struct msgslot_rules *rules, u32 bytes, u32 count, u32 more, gfp_t gfp);

/*
 * Whether a message can be placed without waiting.  If not, a wake-up is requested for when it can.
 */
bool msgslot_log_is_writable(struct msgslot_log *log, const struct msgslot_rules *rules);
/* A writer goes to sleep, or sleeps no longer: each message that is taken wakes one meanwhile. */
void msgslot_log_add_writer(struct msgslot_log *log);
void msgslot_log_remove_writer(struct msgslot_log *log);
/*
 * For a caller that moved a cursor: whether there is space now for which a wake-up was requested.
 */
bool msgslot_log_take_wake_request(struct msgslot_log *log, const struct msgslot_rules *rules);

/**
 * struct msgslot_log_rest - what a log had, and the caller is to free
 * @messages: how many
 * @leased: how many of them files have, which are void
 * @rings: NULL, or the newest ring
 * @returned: messages that came back
 */
struct msgslot_log_rest {
	u64 messages;
	u64 leased;
	struct msgslot_ring *rings;
	struct rb_root returned;
};

/*
 * Takes all messages, if @conditional only if the newest is @expected (0: there is none): 0, with
 * them in @rest; or -ESTALE, and @rest is empty.
 */
int msgslot_log_clear(struct msgslot_log *log, const struct msgslot_rules *rules, bool conditional,
		      u64 expected, struct msgslot_log_rest *rest);
/* Sleeps. */
void msgslot_log_rest_free(struct msgslot_log_rest *rest, struct msgslot_spares *spares);

/**
 * struct msgslot_log_range - messages of a log
 * @first: the first one
 * @end: the first one behind them
 */
struct msgslot_log_range {
	u64 first;
	u64 end;
};

/*
 * The messages kept that were placed after @from, and not after @to; and in *@dropped the time of
 * the newest that is not kept, where that is known.
 */
struct msgslot_log_range msgslot_log_find_range(struct msgslot_log *log, u64 from, u64 to,
						u64 *dropped);

/* How many writers sleep. */
static inline u32 msgslot_log_writers(const struct msgslot_log *log)
{
	return (READ_ONCE(log->wake_requests) & MSGSLOT_WAKE_MASK) / MSGSLOT_WAKE_WAITER;
}

/* The channel has a holder, with @share, and is charged to it. */
void msgslot_log_hold(struct msgslot_log *log, struct msgslot_share *share);
/*
 * The channel has no holder any more.  A log that has nothing is dead then; the channel of another
 * is charged to a user with messages in it, or else with a lease.  Returns whether nothing refers
 * to the log.
 */
bool msgslot_log_unhold(struct msgslot_log *log);

/*
 * Makes @log dead and frees what it has, but for what files have leased; returns the number of
 * messages lost.  May be repeated.
 */
u64 msgslot_log_kill(struct msgslot_log *log, struct msgslot_spares *spares);

/* ---- for place.h, peek.h and cursor.h -------------------------------------------------------- */

/*
 * Whether a full log may drop its oldest message for the next.  If not, a wake-up is requested for
 * when it may.
 */
bool msgslot_log_may_drop_or_request_locked(struct msgslot_log *log,
					    const struct msgslot_rules *rules);
/* The cell of a kept message. */
struct msgslot_cell *msgslot_log_cell_locked(struct msgslot_log *log, u64 sequence);
/*
 * The oldest message leaves @cell: its buffer, or NULL.  Drained rings are freed; one that keeps
 * messages is charged to a user with messages in it.
 */
struct msgslot_buffer *msgslot_log_detach_oldest_locked(struct msgslot_log *log,
							struct msgslot_cell *cell);
/*
 * A user with @share, which is not charged for @ring, places message @sequence in @cell of it, and
 * is charged if the user that was has no message from @first on.
 */
void msgslot_log_note_sender_locked(struct msgslot_log *log, struct msgslot_ring *ring,
				    struct msgslot_cell *cell, u64 first, u64 sequence,
				    struct msgslot_share *share);
/*
 * The oldest message of the ring goes, and with it a buffer, a ring or a charge: 0, or
 * MSGSLOT_HAS_BUFFER, and the caller is to put the buffer *@old.
 */
u32 msgslot_log_advance_slow_locked(struct msgslot_log *log, struct msgslot_buffer **old);
/* Charges @share for the channel, and for an empty ring. */
void msgslot_log_charge_locked(struct msgslot_log *log, struct msgslot_share *share);
/* Likewise the sender of the first message that came back; or the user with the first lease. */
void msgslot_log_charge_leased_locked(struct msgslot_log *log);

/* The oldest message of the ring goes, and nothing with it. */
static __always_inline void msgslot_log_advance_locked(struct msgslot_log *log)
{
	/* Pairs with msgslot_log_first(). */
	smp_store_release(&log->first, log->first + 1);
}

/* The messages that are leased or came back; NULL: there never was one. */
static inline struct msgslot_leases *msgslot_log_leases_locked(const struct msgslot_log *log)
{
	lockdep_assert_held(&log->lock);
	return log->wake_requests & MSGSLOT_HAS_LEASES ? log->leases : NULL;
}

static inline struct msgslot_map_pages *msgslot_log_map_locked(const struct msgslot_log *log)
{
	lockdep_assert_held(&log->lock);
	return log->wake_requests & MSGSLOT_HAS_LEASES ? NULL : log->map;
}

/* How many messages are leased or came back. */
static inline u32 msgslot_log_leased_locked(const struct msgslot_log *log)
{
	const struct msgslot_leases *leases = msgslot_log_leases_locked(log);

	return leases ? msgslot_leases_count(leases) : 0;
}

/* As many messages are kept as may be. */
static inline bool msgslot_log_is_full_locked(const struct msgslot_log *log,
					      const struct msgslot_rules *rules)
{
	return log->next - log->first + msgslot_log_leased_locked(log) >= rules->depth;
}

/* No message is there to be taken. */
static inline bool msgslot_log_is_empty_locked(const struct msgslot_log *log)
{
	lockdep_assert_held(&log->lock);
	return log->first == log->next && !(log->wake_requests & MSGSLOT_HAS_RETURNED);
}

static inline bool msgslot_log_is_dead(const struct msgslot_log *log)
{
	return READ_ONCE(log->dead);
}

static inline struct msgslot_ring *msgslot_log_ring_locked(struct msgslot_log *log)
{
	return rcu_dereference_protected(log->ring, lockdep_is_held(&log->lock));
}

/* Charges a user that has a message in @log, or one leased, for the channel. */
static inline void msgslot_log_charge_sender_locked(struct msgslot_log *log)
{
	if (likely(log->first < log->next))
		msgslot_log_charge_locked(log, msgslot_log_ring_locked(log)->share);
	else
		msgslot_log_charge_leased_locked(log);
}

/* The ring that keeps @sequence. */
static inline struct msgslot_ring *msgslot_log_ring_of_locked(struct msgslot_log *log, u64 sequence)
{
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);

	while (sequence < ring->base)
		ring = rcu_dereference_protected(ring->older, lockdep_is_held(&log->lock));
	return ring;
}

/* The oldest message kept, or the one to come where there is none. */
static inline u64 msgslot_log_first(const struct msgslot_log *log)
{
	/* Pairs with the releases of first: the caller loads next after it. */
	return smp_load_acquire(&log->first);
}

/* The message to come. */
static inline u64 msgslot_log_next(const struct msgslot_log *log)
{
	/*
	 * Pairs with the release in msgslot_place(): a reader that sees the number finds the
	 * message.
	 */
	return smp_load_acquire(&log->next);
}

/* Whether there is a message from @cursor on; @or_loss: or such messages are gone. */
static inline bool msgslot_log_has(const struct msgslot_log *log, u64 cursor, bool or_loss)
{
	u64 first = msgslot_log_first(log), next = msgslot_log_next(log);

	/* A look from a later one on has seen what was leased: none that comes back is news. */
	return next > (or_loss ? cursor : max(first, cursor)) ||
	       (!cursor && READ_ONCE(log->wake_requests) & MSGSLOT_HAS_RETURNED);
}

/* The newest message kept, 0 where there is none. */
static inline u64 msgslot_log_newest_locked(const struct msgslot_log *log)
{
	const struct msgslot_leases *leases = msgslot_log_leases_locked(log);

	if (log->first < log->next)
		return log->next - 1;
	return leases ? msgslot_leases_newest(leases) : 0;
}

#endif /* MSGSLOT_LOG_H */
