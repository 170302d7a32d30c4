/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leases: the usual case of MSGSLOT_RECV with MSGSLOT_RECV_LEASE; and MSGSLOT_RECV for a message
 * that the file has leased before, which is done, or comes back.
 */
#ifndef MSGSLOT_RECEIVE_LEASE_H
#define MSGSLOT_RECEIVE_LEASE_H

#include <linux/types.h>
#include <linux/msgslot.h>

struct msgslot_file;

/*
 * Whether a message was leased: a short one, which is the head of the selected channel.  If not,
 * the caller goes on as for any other, and *@voided bytes may have gone to the user.
 */
bool msgslot_receive_lease_fast(struct msgslot_file *f, const struct msgslot_recv *args,
				struct msgslot_recv __user *user, size_t *voided);

/*
 * With MSGSLOT_RECV_IF and either _DROP or _RETURN: 0; -ESTALE: the file has not leased that
 * message; -EFAULT: the result cannot be written, and nothing has changed; -EINTR: the task dies.
 */
long msgslot_receive_end_lease(struct msgslot_file *f, const struct msgslot_recv *args,
			       struct msgslot_recv __user *user);

#endif /* MSGSLOT_RECEIVE_LEASE_H */
