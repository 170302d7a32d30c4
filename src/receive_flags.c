// SPDX-License-Identifier: GPL-2.0-only
/* The flags of MSGSLOT_RECV.  See receive_flags.h. */
#include <linux/cache.h>
#include <linux/init.h>

#include "receive_flags.h"

u8 msgslot_receive_flags[MSGSLOT_RECV_RETURN << 1] __ro_after_init;

/* Known flags, in combinations that have a meaning. */
static bool __init receive_flags_are_valid(u32 flags)
{
	if (flags &
	    ~(MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER | MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP |
	      MSGSLOT_RECV_RANGE | MSGSLOT_RECV_MANY | MSGSLOT_RECV_LEASE | MSGSLOT_RECV_RETURN))
		return false;
	if (flags & MSGSLOT_RECV_MANY && flags & MSGSLOT_RECV_IF)
		return false;
	if (flags & MSGSLOT_RECV_RETURN)
		return flags == (MSGSLOT_RECV_RETURN | MSGSLOT_RECV_IF);
	if (flags & MSGSLOT_RECV_LEASE &&
	    flags & (MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER | MSGSLOT_RECV_DROP))
		return false;
	flags &= ~MSGSLOT_RECV_LEASE;
	flags &= ~MSGSLOT_RECV_MANY;
	if (flags & MSGSLOT_RECV_RANGE)
		return !(flags & ~(MSGSLOT_RECV_RANGE | MSGSLOT_RECV_PEEK));
	if (flags & MSGSLOT_RECV_DROP && (!(flags & MSGSLOT_RECV_IF) || flags & MSGSLOT_RECV_PEEK))
		return false;
	return !(flags & MSGSLOT_RECV_IF && flags & MSGSLOT_RECV_NEWER);
}

/* Whether the mode of the slot has it. */
static bool __init receive_flags_fit(u32 flags, bool takes)
{
	if (!takes)
		return !(flags & (MSGSLOT_RECV_IF | MSGSLOT_RECV_LEASE));
	return !(flags & MSGSLOT_RECV_NEWER) || flags & MSGSLOT_RECV_PEEK;
}

void __init msgslot_receive_flags_init(void)
{
	u32 flags;

	for (flags = 0; flags < ARRAY_SIZE(msgslot_receive_flags); flags++) {
		if (!receive_flags_are_valid(flags))
			continue;
		msgslot_receive_flags[flags] =
			RECEIVE_FLAGS_VALID |
			(receive_flags_fit(flags, false) ? RECEIVE_FLAGS_FIT : 0) |
			(receive_flags_fit(flags, true) ? RECEIVE_FLAGS_FIT_QUEUE : 0);
	}
}
