// SPDX-License-Identifier: GPL-2.0-only
/* Which message of a range is the next one.  See range.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>

#include "range.h"

/* So many steps are made before the caller looks whether it is to go on. */
#define RANGE_STEPS 256

/* Each message is meant for the listener, not only the newest. */
static bool range_wants_all(const struct msgslot_range *range)
{
	return range->slot->rules.cursor == MSGSLOT_CURSOR_OF_FILE;
}

/* ---- where the feed is news ------------------------------------------------------------------ */

/* A message that was looked at is not the one that is wanted. */
static void range_put_peek(const struct msgslot_range *range, struct msgslot_peek *peek)
{
	msgslot_buffer_put(&range->slot->spares, peek->buffer);
	peek->buffer = NULL;
}

/* What is left of channel @walk is gone, and @walk, or the end of the walk, is next. */
static void range_walk_on(const struct msgslot_range *range, struct msgslot_position *p, u64 walk)
{
	if (range_wants_all(range))
		p->lost += p->left.end - p->left.first;
	p->walk = walk;
	p->left = (struct msgslot_log_range){};
	if (walk > range->last)
		p->told = p->until;
}

/*
 * The walk comes to a channel.  The log's lock is taken for that: so those messages whose entries
 * were there as the walk began are stored.
 */
static void range_walk_into(const struct msgslot_range *range, struct msgslot_position *p,
			    struct msgslot_channel *channel)
{
	u64 dropped;

	range_walk_on(range, p, channel->log.id);
	p->left = msgslot_log_find_range(&channel->log, p->told, p->until, &dropped);
	/* One at least.  Where the newest that went came after @until, the feed tells that. */
	if (range_wants_all(range) && dropped > p->told && dropped <= p->until)
		p->lost++;
}

/* One step of a walk: 0 with a message, or 1. */
static int range_walk(const struct msgslot_range *range, struct msgslot_found *found,
		      struct msgslot_peek *peek, size_t size)
{
	struct msgslot_position *p = &found->before;
	struct msgslot_channel *channel;
	int err = -EAGAIN;
	u64 sequence;

	peek->stale = NULL;
	rcu_read_lock();
	channel = msgslot_channel_lookup(&range->slot->channels, p->walk, range->last);
	if (channel && (channel->log.id != p->walk || !p->left.end))
		range_walk_into(range, p, channel);
	if (channel && p->left.first < p->left.end)
		err = msgslot_peek(&channel->log, p->left.first, peek, size);
	rcu_read_unlock();
	msgslot_buffer_put(&range->slot->spares, peek->stale);
	if (!channel) {
		range_walk_on(range, p, (u64)range->last + 1);
		return 1;
	}
	sequence = err ? p->left.end : min(peek->sequence, p->left.end);
	if (range_wants_all(range))
		p->lost += sequence - p->left.first;
	p->left.first = sequence;
	if (sequence == p->left.end) {
		range_put_peek(range, peek);
		range_walk_on(range, p, p->walk + 1);
		return 1;
	}
	found->channel = p->walk;
	found->after = *p;
	found->after.left.first++;
	if (!range_wants_all(range))
		range_walk_on(range, &found->after, p->walk + 1);
	return 0;
}

/* Whether the message of @entry is there, or in `last` a newer one that is to be told now. */
static bool range_look(const struct msgslot_range *range, const struct msgslot_feed_entry *entry,
		       u64 began, struct msgslot_peek *peek, size_t size)
{
	const u64 sequence = range_wants_all(range) ? entry->sequence : 0;
	struct msgslot_channel *channel;
	int err = -EAGAIN;

	peek->stale = NULL;
	peek->buffer = NULL;
	rcu_read_lock();
	channel = msgslot_channel_lookup(&range->slot->channels, entry->channel, entry->channel);
	if (channel) {
		/* It is about to be stored. */
		if (unlikely(msgslot_log_next(&channel->log) <= entry->sequence)) {
			spin_lock(&channel->log.lock);
			spin_unlock(&channel->log.lock);
		}
		err = msgslot_peek(&channel->log, sequence, peek, size);
	}
	rcu_read_unlock();
	msgslot_buffer_put(&range->slot->spares, peek->stale);
	if (!err &&
	    (peek->sequence == entry->sequence || (!range_wants_all(range) && peek->time > began)))
		return true;
	range_put_peek(range, peek);
	return false;
}

/*
 * One step along the feed: 0 with a message; 1; -EAGAIN: there is none of those that were there as
 * the call @began.
 */
static int range_follow(const struct msgslot_range *range, struct msgslot_found *found,
			struct msgslot_peek *peek, size_t size)
{
	struct msgslot_position p = found->before;
	struct msgslot_feed_entry entry;
	int ret;

	ret = msgslot_feed_read(msgslot_range_feed(range), range->first, range->last, &p.next,
				&p.told, &entry);
	if (!ret && range_look(range, &entry, found->began, peek, size)) {
		found->channel = entry.channel;
		found->after = p;
		return 0;
	}
	if (!ret)
		p.lost += range_wants_all(range);
	if (ret == -ENOBUFS && p.until < found->began) {
		p.walk = range->first;
		msgslot_feed_get_end(msgslot_range_feed(range), &p.next, &p.until);
		ret = 1;
	} else if (ret != -EAGAIN) {
		/* Others may be faster than this. */
		ret = ret == -ENOBUFS || p.told >= found->began ? -EAGAIN : 1;
	}
	found->before = p;
	return ret;
}

/* The next message that the feed tells of, or a walk. */
static int range_peek_news(const struct msgslot_range *range, struct msgslot_found *found,
			   struct msgslot_peek *peek, size_t size)
{
	unsigned int steps;
	int ret = 1;

	peek->buffer = NULL;
	for (steps = 0; ret > 0 && steps < RANGE_STEPS; steps++)
		if (found->before.walk <= range->last)
			ret = range_walk(range, found, peek, size);
		else
			ret = range_follow(range, found, peek, size);
	return ret;
}

/* ---- where the feed is a state --------------------------------------------------------------- */

/* The oldest message of @log from @sequence on: as msgslot_peek(). */
static int range_peek_log(const struct msgslot_range *range, struct msgslot_log *log, u64 sequence,
			  struct msgslot_found *found, struct msgslot_peek *peek, size_t size)
{
	int err = msgslot_peek(log, sequence, peek, size);

	if (err)
		return err;
	found->channel = log->id;
	found->after = found->before;
	found->after.walk = log->id;
	found->after.left.first = peek->sequence + 1;
	if (!range->lowest)
		found->after.round = msgslot_range_round(range, log->id);
	return 0;
}

/* The head of the next queue that has a message, from @from on, round to @end: 0, 1, -EAGAIN. */
static int range_peek_ready(const struct msgslot_range *range, u64 from, u32 end,
			    struct msgslot_found *found, struct msgslot_peek *peek, size_t size)
{
	struct msgslot_feed *feed = msgslot_range_feed(range);
	struct msgslot_log *log = NULL;
	int ret = -EAGAIN;

	peek->stale = NULL;
	rcu_read_lock();
	if (from >= end) {
		if (from <= range->last)
			log = msgslot_feed_find_ready(feed, from, range->last);
		from = range->first;
	}
	if (!log && from < end)
		log = msgslot_feed_find_ready(feed, from, end - 1);
	/* The reader that took the last one has not said so yet. */
	if (log && range_peek_log(range, log, 0, found, peek, size)) {
		msgslot_feed_settle_log(feed, log);
		ret = 1;
	} else if (log) {
		ret = 0;
	}
	rcu_read_unlock();
	msgslot_buffer_put(&range->slot->spares, peek->stale);
	return ret;
}

/* The message of the same queue behind it; or the next queue's head, each once in a batch. */
static int range_peek_ready_next(const struct msgslot_range *range, struct msgslot_found *found,
				 struct msgslot_peek *peek, size_t size)
{
	const struct msgslot_position *p = &found->before;
	const u32 end = range->lowest ? range->first : found->begin;
	struct msgslot_channel *channel;
	int err = -EAGAIN;

	peek->stale = NULL;
	rcu_read_lock();
	channel = msgslot_channel_lookup(&range->slot->channels, p->walk, p->walk);
	if (channel)
		err = range_peek_log(range, &channel->log, p->left.first, found, peek, size);
	rcu_read_unlock();
	msgslot_buffer_put(&range->slot->spares, peek->stale);
	/* If another reader took what the batch has, it ends here. */
	if (!err)
		return peek->sequence != p->left.first;
	if (p->walk + 1 == end)
		return -EAGAIN;
	return range_peek_ready(range, p->walk + 1, end, found, peek, size);
}

/* ---- both ------------------------------------------------------------------------------------ */

struct msgslot_position msgslot_range_begin(const struct msgslot_range *range)
{
	struct msgslot_position p = { .round = range->first, .walk = (u64)range->last + 1 };

	if (msgslot_range_is_taken(range))
		return p;
	msgslot_feed_get_end(msgslot_range_feed(range), &p.next, &p.until);
	if (range_wants_all(range))
		p.told = p.until;
	else
		p.walk = range->first;
	return p;
}

int msgslot_range_peek(const struct msgslot_range *range, struct msgslot_found *found,
		       struct msgslot_peek *peek, size_t size)
{
	const u32 round = found->before.round;
	int ret;

	if (!msgslot_range_is_taken(range))
		return range_peek_news(range, found, peek, size);
	ret = range_peek_ready(range, round, round, found, peek, size);
	if (!ret)
		found->begin = found->channel;
	return ret;
}

int msgslot_range_peek_next(const struct msgslot_range *range,
			    const struct msgslot_position *position, struct msgslot_found *found,
			    struct msgslot_peek *peek, size_t size)
{
	found->before = *position;
	peek->buffer = NULL;
	if (msgslot_range_is_taken(range))
		return range_peek_ready_next(range, found, peek, size);
	return range_peek_news(range, found, peek, size);
}
