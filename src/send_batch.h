/* SPDX-License-Identifier: GPL-2.0-only */
/* Many messages in one send (MSGSLOT_SEND_MANY). */
#ifndef MSGSLOT_SEND_BATCH_H
#define MSGSLOT_SEND_BATCH_H

#include <linux/types.h>

struct msgslot_deadline;
struct msgslot_file;
struct msgslot_send;

/*
 * Sends the batch of the checked arguments @args, which were read from @user: how many messages, or
 * the error of the first.
 */
long msgslot_send_batch(struct msgslot_file *f, struct msgslot_send __user *user,
			const struct msgslot_send *args, const struct msgslot_deadline *deadline);

#endif /* MSGSLOT_SEND_BATCH_H */
