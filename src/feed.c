// SPDX-License-Identifier: GPL-2.0-only
/* The feed of a slot.  See feed.h. */
#include <linux/err.h>
#include <linux/interval_tree_generic.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/msgslot.h>

#include "feed.h"
#include "wait.h"

/* So many entries are looked at under the lock at a time. */
#define FEED_STEP 64

void msgslot_feed_init(struct msgslot_feed *feed)
{
	memset(feed, 0, sizeof(*feed));
	spin_lock_init(&feed->lock);
	feed->depth = MSGSLOT_FEED_DEPTH_DEFAULT;
	feed->audience = RB_ROOT;
	feed->ready = RB_ROOT;
	feed->calls = RB_ROOT_CACHED;
	feed->polls = RB_ROOT_CACHED;
}

void msgslot_feed_set_depth(struct msgslot_feed *feed, u32 depth)
{
	WRITE_ONCE(feed->depth, roundup_pow_of_two(depth));
}

/* ---- the tree of waiters --------------------------------------------------------------------- */

#define FEED_WAITER_FIRST(waiter) ((waiter)->first)
#define FEED_WAITER_LAST(waiter) ((waiter)->last)
INTERVAL_TREE_DEFINE(struct msgslot_feed_waiter, node, u32, subtree_last, FEED_WAITER_FIRST,
		     FEED_WAITER_LAST, static __maybe_unused, feed_waiters)

/* The order in the tree: by @first, and then in any way that does not change. */
static bool feed_waiter_is_before(const struct msgslot_feed_waiter *a, u32 first, const void *b)
{
	return a->first != first ? a->first < first : (const void *)a < b;
}

static void feed_waiter_insert(struct msgslot_feed_waiter *waiter, struct rb_root_cached *tree)
{
	struct rb_node **link = &tree->rb_root.rb_node, *up = NULL;
	struct msgslot_feed_waiter *parent;
	bool leftmost = true;

	while (*link) {
		up = *link;
		parent = rb_entry(up, struct msgslot_feed_waiter, node);
		parent->subtree_last = max(parent->subtree_last, waiter->last);
		if (feed_waiter_is_before(parent, waiter->first, waiter)) {
			link = &up->rb_right;
			leftmost = false;
		} else {
			link = &up->rb_left;
		}
	}
	waiter->subtree_last = waiter->last;
	rb_link_node(&waiter->node, up, link);
	rb_insert_augmented_cached(&waiter->node, tree, leftmost, &feed_waiters_augment);
}

static void feed_waiter_remove(struct msgslot_feed_waiter *waiter, struct rb_root_cached *tree)
{
	feed_waiters_remove(waiter, tree);
	RB_CLEAR_NODE(&waiter->node);
}

/*
 * The next waiter that listens to @id, after the place in the order that @first and @after say.
 * Those that come again behind it are not met again: so a message wakes each waiter once.
 */
static struct msgslot_feed_waiter *feed_waiter_find(struct rb_root_cached *tree, u32 id, u32 first,
						    const void *after)
{
	struct rb_node *node = tree->rb_root.rb_node;
	struct msgslot_feed_waiter *waiter, *best = NULL;

	while (node) {
		waiter = rb_entry(node, struct msgslot_feed_waiter, node);
		if ((const void *)waiter == after || feed_waiter_is_before(waiter, first, after)) {
			node = node->rb_right;
		} else {
			best = waiter;
			node = node->rb_left;
		}
	}
	if (!best || best->first > id)
		return NULL;
	return best->last >= id ? best : feed_waiters_iter_next(best, id, id);
}

void msgslot_feed_add_waiter(struct msgslot_feed *feed, struct rb_root_cached *tree,
			     struct msgslot_feed_waiter *waiter)
{
	spin_lock(&feed->lock);
	waiter->armed++;
	if (RB_EMPTY_NODE(&waiter->node) && !waiter->closed && !feed->closed) {
		waiter->turn = ++feed->turns;
		feed_waiter_insert(waiter, tree);
	}
	spin_unlock(&feed->lock);
}

void msgslot_feed_finish_wait(struct msgslot_feed *feed, struct rb_root_cached *tree,
			      struct msgslot_feed_waiter *waiter, struct wait_queue_entry *entry)
{
	spin_lock(&feed->lock);
	finish_wait(waiter->queue, entry);
	/* No barrier: a call enters the queue first, and takes this lock then. */
	if (!RB_EMPTY_NODE(&waiter->node) && !waitqueue_active(waiter->queue))
		feed_waiter_remove(waiter, tree);
	spin_unlock(&feed->lock);
}

void msgslot_feed_close_waiter(struct msgslot_feed *feed, struct rb_root_cached *tree,
			       struct msgslot_feed_waiter *waiter)
{
	spin_lock(&feed->lock);
	waiter->closed = true;
	if (!RB_EMPTY_NODE(&waiter->node))
		feed_waiter_remove(waiter, tree);
	spin_unlock(&feed->lock);
}

/*
 * Wakes all that listen to @id and do not take.  What they can do is not said: io_uring and epoll
 * look themselves then, and with that the listener is to be woken again.  Until then later messages
 * wake nobody: so those that wait exclusively are woken too, all of them.
 */
static void feed_wake_polls(struct msgslot_feed *feed, u32 id)
{
	struct msgslot_feed_waiter *waiter;
	unsigned int passed = 0;
	const void *after = NULL;
	u32 first = 0, armed;
	u64 turns;

	spin_lock(&feed->lock);
	turns = feed->turns;
	while ((waiter = feed_waiter_find(&feed->polls, id, first, after))) {
		first = waiter->first;
		after = waiter;
		if (waiter->turn > turns) {
			/* Many pass for one that comes, under the same lock: so this ends. */
			if (++passed % FEED_STEP == 0) {
				spin_unlock(&feed->lock);
				spin_lock(&feed->lock);
			}
			continue;
		}
		armed = waiter->armed;
		spin_unlock(&feed->lock);
		msgslot_waiters_wake_all(waiter->queue, 0);
		spin_lock(&feed->lock);
		if (waiter->armed == armed && !RB_EMPTY_NODE(&waiter->node))
			feed_waiter_remove(waiter, &feed->polls);
	}
	spin_unlock(&feed->lock);
}

void msgslot_feed_wake_call(struct msgslot_feed *feed, u32 id)
{
	struct msgslot_feed_key key = { .channel = id };
	struct msgslot_feed_waiter *waiter;

	do {
		spin_lock(&feed->lock);
		waiter = feed_waiter_find(&feed->calls, id, 0, NULL);
		if (waiter) {
			__wake_up(waiter->queue, TASK_NORMAL, 1, &key);
			/* A call that does not sleep any more leaves, or comes again. */
			if (!key.woken || !waitqueue_active(waiter->queue))
				feed_waiter_remove(waiter, &feed->calls);
		}
		spin_unlock(&feed->lock);
	} while (waiter && !key.woken);
}

void msgslot_feed_wake(struct msgslot_feed *feed, u32 id, unsigned int wake)
{
	if (wake & MSGSLOT_FEED_POLLS)
		feed_wake_polls(feed, id);
	if (wake & MSGSLOT_FEED_CALLS)
		msgslot_feed_wake_call(feed, id);
}

/* Wakes any waiter of @tree, which leaves it.  Whether there was one. */
static bool feed_wake_any(struct msgslot_feed *feed, struct rb_root_cached *tree, __poll_t events)
{
	struct msgslot_feed_waiter *waiter = NULL;
	struct rb_node *node;

	rcu_read_lock();
	spin_lock(&feed->lock);
	node = rb_first_cached(tree);
	if (node) {
		waiter = rb_entry(node, struct msgslot_feed_waiter, node);
		feed_waiter_remove(waiter, tree);
	}
	spin_unlock(&feed->lock);
	if (waiter)
		msgslot_waiters_wake_all(waiter->queue, events);
	rcu_read_unlock();
	cond_resched();
	return waiter;
}

void msgslot_feed_wake_all(struct msgslot_feed *feed)
{
	spin_lock(&feed->lock);
	feed->closed = true;
	spin_unlock(&feed->lock);
	while (feed_wake_any(feed, &feed->calls, 0))
		;
	while (feed_wake_any(feed, &feed->polls, MSGSLOT_EVENTS_GONE))
		;
}

/* ---- the state ------------------------------------------------------------------------------- */

static struct msgslot_log *feed_ready_entry(struct rb_node *node)
{
	return rb_entry(node, struct msgslot_log, ready);
}

void msgslot_feed_insert_ready_locked(struct msgslot_feed *feed, struct msgslot_log *log)
{
	struct rb_node **link = &feed->ready.rb_node, *up = NULL;

	lockdep_assert_held(&log->lock);
	if (log->wake_requests & MSGSLOT_IS_READY)
		return;
	while (*link) {
		up = *link;
		link = log->id < feed_ready_entry(up)->id ? &up->rb_left : &up->rb_right;
	}
	rb_link_node(&log->ready, up, link);
	rb_insert_color(&log->ready, &feed->ready);
	WRITE_ONCE(log->wake_requests, log->wake_requests | MSGSLOT_IS_READY);
}

void msgslot_feed_note_log_locked(struct msgslot_feed *feed, struct msgslot_log *log)
{
	if (msgslot_log_is_empty_locked(log))
		return;
	spin_lock(&feed->lock);
	msgslot_feed_insert_ready_locked(feed, log);
	spin_unlock(&feed->lock);
}

void msgslot_feed_settle_log_locked(struct msgslot_feed *feed, struct msgslot_log *log)
{
	lockdep_assert_held(&log->lock);
	if (!msgslot_log_is_empty_locked(log) || !(log->wake_requests & MSGSLOT_IS_READY))
		return;
	spin_lock(&feed->lock);
	rb_erase(&log->ready, &feed->ready);
	spin_unlock(&feed->lock);
	WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_IS_READY);
}

void msgslot_feed_settle_log(struct msgslot_feed *feed, struct msgslot_log *log)
{
	/* A reader that takes the last message comes here after that. */
	if (msgslot_log_has(log, 0, false) || !(READ_ONCE(log->wake_requests) & MSGSLOT_IS_READY))
		return;
	spin_lock(&log->lock);
	msgslot_feed_settle_log_locked(feed, log);
	spin_unlock(&log->lock);
}

void msgslot_feed_note_clear(struct msgslot_feed *feed, struct msgslot_log *log)
{
	msgslot_feed_settle_log(feed, log);
	/* If the first listener comes later, it hears nothing of what was cleared. */
	if (!msgslot_feed_is_on(feed))
		return;
	spin_lock(&feed->lock);
	WRITE_ONCE(feed->cleared, feed->time);
	spin_unlock(&feed->lock);
}

struct msgslot_log *msgslot_feed_find_ready(struct msgslot_feed *feed, u32 first, u32 last)
{
	struct msgslot_log *log, *best = NULL;
	struct rb_node *node;

	spin_lock(&feed->lock);
	node = feed->ready.rb_node;
	while (node) {
		log = feed_ready_entry(node);
		if (log->id >= first)
			best = log;
		node = log->id >= first ? node->rb_left : node->rb_right;
	}
	spin_unlock(&feed->lock);
	return best && best->id <= last ? best : NULL;
}

/* ---- the news -------------------------------------------------------------------------------- */

int msgslot_feed_read(struct msgslot_feed *feed, u32 first, u32 last, u64 *position, u64 *time,
		      struct msgslot_feed_entry *entry)
{
	const struct msgslot_feed_entry *at;
	unsigned int steps;
	int ret = 1;

	spin_lock(&feed->lock);
	/* There is no ring for a call whose listener ended meanwhile, as the last one. */
	if (!feed->ring)
		ret = -EAGAIN;
	else if (feed->next - *position > feed->ring->depth)
		ret = -ENOBUFS;
	for (steps = 0; steps < FEED_STEP && ret > 0; steps++) {
		if (*position == feed->next) {
			ret = -EAGAIN;
			break;
		}
		at = &feed->ring->entries[(*position)++ & (feed->ring->depth - 1)];
		*time = at->time;
		if (at->channel >= first && at->channel <= last) {
			*entry = *at;
			ret = 0;
		}
	}
	spin_unlock(&feed->lock);
	return ret;
}

void msgslot_feed_get_end(struct msgslot_feed *feed, u64 *next, u64 *time)
{
	spin_lock(&feed->lock);
	/* A message that was placed without the feed has the time of its placing. */
	WRITE_ONCE(feed->time, max_t(u64, feed->time, ktime_get_boottime_ns()));
	*next = feed->next;
	*time = feed->time;
	spin_unlock(&feed->lock);
}

/* ---- listeners come and go ------------------------------------------------------------------- */

/* 0; -ENOENT: there is no ring, and @fresh is NULL; or an error of the charge for @fresh. */
static int feed_join(struct msgslot_feed *feed, struct msgslot_feed_member *member,
		     const struct msgslot_payer *payer, bool news, struct msgslot_feed_ring *fresh,
		     bool privileged, u64 *epoch)
{
	int err = 0;

	spin_lock(&feed->lock);
	if (news && !feed->ring) {
		err = fresh ? msgslot_charge_as(payer, fresh->size, 0, privileged) : -ENOENT;
		if (!err) {
			feed->ring = fresh;
			feed->share = payer->share;
		}
	}
	if (!err) {
		hlist_add_head(&member->node, &feed->members);
		msgslot_audience_add(&feed->audience, &member->range);
		member->share->listeners++;
		if (!feed->listeners)
			feed->epoch++;
		WRITE_ONCE(feed->listeners, feed->listeners + 1);
		WRITE_ONCE(feed->on, true);
		*epoch = feed->epoch;
	}
	spin_unlock(&feed->lock);
	return err;
}

int msgslot_feed_join(struct msgslot_feed *feed, struct msgslot_feed_member *member,
		      const struct msgslot_rules *rules, const struct msgslot_payer *payer,
		      u64 *epoch)
{
	const bool news = rules->cursor != MSGSLOT_CURSOR_OF_CHANNEL;
	struct msgslot_feed_ring *fresh;
	size_t size;
	u32 depth;
	int err;

	member->share = payer->share;
	err = feed_join(feed, member, payer, news, NULL, false, epoch);
	if (err != -ENOENT)
		return err;
	depth = READ_ONCE(feed->depth);
	size = struct_size(fresh, entries, depth);
	err = msgslot_growth_begin(payer, size, 0, MSGSLOT_GFP);
	if (err)
		return err;
	fresh = kvzalloc(size, MSGSLOT_GFP);
	err = -ENOMEM;
	if (fresh) {
		fresh->depth = depth;
		fresh->size = size;
		err = feed_join(feed, member, payer, news, fresh, false, epoch);
	}
	if (err == -EDQUOT && msgslot_payer_is_privileged(payer))
		err = feed_join(feed, member, payer, news, fresh, true, epoch);
	/* Another listener may have brought one meanwhile. */
	if (READ_ONCE(feed->ring) != fresh)
		kvfree(fresh);
	msgslot_growth_end(payer, size);
	return err;
}

void msgslot_feed_part(struct msgslot_feed *feed, struct msgslot_feed_member *member)
{
	struct msgslot_feed_ring *ring = NULL;
	struct msgslot_share *share = NULL, *heir;

	spin_lock(&feed->lock);
	hlist_del(&member->node);
	msgslot_audience_remove(&feed->audience, &member->range);
	WRITE_ONCE(feed->listeners, feed->listeners - 1);
	member->share->listeners--;
	if (!feed->listeners) {
		WRITE_ONCE(feed->on, false);
		ring = feed->ring;
		share = feed->share;
		feed->ring = NULL;
	} else if (feed->ring && feed->share == member->share && !feed->share->listeners) {
		heir = hlist_entry(feed->members.first, struct msgslot_feed_member, node)->share;
		msgslot_charge_move(feed->share, heir, feed->ring->size, 0);
		feed->share = heir;
	}
	spin_unlock(&feed->lock);
	if (!ring)
		return;
	msgslot_uncharge(share, ring->size, 0);
	kvfree(ring);
}

u32 msgslot_feed_count_listeners(struct msgslot_feed *feed, u32 id)
{
	u32 count;

	if (!READ_ONCE(feed->listeners))
		return 0;
	spin_lock(&feed->lock);
	count = msgslot_audience_count(&feed->audience, id);
	spin_unlock(&feed->lock);
	return count;
}

bool msgslot_feed_is_settled(struct msgslot_feed *feed, u64 epoch)
{
	bool settled;

	spin_lock(&feed->lock);
	settled = feed->settled == epoch;
	spin_unlock(&feed->lock);
	return settled;
}

void msgslot_feed_set_settled(struct msgslot_feed *feed, u64 epoch)
{
	spin_lock(&feed->lock);
	feed->settled = max(feed->settled, epoch);
	spin_unlock(&feed->lock);
}
