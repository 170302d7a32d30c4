// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All messages that are kept.  See kept.h.
 *
 * Of each channel at most as many messages are received as it kept when the walk came to it:
 * otherwise that would never end while other processes go on sending.
 */
#include "kept.h"

#include <errno.h>

/* In `last` what is leased is tied to a file, and goes with that. */
static bool kept_wants(const struct kept *kept, const struct msgslot_walk_detail *entry)
{
	return entry->messages && !(kept->lasting && entry->leased);
}

/* The next channel of the address that keeps a message: 1; 0, there are no more; -1 with errno. */
static int kept_next_channel(struct kept *kept, const struct slot *slot)
{
	struct msgslot_walk_detail entry;
	int found;

	if (!kept->walker) {
		kept->walker = msgslot_walker_new(slot->handle);
		if (!kept->walker)
			return -1;
		msgslot_walker_seek(kept->walker, slot->address->channel);
	}
	do
		found = msgslot_walker_next(kept->walker, &entry, sizeof(entry));
	while (found > 0 && !kept_wants(kept, &entry));
	if (found > 0 && !address_has(slot->address, entry.channel))
		found = 0;
	if (found <= 0)
		return found;
	kept->channel = entry.channel;
	kept->left = entry.messages;
	kept->sequence = 0;
	return 1;
}

ssize_t kept_next(struct kept *kept, const struct slot *slot, char *bytes, size_t size,
		  struct msgslot_message *message)
{
	struct msgslot_receive_options options = {
		.flags = MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER,
	};
	ssize_t length;
	int found;

	for (;;) {
		found = kept->left ? 1 : kept_next_channel(kept, slot);
		if (found <= 0)
			return found;
		options.sequence = kept->sequence;
		length = msgslot_message_receive_with(slot->handle, kept->channel, bytes, size,
						      &options, message, sizeof(*message));
		if (length < 0 && errno != EAGAIN)
			return -1;
		if (length >= 0) {
			kept->left--;
			kept->sequence = message->sequence;
			return length;
		}
		kept->left = 0;
	}
}

int kept_count(const struct slot *slot, uint64_t *messages)
{
	struct kept kept = { 0 };
	int found;

	*messages = 0;
	while ((found = kept_next_channel(&kept, slot)) > 0)
		*messages += kept.left;
	kept_end(&kept);
	return found;
}

void kept_end(struct kept *kept)
{
	msgslot_walker_free(kept->walker);
	*kept = (struct kept){ 0 };
}
