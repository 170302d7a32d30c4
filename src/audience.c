// SPDX-License-Identifier: GPL-2.0-only
/* How many files listen to a channel.  See audience.h. */
#include <linux/rbtree_augmented.h>

#include "audience.h"

static struct msgslot_audience_edge *audience_edge(struct rb_node *node)
{
	return rb_entry_safe(node, struct msgslot_audience_edge, node);
}

static s32 audience_sum(struct rb_node *node)
{
	const struct msgslot_audience_edge *edge = audience_edge(node);

	return edge ? edge->sum : 0;
}

/* Whether the sum was right already, and with it those above. */
static bool audience_compute(struct msgslot_audience_edge *edge, bool exit)
{
	const s32 sum =
		edge->step + audience_sum(edge->node.rb_left) + audience_sum(edge->node.rb_right);

	if (exit && edge->sum == sum)
		return true;
	edge->sum = sum;
	return false;
}

RB_DECLARE_CALLBACKS(static, audience_callbacks, struct msgslot_audience_edge, node, sum,
		     audience_compute)

static void audience_insert(struct rb_root *tree, struct msgslot_audience_edge *edge)
{
	struct rb_node **link = &tree->rb_node, *up = NULL;
	struct msgslot_audience_edge *parent;

	edge->sum = edge->step;
	while (*link) {
		up = *link;
		parent = audience_edge(up);
		parent->sum += edge->step;
		link = edge->at < parent->at ? &up->rb_left : &up->rb_right;
	}
	rb_link_node(&edge->node, up, link);
	rb_insert_augmented(&edge->node, tree, &audience_callbacks);
}

void msgslot_audience_init(struct msgslot_audience_range *range, u32 first, u32 last)
{
	range->edges[0].at = first;
	range->edges[0].step = 1;
	range->edges[1].at = (u64)last + 1;
	range->edges[1].step = -1;
}

void msgslot_audience_add(struct rb_root *tree, struct msgslot_audience_range *range)
{
	audience_insert(tree, &range->edges[0]);
	audience_insert(tree, &range->edges[1]);
}

void msgslot_audience_remove(struct rb_root *tree, struct msgslot_audience_range *range)
{
	rb_erase_augmented(&range->edges[0].node, tree, &audience_callbacks);
	rb_erase_augmented(&range->edges[1].node, tree, &audience_callbacks);
}

u32 msgslot_audience_count(const struct rb_root *tree, u32 id)
{
	struct rb_node *node = tree->rb_node;
	struct msgslot_audience_edge *edge;
	s32 count = 0;

	while (node) {
		edge = audience_edge(node);
		if (edge->at > id) {
			node = node->rb_left;
		} else {
			count += edge->step + audience_sum(node->rb_left);
			node = node->rb_right;
		}
	}
	return count;
}
