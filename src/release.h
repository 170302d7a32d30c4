/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of an open file: what it holds goes back, and then the file goes. */
#ifndef MSGSLOT_RELEASE_H
#define MSGSLOT_RELEASE_H

struct file;
struct inode;

int msgslot_release(struct inode *inode, struct file *file);

#endif /* MSGSLOT_RELEASE_H */
