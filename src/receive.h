/* SPDX-License-Identifier: GPL-2.0-only */
/* read() and its kin, and MSGSLOT_RECV. */
#ifndef MSGSLOT_RECEIVE_H
#define MSGSLOT_RECEIVE_H

#include <linux/types.h>

struct file;
struct iov_iter;
struct kiocb;
struct msgslot_deadline;
struct msgslot_file;
struct msgslot_recv;

ssize_t msgslot_read(struct file *file, char __user *buffer, size_t size, loff_t *pos);
ssize_t msgslot_read_iter(struct kiocb *iocb, struct iov_iter *iter);

/* MSGSLOT_RECV with the checked arguments @args, read from @user: without flags. */
long msgslot_receive(struct msgslot_file *f, struct msgslot_recv __user *user,
		     const struct msgslot_recv *args, const struct msgslot_deadline *deadline);
/* With flags, where it is no lease, or one of which the usual case has left @voided bytes. */
long msgslot_receive_flagged(struct msgslot_file *f, struct msgslot_recv __user *user,
			     const struct msgslot_recv *args,
			     const struct msgslot_deadline *deadline, size_t voided);

#endif /* MSGSLOT_RECEIVE_H */
