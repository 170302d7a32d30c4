/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bytes of a message too long for a cell.
 *
 * A buffer belongs to a call that fills it, then to the cell it hangs from, then perhaps to the log
 * as the spare for the next long message.  Readers copy from it without a reference under RCU, and
 * with one, pinned, where that may sleep; log.h tells why neither sees it change.
 */
#ifndef MSGSLOT_BUFFER_H
#define MSGSLOT_BUFFER_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

#include "account.h"

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

/* A buffer of at least @length bytes, charged to @payer, or ERR_PTR: -ENOSPC, -EDQUOT, -ENOMEM. */
struct msgslot_buffer *msgslot_buffer_alloc(const struct msgslot_payer *payer, u32 length);
/* Lets go of one reference; the last one uncharges and frees.  Takes NULL. */
void msgslot_buffer_put(struct msgslot_buffer *buffer);

#endif /* MSGSLOT_BUFFER_H */
