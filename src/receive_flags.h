/* SPDX-License-Identifier: GPL-2.0-only */
/* The flags of MSGSLOT_RECV: which of them go together, and which a mode has. */
#ifndef MSGSLOT_RECEIVE_FLAGS_H
#define MSGSLOT_RECEIVE_FLAGS_H

#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/types.h>
#include <linux/msgslot.h>

/* Of a combination: it has a meaning. */
#define RECEIVE_FLAGS_VALID 1
/* A slot has it that does not take messages. */
#define RECEIVE_FLAGS_FIT 2
/* A queue has it. */
#define RECEIVE_FLAGS_FIT_QUEUE 4

/* For each combination; set by msgslot_receive_flags_init(). */
extern u8 msgslot_receive_flags[MSGSLOT_RECV_RETURN << 1];

static __always_inline u8 receive_flags_judge(u32 flags)
{
	if (flags >= ARRAY_SIZE(msgslot_receive_flags))
		return 0;
	return msgslot_receive_flags[array_index_nospec(flags, ARRAY_SIZE(msgslot_receive_flags))];
}

void msgslot_receive_flags_init(void);

#endif /* MSGSLOT_RECEIVE_FLAGS_H */
