/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A channel: a log inside a slot, named by a 32-bit id.
 *
 * Channels are found by id in a red-black tree of the slot: 24 bytes a channel whatever the ids,
 * walked in order of ids, and nothing that could fail or sleep when a channel comes or goes.
 *
 * A channel is held by every open file that has it selected.  It lives until nobody holds it and it
 * has no message; then it is forgotten, and only the highest sequence it used stays with the slot.
 * So messages outlive every process, and selecting ids is no way to eat the kernel.
 *
 * Reading and writing take no hold as long as they do not sleep: they find the file's channel by RCU.
 * Should another thread select meanwhile and the channel be forgotten, a reader finds an empty log,
 * which is a true answer, and a writer finds the log dead, and looks again which channel the file
 * has now.  Who must sleep takes a hold first, and keeps the channel he began on.
 *
 * A reader without a hold may take a channel's last message just as the last file that had the
 * channel selected goes elsewhere, so either may be the one that leaves it empty and not held:
 *
 *	select, on the same file		read
 *	generation + 1				take the message (log.lock)
 *	give the hold back			is generation as it was?
 *	  is the log empty (log.lock)?  forget	no: forget, if no file holds it (slot.lock)
 *
 * If the select finds the message, the read sees the new generation; else the log is empty.
 *
 * Waiting
 * -------
 * A channel has two queues: @wait of those who wait for a message, @room of those who wait for room, so
 * that neither costs the other anything.  Readers and writers that sleep in a call hang there themselves.
 * Whoever polls sleeps in the wait queue of the open file (file.h), for a channel can be forgotten while
 * epoll still holds the queue; the file hangs a relay in each of the channel's queues that it is polled
 * for, and a wake-up of the channel goes through the relays to the files.  A wake-up cannot be missed:
 *
 *	poll, or who goes to sleep		write
 *	enter the queue				place the message
 *	smp_mb()				smp_mb()
 *	is there a message?			anyone in the queue?  wake
 *
 * Either the writer sees the sleeper, or the sleeper sees the message.  With room instead of a
 * message it is the same, but for rooms that block, which log.h tells.
 *
 * In a queue a message wakes one sleeper, and so does a message taken one who waits for room.  What
 * he was woken for may be gone when he runs; then he sleeps again.  But if he leaves without it,
 * by a signal, a timeout or a bad pointer, or if he may stay away long, because the page he copies
 * to has to come first, he wakes the next: else a message would lie there while readers sleep.
 */
#ifndef MSGSLOT_CHANNEL_H
#define MSGSLOT_CHANNEL_H

#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "log.h"

struct msgslot_slot;

/**
 * struct msgslot_channel - a channel
 * @node: in the slot's tree, empty when it was taken out; under the slot's lock
 * @id: never changes
 * @holds: how many hold it; under the slot's lock
 * @holders: those; under the slot's lock
 * @wait: who waits for a message; has its own lock
 * @room: who waits for room; has its own lock
 * @log: the messages; has its own lock
 * @rcu: found by RCU through msgslot_file.channel
 */
struct msgslot_channel {
	struct rb_node node;
	u32 id;
	u32 holds;
	struct hlist_head holders;
	wait_queue_head_t wait;
	wait_queue_head_t room;
	struct msgslot_log log;
	struct rcu_head rcu;
};

/*
 * The channel @id of the payer's slot, held by @holder, made if there is none.
 * ERR_PTR: -ENODEV, -ENOSPC, -EDQUOT, -ENOMEM.
 */
struct msgslot_channel *msgslot_channel_hold(struct msgslot_slot *slot, u32 id,
					     const struct msgslot_payer *payer,
					     struct msgslot_holder *holder);
/* @holder holds @channel no longer; with the last one an empty channel is forgotten. */
void msgslot_channel_unhold(struct msgslot_slot *slot, struct msgslot_channel *channel,
			    struct msgslot_holder *holder);
/* @heir holds @to instead of @holder; and no longer @from, if that is not NULL. */
void msgslot_channel_pass_hold(struct msgslot_slot *slot, struct msgslot_holder *heir,
			       struct msgslot_channel *from, struct msgslot_channel *to,
			       struct msgslot_holder *holder);

/*
 * For a caller that took a message without a hold, in the RCU section it found @channel in: forgets the
 * channel if no file holds it any more and that was its last message.
 */
void msgslot_channel_forget(struct msgslot_slot *slot, struct msgslot_channel *channel);

/* The channel @id of @slot, held by @holder; NULL if there is none; or ERR_PTR(-ENODEV). */
struct msgslot_channel *msgslot_channel_find(struct msgslot_slot *slot, u32 id,
					     struct msgslot_share *share,
					     struct msgslot_holder *holder);
/* A channel that is held is held by @holder, too. */
void msgslot_channel_hold_again(struct msgslot_slot *slot, struct msgslot_channel *channel,
				struct msgslot_share *share, struct msgslot_holder *holder);

/*
 * Takes all messages of the channel @id, if @conditional only if the newest is @expected (0: there
 * is none), and wakes who waits for room: 0, with how many in @messages, or -ESTALE, -ENODEV.
 */
int msgslot_channel_clear(struct msgslot_slot *slot, u32 id, struct msgslot_share *share,
			  bool conditional, u64 expected, u64 *messages);

/* The channels from *@from on, at most @count of them: how many; *@from is where to go on. */
u32 msgslot_channel_walk(struct msgslot_slot *slot, u64 *from, struct msgslot_walk_entry *entries,
			 u32 count);

/**
 * struct msgslot_patience - how long a call may wait
 * @wait: at all
 * @until: CLOCK_MONOTONIC, KTIME_MAX for ever
 */
struct msgslot_patience {
	bool wait;
	ktime_t until;
};

/* What a call says that a signal ended: with a time it cannot be taken up again where it was. */
static inline int msgslot_interrupted(const struct msgslot_patience *patience)
{
	return patience->until == KTIME_MAX ? -ERESTARTSYS : -EINTR;
}

/*
 * A call begins again, for the time that @rounds tells, as others were faster: 0; where it has done so a few
 * times it ends as one that sleeps would, on a signal or when its time is over.
 */
int msgslot_try_again(const struct msgslot_patience *patience, unsigned int *rounds);

/*
 * Sleep until there may be a message from @cursor on, or room for one, or the slot is gone: 0, and
 * then the caller looks and comes again; -ETIMEDOUT; -EINTR or -ERESTARTSYS on a signal.  He has a
 * hold.  @or_loss: or if such messages are gone.  @alone: of those who sleep so, a message wakes one.
 */
int msgslot_channel_wait_message(struct msgslot_slot *slot, struct msgslot_channel *channel,
				 u64 cursor, bool or_loss, bool alone,
				 const struct msgslot_patience *patience);
int msgslot_channel_wait_room(struct msgslot_slot *slot, struct msgslot_channel *channel,
			      const struct msgslot_patience *patience);

/* A cursor in @channel moved, to the next message or, @all, any further: tells who wants the room. */
void msgslot_channel_tell_room(struct msgslot_slot *slot, struct msgslot_channel *channel,
			       bool all);

/* Takes all channels of a slot that is gone, wakes who waits there, frees the messages.  Sleeps. */
void msgslot_channel_kill_all(struct msgslot_slot *slot);

#define MSGSLOT_EVENTS_MESSAGE (EPOLLIN | EPOLLRDNORM)
#define MSGSLOT_EVENTS_ROOM (EPOLLOUT | EPOLLWRNORM)
#define MSGSLOT_EVENTS_GONE (EPOLLHUP | EPOLLERR)

/*
 * Tell those in @queue that @events came: all, or of those who sleep alone only one.  After the
 * event, outside of locks.  The barrier of the right column above is in wq_has_sleeper().
 */
static inline void msgslot_wake(wait_queue_head_t *queue, __poll_t events)
{
	if (wq_has_sleeper(queue))
		__wake_up(queue, TASK_NORMAL, 1, poll_to_key(events));
}

static inline void msgslot_wake_all(wait_queue_head_t *queue, __poll_t events)
{
	if (wq_has_sleeper(queue))
		__wake_up(queue, TASK_NORMAL, 0, poll_to_key(events));
}

#endif /* MSGSLOT_CHANNEL_H */
