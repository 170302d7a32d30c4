/* SPDX-License-Identifier: GPL-2.0-only */
/* MSGSLOT_RECV for a message that the file has leased before: it is done, or comes back. */
#ifndef MSGSLOT_RECEIVE_LEASE_H
#define MSGSLOT_RECEIVE_LEASE_H

#include <linux/types.h>
#include <linux/msgslot.h>

struct msgslot_file;

/*
 * With MSGSLOT_RECV_IF and either _DROP or _RETURN: 0; -ESTALE: the file has not leased that
 * message; -EFAULT: the result cannot be written, and nothing has changed.
 */
long msgslot_receive_end_lease(struct msgslot_file *f, struct msgslot_recv __user *user,
			       const struct msgslot_recv *args);

#endif /* MSGSLOT_RECEIVE_LEASE_H */
