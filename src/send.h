/* SPDX-License-Identifier: GPL-2.0-only */
/* write() and its kin, and MSGSLOT_SEND. */
#ifndef MSGSLOT_SEND_H
#define MSGSLOT_SEND_H

#include <linux/types.h>

struct file;
struct iov_iter;
struct kiocb;
struct msgslot_deadline;
struct msgslot_file;
struct msgslot_send;
struct pipe_inode_info;

ssize_t msgslot_write(struct file *file, const char __user *buffer, size_t length, loff_t *pos);
ssize_t msgslot_write_iter(struct kiocb *iocb, struct iov_iter *iter);
ssize_t msgslot_splice_write(struct pipe_inode_info *pipe, struct file *file, loff_t *pos,
			     size_t length, unsigned int flags);

/* MSGSLOT_SEND with the checked arguments @args, which were read from @user. */
long msgslot_send(struct msgslot_file *f, struct msgslot_send __user *user,
		  const struct msgslot_send *args, const struct msgslot_deadline *deadline);

#endif /* MSGSLOT_SEND_H */
