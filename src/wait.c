// SPDX-License-Identifier: GPL-2.0-only
/* Waiters, deadlines, wake-ups.  See wait.h. */
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "log.h"
#include "wait.h"

/* A call starts over this often before it looks at signals and its deadline. */
#define DEADLINE_ROUNDS 3

void msgslot_waiters_init(struct msgslot_waiters *waiters)
{
	init_waitqueue_head(&waiters->readers);
	init_waitqueue_head(&waiters->writers);
}

/*
 * Called by a wake-up of the queue that the relay is in, with its lock, after which the relay is in
 * none, and the file may go.  What a process can do is not said, but the end of the slot: it looks.
 */
static int relay_wake(wait_queue_entry_t *relay, unsigned int mode, int sync, void *key)
{
	const __poll_t gone = key_to_poll(key) & MSGSLOT_EVENTS_GONE;

	__wake_up(relay->private, TASK_NORMAL, 0, poll_to_key(gone));
	list_del_init_careful(&relay->entry);
	return 0;
}

void msgslot_relay_init(wait_queue_entry_t *relay, wait_queue_head_t *to)
{
	init_waitqueue_func_entry(relay, relay_wake);
	relay->private = to;
	INIT_LIST_HEAD(&relay->entry);
}

void msgslot_relay_add(wait_queue_entry_t *relay, wait_queue_head_t *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (list_empty(&relay->entry))
		__add_wait_queue(queue, relay);
	spin_unlock_irqrestore(&queue->lock, flags);
}

bool msgslot_relay_remove(wait_queue_entry_t *relay, wait_queue_head_t *queue)
{
	unsigned long flags;
	bool was_in;

	if (list_empty_careful(&relay->entry))
		return false;
	spin_lock_irqsave(&queue->lock, flags);
	was_in = !list_empty(&relay->entry);
	list_del_init(&relay->entry);
	spin_unlock_irqrestore(&queue->lock, flags);
	return was_in;
}

bool msgslot_deadline_is_over(const struct msgslot_deadline *deadline)
{
	return deadline->wait && deadline->until != KTIME_MAX &&
	       ktime_after(ktime_get(), deadline->until);
}

int msgslot_deadline_retry(const struct msgslot_deadline *deadline, unsigned int *rounds)
{
	if (likely(++*rounds <= DEADLINE_ROUNDS))
		return 0;
	cond_resched();
	if (unlikely(signal_pending(current)))
		return msgslot_deadline_interrupted(deadline);
	return msgslot_deadline_is_over(deadline) ? -ETIMEDOUT : 0;
}

int msgslot_deadline_sleep(const struct msgslot_deadline *deadline)
{
	ktime_t until = deadline->until;

	if (until == KTIME_MAX)
		schedule();
	else if (!schedule_hrtimeout_range(&until, current->timer_slack_ns, HRTIMER_MODE_ABS))
		return -ETIMEDOUT;
	return 0;
}

/**
 * struct wait_condition - what ends a wait, besides the end of the log
 * @rules: space for a message; NULL: a message
 * @empty: instead of both, that there is none
 * @cursor: from here on
 * @or_loss: or that such messages are gone
 */
struct wait_condition {
	const struct msgslot_rules *rules;
	bool empty;
	u64 cursor;
	bool or_loss;
};

static __always_inline bool wait_condition_holds(struct msgslot_log *log,
						 const struct wait_condition *condition)
{
	if (condition->rules)
		return msgslot_log_is_writable(log, condition->rules);
	if (condition->empty)
		return msgslot_log_is_dead(log) || !msgslot_log_has(log, 0, false);
	return msgslot_log_is_dead(log) ||
	       msgslot_log_has(log, condition->cursor, condition->or_loss);
}

/*
 * A waiter that is awake already, by a signal or its deadline, looks itself, or leaves: it is not
 * met by the next wake-up again.
 */
static int wait_wake(wait_queue_entry_t *entry, unsigned int mode, int flags, void *key)
{
	const int woken = default_wake_function(entry, mode, flags, key);

	list_del_init_careful(&entry->entry);
	return woken;
}

/* What the condition says may have come and gone again when this returns 0. */
static __always_inline int wait_once(wait_queue_head_t *queue, struct msgslot_log *log,
				     const struct wait_condition *condition, bool exclusive,
				     const struct msgslot_deadline *deadline)
{
	wait_queue_entry_t entry msgslot_uninitialized;
	int err = 0;

	msgslot_wait_begin(queue, &entry, wait_wake, exclusive);
	if (!wait_condition_holds(log, condition)) {
		if (signal_pending(current))
			err = msgslot_deadline_interrupted(deadline);
		else
			err = msgslot_deadline_sleep(deadline);
		if (err == -ETIMEDOUT && wait_condition_holds(log, condition))
			err = 0;
	}
	finish_wait(queue, &entry);
	return err;
}

int msgslot_wait_message(struct msgslot_waiters *waiters, struct msgslot_log *log, u64 cursor,
			 bool or_loss, bool exclusive, const struct msgslot_deadline *deadline)
{
	const struct wait_condition condition = { .cursor = cursor, .or_loss = or_loss };

	return wait_once(&waiters->readers, log, &condition, exclusive, deadline);
}

int msgslot_wait_empty(struct msgslot_waiters *waiters, struct msgslot_log *log,
		       const struct msgslot_deadline *deadline)
{
	const struct wait_condition condition = { .empty = true };

	return wait_once(&waiters->writers, log, &condition, true, deadline);
}

int msgslot_wait_space(struct msgslot_waiters *waiters, struct msgslot_log *log,
		       const struct msgslot_rules *rules, const struct msgslot_deadline *deadline)
{
	const struct wait_condition condition = { .rules = rules };
	int err;

	msgslot_log_add_writer(log);
	err = wait_once(&waiters->writers, log, &condition, true, deadline);
	msgslot_log_remove_writer(log);
	return err;
}
