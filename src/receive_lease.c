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

/* The result tells of @leased; @delivered: as in receive_put_fields().  Its pages must be there. */
static __always_inline bool lease_put_result(struct msgslot_recv __user *user, const u64 *delivered,
					     const struct msgslot_leased *leased)
{
	return receive_put_fields(user, NULL, delivered, leased->length, leased->sequence,
				  user_time(leased->time), 0, user_pid(leased->pid, leased->time),
				  user_uid(leased->uid));
}

/* ---- lease ----------------------------------------------------------------------------------- */

/* The head of the selected channel, if it is short, and fits; in an RCU section. */
static __always_inline struct msgslot_channel *
lease_peek(struct msgslot_file *f, const struct msgslot_recv *args, struct msgslot_peek *peek)
{
	struct msgslot_channel *channel = rcu_dereference(f->reading);
	int err;

	if (unlikely(!channel || channel->log.id != args->channel))
		return NULL;
	rcu_read_lock_sched();
	/* With a size of 0 no reference of a long message is taken. */
	err = msgslot_peek_once(&channel->log, 0, peek, true, 0);
	rcu_read_unlock_sched();
	if (unlikely(err || peek->length > MSGSLOT_INLINE_BYTES || peek->length > args->size))
		return NULL;
	return channel;
}

/* @lease gets the message of @peek.  Whether the user could be given the same. */
static __always_inline bool lease_copy(struct msgslot_lease *lease, const struct msgslot_recv *args,
				       struct msgslot_recv __user *user,
				       const struct msgslot_peek *peek)
{
	static const u64 never;
	bool done;

	lease->message = (struct msgslot_leased){
		.sequence = peek->sequence,
		.time = peek->time,
		.pid = peek->pid,
		.uid = peek->uid,
		.length = peek->length,
	};
	memcpy(lease->bytes, peek->bytes, peek->length);
	pagefault_disable();
	done = !copy_to_user(u64_to_user_ptr(args->message), peek->bytes, peek->length) &&
	       lease_put_result(user, &never, &lease->message);
	pagefault_enable();
	return done;
}

/* In one RCU section, which keeps the channel: as elsewhere the message is copied first. */
bool msgslot_receive_lease_fast(struct msgslot_file *f, const struct msgslot_recv *args,
				struct msgslot_recv __user *user, size_t *voided)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	struct msgslot_peek peek = { .inline_buffer = inline_buffer };
	struct msgslot_tied_lease *tied;
	struct msgslot_channel *channel;
	int err = -EFAULT;

	if (trace_msgslot_receive_enabled() || unlikely(!args->message))
		return false;
	rcu_read_lock();
	channel = lease_peek(f, args, &peek);
	if (unlikely(!channel))
		goto out;
	tied = msgslot_tied_lease_get(&f->payer, &f->ties, peek.length, false, MSGSLOT_GFP_NOW);
	if (IS_ERR(tied))
		goto out;
	*voided = peek.length;
	if (likely(lease_copy(&tied->lease, args, user, &peek)))
		err = msgslot_tied_lease_take(tied, &f->ties, f->slot, channel, true);
	if (likely(!err))
		this_cpu_inc(f->slot->stats->received);
	else
		msgslot_tied_lease_put(tied, &f->ties, &f->slot->spares);
out:
	rcu_read_unlock();
	return !err;
}

/* ---- done, or given back --------------------------------------------------------------------- */

/* One try: -EFAULT: a page of the result is not there. */
static __always_inline int end_lease_once(struct msgslot_file *f, const struct msgslot_recv *args,
					  struct msgslot_recv __user *user)
{
	struct msgslot_tied_lease *tied = NULL;
	struct msgslot_channel *channel;
	int err = -ESTALE;
	u32 left = 0;

	rcu_read_lock();
	channel = lease_find_channel(f, args->channel);
	if (likely(channel)) {
		spin_lock(&channel->log.lock);
		tied = msgslot_tied_lease_find_locked(&f->ties, channel, args->sequence);
		if (likely(tied)) {
			pagefault_disable();
			err = lease_put_result(user, NULL, &tied->lease.message) ? 0 : -EFAULT;
			pagefault_enable();
		}
		if (likely(!err))
			left = msgslot_tied_lease_end_locked(tied, channel, f->slot,
							     args->flags & MSGSLOT_RECV_RETURN);
		spin_unlock(&channel->log.lock);
	}
	if (unlikely(err || !msgslot_tied_lease_end(channel, f->slot, left)))
		tied = NULL;
	rcu_read_unlock();
	if (likely(tied))
		msgslot_tied_lease_put(tied, &f->ties, &f->slot->spares);
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
		if (!receive_put_fields(user, NULL, NULL, args->length, args->sequence, args->time,
					args->lost, args->pid, args->uid))
			return -EFAULT;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return err;
}
