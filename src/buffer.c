// SPDX-License-Identifier: GPL-2.0-only
/* The bytes of a long message.  See buffer.h. */
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "buffer.h"

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
	msgslot_uncharge(payer->share, capacity, 0);
	return ERR_PTR(-ENOMEM);
}

static void buffer_free_rcu(struct rcu_head *rcu)
{
	struct msgslot_buffer *buffer = container_of(rcu, struct msgslot_buffer, rcu);

	kvfree(buffer->bytes);
	kfree(buffer);
}

void msgslot_buffer_put(struct msgslot_buffer *buffer)
{
	if (!buffer || !refcount_dec_and_test(&buffer->refs))
		return;
	msgslot_uncharge(buffer->share, buffer->capacity, 0);
	call_rcu(&buffer->rcu, buffer_free_rcu);
}
