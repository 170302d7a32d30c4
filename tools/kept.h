/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All messages that a slot, or a range of its channels, keeps: channel by channel, and of each from
 * the oldest on.  None is taken, and no cursor moves.
 */
#ifndef MSGSLOT_TOOLS_KEPT_H
#define MSGSLOT_TOOLS_KEPT_H

#include "slot.h"

/**
 * struct kept - where the walk over the messages is; all zero where it begins
 * @lasting: from the caller: leave out what goes when the file goes that sent it
 * @walker: gives the next channel; NULL: it has not begun
 * @channel: where it is now
 * @left: how many messages of @channel are to come: no more than it kept when the walk came to it
 * @sequence: of the message before, in @channel
 */
struct kept {
	bool lasting;
	struct msgslot_walker *walker;
	uint32_t channel;
	uint64_t left;
	uint64_t sequence;
};

/*
 * Receives the next message of the address's channels and returns its length; 0 when there are no
 * more; -1 with errno.  message->lost is how many were dropped just before it.
 */
ssize_t kept_next(struct kept *kept, const struct slot *slot, char *bytes, size_t size,
		  struct msgslot_message *message);

/* How many messages the address's channels keep, in *messages: 0, or -1 with errno. */
int kept_count(const struct slot *slot, uint64_t *messages);

void kept_end(struct kept *kept);

#endif
