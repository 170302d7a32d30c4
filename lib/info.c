// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a slot is. */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/*
 * Programs have these structs of the kernel's on their stacks, as long as they were when they were
 * compiled.  One that grows needs a function under a new symbol version.
 */
_Static_assert(sizeof(struct msgslot_info) == 136, "struct msgslot_info belongs to LIBMSGSLOT_0");
_Static_assert(sizeof(struct msgslot_walk_entry) == 24,
	       "struct msgslot_walk_entry belongs to LIBMSGSLOT_0");

int msgslot_info_get(struct msgslot *slot, struct msgslot_info *info)
{
	/* A kernel that knows less than this struct wants the rest of it zero, and leaves it so. */
	memset(info, 0, sizeof(*info));
	return ioctl(slot->fd, MSGSLOT_INFO, info) ? -1 : 0;
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
