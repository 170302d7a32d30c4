// SPDX-License-Identifier: LGPL-2.1-or-later
/* Receiving a message. */
#include "internal.h"

#include <errno.h>
#include <sys/ioctl.h>

ssize_t msgslot_message_receive_with(struct msgslot *slot, uint32_t channel, void *buffer,
				     size_t size, const struct msgslot_receive_options *options,
				     struct msgslot_message *message)
{
	struct msgslot_recv recv = {
		.channel = channel,
		.message = address_of(buffer),
		.size = length_cut(size),
		/* Without options as read() does: an empty channel is an answer in `last`. */
		.timeout = slot->mode == MSGSLOT_LAST ? 0 : MSGSLOT_FOREVER,
	};

	if (options) {
		recv.flags = options->flags;
		recv.timeout = options->timeout;
		recv.sequence = options->sequence;
	}
	if (ioctl(slot->fd, MSGSLOT_RECV, &recv)) {
		/* ENOSPC is also a slot that is full, and then there is no length. */
		if (message && errno == ENOSPC)
			*message = (struct msgslot_message){
				.sequence = recv.length ? recv.sequence : 0,
				.length = recv.length,
			};
		return -1;
	}
	if (message)
		*message = (struct msgslot_message){
			.sequence = recv.sequence,
			.time = recv.time,
			.lost = recv.lost,
			.length = recv.length,
			.pid = recv.pid,
			.uid = recv.uid,
		};
	return recv.length;
}

ssize_t msgslot_message_receive(struct msgslot *slot, uint32_t channel, void *buffer, size_t size)
{
	return msgslot_message_receive_with(slot, channel, buffer, size, NULL, NULL);
}
