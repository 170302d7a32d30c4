// SPDX-License-Identifier: GPL-2.0-only
/* Leased messages of a log.  See lease.h. */
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "lease.h"

/* The lowest of @root from @sequence on, or NULL. */
static struct msgslot_lease *lease_find(const struct rb_root_cached *root, u64 sequence)
{
	struct rb_node *node = root->rb_root.rb_node;
	struct msgslot_lease *lease, *best = NULL;

	while (node) {
		lease = msgslot_lease_of(node);
		if (lease->message.sequence >= sequence)
			best = lease;
		node = lease->message.sequence >= sequence ? node->rb_left : node->rb_right;
	}
	return best;
}

u64 msgslot_leases_newest(const struct msgslot_leases *leases)
{
	struct msgslot_lease *away = msgslot_lease_of(rb_last(&leases->away.rb_root));
	struct msgslot_lease *returned = msgslot_lease_of(rb_last(&leases->returned.rb_root));
	u64 newest = returned ? returned->message.sequence : 0;

	if (away && away->message.sequence >= leases->void_below)
		newest = max(newest, away->message.sequence);
	return newest;
}

struct msgslot_lease *msgslot_leases_find(const struct msgslot_leases *leases, u64 sequence,
					  bool all)
{
	struct msgslot_lease *returned = lease_find(&leases->returned, sequence), *away;

	if (!all)
		return returned;
	away = lease_find(&leases->away, max(sequence, leases->void_below));
	if (!away || (returned && returned->message.sequence < away->message.sequence))
		return returned;
	return away;
}

void msgslot_lease_free(struct msgslot_lease *lease, struct msgslot_spares *spares)
{
	msgslot_lease_empty(lease, spares);
	if (unlikely(lease->over))
		msgslot_share_end_over(lease->share);
	msgslot_uncharge(lease->share, lease->size, 0);
	kfree(lease);
}

void msgslot_lease_free_all(struct rb_root *root, struct msgslot_spares *spares)
{
	struct rb_node *node, *next;

	for (node = rb_first_postorder(root); node; node = next) {
		next = rb_next_postorder(node);
		msgslot_lease_free(msgslot_lease_of(node), spares);
		cond_resched();
	}
	*root = RB_ROOT;
}
