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
#include "slot.h"

static const struct msgslot_mode modes[] = {
	{
		.name = MSGSLOT_MODE_LAST,
		.depth = 1,
		.depth_max = 1,
		.max_message = MSGSLOT_LAST_MESSAGE_DEFAULT,
		.max_bytes = SZ_64M,
		.max_channels = SZ_1M,
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
		msgslot_uncharge(payer->account, payer->share, 0, 1);
		return ERR_PTR(-ENOMEM);
	}
	fresh->share = payer->share;
	init_waitqueue_head(&fresh->wait);

	spin_lock(&slot->lock);
	channel = hold_locked(slot, id, fresh);
	spin_unlock(&slot->lock);
	if (channel != fresh) {
		kfree(fresh);
		msgslot_uncharge(payer->account, payer->share, 0, 1);
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
	msgslot_log_kill(&channel->log, &slot->account);
	msgslot_uncharge(&slot->account, channel->share, 0, 1);
	kfree_rcu(channel, rcu);
}

int msgslot_channel_grow(struct msgslot_slot *slot, struct msgslot_channel __rcu **where,
			 const struct msgslot_payer *payer)
{
	struct msgslot_channel *channel;
	int err;

	rcu_read_lock();
	spin_lock(&slot->lock);
	channel = rcu_dereference(*where);
	/* Forgotten since, so the file has another one by now. */
	if (!channel->holds)
		channel = NULL;
	else
		channel->holds++;
	spin_unlock(&slot->lock);
	rcu_read_unlock();
	if (!channel)
		return -ESTALE;

	err = msgslot_log_grow(&channel->log, payer, slot->max_message);
	msgslot_channel_unhold(slot, channel);
	return err;
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

		lost = msgslot_log_kill(&channel->log, &slot->account);
		this_cpu_sub(slot->stats->messages, lost);
		msgslot_wake(&channel->wait, EPOLLHUP | EPOLLERR);
		msgslot_channel_unhold(slot, channel);
		cond_resched();
	}
}
