/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open file of a slot: which channel it has selected, what it has read, which processes poll it.
 *
 * Threads and processes may share it, and all of them may select, read, write and poll at once.
 * msgslot_file.lock keeps fields consistent:
 *
 *	select		changes channel, cursor and relays, then increments generation
 *	read		loads generation before the channel and the cursor, and moves the cursor
 *			at the end only if generation is still the same: what was read on one
 *			channel never hides a message of the next
 *
 * What the cursor is for depends on whose cursor a read moves.  The file's: it is the message to
 * read next.  The channel's: it remains 0.  None (mode `last`): it says which message poll() does
 * not report; reading the same message again writes nothing at all.
 *
 * A file that listens reads no channel, but writes to the one that it has selected.  Selecting a
 * channel ends that, and listening ends what the file has read of its channel.
 *
 * The relays (wait.h) pass wake-ups of the channel on to processes that poll the file: one is in
 * the channel's queue of readers, one in that of writers.  poll() puts in those that it needs.
 *
 * Lock order: msgslot_file.lock, then either msgslot_channels.lock and what follows there (log.h),
 * or the lock of a queue in msgslot_channel.waiters, then that of msgslot_file.wait.
 */
#ifndef MSGSLOT_FILE_H
#define MSGSLOT_FILE_H

#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "account.h"
#include "channel.h"
#include "cursor.h"
#include "listener.h"
#include "slot.h"
#include "tie.h"

enum {
	MSGSLOT_RELAY_READERS,
	MSGSLOT_RELAY_WRITERS,
	MSGSLOT_RELAYS,
};

/**
 * struct msgslot_file - an open file
 * @slot: referenced; never changes
 * @payer: the user that opened it; never changes
 * @lock: see above; taken for a few instructions, nothing sleeps or allocates under it
 * @channel: what is selected, with a hold, or NULL; changed under @lock, read by RCU
 * @reading: what is read: the same, but NULL while the file listens; likewise
 * @listener: where the file listens to a range (listener.h), with a reference; likewise
 * @generation: counts selections; changed under @lock
 * @cursor: where the file is on @channel; see above
 * @wait: processes that poll this file
 * @relays: each in its queue of the channel (of the slot while none is selected), or in none
 * @holder: the file, as @channel knows it
 * @reads: the file is open for reading; never changes
 * @listened: the file was a listener; under @lock
 * @ties: what it holds in channels (tie.h)
 * @rcu: of a file that listened, as a wake-up may still have found @wait through the listener; and
 *	of one that leased, as a clear may have found @ties through a tie
 */
struct msgslot_file {
	struct msgslot_slot *slot;
	struct msgslot_payer payer;
	spinlock_t lock;
	struct msgslot_channel __rcu *channel;
	struct msgslot_channel __rcu *reading;
	struct msgslot_listener __rcu *listener;
	unsigned long generation;
	struct msgslot_cursor cursor;
	wait_queue_head_t wait;
	wait_queue_entry_t relays[MSGSLOT_RELAYS];
	struct msgslot_holder holder;
	bool reads;
	bool listened;
	struct msgslot_ties ties;
	struct rcu_head rcu;
};

int msgslot_file_open(struct inode *inode, struct file *file);
/* What it holds in channels (@ties) went back before. */
void msgslot_file_release(struct msgslot_file *f);
__poll_t msgslot_file_poll(struct file *file, poll_table *table);

/* Makes @id the channel of the file: 0, -EINVAL, -ENODEV, -ENOSPC, -EDQUOT, -ENOMEM. */
int msgslot_file_select(struct msgslot_file *f, u32 id);
/*
 * For a file that has selected nothing, and needs a channel: -EINVAL in `last`, else channel 0.
 * Errors as of msgslot_file_select().
 */
int msgslot_file_select_first(struct msgslot_file *f);
/*
 * The file listens to the channels @first to @last from now on, and reads no other: 0, or an error
 * as of msgslot_listener_new().  Sleeps.
 */
int msgslot_file_listen(struct msgslot_file *f, u32 first, u32 last, bool lowest);
/* The listener, with a reference for the caller; or NULL. */
struct msgslot_listener *msgslot_file_get_listener(struct msgslot_file *f);
/* Whether @id is selected, at this moment. */
bool msgslot_file_has_selected(struct msgslot_file *f, u32 id);

/**
 * struct msgslot_selection - what a file has selected, at one moment
 * @channel: the channel
 * @generation: of the selection
 * @cursor: the message that is to be read next, in `broadcast`
 */
struct msgslot_selection {
	struct msgslot_channel *channel;
	unsigned long generation;
	u64 cursor;
};

/* What is selected, where there is something; the channel is held by @holder. */
struct msgslot_selection msgslot_file_hold_selected(struct msgslot_file *f,
						    struct msgslot_holder *holder);
/* What is read; there is no channel, and no hold, where the file listens. */
struct msgslot_selection msgslot_file_hold_read(struct msgslot_file *f,
						struct msgslot_holder *holder);
/* Whether the slot can have channel @id: 0, or -EINVAL. */
static __always_inline int msgslot_file_check_channel(const struct msgslot_file *f, u32 id)
{
	if (unlikely(!id) && !msgslot_rules_can(&f->slot->rules, MSGSLOT_CAN_CHANNEL_ZERO))
		return -EINVAL;
	return 0;
}

/* The id of the channel that reads and writes mean: 0, or -EINVAL if there is none. */
int msgslot_file_get_channel(struct msgslot_file *f, u32 *id);
/* How many bytes the next read() would give; 0 where there is no message. */
u32 msgslot_file_next_length(struct msgslot_file *f);
/* Moves the cursor of a `broadcast` file; *@sequence is where it is then.  0, or -EINVAL. */
int msgslot_file_seek(struct msgslot_file *f, u32 whence, u64 *sequence);

/* Whether a channel is selected; once one is, one always is. */
static inline bool msgslot_file_has_channel(const struct msgslot_file *f)
{
	/* data_race(): a plain test is an instruction less, and the pointer is set once. */
	return data_race(f->channel);
}

/* How long read() and write() wait: for ever; or, if @nowait or O_NONBLOCK say so, not at all. */
static inline struct msgslot_deadline msgslot_file_deadline(const struct msgslot_file *f,
							    bool nowait)
{
	return (struct msgslot_deadline){
		.wait = !nowait && !(f->payer.file->f_flags & O_NONBLOCK),
		.until = KTIME_MAX,
	};
}

#endif /* MSGSLOT_FILE_H */
