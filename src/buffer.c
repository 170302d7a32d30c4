// SPDX-License-Identifier: GPL-2.0-only
/* The bytes of a long message.  See buffer.h. */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "buffer.h"

static struct kmem_cache *buffers;

/* In memory that was no buffer before, a reader that comes too late must find no reference. */
static void buffer_construct(void *memory)
{
	struct msgslot_buffer *buffer = memory;

	refcount_set(&buffer->refs, 0);
}

int msgslot_buffers_init(void)
{
	buffers = kmem_cache_create(KBUILD_MODNAME "_buffer", sizeof(struct msgslot_buffer), 0,
				    SLAB_TYPESAFE_BY_RCU | SLAB_ACCOUNT, buffer_construct);
	return buffers ? 0 : -ENOMEM;
}

void msgslot_buffers_exit(void)
{
	kmem_cache_destroy(buffers);
}

static void buffer_free(struct msgslot_buffer *buffer)
{
	if (!buffer)
		return;
	kvfree(buffer->bytes);
	kmem_cache_free(buffers, buffer);
}

void msgslot_spares_free(struct msgslot_spares *spares)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spares->of); i++)
		buffer_free(spares->of[i]);
}

/* What the allocator gives anyway: the next message may be a little longer. */
static u32 capacity_of(u32 length)
{
	return length < PAGE_SIZE ? roundup_pow_of_two(length) : PAGE_ALIGN(length);
}

/* Keeps @buffer; returns the one that had to go for it, or NULL. */
static struct msgslot_buffer *spare_keep(struct msgslot_spares *spares,
					 struct msgslot_buffer *buffer)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spares->of); i++) {
		if (READ_ONCE(spares->of[i]))
			continue;
		buffer = xchg(&spares->of[i], buffer);
		if (likely(!buffer))
			return NULL;
	}
	/* Two tasks that count at once may take the same place. */
	i = READ_ONCE(spares->next);
	WRITE_ONCE(spares->next, i + 1);
	return xchg(&spares->of[i % ARRAY_SIZE(spares->of)], buffer);
}

/* @buffer does not fit: it goes back to @place, and a buffer that came there meanwhile is freed. */
static noinline void spare_return(struct msgslot_buffer **place, struct msgslot_buffer *buffer)
{
	buffer_free(xchg(place, buffer));
}

/* Another user's buffer does not fit either: it is charged to that user's memory cgroup. */
static __always_inline struct msgslot_buffer *spare_take(struct msgslot_spares *spares, kuid_t uid,
							 u32 capacity)
{
	struct msgslot_buffer *buffer;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spares->of); i++) {
		if (!READ_ONCE(spares->of[i]))
			continue;
		buffer = xchg(&spares->of[i], NULL);
		if (unlikely(!buffer))
			continue;
		if (likely(buffer->capacity == capacity && uid_eq(buffer->uid, uid)))
			return buffer;
		spare_return(&spares->of[i], buffer);
	}
	return NULL;
}

static noinline struct msgslot_buffer *buffer_new(kuid_t uid, u32 capacity, gfp_t gfp)
{
	struct msgslot_buffer *buffer = kmem_cache_alloc(buffers, gfp);

	if (!buffer)
		return NULL;
	buffer->bytes = kvmalloc(capacity, gfp);
	if (!buffer->bytes) {
		buffer_free(buffer);
		return NULL;
	}
	buffer->capacity = capacity;
	buffer->uid = uid;
	buffer->share = NULL;
	/* Readers can find it from here on. */
	refcount_set(&buffer->refs, 1);
	return buffer;
}

struct msgslot_buffer *msgslot_buffer_get(struct msgslot_spares *spares, kuid_t uid, u32 length,
					  gfp_t gfp)
{
	const u32 capacity = capacity_of(length);
	struct msgslot_buffer *buffer = spare_take(spares, uid, capacity);

	if (unlikely(!buffer))
		return buffer_new(uid, capacity, gfp);
	refcount_set(&buffer->refs, 1);
	return buffer;
}

void msgslot_buffer_release(struct msgslot_spares *spares, struct msgslot_buffer *buffer)
{
	buffer_free(spare_keep(spares, buffer));
}

int msgslot_buffer_check(u32 length, const struct msgslot_buffer *old, struct msgslot_share *share,
			 bool privileged)
{
	return msgslot_charge_check(share, capacity_of(length), old ? old->share : NULL,
				    old ? old->capacity : 0, privileged);
}
