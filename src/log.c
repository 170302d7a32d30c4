// SPDX-License-Identifier: GPL-2.0-only
/* The ring of cells.  How it is kept, and why that is safe, is told in log.h. */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "log.h"

struct msgslot_buffer *msgslot_buffer_alloc(const struct msgslot_payer *payer, u32 length)
{
	/* What the allocator would give anyway: the next message may be a little longer. */
	u32 capacity = length < PAGE_SIZE ? roundup_pow_of_two(length) : PAGE_ALIGN(length);
	struct msgslot_buffer *buffer;
	int err;

	err = msgslot_charge(payer, capacity, 0);
	if (err)
		return ERR_PTR(err);
	buffer = kmalloc(sizeof(*buffer), MSGSLOT_GFP);
	if (!buffer)
		goto err_uncharge;
	buffer->bytes = kvmalloc(capacity, MSGSLOT_GFP);
	if (!buffer->bytes)
		goto err_free;
	buffer->capacity = capacity;
	buffer->share = payer->share;
	refcount_set(&buffer->refs, 1);
	return buffer;

err_free:
	kfree(buffer);
err_uncharge:
	msgslot_uncharge(payer->account, payer->share, capacity, 0);
	return ERR_PTR(-ENOMEM);
}

static void buffer_free_rcu(struct rcu_head *rcu)
{
	struct msgslot_buffer *buffer = container_of(rcu, struct msgslot_buffer, rcu);

	kvfree(buffer->bytes);
	kfree(buffer);
}

void msgslot_buffer_put(struct msgslot_account *account, struct msgslot_buffer *buffer)
{
	if (!buffer || !refcount_dec_and_test(&buffer->refs))
		return;
	msgslot_uncharge(account, buffer->share, buffer->capacity, 0);
	call_rcu(&buffer->rcu, buffer_free_rcu);
}

static struct msgslot_ring *ring_alloc(const struct msgslot_payer *payer, u32 cells,
				       u32 max_message)
{
	u32 room = min_t(u32, max_message, MSGSLOT_INLINE_BYTES);
	u32 stride = ALIGN(sizeof(struct msgslot_cell) + room, sizeof(u64));
	size_t size = sizeof(struct msgslot_ring) + (size_t)cells * stride;
	struct msgslot_ring *ring;
	int err;

	err = msgslot_charge(payer, size, 0);
	if (err)
		return ERR_PTR(err);
	ring = kvzalloc(size, MSGSLOT_GFP);
	if (!ring) {
		msgslot_uncharge(payer->account, payer->share, size, 0);
		return ERR_PTR(-ENOMEM);
	}
	ring->cells = cells;
	ring->stride = stride;
	ring->size = size;
	ring->share = payer->share;
	return ring;
}

/* Nobody finds @ring any more, though readers may still look at it.  Takes NULL. */
static void ring_free(struct msgslot_account *account, struct msgslot_ring *ring)
{
	struct msgslot_cell *cell;
	u32 i;

	if (!ring)
		return;
	for (i = 0; i < ring->cells; i++) {
		cell = msgslot_ring_cell(ring, i);
		msgslot_buffer_put(account, rcu_dereference_protected(cell->buffer, true));
	}
	msgslot_uncharge(account, ring->share, ring->size, 0);
	kvfree_rcu(ring, rcu);
}

void msgslot_log_init(struct msgslot_log *log, u64 first)
{
	spin_lock_init(&log->lock);
	log->dead = false;
	RCU_INIT_POINTER(log->ring, NULL);
	log->spare = NULL;
	log->first = first;
	log->next = first;
}

int msgslot_log_grow(struct msgslot_log *log, const struct msgslot_payer *payer, u32 max_message)
{
	struct msgslot_ring *ring = ring_alloc(payer, 1, max_message);
	int err = 0;

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	spin_lock(&log->lock);
	if (log->dead) {
		err = -ESTALE;
	} else if (!msgslot_log_ring_locked(log)) {
		rcu_assign_pointer(log->ring, ring);
		ring = NULL;
	}
	spin_unlock(&log->lock);
	ring_free(payer->account, ring);
	return err;
}

struct msgslot_buffer *msgslot_log_keep_spare_locked(struct msgslot_log *log,
						     struct msgslot_buffer *buffer)
{
	lockdep_assert_held(&log->lock);
	/* Somebody is still copying from it: it must not change. */
	if (log->dead || refcount_read(&buffer->refs) > 1)
		return buffer;
	if (!log->spare || log->spare->capacity < buffer->capacity)
		swap(log->spare, buffer);
	return buffer;
}

struct msgslot_buffer *msgslot_log_take_spare(struct msgslot_log *log)
{
	struct msgslot_buffer *buffer = NULL;

	spin_lock(&log->lock);
	swap(log->spare, buffer);
	spin_unlock(&log->lock);
	return buffer;
}

struct msgslot_buffer *msgslot_log_keep_spare(struct msgslot_log *log,
					      struct msgslot_buffer *buffer)
{
	spin_lock(&log->lock);
	buffer = msgslot_log_keep_spare_locked(log, buffer);
	spin_unlock(&log->lock);
	return buffer;
}

/*
 * Copies what @cell holds without a lock; whether that was one whole message.  Where a long one
 * could not be handed out, @peek->bytes is not NULL, and says nothing else.
 */
static bool peek_lockless(const struct msgslot_cell *cell, struct msgslot_peek *peek,
			  char __user *user, size_t size)
{
	unsigned int version = raw_seqcount_begin(&cell->version);
	const struct msgslot_buffer *buffer;

	peek->sequence = READ_ONCE(cell->sequence);
	peek->length = READ_ONCE(cell->length);
	peek->bytes = peek->room;
	if (likely(peek->length <= MSGSLOT_INLINE_BYTES)) {
		memcpy(peek->room, cell->bytes, peek->length);
	} else if (user && peek->length <= size) {
		buffer = rcu_dereference(cell->buffer);
		/* Length and buffer may be of two messages; the version would tell, but later. */
		if (!buffer || buffer->capacity < peek->length)
			return false;
		pagefault_disable();
		if (!copy_to_user(user, buffer->bytes, peek->length))
			peek->bytes = NULL;
		pagefault_enable();
	}
	return !read_seqcount_retry(&cell->version, version);
}

static void peek_locked(struct msgslot_log *log, struct msgslot_cell *cell,
			struct msgslot_peek *peek)
{
	peek->sequence = cell->sequence;
	peek->length = cell->length;
	peek->bytes = peek->room;
	if (peek->length <= MSGSLOT_INLINE_BYTES) {
		memcpy(peek->room, cell->bytes, peek->length);
		return;
	}
	peek->buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
	refcount_inc(&peek->buffer->refs);
	peek->bytes = peek->buffer->bytes;
}

int msgslot_log_peek_slow(struct msgslot_log *log, u64 sequence, struct msgslot_peek *peek,
			  char __user *user, size_t size)
{
	struct msgslot_ring *ring = rcu_dereference(log->ring);
	int tries, err = 0;

	peek->buffer = NULL;
	if (!ring)
		return -EAGAIN;
	for (tries = 0; tries < MSGSLOT_RETRIES; tries++) {
		if (!peek_lockless(msgslot_ring_cell(ring, sequence), peek, user, size))
			continue;
		/* Short and copied, or long and handed out, or too long for this reader. */
		if (peek->length <= MSGSLOT_INLINE_BYTES || !peek->bytes || peek->length > size)
			return 0;
		break;
	}

	spin_lock(&log->lock);
	ring = msgslot_log_ring_locked(log);
	if (ring)
		peek_locked(log, msgslot_ring_cell(ring, sequence), peek);
	else
		err = -EAGAIN;
	spin_unlock(&log->lock);
	return err;
}

bool msgslot_log_retire(struct msgslot_log *log)
{
	bool dead;

	spin_lock(&log->lock);
	if (log->first == log->next)
		log->dead = true;
	dead = log->dead;
	spin_unlock(&log->lock);
	return dead;
}

u64 msgslot_log_kill(struct msgslot_log *log, struct msgslot_account *account)
{
	struct msgslot_buffer *spare = NULL;
	struct msgslot_ring *ring;
	u64 lost;

	spin_lock(&log->lock);
	log->dead = true;
	ring = msgslot_log_ring_locked(log);
	RCU_INIT_POINTER(log->ring, NULL);
	swap(log->spare, spare);
	lost = log->next - log->first;
	WRITE_ONCE(log->first, log->next);
	spin_unlock(&log->lock);

	ring_free(account, ring);
	msgslot_buffer_put(account, spare);
	return lost;
}
