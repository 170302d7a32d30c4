/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How much a user may keep in a slot.
 *
 * A slot has one *account*: how many bytes and channels it may hold, and how many it holds.  Every
 * user with a file open on the slot, or with something kept in it, has a *share* of the account;
 * open() looks it up.  The user is the effective uid that opened the file.  In a user namespace it
 * is the owner of the outermost namespace below the initial one: a person with 65536 subordinate
 * ids is still one person.  Where root owns that namespace, as for the containers of a machine, the
 * ids in it are users like any others.
 *
 * Only growth is charged: a new channel, a ring of cells, a buffer for a long message, a map.  A
 * message that replaces another of its length costs nothing here, so a steady sender does not take
 * the account's lock.
 *
 * The slot's limits hold for everyone.  Besides, an unprivileged user may hold no more than
 *
 *	used + n <= (free + used) / 2
 *
 * that is half of what the others have left, so the next user always finds space.
 *
 * A large ring that is drained is retired: charged to no user, and freed after a grace period.  So
 * that this is no way around the limit, nothing large is allocated while more than an eighth of the
 * slot's limit is retired, before that is freed.
 *
 * What a call makes grow is charged when it is installed; until then it is not the slot's.  How
 * much of that a user may have allocated at once is bounded by the slot's limit: further calls of
 * that user wait.
 *
 * All memory comes from the memory cgroup of the task that makes it grow, by MSGSLOT_GFP.
 *
 * Modelled in tests/model/charge.pml.
 */
#ifndef MSGSLOT_ACCOUNT_H
#define MSGSLOT_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/uidgid.h>

/*
 * Charged to the caller's memory cgroup.  If that or the machine has no memory left, the call fails
 * with ENOMEM, without the OOM killer and without a line in the kernel's log.
 */
#define MSGSLOT_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
/* The same without sleep. */
#define MSGSLOT_GFP_NOW (GFP_NOWAIT | __GFP_ACCOUNT | __GFP_NOWARN)

/* What is smaller is not counted while it is retired. */
#define MSGSLOT_RETIRED_BYTES 4096

/**
 * struct msgslot_usage - an amount, held or asked for
 * @bytes: of rings, buffers and maps
 * @channels: channels
 */
struct msgslot_usage {
	u64 bytes;
	u64 channels;
};

/**
 * struct msgslot_account - the limits of a slot and what is used of them
 * @lock: guards everything here and in the shares; innermost, nothing is called under it
 * @limit: what the slot may hold
 * @used: what it holds, never more than @limit, but for one lease of each user, and where @limit
 *	was lowered since
 * @shares: the shares by uid
 * @retired: bytes that are charged to no user any more, and not freed yet because a reader may look
 *	at them
 */
struct msgslot_account {
	spinlock_t lock;
	struct msgslot_usage limit;
	struct msgslot_usage used;
	struct rb_root shares;
	atomic_long_t retired;
};

/**
 * struct msgslot_share - what one user holds in a slot
 * @account: of which it is a share; never changes
 * @node: in the account's @shares
 * @uid: of the user
 * @refs: one for each open file and one for each charge; freed with the last
 * @used: what the user holds
 * @over: one of its charges is one that is beyond all limits
 * @listeners: how many listeners of the slot are the user's; under the feed's lock
 * @growing: bytes that calls of the user have allocated, or are about to allocate, and not charged
 *	yet
 *
 * Guarded by the account's lock, but for @uid, which never changes, and @listeners.
 */
struct msgslot_share {
	struct msgslot_account *account;
	struct rb_node node;
	kuid_t uid;
	unsigned long refs;
	struct msgslot_usage used;
	bool over;
	u32 listeners;
	u64 growing;
};

void msgslot_account_init(struct msgslot_account *account);
void msgslot_account_set_max_bytes(struct msgslot_account *account, u64 max_bytes);
void msgslot_account_set_max_channels(struct msgslot_account *account, u32 max_channels);
void msgslot_account_get_limit(struct msgslot_account *account, struct msgslot_usage *limit);
void msgslot_account_get_used(struct msgslot_account *account, struct msgslot_usage *used);

/* So many bytes more are retired, or fewer.  In any context. */
static inline void msgslot_account_retire(struct msgslot_account *account, long bytes)
{
	atomic_long_add(bytes, &account->retired);
}

/* Before the account's memory is freed: waits for all that is retired. */
void msgslot_account_drain(struct msgslot_account *account);

/* The share of the user of @cred, with a reference for the caller; or ERR_PTR(-ENOMEM). */
struct msgslot_share *msgslot_share_get(struct msgslot_account *account, const struct cred *cred);
/* The share of @uid, likewise; NULL without memory.  Does not sleep. */
struct msgslot_share *msgslot_share_get_of(struct msgslot_account *account, kuid_t uid);
/* Gives the reference back.  Takes NULL. */
void msgslot_share_put(struct msgslot_share *share);

/**
 * struct msgslot_payer - the user that is charged for what calls on a file make grow
 * @share: of the user that opened the file
 * @uid: that user, as messages tell it
 * @file: tells whether the user had CAP_SYS_RESOURCE then
 *
 * Never changes while the file is open.
 */
struct msgslot_payer {
	struct msgslot_share *share;
	kuid_t uid;
	const struct file *file;
};

/*
 * 0; -ENOSPC: over the slot's limit; -EDQUOT: over the user's share.  A charge has a reference to
 * the share until it is uncharged with the same figures.
 */
int msgslot_charge(const struct msgslot_payer *payer, u64 bytes, u32 channels);
/*
 * The same under other locks, in two steps: first as an ordinary user; after -EDQUOT the caller
 * asks, without the locks because security modules may sleep, whether the payer is privileged; and
 * then again as such.
 */
int msgslot_charge_as(const struct msgslot_payer *payer, u64 bytes, u32 channels, bool privileged);
bool msgslot_payer_is_privileged(const struct msgslot_payer *payer);
/*
 * Before the allocation of bytes that are to be charged to the payer, and @more after them: 0, and
 * msgslot_growth_end() follows once they are charged or freed; -ENOSPC or -EDQUOT, as the charge
 * would return; -ENOMEM if it would have to wait and @gfp does not allow that; -ERESTARTSYS if the
 * task is killed while it waits.
 */
int msgslot_growth_begin(const struct msgslot_payer *payer, u64 bytes, u64 more, gfp_t gfp);
void msgslot_growth_end(const struct msgslot_payer *payer, u64 bytes);
void msgslot_uncharge(struct msgslot_share *share, u64 bytes, u32 channels);
/*
 * Charges @share beyond all limits.  With @once whether that could be: a user has one such charge
 * at a time, which msgslot_share_end_over() ends, before it is uncharged; otherwise the caller is
 * about to uncharge as much.
 */
bool msgslot_charge_over(struct msgslot_share *share, u64 bytes, bool once);
void msgslot_share_end_over(struct msgslot_share *share);

/*
 * Charges @share with @bytes that replace @old_bytes, which are charged to @old (NULL: they replace
 * nothing), and @old no longer: 0; or -ENOSPC or -EDQUOT, and nothing has changed.  A replacement
 * that adds nothing to the slot never fails, though it may take the user over the share.
 */
int msgslot_charge_for(struct msgslot_share *share, u64 bytes, struct msgslot_share *old,
		       u64 old_bytes, bool privileged);
/* What msgslot_charge_for() would return. */
int msgslot_charge_check(struct msgslot_share *share, u64 bytes, struct msgslot_share *old,
			 u64 old_bytes, bool privileged);
/* Moves a charge to another user of the slot, which may take that user over the share. */
void msgslot_charge_move(struct msgslot_share *from, struct msgslot_share *to, u64 bytes,
			 u32 channels);

/* What the payer holds, and the most that the payer could hold at this moment. */
void msgslot_payer_get_usage(const struct msgslot_payer *payer, struct msgslot_usage *used,
			     struct msgslot_usage *max);

#endif /* MSGSLOT_ACCOUNT_H */
