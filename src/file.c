// SPDX-License-Identifier: GPL-2.0-only
/* Open files: open, select, poll, seek, release.  See file.h for what guards what. */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "file.h"
#include "peek.h"

static struct msgslot_channel *file_channel_locked(struct msgslot_file *f)
{
	return rcu_dereference_protected(f->channel, lockdep_is_held(&f->lock));
}

/* Where a relay is: in a queue of the channel, or in the slot's while nothing is selected. */
static wait_queue_head_t *file_queue_locked(struct msgslot_file *f, int which)
{
	struct msgslot_channel *channel = file_channel_locked(f);

	if (!channel)
		return &f->slot->wait;
	return which == MSGSLOT_RELAY_WRITERS ? &channel->waiters.writers :
						&channel->waiters.readers;
}

static struct msgslot_listener *file_listener_locked(struct msgslot_file *f)
{
	return rcu_dereference_protected(f->listener, lockdep_is_held(&f->lock));
}

/*
 * Puts in the relays whose bits are in @which; a listener is its own relay for messages.  Where no
 * process waits it is not done: otherwise the next message would pay for each file that was looked
 * at.
 */
static void file_add_relays_locked(struct msgslot_file *f, unsigned int which)
{
	struct msgslot_listener *listener = file_listener_locked(f);
	int i;

	/* No barrier: a process enters the queue before it takes the lock for this. */
	if (!waitqueue_active(&f->wait))
		return;
	if (listener && which & BIT(MSGSLOT_RELAY_READERS)) {
		msgslot_listener_poll(listener);
		which &= ~BIT(MSGSLOT_RELAY_READERS);
	}
	for (i = 0; i < MSGSLOT_RELAYS; i++)
		if (which & BIT(i))
			msgslot_relay_add(&f->relays[i], file_queue_locked(f, i));
}

/* Returns which were in.  Afterwards no wake-up of these queues touches the file any more. */
static unsigned int file_remove_relays_locked(struct msgslot_file *f)
{
	unsigned int removed = 0;
	int i;

	/* Only poll() puts one in, and takes the file's lock for that: so none comes back. */
	for (i = 0; i < MSGSLOT_RELAYS; i++)
		if (msgslot_relay_remove(&f->relays[i], file_queue_locked(f, i)))
			removed |= BIT(i);
	return removed;
}

struct msgslot_listener *msgslot_file_get_listener(struct msgslot_file *f)
{
	struct msgslot_listener *listener;

	rcu_read_lock();
	listener = rcu_dereference(f->listener);
	if (listener && !refcount_inc_not_zero(&listener->refs))
		listener = NULL;
	rcu_read_unlock();
	return listener;
}

/* What msgslot_listener_is_readable() says, if the file listens. */
static bool file_listener_is_readable(struct msgslot_file *f, u32 *length)
{
	struct msgslot_listener *listener = msgslot_file_get_listener(f);
	bool readable = listener && msgslot_listener_is_readable(listener, length);

	msgslot_listener_put(listener);
	return readable;
}

/* The same for poll(), without a reference where that will do. */
static bool file_can_receive(struct msgslot_file *f)
{
	struct msgslot_listener *listener;
	int ret = 0;

	rcu_read_lock();
	listener = rcu_dereference(f->listener);
	if (listener)
		ret = msgslot_listener_is_readable_fast(listener);
	rcu_read_unlock();
	return ret < 0 ? file_listener_is_readable(f, NULL) : ret;
}

/* What a call can do at this moment without waiting. */
static __poll_t file_events(struct msgslot_file *f)
{
	struct msgslot_slot *slot = f->slot;
	struct msgslot_channel *channel;
	__poll_t events = 0;

	if (msgslot_slot_is_gone(slot))
		return MSGSLOT_EVENTS_GONE;
	if (unlikely(rcu_access_pointer(f->listener)) && file_can_receive(f))
		events |= MSGSLOT_EVENTS_READABLE;
	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	if (!channel) {
		/*
		 * Nothing is selected, so no call waits; without a channel 0 there is nothing to
		 * read either.
		 */
		events |= MSGSLOT_EVENTS_WRITABLE;
		if (msgslot_rules_can(&slot->rules, MSGSLOT_CAN_CHANNEL_ZERO) &&
		    !rcu_access_pointer(f->listener))
			events |= MSGSLOT_EVENTS_READABLE;
	} else {
		/* A file with a cursor is told of a loss also where no message is left. */
		if (rcu_access_pointer(f->reading) &&
		    msgslot_log_has(&channel->log, READ_ONCE(f->cursor.next),
				    slot->rules.cursor == MSGSLOT_CURSOR_OF_FILE))
			events |= MSGSLOT_EVENTS_READABLE;
		if (slot->rules.overflow == MSGSLOT_DROP ||
		    msgslot_log_is_writable(&channel->log, &slot->rules))
			events |= MSGSLOT_EVENTS_WRITABLE;
	}
	rcu_read_unlock();
	return events;
}

/* Wakes processes that poll @f: for what it has now, or all, as the slot is gone.  Sleeps. */
static void file_wake(struct msgslot_file *f)
{
	const __poll_t events = file_events(f);

	if (events & MSGSLOT_EVENTS_GONE)
		msgslot_waiters_wake_all(&f->wait, events);
	else
		msgslot_waiters_wake(&f->wait, events);
}

__poll_t msgslot_file_poll(struct file *file, poll_table *table)
{
	struct msgslot_file *f = file->private_data;
	const __poll_t events = poll_requested_events(table);
	unsigned int which = 0;

	if (events & MSGSLOT_EVENTS_READABLE)
		which |= BIT(MSGSLOT_RELAY_READERS);
	/* One relay must be in for the end of the slot, whatever else is asked for. */
	if (events & MSGSLOT_EVENTS_WRITABLE || !which)
		which |= BIT(MSGSLOT_RELAY_WRITERS);
	/* As a read or a write does; if that is refused, neither waits. */
	if (unlikely(!rcu_access_pointer(f->channel) && !rcu_access_pointer(f->listener)))
		(void)msgslot_file_select_first(f);
	poll_wait(file, &f->wait, table);
	spin_lock(&f->lock);
	file_add_relays_locked(f, which);
	spin_unlock(&f->lock);
	/* Pairs with the barrier of wq_has_sleeper() in a wake-up: the left column in wait.h. */
	smp_mb();
	/* A select after this look wakes the caller. */
	return file_events(f);
}

bool msgslot_file_has_selected(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel;
	bool same;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	same = channel && channel->log.id == id;
	rcu_read_unlock();
	return same;
}

int msgslot_file_get_channel(struct msgslot_file *f, u32 *id)
{
	struct msgslot_channel *channel;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	*id = channel ? channel->log.id : 0;
	rcu_read_unlock();
	return channel || msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_CHANNEL_ZERO) ? 0 :
											 -EINVAL;
}

static __always_inline struct msgslot_selection
file_hold(struct msgslot_file *f, struct msgslot_channel __rcu *const *channel,
	  struct msgslot_holder *holder)
{
	struct msgslot_selection selection;

	/* Under the lock the file's own hold stays. */
	spin_lock(&f->lock);
	selection.channel = rcu_dereference_protected(*channel, lockdep_is_held(&f->lock));
	selection.generation = f->generation;
	selection.cursor = f->cursor.next;
	if (selection.channel)
		msgslot_channel_hold_again(&f->slot->channels, selection.channel, f->payer.share,
					   holder);
	spin_unlock(&f->lock);
	return selection;
}

struct msgslot_selection msgslot_file_hold_selected(struct msgslot_file *f,
						    struct msgslot_holder *holder)
{
	return file_hold(f, &f->channel, holder);
}

struct msgslot_selection msgslot_file_hold_read(struct msgslot_file *f,
						struct msgslot_holder *holder)
{
	return file_hold(f, &f->reading, holder);
}

/*
 * Selecting the selected channel changes nothing, but the rest of a message that was read in part
 * is dropped.
 */
static void file_select_again(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel;
	bool moved = false;

	rcu_read_lock();
	spin_lock(&f->lock);
	channel = file_channel_locked(f);
	if (channel->log.id == id && rcu_access_pointer(f->reading) && f->cursor.offset &&
	    f->cursor.offset != MSGSLOT_LOSS_PENDING) {
		WRITE_ONCE(f->cursor.next, f->cursor.next + 1);
		WRITE_ONCE(f->cursor.offset, 0);
		msgslot_cursor_follow(&f->cursor, &channel->log);
		moved = true;
	}
	spin_unlock(&f->lock);
	if (moved)
		msgslot_channel_tell_space(channel, &f->slot->rules, 1);
	rcu_read_unlock();
}

/*
 * With @first, only if nothing is selected.  Another thread may select meanwhile: a channel that is
 * selected by then is not selected again, because the cursor would go to the end once more.
 */
static int file_select(struct msgslot_file *f, u32 id, bool first)
{
	const struct msgslot_rules *rules = &f->slot->rules;
	struct msgslot_channel *channel, *old;
	struct msgslot_listener *listener;
	struct msgslot_holder holder;
	unsigned int removed;
	u64 cursor;

	channel = msgslot_channel_hold(&f->slot->channels, id, &f->payer, &holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);

	/*
	 * The channel that is deselected may be forgotten, and its writers are woken all the same.
	 */
	rcu_read_lock();
	spin_lock(&f->lock);
	old = file_channel_locked(f);
	if (old && (first || (old == channel && !file_listener_locked(f)))) {
		spin_unlock(&f->lock);
		rcu_read_unlock();
		msgslot_channel_unhold(&f->slot->channels, channel, &holder);
		if (!first)
			file_select_again(f, id);
		return 0;
	}
	removed = file_remove_relays_locked(f);
	if (rcu_access_pointer(f->reading))
		msgslot_cursor_part(&f->cursor, &old->log);
	rcu_assign_pointer(f->channel, channel);
	/* A file that listens and writes goes on to listen. */
	listener = file_listener_locked(f);
	if (listener && !first) {
		RCU_INIT_POINTER(f->listener, NULL);
		removed |= BIT(MSGSLOT_RELAY_READERS);
	}
	if (!listener || !first) {
		rcu_assign_pointer(f->reading, channel);
		msgslot_cursor_join(&f->cursor, &channel->log, rules, f->reads);
	}
	file_add_relays_locked(f, removed);
	/*
	 * Pairs with receiver_peek() and receive_fast(): a reader of the new count sees the new
	 * channel.
	 */
	smp_store_release(&f->generation, f->generation + 1);
	msgslot_channel_pass_hold(&f->slot->channels, &f->holder, old, channel, &holder);
	cursor = f->cursor.next;
	spin_unlock(&f->lock);
	trace_msgslot_select(f->slot->minor, id, cursor);

	if (old)
		msgslot_channel_tell_space(old, &f->slot->rules, 0);
	rcu_read_unlock();
	/*
	 * There may be something to read now.  A wake-up says only what is true: io_uring takes it
	 * without another look.
	 */
	if (wq_has_sleeper(&f->wait))
		file_wake(f);
	if (listener && !first)
		msgslot_listener_end(listener);
	return 0;
}

int msgslot_file_select(struct msgslot_file *f, u32 id)
{
	if (!id && !msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_CHANNEL_ZERO))
		return -EINVAL;
	if (!msgslot_file_has_selected(f, id) || rcu_access_pointer(f->listener))
		return file_select(f, id, false);
	file_select_again(f, id);
	return 0;
}

int msgslot_file_select_first(struct msgslot_file *f)
{
	if (!msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_CHANNEL_ZERO))
		return -EINVAL;
	return file_select(f, 0, true);
}

int msgslot_file_listen(struct msgslot_file *f, u32 first, u32 last, bool lowest)
{
	struct msgslot_slot *slot = f->slot;
	struct msgslot_listener *listener, *old;
	struct msgslot_channel *channel;
	unsigned int removed;

	listener = msgslot_listener_new(slot, &f->payer, &f->wait, first, last, lowest);
	if (IS_ERR(listener))
		return PTR_ERR(listener);
	rcu_read_lock();
	spin_lock(&f->lock);
	removed = file_remove_relays_locked(f);
	channel = rcu_dereference_protected(f->reading, lockdep_is_held(&f->lock));
	if (channel)
		msgslot_cursor_part(&f->cursor, &channel->log);
	RCU_INIT_POINTER(f->reading, NULL);
	memset(&f->cursor, 0, sizeof(f->cursor));
	old = file_listener_locked(f);
	rcu_assign_pointer(f->listener, listener);
	f->listened = true;
	/* Whether the listener before was polled is not known. */
	file_add_relays_locked(f, removed | BIT(MSGSLOT_RELAY_READERS));
	/* As in file_select(). */
	smp_store_release(&f->generation, f->generation + 1);
	spin_unlock(&f->lock);
	if (channel)
		msgslot_channel_tell_space(channel, &slot->rules, 0);
	rcu_read_unlock();
	if (old)
		msgslot_listener_end(old);
	if (wq_has_sleeper(&f->wait))
		file_wake(f);
	return 0;
}

int msgslot_file_seek(struct msgslot_file *f, u32 whence, u64 *sequence)
{
	struct msgslot_channel *channel;
	int err = -EINVAL;

	rcu_read_lock();
	spin_lock(&f->lock);
	channel = rcu_dereference_protected(f->reading, lockdep_is_held(&f->lock));
	if (channel)
		err = msgslot_cursor_seek(&f->cursor, &channel->log, whence, *sequence);
	*sequence = f->cursor.next;
	spin_unlock(&f->lock);
	if (!err)
		msgslot_channel_tell_space(channel, &f->slot->rules, 0);
	rcu_read_unlock();
	if (!err)
		file_wake(f);
	return err;
}

int msgslot_file_open(struct inode *inode, struct file *file)
{
	struct msgslot_slot *slot = msgslot_slot_open(iminor(inode));
	struct msgslot_file *f;
	int i, err = -ENOMEM;

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
	msgslot_ties_init(&f->ties);
	f->reads = file->f_mode & FMODE_READ;
	spin_lock_init(&f->lock);
	init_waitqueue_head(&f->wait);
	for (i = 0; i < MSGSLOT_RELAYS; i++)
		msgslot_relay_init(&f->relays[i], &f->wait);
	file->private_data = f;
	file->f_mode |= FMODE_NOWAIT;
	/*
	 * The file hears what is sent from now on.  If that is refused it is open all the same, so
	 * that the slot can be looked at and cleared.
	 */
	if (f->reads && msgslot_rules_can(&slot->rules, MSGSLOT_CAN_SELECT_AT_OPEN))
		(void)msgslot_file_select_first(f);
	return stream_open(inode, file);

err_free:
	kfree(f);
err_close:
	msgslot_slot_close(slot);
	return err;
}

void msgslot_file_release(struct msgslot_file *f)
{
	struct msgslot_slot *slot = f->slot;
	struct msgslot_listener *listener = rcu_dereference_protected(f->listener, true);
	struct msgslot_channel *channel;

	/* No other call is under way on this file, but a wake-up may be in its relay. */
	rcu_read_lock();
	spin_lock(&f->lock);
	file_remove_relays_locked(f);
	channel = file_channel_locked(f);
	if (channel) {
		if (rcu_access_pointer(f->reading))
			msgslot_cursor_part(&f->cursor, &channel->log);
		msgslot_channel_unhold(&slot->channels, channel, &f->holder);
	}
	spin_unlock(&f->lock);
	if (channel)
		msgslot_channel_tell_space(channel, &f->slot->rules, 0);
	rcu_read_unlock();
	if (listener)
		msgslot_listener_end(listener);
	msgslot_share_put(f->payer.share);
	if (f->listened || f->ties.used)
		kfree_rcu(f, rcu);
	else
		kfree(f);
	msgslot_slot_close(slot);
}

u32 msgslot_file_next_length(struct msgslot_file *f)
{
	const bool by_file = f->slot->rules.cursor == MSGSLOT_CURSOR_OF_FILE;
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	struct msgslot_channel *channel;
	u32 offset, length = 0;
	u64 cursor;

	if (rcu_access_pointer(f->listener)) {
		(void)file_listener_is_readable(f, &length);
		return length;
	}
	rcu_read_lock();
	cursor = by_file ? READ_ONCE(f->cursor.next) : 0;
	offset = by_file ? READ_ONCE(f->cursor.offset) : 0;
	channel = rcu_dereference(f->reading);
	/* With a size of 0 no reference of a long message is taken. */
	if (channel && !msgslot_peek(&channel->log, cursor, &peek, 0))
		length = peek.length;
	rcu_read_unlock();
	if (offset < length && peek.sequence == cursor)
		length -= offset;
	return length;
}
