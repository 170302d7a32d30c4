/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a channel: its last messages, in a ring of cells.
 *
 * Messages are numbered by a rising 64-bit sequence.  Kept are the messages @first to @next - 1, at
 * most the slot's depth of them.  Message S lives in cell S mod cells of its ring.  A cell is a
 * header and up to MSGSLOT_INLINE_BYTES of the message; a longer message has a buffer of its own
 * hung from the cell.
 *
 * A ring starts with one cell, as large as the first message wants it, and grows by doubling; and
 * once, if a longer message comes, by cells that any short message fits.  Nothing is copied then: a
 * new ring takes the messages from its @base on, the older ones stay in the older ring until they
 * leave, and it goes with the last of them.  In steady state nothing is allocated, charged or
 * freed: a short message is copied into its cell; a long one comes in a buffer that an earlier one left
 * behind as a spare, and takes its charge over.
 *
 * Locking
 * -------
 * msgslot_log.lock is taken by everyone who changes the log.  Under it at most
 * MSGSLOT_INLINE_BYTES are copied, from the kernel's memory, and once more where there is a map; nothing
 * sleeps or wakes.  Nothing is allocated but a share, without sleep and with no harm where that fails, for a
 * user who has nothing in the slot any more but short messages (ring_pass_on_locked()).
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
 * A copy that overlapped with a writer saw another version and is thrown away, so no torn message
 * is ever returned; one that came too late finds another sequence.  Who reads @first before @next
 * never takes a log for empty that was not; who reads the ring after @next finds the ring that S
 * was placed in, or a newer one that knows it.  After MSGSLOT_RETRIES such copies the reader takes
 * the lock, where it cannot lose: no stream of writers keeps a reader from its message.  The
 * counter is read without waiting for an even value, so that nobody spins while a writer was
 * preempted (PREEMPT_RT).
 *
 * A long message is in a buffer that hangs from its cell.  The reader takes a reference of it under the
 * version, leaves the RCU section, and copies from what nobody changes any more; buffer.h tells why that
 * is safe.  It copies with page faults off, as nothing of a slot may be held while a page is waited for:
 * where one is missing, the reader makes a copy of its own first (receive.c).
 *
 * Order in a queue
 * ----------------
 * A reader copies the head S to its user first and takes it afterwards: msgslot_log_take() moves
 * @first from S to S + 1 under the lock, only if it still is S, and cannot fail otherwise.
 *
 *	reader A		reader B
 *	copies S		copies S
 *	takes S			finds S + 1 the head: what it copied is void, again from there
 *
 * Whoever dies, faults or is stopped before its take has taken nothing, and holds nobody up: there
 * is no state of a message but kept or taken, so none is lost, doubled or overtaken.
 *
 * Rooms that block
 * ----------------
 * Where overflow is `block`, the oldest message may go when no reader has yet to read it.  So each cell
 * counts the cursors that stand at its message, and the log those at its end; whoever places a message
 * makes the latter the former.  A cursor is moved under the log's lock, from cell to cell, and costs the
 * same however many there are.
 *
 * A cursor that stands before @first stands, for this, at @first.  A clear leaves cursors behind: then
 * all are at the end, where @first is, too, and stays until the last of them has moved on; and a seek may
 * go there.
 *
 * Lock order: msgslot_file.lock, msgslot_slot.lock, msgslot_log.lock, msgslot_account.lock.
 */
#ifndef MSGSLOT_LOG_H
#define MSGSLOT_LOG_H

#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/msgslot.h>

#include "account.h"
#include "buffer.h"
#include "map.h"
#include "mode.h"

#define MSGSLOT_INLINE_BYTES 256
/* An emptied ring of up to so many bytes waits for the next message; a larger one goes. */
#define MSGSLOT_EMPTY_RING_BYTES 4096

/**
 * struct msgslot_cell - one message, as it is kept
 * @version: odd while the rest changes; written under the log's lock
 * @length: of the message in bytes
 * @sequence: the message's number; 0 once it gave its buffer away
 * @time: when it was placed, CLOCK_BOOTTIME in ns; rises with the sequence
 * @pid: who wrote it: the thread group's id in the initial pid namespace
 * @uid: who opened the file it was written to
 * @standing: cursors of readers that writers wait for, which have this message to read next
 * @payer: the user to be charged for the ring when all messages of the one who is are gone; says nothing
 *	in a message of the latter's; under the log's lock
 * @buffer: holds the bytes if there are more than MSGSLOT_INLINE_BYTES, else NULL
 * @bytes: holds them otherwise; as many as the ring has room for
 */
struct msgslot_cell {
	seqcount_t version;
	u32 length;
	u64 sequence;
	u64 time;
	pid_t pid;
	kuid_t uid;
	u32 standing;
	kuid_t payer;
	struct msgslot_buffer __rcu *buffer;
	u8 bytes[];
};

/**
 * struct msgslot_ring - the cells
 * @base: the first message that was placed here; those before are in @older
 * @cells: how many, a power of two
 * @stride: bytes from one cell to the next
 * @size: of the whole ring in bytes, as charged
 * @share: who is charged: first the user who made the ring grow; once no message of theirs is in it any
 *	more, the sender of the oldest that is, or the next who places one; where it is empty, the one who
 *	is charged for the channel; under the log's lock
 * @account: of which it waits to be freed, once the log has it no more
 * @newest_of_share: the last message of theirs that is known; under the log's lock
 * @older: the ring before, while it has messages; changed under the log's lock, read by RCU
 * @rcu: readers find the ring by RCU
 * @data: the cells
 */
struct msgslot_ring {
	u64 base;
	u32 cells;
	u32 stride;
	size_t size;
	union {
		struct msgslot_share *share;
		struct msgslot_account *account;
	};
	u64 newest_of_share;
	struct msgslot_ring __rcu *older;
	struct rcu_head rcu;
	u8 data[] __aligned(8);
};

/**
 * struct msgslot_cursor - where a file is in the log of its channel
 * @counted: writers of the log wait for it; under the log's lock
 * @stands: where it is counted; under the log's lock
 * @next: the message it has not read; changed under msgslot_file.lock, read anywhere
 * @offset: how much of it was read already, in bytes; or MSGSLOT_UNTOLD: nothing of it, and of what
 *	went before it the reader was not told; under msgslot_file.lock
 * @reached: how far @next was before a seek took it elsewhere; under msgslot_file.lock
 * @lost: messages that went unread since it joined; under msgslot_file.lock
 */
struct msgslot_cursor {
	bool counted;
	u64 stands;
	u64 next;
	u32 offset;
	u64 reached;
	u64 lost;
};

/*
 * Of the messages @from to @to - 1, which went unread, how many count as dropped: those that the file
 * had been beyond before it went back by a seek were none that a slow reader lost.
 */
static inline u64 msgslot_cursor_dropped(const struct msgslot_cursor *cursor, u64 from, u64 to)
{
	return to - clamp(cursor->reached, from, to);
}

/* Beyond any message's end; and not 0, so that receive_usual() leaves it to receive(). */
#define MSGSLOT_UNTOLD U32_MAX

/**
 * struct msgslot_log - the messages of a channel
 * @lock: serialises all changes
 * @wake_requests: of writers, for when there is space: MSGSLOT_WAKE_ONCE, and MSGSLOT_WAKE_WAITER for
 *	each writer asleep; changed under @lock, read anywhere
 * @dead: set once under @lock: there is no ring, and never will be
 * @ring: NULL before the first message; changed under @lock, read by RCU
 * @start: the first message it ever had; never changes
 * @first: the oldest message kept
 * @next: the message to come; kept are @first to @next - 1
 * @readers: cursors that are counted; under @lock
 * @at_end: those of them that stand at @next; under @lock
 * @map: of users who map the channel, or NULL; see map.h; under @lock
 * @share: of the user who is charged for the channel; under @lock
 * @unheld: nobody holds the channel, so that charge goes with its messages; under @lock
 *
 * @first and @next change under @lock and are read anywhere.
 */
struct msgslot_log {
	spinlock_t lock;
	u32 wake_requests;
	bool dead;
	struct msgslot_ring __rcu *ring;
	u64 start;
	u64 first;
	u64 next;
	u32 readers;
	u32 at_end;
	struct msgslot_map *map;
	struct msgslot_share *share;
	bool unheld;
};

#define MSGSLOT_WAKE_ONCE 1
#define MSGSLOT_WAKE_WAITER 2
#define MSGSLOT_WAKE_MASK ((1 << 30) - 1)
/* Beside them in what msgslot_log_take() answers. */
#define MSGSLOT_TAKEN_BUFFER (1 << 30)

/**
 * struct msgslot_message - a message on its way in
 * @length: in bytes
 * @pid: of the sender, as in the cell
 * @uid: of the sender, as in the cell
 * @share: of the sender, who is charged for @buffer
 * @privileged: to be charged beyond the share
 * @conditional: place it only if the newest message is @expected
 * @expected: a sequence, or 0: only if there is no message
 * @sequence: its number, once it is placed
 * @bytes: the message, where it is short
 * @buffer: holds the message where it is long, else NULL
 * @placed: once a long one is placed, its buffer
 * @map: then the map that the caller is to fill with it, or NULL
 */
struct msgslot_message {
	u32 length;
	pid_t pid;
	kuid_t uid;
	struct msgslot_share *share;
	bool privileged;
	bool conditional;
	u64 expected;
	u64 sequence;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
	struct msgslot_buffer *placed;
	struct msgslot_map *map;
};

/*
 * What its cell must have room for: also of a long one, which needs no byte there, so that a shorter one
 * finds room that comes in its place.
 */
static inline u32 msgslot_message_bytes(const struct msgslot_message *message)
{
	return min_t(u32, message->length, MSGSLOT_INLINE_BYTES);
}

/* The first message of @log will have the number @start.  Its channel is held, and charged to @share. */
void msgslot_log_init(struct msgslot_log *log, u64 start, struct msgslot_share *share);

/*
 * Makes a ring, or a larger one, after -ENOBUFS for a message with so many @bytes in its cell.  0
 * also if somebody else did; -EIDRM if the log is dead; -ENOSPC, -EDQUOT, -ENOMEM.  Sleeps if @gfp does,
 * and nobody waits for it: of several that grow one log at once, one has the use of it, and is charged.
 */
int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer,
		     const struct msgslot_rules *rules, u32 bytes, gfp_t gfp);

/*
 * What msgslot_log_place() would say of a long message, had it a buffer: 0, -EAGAIN, -ESTALE, -EIDRM,
 * -ENOSPC, -EDQUOT.
 */
int msgslot_log_check(struct msgslot_log *log, const struct msgslot_rules *rules,
		      const struct msgslot_message *message);
/* Whether a full log may drop its oldest message for the next. */
bool msgslot_log_may_drop_or_request_locked(struct msgslot_log *log,
					    const struct msgslot_rules *rules);
/* The cell of a kept message. */
struct msgslot_cell *msgslot_log_cell_locked(struct msgslot_log *log, u64 sequence);
/*
 * The oldest message leaves @cell: its buffer, or NULL.  Drained rings go, and one that stays is charged to
 * who keeps it.
 */
struct msgslot_buffer *msgslot_log_empty_cell_locked(struct msgslot_log *log,
						     struct msgslot_cell *cell);
/*
 * A user with @share, who is not charged for @ring, places message @sequence in @cell of it, and is charged
 * if there is no message from @first on of the one who was.
 */
void msgslot_ring_place_other_locked(struct msgslot_log *log, struct msgslot_ring *ring,
				     struct msgslot_cell *cell, u64 first, u64 sequence,
				     struct msgslot_share *share);

static inline bool msgslot_log_is_dead(const struct msgslot_log *log)
{
	return READ_ONCE(log->dead);
}

static inline struct msgslot_ring *msgslot_log_ring_locked(struct msgslot_log *log)
{
	return rcu_dereference_protected(log->ring, lockdep_is_held(&log->lock));
}

/* The ring that keeps @sequence. */
static inline struct msgslot_ring *msgslot_log_ring_of_locked(struct msgslot_log *log, u64 sequence)
{
	struct msgslot_ring *ring = msgslot_log_ring_locked(log);

	while (sequence < ring->base)
		ring = rcu_dereference_protected(ring->older, lockdep_is_held(&log->lock));
	return ring;
}

static inline struct msgslot_cell *msgslot_ring_cell(struct msgslot_ring *ring, u64 sequence)
{
	return (void *)(ring->data + (sequence & (ring->cells - 1)) * ring->stride);
}

/* How long a message may be to go into a cell. */
static inline u32 msgslot_ring_room(const struct msgslot_ring *ring)
{
	return ring->stride - sizeof(struct msgslot_cell);
}

/* The oldest message kept, or the one to come where there is none. */
static inline u64 msgslot_log_first(const struct msgslot_log *log)
{
	/* Pairs with the releases of who moves it: the caller reads next after it. */
	return smp_load_acquire(&log->first);
}

/* The message to come. */
static inline u64 msgslot_log_next(const struct msgslot_log *log)
{
	/* Pairs with the release in msgslot_log_place(): who sees the number finds the message. */
	return smp_load_acquire(&log->next);
}

/* Whether there is a message from @cursor on; @or_loss: or such messages are gone. */
static inline bool msgslot_log_has(const struct msgslot_log *log, u64 cursor, bool or_loss)
{
	u64 first = msgslot_log_first(log), next = msgslot_log_next(log);

	return next > (or_loss ? cursor : max(first, cursor));
}

/* The newest message, 0 where there is none. */
static inline u64 msgslot_log_newest_locked(const struct msgslot_log *log)
{
	lockdep_assert_held(&log->lock);
	return log->first == log->next ? 0 : log->next - 1;
}

/* The three hot paths are inline: that saves 15 instructions of a write and 40 of a read. */

/*
 * Places @message: the number of messages that the log keeps more than before (0 or 1); -EAGAIN
 * where it is full, and who takes a message will tell; -ENOBUFS where it must grow first; -ESTALE
 * where the condition does not hold; -EIDRM if it is dead; -ENOSPC or -EDQUOT of a long message, which
 * is charged here.  @is_long: it has a buffer, else it has none.  On success the log owns that buffer, and
 * @message->buffer is one it has no use for, or NULL; the caller puts it.
 */
static __always_inline int msgslot_log_place(struct msgslot_log *log,
					     const struct msgslot_rules *rules,
					     struct msgslot_message *message, bool is_long)
{
	const u32 bytes = is_long ? MSGSLOT_INLINE_BYTES : message->length;
	struct msgslot_cell *cell, *leaving;
	struct msgslot_buffer *old;
	struct msgslot_ring *ring;
	struct msgslot_map *map;
	u64 sequence, first;
	int more, err;

	spin_lock(&log->lock);
	sequence = log->next;
	first = log->first;
	ring = msgslot_log_ring_locked(log);
	if (unlikely(!ring)) {
		if (msgslot_log_is_dead(log))
			more = -EIDRM;
		else
			more = message->conditional && message->expected ? -ESTALE : -ENOBUFS;
		goto out;
	}
	if (unlikely(message->conditional && message->expected != msgslot_log_newest_locked(log))) {
		more = -ESTALE;
		goto out;
	}
	more = sequence - first < rules->depth;
	if (!more) {
		if (unlikely(rules->overflow != MSGSLOT_DROP &&
			     !msgslot_log_may_drop_or_request_locked(log, rules))) {
			more = -EAGAIN;
			goto out;
		}
		first++;
	}
	/* The cell is free unless it keeps a message that is as many messages older. */
	if (unlikely(sequence - max(first, ring->base) >= ring->cells ||
		     bytes > msgslot_ring_room(ring))) {
		more = -ENOBUFS;
		goto out;
	}
	cell = msgslot_ring_cell(ring, sequence);
	/* Mostly it is the one that the oldest message leaves; then it is emptied by filling it. */
	leaving = cell;
	if (unlikely(!more && (ring->cells != rules->depth || rcu_access_pointer(ring->older))))
		leaving = msgslot_log_cell_locked(log, log->first);
	old = rcu_dereference_protected(leaving->buffer, lockdep_is_held(&log->lock));
	if (is_long) {
		err = msgslot_buffer_charge(message->buffer, old, message->share,
					    message->privileged);
		if (unlikely(err)) {
			more = err;
			goto out;
		}
	} else if (unlikely(old)) {
		msgslot_buffer_uncharge(old);
	}
	/* From here on nothing fails. */
	if (unlikely(leaving != cell))
		msgslot_log_empty_cell_locked(log, leaving);
	if (unlikely(ring->share != message->share))
		msgslot_ring_place_other_locked(log, ring, cell, first, sequence, message->share);
	else
		ring->newest_of_share = sequence;

	raw_write_seqcount_begin(&cell->version);
	cell->length = message->length;
	cell->sequence = sequence;
	cell->time = ktime_get_boottime_ns();
	cell->pid = message->pid;
	cell->uid = message->uid;
	if (!is_long)
		memcpy(cell->bytes, message->bytes, message->length);
	rcu_assign_pointer(cell->buffer, is_long ? message->buffer : NULL);
	raw_write_seqcount_end(&cell->version);
	if (unlikely(log->at_end)) {
		cell->standing = log->at_end;
		log->at_end = 0;
	}

	/* Pairs with msgslot_log_next(): who sees the number finds the message. */
	smp_store_release(&log->next, sequence + 1);
	/* Pairs with msgslot_log_first(): who sees it sees next beyond it. */
	smp_store_release(&log->first, first);
	if (is_long)
		message->placed = message->buffer;
	if (unlikely(log->map)) {
		map = msgslot_map_place_locked(log, cell);
		/* Of a short message nothing is left to do. */
		if (is_long)
			message->map = map;
	}
	message->sequence = sequence;
	message->buffer = old;
out:
	spin_unlock(&log->lock);
	return more;
}

/* The head goes, and nothing else: the wake-ups that are requested. */
static __always_inline u32 msgslot_log_take_locked(struct msgslot_log *log)
{
	u32 requests = log->wake_requests;

	smp_store_release(&log->first, log->first + 1);
	if (unlikely(requests & MSGSLOT_WAKE_ONCE))
		WRITE_ONCE(log->wake_requests, requests & ~MSGSLOT_WAKE_ONCE);
	return requests;
}

/* The same, where more goes with it; a buffer that is to be put comes in *@old. */
u32 msgslot_log_take_more_locked(struct msgslot_log *log, struct msgslot_buffer **old);

/*
 * Takes @sequence, a long message or not, if it is the head: what is left to do (0: nothing), or -ESTALE.
 * That is to tell of the room, where it is wanted, and MSGSLOT_TAKEN_BUFFER: the message's buffer comes in
 * *@old, to be put.
 */
static __always_inline int msgslot_log_take(struct msgslot_log *log, u64 sequence, bool is_long,
					    struct msgslot_buffer **old)
{
	struct msgslot_ring *ring;
	int left = -ESTALE;

	spin_lock(&log->lock);
	ring = msgslot_log_ring_locked(log);
	if (likely(log->first == sequence && ring)) {
		if (unlikely(is_long || rcu_access_pointer(ring->older) ||
			     (sequence + 1 == log->next ? ring->size > MSGSLOT_EMPTY_RING_BYTES ||
								  ring->share != log->share :
							  ring->newest_of_share <= sequence)))
			left = msgslot_log_take_more_locked(log, old);
		else
			left = msgslot_log_take_locked(log);
	}
	spin_unlock(&log->lock);
	return left;
}

/* Whether a message can be placed without waiting.  If not, a wake-up is requested for when it can. */
bool msgslot_log_is_writable(struct msgslot_log *log, const struct msgslot_rules *rules);
/* A writer goes to sleep, or does not sleep any more: each message that is taken wakes one meanwhile. */
void msgslot_log_add_writer(struct msgslot_log *log);
void msgslot_log_remove_writer(struct msgslot_log *log);
/* For a caller that moved a cursor: whether there is space now for which a wake-up was requested. */
bool msgslot_log_take_wake_request(struct msgslot_log *log, const struct msgslot_rules *rules);

/* Puts @cursor at the end of @log, and has writers wait for it if they do so for any. */
void msgslot_log_join(struct msgslot_log *log, const struct msgslot_rules *rules,
		      struct msgslot_cursor *cursor, bool reads);
/* Takes @cursor away from @log. */
void msgslot_log_part(struct msgslot_log *log, struct msgslot_cursor *cursor);
/* @cursor was moved on: where it is counted follows. */
void msgslot_log_follow(struct msgslot_log *log, struct msgslot_cursor *cursor);
/* Moves @cursor; 0 or -EINVAL. */
int msgslot_log_seek(struct msgslot_log *log, struct msgslot_cursor *cursor, u32 whence,
		     u64 sequence);

/*
 * Takes all messages, if @conditional only if the newest is @expected (0: there is none): how many
 * there were in @lost, or -ESTALE.
 */
int msgslot_log_clear(struct msgslot_log *log, struct msgslot_spares *spares, bool conditional,
		      u64 expected, u64 *lost);

/* A user with @share holds the channel, and is charged for it. */
void msgslot_log_hold(struct msgslot_log *log, struct msgslot_share *share);
/*
 * Nobody holds the channel any more: if @log is empty it is closed for good; else the channel is charged
 * to one who has messages in it.  Whether it is closed now.
 */
bool msgslot_log_unhold(struct msgslot_log *log);

/* Closes @log for good and frees what it holds; the number of messages lost.  May be repeated. */
u64 msgslot_log_kill(struct msgslot_log *log, struct msgslot_spares *spares);

#endif /* MSGSLOT_LOG_H */
