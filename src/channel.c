// SPDX-License-Identifier: GPL-2.0-only
/* Channels: find, hold, forget; and the table of modes.  See channel.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/msgslot.h>

#include "channel.h"
#include "compat.h"
#include "slot.h"

static const struct msgslot_mode modes[] = {
	{
		.name = MSGSLOT_MODE_LAST,
		.number = MSGSLOT_LAST,
		.reads = MSGSLOT_READS_NEWEST,
		.overflow = MSGSLOT_DROP,
		.depth = 1,
		.depth_max = 1,
		.max_message = MSGSLOT_LAST_MESSAGE_DEFAULT,
		.max_bytes = SZ_64M,
		.max_channels = SZ_1M,
	},
	{
		.name = MSGSLOT_MODE_QUEUE,
		.number = MSGSLOT_QUEUE,
		.reads = MSGSLOT_READS_HEAD,
		.overflow = MSGSLOT_BLOCK,
		.depth = 1024,
		.depth_max = MSGSLOT_DEPTH_MAX,
		.max_message = MSGSLOT_QUEUE_MESSAGE_DEFAULT,
		.max_bytes = SZ_64M,
		.max_channels = SZ_64K,
	},
	{
		.name = MSGSLOT_MODE_BROADCAST,
		.number = MSGSLOT_BROADCAST,
		.reads = MSGSLOT_READS_NEXT,
		.overflow = MSGSLOT_DROP,
		.overflow_may_change = true,
		.depth = 256,
		.depth_max = MSGSLOT_DEPTH_MAX,
		.max_message = MSGSLOT_BROADCAST_MESSAGE_DEFAULT,
		.max_bytes = SZ_64M,
		.max_channels = SZ_64K,
	},
};

const struct msgslot_mode *msgslot_mode_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (sysfs_streq(modes[i].name, name))
			return &modes[i];
	return NULL;
}

/*
 * The channel @id with a new hold; @fresh takes its place if there is none; else NULL.
 * ERR_PTR(-ENODEV) if the slot is gone.
 */
static struct msgslot_channel *hold_locked(struct msgslot_slot *slot, u32 id,
					   struct msgslot_channel *fresh)
{
	struct rb_node **link = &slot->channels.rb_node, *parent = NULL;
	struct msgslot_channel *channel;

	lockdep_assert_held(&slot->lock);
	if (slot->gone)
		return ERR_PTR(-ENODEV);
	while (*link) {
		parent = *link;
		channel = rb_entry(parent, struct msgslot_channel, node);
		if (id == channel->id) {
			channel->holds++;
			return channel;
		}
		link = id < channel->id ? &parent->rb_left : &parent->rb_right;
	}
	if (fresh) {
		fresh->id = id;
		fresh->holds = 1;
		/* No sequence of a forgotten channel is ever used again. */
		msgslot_log_init(&fresh->log, slot->floor + 1);
		rb_link_node(&fresh->node, parent, link);
		rb_insert_color(&fresh->node, &slot->channels);
	}
	return fresh;
}

struct msgslot_channel *msgslot_channel_find(struct msgslot_slot *slot, u32 id)
{
	struct msgslot_channel *channel;

	spin_lock(&slot->lock);
	channel = hold_locked(slot, id, NULL);
	spin_unlock(&slot->lock);
	return IS_ERR(channel) ? NULL : channel;
}

void msgslot_channel_hold_again(struct msgslot_slot *slot, struct msgslot_channel *channel)
{
	spin_lock(&slot->lock);
	channel->holds++;
	spin_unlock(&slot->lock);
}

struct msgslot_channel *msgslot_channel_hold(struct msgslot_slot *slot, u32 id,
					     const struct msgslot_payer *payer)
{
	struct msgslot_channel *channel, *fresh;
	int err;

	spin_lock(&slot->lock);
	channel = hold_locked(slot, id, NULL);
	spin_unlock(&slot->lock);
	if (channel)
		return channel;

	err = msgslot_charge(payer, 0, 1);
	if (err)
		return ERR_PTR(err);
	fresh = kzalloc(sizeof(*fresh), MSGSLOT_GFP);
	if (!fresh) {
		msgslot_uncharge(payer->share, 0, 1);
		return ERR_PTR(-ENOMEM);
	}
	fresh->share = payer->share;
	init_waitqueue_head(&fresh->wait);

	spin_lock(&slot->lock);
	channel = hold_locked(slot, id, fresh);
	spin_unlock(&slot->lock);
	if (channel != fresh) {
		kfree(fresh);
		msgslot_uncharge(payer->share, 0, 1);
	}
	return channel;
}

void msgslot_channel_unhold(struct msgslot_slot *slot, struct msgslot_channel *channel)
{
	bool forget;

	if (!channel)
		return;
	spin_lock(&slot->lock);
	forget = !--channel->holds && msgslot_log_retire(&channel->log);
	/* A slot that is gone has taken its channels out of the tree already. */
	if (forget && !RB_EMPTY_NODE(&channel->node)) {
		rb_erase(&channel->node, &slot->channels);
		slot->floor = max(slot->floor, channel->log.next - 1);
	}
	spin_unlock(&slot->lock);
	if (!forget)
		return;

	/* Nobody finds it but who looked before: they see a dead log until their RCU section ends. */
	msgslot_uncharge(channel->share, 0, 1);
	kfree_rcu(channel, rcu);
}

int msgslot_channel_clear(struct msgslot_slot *slot, u32 id, bool conditional, u64 expected,
			  u64 *messages)
{
	struct msgslot_channel *channel = msgslot_channel_find(slot, id);
	int err;

	*messages = 0;
	if (!channel)
		return conditional && expected ? -ESTALE : 0;
	err = msgslot_log_clear(&channel->log, conditional, expected, messages);
	if (!err) {
		this_cpu_sub(slot->stats->messages, *messages);
		/* What readers of a room lost they count themselves, when they come to it. */
		if (slot->rules.reads == MSGSLOT_READS_HEAD)
			this_cpu_add(slot->stats->dropped, *messages);
		msgslot_wake_all(&channel->wait, MSGSLOT_EVENTS_ROOM);
	}
	msgslot_channel_unhold(slot, channel);
	return err;
}

/* The channel with the lowest id from @from on, or NULL. */
static struct msgslot_channel *channel_from_locked(struct msgslot_slot *slot, u64 from)
{
	struct rb_node *node = slot->channels.rb_node;
	struct msgslot_channel *channel, *best = NULL;

	lockdep_assert_held(&slot->lock);
	while (node) {
		channel = rb_entry(node, struct msgslot_channel, node);
		if (channel->id >= from)
			best = channel;
		node = channel->id >= from ? node->rb_left : node->rb_right;
	}
	return best;
}

u32 msgslot_channel_walk(struct msgslot_slot *slot, u64 *from, struct msgslot_walk_entry *entries,
			 u32 count)
{
	struct msgslot_channel *channel;
	struct rb_node *node;
	u32 n = 0;

	spin_lock(&slot->lock);
	channel = channel_from_locked(slot, *from);
	while (channel && n < count) {
		entries[n].channel = channel->id;
		entries[n].files = channel->holds;
		entries[n].first = msgslot_log_first(&channel->log);
		entries[n].next = msgslot_log_next(&channel->log);
		n++;
		node = rb_next(&channel->node);
		channel = node ? rb_entry(node, struct msgslot_channel, node) : NULL;
	}
	*from = channel ? channel->id : 1ull << 32;
	spin_unlock(&slot->lock);
	return n;
}

/**
 * struct sleeper - who sleeps in a channel's queue
 * @entry: in the queue
 * @events: what wakes him
 */
struct sleeper {
	wait_queue_entry_t entry;
	__poll_t events;
};

static int sleeper_wake(wait_queue_entry_t *entry, unsigned int mode, int sync, void *key)
{
	struct sleeper *sleeper = container_of(entry, struct sleeper, entry);

	/* Whom it does not concern does not count as the one who was woken. */
	if (!(key_to_poll(key) & sleeper->events))
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

static void sleeper_init(struct sleeper *sleeper, __poll_t events, bool alone)
{
	init_wait(&sleeper->entry);
	sleeper->entry.func = sleeper_wake;
	sleeper->entry.flags = alone ? WQ_FLAG_EXCLUSIVE : 0;
	sleeper->events = events | MSGSLOT_EVENTS_GONE;
}

/* Sleeps until woken: 0, or the error the call ends with. */
static int sleeper_sleep(const struct msgslot_patience *patience)
{
	ktime_t until = patience->until;

	if (until == KTIME_MAX)
		schedule();
	else if (!schedule_hrtimeout_range(&until, current->timer_slack_ns, HRTIMER_MODE_ABS))
		return -ETIMEDOUT;
	return 0;
}

/**
 * struct awaited - what a sleeper waits for
 * @events: MSGSLOT_EVENTS_MESSAGE or MSGSLOT_EVENTS_ROOM
 * @cursor: a message from there on
 * @or_loss: or that such messages are gone
 */
struct awaited {
	__poll_t events;
	u64 cursor;
	bool or_loss;
};

static bool is_there(struct msgslot_slot *slot, struct msgslot_channel *channel,
		     const struct awaited *awaited)
{
	if (READ_ONCE(slot->gone))
		return true;
	if (awaited->events == MSGSLOT_EVENTS_ROOM)
		return msgslot_log_has_room(&channel->log, &slot->rules, 0);
	return msgslot_log_has(&channel->log, awaited->cursor, awaited->or_loss);
}

/* Sleeps once: what is awaited may have come and gone again when this returns 0. */
static __always_inline int channel_wait(struct msgslot_slot *slot, struct msgslot_channel *channel,
					const struct awaited *awaited, bool alone,
					const struct msgslot_patience *patience)
{
	struct sleeper sleeper msgslot_uninitialized;
	int err = 0;
	bool signal;

	sleeper_init(&sleeper, awaited->events, alone);
	/* The left column in channel.h, with the barrier. */
	signal = prepare_to_wait_event(&channel->wait, &sleeper.entry, TASK_INTERRUPTIBLE);
	if (!is_there(slot, channel, awaited)) {
		/* With a time the call cannot be taken up again where it was. */
		if (signal)
			err = patience->until == KTIME_MAX ? -ERESTARTSYS : -EINTR;
		else
			err = sleeper_sleep(patience);
		if (err == -ETIMEDOUT && is_there(slot, channel, awaited))
			err = 0;
	}
	finish_wait(&channel->wait, &sleeper.entry);
	return err;
}

int msgslot_channel_wait_message(struct msgslot_slot *slot, struct msgslot_channel *channel,
				 u64 cursor, bool or_loss, bool alone,
				 const struct msgslot_patience *patience)
{
	const struct awaited awaited = {
		.events = MSGSLOT_EVENTS_MESSAGE,
		.cursor = cursor,
		.or_loss = or_loss,
	};

	return channel_wait(slot, channel, &awaited, alone, patience);
}

int msgslot_channel_wait_room(struct msgslot_slot *slot, struct msgslot_channel *channel,
			      const struct msgslot_patience *patience)
{
	const struct awaited awaited = { .events = MSGSLOT_EVENTS_ROOM };
	int err;

	msgslot_log_has_room(&channel->log, &slot->rules, 1);
	err = channel_wait(slot, channel, &awaited, true, patience);
	msgslot_log_has_room(&channel->log, &slot->rules, -1);
	return err;
}

void msgslot_channel_tell_room(struct msgslot_slot *slot, struct msgslot_channel *channel, bool all)
{
	if (!msgslot_log_has_wanted_room(&channel->log, &slot->rules))
		return;
	if (all)
		msgslot_wake_all(&channel->wait, MSGSLOT_EVENTS_ROOM);
	else
		msgslot_wake(&channel->wait, MSGSLOT_EVENTS_ROOM);
}

void msgslot_channel_kill_all(struct msgslot_slot *slot)
{
	struct msgslot_channel *channel;
	struct rb_node *node;
	u64 lost;

	for (;;) {
		spin_lock(&slot->lock);
		node = rb_first(&slot->channels);
		if (node) {
			channel = rb_entry(node, struct msgslot_channel, node);
			channel->holds++;
			rb_erase(node, &slot->channels);
			RB_CLEAR_NODE(node);
		}
		spin_unlock(&slot->lock);
		if (!node)
			break;

		lost = msgslot_log_kill(&channel->log);
		this_cpu_sub(slot->stats->messages, lost);
		msgslot_wake_all(&channel->wait, MSGSLOT_EVENTS_GONE);
		msgslot_channel_unhold(slot, channel);
		cond_resched();
	}
}
