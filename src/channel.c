// SPDX-License-Identifier: GPL-2.0-only
/* Channels: find, hold, forget.  See channel.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/msgslot.h>

#include "channel.h"
#include "log_lease.h"

/* So many channels are looked at under the lock at a time. */
#define CHANNELS_STEP 32

static void channel_add_holder_locked(struct msgslot_channel *channel,
				      struct msgslot_holder *holder)
{
	hlist_add_head(&holder->node, &channel->holders);
	channel->holds++;
}

/*
 * The channel @id, which @holder holds then.  If there is none: NULL without @payer; otherwise
 * @fresh, charged to the payer; or ERR_PTR.  Lookup, charge and insertion are one step: otherwise,
 * of two calls that make the same channel one would be charged for nothing, and could fail by that.
 * ERR_PTR(-ENODEV) if the slot is gone.
 */
static struct msgslot_channel *channels_hold_locked(struct msgslot_channels *channels, u32 id,
						    const struct msgslot_payer *payer,
						    bool privileged, struct msgslot_channel *fresh,
						    struct msgslot_holder *holder)
{
	struct rb_node **link = &channels->tree.rb_node, *parent = NULL;
	struct msgslot_channel *channel;
	int err;

	lockdep_assert_held(&channels->lock);
	if (channels->gone)
		return ERR_PTR(-ENODEV);
	while (*link) {
		parent = *link;
		channel = rb_entry(parent, struct msgslot_channel, node);
		if (id == channel->log.id) {
			/* A channel with holders is charged to one of them already. */
			if (hlist_empty(&channel->holders))
				msgslot_log_hold(&channel->log, holder->share);
			channel_add_holder_locked(channel, holder);
			return channel;
		}
		link = id < channel->log.id ? &parent->rb_left : &parent->rb_right;
	}
	if (!payer)
		return NULL;
	err = msgslot_charge_as(payer, 0, 1, privileged);
	if (err)
		return ERR_PTR(err);
	/* A lack of memory is the last of the errors. */
	if (!fresh) {
		msgslot_uncharge(payer->share, 0, 1);
		return ERR_PTR(-ENOMEM);
	}
	fresh->slot = channels->slot;
	fresh->holds = 1;
	hlist_add_head(&holder->node, &fresh->holders);
	/* No sequence of a forgotten channel is ever used again. */
	msgslot_log_init(&fresh->log, id, channels->floor + 1, payer->share);
	rb_link_node(&fresh->node, parent, link);
	rb_insert_color(&fresh->node, &channels->tree);
	return fresh;
}

static struct msgslot_channel *channels_hold(struct msgslot_channels *channels, u32 id,
					     const struct msgslot_payer *payer, bool privileged,
					     struct msgslot_channel *fresh,
					     struct msgslot_holder *holder)
{
	struct msgslot_channel *channel;

	spin_lock(&channels->lock);
	channel = channels_hold_locked(channels, id, payer, privileged, fresh, holder);
	spin_unlock(&channels->lock);
	return channel;
}

struct msgslot_channel *msgslot_channel_find(struct msgslot_channels *channels, u32 id,
					     struct msgslot_share *share,
					     struct msgslot_holder *holder)
{
	holder->share = share;
	return channels_hold(channels, id, NULL, false, NULL, holder);
}

void msgslot_channel_hold_again(struct msgslot_channels *channels, struct msgslot_channel *channel,
				struct msgslot_share *share, struct msgslot_holder *holder)
{
	holder->share = share;
	spin_lock(&channels->lock);
	channel_add_holder_locked(channel, holder);
	spin_unlock(&channels->lock);
}

struct msgslot_channel *msgslot_channel_hold(struct msgslot_channels *channels, u32 id,
					     const struct msgslot_payer *payer,
					     struct msgslot_holder *holder)
{
	struct msgslot_channel *channel, *fresh;

	holder->share = payer->share;
	channel = channels_hold(channels, id, NULL, false, NULL, holder);
	if (channel)
		return channel;
	fresh = kzalloc(sizeof(*fresh), MSGSLOT_GFP);
	if (fresh)
		msgslot_waiters_init(&fresh->waiters);
	channel = channels_hold(channels, id, payer, false, fresh, holder);
	if (channel == ERR_PTR(-EDQUOT) && msgslot_payer_is_privileged(payer))
		channel = channels_hold(channels, id, payer, true, fresh, holder);
	if (channel != fresh)
		kfree(fresh);
	return channel;
}

/*
 * Takes a channel out of the tree, if it has no holder and no message.  Whether the caller is to
 * free it.  A channel that goes with its slot was taken out before.
 */
static bool channel_forget_locked(struct msgslot_channels *channels,
				  struct msgslot_channel *channel)
{
	lockdep_assert_held(&channels->lock);
	if (channel->holds || !msgslot_log_unhold(&channel->log))
		return false;
	msgslot_feed_settle_log(&channels->feed, &channel->log);
	if (!RB_EMPTY_NODE(&channel->node)) {
		rb_erase(&channel->node, &channels->tree);
		RB_CLEAR_NODE(&channel->node);
		channels->floor = max(channels->floor, channel->log.next - 1);
	}
	channel->forgotten = true;
	return true;
}

/* Calls that found it before see a dead log until their RCU section ends. */
static void channel_free(struct msgslot_channel *channel)
{
	msgslot_uncharge(channel->log.share, 0, 1);
	kfree_rcu(channel, log.rcu);
}

/* A holder with @share has left; it may have been the last, or the one that is charged. */
static noinline bool channel_holder_left_locked(struct msgslot_channels *channels,
						struct msgslot_channel *channel,
						const struct msgslot_share *share)
{
	struct msgslot_holder *heir;

	lockdep_assert_held(&channels->lock);
	if (hlist_empty(&channel->holders))
		return channel_forget_locked(channels, channel);
	/* While it has holders, only they change which of them is charged. */
	heir = hlist_entry(channel->holders.first, struct msgslot_holder, node);
	if (channel->log.share == share)
		msgslot_log_hold(&channel->log, heir->share);
	return false;
}

/* Whether the caller is to free the channel. */
static __always_inline bool channel_remove_holder_locked(struct msgslot_channels *channels,
							 struct msgslot_channel *channel,
							 struct msgslot_holder *holder)
{
	const struct hlist_node *first;

	__hlist_del(&holder->node);
	channel->holds--;
	first = channel->holders.first;
	/* Usually it was a call on a file that has the channel selected. */
	if (likely(first &&
		   hlist_entry(first, struct msgslot_holder, node)->share == holder->share))
		return false;
	return channel_holder_left_locked(channels, channel, holder->share);
}

void msgslot_channel_unhold(struct msgslot_channels *channels, struct msgslot_channel *channel,
			    struct msgslot_holder *holder)
{
	bool forget;

	spin_lock(&channels->lock);
	forget = channel_remove_holder_locked(channels, channel, holder);
	spin_unlock(&channels->lock);
	if (forget)
		channel_free(channel);
}

void msgslot_channel_pass_hold(struct msgslot_channels *channels, struct msgslot_holder *heir,
			       struct msgslot_channel *from, struct msgslot_channel *to,
			       struct msgslot_holder *holder)
{
	bool forget;

	spin_lock(&channels->lock);
	forget = from && channel_remove_holder_locked(channels, from, heir);
	heir->share = holder->share;
	hlist_del(&holder->node);
	hlist_add_head(&heir->node, &to->holders);
	spin_unlock(&channels->lock);
	if (forget)
		channel_free(from);
}

void msgslot_channel_forget(struct msgslot_channels *channels, struct msgslot_channel *channel)
{
	bool forget;

	spin_lock(&channels->lock);
	/* Otherwise another call frees it, or has freed it. */
	forget = !channel->forgotten && channel_forget_locked(channels, channel);
	spin_unlock(&channels->lock);
	if (forget)
		channel_free(channel);
}

/* The channel with the lowest id that is not below @from, or NULL. */
static struct msgslot_channel *channels_from_locked(struct msgslot_channels *channels, u64 from)
{
	struct rb_node *node = channels->tree.rb_node;
	struct msgslot_channel *channel, *best = NULL;

	lockdep_assert_held(&channels->lock);
	while (node) {
		channel = rb_entry(node, struct msgslot_channel, node);
		if (channel->log.id >= from)
			best = channel;
		node = channel->log.id >= from ? node->rb_left : node->rb_right;
	}
	return best;
}

/* The channel after @channel, or NULL. */
static struct msgslot_channel *channel_next_locked(struct msgslot_channel *channel)
{
	struct rb_node *node = rb_next(&channel->node);

	return node ? rb_entry(node, struct msgslot_channel, node) : NULL;
}

struct msgslot_channel *msgslot_channel_lookup(struct msgslot_channels *channels, u32 first,
					       u32 last)
{
	struct msgslot_channel *channel;

	spin_lock(&channels->lock);
	channel = channels_from_locked(channels, first);
	spin_unlock(&channels->lock);
	return channel && channel->log.id <= last ? channel : NULL;
}

int msgslot_channels_note_logs(struct msgslot_channels *channels)
{
	struct msgslot_channel *channel;
	u64 from = 0;
	u32 n;

	do {
		spin_lock(&channels->lock);
		channel = channels_from_locked(channels, from);
		for (n = 0; channel && n < CHANNELS_STEP; n++) {
			spin_lock(&channel->log.lock);
			msgslot_feed_note_log_locked(&channels->feed, &channel->log);
			spin_unlock(&channel->log.lock);
			from = (u64)channel->log.id + 1;
			channel = channel_next_locked(channel);
		}
		spin_unlock(&channels->lock);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (channel);
	return 0;
}

static struct msgslot_walk_detail channel_describe(struct msgslot_channels *channels, u32 depth,
						   struct msgslot_channel *channel)
{
	const u64 first = msgslot_log_first(&channel->log), next = msgslot_log_next(&channel->log);
	const u32 id = channel->log.id;
	struct msgslot_walk_detail entry = {
		.channel = id,
		.files = channel->holds + msgslot_feed_count_listeners(&channels->feed, id),
		/* A message that comes meanwhile replaces the one that was the oldest. */
		.first = max(first, next - min_t(u64, next, depth)),
		.next = next,
	};

	entry.messages = entry.next - entry.first;
	if (READ_ONCE(channel->log.wake_requests) & (MSGSLOT_HAS_LEASES | MSGSLOT_HAS_TIE))
		msgslot_log_describe_ties(&channel->log, &entry);
	return entry;
}

u32 msgslot_channels_walk(struct msgslot_channels *channels, u32 depth, u64 *from,
			  struct msgslot_walk_detail *entries, u32 count)
{
	struct msgslot_channel *channel;
	u32 n = 0, end;

	do {
		end = min(count, n + CHANNELS_STEP);
		spin_lock(&channels->lock);
		channel = channels_from_locked(channels, *from);
		for (; channel && n < end; n++) {
			entries[n] = channel_describe(channels, depth, channel);
			channel = channel_next_locked(channel);
		}
		*from = channel ? channel->log.id : 1ull << 32;
		spin_unlock(&channels->lock);
		cond_resched();
	} while (channel && n < count);
	return n;
}

void msgslot_channel_trace_wake(const struct msgslot_channel *channel, bool writers)
{
	trace_msgslot_wake(channel->slot, channel->log.id, writers);
}

void msgslot_channels_init(struct msgslot_channels *channels, u32 slot)
{
	memset(channels, 0, sizeof(*channels));
	spin_lock_init(&channels->lock);
	channels->tree = RB_ROOT;
	channels->slot = slot;
	msgslot_feed_init(&channels->feed);
}

void msgslot_channels_close(struct msgslot_channels *channels)
{
	spin_lock(&channels->lock);
	WRITE_ONCE(channels->gone, true);
	spin_unlock(&channels->lock);
}

/* Takes a channel out of the tree, with a hold; or NULL. */
static struct msgslot_channel *channels_take_first(struct msgslot_channels *channels)
{
	struct msgslot_channel *channel = NULL;
	struct rb_node *node;

	spin_lock(&channels->lock);
	node = rb_first(&channels->tree);
	if (node) {
		channel = rb_entry(node, struct msgslot_channel, node);
		/* It is in no list of holders, because it is charged to no user. */
		channel->holds++;
		rb_erase(node, &channels->tree);
		RB_CLEAR_NODE(node);
	}
	spin_unlock(&channels->lock);
	return channel;
}

u64 msgslot_channels_kill(struct msgslot_channels *channels, struct msgslot_spares *spares)
{
	struct msgslot_channel *channel;
	u64 lost = 0;
	bool forget;

	while ((channel = channels_take_first(channels))) {
		lost += msgslot_log_kill(&channel->log, spares);
		msgslot_waiters_wake_all(&channel->waiters.readers, MSGSLOT_EVENTS_GONE);
		msgslot_waiters_wake_all(&channel->waiters.writers, MSGSLOT_EVENTS_GONE);
		spin_lock(&channels->lock);
		channel->holds--;
		forget = channel_forget_locked(channels, channel);
		spin_unlock(&channels->lock);
		if (forget)
			channel_free(channel);
		cond_resched();
	}
	return lost;
}
