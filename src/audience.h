/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How many files listen to a channel, for MSGSLOT_WALK.
 *
 * A range of channels has two edges: at its first channel one file more listens than before, behind
 * its last one less.  A tree has the edges of all ranges in order, and each node the sum of those
 * below it: so the sum of the edges up to a channel takes a number of steps that grows with the
 * logarithm of that of the files.
 */
#ifndef MSGSLOT_AUDIENCE_H
#define MSGSLOT_AUDIENCE_H

#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct msgslot_audience_edge - where a range begins, or is over
 * @node: in the tree
 * @at: the first channel for which it counts
 * @step: 1 or -1
 * @sum: of all steps in the tree below this node, with its own
 */
struct msgslot_audience_edge {
	struct rb_node node;
	u64 at;
	s32 step;
	s32 sum;
};

/**
 * struct msgslot_audience_range - the edges of a range
 * @edges: where it begins, and where it is over
 */
struct msgslot_audience_range {
	struct msgslot_audience_edge edges[2];
};

/* @range is that of the channels @first to @last, and in no tree. */
void msgslot_audience_init(struct msgslot_audience_range *range, u32 first, u32 last);
/* The caller has a lock for @tree. */
void msgslot_audience_add(struct rb_root *tree, struct msgslot_audience_range *range);
void msgslot_audience_remove(struct rb_root *tree, struct msgslot_audience_range *range);
/* How many of the ranges in @tree have channel @id. */
u32 msgslot_audience_count(const struct rb_root *tree, u32 id);

#endif /* MSGSLOT_AUDIENCE_H */
