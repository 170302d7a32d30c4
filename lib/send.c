// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sending a message, which stays or goes with the slot. */
#include "internal.h"

#include <sys/ioctl.h>

#define FLAGS_KNOWN MSGSLOT_SEND_IF

/* Sends what @send says, as the caller's options want it. */
static int send_with(struct msgslot *slot, struct msgslot_send *send,
		     const struct msgslot_send_options *options, uint64_t *sequence)
{
	send->timeout = MSGSLOT_FOREVER;
	if (options) {
		if (options->flags & ~FLAGS_KNOWN) {
			errno = EINVAL;
			return -1;
		}
		send->flags |= options->flags;
		send->timeout = options->timeout;
		send->expected = options->expected;
	}
	if (ioctl(slot->fd, MSGSLOT_SEND, send))
		return -1;
	if (sequence)
		*sequence = send->sequence;
	return 0;
}

int msgslot_message_send_with(struct msgslot *slot, uint32_t channel, const void *message,
			      size_t length, const struct msgslot_send_options *options,
			      uint64_t *sequence)
{
	struct msgslot_send send = {
		.channel = channel,
		.message = address_of(message),
		.length = length_cut(length),
	};

	return send_with(slot, &send, options, sequence);
}

int msgslot_message_send(struct msgslot *slot, uint32_t channel, const void *message, size_t length)
{
	return msgslot_message_send_with(slot, channel, message, length, NULL, NULL);
}

int msgslot_tied_send(struct msgslot *slot, uint32_t channel, const void *message, size_t length,
		      const struct msgslot_send_options *options, const void *will,
		      size_t will_length, uint64_t *sequence)
{
	struct msgslot_send send = {
		.channel = channel,
		.flags = MSGSLOT_SEND_TIED,
		.message = address_of(message),
		.length = length_cut(length),
		.will = address_of(will),
		.will_length = length_cut(will_length),
	};

	return send_with(slot, &send, options, sequence);
}
