/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bytes of a message too long for a cell.
 *
 * A buffer belongs to the call that fills it, and then to the cell that points to it.  A reader
 * copies from it with a reference of its own, and only while it does not sleep, so bytes that a
 * reader sees never change.  With the last reference the buffer is freed at once, or becomes a
 * spare of the slot for the next message of its length: nothing of it waits for a grace period,
 * however quickly messages are replaced.
 *
 * A reader finds the buffer by RCU in a cell, which it may leave at any moment.  In the RCU section
 * the memory remains that of a buffer (SLAB_TYPESAFE_BY_RCU), but perhaps of another message.  So a
 * reference is taken only where there is one already, and then the cell is looked at again:
 *
 *	reader				writer
 *	the cell's version is v
 *	buffer = the cell's		the buffer leaves the cell, which gets another version
 *	refs + 1, unless it is 0	refs - 1; with 0: a spare, or freed
 *	version = v ?			refs = 1: filled with another message
 *
 * If the version is as before, the buffer was in its cell when the reference was taken; if not, the
 * reader puts what it got, which is as good a reference as any other.  So a buffer never leaves a
 * cell without a new version of it, not even when the cell is freed.
 *
 * A buffer is charged while it is in a cell, to the sender of the message: the charge goes when it
 * leaves the cell, whatever references there are.  Before that, while it is filled, it is the
 * memory cgroup's alone, and so it is after that, while readers copy.  A message takes over the
 * charge of the message it replaces, under the lock of the log: so one that is no longer never
 * fails by a limit, however many writers there are.
 */
#ifndef MSGSLOT_BUFFER_H
#define MSGSLOT_BUFFER_H

#include <linux/refcount.h>
#include <linux/types.h>

#include "account.h"

/**
 * struct msgslot_buffer - the bytes of a message too long for a cell
 * @bytes: @capacity of them
 * @capacity: what was allocated, and is charged
 * @refs: one for the call that fills it or for the cell, one for each reader; 0: it cannot be found
 * @uid: the user it was allocated for
 * @share: of the user that is charged while it is in a cell, else NULL; under the lock of the
 *	cell's log
 */
struct msgslot_buffer {
	u8 *bytes;
	u32 capacity;
	refcount_t refs;
	kuid_t uid;
	struct msgslot_share *share;
};

/**
 * struct msgslot_spares - buffers of a slot that wait for their next message
 * @next: the place that is reused where none is free
 * @of: the buffers or NULL, without a reference and charged to no user; a task that exchanges a
 *	buffer for another, or for NULL, owns it
 */
struct msgslot_spares {
	unsigned int next;
	struct msgslot_buffer *of[4];
};

int msgslot_buffers_init(void);
void msgslot_buffers_exit(void);

/* No other call on @spares is under way. */
void msgslot_spares_free(struct msgslot_spares *spares);

/*
 * A buffer for a message of @length bytes of the user @uid: a spare of that user, or a new one;
 * NULL without memory.  Sleeps if @gfp allows it.
 */
struct msgslot_buffer *msgslot_buffer_get(struct msgslot_spares *spares, kuid_t uid, u32 length,
					  gfp_t gfp);
/* The last reference went. */
void msgslot_buffer_release(struct msgslot_spares *spares, struct msgslot_buffer *buffer);

/* Gives a reference back.  Takes NULL.  Sleeps. */
static inline void msgslot_buffer_put(struct msgslot_spares *spares, struct msgslot_buffer *buffer)
{
	if (buffer && refcount_dec_and_test(&buffer->refs))
		msgslot_buffer_release(spares, buffer);
}

/*
 * Charges @share for @buffer, which replaces @old (NULL: nothing); @old is charged to no user then:
 * 0; or -ENOSPC or -EDQUOT, and nothing has changed.  Under the lock of their log.
 */
static inline int msgslot_buffer_charge(struct msgslot_buffer *buffer, struct msgslot_buffer *old,
					struct msgslot_share *share, bool privileged)
{
	int err = 0;

	/* Usually it is the same user's, and of the same capacity. */
	if (!old)
		err = msgslot_charge_for(share, buffer->capacity, NULL, 0, privileged);
	else if (unlikely(old->capacity != buffer->capacity || old->share != share))
		err = msgslot_charge_for(share, buffer->capacity, old->share, old->capacity,
					 privileged);
	if (unlikely(err))
		return err;
	buffer->share = share;
	if (old)
		old->share = NULL;
	return 0;
}

/* @buffer (or NULL) leaves its cell, and is charged to no user any more. */
static inline void msgslot_buffer_uncharge(struct msgslot_buffer *buffer)
{
	if (!buffer || !buffer->share)
		return;
	msgslot_uncharge(buffer->share, buffer->capacity, 0);
	buffer->share = NULL;
}

/* What msgslot_buffer_charge() would return for a message of @length bytes. */
int msgslot_buffer_check(u32 length, const struct msgslot_buffer *old, struct msgslot_share *share,
			 bool privileged);

#endif /* MSGSLOT_BUFFER_H */
