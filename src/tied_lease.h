/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lease (lease.h) as the file has it that leased the message: a tie (tie.h).
 *
 *	take		the message leaves the ring, or what came back, for a tie of the file
 *	done		the tie goes, and the message with it
 *	give back	the message can be taken again; the tie, of no file any more, is what the
 *			log keeps it in
 *	file's end	all its ties are given back, one after the other
 *	clear		messages that are away are void at once (msgslot_leases.void_below), and
 *			their ties are freed after that, some at a time
 *
 * One that is to be given back stays in the tree of those that are away meanwhile, so that a dump
 * sees the message; what clears the channel takes it out there, and leaves the rest to the call
 * that has it.
 *
 * A file's first lease is never refused for a limit: so a user over the share can still work off
 * what others sent.
 */
#ifndef MSGSLOT_TIED_LEASE_H
#define MSGSLOT_TIED_LEASE_H

#include <linux/types.h>

#include "account.h"
#include "channel.h"
#include "lease.h"
#include "slot.h"
#include "tie.h"

/**
 * struct msgslot_tied_lease - a lease of a file
 * @lease: the message; what frees that frees all of it
 * @tie: of the file, which has it no longer once the lease ends, or the message has come back
 * @leases: for the first lease of a channel, or NULL
 * @bytes: of a short message
 */
struct msgslot_tied_lease {
	struct msgslot_lease lease;
	struct msgslot_tie tie;
	struct msgslot_leases *leases;
	u8 bytes[];
};

/* The file ends: all is given back.  Sleeps. */
void msgslot_tied_leases_end(struct msgslot_ties *ties, struct msgslot_slot *slot);

/*
 * One for a message of @length bytes, charged to the payer: ERR_PTR: -ENOMEM, -EDQUOT (a limit).
 * If @gfp does not allow sleep it does not sleep.
 */
struct msgslot_tied_lease *msgslot_tied_lease_new(const struct msgslot_payer *payer,
						  const struct msgslot_ties *ties, u32 length,
						  gfp_t gfp);
/* Whether a message of @length bytes fits into @lease. */
bool msgslot_tied_lease_fits(const struct msgslot_tied_lease *lease, u32 length);
/* Memory for the first lease of a channel: 0 or -ENOMEM.  Sleeps. */
int msgslot_tied_lease_prepare(struct msgslot_tied_lease *lease);
/* Frees one that is not in use, or NULL. */
void msgslot_tied_lease_free(struct msgslot_tied_lease *lease, struct msgslot_spares *spares);

/*
 * Leases message @sequence of @channel, if that is the next to be taken, to the file of @ties: 0,
 * and @lease is in use; -ESTALE: it is not, or does not fit; -ENOBUFS:
 * msgslot_tied_lease_prepare() is to be called.  In an RCU section in which @channel was found.
 */
int msgslot_tied_lease_take(struct msgslot_tied_lease *lease, struct msgslot_ties *ties,
			    struct msgslot_slot *slot, struct msgslot_channel *channel,
			    u64 sequence);

/* Describes message @sequence of channel @id in @message, if the file of @ties has leased it. */
bool msgslot_tied_lease_describe(const struct msgslot_ties *ties, struct msgslot_slot *slot, u32 id,
				 u64 sequence, struct msgslot_leased *message);
/* It is done, or is to @come_back: 0; -ESTALE: the file of @ties has it not.  Sleeps. */
int msgslot_tied_lease_end(struct msgslot_ties *ties, struct msgslot_slot *slot, u32 id,
			   u64 sequence, bool come_back);

/*
 * After @channel was cleared: frees what is void.  The caller holds the channel.  Sleeps.
 */
void msgslot_tied_leases_free_void(struct msgslot_slot *slot, struct msgslot_channel *channel);

/* The first @count at most of what the file has leased, in @names: how many they are. */
u32 msgslot_tied_leases_list(struct msgslot_ties *ties, struct msgslot_message_name *names,
			     u32 count);

#endif /* MSGSLOT_TIED_LEASE_H */
