// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls, as a table.  Its numbers are in the uAPI header and nowhere else.
 *
 * The errors of every command begin with ENODEV; an unknown command is EINVAL, not ENOTTY, because
 * the course programs that this interface grew from were promised that.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/msgslot.h>

#include "file.h"

/* By value, cut to 32 bits: a course program's unsigned long says the same as its unsigned int. */
static long ioctl_select(struct msgslot_file *f, unsigned long argument)
{
	return msgslot_file_select(f, argument);
}

static const struct msgslot_ioctl {
	unsigned int command;
	long (*call)(struct msgslot_file *f, unsigned long argument);
} ioctls[] = {
	{ MSG_SLOT_CHANNEL, ioctl_select },
	{ MSG_SLOT_CHANNEL_LONG, ioctl_select },
	{ MSG_SLOT_CHANNEL_OLD, ioctl_select },
	{ MSG_SLOT_CHANNEL_OLD_LONG, ioctl_select },
};

long msgslot_file_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct msgslot_file *f = file->private_data;
	size_t i;

	if (READ_ONCE(f->slot->gone))
		return -ENODEV;
	for (i = 0; i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].command == command)
			return ioctls[i].call(f, argument);
	return -EINVAL;
}
