/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks of the system. */
#ifndef MSGSLOT_TOOLS_CLOCK_H
#define MSGSLOT_TOOLS_CLOCK_H

#include <stdint.h>
#include <time.h>

/* In nanoseconds. */
int64_t clock_now(clockid_t clock);

#endif
