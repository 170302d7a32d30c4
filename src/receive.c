// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: read(), readv(), MSGSLOT_RECV.
 *
 * receive_fast() is the usual case (receive_fast.h).  What it leaves, receive_slow() does: attempts
 * (receiver.h), and what comes between them: another channel to be found, or a message to be waited
 * for.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "file.h"
#include "receive.h"
#include "receive_batch.h"
#include "receive_fast.h"
#include "receive_range.h"
#include "receiver.h"
#include "receiver_deliver.h"
#include "tied_lease.h"

/*
 * The file does not listen as it did, or what it listens to is to be found for the first time.  A
 * read goes on by the selected channel where there is no such thing.
 */
static int receive_find_listener(struct receiver *r)
{
	if (r->listener)
		receiver_wake_next(r);
	msgslot_listener_put(r->listener);
	r->slept = false;
	r->listener = msgslot_file_get_listener(r->f);
	r->by_range = r->listener || r->args;
	if (r->listener)
		msgslot_range_begin_look(&r->listener->range, &r->found);
	return r->listener || !r->args ? 0 : -EINVAL;
}

/* After -EIDRM: the file has not selected the channel that is asked for.  0 to look again. */
static int receive_find_channel(struct receiver *r)
{
	struct msgslot_file *f = r->f;
	struct msgslot_channels *channels = &f->slot->channels;
	struct msgslot_channel *channel;

	if (!r->args && rcu_access_pointer(f->listener))
		return receive_find_listener(r);
	/* Where a channel is selected by now, another thread did that just now, or listens. */
	if (!r->args)
		return rcu_access_pointer(f->channel) ? 0 : msgslot_file_select_first(f);
	if (receiver_uses_file_cursor(r)) {
		/*
		 * Only the selected channel has a cursor; channel 0 perhaps could not be selected
		 * before.
		 */
		if (r->args->channel || rcu_access_pointer(f->channel))
			return -EINVAL;
		return msgslot_file_select_first(f);
	}
	if (r->deadline->wait && !receiver_has_flag(r, MSGSLOT_RECV_IF))
		channel = msgslot_channel_hold(channels, r->args->channel, &f->payer, &r->holder);
	else
		channel = msgslot_channel_find(channels, r->args->channel, f->payer.share,
					       &r->holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	if (channel) {
		r->lookup.channel = channel;
		r->lookup.held = true;
		return 0;
	}
	return receiver_has_flag(r, MSGSLOT_RECV_IF) ? -ESTALE : -EAGAIN;
}

static bool receive_may_wait(const struct receiver *r)
{
	return r->deadline->wait &&
	       (r->args || msgslot_rules_can(&r->f->slot->rules, MSGSLOT_CAN_READ_WAIT));
}

/* After -EAGAIN: waits for a message, if the call may.  0 to look again. */
static int receive_wait(struct receiver *r)
{
	struct msgslot_slot *slot = r->f->slot;
	struct msgslot_selection selection;
	struct msgslot_channel *channel;

	if (receiver_has_flag(r, MSGSLOT_RECV_IF))
		return -ESTALE;
	if (!receive_may_wait(r))
		return -EAGAIN;
	if (!r->lookup.held) {
		selection = msgslot_file_hold_read(r->f, &r->holder);
		/* Another thread made the file listen just now, or selected. */
		if (unlikely(!selection.channel))
			return 0;
		if (r->args && selection.channel->log.id != r->args->channel) {
			msgslot_channel_unhold(&slot->channels, selection.channel, &r->holder);
			return 0;
		}
		r->lookup.channel = selection.channel;
		r->lookup.generation = selection.generation;
		r->lookup.held = true;
		r->selected = true;
		if (receiver_uses_file_cursor(r))
			r->cursor = selection.cursor;
	}
	r->slept = true;
	channel = r->lookup.channel;
	trace_msgslot_wait(channel->slot, channel->log.id, r->cursor, false);
	return msgslot_wait_message(&channel->waiters, &channel->log, r->cursor,
				    !r->args && r->owner == MSGSLOT_CURSOR_OF_FILE,
				    receiver_is_exclusive(r), r->deadline);
}

/* After @wrong of receive_fast() or receiver_peek(): 0 or more to look again, or the error. */
static int receive_prepare_again(struct receiver *r, int wrong)
{
	if (wrong == -EIDRM)
		return receive_find_channel(r);
	if (wrong == -EAGAIN)
		return receive_wait(r);
	return wrong;
}

/* The same after @wrong of receiver_peek_range(). */
static int receive_prepare_range(struct receiver *r, int wrong)
{
	struct msgslot_listener *listener = r->listener;
	int err;

	if (wrong == -EIDRM)
		return receive_find_listener(r);
	if (wrong != -EAGAIN || !receive_may_wait(r))
		return wrong;
	r->slept = true;
	trace_msgslot_wait(listener->range.slot->minor, listener->range.first, 0, false);
	err = msgslot_listener_wait(listener, &r->found, receiver_is_exclusive(r), r->deadline,
				    &r->woken_for);
	msgslot_range_begin_look(&listener->range, &r->found);
	return err;
}

/*
 * After a sleep in a queue, or once the channel is found, the rest is usually receive_fast()'s.
 * But a call that must wait for a page wakes the next reader first: that is left to
 * receiver_deliver().
 */
static noinline ssize_t receive_held(struct receiver *r)
{
	ssize_t ret;

	if (!r->lookup.held || r->to.iter || trace_msgslot_receive_enabled())
		return 0;
	pagefault_disable();
	ret = receive_fast(r->f, MSGSLOT_CURSOR_OF_CHANNEL, &r->lookup, r->args, r->args, r->user,
			   r->to, r->size, &r->voided);
	pagefault_enable();
	return ret;
}

/* Before the first of several looks: @peek copies short messages to @block. */
static void receive_begin(struct receiver *r, struct msgslot_peek *peek,
			  struct receiver_block *block)
{
	r->block = block;
	peek->inline_buffer = block->bytes;
	peek->leased = false;
	r->most = U32_MAX;
	r->messages = 0;
	r->space = r->size;
	if (receiver_has_flag(r, MSGSLOT_RECV_MANY))
		r->space -= min(r->size, sizeof(block->header));
}

static ssize_t receive_deliver(struct receiver *r, struct msgslot_peek *peek, bool *again)
{
	if (receiver_has_flag(r, MSGSLOT_RECV_MANY))
		return batch_deliver(r, peek, again);
	return receiver_deliver(r, peek, again);
}

static ssize_t receive_loop(struct receiver *r)
{
	struct receiver_block block msgslot_uninitialized;
	struct msgslot_peek peek msgslot_uninitialized;
	unsigned int rounds = 0;
	ssize_t ret;
	bool again;

	receive_begin(r, &peek, &block);
	do {
		ret = r->by_range ? receiver_peek_range(r, &peek) : receiver_peek(r, &peek);
		/* Channels go one after the other: once the end was told, none has a message. */
		if (msgslot_slot_is_gone(r->f->slot)) {
			if (!ret)
				msgslot_buffer_put(&r->f->slot->spares, peek.buffer);
			ret = -ENODEV;
			break;
		}
		if (!ret) {
			ret = receive_deliver(r, &peek, &again);
		} else {
			ret = r->by_range ? receive_prepare_range(r, ret) :
					    receive_prepare_again(r, ret);
			again = ret >= 0;
		}
		/* Others may be faster, again and again. */
		if (again)
			ret = msgslot_deadline_retry(r->deadline, &rounds);
	} while (again && !ret);
	if (r->listener) {
		/* Also if it has received from another channel than it was woken for. */
		if (ret < 0 || r->woken_for != r->found.channel)
			receiver_wake_next(r);
		msgslot_listener_put(r->listener);
	}
	return ret;
}

/*
 * Everything that receive_fast() does not do, after @ret of it: of a queue, that says what to do
 * next, and there is no need to look again before; elsewhere a look may have more to tell.  Without
 * @deadline, @nowait counts.  Returns bytes, or of a batch the messages; or the error.
 */
static noinline ssize_t receive_slow(struct msgslot_file *f, const struct msgslot_recv *args,
				     struct msgslot_recv __user *user, struct user_memory to,
				     size_t size, const struct msgslot_deadline *deadline,
				     bool nowait, ssize_t ret, size_t voided)
{
	const struct msgslot_deadline plain = msgslot_file_deadline(f, nowait);
	struct receiver r msgslot_uninitialized;

	/* All but the holder, which is as large as the rest. */
	r.f = f;
	r.args = args;
	r.user = user;
	r.to = to;
	r.size = size;
	r.owner = f->slot->rules.cursor;
	r.deadline = deadline ?: &plain;
	r.lookup.held = false;
	r.lookup.generation = 0;
	r.selected = false;
	r.cursor = 0;
	r.offset = 0;
	r.slept = false;
	r.woken_for = -1;
	r.by_range = false;
	r.listener = NULL;
	r.lease = NULL;
	r.voided = voided;
	r.told = false;
	if (ret && r.owner == MSGSLOT_CURSOR_OF_CHANNEL) {
		ret = receive_prepare_again(&r, ret);
		if (ret)
			goto out;
		ret = receive_held(&r);
		if (ret > 0)
			goto out;
	}
	r.by_range |= receiver_has_flag(&r, MSGSLOT_RECV_RANGE);
	ret = receive_loop(&r);
out:
	/* The end of the slot comes before all other errors, also where it came while they did. */
	if (unlikely(ret < 0 && msgslot_slot_is_gone(f->slot)))
		ret = -ENODEV;
	if (unlikely(r.voided || (ret < 0 && r.told)))
		receiver_take_back(&r, ret);
	if (unlikely(r.lease))
		msgslot_tied_lease_put(r.lease, &f->ties, &f->slot->spares);
	if (r.lookup.held) {
		if (ret < 0)
			receiver_wake_next(&r);
		msgslot_channel_unhold(&f->slot->channels, r.lookup.channel, &r.holder);
	}
	if (unlikely(receiver_has_flag(&r, MSGSLOT_RECV_MANY)) && ret > 0)
		ret = r.messages;
	return ret;
}

static __always_inline ssize_t receive_read(struct msgslot_file *f, struct user_memory to,
					    size_t size, bool nowait)
{
	size_t voided = 0;
	ssize_t ret = 0;

	/*
	 * Its channels go one after the other: once its end was told, what is still there is not
	 * found.
	 */
	if (unlikely(msgslot_slot_is_gone(f->slot)))
		return -ENODEV;
	/*
	 * While receives are traced receive_slow() does all: what a tracepoint tells costs nothing
	 * here.
	 */
	if (likely(!trace_msgslot_receive_enabled()))
		ret = receive_fast_by_owner(f, false, NULL, NULL, to, size, &voided);
	if (likely(ret > 0))
		return ret;
	/* Where messages are read in pieces, nothing is a piece of any message. */
	if (!size && msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_PIECES) &&
	    !rcu_access_pointer(f->listener))
		return 0;
	return receive_slow(f, NULL, NULL, to, size, NULL, nowait, ret, voided);
}

ssize_t msgslot_read(struct file *file, char __user *buffer, size_t size, loff_t *pos)
{
	const struct user_memory to = { .pointer = buffer };

	return receive_read(file->private_data, to, size, false);
}

ssize_t msgslot_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	const struct user_memory to = { .iter = iter };

	return receive_read(iocb->ki_filp->private_data, to, iov_iter_count(iter),
			    iocb->ki_flags & IOCB_NOWAIT);
}

/* What receive_fast() leaves of MSGSLOT_RECV. */
static noinline long receive_slow_recv(struct msgslot_file *f, struct msgslot_recv __user *user,
				       const struct msgslot_recv *args,
				       const struct msgslot_deadline *deadline, int wrong,
				       size_t voided)
{
	struct user_memory to = { .pointer = u64_to_user_ptr(args->message) };
	size_t size = args->size;
	ssize_t ret;

	/* A message that is dropped goes nowhere. */
	if (args->flags & MSGSLOT_RECV_DROP) {
		to.pointer = NULL;
		size = 0;
	}
	ret = receive_slow(f, args, user, to, size, deadline, false, wrong, voided);
	return ret > 0 && !(args->flags & MSGSLOT_RECV_MANY) ? 0 : ret;
}

long msgslot_receive_flagged(struct msgslot_file *f, struct msgslot_recv __user *user,
			     const struct msgslot_recv *args,
			     const struct msgslot_deadline *deadline, size_t voided)
{
	if (args->flags == MSGSLOT_RECV_RANGE && receive_range_fast(f, args, user, &voided))
		return 0;
	return receive_slow_recv(f, user, args, deadline, 0, voided);
}

long msgslot_receive(struct msgslot_file *f, struct msgslot_recv __user *user,
		     const struct msgslot_recv *args, const struct msgslot_deadline *deadline)
{
	const struct user_memory to = { .pointer = u64_to_user_ptr(args->message) };
	size_t voided = 0;
	ssize_t ret;

	if (unlikely(trace_msgslot_receive_enabled()))
		return receive_slow_recv(f, user, args, deadline, 0, 0);
	ret = receive_fast_by_owner(f, true, args, user, to, args->size, &voided);
	if (likely(ret > 0))
		return 0;
	return receive_slow_recv(f, user, args, deadline, ret, voided);
}
