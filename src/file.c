// SPDX-License-Identifier: GPL-2.0-only
/* Open files: open, select, poll, seek, release.  See file.h for what guards what. */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "file.h"
#include "map.h"

static struct msgslot_channel *file_channel_locked(struct msgslot_file *f)
{
	return rcu_dereference_protected(f->channel, lockdep_is_held(&f->lock));
}

/* Where the relay hangs: in the channel's queue, or in the slot's while nothing is selected. */
static wait_queue_head_t *file_queue_locked(struct msgslot_file *f)
{
	struct msgslot_channel *channel = file_channel_locked(f);

	return channel ? &channel->wait : &f->slot->wait;
}

/*
 * Called by a wake-up of that queue, with its lock.  Whoever looks at @wait after its barrier sees
 * all who polled before.
 */
static int file_relay(wait_queue_entry_t *relay, unsigned int mode, int sync, void *key)
{
	struct msgslot_file *f = container_of(relay, struct msgslot_file, relay);

	if (waitqueue_active(&f->wait))
		__wake_up(&f->wait, TASK_NORMAL, 1, key);
	else
		list_del_init_careful(&relay->entry);
	return 0;
}

static void file_hang_relay_locked(struct msgslot_file *f)
{
	wait_queue_head_t *queue = file_queue_locked(f);
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (list_empty(&f->relay.entry))
		__add_wait_queue(queue, &f->relay);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Whether it hung there.  Afterwards no wake-up of that queue touches the file any more. */
static bool file_unhang_relay_locked(struct msgslot_file *f)
{
	wait_queue_head_t *queue = file_queue_locked(f);
	unsigned long flags;
	bool hung;

	/* Only poll() hangs it, so it cannot come back behind us: poll() takes the file's lock. */
	if (list_empty_careful(&f->relay.entry))
		return false;
	spin_lock_irqsave(&queue->lock, flags);
	hung = !list_empty(&f->relay.entry);
	list_del_init(&f->relay.entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	return hung;
}

/* What can be done at this moment without waiting. */
static __poll_t file_events(struct msgslot_file *f)
{
	struct msgslot_slot *slot = f->slot;
	struct msgslot_channel *channel;
	__poll_t events = 0;

	if (READ_ONCE(slot->gone))
		return MSGSLOT_EVENTS_GONE;
	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	if (!channel) {
		/* Nothing selected: no call waits; in `last` there is nothing to read either. */
		events |= MSGSLOT_EVENTS_ROOM;
		if (slot->rules.reads != MSGSLOT_READS_NEWEST)
			events |= MSGSLOT_EVENTS_MESSAGE;
	} else {
		/* In `broadcast`, what went unread is to be told also where no message is left. */
		if (msgslot_log_has(&channel->log, READ_ONCE(f->cursor.next),
				    slot->rules.reads == MSGSLOT_READS_NEXT))
			events |= MSGSLOT_EVENTS_MESSAGE;
		if (slot->rules.overflow == MSGSLOT_DROP ||
		    msgslot_log_has_room(&channel->log, &slot->rules, 0))
			events |= MSGSLOT_EVENTS_ROOM;
	}
	rcu_read_unlock();
	return events;
}

static __poll_t msgslot_poll(struct file *file, poll_table *table)
{
	struct msgslot_file *f = file->private_data;

	/* As a read or a write would; where that is refused, neither waits. */
	if (unlikely(!rcu_access_pointer(f->channel)))
		(void)msgslot_file_select_first(f);
	poll_wait(file, &f->wait, table);
	spin_lock(&f->lock);
	file_hang_relay_locked(f);
	spin_unlock(&f->lock);
	/* The left column in channel.h. */
	smp_mb();
	/* Whoever selects after this look wakes us. */
	return file_events(f);
}

bool msgslot_file_has_selected(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel;
	bool same;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	same = channel && channel->id == id;
	rcu_read_unlock();
	return same;
}

int msgslot_file_get_channel(struct msgslot_file *f, u32 *id)
{
	struct msgslot_channel *channel;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	*id = channel ? channel->id : 0;
	rcu_read_unlock();
	return channel || f->slot->rules.reads != MSGSLOT_READS_NEWEST ? 0 : -EINVAL;
}

struct msgslot_channel *msgslot_file_hold_selected(struct msgslot_file *f,
						   unsigned long *generation, u64 *cursor)
{
	struct msgslot_channel *channel;

	/* Under the lock the file's own hold stays. */
	spin_lock(&f->lock);
	channel = file_channel_locked(f);
	msgslot_channel_hold_again(f->slot, channel);
	if (generation)
		*generation = f->generation;
	if (cursor)
		*cursor = f->cursor.next;
	spin_unlock(&f->lock);
	return channel;
}

/*
 * Selecting what is selected changes nothing, but that of a message read in part the rest is
 * dropped.
 */
static void file_select_again(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel;
	bool moved = false;

	rcu_read_lock();
	spin_lock(&f->lock);
	channel = file_channel_locked(f);
	if (channel->id == id && f->cursor.offset && f->cursor.offset != MSGSLOT_UNTOLD) {
		WRITE_ONCE(f->cursor.next, f->cursor.next + 1);
		WRITE_ONCE(f->cursor.offset, 0);
		moved = true;
	}
	spin_unlock(&f->lock);
	if (moved)
		msgslot_channel_tell_room(f->slot, channel, false);
	rcu_read_unlock();
}

/* With @first, only where nothing is selected: another thread may have been quicker. */
static int file_select(struct msgslot_file *f, u32 id, bool first)
{
	const struct msgslot_rules *rules = &f->slot->rules;
	struct msgslot_channel *channel, *old;
	bool hung;

	channel = msgslot_channel_hold(f->slot, id, &f->payer);
	if (IS_ERR(channel))
		return PTR_ERR(channel);

	spin_lock(&f->lock);
	old = file_channel_locked(f);
	if (first && old) {
		spin_unlock(&f->lock);
		msgslot_channel_unhold(f->slot, channel);
		return 0;
	}
	hung = file_unhang_relay_locked(f);
	if (old)
		msgslot_log_part(&old->log, &f->cursor);
	rcu_assign_pointer(f->channel, channel);
	msgslot_log_join(&channel->log, rules, &f->cursor, f->reads);
	if (hung)
		file_hang_relay_locked(f);
	/* Pairs with look() in receive.c: who sees the new count sees the new channel. */
	smp_store_release(&f->generation, f->generation + 1);
	spin_unlock(&f->lock);

	/*
	 * What is to be read may be another thing now.  A wake-up says only what is true: io_uring
	 * believes it without another look.
	 */
	msgslot_wake(&f->wait, file_events(f));
	if (old)
		msgslot_channel_tell_room(f->slot, old, true);
	msgslot_channel_unhold(f->slot, old);
	return 0;
}

int msgslot_file_select(struct msgslot_file *f, u32 id)
{
	if (!id && f->slot->rules.reads == MSGSLOT_READS_NEWEST)
		return -EINVAL;
	if (!msgslot_file_has_selected(f, id))
		return file_select(f, id, false);
	file_select_again(f, id);
	return 0;
}

int msgslot_file_select_first(struct msgslot_file *f)
{
	if (f->slot->rules.reads == MSGSLOT_READS_NEWEST)
		return -EINVAL;
	return file_select(f, 0, true);
}

int msgslot_file_seek(struct msgslot_file *f, u32 whence, u64 *sequence)
{
	struct msgslot_channel *channel;
	int err = -EINVAL;

	rcu_read_lock();
	spin_lock(&f->lock);
	channel = file_channel_locked(f);
	if (channel)
		err = msgslot_log_seek(&channel->log, &f->cursor, whence, *sequence);
	*sequence = f->cursor.next;
	spin_unlock(&f->lock);
	if (!err) {
		msgslot_wake(&f->wait, file_events(f));
		msgslot_channel_tell_room(f->slot, channel, true);
	}
	rcu_read_unlock();
	return err;
}

static int msgslot_open(struct inode *inode, struct file *file)
{
	struct msgslot_slot *slot = msgslot_slot_open(iminor(inode));
	struct msgslot_file *f;
	int err = -ENOMEM;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	f = kzalloc(sizeof(*f), MSGSLOT_GFP);
	if (!f)
		goto err_close;
	f->payer.file = file;
	f->payer.uid = file->f_cred->euid;
	f->payer.share = msgslot_share_get(&slot->account, file->f_cred);
	if (IS_ERR(f->payer.share)) {
		err = PTR_ERR(f->payer.share);
		goto err_free;
	}
	f->slot = slot;
	f->reads = file->f_mode & FMODE_READ;
	spin_lock_init(&f->lock);
	init_waitqueue_head(&f->wait);
	init_waitqueue_func_entry(&f->relay, file_relay);
	INIT_LIST_HEAD(&f->relay.entry);
	file->private_data = f;
	file->f_mode |= FMODE_NOWAIT;
	/*
	 * A reader of a room hears what is sent from now on.  Where that is refused, whoever wants to
	 * clear or look at the slot must get in all the same.
	 */
	if (slot->rules.reads == MSGSLOT_READS_NEXT && f->reads)
		(void)msgslot_file_select_first(f);
	return stream_open(inode, file);

err_free:
	kfree(f);
err_close:
	msgslot_slot_close(slot);
	return err;
}

static int msgslot_release(struct inode *inode, struct file *file)
{
	struct msgslot_file *f = file->private_data;
	struct msgslot_slot *slot = f->slot;
	struct msgslot_channel *channel;

	/* The last one out: nobody else calls on this file any more, but a wake-up may be in relay. */
	spin_lock(&f->lock);
	file_unhang_relay_locked(f);
	channel = file_channel_locked(f);
	if (channel)
		msgslot_log_part(&channel->log, &f->cursor);
	spin_unlock(&f->lock);
	if (channel)
		msgslot_channel_tell_room(slot, channel, true);
	msgslot_channel_unhold(slot, channel);
	msgslot_share_put(f->payer.share);
	kfree(f);
	msgslot_slot_close(slot);
	return 0;
}

const struct file_operations msgslot_file_operations = {
	.owner = THIS_MODULE,
	.open = msgslot_open,
	.release = msgslot_release,
	.read = msgslot_read,
	.write = msgslot_write,
	.read_iter = msgslot_read_iter,
	.write_iter = msgslot_write_iter,
	.poll = msgslot_poll,
	.mmap = msgslot_mmap,
	.unlocked_ioctl = msgslot_file_ioctl,
	.compat_ioctl = msgslot_file_compat_ioctl,
};
