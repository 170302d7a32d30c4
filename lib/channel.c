// SPDX-License-Identifier: LGPL-2.1-or-later
/* Channels: select, seek, clear, and the walk over all of them. */
#include "internal.h"

#include <stdlib.h>
#include <sys/ioctl.h>

int msgslot_channel_select(struct msgslot *slot, uint32_t channel)
{
	return ioctl(slot->fd, MSG_SLOT_CHANNEL, (unsigned long)channel) ? -1 : 0;
}

int msgslot_channel_get(struct msgslot *slot, uint32_t *channel)
{
	return ioctl(slot->fd, MSGSLOT_GET_CHANNEL, channel) ? -1 : 0;
}

int msgslot_channel_seek(struct msgslot *slot, enum msgslot_whence whence, uint64_t *sequence)
{
	struct msgslot_seek seek = { .whence = whence };

	if (whence == MSGSLOT_SEEK_SEQUENCE) {
		if (!sequence) {
			errno = EINVAL;
			return -1;
		}
		seek.sequence = *sequence;
	}
	if (ioctl(slot->fd, MSGSLOT_SEEK, &seek))
		return -1;
	if (sequence)
		*sequence = seek.sequence;
	return 0;
}

int msgslot_channel_clear(struct msgslot *slot, uint32_t channel, const uint64_t *newest,
			  uint64_t *messages)
{
	struct msgslot_clear clear = { .channel = channel };

	if (newest) {
		clear.flags = MSGSLOT_CLEAR_IF;
		clear.sequence = *newest;
	}
	if (ioctl(slot->fd, MSGSLOT_CLEAR, &clear))
		return -1;
	if (messages)
		*messages = clear.messages;
	return 0;
}

int msgslot_range_listen(struct msgslot *slot, uint32_t first, uint32_t last, uint32_t flags)
{
	struct msgslot_listen listen = { .first = first, .last = last, .flags = flags };

	return ioctl(slot->fd, MSGSLOT_LISTEN, &listen) ? -1 : 0;
}

/* Channels are fetched many at a time: @index is the next of @walk.count to return. */
struct msgslot_walker {
	int fd;
	uint32_t index;
	struct msgslot_walk walk;
	struct msgslot_walk_detail entries[MSGSLOT_WALK_MAX];
};

struct msgslot_walker *msgslot_walker_new(struct msgslot *slot)
{
	/* Zeroed, because memory checkers do not see the kernel fill it. */
	struct msgslot_walker *walker = calloc(1, sizeof(*walker));

	if (!walker)
		return NULL;
	walker->fd = slot->fd;
	return walker;
}

void msgslot_walker_seek(struct msgslot_walker *walker, uint32_t channel)
{
	walker->walk = (struct msgslot_walk){ .from = channel };
	walker->index = 0;
}

int msgslot_walker_next(struct msgslot_walker *walker, void *channel, size_t size)
{
	if (result_check(channel, size, SIZE_UP_TO(struct msgslot_walk_entry, next)))
		return -1;
	if (walker->index == walker->walk.count) {
		struct msgslot_walk more = {
			.from = walker->walk.from,
			.entries = address_of(walker->entries),
			.count = MSGSLOT_WALK_MAX,
			.entry_size = sizeof(walker->entries[0]),
		};

		/* There is no channel above the highest id. */
		if (more.from > UINT32_MAX)
			return 0;
		if (ioctl(walker->fd, MSGSLOT_WALK, &more))
			return -1;
		walker->walk = more;
		walker->index = 0;
		if (!more.count)
			return 0;
	}
	result_store(channel, size, &walker->entries[walker->index++], sizeof(walker->entries[0]));
	return 1;
}

void msgslot_walker_free(struct msgslot_walker *walker)
{
	int saved = errno;

	free(walker);
	errno = saved;
}
