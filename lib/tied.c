// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sending a message that goes with the slot. */
#include "internal.h"

#include <sys/ioctl.h>

#define FLAGS_KNOWN MSGSLOT_SEND_IF

int msgslot_tied_send(struct msgslot *slot, uint32_t channel, const void *message, size_t length,
		      const struct msgslot_send_options *options, const void *will,
		      size_t will_length, uint64_t *sequence)
{
	struct msgslot_send send = {
		.channel = channel,
		.flags = MSGSLOT_SEND_TIED,
		.message = address_of(message),
		.length = length_cut(length),
		.timeout = MSGSLOT_FOREVER,
		.will = address_of(will),
		.will_length = length_cut(will_length),
	};

	if (options) {
		if (options->flags & ~FLAGS_KNOWN) {
			errno = EINVAL;
			return -1;
		}
		send.flags |= options->flags;
		send.timeout = options->timeout;
		send.expected = options->expected;
	}
	if (ioctl(slot->fd, MSGSLOT_SEND, &send))
		return -1;
	if (sequence)
		*sequence = send.sequence;
	return 0;
}
