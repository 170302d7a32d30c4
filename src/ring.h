/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring of cells in which a log keeps its messages.  log.h tells how it is used.
 *
 * Modelled in tests/model/ring.pml.
 */
#ifndef MSGSLOT_RING_H
#define MSGSLOT_RING_H

#include <linux/rcupdate.h>
#include <linux/seqlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "account.h"
#include "buffer.h"

/* A longer message has a buffer of its own. */
#define MSGSLOT_INLINE_BYTES 256

/**
 * struct msgslot_cell - a message as it is kept
 * @version: odd while the rest changes; written under the log's lock
 * @length: of the message, in bytes
 * @sequence: the message's number; 0 once its buffer was detached
 * @time: when it was placed, CLOCK_BOOTTIME in ns; rises with the sequence
 * @pid: of the sender: the thread group's id in the initial pid namespace
 * @uid: of the user that opened the file it was written to
 * @standing: number of counted cursors that have this message to read next (cursor.h)
 * @payer: the user to be charged for the ring once the charged user's messages are gone; undefined
 *	in a message of the charged user; under the log's lock
 * @buffer: has the bytes if there are more than MSGSLOT_INLINE_BYTES, else NULL
 * @bytes: have them otherwise; as many as the ring's capacity
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
 * @cells: number of cells, a power of two
 * @stride: bytes from one cell to the next
 * @size: of the whole ring, in bytes, as charged
 * @share: of the user that is charged: first the user that made the ring grow; once no message of
 *	that user is in it any more, the sender of the oldest that is, or the next user that places
 *	one; where it is empty, the user that is charged for the channel; under the log's lock
 * @account: in which a drained ring counts as retired until it is freed
 * @newest_of_share: the last message of the charged user that is known; under the log's lock
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
 * struct msgslot_ring_shape - what a ring is to be
 * @cells: a power of two
 * @stride: bytes from one cell to the next
 * @size: of all in bytes
 */
struct msgslot_ring_shape {
	u32 cells;
	u32 stride;
	size_t size;
};

/* A ring whose cells have a capacity of at least @capacity bytes; more than @most is not needed. */
struct msgslot_ring_shape msgslot_ring_shape(u32 cells, u32 capacity, u32 most);
/* Charged to no user yet; NULL where there is no memory. */
struct msgslot_ring *msgslot_ring_alloc(const struct msgslot_ring_shape *shape, gfp_t gfp);
/*
 * Frees @ring and the older ones, none of which has a message any more.  The log has them no
 * longer, though readers may still look at them: what is large counts as retired until they do not.
 * Takes NULL; neither sleeps nor takes long.
 */
void msgslot_ring_free_drained(struct msgslot_ring *ring);
/*
 * Frees @rings, which the log has no longer, the newest and the older ones, with all messages.
 * Takes NULL.  Sleeps.
 */
void msgslot_ring_free(struct msgslot_ring *rings, struct msgslot_spares *spares);
/*
 * A message leaves @cell, and its buffer with it, which is returned, or NULL.  A reader that found
 * the buffer there notices that it is another message's from here on.  Under the lock of the log,
 * if that has the cell.
 */
struct msgslot_buffer *msgslot_cell_detach_buffer(struct msgslot_cell *cell);

static inline struct msgslot_cell *msgslot_ring_cell(struct msgslot_ring *ring, u64 sequence)
{
	return (void *)(ring->data + (sequence & (ring->cells - 1)) * ring->stride);
}

/* How many bytes of a message a cell takes. */
static inline u32 msgslot_ring_capacity(const struct msgslot_ring *ring)
{
	return ring->stride - sizeof(struct msgslot_cell);
}

#endif /* MSGSLOT_RING_H */
