/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many messages in one receive (MSGSLOT_RECV_MANY).
 *
 * The first message is found, and waited for, as any (receiver.h).  Then the call goes on from
 * behind it, copies what is there, one message after the other, and moves the cursor at the end
 * over all: so a call that fails has taken nothing.
 *
 * From a queue they are taken in stretches, one step each under the log's lock, however many
 * messages it has.  If another reader took the first of them meanwhile, all copies are void, and
 * the call starts over with half as many, so that it gets one in the end; if it took a later one,
 * the call ends before that.
 */
#ifndef MSGSLOT_RECEIVE_BATCH_H
#define MSGSLOT_RECEIVE_BATCH_H

#include "receiver.h"

/*
 * Hands @peek to the user, and what comes behind it: bytes, with the number of messages in
 * @r->messages; or an error; *@again: the caller is to look again.
 */
ssize_t batch_deliver(struct receiver *r, struct msgslot_peek *peek, bool *again);

#endif /* MSGSLOT_RECEIVE_BATCH_H */
