// SPDX-License-Identifier: GPL-2.0-only
/* What a file has leased.  See tied_lease.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cursor.h"
#include "log_lease.h"
#include "tied_lease.h"

/* What is void is freed so many at a time. */
#define TIED_LEASES_STEP 16

/* The memory of one is that of its lease. */
static_assert(!offsetof(struct msgslot_tied_lease, lease));

static struct msgslot_tied_lease *tied_lease_of_tie(struct msgslot_tie *tie)
{
	return container_of(tie, struct msgslot_tied_lease, tie);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* As many as the allocator has memory for anyway: so it will do for other messages. */
static u32 tied_lease_capacity(u32 length)
{
	const u32 size = sizeof(struct msgslot_tied_lease);

	return min_t(u32, roundup_pow_of_two(size + msgslot_tied_lease_bytes(length)) - size,
		     MSGSLOT_INLINE_BYTES);
}

/*
 * Charges the payer for @tied: 0 or -EDQUOT.  A user over the limits can still work off what others
 * sent: by the first lease of a file, if it is the only such one of the user; and by one for a
 * message that came back, which is to take the place of another lease.
 */
static int tied_lease_charge(struct msgslot_tied_lease *tied, const struct msgslot_payer *payer,
			     const struct msgslot_ties *ties, bool returned, bool sleeps)
{
	const u32 size = tied->lease.size;
	int err = sleeps ? msgslot_charge(payer, size, 0) :
			   msgslot_charge_as(payer, size, 0, false);

	tied->lease.over = false;
	tied->instead = false;
	if (!err)
		return 0;
	if (returned) {
		tied->instead = msgslot_charge_over(payer->share, size, false);
		return 0;
	}
	if (!READ_ONCE(ties->count))
		tied->lease.over = msgslot_charge_over(payer->share, size, true);
	/* Not ENOSPC, which says that the caller's buffer is too short. */
	return tied->lease.over ? 0 : -EDQUOT;
}

static struct msgslot_tied_lease *tied_lease_alloc(u32 length, gfp_t gfp)
{
	const u32 capacity = tied_lease_capacity(length);
	const u32 size = sizeof(struct msgslot_tied_lease) + capacity;
	struct msgslot_tied_lease *tied = kmalloc(size, gfp);

	if (!tied)
		return NULL;
	tied->lease.capacity = capacity;
	tied->lease.size = size;
	tied->lease.buffer = NULL;
	tied->lease.bytes = tied->bytes;
	tied->leases = NULL;
	return tied;
}

struct msgslot_tied_lease *msgslot_tied_lease_new(const struct msgslot_payer *payer,
						  struct msgslot_ties *ties, u32 length,
						  bool returned, gfp_t gfp)
{
	struct msgslot_tied_lease *tied = tied_lease_alloc(length, gfp);
	int err;

	if (!tied)
		return ERR_PTR(-ENOMEM);
	err = tied_lease_charge(tied, payer, ties, returned, gfpflags_allow_blocking(gfp));
	if (err) {
		kfree(tied);
		return ERR_PTR(err);
	}
	tied->lease.share = payer->share;
	return tied;
}

bool msgslot_tied_lease_fits(const struct msgslot_tied_lease *tied, u32 length, bool returned)
{
	return msgslot_tied_lease_has_space(tied, length) && (returned || !tied->instead);
}

int msgslot_tied_lease_prepare(struct msgslot_tied_lease *tied)
{
	if (!tied->leases)
		tied->leases = kzalloc(sizeof(*tied->leases), MSGSLOT_GFP);
	return tied->leases ? 0 : -ENOMEM;
}

void msgslot_tied_lease_put_slow(struct msgslot_tied_lease *tied, struct msgslot_ties *ties,
				 struct msgslot_spares *spares)
{
	kfree(tied->leases);
	tied->leases = NULL;
	msgslot_lease_empty(&tied->lease, spares);
	/* What is charged beyond the limits does not stay so. */
	if (tied->lease.over || tied->instead || cmpxchg(&ties->spare, NULL, tied))
		msgslot_lease_free(&tied->lease, spares);
}

/* ---- take ------------------------------------------------------------------------------------ */

/* For the first lease of the log: 0, or -ENOBUFS: @tied brings no memory for that; or -ESTALE. */
static noinline int tied_lease_begin_leases_locked(struct msgslot_tied_lease *tied,
						   struct msgslot_log *log)
{
	if (log->dead)
		return -ESTALE;
	if (!tied->leases)
		return -ENOBUFS;
	log->leases = tied->leases;
	tied->leases = NULL;
	WRITE_ONCE(log->wake_requests, log->wake_requests | MSGSLOT_HAS_LEASES);
	return 0;
}

/* The message of @from, which came back, becomes that of @tied. */
static noinline int tied_lease_take_returned_locked(struct msgslot_tied_lease *tied,
						    struct msgslot_log *log,
						    struct msgslot_lease *from)
{
	struct msgslot_lease *lease = &tied->lease;

	/* Another reader may have leased it, and given it back, since the caller looked. */
	if (from->message.sequence != lease->message.sequence ||
	    from->message.delivered != lease->message.delivered ||
	    !msgslot_tied_lease_has_space(tied, from->message.length))
		return -ESTALE;
	/* What is charged beyond the limits remains that one user's. */
	if (tied->instead && from->over && from->share != lease->share)
		return -EDQUOT;
	if (tied->instead && from->over) {
		lease->over = true;
		from->over = false;
	}
	tied->instead = false;
	lease->message = from->message;
	lease->buffer = from->buffer;
	from->buffer = NULL;
	memcpy(lease->bytes, from->bytes, msgslot_tied_lease_bytes(from->message.length));
	msgslot_log_remove_returned_locked(log, from);
	return 0;
}

/* @tied has the message in @cell, as far as that is not in a buffer.  Whether it fits. */
static noinline bool tied_lease_describe_locked(struct msgslot_tied_lease *tied,
						const struct msgslot_cell *cell)
{
	if (!msgslot_tied_lease_has_space(tied, cell->length))
		return false;
	tied->lease.message = (struct msgslot_leased){
		.sequence = cell->sequence,
		.time = cell->time,
		.pid = cell->pid,
		.uid = cell->uid,
		.length = cell->length,
	};
	memcpy(tied->lease.bytes, cell->bytes, msgslot_tied_lease_bytes(cell->length));
	return true;
}

/* The head of the ring becomes the message of @tied; a long one keeps its charge. */
static __always_inline int tied_lease_take_head_locked(struct msgslot_tied_lease *tied,
						       struct msgslot_log *log, bool described)
{
	struct msgslot_leased *message = &tied->lease.message;
	const u64 sequence = message->sequence;
	const u32 requests = log->wake_requests;
	struct msgslot_buffer *buffer = NULL, *old;
	struct msgslot_share *share = NULL;
	const struct msgslot_cell *cell;
	kuid_t payer;

	if (unlikely(log->first != sequence || log->first == log->next || message->delivered ||
		     tied->instead))
		return -ESTALE;
	if (unlikely(!described)) {
		cell = msgslot_log_cell_locked(log, sequence);
		if (!tied_lease_describe_locked(tied, cell))
			return -ESTALE;
		buffer = rcu_dereference_protected(cell->buffer, lockdep_is_held(&log->lock));
	}
	payer = msgslot_log_ring_of_locked(log, sequence)->share->uid;
	if (unlikely(buffer)) {
		share = buffer->share;
		buffer->share = NULL;
	}
	(void)msgslot_cursor_take_locked(log, sequence, 1, buffer, &old);
	if (unlikely(buffer)) {
		buffer->share = share;
		tied->lease.buffer = buffer;
	}
	/* There is no space for another: writers wait on. */
	WRITE_ONCE(log->wake_requests, requests);
	log->depth--;
	message->payer = payer;
	return 0;
}

/* In *@returned, what the message came back in. */
static __always_inline int tied_lease_take_locked(struct msgslot_tied_lease *tied,
						  struct msgslot_ties *ties,
						  struct msgslot_channel *channel, bool described,
						  struct msgslot_lease **returned)
{
	struct msgslot_log *log = &channel->log;
	struct msgslot_lease *first = NULL;
	int err = 0;

	if (unlikely(!(log->wake_requests & MSGSLOT_HAS_LEASES)))
		err = tied_lease_begin_leases_locked(tied, log);
	if (unlikely(err))
		return err;
	/* A dead log has neither. */
	if (unlikely(log->wake_requests & MSGSLOT_HAS_RETURNED)) {
		first = msgslot_lease_first(&log->leases->returned);
		err = tied_lease_take_returned_locked(tied, log, first);
	} else {
		err = tied_lease_take_head_locked(tied, log, described);
	}
	if (unlikely(err))
		return err;
	*returned = first;
	msgslot_lease_insert(&log->leases->away, &tied->lease);
	log->leases->away_count++;
	msgslot_tie_link_locked(&tied->tie, ties, channel);
	return 0;
}

int msgslot_tied_lease_take(struct msgslot_tied_lease *tied, struct msgslot_ties *ties,
			    struct msgslot_slot *slot, struct msgslot_channel *channel,
			    bool described)
{
	struct msgslot_log *log = &channel->log;
	struct msgslot_leases *unused = NULL;
	struct msgslot_lease *returned;
	int err;

	/* Usually there is memory at once. */
	if (unlikely(!(READ_ONCE(log->wake_requests) & MSGSLOT_HAS_LEASES)) && !tied->leases)
		tied->leases = kzalloc(sizeof(*tied->leases), MSGSLOT_GFP_NOW);
	spin_lock(&log->lock);
	err = tied_lease_take_locked(tied, ties, channel, described, &returned);
	if (likely(!err)) {
		/* Another call brought some.  Once in use it may be freed at any time. */
		if (unlikely(tied->leases)) {
			unused = tied->leases;
			tied->leases = NULL;
		}
		if (unlikely(log->wake_requests & MSGSLOT_IS_READY))
			msgslot_feed_settle_log_locked(&slot->channels.feed, log);
	}
	spin_unlock(&log->lock);
	if (unlikely(err))
		return err;
	if (unlikely(unused))
		kfree(unused);
	this_cpu_inc(slot->stats->leased);
	if (unlikely(returned))
		msgslot_lease_free(returned, &slot->spares);
	return 0;
}

/* ---- done, or given back --------------------------------------------------------------------- */

void msgslot_tied_lease_come_back_locked(struct msgslot_tied_lease *tied, struct msgslot_log *log,
					 struct msgslot_feed *feed)
{
	tied->lease.message.delivered++;
	msgslot_log_add_returned_locked(log, &tied->lease);
	/* The right column of "On and off" in feed.h. */
	if (msgslot_feed_is_on(feed))
		msgslot_feed_note_log_locked(feed, log);
}

bool msgslot_tied_lease_end_slow(struct msgslot_channel *channel, struct msgslot_slot *slot,
				 u32 left)
{
	struct msgslot_feed *feed = &slot->channels.feed;

	if (left & (TIED_LEASE_IS_DONE | TIED_LEASE_CAME_BACK))
		this_cpu_dec(slot->stats->leased);
	if (left & TIED_LEASE_IS_DONE)
		this_cpu_dec(slot->stats->messages);
	if (left & MSGSLOT_WAKE_MASK)
		msgslot_channel_wake_writers(channel, 1);
	if (left & TIED_LEASE_CAME_BACK) {
		msgslot_channel_wake_reader(channel);
		if (msgslot_feed_is_on(feed))
			msgslot_feed_wake(feed, channel->log.id,
					  MSGSLOT_FEED_POLLS | MSGSLOT_FEED_CALLS);
	}
	/* Or, as there is more in it, charges it to a user with that. */
	if (unlikely(left & TIED_LEASE_UNHELD))
		msgslot_channel_forget(&slot->channels, channel);
	return !(left & TIED_LEASE_CAME_BACK);
}

/* ---- the file's end, and a channel's --------------------------------------------------------- */

/* The file of @tied ends.  Returns what is left to do. */
static u32 tied_lease_give_up_locked(struct msgslot_tied_lease *tied,
				     struct msgslot_channel *channel, struct msgslot_slot *slot)
{
	struct msgslot_leases *leases = channel->log.leases;

	if (tied->lease.message.sequence >= leases->void_below)
		return msgslot_tied_lease_end_locked(tied, channel, slot, true);
	msgslot_tied_lease_unlink_locked(tied, leases);
	return channel->log.unheld ? TIED_LEASE_UNHELD : 0;
}

/* Gives back the first lease.  Whether there was one. */
static bool tied_leases_end_first(struct msgslot_ties *ties, struct msgslot_slot *slot)
{
	struct msgslot_tied_lease *tied = NULL;
	struct msgslot_channel *channel;
	struct msgslot_tie *tie;
	u32 left = 0;

	rcu_read_lock();
	channel = msgslot_ties_first_channel(ties);
	if (channel) {
		spin_lock(&channel->log.lock);
		tie = msgslot_ties_first_locked(ties, channel);
		/* Otherwise another call ended it meanwhile. */
		if (tie) {
			tied = tied_lease_of_tie(tie);
			left = tied_lease_give_up_locked(tied, channel, slot);
		}
		spin_unlock(&channel->log.lock);
		if (!msgslot_tied_lease_end(channel, slot, left))
			tied = NULL;
	}
	rcu_read_unlock();
	if (tied)
		msgslot_lease_free(&tied->lease, &slot->spares);
	return channel;
}

void msgslot_tied_leases_end(struct msgslot_ties *ties, struct msgslot_slot *slot)
{
	while (tied_leases_end_first(ties, slot))
		cond_resched();
	if (ties->spare)
		msgslot_lease_free(&ties->spare->lease, &slot->spares);
}

/*
 * Takes void messages out of those that are away, and their ties into @list, at most
 * TIED_LEASES_STEP.  Whether there may be more.
 */
static bool tied_leases_collect_void_locked(struct msgslot_log *log, struct list_head *list)
{
	struct msgslot_leases *leases = msgslot_log_leases_locked(log);
	struct msgslot_lease *lease;
	struct msgslot_tied_lease *tied;
	unsigned int n;

	if (!leases)
		return false;
	for (n = 0; n < TIED_LEASES_STEP; n++) {
		lease = msgslot_lease_first(&leases->away);
		if (!lease || lease->message.sequence >= leases->void_below)
			return false;
		msgslot_lease_erase(&leases->away, lease);
		tied = msgslot_tied_lease_of(lease);
		msgslot_tie_unlink_locked(&tied->tie);
		list_add(&tied->tie.node, list);
	}
	return true;
}

void msgslot_tied_leases_free_void(struct msgslot_slot *slot, struct msgslot_channel *channel)
{
	struct msgslot_tie *tie;
	LIST_HEAD(list);
	bool more;

	do {
		/* The RCU section keeps the files. */
		rcu_read_lock();
		spin_lock(&channel->log.lock);
		more = tied_leases_collect_void_locked(&channel->log, &list);
		spin_unlock(&channel->log.lock);
		rcu_read_unlock();
		while (!list_empty(&list)) {
			tie = list_first_entry(&list, struct msgslot_tie, node);
			list_del(&tie->node);
			msgslot_lease_free(&tied_lease_of_tie(tie)->lease, &slot->spares);
		}
		cond_resched();
	} while (more);
}

u32 msgslot_tied_leases_list(struct msgslot_ties *ties, struct msgslot_message_name *names,
			     u32 count)
{
	struct msgslot_tie *tie;
	u32 n = 0;

	spin_lock(&ties->lock);
	list_for_each_entry(tie, &ties->list, node) {
		if (n == count)
			break;
		names[n].channel = tie->channel->log.id;
		names[n++].sequence = tied_lease_of_tie(tie)->lease.message.sequence;
	}
	spin_unlock(&ties->lock);
	return n;
}
