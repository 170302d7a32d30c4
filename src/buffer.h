/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bytes of a message too long for a cell.
 *
 * A buffer belongs to the call that fills it, and then to the cell it hangs from.  A reader copies from
 * it with a reference of its own, and only while it does not sleep, so bytes that are looked at never
 * change.  With the last reference the bytes are free at once, or the buffer becomes a spare of the slot
 * for the next message as long: nothing of it waits for a grace period, however quickly messages are
 * replaced.
 *
 * A reader finds the buffer by RCU in a cell, which it may leave at any moment.  In the RCU section the
 * memory stays that of a buffer (SLAB_TYPESAFE_BY_RCU), but perhaps of another message's by then.  So a
 * reference is taken only where there is one already, and then the cell is looked at again:
 *
 *	reader				writer
 *	the cell's version is v
 *	buffer = the cell's		the buffer leaves the cell, which has another version then
 *	refs + 1, unless it is 0	refs - 1; with 0: a spare, or freed
 *	version = v ?			refs = 1: filled with another message
 *
 * If the version is as before, the buffer was in its cell when the reference was taken; if not, the
 * reader gives back whatever it got, which is as good a reference as any other.  So a buffer never leaves a
 * cell without a new version of it, not even where the cell is freed.
 *
 * A buffer is charged while it hangs in a cell, to the sender of the message: the charge goes when it
 * leaves the cell, whatever references there are.  Before, while it is filled, it is the memory cgroup's
 * alone, and so are the last copies that readers make of it.  A message takes the charge over from what it
 * takes the place of, under the lock of the log: so one that is no longer never fails of a limit, however
 * many write at once.
 */
#ifndef MSGSLOT_BUFFER_H
#define MSGSLOT_BUFFER_H

#include <linux/refcount.h>
#include <linux/types.h>

#include "account.h"

/**
 * struct msgslot_buffer - the bytes of a message too long for a cell
 * @bytes: of which @capacity belong to the buffer
 * @capacity: what was allocated, and is charged
 * @refs: one for the call that fills it or the cell, one for each reader; 0: there is nothing to find
 * @uid: the user it was allocated for
 * @share: of the user who is charged while it is in a cell, else NULL; under the lock of the cell's log
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
 * @next: the place that is given away where none is free
 * @of: the buffers or NULL, without a reference and charged to nobody; a buffer that is exchanged for
 *	another, or for NULL, belongs to the task that did it
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
 * A buffer for a message of @length bytes of the user @uid: a spare of theirs, or a new one; NULL where
 * there is no memory.  Sleeps if @gfp does.
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
 * Charges @share for @buffer, which takes the place of @old (NULL: of nothing), and nobody for @old any
 * more: 0, or -ENOSPC or -EDQUOT, and nothing has changed.  Under the lock of their log.
 */
static inline int msgslot_buffer_charge(struct msgslot_buffer *buffer, struct msgslot_buffer *old,
					struct msgslot_share *share, bool privileged)
{
	int err = 0;

	/* Mostly it is the user's own, and as long. */
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

/* @buffer (or NULL) leaves its cell, and nobody is charged for it any more. */
static inline void msgslot_buffer_uncharge(struct msgslot_buffer *buffer)
{
	if (!buffer || !buffer->share)
		return;
	msgslot_uncharge(buffer->share, buffer->capacity, 0);
	buffer->share = NULL;
}

/* Whether that would fail for a message of @length bytes, with the same errors. */
int msgslot_buffer_check(u32 length, const struct msgslot_buffer *old, struct msgslot_share *share,
			 bool privileged);

#endif /* MSGSLOT_BUFFER_H */
