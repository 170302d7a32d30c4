// SPDX-License-Identifier: LGPL-2.1-or-later
/* Facts about a slot, and the names of modes. */
#include "internal.h"

#include <sys/ioctl.h>

/*
 * The kernel fills the caller's struct, also members that the library does not know: the command's
 * number has the struct's size.  The kernel makes 0 the members that it does not know.
 */
int msgslot_info_get(struct msgslot *slot, struct msgslot_info *info, size_t size)
{
	unsigned long command;

	if (!info || size > _IOC_SIZEMASK) {
		errno = EINVAL;
		return -1;
	}
	if (result_check(info, size, SIZE_UP_TO(struct msgslot_info, dropped)))
		return -1;
	command = _IOC(_IOC_READ, MSGSLOT_IOC_TYPE, _IOC_NR(MSGSLOT_INFO), size);
	return ioctl(slot->fd, command, info) ? -1 : 0;
}

const char *msgslot_mode_get_name(int mode)
{
	switch (mode) {
	case MSGSLOT_LAST:
		return MSGSLOT_MODE_LAST;
	case MSGSLOT_QUEUE:
		return MSGSLOT_MODE_QUEUE;
	case MSGSLOT_BROADCAST:
		return MSGSLOT_MODE_BROADCAST;
	}
	errno = EINVAL;
	return NULL;
}

const char *msgslot_overflow_get_name(int overflow)
{
	switch (overflow) {
	case MSGSLOT_DROP:
		return MSGSLOT_OVERFLOW_DROP;
	case MSGSLOT_BLOCK:
		return MSGSLOT_OVERFLOW_BLOCK;
	}
	errno = EINVAL;
	return NULL;
}
