// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sending a message. */
#include "internal.h"

#include <sys/ioctl.h>

#define FLAGS_KNOWN MSGSLOT_SEND_IF

int msgslot_message_send_with(struct msgslot *slot, uint32_t channel, const void *message,
			      size_t length, const struct msgslot_send_options *options,
			      uint64_t *sequence)
{
	struct msgslot_send send = {
		.channel = channel,
		.message = address_of(message),
		.length = length_cut(length),
		.timeout = MSGSLOT_FOREVER,
	};

	if (options) {
		if (options->flags & ~FLAGS_KNOWN) {
			errno = EINVAL;
			return -1;
		}
		send.flags = options->flags;
		send.timeout = options->timeout;
		send.expected = options->expected;
	}
	if (ioctl(slot->fd, MSGSLOT_SEND, &send))
		return -1;
	if (sequence)
		*sequence = send.sequence;
	return 0;
}

int msgslot_message_send(struct msgslot *slot, uint32_t channel, const void *message, size_t length)
{
	return msgslot_message_send_with(slot, channel, message, length, NULL, NULL);
}
