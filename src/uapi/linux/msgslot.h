/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * msgslot: message slots for Linux, the interface to user space.
 *
 * A *slot* is one device node, /dev/msgslotN, with one mode and one set of limits.  A *channel* is
 * a log of messages inside a slot, named by a 32-bit id.  A *message* is 1 to max_message bytes,
 * any bytes.  An open file selects a channel; one write() leaves one message there, one read()
 * fetches one message, whole or not at all.
 *
 *	int fd = open("/dev/msgslot0", O_RDWR);
 *
 *	ioctl(fd, MSG_SLOT_CHANNEL, 5);
 *	write(fd, "hello", 5);
 *	length = read(fd, buffer, sizeof(buffer));
 *
 * In mode `last` a channel keeps its newest message and every read() fetches a copy of it; there
 * is never anything to wait for.
 *
 * Errors of MSG_SLOT_CHANNEL, in the order they are looked for:
 *	ENODEV	the slot was destroyed
 *	EINVAL	unknown command; id 0 in mode `last`
 *	ENOSPC	the slot has max_channels channels
 *	EDQUOT	the user who opened the file holds his share of the slot's channels
 *	ENOMEM	no memory, or the caller's memory cgroup is full
 *
 * Errors of write():
 *	ENODEV	the slot was destroyed
 *	EINVAL	no channel is selected
 *	EMSGSIZE the length is 0 or above the slot's max_message
 *	EINVAL	the buffer is NULL
 *	EFAULT	the buffer cannot be read
 *	ENOSPC	the slot's max_bytes are in use
 *	EDQUOT	the user who opened the file holds his share of the slot's bytes
 *	ENOMEM	no memory, or the caller's memory cgroup is full
 *
 * Errors of read():
 *	ENODEV	the slot was destroyed
 *	EINVAL	no channel is selected
 *	EAGAIN	the channel holds no message
 *	ENOSPC	the buffer is shorter than the message
 *	EINVAL	the buffer is NULL
 *	EFAULT	the buffer cannot be written
 *
 * A failed call changes nothing: the message that was there is still there.  Only the caller's own
 * buffer is unspecified after a failed read().  The vector calls (readv(), writev(), io_uring)
 * give EFAULT where read() and write() give EINVAL for NULL.
 *
 * lseek(), pread() and pwrite() are ESPIPE, splice() and sendfile() EINVAL.  open() of a destroyed
 * slot is ENXIO.
 */
#ifndef _UAPI_LINUX_MSGSLOT_H
#define _UAPI_LINUX_MSGSLOT_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The ioctl type, shared with the course programs this interface grew from. */
#define MSGSLOT_IOC_TYPE 235

/*
 * Select the channel that read(), write() and poll() of this open file mean from now on, also for
 * everyone who shares the file by fork() or dup().  The argument is the id itself, not a pointer;
 * it is cut to 32 bits.  Works on files opened read-only and write-only.  The channel exists for as
 * long as a file has it selected or it holds a message.
 */
#define MSG_SLOT_CHANNEL _IOW(MSGSLOT_IOC_TYPE, 0, unsigned int)

/* Other encodings of the same command, in use in programs that exist; accepted alike. */
#define MSGSLOT_IOC_TYPE_OLD 240
#define MSG_SLOT_CHANNEL_LONG _IOW(MSGSLOT_IOC_TYPE, 0, unsigned long)
#define MSG_SLOT_CHANNEL_OLD _IOW(MSGSLOT_IOC_TYPE_OLD, 0, unsigned int)
#define MSG_SLOT_CHANNEL_OLD_LONG _IOW(MSGSLOT_IOC_TYPE_OLD, 0, unsigned long)

/* How many slots there can be: minors 0 to MSGSLOT_SLOTS_MAX - 1. */
#define MSGSLOT_SLOTS_MAX 256

/* The largest value of a slot's max_message, in bytes; what it is unless set. */
#define MSGSLOT_MESSAGE_MAX (1024 * 1024)
#define MSGSLOT_LAST_MESSAGE_DEFAULT 128

/* Modes of a slot, as sysfs spells them. */
#define MSGSLOT_MODE_LAST "last"

#endif /* _UAPI_LINUX_MSGSLOT_H */
