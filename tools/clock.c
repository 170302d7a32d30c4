// SPDX-License-Identifier: GPL-2.0-or-later
/* Clocks of the system.  See clock.h. */
#include "clock.h"

#include <msgslot.h>

int64_t clock_now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * MSGSLOT_SECOND + time.tv_nsec;
}
