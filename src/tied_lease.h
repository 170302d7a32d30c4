/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lease (lease.h) as the file has it that leased the message: a tie (tie.h).
 *
 *	take		the message leaves the ring, or what came back, for a tie of the file
 *	done		the tie goes, and the message with it
 *	give back	the message can be taken again; the log keeps it in what was the tie
 *	file's end	all its ties are given back, one after the other
 *	clear		messages that are away are void at once (msgslot_leases.void_below), and
 *			their ties are freed after that, some at a time
 *
 * Each is one step under the lock of the log: what is in the tree of those that are away is on the
 * list of a file.  A channel is not forgotten while there is any, as while it has a message: so a
 * lease is no holder.
 *
 * A user over the share can still work off what others sent: one lease of each user is not refused
 * for a limit, if it is the first of its file, and what came back can be leased again.
 *
 * Modelled in tests/model/lease.pml.
 */
#ifndef MSGSLOT_TIED_LEASE_H
#define MSGSLOT_TIED_LEASE_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/types.h>

#include "account.h"
#include "channel.h"
#include "lease.h"
#include "log_lease.h"
#include "slot.h"
#include "tie.h"

/**
 * struct msgslot_tied_lease - a lease of a file
 * @lease: the message; what frees that frees all of it
 * @tie: of the file, which has it no longer once the lease ends, or the message has come back
 * @leases: for the first lease of a channel, or NULL
 * @instead: charged though there is no space, as it is to take the place of a lease that came back
 * @bytes: of a short message
 */
struct msgslot_tied_lease {
	struct msgslot_lease lease;
	struct msgslot_tie tie;
	struct msgslot_leases *leases;
	bool instead;
	u8 bytes[];
};

static inline struct msgslot_tied_lease *msgslot_tied_lease_of(struct msgslot_lease *lease)
{
	return container_of(lease, struct msgslot_tied_lease, lease);
}

/* The file ends: all is given back.  Sleeps. */
void msgslot_tied_leases_end(struct msgslot_ties *ties, struct msgslot_slot *slot);

/* How many bytes of a message of @length are in the lease itself. */
static inline u32 msgslot_tied_lease_bytes(u32 length)
{
	return length <= MSGSLOT_INLINE_BYTES ? length : 0;
}

/* Whether there is space in @lease for a message of @length bytes. */
static inline bool msgslot_tied_lease_has_space(const struct msgslot_tied_lease *lease, u32 length)
{
	return msgslot_tied_lease_bytes(length) <= lease->lease.capacity;
}

/*
 * One for a message of @length bytes, which is in the ring, or was @returned, charged to the payer:
 * ERR_PTR: -ENOMEM, -EDQUOT (a limit).  If @gfp does not allow sleep it does not sleep.
 */
struct msgslot_tied_lease *msgslot_tied_lease_new(const struct msgslot_payer *payer,
						  struct msgslot_ties *ties, u32 length,
						  bool returned, gfp_t gfp);
/* Whether @lease will do for such a message. */
bool msgslot_tied_lease_fits(const struct msgslot_tied_lease *lease, u32 length, bool returned);
/* Memory for the first lease of a channel: 0 or -ENOMEM.  Sleeps. */
int msgslot_tied_lease_prepare(struct msgslot_tied_lease *lease);

/* The file's spare, if that will do, or a new one. */
static inline struct msgslot_tied_lease *msgslot_tied_lease_get(const struct msgslot_payer *payer,
								struct msgslot_ties *ties,
								u32 length, bool returned,
								gfp_t gfp)
{
	struct msgslot_tied_lease *lease = NULL;

	if (likely(READ_ONCE(ties->spare)))
		lease = xchg(&ties->spare, NULL);
	if (likely(lease)) {
		if (likely(msgslot_tied_lease_has_space(lease, length)))
			return lease;
		/* It has no message. */
		msgslot_lease_free(&lease->lease, NULL);
	}
	return msgslot_tied_lease_new(payer, ties, length, returned, gfp);
}

void msgslot_tied_lease_put_slow(struct msgslot_tied_lease *lease, struct msgslot_ties *ties,
				 struct msgslot_spares *spares);

/* @lease, which is in use no longer, or was not, becomes the file's spare, or is freed. */
static inline void msgslot_tied_lease_put(struct msgslot_tied_lease *lease,
					  struct msgslot_ties *ties, struct msgslot_spares *spares)
{
	if (unlikely(lease->leases || lease->lease.buffer || lease->lease.over || lease->instead) ||
	    cmpxchg(&ties->spare, NULL, lease))
		msgslot_tied_lease_put_slow(lease, ties, spares);
}

/*
 * Leases the message of @channel that @lease names, by its number and how often it came back, if
 * that is the next to be taken, to the file of @ties: 0, and @lease is in use; -ESTALE: it is not,
 * or does not fit; -EDQUOT; -ENOBUFS: msgslot_tied_lease_prepare() is to be called.  @described: it
 * is short, never came back, and @lease has it already, but for its payer.  In an RCU section in
 * which @channel was found.
 */
int msgslot_tied_lease_take(struct msgslot_tied_lease *lease, struct msgslot_ties *ties,
			    struct msgslot_slot *slot, struct msgslot_channel *channel,
			    bool described);

/* The lease of the file of @ties with message @sequence of @channel, which is not void; or NULL. */
static inline struct msgslot_tied_lease *
msgslot_tied_lease_find_locked(const struct msgslot_ties *ties, struct msgslot_channel *channel,
			       u64 sequence)
{
	const struct msgslot_leases *leases = msgslot_log_leases_locked(&channel->log);
	struct msgslot_tied_lease *tied;
	struct msgslot_lease *lease;

	if (unlikely(!leases))
		return NULL;
	lease = msgslot_leases_find_away(leases, sequence);
	tied = msgslot_tied_lease_of(lease);
	return lease && tied->tie.ties == ties ? tied : NULL;
}

/* What is left to do once a lease ended, beside wake requests: its message is gone. */
#define TIED_LEASE_IS_DONE BIT(28)
/* It can be taken again. */
#define TIED_LEASE_CAME_BACK BIT(29)
/* The channel has no holder. */
#define TIED_LEASE_UNHELD BIT(30)

void msgslot_tied_lease_come_back_locked(struct msgslot_tied_lease *lease, struct msgslot_log *log,
					 struct msgslot_feed *feed);

/* @lease is no longer the file's, nor away. */
static inline void msgslot_tied_lease_unlink_locked(struct msgslot_tied_lease *lease,
						    struct msgslot_leases *leases)
{
	msgslot_tie_unlink_locked(&lease->tie);
	msgslot_lease_erase(&leases->away, &lease->lease);
}

/*
 * Ends @lease, which is not void: its message is done, or is to @come_back.  Returns what is left
 * to do, which msgslot_tied_lease_end() does without the lock, in the same RCU section; whether the
 * caller is to free @lease then is what that returns.
 */
static inline u32 msgslot_tied_lease_end_locked(struct msgslot_tied_lease *lease,
						struct msgslot_channel *channel,
						struct msgslot_slot *slot, bool come_back)
{
	struct msgslot_log *log = &channel->log;
	const u32 left = unlikely(log->unheld) ? TIED_LEASE_UNHELD : 0;

	msgslot_tied_lease_unlink_locked(lease, log->leases);
	log->leases->away_count--;
	if (likely(!come_back))
		return left | TIED_LEASE_IS_DONE |
		       (msgslot_log_add_space_locked(log) & MSGSLOT_WAKE_MASK);
	msgslot_tied_lease_come_back_locked(lease, log, &slot->channels.feed);
	return left | TIED_LEASE_CAME_BACK;
}

bool msgslot_tied_lease_end_slow(struct msgslot_channel *channel, struct msgslot_slot *slot,
				 u32 left);

static inline bool msgslot_tied_lease_end(struct msgslot_channel *channel,
					  struct msgslot_slot *slot, u32 left)
{
	if (unlikely(left != TIED_LEASE_IS_DONE))
		return msgslot_tied_lease_end_slow(channel, slot, left);
	this_cpu_dec(slot->stats->leased);
	this_cpu_dec(slot->stats->messages);
	return true;
}

/*
 * After @channel was cleared: frees what is void.  The caller holds the channel.  Sleeps.
 */
void msgslot_tied_leases_free_void(struct msgslot_slot *slot, struct msgslot_channel *channel);

/* The first @count at most of what the file has leased, in @names: how many they are. */
u32 msgslot_tied_leases_list(struct msgslot_ties *ties, struct msgslot_message_name *names,
			     u32 count);

#endif /* MSGSLOT_TIED_LEASE_H */
