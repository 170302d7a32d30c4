/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An open file of a slot: which channel it has selected, what it has read, who waits on it.
 *
 * It may be shared by threads and by processes, all of whom may select, read, write and poll at
 * once.  msgslot_file.lock keeps the fields that go together together:
 *
 *	select		changes channel and moves the relay, then counts generation up
 *	read		takes generation before the channel, and writes seen at the end only if
 *			generation is still the same: what was read on one channel never hides a
 *			message of the next
 *
 * Reading the same message again writes nothing at all.
 *
 * Lock order: msgslot_file.lock, msgslot_channel.wait, msgslot_file.wait.
 */
#ifndef MSGSLOT_FILE_H
#define MSGSLOT_FILE_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "account.h"
#include "channel.h"
#include "slot.h"

/**
 * struct msgslot_file - an open file
 * @slot: referenced; never changes
 * @payer: who opened it; never changes
 * @lock: see above; taken for a few instructions, nothing sleeps or allocates under it
 * @channel: what is selected, with a hold, or NULL; changed under @lock, read by RCU
 * @generation: counts selections; changed under @lock
 * @seen: highest sequence read on @channel, 0 for none; changed under @lock
 * @wait: who polls this file
 * @relay: passes wake-ups of the channel (of the slot while none is selected) on to @wait
 * @relayed: whether @relay hangs there, as it does since the first poll; under @lock
 */
struct msgslot_file {
	struct msgslot_slot *slot;
	struct msgslot_payer payer;
	spinlock_t lock;
	struct msgslot_channel __rcu *channel;
	unsigned long generation;
	u64 seen;
	wait_queue_head_t wait;
	wait_queue_entry_t relay;
	bool relayed;
};

extern const struct file_operations msgslot_file_operations;

/* Makes @id the channel of the file: 0, -EINVAL, -ENODEV, -ENOSPC, -EDQUOT, -ENOMEM. */
int msgslot_file_select(struct msgslot_file *f, u32 id);

/* ioctl.c */
long msgslot_file_ioctl(struct file *file, unsigned int command, unsigned long argument);

#endif /* MSGSLOT_FILE_H */
