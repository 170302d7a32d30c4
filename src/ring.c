// SPDX-License-Identifier: GPL-2.0-only
/* The ring of cells.  See ring.h. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "ring.h"

/* Bytes from one cell to the next, where each takes @capacity bytes. */
static u32 ring_stride(u32 capacity)
{
	return ALIGN(sizeof(struct msgslot_cell) + capacity, sizeof(u64));
}

struct msgslot_ring_shape msgslot_ring_shape(u32 cells, u32 capacity, u32 most)
{
	struct msgslot_ring_shape shape = { .cells = cells, .stride = ring_stride(capacity) };

	shape.size = sizeof(struct msgslot_ring) + (size_t)cells * shape.stride;
	/* What the allocator gives anyway: the next message may be a little longer. */
	if (cells == 1) {
		shape.size = roundup_pow_of_two(shape.size);
		shape.stride =
			min_t(u32, shape.size - sizeof(struct msgslot_ring), ring_stride(most));
	}
	return shape;
}

struct msgslot_ring *msgslot_ring_alloc(const struct msgslot_ring_shape *shape, gfp_t gfp)
{
	struct msgslot_ring *ring = kvzalloc(shape->size, gfp);

	if (ring) {
		ring->cells = shape->cells;
		ring->stride = shape->stride;
		ring->size = shape->size;
	}
	return ring;
}

static void ring_free_retired(struct rcu_head *rcu)
{
	struct msgslot_ring *ring = container_of(rcu, struct msgslot_ring, rcu);
	struct msgslot_account *account = ring->account;
	size_t size = ring->size;

	kvfree(ring);
	msgslot_account_retire(account, -size);
}

void msgslot_ring_free_drained(struct msgslot_ring *ring)
{
	struct msgslot_account *account;
	struct msgslot_ring *older;

	for (; ring; ring = older) {
		older = rcu_dereference_protected(ring->older, true);
		account = ring->share->account;
		msgslot_uncharge(ring->share, ring->size, 0);
		if (ring->size <= MSGSLOT_RETIRED_BYTES) {
			kvfree_rcu(ring, rcu);
			continue;
		}
		ring->account = account;
		msgslot_account_retire(account, ring->size);
		call_rcu(&ring->rcu, ring_free_retired);
	}
}

struct msgslot_buffer *msgslot_cell_detach_buffer(struct msgslot_cell *cell)
{
	struct msgslot_buffer *buffer = rcu_dereference_protected(cell->buffer, true);

	if (!buffer)
		return NULL;
	raw_write_seqcount_begin(&cell->version);
	cell->sequence = 0;
	cell->length = 0;
	RCU_INIT_POINTER(cell->buffer, NULL);
	raw_write_seqcount_end(&cell->version);
	msgslot_buffer_uncharge(buffer);
	return buffer;
}

void msgslot_ring_free(struct msgslot_ring *rings, struct msgslot_spares *spares)
{
	struct msgslot_ring *ring;
	u32 i;

	for (ring = rings; ring; ring = rcu_dereference_protected(ring->older, true)) {
		for (i = 0; i < ring->cells; i++) {
			msgslot_buffer_put(spares,
					   msgslot_cell_detach_buffer(msgslot_ring_cell(ring, i)));
			cond_resched();
		}
	}
	msgslot_ring_free_drained(rings);
}
