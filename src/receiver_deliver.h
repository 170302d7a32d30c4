/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of an attempt to receive: the message goes to the user, and a cursor moves over it; or it
 * becomes one that the file has leased (tied_lease.h).
 */
#ifndef MSGSLOT_RECEIVER_DELIVER_H
#define MSGSLOT_RECEIVER_DELIVER_H

#include <linux/types.h>

#include "receiver.h"

/*
 * Moves the cursor beyond byte @n of @peek, which is read in pieces; or over @count messages from
 * @peek on, all short if they are taken and there are several; or leases the one: 0; -ESTALE: it
 * was not there any more; of a lease also -ENOMEM, -EDQUOT.
 */
int receiver_advance(struct receiver *r, const struct msgslot_peek *peek, u32 count, u32 n);
/* A message that the user got, for tracers. */
void receiver_trace(const struct receiver *r, const struct msgslot_peek *peek);
/* Hands @peek to the user: bytes, or an error; *@again: the caller is to look again. */
ssize_t receiver_deliver(struct receiver *r, struct msgslot_peek *peek, bool *again);

#endif /* MSGSLOT_RECEIVER_DELIVER_H */
