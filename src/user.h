/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The caller of send.c and receive.c: its memory, and how its namespaces number a sender and a
 * time.
 */
#ifndef MSGSLOT_USER_H
#define MSGSLOT_USER_H

#include <linux/cred.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/user_namespace.h>

/*
 * Memory of the caller.  read() and write() have a plain pointer, which saves a hundred
 * instructions a call; the vector calls and io_uring have an iterator.  Exactly one of the two is
 * set.
 */
struct user_memory {
	char __user *pointer;
	struct iov_iter *iter;
};

static __always_inline bool user_copy_in(void *to, struct user_memory from, size_t length)
{
	if (from.iter)
		return copy_from_iter_full(to, length, from.iter);
	return !copy_from_user(to, from.pointer, length);
}

/* A failure leaves the iterator where it was. */
static __always_inline bool user_copy_out(struct user_memory to, const void *from, size_t length)
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

static __always_inline bool user_is_null(struct user_memory memory)
{
	return !memory.iter && !memory.pointer;
}

/* Faults in all pages of @to, and clears them.  Whether that worked. */
static inline bool user_fault_in(struct user_memory to, size_t size)
{
	struct iov_iter iter;

	if (!to.iter)
		return !clear_user(to.pointer, size);
	iter = *to.iter;
	return iov_iter_zero(size, &iter) == size;
}

/*
 * Zeros, up to the first byte that cannot be written: clear_user() may stop some bytes before that.
 */
static inline void user_clear(struct user_memory to, size_t size)
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
 * The sender's process as the caller's pid namespace numbers it; 0 if it does not, or if the sender
 * is gone and the number is now that of a process that started after the message was sent at @time.
 */
static __always_inline u32 user_pid(pid_t pid, u64 time)
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

/* A time of CLOCK_BOOTTIME as the caller's time namespace has it; 0 if that started later. */
static __always_inline u64 user_time(u64 time)
{
#ifdef CONFIG_TIME_NS
	const struct timespec64 *offset = &current->nsproxy->time_ns->offsets.boottime;

	if (unlikely(offset->tv_sec | offset->tv_nsec))
		return max_t(s64, time + timespec64_to_ns(offset), 0);
#endif
	return time;
}

/* The sender's user as the caller's user namespace numbers that user. */
static __always_inline u32 user_uid(kuid_t uid)
{
	struct user_namespace *ns = current_user_ns();

	return likely(ns == &init_user_ns) ? __kuid_val(uid) : from_kuid_munged(ns, uid);
}

#endif /* MSGSLOT_USER_H */
