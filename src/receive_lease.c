// SPDX-License-Identifier: GPL-2.0-only
/* The end of a lease, by a call.  See receive_lease.h. */
#include <linux/errno.h>
#include <linux/uaccess.h>

#include "file.h"
#include "receive_fast.h"
#include "receive_lease.h"
#include "tied_lease.h"
#include "user.h"

/* The result tells the message, as it was. */
static bool end_lease_put_result(struct msgslot_recv __user *user,
				 const struct msgslot_leased *leased)
{
	return receive_put_fields(user, NULL, leased->length, leased->sequence,
				  user_time(leased->time), 0, user_pid(leased->pid, leased->time),
				  user_uid(leased->uid));
}

long msgslot_receive_end_lease(struct msgslot_file *f, struct msgslot_recv __user *user,
			       const struct msgslot_recv *args)
{
	const bool come_back = args->flags & MSGSLOT_RECV_RETURN;
	struct msgslot_leased leased;
	int err;

	if (!READ_ONCE(f->ties.count) ||
	    !msgslot_tied_lease_describe(&f->ties, f->slot, args->channel, args->sequence, &leased))
		return -ESTALE;
	if (!end_lease_put_result(user, &leased))
		return -EFAULT;
	err = msgslot_tied_lease_end(&f->ties, f->slot, args->channel, args->sequence, come_back);
	/* Another thread ended it, or a clear: no trace is left. */
	if (err)
		(void)receive_put_fields(user, NULL, args->length, args->sequence, args->time,
					 args->lost, args->pid, args->uid);
	return err;
}
