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
 * freed: a short message is copied into its cell; a long one comes in the buffer that an earlier
 * one left behind, kept as the spare.
 *
 * Locking
 * -------
 * msgslot_log.lock is taken by everyone who changes the log.  Under it at most
 * MSGSLOT_INLINE_BYTES are copied, from the kernel's memory; nothing sleeps, allocates or wakes.
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
 * A long message is copied straight from its buffer to the user, inside the RCU section and with
 * page faults off.  The buffer may be replaced meanwhile, and even be filled anew as the spare: the
 * version tells, for a buffer never leaves its cell but under the version.  It cannot be freed:
 * that waits for a grace period.  When the copy would fault, or does not go to user memory, the
 * reader pins the buffer under the lock and copies at its leisure.  A pinned buffer is not made the
 * spare, so a pinned message does not change; who lets go of it last frees it.
 *
 * Buffers are pinned only under the lock and only where they hang from a cell.  So a buffer that
 * was taken from its cell with one reference left has no other user than lockless readers.
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
 * Where overflow is `block`, the cursors of all readers hang in @cursors.  A reader moves its own
 * without the log's lock.  A writer who finds the log full drops the oldest message if @slowest,
 * what the slowest cursor was when last looked at, is beyond it, else looks at all of them again.
 * That one who sleeps for room is woken:
 *
 *	writer (holds lock)			reader
 *	wanted = true				cursor moves on
 *	smp_mb()				smp_mb()
 *	is any cursor still at first?		wanted?  wake
 *
 * Either the writer sees the cursor moved, or the reader sees that it is wanted.
 *
 * Lock order: msgslot_file.lock, msgslot_slot.lock, msgslot_log.lock, msgslot_account.lock.
 */
#ifndef MSGSLOT_LOG_H
#define MSGSLOT_LOG_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <linux/msgslot.h>

#include "account.h"
#include "buffer.h"
#include "map.h"

#define MSGSLOT_INLINE_BYTES 256
/* An emptied ring of up to so many bytes waits for the next message; a larger one goes. */
#define MSGSLOT_EMPTY_RING_BYTES 4096

/* Whose cursor a read moves. */
enum msgslot_reads {
	MSGSLOT_READS_NEWEST, /* nobody's: the message stays */
	MSGSLOT_READS_HEAD,   /* the channel's: the message is taken */
	MSGSLOT_READS_NEXT,   /* the file's own */
};

/**
 * struct msgslot_rules - what a slot has its logs do
 * @reads: whose cursor a read moves
 * @overflow: what a full log does to a writer: enum msgslot_overflow_number
 * @depth: messages that a log keeps
 * @max_message: longest message in bytes
 */
struct msgslot_rules {
	enum msgslot_reads reads;
	u32 overflow;
	u32 depth;
	u32 max_message;
};

/**
 * struct msgslot_cell - one message, as it is kept
 * @version: odd while the rest changes; written under the log's lock
 * @length: of the message in bytes
 * @sequence: the message's number; 0 once it gave its buffer away
 * @time: when it was placed, CLOCK_BOOTTIME in ns; rises with the sequence
 * @pid: who wrote it: the thread group's id in the initial pid namespace
 * @uid: who opened the file it was written to
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
	struct msgslot_buffer __rcu *buffer;
	u8 bytes[];
};

/**
 * struct msgslot_ring - the cells
 * @base: the first message that was placed here; those before are in @older
 * @cells: how many, a power of two
 * @stride: bytes from one cell to the next
 * @size: of the whole ring in bytes, as charged
 * @share: who is charged: the user who made the ring grow last
 * @older: the ring before, while it has messages; changed under the log's lock, read by RCU
 * @rcu: readers find the ring by RCU
 * @data: the cells
 */
struct msgslot_ring {
	u64 base;
	u32 cells;
	u32 stride;
	size_t size;
	struct msgslot_share *share;
	struct msgslot_ring __rcu *older;
	struct rcu_head rcu;
	u8 data[] __aligned(8);
};

/**
 * struct msgslot_cursor - where a file is in the log of its channel
 * @node: in the log's @cursors, if that log's writers wait for it; under the log's lock
 * @next: the message it has not read; changed under msgslot_file.lock, read anywhere
 * @offset: how much of it was read already, in bytes; or MSGSLOT_UNTOLD: nothing of it, and of what
 *	went before it the reader was not told; under msgslot_file.lock
 * @lost: messages that went unread since it joined; under msgslot_file.lock
 */
struct msgslot_cursor {
	struct hlist_node node;
	u64 next;
	u32 offset;
	u64 lost;
};

/* Beyond any message's end; and not 0, so that receive_usual() leaves it to receive(). */
#define MSGSLOT_UNTOLD U32_MAX

/**
 * struct msgslot_log - the messages of a channel
 * @lock: serialises all changes
 * @wanted: who is to be told when there is room: MSGSLOT_WANTED_ONCE, and MSGSLOT_WANTED_SLEEPER
 *	for each writer asleep; changed under @lock, read anywhere
 * @flags: MSGSLOT_LOG_GROWING, a bit lock, the outermost here; MSGSLOT_LOG_DEAD, set once
 *	under @lock: there is no ring, and never will be
 * @ring: NULL before the first message; changed under @lock, read by RCU
 * @spare: a buffer for the next long message, or NULL; put there under @lock where there is none,
 *	taken by xchg() without it
 * @start: the first message it ever had; never changes
 * @first: the oldest message kept
 * @next: the message to come; kept are @first to @next - 1
 * @cursors: of the readers that writers wait for; under @lock
 * @slowest: none of them was before this message when last looked at; under @lock
 * @map: of users who map the channel, or NULL; see map.h; under @lock
 *
 * @first and @next change under @lock and are read anywhere.
 */
struct msgslot_log {
	spinlock_t lock;
	u32 wanted;
	unsigned long flags;
	struct msgslot_ring __rcu *ring;
	struct msgslot_buffer *spare;
	u64 start;
	u64 first;
	u64 next;
	struct hlist_head cursors;
	u64 slowest;
	struct msgslot_map *map;
};

#define MSGSLOT_WANTED_ONCE 1
#define MSGSLOT_WANTED_SLEEPER 2

#define MSGSLOT_LOG_DEAD 0
#define MSGSLOT_LOG_GROWING 1

/**
 * struct msgslot_message - a message on its way in
 * @length: in bytes
 * @pid: of the sender, as in the cell
 * @uid: of the sender, as in the cell
 * @conditional: place it only if the newest message is @expected
 * @expected: a sequence, or 0: only if there is no message
 * @sequence: its number, once it is placed
 * @time: when that was
 * @map: whose lock the caller has, or NULL
 * @bytes: the message, where it is short
 * @buffer: holds the message where it is long, else NULL
 */
struct msgslot_message {
	u32 length;
	pid_t pid;
	kuid_t uid;
	bool conditional;
	u64 expected;
	u64 sequence;
	u64 time;
	struct msgslot_map *map;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
};

/* How much of it goes into its cell. */
static inline u32 msgslot_message_bytes(const struct msgslot_message *message)
{
	return message->length <= MSGSLOT_INLINE_BYTES ? message->length : 0;
}

/* The first message of @log will have the number @start. */
void msgslot_log_init(struct msgslot_log *log, u64 start);

/*
 * Makes a ring, or a larger one, after -ENOBUFS for a message with so many @bytes in its cell.  0
 * also if somebody else did; -EIDRM if the log is dead; -ENOSPC, -EDQUOT, -ENOMEM; -EINTR if the
 * caller was killed.  Sleeps.
 */
int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer,
		     const struct msgslot_rules *rules, u32 bytes);

/* Keeps @buffer as the spare, if there is none; returns what is not kept, to be put, or NULL. */
struct msgslot_buffer *msgslot_log_keep_spare(struct msgslot_log *log,
					      struct msgslot_buffer *buffer);

/*
 * What msgslot_log_place() would say of a message with such a condition, if there were memory: 0,
 * -EAGAIN, -ESTALE, -EIDRM.
 */
int msgslot_log_check(struct msgslot_log *log, const struct msgslot_rules *rules,
		      const struct msgslot_message *message);
/* Whether a full log may drop its oldest message for the next. */
bool msgslot_log_may_drop_locked(struct msgslot_log *log, const struct msgslot_rules *rules);
/* The oldest message is about to leave: its buffer is returned, or NULL; drained rings go. */
struct msgslot_buffer *msgslot_log_empty_cell_locked(struct msgslot_log *log);

static inline bool msgslot_log_is_dead(const struct msgslot_log *log)
{
	return test_bit(MSGSLOT_LOG_DEAD, &log->flags);
}

/* The spare, now the caller's, or NULL.  Hand it back by msgslot_log_keep_spare(). */
static inline struct msgslot_buffer *msgslot_log_take_spare(struct msgslot_log *log)
{
	return xchg(&log->spare, NULL);
}

static inline struct msgslot_buffer *msgslot_log_keep_spare_locked(struct msgslot_log *log,
								   struct msgslot_buffer *buffer)
{
	lockdep_assert_held(&log->lock);
	/* Who is still copying from it must not see it change. */
	if (msgslot_log_is_dead(log) || refcount_read(&buffer->refs) > 1 || READ_ONCE(log->spare))
		return buffer;
	/* Pairs with the xchg() of who takes it. */
	smp_store_release(&log->spare, buffer);
	return NULL;
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

/*
 * Whether @message may go to the log's map although its writer has not got that lock: a short one,
 * while nobody has it.  Why that is enough is told in map.h.
 */
static inline bool log_map_is_free_locked(const struct msgslot_log *log,
					  const struct msgslot_message *message)
{
	return log->map && !message->map && !message->buffer && !mutex_is_locked(&log->map->lock);
}

/* The three hot paths are inline: that saves 15 instructions of a write and 40 of a read. */

/*
 * Places @message: the number of messages that the log keeps more than before (0 or 1); -EAGAIN
 * where it is full, and who takes a message will tell; -ENOBUFS where it must grow first; -ESTALE
 * where the condition does not hold; -EIDRM if it is dead; -EBUSY where the log has another map than
 * @message->map and will not do without that one's lock.  On success the log owns the buffer that
 * came with @message, and @message->buffer is one it has no use for, or NULL; the caller puts it.
 */
static __always_inline int msgslot_log_place(struct msgslot_log *log,
					     const struct msgslot_rules *rules,
					     struct msgslot_message *message)
{
	struct msgslot_buffer *old;
	struct msgslot_ring *ring;
	struct msgslot_cell *cell;
	u64 sequence, first, now;
	int more;

	spin_lock(&log->lock);
	now = ktime_get_boottime_ns();
	sequence = log->next;
	first = log->first;
	ring = msgslot_log_ring_locked(log);
	if (unlikely(!ring)) {
		more = msgslot_log_is_dead(log) ? -EIDRM : -ENOBUFS;
		goto out;
	}
	if (unlikely(log->map != message->map) && !log_map_is_free_locked(log, message)) {
		more = -EBUSY;
		goto out;
	}
	if (unlikely(message->conditional && message->expected != msgslot_log_newest_locked(log))) {
		more = -ESTALE;
		goto out;
	}
	more = sequence - first < rules->depth;
	if (!more) {
		if (unlikely(rules->overflow != MSGSLOT_DROP &&
			     !msgslot_log_may_drop_locked(log, rules))) {
			more = -EAGAIN;
			goto out;
		}
		first++;
	}
	/* The cell is free unless it keeps a message that is as many messages older. */
	if (unlikely(sequence - max(first, ring->base) >= ring->cells ||
		     msgslot_message_bytes(message) > msgslot_ring_room(ring))) {
		more = -ENOBUFS;
		goto out;
	}
	cell = msgslot_ring_cell(ring, sequence);
	/* Mostly it is the one that the oldest message leaves; then it is emptied by filling it. */
	if (unlikely(!more && (ring->cells != rules->depth || rcu_access_pointer(ring->older))))
		old = msgslot_log_empty_cell_locked(log);
	else
		old = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));

	raw_write_seqcount_begin(&cell->version);
	cell->length = message->length;
	cell->sequence = sequence;
	cell->time = now;
	cell->pid = message->pid;
	cell->uid = message->uid;
	if (!message->buffer)
		memcpy(cell->bytes, message->bytes, message->length);
	rcu_assign_pointer(cell->buffer, message->buffer);
	raw_write_seqcount_end(&cell->version);

	/* Pairs with msgslot_log_next(): who sees the number finds the message. */
	smp_store_release(&log->next, sequence + 1);
	/* Pairs with msgslot_log_first(): who sees it sees next beyond it. */
	smp_store_release(&log->first, first);
	if (unlikely(log->map != message->map))
		msgslot_map_put_locked(log, cell);
	message->sequence = sequence;
	message->time = now;
	message->buffer = unlikely(old) ? msgslot_log_keep_spare_locked(log, old) : NULL;
out:
	spin_unlock(&log->lock);
	return more;
}

/* For an oldest message with which more goes than itself; returns a buffer to be put, or NULL. */
struct msgslot_buffer *msgslot_log_take_slow_locked(struct msgslot_log *log);

/*
 * Takes @sequence, if it is the head: what is wanted (0: nothing, nobody is to be told of the
 * room), or -ESTALE.
 */
static __always_inline int msgslot_log_take(struct msgslot_log *log, u64 sequence)
{
	struct msgslot_buffer *old = NULL;
	struct msgslot_ring *ring;
	u32 wanted;

	spin_lock(&log->lock);
	ring = msgslot_log_ring_locked(log);
	if (unlikely(log->first != sequence || !ring)) {
		spin_unlock(&log->lock);
		return -ESTALE;
	}
	if (unlikely(rcu_access_pointer(ring->older) ||
		     rcu_access_pointer(msgslot_ring_cell(ring, sequence)->buffer) ||
		     (sequence + 1 == log->next && ring->size > MSGSLOT_EMPTY_RING_BYTES)))
		old = msgslot_log_take_slow_locked(log);
	smp_store_release(&log->first, sequence + 1);
	wanted = log->wanted;
	if (unlikely(wanted))
		WRITE_ONCE(log->wanted, wanted & ~MSGSLOT_WANTED_ONCE);
	spin_unlock(&log->lock);
	if (unlikely(old))
		msgslot_buffer_put(old);
	return wanted;
}

/*
 * Whether a message could be placed without waiting; where not, who makes room will tell.
 * @sleepers is added to the writers asleep.
 */
bool msgslot_log_has_room(struct msgslot_log *log, const struct msgslot_rules *rules, int sleepers);
/* Whether there is room that somebody wants: who moved a cursor asks. */
bool msgslot_log_has_wanted_room(struct msgslot_log *log, const struct msgslot_rules *rules);

/* Puts @cursor at the end of @log, and among those that writers wait for if they do. */
void msgslot_log_join(struct msgslot_log *log, const struct msgslot_rules *rules,
		      struct msgslot_cursor *cursor, bool reads);
/* Takes @cursor away from @log. */
void msgslot_log_part(struct msgslot_log *log, struct msgslot_cursor *cursor);
/* Moves @cursor; 0 or -EINVAL. */
int msgslot_log_seek(struct msgslot_log *log, struct msgslot_cursor *cursor, u32 whence,
		     u64 sequence);

/*
 * Takes all messages, if @conditional only if the newest is @expected (0: there is none): how many
 * there were in @lost, or -ESTALE.
 */
int msgslot_log_clear(struct msgslot_log *log, bool conditional, u64 expected, u64 *lost);

/* Gives @log its map, or with NULL takes it away; false if it is dead. */
bool msgslot_log_set_map(struct msgslot_log *log, struct msgslot_map *map);
/* Tells the map, if there is one, which is the oldest message. */
void msgslot_log_tell_map(struct msgslot_log *log);
void msgslot_log_tell_map_locked(struct msgslot_log *log);

/* Closes @log for good if it is empty, and frees what it holds; whether it is closed now. */
bool msgslot_log_retire(struct msgslot_log *log);

/* Closes @log for good and frees what it holds; the number of messages lost.  May be repeated. */
u64 msgslot_log_kill(struct msgslot_log *log);

#endif /* MSGSLOT_LOG_H */
