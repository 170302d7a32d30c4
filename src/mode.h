/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a mode means: a row of a table.
 *
 * The rest of the module asks a row for what it needs to know, and never which mode it is.  A mode
 * that combines what rows say already is one more row.
 */
#ifndef MSGSLOT_MODE_H
#define MSGSLOT_MODE_H

#include <linux/bits.h>
#include <linux/types.h>
#include <linux/msgslot.h>

/* Whose cursor a read moves. */
enum msgslot_cursor_owner {
	MSGSLOT_CURSOR_OF_NONE,	   /* the newest message is read, and stays; the depth is 1 */
	MSGSLOT_CURSOR_OF_CHANNEL, /* the oldest message is taken, once for all readers */
	MSGSLOT_CURSOR_OF_FILE,	   /* each open file reads every message */
};

/* Channel 0 exists, and a file that needs a channel and has selected none selects it. */
#define MSGSLOT_CAN_CHANNEL_ZERO BIT(0)
/* That happens already as a file is opened for reading, which hears what is sent from then on. */
#define MSGSLOT_CAN_SELECT_AT_OPEN BIT(1)
/* A plain read waits for a message. */
#define MSGSLOT_CAN_READ_WAIT BIT(2)
/*
 * A plain read may take a piece of a message, and a plain write of more than a message a piece of
 * that.
 */
#define MSGSLOT_CAN_PIECES BIT(3)
/* MSGSLOT_SEND_IF. */
#define MSGSLOT_CAN_SEND_IF BIT(4)
/* A channel can be mapped. */
#define MSGSLOT_CAN_MAP BIT(5)
/* What a full log does to a writer can be set. */
#define MSGSLOT_CAN_SET_OVERFLOW BIT(6)

/**
 * struct msgslot_rules - what a slot has its logs and calls do
 * @cursor: whose cursor a read moves
 * @can: MSGSLOT_CAN_*
 * @overflow: what a full log does to a writer: enum msgslot_overflow_number
 * @depth: messages that a log keeps
 * @max_message: longest message in bytes
 */
struct msgslot_rules {
	enum msgslot_cursor_owner cursor;
	u32 can;
	u32 overflow;
	u32 depth;
	u32 max_message;
};

/**
 * struct msgslot_mode - a row of the table
 * @name: as users write it
 * @number: as programs have it
 * @rules: what slots of the mode begin with; but for the first two they can be set
 * @depth_max: the most that may be set
 * @max_bytes: memory of a slot, unless set
 * @max_channels: channels of a slot, unless set
 */
struct msgslot_mode {
	const char *name;
	u32 number;
	struct msgslot_rules rules;
	u32 depth_max;
	u64 max_bytes;
	u32 max_channels;
};

/* The mode called @name, which may end in a newline; or NULL. */
const struct msgslot_mode *msgslot_mode_find(const char *name);

static inline bool msgslot_rules_can(const struct msgslot_rules *rules, u32 what)
{
	return rules->can & what;
}

#endif /* MSGSLOT_MODE_H */
