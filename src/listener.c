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

static struct msgslot_feed *listener_feed(const struct msgslot_listener *l)
{
	return msgslot_range_feed(&l->range);
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
	if (msgslot_range_is_taken(&l->range))
		err = msgslot_channels_note_logs(&l->range.slot->channels);
	if (!err)
		msgslot_feed_set_settled(feed, epoch);
	return err;
}

static void listener_init_waiter(const struct msgslot_listener *l,
				 struct msgslot_feed_waiter *waiter, wait_queue_head_t *queue)
{
	RB_CLEAR_NODE(&waiter->node);
	waiter->first = l->range.first;
	waiter->last = l->range.last;
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
	l->range.slot = slot;
	l->range.first = first;
	l->range.last = last;
	l->range.lowest = lowest;
	refcount_set(&l->refs, 1);
	spin_lock_init(&l->lock);
	init_waitqueue_head(&l->calls);
	listener_init_waiter(l, &l->waiting, &l->calls);
	listener_init_waiter(l, &l->polled, queue);
	msgslot_audience_init(&l->member.range, first, last);
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
	l->position = msgslot_range_begin(&l->range);
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
	/* A call that enters a queue after this sees that it ended; the key of calls is NULL. */
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
		this_cpu_add(l->range.slot->stats->dropped, lost);
	return moved;
}

int msgslot_listener_peek(struct msgslot_listener *l, struct msgslot_found *found,
			  struct msgslot_peek *peek, size_t size)
{
	bool ended;
	int ret;

	peek->buffer = NULL;
	spin_lock(&l->lock);
	found->before = l->position;
	found->moves = l->moves;
	ended = l->ended;
	spin_unlock(&l->lock);
	if (ended)
		return -EIDRM;
	ret = msgslot_range_peek(&l->range, found, peek, size);
	if (!ret || msgslot_range_is_taken(&l->range))
		return ret;
	/* What was skipped is not looked at again. */
	if (!msgslot_listener_move(l, found, &found->before))
		return 1;
	found->moves++;
	return ret;
}

/* ---- the usual case of that ------------------------------------------------------------------ */

/* Where the feed is news: the entry of the next message. */
static __always_inline int listener_next_entry(struct msgslot_listener *l,
					       struct msgslot_next *next,
					       struct msgslot_feed_entry *entry)
{
	const struct msgslot_position *p = &l->position;
	bool usual, told;
	int err;
	u64 at;

	spin_lock(&l->lock);
	usual = !l->ended && p->walk > l->range.last;
	told = p->lost == p->lost_seen;
	at = p->next;
	next->lost = p->lost;
	next->moves = l->moves;
	spin_unlock(&l->lock);
	if (!usual)
		return -ESTALE;
	next->next = at;
	err = msgslot_feed_read(listener_feed(l), l->range.first, l->range.last, &next->next,
				&next->told, entry);
	if (!err)
		return 0;
	return err == -EAGAIN && told && next->next == at ? -EAGAIN : -ESTALE;
}

static __always_inline int listener_look_news(struct msgslot_listener *l, struct msgslot_next *next)
{
	struct msgslot_feed_entry entry;
	int err = listener_next_entry(l, next, &entry);

	if (err)
		return err;
	next->sequence = entry.sequence;
	next->channel =
		msgslot_channel_lookup(&l->range.slot->channels, entry.channel, entry.channel);
	return next->channel ? 0 : -ESTALE;
}

/* Where it is a state: the channel whose turn it is. */
static __always_inline int listener_look_ready(struct msgslot_listener *l,
					       struct msgslot_next *next)
{
	const struct msgslot_range *range = &l->range;
	struct msgslot_feed *feed = msgslot_range_feed(range);
	u32 round = range->first;
	struct msgslot_log *log;

	if (READ_ONCE(l->ended))
		return -ESTALE;
	if (!range->lowest) {
		spin_lock(&l->lock);
		round = l->position.round;
		spin_unlock(&l->lock);
	}
	log = msgslot_feed_find_ready(feed, round, range->last);
	if (!log && round > range->first)
		log = msgslot_feed_find_ready(feed, range->first, round - 1);
	if (!log)
		return -EAGAIN;
	next->channel = container_of(log, struct msgslot_channel, log);
	next->sequence = 0;
	next->lost = 0;
	return 0;
}

int msgslot_listener_peek_fast(struct msgslot_listener *l, struct msgslot_next *next,
			       struct msgslot_peek *peek)
{
	int err = msgslot_range_is_taken(&l->range) ? listener_look_ready(l, next) :
						      listener_look_news(l, next);

	if (err)
		return err;
	rcu_read_lock_sched();
	/* With a size of 0 no reference of a long message is taken. */
	err = msgslot_peek_once(&next->channel->log, next->sequence, peek, true, 0);
	rcu_read_unlock_sched();
	if (err || peek->length > MSGSLOT_INLINE_BYTES)
		return -ESTALE;
	return next->sequence && peek->sequence != next->sequence ? -ESTALE : 0;
}

int msgslot_listener_is_readable_fast(struct msgslot_listener *l)
{
	struct msgslot_feed_entry entry;
	struct msgslot_next next;
	int err;
	bool sure;

	if (msgslot_range_is_taken(&l->range)) {
		err = listener_look_ready(l, &next);
		sure = !err && msgslot_log_has(&next.channel->log, 0, false);
	} else {
		err = listener_next_entry(l, &next, &entry);
		/* A message that went for a newer one has left that, or a loss. */
		sure = !err && !msgslot_feed_may_be_cleared(listener_feed(l), &entry);
	}
	if (err)
		return err == -EAGAIN ? 0 : err;
	return sure ? 1 : -ESTALE;
}

bool msgslot_listener_move_fast(struct msgslot_listener *l, const struct msgslot_next *next)
{
	struct msgslot_position *p = &l->position;
	bool moved = true;

	if (l->range.lowest)
		return true;
	spin_lock(&l->lock);
	if (msgslot_range_is_taken(&l->range)) {
		/* Others may have moved it as well: the round only spreads what is taken. */
		p->round = msgslot_range_round(&l->range, next->channel->log.id);
	} else {
		moved = l->moves == next->moves;
		if (moved) {
			p->next = next->next;
			p->told = next->told;
			p->lost_told = next->lost;
			p->lost_seen = next->lost;
		}
	}
	l->moves += moved;
	spin_unlock(&l->lock);
	return moved;
}

/* ---- waiting --------------------------------------------------------------------------------- */

void msgslot_listener_poll(struct msgslot_listener *l)
{
	struct msgslot_feed *feed = listener_feed(l);

	msgslot_feed_add_waiter(feed, &feed->polls, &l->polled);
}

/* A walk may be long.  @deadline: of a call that sleeps otherwise, or NULL. */
static bool listener_may_look_on(const struct msgslot_deadline *deadline)
{
	if (!deadline)
		return !fatal_signal_pending(current);
	return !signal_pending(current) && !msgslot_deadline_is_over(deadline);
}

/*
 * Until there is a message, or none of those that were there as this begins: as
 * msgslot_listener_peek(), with 1 where it ends before that.  @length, of the message, may be NULL.
 */
static int listener_look(struct msgslot_listener *l, struct msgslot_found *found, u32 *length,
			 const struct msgslot_deadline *deadline)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	int ret;

	might_sleep();
	msgslot_range_begin_look(&l->range, found);
	do {
		/* With a size of 0 no reference of a long message is taken. */
		ret = msgslot_listener_peek(l, found, &peek, 0);
		cond_resched();
	} while (ret > 0 && listener_may_look_on(deadline));
	if (length && !ret)
		*length = peek.length;
	return ret;
}

bool msgslot_listener_is_readable(struct msgslot_listener *l, u32 *length)
{
	struct msgslot_found found msgslot_uninitialized;
	int ret = listener_look(l, &found, length, NULL);

	return ret >= 0 || (ret == -EAGAIN && found.before.lost != found.before.lost_seen);
}

/* Whether a look until @deadline sees more than one @found: a message, a loss, or the end. */
static bool listener_has_news(struct msgslot_listener *l, const struct msgslot_found *found,
			      const struct msgslot_deadline *deadline)
{
	struct msgslot_found now msgslot_uninitialized;
	int ret = listener_look(l, &now, NULL, deadline);

	return ret <= 0 && (ret != -EAGAIN || now.before.lost != found->before.lost);
}

/**
 * struct listener_call - a call that sleeps
 * @entry: in the queue
 * @woken_for: the channel of the message that woke it; -1: none did; under the queue's lock
 */
struct listener_call {
	struct wait_queue_entry entry;
	s64 woken_for;
};

/* Wakes a call that takes: for a message, or without @argument. */
static int listener_wake_call(struct wait_queue_entry *entry, unsigned int mode, int flags,
			      void *argument)
{
	struct listener_call *call = container_of(entry, struct listener_call, entry);
	struct msgslot_feed_key *key = argument;

	int woken;

	/* Before the call runs, and is gone. */
	if (key)
		call->woken_for = key->channel;
	woken = default_wake_function(entry, mode, flags, NULL);
	if (key)
		key->woken = woken;
	/* It is awake already, and answers for nothing. */
	if (!woken)
		call->woken_for = -1;
	list_del_init_careful(&entry->entry);
	return woken;
}

/* Whether @call is to look again, as far as can be told in the state of a task that sleeps. */
static bool listener_may_go_on(struct msgslot_listener *l, const struct listener_call *call)
{
	bool ready;

	if (READ_ONCE(l->ended) || msgslot_slot_is_gone(l->range.slot))
		return true;
	if (!msgslot_range_is_taken(&l->range))
		return READ_ONCE(call->entry.flags) & WQ_FLAG_WOKEN;
	rcu_read_lock();
	ready = msgslot_feed_find_ready(listener_feed(l), l->range.first, l->range.last);
	rcu_read_unlock();
	return ready;
}

int msgslot_listener_wait(struct msgslot_listener *l, const struct msgslot_found *found, bool takes,
			  const struct msgslot_deadline *deadline, s64 *woken_for)
{
	struct msgslot_feed_waiter *waiter = takes ? &l->waiting : &l->polled;
	struct listener_call call msgslot_uninitialized;
	struct msgslot_feed *feed = listener_feed(l);
	struct rb_root_cached *tree = takes ? &feed->calls : &feed->polls;
	bool go_on = false;
	int err = 0;

	call.woken_for = -1;
	msgslot_wait_begin(waiter->queue, &call.entry,
			   takes ? listener_wake_call : woken_wake_function, takes);
	msgslot_feed_add_waiter(feed, tree, waiter);
	/* As poll() looks: what comes from now on wakes the call, and the feed may be overrun. */
	if (!msgslot_range_is_taken(&l->range)) {
		__set_current_state(TASK_RUNNING);
		go_on = listener_has_news(l, found, deadline);
		set_current_state(TASK_INTERRUPTIBLE);
	}
	if (!go_on && !listener_may_go_on(l, &call)) {
		err = signal_pending(current) ? msgslot_deadline_interrupted(deadline) :
						msgslot_deadline_sleep(deadline);
		if (err == -ETIMEDOUT && listener_may_go_on(l, &call))
			err = 0;
	}
	msgslot_feed_finish_wait(feed, tree, waiter, &call.entry);
	*woken_for = call.woken_for;
	return err;
}

void msgslot_listener_wake_next(struct msgslot_listener *l, u32 id)
{
	struct msgslot_feed *feed = listener_feed(l);

	rcu_read_lock();
	if (msgslot_feed_find_ready(feed, id, id))
		msgslot_feed_wake_call(feed, id);
	rcu_read_unlock();
}
