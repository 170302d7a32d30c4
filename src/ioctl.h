/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls of a file. */
#ifndef MSGSLOT_IOCTL_H
#define MSGSLOT_IOCTL_H

struct file;

long msgslot_ioctl(struct file *file, unsigned int command, unsigned long argument);
/* Of a program of 32 bits. */
long msgslot_compat_ioctl(struct file *file, unsigned int command, unsigned long argument);

#endif /* MSGSLOT_IOCTL_H */
