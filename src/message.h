/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A message on its way between a user and the log of a channel: send.c and receive.c.
 *
 * Both begin without a hold of the channel, by RCU, and get by without one unless they sleep, grow
 * the log, or go to a channel that the file has not selected.  Once a call has a channel on hold it
 * stays with that one.
 */
#ifndef MSGSLOT_MESSAGE_H
#define MSGSLOT_MESSAGE_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>

#include "channel.h"
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

/* Where it fails, the iterator is where it was. */
static __always_inline bool copy_out(struct user_memory to, const void *from, size_t length)
{
	size_t done;

	if (!to.iter)
		return !copy_to_user(to.pointer, from, length);
	done = copy_to_iter(from, length, to.iter);
	if (likely(done == length))
		return true;
	iov_iter_revert(to.iter, done);
	return false;
}

static __always_inline bool is_null(struct user_memory memory)
{
	return !memory.iter && !memory.pointer;
}

/* How long read() and write() wait: for ever, or if that is said anywhere not at all. */
static inline struct msgslot_deadline plain_deadline(const struct msgslot_file *f, bool nowait)
{
	return (struct msgslot_deadline){
		.wait = !nowait && !(f->payer.file->f_flags & O_NONBLOCK),
		.until = KTIME_MAX,
	};
}

/*
 * The sender's process as the caller's pid namespace numbers it, 0 where it does not: so also where the
 * sender is gone and its number is another process's now, which began after the message was sent at
 * @time.
 */
static __always_inline u32 pid_for_caller(pid_t pid, u64 time)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct task_struct *task;
	u32 nr = 0;

	if (likely(ns == &init_pid_ns))
		return pid;
	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_TGID);
	if (task && task->start_boottime <= time)
		nr = task_tgid_nr_ns(task, ns);
	rcu_read_unlock();
	return nr;
}

/* A time of CLOCK_BOOTTIME as the caller's time namespace has it; 0 if that began later. */
static __always_inline u64 time_for_caller(u64 time)
{
#ifdef CONFIG_TIME_NS
	const struct timespec64 *offset = &current->nsproxy->time_ns->offsets.boottime;

	if (unlikely(offset->tv_sec | offset->tv_nsec))
		return max_t(s64, time + timespec64_to_ns(offset), 0);
#endif
	return time;
}

/* The sender's user as the caller's user namespace numbers that user. */
static __always_inline u32 uid_for_caller(kuid_t uid)
{
	struct user_namespace *ns = current_user_ns();

	return likely(ns == &init_user_ns) ? __kuid_val(uid) : from_kuid_munged(ns, uid);
}

/* MSGSLOT_SEND and MSGSLOT_RECV. */
long msgslot_send(struct msgslot_file *f, struct msgslot_send __user *user,
		  const struct msgslot_send *args, const struct msgslot_deadline *deadline);
long msgslot_receive(struct msgslot_file *f, struct msgslot_recv __user *user,
		     const struct msgslot_recv *args, const struct msgslot_deadline *deadline);

#endif /* MSGSLOT_MESSAGE_H */
