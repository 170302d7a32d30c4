/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting for a message or for space, and being woken.
 *
 * A channel has two wait queues, so that readers and writers cost each other nothing: @readers wait
 * for a message, @writers for space.  A reader or writer that sleeps in a call is in the queue
 * itself.  poll() sleeps in the wait queue of the open file (file.h), because a channel can be
 * forgotten while epoll still has the queue; the file puts a relay into each of the channel's
 * queues that it is polled for.
 *
 * A wake-up cannot be missed:
 *
 *	waiter (call, or poll)			writer
 *	enter the queue				place the message
 *	smp_mb()				smp_mb()
 *	is there a message?			is anyone in the queue?  wake
 *
 * Either the writer sees the waiter, or the waiter sees the message.  The first barrier is that of
 * set_current_state(), the second that of wq_has_sleeper().  Space instead of a message works
 * the same way; where `overflow` is `block`, log.h tells how.  The end of a slot makes its logs
 * dead, and a waiter looks at that, too.
 *
 * A message in a queue wakes one exclusive waiter, and so does a message that is taken.  What woke
 * it may be gone when it runs; it sleeps again then.  A woken waiter that leaves without the
 * message (signal, timeout, fault), or that may block on a page fault, must wake the next;
 * otherwise a message could wait while readers sleep.
 *
 * Modelled in tests/model/wait.pml.
 */
#ifndef MSGSLOT_WAIT_H
#define MSGSLOT_WAIT_H

#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/wait.h>

struct msgslot_log;
struct msgslot_rules;

#define MSGSLOT_EVENTS_READABLE (EPOLLIN | EPOLLRDNORM)
#define MSGSLOT_EVENTS_WRITABLE (EPOLLOUT | EPOLLWRNORM)
#define MSGSLOT_EVENTS_GONE (EPOLLHUP | EPOLLERR)

/**
 * struct msgslot_waiters - the wait queues of a channel
 * @readers: wait for a message
 * @writers: wait for space
 */
struct msgslot_waiters {
	wait_queue_head_t readers;
	wait_queue_head_t writers;
};

/**
 * struct msgslot_deadline - how long a call may wait
 * @wait: it may wait at all
 * @until: CLOCK_MONOTONIC; KTIME_MAX: for ever
 */
struct msgslot_deadline {
	bool wait;
	ktime_t until;
};

void msgslot_waiters_init(struct msgslot_waiters *waiters);

/*
 * Wakes waiters in @queue for @events: all that are not exclusive, and one that is.  Called after
 * the event, without locks.
 */
static inline void msgslot_waiters_wake(wait_queue_head_t *queue, __poll_t events)
{
	if (wq_has_sleeper(queue))
		__wake_up(queue, TASK_NORMAL, 1, poll_to_key(events));
}

/* Wakes all waiters in @queue. */
static inline void msgslot_waiters_wake_all(wait_queue_head_t *queue, __poll_t events)
{
	if (wq_has_sleeper(queue))
		__wake_up(queue, TASK_NORMAL, 0, poll_to_key(events));
}

/*
 * What a call returns that a signal ended: a call with a deadline cannot be restarted where it was.
 */
static inline int msgslot_deadline_interrupted(const struct msgslot_deadline *deadline)
{
	return deadline->until == KTIME_MAX ? -ERESTARTSYS : -EINTR;
}

/*
 * The caller is in @queue, and about to sleep; finish_wait() follows.  prepare_to_wait_event(), for
 * an entry that is fresh, inline and without a look for signals: the caller looks afterwards, as a
 * signal is noted before the state of the task is looked at.
 */
static __always_inline void msgslot_wait_begin(wait_queue_head_t *queue, wait_queue_entry_t *entry,
					       wait_queue_func_t wake, bool exclusive)
{
	unsigned long flags;

	entry->flags = 0;
	entry->private = current;
	entry->func = wake;
	spin_lock_irqsave(&queue->lock, flags);
	if (exclusive)
		__add_wait_queue_entry_tail_exclusive(queue, entry);
	else
		__add_wait_queue(queue, entry);
	/* The left column above: the barrier is in it. */
	set_current_state(TASK_INTERRUPTIBLE);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* Whether it has passed. */
bool msgslot_deadline_is_over(const struct msgslot_deadline *deadline);
/* Sleeps until woken: 0, or -ETIMEDOUT. */
int msgslot_deadline_sleep(const struct msgslot_deadline *deadline);
/*
 * For a call that starts over because others were faster, for the time that @rounds counts: 0 to go
 * on.  After a few rounds it ends as a sleeping call would, by a signal or its deadline.
 */
int msgslot_deadline_retry(const struct msgslot_deadline *deadline, unsigned int *rounds);

/*
 * A relay passes one wake-up of a queue on to another, to the processes that poll there, and is in
 * no queue then.  A process that is woken looks, by poll(), and that puts the relay in again.  So a
 * message costs nothing for files that only read, nor for those that were told of one before and
 * did not look since, however many they are.  Until then further messages pass it by: so all are
 * woken, also those that wait exclusively.
 *
 *	poll				wake-up (holds the queue)
 *	enter the other queue		wake all that are in the other queue
 *	is the relay in?  put it in	take the relay out
 *	is there a message?
 *
 * If the wake-up comes first, poll puts the relay in again; if poll does, the wake-up sees the
 * waiter.
 */
/* A relay to @to, in no queue. */
void msgslot_relay_init(wait_queue_entry_t *relay, wait_queue_head_t *to);
/* @relay is in @queue then. */
void msgslot_relay_add(wait_queue_entry_t *relay, wait_queue_head_t *queue);
/* Whether @relay was in @queue; it is in none then, and no wake-up uses it any more. */
bool msgslot_relay_remove(wait_queue_entry_t *relay, wait_queue_head_t *queue);

/*
 * Sleep once, until there may be a message from @cursor on, or space for one, or the log is dead:
 * 0, and the caller looks again; -ETIMEDOUT; -EINTR or -ERESTARTSYS by a signal.  The caller holds
 * the channel.
 * @or_loss: messages from @cursor on that are gone count, too.  @exclusive: a message wakes one
 *	such waiter.
 */
int msgslot_wait_message(struct msgslot_waiters *waiters, struct msgslot_log *log, u64 cursor,
			 bool or_loss, bool exclusive, const struct msgslot_deadline *deadline);
/* The same until the log is empty: one such waiter is woken then. */
int msgslot_wait_empty(struct msgslot_waiters *waiters, struct msgslot_log *log,
		       const struct msgslot_deadline *deadline);
int msgslot_wait_space(struct msgslot_waiters *waiters, struct msgslot_log *log,
		       const struct msgslot_rules *rules, const struct msgslot_deadline *deadline);

#endif /* MSGSLOT_WAIT_H */
