// SPDX-License-Identifier: GPL-2.0-only
/* The table of modes.  See mode.h. */
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/msgslot.h>

#include "mode.h"

static const struct msgslot_mode modes[] = {
	{
		.name = MSGSLOT_MODE_LAST,
		.number = MSGSLOT_LAST,
		.rules = {
			.cursor = MSGSLOT_CURSOR_OF_NONE,
			.can = MSGSLOT_CAN_SEND_IF | MSGSLOT_CAN_MAP,
			.overflow = MSGSLOT_DROP,
			.depth = 1,
			.max_message = MSGSLOT_LAST_MESSAGE_DEFAULT,
		},
		.depth_max = 1,
		.max_bytes = SZ_64M,
		.max_channels = SZ_1M,
	},
	{
		.name = MSGSLOT_MODE_QUEUE,
		.number = MSGSLOT_QUEUE,
		.rules = {
			.cursor = MSGSLOT_CURSOR_OF_CHANNEL,
			.can = MSGSLOT_CAN_CHANNEL_ZERO | MSGSLOT_CAN_READ_WAIT,
			.overflow = MSGSLOT_BLOCK,
			.depth = 1024,
			.max_message = MSGSLOT_QUEUE_MESSAGE_DEFAULT,
		},
		.depth_max = MSGSLOT_DEPTH_MAX,
		.max_bytes = SZ_64M,
		.max_channels = SZ_64K,
	},
	{
		.name = MSGSLOT_MODE_BROADCAST,
		.number = MSGSLOT_BROADCAST,
		.rules = {
			.cursor = MSGSLOT_CURSOR_OF_FILE,
			.can = MSGSLOT_CAN_CHANNEL_ZERO | MSGSLOT_CAN_SELECT_AT_OPEN |
			       MSGSLOT_CAN_READ_WAIT | MSGSLOT_CAN_PIECES | MSGSLOT_CAN_MAP |
			       MSGSLOT_CAN_SET_OVERFLOW,
			.overflow = MSGSLOT_DROP,
			.depth = 256,
			.max_message = MSGSLOT_BROADCAST_MESSAGE_DEFAULT,
		},
		.depth_max = MSGSLOT_DEPTH_MAX,
		.max_bytes = SZ_64M,
		.max_channels = SZ_64K,
	},
};

const struct msgslot_mode *msgslot_mode_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (sysfs_streq(modes[i].name, name))
			return &modes[i];
	return NULL;
}
