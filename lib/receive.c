// SPDX-License-Identifier: LGPL-2.1-or-later
/* Receiving a message. */
#include "internal.h"

#include <sys/ioctl.h>

#define FLAGS_KNOWN                                                                     \
	(MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER | MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP | \
	 MSGSLOT_RECV_RANGE | MSGSLOT_RECV_LEASE)

ssize_t msgslot_message_receive_with(struct msgslot *slot, uint32_t channel, void *buffer,
				     size_t size, const struct msgslot_receive_options *options,
				     struct msgslot_message *message, size_t message_size)
{
	struct msgslot_message known;
	struct msgslot_recv recv = {
		.channel = channel,
		.message = address_of(buffer),
		.size = length_cut(size),
		/*
		 * Without options as read() does: in `last` an empty channel is no reason to wait.
		 */
		.timeout = slot->mode == MSGSLOT_LAST ? 0 : MSGSLOT_FOREVER,
	};

	if (result_check(message, message_size, MESSAGE_LEAST))
		return -1;
	if (options) {
		if (options->flags & ~FLAGS_KNOWN) {
			errno = EINVAL;
			return -1;
		}
		recv.flags = options->flags;
		recv.timeout = options->timeout;
		recv.sequence = options->sequence;
	}
	if (ioctl(slot->fd, MSGSLOT_RECV, &recv)) {
		if (message && errno == ENOSPC) {
			/* ENOSPC is also a full slot: then there is no message, and no length. */
			memset(&known, 0, sizeof(known));
			known.sequence = recv.length ? recv.sequence : 0;
			known.length = recv.length;
			known.channel = recv.channel;
			result_store(message, message_size, &known, sizeof(known));
		}
		return -1;
	}
	if (message) {
		memset(&known, 0, sizeof(known));
		known.sequence = recv.sequence;
		known.time = recv.time;
		known.lost = recv.lost;
		known.length = recv.length;
		known.pid = recv.pid;
		known.uid = recv.uid;
		known.channel = recv.channel;
		known.delivered = recv.delivered;
		result_store(message, message_size, &known, sizeof(known));
	}
	return recv.length;
}

ssize_t msgslot_message_receive(struct msgslot *slot, uint32_t channel, void *buffer, size_t size)
{
	return msgslot_message_receive_with(slot, channel, buffer, size, NULL, NULL, 0);
}
