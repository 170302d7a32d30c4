// SPDX-License-Identifier: LGPL-2.1-or-later
/* Ending a lease. */
#include "internal.h"

#include <sys/ioctl.h>

static int lease_end(struct msgslot *slot, uint32_t channel, uint64_t sequence, uint32_t flag)
{
	struct msgslot_recv recv = {
		.channel = channel,
		.flags = MSGSLOT_RECV_IF | flag,
		.sequence = sequence,
	};

	return ioctl(slot->fd, MSGSLOT_RECV, &recv);
}

int msgslot_lease_done(struct msgslot *slot, uint32_t channel, uint64_t sequence)
{
	return lease_end(slot, channel, sequence, MSGSLOT_RECV_DROP);
}

int msgslot_lease_return(struct msgslot *slot, uint32_t channel, uint64_t sequence)
{
	return lease_end(slot, channel, sequence, MSGSLOT_RECV_RETURN);
}
