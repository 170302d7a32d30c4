// SPDX-License-Identifier: LGPL-2.1-or-later
/* Waiting for the selected channel. */
#include "internal.h"

#include <poll.h>
#include <time.h>

int msgslot_channel_wait(struct msgslot *slot, int events, int64_t timeout)
{
	struct pollfd wanted = { .fd = slot->fd, .events = (short)events };
	struct timespec limit;
	int ready;

	if (timeout < MSGSLOT_FOREVER || !events || (events & ~(POLLIN | POLLOUT))) {
		errno = EINVAL;
		return -1;
	}
	limit.tv_sec = (time_t)(timeout / MSGSLOT_SECOND);
	limit.tv_nsec = (long)(timeout % MSGSLOT_SECOND);
	ready = ppoll(&wanted, 1, timeout == MSGSLOT_FOREVER ? NULL : &limit, NULL);
	if (ready <= 0)
		return ready;
	if (wanted.revents & (POLLHUP | POLLERR | POLLNVAL)) {
		errno = wanted.revents & POLLNVAL ? EBADF : ENODEV;
		return -1;
	}
	return wanted.revents & events;
}
