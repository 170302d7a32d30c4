/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of a queue that are leased: they left the ring, and are not done yet.
 *
 * A lease is *away* while a file has it.  It is done, and gone; or it comes back, with the file's
 * end at the latest, and is *returned* then: to be taken before all that is in the ring, the lowest
 * sequence first.  Both count against the depth of the log.
 *
 * Everything here is under the lock of the log.  tie.h tells how a file has leases.
 */
#ifndef MSGSLOT_LEASE_H
#define MSGSLOT_LEASE_H

#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#include "account.h"
#include "buffer.h"

/**
 * struct msgslot_leased - what is known of a message that was leased
 * @sequence: its number
 * @time: as in the cell that it came from
 * @pid: likewise
 * @uid: likewise
 * @payer: the user that was charged for the ring it came from
 * @length: in bytes
 * @delivered: how often it came back
 */
struct msgslot_leased {
	u64 sequence;
	u64 time;
	pid_t pid;
	kuid_t uid;
	kuid_t payer;
	u32 length;
	u32 delivered;
};

/**
 * struct msgslot_lease - a message that was leased
 * @node: in a tree of msgslot_leases, or in none
 * @message: what is known of it
 * @capacity: of @bytes
 * @size: of the memory that this is in, in bytes, as charged
 * @over: as the one that may be charged beyond the limits
 * @share: of the user that is charged for that
 * @buffer: has the message if it is long, charged to its sender as in a cell; else NULL
 * @bytes: has it otherwise
 */
struct msgslot_lease {
	struct rb_node node;
	struct msgslot_leased message;
	u32 capacity;
	u32 size;
	bool over;
	struct msgslot_share *share;
	struct msgslot_buffer *buffer;
	u8 *bytes;
};

/**
 * struct msgslot_leases - the leased messages of a log, by sequence
 * @away: files have them, each as a tie; also those below @void_below that are not freed yet
 * @returned: they came back
 * @away_count: how many files have, but for those that are void
 * @returned_count: how many came back
 * @void_below: what is away and has a lower sequence was cleared
 */
struct msgslot_leases {
	struct rb_root_cached away;
	struct rb_root_cached returned;
	u32 away_count;
	u32 returned_count;
	u64 void_below;
};

static inline struct msgslot_lease *msgslot_lease_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct msgslot_lease, node);
}

/* The lowest of @root, or NULL. */
static inline struct msgslot_lease *msgslot_lease_first(const struct rb_root_cached *root)
{
	return msgslot_lease_of(rb_first_cached(root));
}

static inline void msgslot_lease_insert(struct rb_root_cached *root, struct msgslot_lease *lease)
{
	struct rb_node **link = &root->rb_root.rb_node, *up = NULL;
	bool leftmost = true;

	while (*link) {
		up = *link;
		if (lease->message.sequence < msgslot_lease_of(up)->message.sequence) {
			link = &up->rb_left;
		} else {
			link = &up->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(&lease->node, up, link);
	rb_insert_color_cached(&lease->node, root, leftmost);
}

static inline void msgslot_lease_erase(struct rb_root_cached *root, struct msgslot_lease *lease)
{
	rb_erase_cached(&lease->node, root);
}

/* Whether a file has any. */
static inline bool msgslot_leases_has_away(const struct msgslot_leases *leases)
{
	return !RB_EMPTY_ROOT(&leases->away.rb_root);
}

/* How many messages are leased or came back. */
static inline u32 msgslot_leases_count(const struct msgslot_leases *leases)
{
	return leases->away_count + leases->returned_count;
}

/* The message of @sequence that is away, and not void; or NULL. */
static inline struct msgslot_lease *msgslot_leases_find_away(const struct msgslot_leases *leases,
							     u64 sequence)
{
	struct rb_node *node = leases->away.rb_root.rb_node;
	struct msgslot_lease *lease;

	if (sequence < leases->void_below)
		return NULL;
	while (node) {
		lease = msgslot_lease_of(node);
		if (lease->message.sequence == sequence)
			return lease;
		node = lease->message.sequence > sequence ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* The highest sequence, 0 where there is none. */
u64 msgslot_leases_newest(const struct msgslot_leases *leases);
/* The lowest message from @sequence on that came back, or, with @all, is away; or NULL. */
struct msgslot_lease *msgslot_leases_find(const struct msgslot_leases *leases, u64 sequence,
					  bool all);

/* @lease, which is in no tree, has no message any more.  Sleeps. */
static inline void msgslot_lease_empty(struct msgslot_lease *lease, struct msgslot_spares *spares)
{
	if (unlikely(lease->buffer)) {
		msgslot_buffer_uncharge(lease->buffer);
		msgslot_buffer_put(spares, lease->buffer);
		lease->buffer = NULL;
	}
}

/* Frees it, and its memory, whatever else is in that, which is charged no longer.  Sleeps. */
void msgslot_lease_free(struct msgslot_lease *lease, struct msgslot_spares *spares);
/* Frees all of @root.  Sleeps. */
void msgslot_lease_free_all(struct rb_root *root, struct msgslot_spares *spares);

#endif /* MSGSLOT_LEASE_H */
