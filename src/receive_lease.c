// SPDX-License-Identifier: GPL-2.0-only
/* Leases, by a call.  See receive_lease.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "file.h"
#include "receive_fast.h"
#include "receive_lease.h"
#include "tied_lease.h"
#include "user.h"

/* Channel @id, in an RCU section: usually the file has selected it. */
static struct msgslot_channel *lease_find_channel(struct msgslot_file *f, u32 id)
{
	struct msgslot_channel *channel = rcu_dereference(f->reading);

	if (likely(channel && channel->log.id == id))
		return channel;
	return msgslot_channel_lookup(&f->slot->channels, id, id);
}

/* ---- lease ----------------------------------------------------------------------------------- */

/* The message, and the result; the pages must be there. */
static bool lease_copy_out(const struct msgslot_recv *args, struct msgslot_recv __user *user,
			   const struct msgslot_peek *peek)
{
	bool done;

	pagefault_disable();
	done = user_copy_out((struct user_memory){ .pointer = u64_to_user_ptr(args->message) },
			     peek->bytes, peek->length) &&
	       receive_put_result(user, NULL, peek, 0) && !put_user(0, &user->delivered);
	pagefault_enable();
	return done;
}

/* In one RCU section, which keeps the channel: as elsewhere the message is copied first. */
bool msgslot_receive_lease_fast(struct msgslot_file *f, const struct msgslot_recv *args,
				struct msgslot_recv __user *user, size_t *voided)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	struct msgslot_tied_lease *lease = NULL;
	struct msgslot_channel *channel;
	int err = -EIDRM;

	if (trace_msgslot_receive_enabled() || !args->message || msgslot_slot_is_gone(f->slot))
		return false;
	rcu_read_lock();
	channel = rcu_dereference(f->reading);
	if (likely(channel && channel->log.id == args->channel)) {
		rcu_read_lock_sched();
		/* With a size of 0 no reference of a long message is taken. */
		err = msgslot_peek_once(&channel->log, 0, &peek, true, 0);
		rcu_read_unlock_sched();
	}
	if (!err && (peek.length > MSGSLOT_INLINE_BYTES || peek.length > args->size))
		err = -ENOSPC;
	if (err)
		goto out;
	err = -ENOMEM;
	lease = msgslot_tied_lease_new(&f->payer, &f->ties, peek.length, false, MSGSLOT_GFP_NOW);
	if (IS_ERR(lease))
		goto out;
	*voided = peek.length;
	err = -EFAULT;
	if (lease_copy_out(args, user, &peek))
		err = msgslot_tied_lease_take(lease, &f->ties, f->slot, channel, peek.sequence, 0);
	if (!err)
		this_cpu_inc(f->slot->stats->received);
	else
		msgslot_tied_lease_free(lease, &f->ties, &f->slot->spares);
out:
	rcu_read_unlock();
	return !err;
}

/* ---- done, or given back --------------------------------------------------------------------- */

/* The result tells the message, as it was; its pages must be there. */
static bool end_lease_put_result(struct msgslot_recv __user *user,
				 const struct msgslot_leased *leased)
{
	bool done;

	pagefault_disable();
	done = receive_put_fields(user, NULL, leased->length, leased->sequence,
				  user_time(leased->time), 0, user_pid(leased->pid, leased->time),
				  user_uid(leased->uid));
	pagefault_enable();
	return done;
}

/* One try: -EFAULT: a page of the result is not there. */
static int end_lease_once(struct msgslot_file *f, const struct msgslot_recv *args,
			  struct msgslot_recv __user *user)
{
	struct msgslot_tied_lease *lease = NULL;
	struct msgslot_channel *channel;
	int err = -ESTALE;
	u32 left = 0;

	rcu_read_lock();
	channel = lease_find_channel(f, args->channel);
	if (channel) {
		spin_lock(&channel->log.lock);
		lease = msgslot_tied_lease_find_locked(&f->ties, channel, args->sequence);
		if (lease)
			err = end_lease_put_result(user, &lease->lease.message) ? 0 : -EFAULT;
		if (!err)
			left = msgslot_tied_lease_end_locked(lease, f->slot,
							     args->flags & MSGSLOT_RECV_RETURN);
		spin_unlock(&channel->log.lock);
	}
	if (err || !msgslot_tied_lease_end(channel, f->slot, left))
		lease = NULL;
	rcu_read_unlock();
	msgslot_tied_lease_free(lease, &f->ties, &f->slot->spares);
	return err;
}

long msgslot_receive_end_lease(struct msgslot_file *f, const struct msgslot_recv *args,
			       struct msgslot_recv __user *user)
{
	int err;

	if (!READ_ONCE(f->ties.count))
		return -ESTALE;
	while ((err = end_lease_once(f, args, user)) == -EFAULT) {
		/* What was there before is written again, which brings the pages. */
		if (!receive_put_fields(user, NULL, args->length, args->sequence, args->time,
					args->lost, args->pid, args->uid))
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return err;
}
