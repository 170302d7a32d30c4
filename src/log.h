/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The log of a channel: its last messages, in a ring of cells.
 *
 * Messages are numbered by a rising 64-bit sequence, from 1.  Message S lives in cell S mod cells;
 * mode `last` is a ring of one.  A cell is a header and up to MSGSLOT_INLINE_BYTES of the message;
 * a longer message has a buffer of its own hung from the cell.  The ring is made by the first
 * message.  In steady state nothing is allocated, charged or freed: a short message is copied into
 * its cell; a long one comes in the buffer that the message before last left, kept as the spare.
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
 *	v = version				version++		(odd)
 *	copy length, bytes			new length, bytes, buffer
 *	version == v ? done : again		version++		(even)
 *
 * A copy that overlapped with a writer saw another version and is thrown away, so no torn message
 * is ever returned.  After MSGSLOT_RETRIES such copies the reader takes the lock, where it cannot
 * lose: no stream of writers keeps a reader from its message.  The counter is read without waiting
 * for an even value, so that nobody spins while a writer was preempted (PREEMPT_RT).
 *
 * A long message is copied straight from its buffer to the user, inside the RCU section and with
 * page faults off.  The buffer may be replaced meanwhile, and even be filled anew as the spare: the
 * version tells.  It cannot be freed: that waits for a grace period.  When the copy would fault, or
 * does not go to user memory, the reader pins the buffer under the lock and copies at its leisure.
 * A pinned buffer is not made the spare, so a pinned message does not change; who lets go of it
 * last frees it.
 *
 * Buffers are pinned only under the lock and only where they hang from a cell.  So a buffer that
 * was taken from its cell with one reference left has no other user than lockless readers.
 *
 * Lock order: msgslot_slot.lock, msgslot_log.lock, msgslot_account.lock.
 */
#ifndef MSGSLOT_LOG_H
#define MSGSLOT_LOG_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "account.h"

#define MSGSLOT_INLINE_BYTES 256
#define MSGSLOT_RETRIES 3

/**
 * struct msgslot_buffer - the bytes of a message too long for a cell
 * @bytes: of which @capacity belong to the buffer
 * @capacity: what was allocated and charged
 * @refs: one for who owns it (a cell, the spare, a call), one for each reader that pinned it
 * @share: who is charged
 * @rcu: lockless readers may look at a buffer until a grace period after its last reference
 */
struct msgslot_buffer {
	u8 *bytes;
	u32 capacity;
	refcount_t refs;
	struct msgslot_share *share;
	struct rcu_head rcu;
};

/**
 * struct msgslot_cell - one message, as it is kept
 * @version: odd while the rest changes; written under the log's lock
 * @length: of the message in bytes
 * @sequence: the message's number
 * @time: when it was placed, CLOCK_BOOTTIME in ns; rises with the sequence
 * @pid: who wrote it: the thread group's id in the initial pid namespace
 * @uid: who opened the file it was written to
 * @buffer: holds the bytes if there are more than MSGSLOT_INLINE_BYTES, else NULL
 * @bytes: holds them otherwise; only as long as the slot's max_message asks for
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
 * @cells: how many, a power of two
 * @stride: bytes from one cell to the next
 * @size: of the whole ring in bytes, as charged
 * @share: who is charged: the user who made the ring grow last
 * @rcu: readers find the ring by RCU
 * @data: the cells
 */
struct msgslot_ring {
	u32 cells;
	u32 stride;
	size_t size;
	struct msgslot_share *share;
	struct rcu_head rcu;
	u8 data[] __aligned(8);
};

/**
 * struct msgslot_log - the messages of a channel
 * @lock: serialises all changes
 * @dead: nothing is placed any more; set once, under @lock
 * @ring: NULL before the first message; changed under @lock, read by RCU
 * @spare: a buffer for the next long message, or NULL; under @lock
 * @first: the oldest message kept
 * @next: the message to come; kept are @first to @next - 1
 *
 * @first and @next change under @lock and are read anywhere.
 */
struct msgslot_log {
	spinlock_t lock;
	bool dead;
	struct msgslot_ring __rcu *ring;
	struct msgslot_buffer *spare;
	u64 first;
	u64 next;
};

/**
 * struct msgslot_message - a message on its way in
 * @length: in bytes
 * @pid: of the sender, as in the cell
 * @uid: of the sender, as in the cell
 * @bytes: the message, where it is short
 * @buffer: holds the message where it is long, else NULL
 */
struct msgslot_message {
	u32 length;
	pid_t pid;
	kuid_t uid;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
};

/**
 * struct msgslot_peek - a message on its way out
 * @sequence: its number
 * @length: in bytes
 * @bytes: the message, to be copied to the reader; NULL if it is with him already
 * @buffer: pinned while @bytes points into it, else NULL
 * @room: where a short message is
 */
struct msgslot_peek {
	u64 sequence;
	u32 length;
	const u8 *bytes;
	struct msgslot_buffer *buffer;
	u8 room[MSGSLOT_INLINE_BYTES];
};

/* A buffer of at least @length bytes, charged to @payer, or ERR_PTR: -ENOSPC, -EDQUOT, -ENOMEM. */
struct msgslot_buffer *msgslot_buffer_alloc(const struct msgslot_payer *payer, u32 length);
/* Lets go of one reference; the last one uncharges and frees.  Takes NULL. */
void msgslot_buffer_put(struct msgslot_account *account, struct msgslot_buffer *buffer);

/* The first message of @log will have the number @first. */
void msgslot_log_init(struct msgslot_log *log, u64 first);

/*
 * Makes the ring: for the first message, of at most @max_message bytes.  0 also if somebody else
 * was quicker; -ESTALE if the log is dead; -ENOSPC, -EDQUOT, -ENOMEM.
 */
int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer, u32 max_message);

/* The spare, now the caller's, or NULL.  Hand it back by the next one. */
struct msgslot_buffer *msgslot_log_take_spare(struct msgslot_log *log);
/* Keeps @buffer as the spare, if it is any better; returns what is not kept, to be put, or NULL. */
struct msgslot_buffer *msgslot_log_keep_spare(struct msgslot_log *log,
					      struct msgslot_buffer *buffer);
struct msgslot_buffer *msgslot_log_keep_spare_locked(struct msgslot_log *log,
						     struct msgslot_buffer *buffer);

static inline struct msgslot_ring *msgslot_log_ring_locked(struct msgslot_log *log)
{
	return rcu_dereference_protected(log->ring, lockdep_is_held(&log->lock));
}

static inline struct msgslot_cell *msgslot_ring_cell(struct msgslot_ring *ring, u64 sequence)
{
	return (void *)(ring->data + (sequence & (ring->cells - 1)) * ring->stride);
}

/* The two hot paths are inline: that saves 15 instructions of a write and 40 of a read. */

/*
 * Places @message: the number of messages that the log keeps more than before (0 or 1), -ENOBUFS
 * where it must grow first, -ESTALE if it is dead.  On success the log owns the buffer that came
 * with @message, and @message->buffer is one it has no use for, or NULL; the caller puts it.
 */
static __always_inline int msgslot_log_place(struct msgslot_log *log,
					     struct msgslot_message *message)
{
	struct msgslot_buffer *old;
	struct msgslot_ring *ring;
	struct msgslot_cell *cell;
	u64 sequence, now;
	int more = 1;

	spin_lock(&log->lock);
	now = ktime_get_boottime_ns();
	ring = msgslot_log_ring_locked(log);
	if (unlikely(log->dead || !ring)) {
		more = log->dead ? -ESTALE : -ENOBUFS;
		goto out;
	}
	sequence = log->next;
	cell = msgslot_ring_cell(ring, sequence);
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

	/* Pairs with msgslot_log_newest(): who sees the number finds the message. */
	smp_store_release(&log->next, sequence + 1);
	if (sequence + 1 - log->first > ring->cells) {
		WRITE_ONCE(log->first, log->first + 1);
		more = 0;
	}
	message->buffer = unlikely(old) ? msgslot_log_keep_spare_locked(log, old) : NULL;
out:
	spin_unlock(&log->lock);
	return more;
}

/* Whether there is a message, and the number of the newest: 0 where there is none. */
static inline u64 msgslot_log_newest(const struct msgslot_log *log)
{
	/* Pairs with the release in msgslot_log_place(): who sees the number sees the message. */
	u64 next = smp_load_acquire(&log->next);

	return next == READ_ONCE(log->first) ? 0 : next - 1;
}

/* All of msgslot_log_peek() but its first try at a short message. */
int msgslot_log_peek_slow(struct msgslot_log *log, u64 sequence, struct msgslot_peek *peek,
			  char __user *user, size_t size);

/*
 * Finds the message in the cell of @sequence: 0, or -EAGAIN if there are no cells.  Which message
 * that is by now, @peek->sequence says.  A long one of at most @size bytes goes straight to @user,
 * unless that is NULL.  The caller is in an RCU read section from before he found @log; leaves the
 * section; copies @peek->bytes out; and calls msgslot_buffer_put() with @peek->buffer.
 */
static __always_inline int msgslot_log_peek(struct msgslot_log *log, u64 sequence,
					    struct msgslot_peek *peek, char __user *user,
					    size_t size)
{
	struct msgslot_ring *ring = rcu_dereference(log->ring);
	const struct msgslot_cell *cell;
	unsigned int version;

	if (unlikely(!ring))
		return -EAGAIN;
	cell = msgslot_ring_cell(ring, sequence);
	version = raw_seqcount_begin(&cell->version);
	peek->sequence = READ_ONCE(cell->sequence);
	peek->length = READ_ONCE(cell->length);
	if (likely(peek->length <= MSGSLOT_INLINE_BYTES)) {
		memcpy(peek->room, cell->bytes, peek->length);
		if (likely(!read_seqcount_retry(&cell->version, version))) {
			peek->bytes = peek->room;
			peek->buffer = NULL;
			return 0;
		}
	}
	return msgslot_log_peek_slow(log, sequence, peek, user, size);
}

/* Closes @log for good if it is empty; whether it is closed now. */
bool msgslot_log_retire(struct msgslot_log *log);

/* Closes @log for good and frees what it holds; the number of messages lost.  May be repeated. */
u64 msgslot_log_kill(struct msgslot_log *log, struct msgslot_account *account);

#endif /* MSGSLOT_LOG_H */
