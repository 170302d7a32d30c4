/* SPDX-License-Identifier: GPL-2.0-only */
/* MSGSLOT_RECV with MSGSLOT_RECV_RANGE: the usual case. */
#ifndef MSGSLOT_RECEIVE_RANGE_H
#define MSGSLOT_RECEIVE_RANGE_H

#include <linux/types.h>

struct msgslot_file;
struct msgslot_recv;

/*
 * Receives a short message by what the file listens to, with the checked arguments @args, which
 * were read from @user.  Whether that worked; if not, nothing happened but that *@voided bytes may
 * have gone to the user, and the caller goes on with receive_slow().
 */
bool receive_range_fast(struct msgslot_file *f, const struct msgslot_recv *args,
			struct msgslot_recv __user *user, size_t *voided);

#endif /* MSGSLOT_RECEIVE_RANGE_H */
