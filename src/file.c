// SPDX-License-Identifier: GPL-2.0-only
/* Open files: open, read, write, poll, select, release.  See file.h for what guards what. */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "file.h"

/*
 * read() and write() come with a plain pointer, which saves a hundred instructions a call; the
 * vector calls and io_uring with an iterator.  Exactly one of the two is set.
 */
struct user_memory {
	char __user *pointer;
	struct iov_iter *iter;
};

static __always_inline bool copy_in(void *to, struct user_memory from, size_t length)
{
	if (from.iter)
		return copy_from_iter_full(to, length, from.iter);
	return !copy_from_user(to, from.pointer, length);
}

static __always_inline bool copy_out(struct user_memory to, const void *from, size_t length)
{
	if (to.iter)
		return copy_to_iter(from, length, to.iter) == length;
	return !copy_to_user(to.pointer, from, length);
}

static __always_inline bool is_null(struct user_memory memory)
{
	return !memory.iter && !memory.pointer;
}

/* Remembers for poll() that @sequence was read, unless another channel was selected meanwhile. */
static void file_mark_seen(struct msgslot_file *f, unsigned long generation, u64 sequence)
{
	spin_lock(&f->lock);
	if (f->generation == generation && f->seen < sequence)
		WRITE_ONCE(f->seen, sequence);
	spin_unlock(&f->lock);
}

static __always_inline ssize_t file_read(struct msgslot_file *f, struct user_memory to, size_t size)
{
	struct msgslot_slot *slot = f->slot;
	struct msgslot_channel *channel;
	struct msgslot_peek peek msgslot_uninitialized;
	unsigned long generation;
	u64 newest;
	ssize_t ret;

	if (unlikely(READ_ONCE(slot->gone)))
		return -ENODEV;
	/* Pairs with the release in msgslot_file_select(): never new with the channel before. */
	generation = smp_load_acquire(&f->generation);

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	ret = -EINVAL;
	if (likely(channel)) {
		newest = msgslot_log_newest(&channel->log);
		ret = -EAGAIN;
		if (likely(newest))
			ret = msgslot_log_peek(&channel->log, newest, &peek, to.pointer, size);
	}
	rcu_read_unlock();
	if (unlikely(ret))
		return ret;

	if (unlikely(peek.length > size))
		ret = -ENOSPC;
	else if (unlikely(is_null(to)))
		ret = -EINVAL;
	else if (unlikely(peek.bytes && !copy_out(to, peek.bytes, peek.length)))
		ret = -EFAULT;
	else
		ret = peek.length;
	if (unlikely(peek.buffer))
		msgslot_buffer_put(&slot->account, peek.buffer);
	if (unlikely(ret < 0))
		return ret;

	if (READ_ONCE(f->seen) != peek.sequence)
		file_mark_seen(f, generation, peek.sequence);
	this_cpu_inc(slot->stats->received);
	return ret;
}

/*
 * A buffer for a long message of @length bytes: the spare of the file's channel, if that is large
 * enough, else a new one.
 */
static struct msgslot_buffer *file_buffer_get(struct msgslot_file *f, size_t length)
{
	struct msgslot_buffer *buffer;

	rcu_read_lock();
	buffer = msgslot_log_take_spare(&rcu_dereference(f->channel)->log);
	rcu_read_unlock();
	if (buffer && buffer->capacity >= length)
		return buffer;
	msgslot_buffer_put(&f->slot->account, buffer);
	return msgslot_buffer_alloc(&f->payer, length);
}

/* For a call that failed: the next one may want the buffer.  Takes NULL. */
static void file_buffer_put(struct msgslot_file *f, struct msgslot_buffer *buffer)
{
	if (!buffer)
		return;
	rcu_read_lock();
	buffer = msgslot_log_keep_spare(&rcu_dereference(f->channel)->log, buffer);
	rcu_read_unlock();
	msgslot_buffer_put(&f->slot->account, buffer);
}

/*
 * Copies a long message in.  Where there is no buffer to be had, a bad pointer is still the error
 * that comes first: so the message is read through then, into @room, a piece at a time.
 */
static noinline int file_copy_long(struct msgslot_file *f, struct msgslot_message *message,
				   struct user_memory from, u8 *room)
{
	struct msgslot_buffer *buffer = file_buffer_get(f, message->length);
	size_t done, n;

	if (!IS_ERR(buffer)) {
		message->buffer = buffer;
		return copy_in(buffer->bytes, from, message->length) ? 0 : -EFAULT;
	}
	for (done = 0; done < message->length; done += n) {
		n = min_t(size_t, message->length - done, MSGSLOT_INLINE_BYTES);
		if (!copy_in(room, from, n))
			return -EFAULT;
		if (!from.iter)
			from.pointer += n;
	}
	return PTR_ERR(buffer);
}

/*
 * Places @message in the channel that is selected at that moment: 0, -ESTALE if another thread
 * selected at that very moment, -ENOBUFS if the log must grow first.
 */
static __always_inline int file_place(struct msgslot_file *f, struct msgslot_message *message)
{
	struct msgslot_slot *slot = f->slot;
	struct msgslot_channel *channel;
	int more;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	more = msgslot_log_place(&channel->log, message);
	if (likely(more >= 0)) {
		msgslot_wake(&channel->wait, EPOLLIN | EPOLLRDNORM);
		if (unlikely(more))
			this_cpu_add(slot->stats->messages, more);
	}
	rcu_read_unlock();
	return more < 0 ? more : 0;
}

static __always_inline ssize_t file_write(struct msgslot_file *f, struct user_memory from,
					  size_t length)
{
	u8 room[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_slot *slot = f->slot;
	struct msgslot_message message msgslot_uninitialized;
	int err;

	if (unlikely(READ_ONCE(slot->gone)))
		return -ENODEV;
	/* Once selected, a file always has a channel. */
	if (unlikely(!rcu_access_pointer(f->channel)))
		return -EINVAL;
	if (unlikely(!length || length > slot->max_message))
		return -EMSGSIZE;
	if (unlikely(is_null(from)))
		return -EINVAL;

	message.length = length;
	message.pid = current->tgid;
	message.uid = f->payer.share->uid;
	message.bytes = room;
	message.buffer = NULL;
	if (likely(length <= MSGSLOT_INLINE_BYTES))
		err = copy_in(room, from, length) ? 0 : -EFAULT;
	else
		err = file_copy_long(f, &message, from, room);
	while (likely(!err)) {
		err = file_place(f, &message);
		if (likely(!err))
			break;
		if (err == -ENOBUFS)
			err = msgslot_channel_grow(slot, &f->channel, &f->payer);
		/* The channel was forgotten under our hands.  With the slot, or for another one? */
		if (err == -ESTALE)
			err = READ_ONCE(slot->gone) ? -ENODEV : 0;
	}
	if (unlikely(message.buffer)) {
		if (err)
			file_buffer_put(f, message.buffer);
		else
			msgslot_buffer_put(&slot->account, message.buffer);
	}
	if (unlikely(err))
		return err;
	this_cpu_inc(slot->stats->sent);
	return length;
}

static ssize_t msgslot_read(struct file *file, char __user *buffer, size_t size, loff_t *pos)
{
	const struct user_memory to = { .pointer = buffer };

	return file_read(file->private_data, to, size);
}

static ssize_t msgslot_write(struct file *file, const char __user *buffer, size_t length,
			     loff_t *pos)
{
	const struct user_memory from = { .pointer = (char __user *)buffer };

	return file_write(file->private_data, from, length);
}

static ssize_t msgslot_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	const struct user_memory to = { .iter = iter };

	return file_read(iocb->ki_filp->private_data, to, iov_iter_count(iter));
}

static ssize_t msgslot_write_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	const struct user_memory from = { .iter = iter };

	return file_write(iocb->ki_filp->private_data, from, iov_iter_count(iter));
}

/* Where the relay hangs: in the channel's queue, or in the slot's while nothing is selected. */
static wait_queue_head_t *file_queue_locked(struct msgslot_file *f)
{
	struct msgslot_channel *channel;

	channel = rcu_dereference_protected(f->channel, lockdep_is_held(&f->lock));
	return channel ? &channel->wait : &f->slot->wait;
}

/* Called by a wake-up of that queue.  Whoever looks at @wait after its barrier sees all sleepers. */
static int file_relay(wait_queue_entry_t *relay, unsigned int mode, int sync, void *key)
{
	struct msgslot_file *f = container_of(relay, struct msgslot_file, relay);

	if (waitqueue_active(&f->wait))
		__wake_up(&f->wait, TASK_NORMAL, 1, key);
	return 0;
}

/* What can be done at this moment without waiting. */
static __poll_t file_events(struct msgslot_file *f)
{
	__poll_t events = EPOLLOUT | EPOLLWRNORM;
	struct msgslot_channel *channel;

	if (READ_ONCE(f->slot->gone))
		return EPOLLHUP | EPOLLERR;
	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	if (channel && msgslot_log_newest(&channel->log) > READ_ONCE(f->seen))
		events |= EPOLLIN | EPOLLRDNORM;
	rcu_read_unlock();
	return events;
}

static __poll_t msgslot_poll(struct file *file, poll_table *table)
{
	struct msgslot_file *f = file->private_data;

	poll_wait(file, &f->wait, table);
	spin_lock(&f->lock);
	if (!f->relayed)
		add_wait_queue(file_queue_locked(f), &f->relay);
	f->relayed = true;
	spin_unlock(&f->lock);
	/* The left column in channel.h. */
	smp_mb();
	/* Whoever selects after this look wakes us. */
	return file_events(f);
}

/* Whether @id is what is selected anyway.  Then nothing changes, not even what was seen. */
static bool file_has_selected(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel;
	bool same;

	rcu_read_lock();
	channel = rcu_dereference(f->channel);
	same = channel && channel->id == id;
	rcu_read_unlock();
	return same;
}

int msgslot_file_select(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel, *old;

	/* All modes that let 0 be selected come with it selected. */
	if (!id)
		return -EINVAL;
	if (file_has_selected(f, id))
		return 0;
	channel = msgslot_channel_hold(f->slot, id, &f->payer);
	if (IS_ERR(channel))
		return PTR_ERR(channel);

	spin_lock(&f->lock);
	old = rcu_dereference_protected(f->channel, lockdep_is_held(&f->lock));
	if (f->relayed)
		remove_wait_queue(file_queue_locked(f), &f->relay);
	rcu_assign_pointer(f->channel, channel);
	WRITE_ONCE(f->seen, 0);
	if (f->relayed)
		add_wait_queue(file_queue_locked(f), &f->relay);
	/* Pairs with file_read(): who sees the new count sees the new channel. */
	smp_store_release(&f->generation, f->generation + 1);
	spin_unlock(&f->lock);

	/*
	 * What is to be read may be another thing now.  A wake-up says only what is true: io_uring
	 * believes it without another look.
	 */
	msgslot_wake(&f->wait, file_events(f));
	msgslot_channel_unhold(f->slot, old);
	return 0;
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
	f->payer.account = &slot->account;
	f->payer.file = file;
	f->payer.share = msgslot_share_get(&slot->account, file->f_cred->euid);
	if (IS_ERR(f->payer.share)) {
		err = PTR_ERR(f->payer.share);
		goto err_free;
	}
	f->slot = slot;
	spin_lock_init(&f->lock);
	init_waitqueue_head(&f->wait);
	init_waitqueue_func_entry(&f->relay, file_relay);
	file->private_data = f;
	file->f_mode |= FMODE_NOWAIT;
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

	/* The last one out: nobody else calls on this file any more, but a wake-up may be in relay. */
	if (f->relayed) {
		spin_lock(&f->lock);
		remove_wait_queue(file_queue_locked(f), &f->relay);
		spin_unlock(&f->lock);
	}
	msgslot_channel_unhold(slot, rcu_dereference_protected(f->channel, true));
	msgslot_share_put(&slot->account, f->payer.share);
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
	.unlocked_ioctl = msgslot_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
