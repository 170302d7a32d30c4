// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving: read(), readv(), MSGSLOT_RECV.
 *
 * A message is looked at, copied out to the user, and only then does a cursor move (cursor.h),
 * which cannot fail: so a call that fails has left everything as it was.  Should somebody else have
 * moved the cursor meanwhile, what was copied is void and the call begins again.
 *
 * receive_usual() is that for the usual case (receive_fast.h).  What it does not know, receive() does, in
 * the same steps: look(), hand_out(), move_cursor().
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "receive.h"
#include "receive_fast.h"

/**
 * struct receiver - a call that receives
 * @f: the file
 * @args: of MSGSLOT_RECV, NULL for read()
 * @user: where they came from
 * @lost: what the result says of that beyond what the file's cursor does
 * @lookup: the channel; held by @holder once the call slept, or where the file has not selected it
 * @holder: the call, as that channel knows it
 * @selected: the file had it selected, at that generation
 * @cursor: the message to look for
 * @offset: how much of it the file has read already
 * @slept: the call slept in the channel's queue
 * @voided: the most bytes of a message that went to the user, perhaps of one that another reader took;
 *	with these the result, if there is one
 */
struct receiver {
	struct msgslot_file *f;
	const struct msgslot_recv *args;
	struct msgslot_recv __user *user;
	u64 lost;
	struct lookup lookup;
	struct msgslot_holder holder;
	bool selected;
	u64 cursor;
	u32 offset;
	bool slept;
	size_t voided;
};

static bool has_flag(const struct receiver *r, u32 flag)
{
	return r->args && r->args->flags & flag;
}

/* Whether the call goes by the file's own cursor. */
static bool goes_by_file(const struct receiver *r, enum msgslot_cursor_owner reads)
{
	return reads == MSGSLOT_CURSOR_OF_FILE && !has_flag(r, MSGSLOT_RECV_NEWER);
}

/* Whether of those who sleep like this call, one is woken for a message. */
static bool sleeps_alone(const struct receiver *r, enum msgslot_cursor_owner reads)
{
	return reads == MSGSLOT_CURSOR_OF_CHANNEL && !has_flag(r, MSGSLOT_RECV_PEEK);
}

/*
 * Messages that the file had not read went before @first: moves the cursor there.  -ENOBUFS, for
 * read() to tell it; or 1 to look again, as somebody else did.  MSGSLOT_RECV only takes note here,
 * and the next call that finds a message tells.
 */
static int overrun(struct receiver *r, u64 first)
{
	struct msgslot_file *f = r->f;
	u64 lost = first - r->cursor, dropped = lost;
	int err = -ENOBUFS;

	spin_lock(&f->lock);
	if (f->generation == r->lookup.generation && f->cursor.next == r->cursor &&
	    f->cursor.offset == r->offset) {
		WRITE_ONCE(f->cursor.next, first);
		WRITE_ONCE(f->cursor.offset, r->args ? MSGSLOT_LOSS_PENDING : 0);
		WRITE_ONCE(f->cursor.lost, f->cursor.lost + lost);
		dropped = msgslot_cursor_dropped(&f->cursor, r->cursor, first);
	} else if (f->generation == r->lookup.generation || !r->lookup.held) {
		err = 1;
	}
	/* Else a sleeper on a channel that the file has left: nobody goes by his cursor any more. */
	spin_unlock(&f->lock);
	if (err > 0)
		return err;
	r->cursor = first;
	this_cpu_add(f->slot->stats->dropped, dropped);
	return err;
}

/* The file's cursor, for who has the channel on hold: as long as it still is that channel's. */
static void set_cursor_held(struct receiver *r)
{
	struct msgslot_file *f = r->f;

	spin_lock(&f->lock);
	if (f->generation == r->lookup.generation) {
		r->cursor = f->cursor.next;
		r->offset = f->cursor.offset;
	}
	spin_unlock(&f->lock);
}

/* The cursor to look with. */
static void set_cursor(struct receiver *r, enum msgslot_cursor_owner reads)
{
	struct msgslot_file *f = r->f;

	if (has_flag(r, MSGSLOT_RECV_NEWER)) {
		r->cursor = r->args->sequence + (r->args->sequence != U64_MAX);
	} else if (reads != MSGSLOT_CURSOR_OF_FILE) {
		r->cursor = 0;
	} else if (r->lookup.held) {
		set_cursor_held(r);
	} else {
		/* If these are of two moments, or of another channel, receive_advance() will know. */
		r->cursor = READ_ONCE(f->cursor.next);
		r->offset = READ_ONCE(f->cursor.offset);
	}
}

/* Whether read() has to tell what MSGSLOT_RECV took note of, before the message that it lookup. */
static bool is_untold(const struct receiver *r, int err)
{
	return !err && !r->args && r->offset == MSGSLOT_LOSS_PENDING;
}

/* Looks for the message: 0, with it in @peek; 1 to look again; or the error. */
static int look(struct receiver *r, enum msgslot_cursor_owner reads, struct msgslot_peek *peek,
		size_t size)
{
	struct msgslot_file *f = r->f;
	struct msgslot_channel *channel;
	int err, lost;
	u64 first;

	rcu_read_lock();
	if (!r->lookup.held) {
		/* Pairs with the release in file_select(): never new with the channel before. */
		r->lookup.generation = smp_load_acquire(&f->generation);
		r->lookup.channel = rcu_dereference(f->channel);
	}
	channel = r->lookup.channel;
	if (!channel || (r->args && !r->lookup.held && channel->id != r->args->channel)) {
		rcu_read_unlock();
		return -EIDRM;
	}
	r->lost = 0;
	set_cursor(r, reads);
	peek->pieces = !r->args && msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_PIECES);
	err = msgslot_log_peek(&channel->log, r->cursor, peek, size);
	first = msgslot_log_first(&channel->log);
	if (!err)
		first = peek->sequence;
	if (has_flag(r, MSGSLOT_RECV_NEWER) && r->args->sequence)
		r->lost = first - max(r->cursor, channel->log.start);
	rcu_read_unlock();
	msgslot_buffer_put(&f->slot->spares, peek->stale);

	if (!goes_by_file(r, reads) || (first <= r->cursor && !is_untold(r, err)))
		return err;
	/* MSGSLOT_RECV tells a loss with the message that it finds, and moves nothing before. */
	r->lost = first - r->cursor;
	if (r->args && (!err || has_flag(r, MSGSLOT_RECV_PEEK)))
		return err;
	if (!err)
		msgslot_buffer_put(&f->slot->spares, peek->buffer);
	/* The end of the slot takes the messages after it is told, and that is no loss. */
	if (msgslot_slot_is_gone(f->slot))
		return -ENODEV;
	lost = overrun(r, first);
	/* With none to be found, it takes note; else poll() would call for it again and again. */
	return r->args && lost < 0 ? err : lost;
}

/* Before the call waits for a page: one that was woken alone wakes the next, if there is a message. */
static void before_waiting(struct receiver *r, enum msgslot_cursor_owner reads)
{
	if (r->slept && sleeps_alone(r, reads) &&
	    msgslot_log_has(&r->lookup.channel->log, 0, false))
		msgslot_waiters_wake(&r->lookup.channel->waiters.readers, MSGSLOT_EVENTS_READABLE);
}

/* Has all pages of @to there, and waits for those that are not: whether that worked.  Clears it. */
static bool have_pages(struct user_memory to, size_t n)
{
	struct iov_iter iter;

	if (!to.iter)
		return !clear_user(to.pointer, n);
	iter = *to.iter;
	return iov_iter_zero(n, &iter) == n;
}

/*
 * Copies @n bytes of what was found out, from @offset on, and puts its buffer: 0, -EFAULT, or 1 to look
 * again.  Where a page is missing that may take for ever, and nobody may be kept from anything meanwhile:
 * so others are woken for the message, and a long one is let go, and found again when all pages are there.
 */
static int copy_out_found(struct receiver *r, enum msgslot_cursor_owner reads,
			  struct user_memory to, struct msgslot_peek *peek, u32 offset, size_t n)
{
	struct msgslot_buffer *buffer = peek->buffer;
	bool done = copy_out_now(to, peek->bytes + offset, n);

	/* Unless the call returns it. */
	r->voided = max(r->voided, n);
	peek->buffer = NULL;
	msgslot_buffer_put(&r->f->slot->spares, buffer);
	if (done)
		return 0;
	before_waiting(r, reads);
	if (buffer)
		return have_pages(to, n) ? 1 : -EFAULT;
	return user_copy_out(to, peek->bytes + offset, n) ? 0 : -EFAULT;
}

/* What the file's cursor has lost, as long as it is on the channel of the message. */
static u64 lost_by_file(const struct receiver *r)
{
	struct msgslot_file *f = r->f;
	u64 lost;

	spin_lock(&f->lock);
	lost = f->generation == r->lookup.generation ? f->cursor.lost : 0;
	spin_unlock(&f->lock);
	return lost;
}

static bool put_result_awake(struct receiver *r, enum msgslot_cursor_owner reads,
			     const struct msgslot_peek *peek)
{
	const u64 lost = r->lost + (goes_by_file(r, reads) ? lost_by_file(r) : 0);
	bool done;

	pagefault_disable();
	done = put_result(r->user, peek, lost);
	pagefault_enable();
	if (!done) {
		before_waiting(r, reads);
		done = put_result(r->user, peek, lost);
	}
	return done;
}

/* Hands @peek out: 0 with the bytes handed out in *@n, 1 to look again, or the error. */
static int hand_out(struct receiver *r, enum msgslot_cursor_owner reads, struct msgslot_peek *peek,
		    struct user_memory to, size_t size, u32 *n)
{
	u32 offset = 0;
	int err = 0;

	*n = peek->length;
	if (peek->pieces) {
		offset = r->offset;
		/* Of another message: somebody else is reading this file, and was quicker. */
		if (offset && offset >= peek->length)
			return 1;
		*n = min_t(size_t, size, peek->length - offset);
	}
	if (has_flag(r, MSGSLOT_RECV_IF) && peek->sequence != r->args->sequence)
		return -ESTALE;
	/* No byte goes to the user then, but the result does. */
	if (has_flag(r, MSGSLOT_RECV_DROP))
		r->voided = max_t(size_t, r->voided, 1);
	else if (*n > size)
		err = -ENOSPC;
	else if (user_is_null(to))
		err = -EINVAL;
	else
		err = copy_out_found(r, reads, to, peek, offset, *n);
	/* How long a message is that does not fit, is told, too. */
	if (r->args && (!err || err == -ENOSPC) && !put_result_awake(r, reads, peek))
		err = -EFAULT;
	return err;
}

/* Moves the cursor beyond what was handed out; whether it was still there. */
static bool move_cursor(struct receiver *r, enum msgslot_cursor_owner reads,
			const struct msgslot_peek *peek, u32 n)
{
	struct msgslot_file *f = r->f;
	u32 end = peek->pieces ? r->offset + n : peek->length;

	if (has_flag(r, MSGSLOT_RECV_PEEK))
		return true;
	switch (reads) {
	case MSGSLOT_CURSOR_OF_NONE:
		if (!r->lookup.held || r->selected)
			receive_mark_seen(f, &r->lookup, peek->sequence);
		break;
	case MSGSLOT_CURSOR_OF_CHANNEL:
		return receive_take(f, &r->lookup, peek->sequence, peek->length);
	case MSGSLOT_CURSOR_OF_FILE:
		if (goes_by_file(r, reads))
			return receive_advance(f, &r->lookup, r->cursor, r->offset, peek->sequence,
					       end, peek->length);
		break;
	}
	return true;
}

/* From a message that was found to its end: bytes handed out, or an error; *@again to look again. */
static ssize_t deliver(struct receiver *r, enum msgslot_cursor_owner reads,
		       struct msgslot_peek *peek, struct user_memory to, size_t size, bool *again)
{
	u32 n;
	int err = hand_out(r, reads, peek, to, size, &n);

	/* Where nothing was copied out it is still there. */
	msgslot_buffer_put(&r->f->slot->spares, peek->buffer);
	*again = err > 0 || (!err && !move_cursor(r, reads, peek, n));
	if (err)
		return err;
	if (*again) {
		/* What went out with the iterator goes out again. */
		if (to.iter)
			iov_iter_revert(to.iter, n);
	} else if (!has_flag(r, MSGSLOT_RECV_PEEK) &&
		   (!peek->pieces || r->offset + n == peek->length)) {
		/* A look is not counted, and of a message in pieces only the last. */
		this_cpu_inc(r->f->slot->stats->received);
	}
	return n;
}

/* After -EIDRM of look(): the file has not selected what is asked for.  0 to look again. */
static int find_channel(struct receiver *r, enum msgslot_cursor_owner reads,
			const struct msgslot_deadline *deadline)
{
	struct msgslot_file *f = r->f;
	struct msgslot_channel *channel;

	if (!r->args)
		return msgslot_file_select_first(f);
	if (goes_by_file(r, reads)) {
		/* Only what is selected has a cursor; channel 0 perhaps could not be selected before. */
		if (r->args->channel || rcu_access_pointer(f->channel))
			return -EINVAL;
		return msgslot_file_select_first(f);
	}
	if (deadline->wait && !has_flag(r, MSGSLOT_RECV_IF))
		channel = msgslot_channel_hold(&f->slot->channels, r->args->channel, &f->payer,
					       &r->holder);
	else
		channel = msgslot_channel_find(&f->slot->channels, r->args->channel, f->payer.share,
					       &r->holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	if (channel) {
		r->lookup.channel = channel;
		r->lookup.held = true;
		return 0;
	}
	return has_flag(r, MSGSLOT_RECV_IF) ? -ESTALE : -EAGAIN;
}

/* After -EAGAIN of look(): waits for a message, if that is wanted.  0 to look again. */
static int wait_for_message(struct receiver *r, enum msgslot_cursor_owner reads,
			    const struct msgslot_deadline *deadline)
{
	struct msgslot_slot *slot = r->f->slot;
	struct msgslot_selection selection;

	if (has_flag(r, MSGSLOT_RECV_IF))
		return -ESTALE;
	if (!deadline->wait ||
	    (!r->args && !msgslot_rules_can(&slot->rules, MSGSLOT_CAN_READ_WAIT)))
		return -EAGAIN;
	if (!r->lookup.held) {
		selection = msgslot_file_hold_selected(r->f, &r->holder);
		/* Another thread selected just now. */
		if (r->args && selection.channel->id != r->args->channel) {
			msgslot_channel_unhold(&slot->channels, selection.channel, &r->holder);
			return 0;
		}
		r->lookup.channel = selection.channel;
		r->lookup.generation = selection.generation;
		r->lookup.held = true;
		r->selected = true;
		if (goes_by_file(r, reads))
			r->cursor = selection.cursor;
	}
	r->slept = true;
	return msgslot_wait_message(&r->lookup.channel->waiters, &r->lookup.channel->log, r->cursor,
				    !r->args && reads == MSGSLOT_CURSOR_OF_FILE,
				    sleeps_alone(r, reads), deadline);
}

/* After @wrong of receive_usual() or look(): 0 or more to look again, or the error. */
static int prepare_again(struct receiver *r, enum msgslot_cursor_owner reads,
			 const struct msgslot_deadline *deadline, int wrong)
{
	if (wrong == -EIDRM)
		return find_channel(r, reads, deadline);
	if (wrong == -EAGAIN)
		return wait_for_message(r, reads, deadline);
	return wrong;
}

/* The end of a call that has a channel on hold. */
static void let_go(struct receiver *r, enum msgslot_cursor_owner reads, bool failed)
{
	struct msgslot_channel *channel = r->lookup.channel;

	/* Who slept and leaves without taking wakes the next, if there is a message. */
	if (failed && r->slept && sleeps_alone(r, reads) &&
	    msgslot_log_has(&channel->log, 0, false))
		msgslot_waiters_wake(&channel->waiters.readers, MSGSLOT_EVENTS_READABLE);
	msgslot_channel_unhold(&r->f->slot->channels, channel, &r->holder);
}

/*
 * After a sleep in a queue, or once its channel is found, mostly all is as usual.  But whoever has to
 * wait for a page of the user's must wake the next sleeper first: that is left to deliver().
 */
static noinline ssize_t receive_held(struct receiver *r, struct user_memory to, size_t size)
{
	ssize_t ret;

	if (!r->lookup.held || to.iter)
		return 0;
	pagefault_disable();
	ret = receive_usual(r->f, MSGSLOT_CURSOR_OF_CHANNEL, &r->lookup, r->args, r->args, r->user,
			    to, size, &r->voided);
	pagefault_enable();
	return ret;
}

/* Zeros, up to the first byte that cannot be written: clear_user() may stop some bytes before that. */
static void clear_out(struct user_memory to, size_t size)
{
	static const u8 zeros[64];
	size_t n;

	for (; size; size -= n) {
		n = min(size, sizeof(zeros));
		if (!user_copy_out(to, zeros, n))
			break;
		if (!to.iter)
			to.pointer += n;
	}
}

/*
 * Takes back what the user got of messages that somebody else took, beyond those of the call's own, of
 * which it is to answer @ret; and where the call fails, the result.  As far as that needs no page that is
 * not there.
 */
static noinline void take_back(struct receiver *r, struct user_memory to, ssize_t ret)
{
	/* How long a message is that does not fit is told, and no trace of another. */
	const bool failed = ret < 0 && ret != -ENOSPC;
	const size_t n = max_t(ssize_t, ret, 0);
	struct iov_iter iter;

	if (r->voided <= n)
		return;
	pagefault_disable();
	if (to.iter) {
		iter = *to.iter;
		to.iter = &iter;
	} else if (to.pointer) {
		to.pointer += n;
	}
	if (!user_is_null(to))
		clear_out(to, r->voided - n);
	if (r->args && failed)
		(void)put_fields(r->user, r->args->length, r->args->sequence, r->args->time,
				 r->args->lost, r->args->pid, r->args->uid);
	pagefault_enable();
}

/*
 * Everything that receive_usual() does not do, after @ret of it.  Of a queue that says what to do
 * next, and there is no need to look again before; elsewhere a look may have more to tell.  Without
 * @deadline, @nowait says it.
 */
static noinline ssize_t receive(struct msgslot_file *f, const struct msgslot_recv *args,
				struct msgslot_recv __user *user, struct user_memory to,
				size_t size, const struct msgslot_deadline *deadline, bool nowait,
				ssize_t ret, size_t voided)
{
	const struct msgslot_deadline simple = msgslot_file_deadline(f, nowait);
	struct receiver r msgslot_uninitialized;
	u8 room[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	const enum msgslot_cursor_owner reads = f->slot->rules.cursor;
	struct msgslot_peek peek msgslot_uninitialized;
	unsigned int rounds = 0;
	bool again;

	peek.room = room;
	deadline = deadline ?: &simple;
	/* But for what the holder has, which is as large as the rest. */
	r.f = f;
	r.args = args;
	r.user = user;
	r.lost = 0;
	r.lookup.held = false;
	r.lookup.generation = 0;
	r.selected = false;
	r.cursor = 0;
	r.offset = 0;
	r.slept = false;
	r.voided = voided;
	if (ret && reads == MSGSLOT_CURSOR_OF_CHANNEL) {
		ret = prepare_again(&r, reads, deadline, ret);
		if (ret)
			goto out;
		ret = receive_held(&r, to, size);
		if (ret > 0)
			goto out;
	}
	do {
		ret = -ENODEV;
		if (msgslot_slot_is_gone(f->slot))
			break;
		ret = look(&r, reads, &peek, size);
		if (!ret) {
			ret = deliver(&r, reads, &peek, to, size, &again);
		} else {
			ret = prepare_again(&r, reads, deadline, ret);
			again = ret >= 0;
		}
		/* Others may be faster, again and again. */
		if (again)
			ret = msgslot_deadline_retry(deadline, &rounds);
	} while (again && !ret);
out:
	/* The end of the slot comes before all other errors, also where it came while they did. */
	if (unlikely(ret < 0 && msgslot_slot_is_gone(f->slot)))
		ret = -ENODEV;
	if (unlikely(r.voided))
		take_back(&r, to, ret);
	if (r.lookup.held)
		let_go(&r, reads, ret < 0);
	return ret;
}

static __always_inline ssize_t read(struct msgslot_file *f, struct user_memory to, size_t size,
				    bool nowait)
{
	size_t voided = 0;
	ssize_t ret;

	/* Its channels go one after the other: what is still there is not to be found once that was told. */
	if (unlikely(msgslot_slot_is_gone(f->slot)))
		return -ENODEV;
	ret = receive_usual_of_mode(f, false, NULL, NULL, to, size, &voided);
	if (likely(ret > 0))
		return ret;
	/* In pieces, nothing is a piece of any message. */
	if (!size && msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_PIECES))
		return 0;
	return receive(f, NULL, NULL, to, size, NULL, nowait, ret, voided);
}

ssize_t msgslot_read(struct file *file, char __user *buffer, size_t size, loff_t *pos)
{
	const struct user_memory to = { .pointer = buffer };

	return read(file->private_data, to, size, false);
}

ssize_t msgslot_read_iter(struct kiocb *iocb, struct iov_iter *iter)
{
	const struct user_memory to = { .iter = iter };

	return read(iocb->ki_filp->private_data, to, iov_iter_count(iter),
		    iocb->ki_flags & IOCB_NOWAIT);
}

long msgslot_receive(struct msgslot_file *f, struct msgslot_recv __user *user,
		     const struct msgslot_recv *args, const struct msgslot_deadline *deadline)
{
	struct user_memory to = { .pointer = u64_to_user_ptr(args->message) };
	size_t size = args->size, voided = 0;
	ssize_t ret = 0;

	if (likely(!args->flags))
		ret = receive_usual_of_mode(f, true, args, user, to, size, &voided);
	if (unlikely(ret <= 0)) {
		/* A message that is dropped goes nowhere. */
		if (args->flags & MSGSLOT_RECV_DROP) {
			to.pointer = NULL;
			size = 0;
		}
		ret = receive(f, args, user, to, size, deadline, false, ret, voided);
	}
	return min_t(ssize_t, ret, 0);
}
