// SPDX-License-Identifier: GPL-2.0-only
/* Which message a listener receives next.  See listener.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "listener.h"

/* So many steps are made before the caller looks whether it is to go on. */
#define LISTENER_STEPS 256

static struct msgslot_feed *listener_feed(const struct msgslot_listener *l)
{
	return &l->slot->channels.feed;
}

/* Where messages are taken, the feed is a state. */
static bool listener_takes(const struct msgslot_listener *l)
{
	return l->slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL;
}

/* Each message is meant for the listener, not only the newest. */
static bool listener_wants_all(const struct msgslot_listener *l)
{
	return l->slot->rules.cursor == MSGSLOT_CURSOR_OF_FILE;
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* Every message that was placed before the feed tells of it is found: 0, or -EINTR. */
static int listener_settle(struct msgslot_listener *l, u64 epoch)
{
	struct msgslot_feed *feed = listener_feed(l);
	int err = 0;

	if (msgslot_feed_is_settled(feed, epoch))
		return 0;
	/* The right column in feed.h. */
	synchronize_rcu();
	if (listener_takes(l))
		err = msgslot_channels_note_logs(&l->slot->channels);
	if (!err)
		msgslot_feed_set_settled(feed, epoch);
	return err;
}

static void listener_begin(struct msgslot_listener *l)
{
	struct msgslot_position *p = &l->position;

	p->round = l->first;
	p->walk = (u64)l->last + 1;
	if (listener_takes(l))
		return;
	msgslot_feed_get_end(listener_feed(l), &p->next, &p->until);
	if (listener_wants_all(l))
		p->told = p->until;
	else
		p->walk = l->first;
}

static void listener_init_waiter(const struct msgslot_listener *l,
				 struct msgslot_feed_waiter *waiter, wait_queue_head_t *queue)
{
	RB_CLEAR_NODE(&waiter->node);
	waiter->first = l->first;
	waiter->last = l->last;
	waiter->queue = queue;
}

struct msgslot_listener *msgslot_listener_new(struct msgslot_slot *slot,
					      const struct msgslot_payer *payer,
					      wait_queue_head_t *queue, u32 first, u32 last,
					      bool lowest)
{
	struct msgslot_listener *l = kzalloc(sizeof(*l), MSGSLOT_GFP);
	u64 epoch;
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->slot = slot;
	l->first = first;
	l->last = last;
	l->lowest = lowest;
	refcount_set(&l->refs, 1);
	spin_lock_init(&l->lock);
	init_waitqueue_head(&l->calls);
	listener_init_waiter(l, &l->waiting, &l->calls);
	listener_init_waiter(l, &l->polled, queue);
	err = msgslot_feed_join(listener_feed(l), &l->member, &slot->rules, payer, &epoch);
	if (err) {
		kfree(l);
		return ERR_PTR(err);
	}
	err = listener_settle(l, epoch);
	if (err) {
		msgslot_listener_end(l);
		return ERR_PTR(err);
	}
	listener_begin(l);
	return l;
}

void msgslot_listener_put(struct msgslot_listener *l)
{
	if (l && refcount_dec_and_test(&l->refs))
		kfree_rcu(l, rcu);
}

void msgslot_listener_end(struct msgslot_listener *l)
{
	struct msgslot_feed *feed = listener_feed(l);

	spin_lock(&l->lock);
	WRITE_ONCE(l->ended, true);
	spin_unlock(&l->lock);
	/* A call that enters a queue after this sees that it ended. */
	msgslot_waiters_wake_all(&l->calls, 0);
	msgslot_waiters_wake_all(l->polled.queue, 0);
	msgslot_feed_close_waiter(feed, &feed->calls, &l->waiting);
	msgslot_feed_close_waiter(feed, &feed->polls, &l->polled);
	msgslot_feed_part(feed, &l->member);
	msgslot_listener_put(l);
}

/* ---- the next message ------------------------------------------------------------------------ */

bool msgslot_listener_move(struct msgslot_listener *l, const struct msgslot_found *found,
			   const struct msgslot_position *position)
{
	u64 lost = 0;
	bool moved;

	spin_lock(&l->lock);
	moved = l->moves == found->moves;
	if (moved) {
		lost = position->lost - l->position.lost;
		l->position = *position;
		l->moves++;
	}
	spin_unlock(&l->lock);
	if (lost)
		this_cpu_add(l->slot->stats->dropped, lost);
	return moved;
}

/* A message that was looked at is not the one that is wanted. */
static void listener_put_peek(struct msgslot_listener *l, struct msgslot_peek *peek)
{
	msgslot_buffer_put(&l->slot->spares, peek->buffer);
	peek->buffer = NULL;
}

/* What is left of channel @walk is gone, and @walk, or the end of the walk, is next. */
static void listener_walk_on(const struct msgslot_listener *l, struct msgslot_position *p, u64 walk)
{
	if (listener_wants_all(l))
		p->lost += p->left.end - p->left.first;
	p->walk = walk;
	p->left = (struct msgslot_log_range){};
	if (walk > l->last)
		p->told = p->until;
}

/*
 * The walk comes to a channel.  The log's lock is taken for that: so those messages whose entries
 * were there as the walk began are stored.
 */
static void listener_walk_into(struct msgslot_listener *l, struct msgslot_position *p,
			       struct msgslot_channel *channel)
{
	u64 dropped;

	listener_walk_on(l, p, channel->log.id);
	p->left = msgslot_log_find_range(&channel->log, p->told, p->until, &dropped);
	/* One at least.  Where the newest that went came after @until, the feed tells that. */
	if (listener_wants_all(l) && dropped > p->told && dropped <= p->until)
		p->lost++;
}

/* One step of a walk: 0 with a message, or 1. */
static int listener_walk(struct msgslot_listener *l, struct msgslot_found *found,
			 struct msgslot_peek *peek, size_t size)
{
	struct msgslot_position *p = &found->before;
	struct msgslot_channel *channel;
	int err = -EAGAIN;
	u64 sequence;

	peek->stale = NULL;
	rcu_read_lock();
	channel = msgslot_channel_lookup(&l->slot->channels, p->walk, l->last);
	if (channel && (channel->log.id != p->walk || !p->left.end))
		listener_walk_into(l, p, channel);
	if (channel && p->left.first < p->left.end)
		err = msgslot_peek(&channel->log, p->left.first, peek, size);
	rcu_read_unlock();
	msgslot_buffer_put(&l->slot->spares, peek->stale);
	if (!channel) {
		listener_walk_on(l, p, (u64)l->last + 1);
		return 1;
	}
	sequence = err ? p->left.end : min(peek->sequence, p->left.end);
	if (listener_wants_all(l))
		p->lost += sequence - p->left.first;
	p->left.first = sequence;
	if (sequence == p->left.end) {
		listener_put_peek(l, peek);
		listener_walk_on(l, p, p->walk + 1);
		return 1;
	}
	found->channel = p->walk;
	found->after = *p;
	found->after.left.first++;
	if (!listener_wants_all(l))
		listener_walk_on(l, &found->after, p->walk + 1);
	return 0;
}

/* Whether the message of @entry is there, or in `last` a newer one that is to be told now. */
static bool listener_look(struct msgslot_listener *l, const struct msgslot_feed_entry *entry,
			  u64 began, struct msgslot_peek *peek, size_t size)
{
	const u64 sequence = listener_wants_all(l) ? entry->sequence : 0;
	struct msgslot_channel *channel;
	int err = -EAGAIN;

	peek->stale = NULL;
	peek->buffer = NULL;
	rcu_read_lock();
	channel = msgslot_channel_lookup(&l->slot->channels, entry->channel, entry->channel);
	if (channel) {
		/* It is about to be stored. */
		if (unlikely(msgslot_log_next(&channel->log) <= entry->sequence)) {
			spin_lock(&channel->log.lock);
			spin_unlock(&channel->log.lock);
		}
		err = msgslot_peek(&channel->log, sequence, peek, size);
	}
	rcu_read_unlock();
	msgslot_buffer_put(&l->slot->spares, peek->stale);
	if (!err &&
	    (peek->sequence == entry->sequence || (!listener_wants_all(l) && peek->time > began)))
		return true;
	listener_put_peek(l, peek);
	return false;
}

/*
 * One step along the feed: 0 with a message; 1; -EAGAIN: there is none of those that were there as
 * the call @began.
 */
static int listener_follow(struct msgslot_listener *l, struct msgslot_found *found, u64 began,
			   struct msgslot_peek *peek, size_t size)
{
	struct msgslot_position p = found->before;
	struct msgslot_feed_entry entry;
	int ret;

	ret = msgslot_feed_read(listener_feed(l), l->first, l->last, &p.next, &p.told, &entry);
	if (!ret && listener_look(l, &entry, began, peek, size)) {
		found->channel = entry.channel;
		found->after = p;
		return 0;
	}
	if (!ret) {
		p.lost += listener_wants_all(l);
		ret = 1;
	} else if (ret == -ENOBUFS) {
		p.walk = l->first;
		msgslot_feed_get_end(listener_feed(l), &p.next, &p.until);
		ret = 1;
	} else if (ret > 0 && p.told >= began) {
		/* Others are faster than this. */
		ret = -EAGAIN;
	}
	found->before = p;
	return ret;
}

/* The head of the next queue that has a message. */
static int listener_peek_state(struct msgslot_listener *l, struct msgslot_found *found,
			       struct msgslot_peek *peek, size_t size)
{
	struct msgslot_feed *feed = listener_feed(l);
	struct msgslot_log *log;
	int err;

	rcu_read_lock();
	log = msgslot_feed_find_ready(feed, found->before.round, l->last);
	if (!log && found->before.round > l->first)
		log = msgslot_feed_find_ready(feed, l->first, found->before.round - 1);
	if (!log) {
		rcu_read_unlock();
		return -EAGAIN;
	}
	found->channel = log->id;
	err = msgslot_peek(log, 0, peek, size);
	/* The reader that took the last one has not said so yet. */
	if (err)
		msgslot_feed_settle_log(feed, log);
	rcu_read_unlock();
	msgslot_buffer_put(&l->slot->spares, peek->stale);
	if (err)
		return 1;
	found->after = found->before;
	if (!l->lowest)
		found->after.round = found->channel == l->last ? l->first : found->channel + 1;
	return 0;
}

int msgslot_listener_peek(struct msgslot_listener *l, struct msgslot_found *found,
			  struct msgslot_peek *peek, size_t size)
{
	const u64 began = READ_ONCE(listener_feed(l)->time);
	unsigned int steps;
	bool ended;
	int ret = 1;

	peek->buffer = NULL;
	spin_lock(&l->lock);
	found->before = l->position;
	found->moves = l->moves;
	ended = l->ended;
	spin_unlock(&l->lock);
	if (ended)
		return -EIDRM;
	if (listener_takes(l))
		return listener_peek_state(l, found, peek, size);
	for (steps = 0; ret > 0 && steps < LISTENER_STEPS; steps++)
		if (found->before.walk <= l->last)
			ret = listener_walk(l, found, peek, size);
		else
			ret = listener_follow(l, found, began, peek, size);
	/* What was skipped is not looked at again. */
	if (ret && msgslot_listener_move(l, found, &found->before))
		found->moves++;
	else if (ret)
		ret = 1;
	return ret;
}

/* ---- waiting --------------------------------------------------------------------------------- */

void msgslot_listener_poll(struct msgslot_listener *l)
{
	struct msgslot_feed *feed = listener_feed(l);

	msgslot_feed_add_waiter(feed, &feed->polls, &l->polled);
}

bool msgslot_listener_is_readable(struct msgslot_listener *l, u32 *length)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	struct msgslot_found found msgslot_uninitialized;
	int ret;

	do {
		/* With a size of 0 no reference of a long message is taken. */
		ret = msgslot_listener_peek(l, &found, &peek, 0);
		cond_resched();
	} while (ret > 0 && !signal_pending(current));
	if (length && !ret)
		*length = peek.length;
	return ret >= 0 || (ret == -EAGAIN && found.before.lost != found.before.lost_seen);
}

/* What came before the waiter entered the tree; later messages wake it. */
static bool listener_has_news(struct msgslot_listener *l, const struct msgslot_found *found)
{
	struct msgslot_feed *feed = listener_feed(l);
	const u64 end = msgslot_feed_get_next(feed);
	struct msgslot_feed_entry entry;
	u64 next = found->before.next, time;
	int ret = 1;

	while (ret > 0 && next < end)
		ret = msgslot_feed_read(feed, l->first, l->last, &next, &time, &entry);
	return !ret || ret == -ENOBUFS;
}

static bool listener_may_go_on(struct msgslot_listener *l, const struct msgslot_found *found)
{
	bool ready;

	if (READ_ONCE(l->ended) || msgslot_slot_is_gone(l->slot))
		return true;
	if (!listener_takes(l))
		return listener_has_news(l, found);
	rcu_read_lock();
	ready = msgslot_feed_find_ready(listener_feed(l), l->first, l->last);
	rcu_read_unlock();
	return ready;
}

int msgslot_listener_wait(struct msgslot_listener *l, const struct msgslot_found *found, bool takes,
			  const struct msgslot_deadline *deadline)
{
	wait_queue_head_t *queue = takes ? &l->calls : l->polled.queue;
	struct wait_queue_entry entry msgslot_uninitialized;
	struct msgslot_feed *feed = listener_feed(l);
	int err = 0;
	bool signal;

	init_wait_entry(&entry, takes ? WQ_FLAG_EXCLUSIVE : 0);
	signal = prepare_to_wait_event(queue, &entry, TASK_INTERRUPTIBLE);
	if (takes)
		msgslot_feed_add_waiter(feed, &feed->calls, &l->waiting);
	else
		msgslot_listener_poll(l);
	if (!listener_may_go_on(l, found)) {
		err = signal ? msgslot_deadline_interrupted(deadline) :
			       msgslot_deadline_sleep(deadline);
		if (err == -ETIMEDOUT && listener_may_go_on(l, found))
			err = 0;
	}
	finish_wait(queue, &entry);
	return err;
}

void msgslot_listener_wake_next(struct msgslot_listener *l)
{
	struct msgslot_feed *feed = listener_feed(l);
	struct msgslot_log *log;
	u64 id = l->first;
	bool more = true;

	/* Which channel it was woken for is not known. */
	while (more && id <= l->last) {
		rcu_read_lock();
		log = msgslot_feed_find_ready(feed, id, l->last);
		if (log)
			id = (u64)log->id + 1;
		more = log && msgslot_feed_wake_call(feed, log->id);
		rcu_read_unlock();
		cond_resched();
	}
}
