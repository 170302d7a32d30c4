/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may keep how much in a slot.
 *
 * A slot has one *account*: how many bytes and channels it may hold, and how many it holds.  Every
 * user with a file open on the slot, or with something kept in it, has a *share* of that account; it is
 * looked up in open().  The user is the uid that opened the file.  In a user namespace it is the one
 * who made the outermost: somebody with 65536 subordinate ids is still one person.  Where root made it, as
 * for the containers of a machine, the ids in it are users like any others.
 *
 * Only what grows is charged: a new channel, a ring of cells, a buffer for a long message, a map.  A
 * message that goes where another one as long was costs nothing here, so a steady sender never comes
 * by.
 *
 * The slot's limits hold for everyone.  An unprivileged user may besides hold no more than
 *
 *	used + n <= (free + used) / 2
 *
 * that is half of what the others have left, so that whoever comes next always finds room.
 *
 * A large ring that is drained is retired: charged to nobody, and free after a grace period.  So that this
 * is no way around the limit, nothing large is allocated before those of the slot are free, where all of
 * them have more than an eighth of what it may hold.
 *
 * What a call makes grow is charged when it is installed, as until then it is nothing of the slot.  How much
 * of it a user may have under way is bounded, too, by what the slot may hold: further calls of that user wait.
 *
 * All memory comes from the memory cgroup of the task that made it grow, by MSGSLOT_GFP.
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
 * Charged to the caller's memory cgroup.  When that is full, or the machine is, the call fails with
 * ENOMEM: it neither wakes the OOM killer nor writes to the log.
 */
#define MSGSLOT_GFP (GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)
/* The same, where that needs no sleep. */
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
 * @used: what it holds, never more than @limit but where @limit was lowered since
 * @shares: the shares by uid
 * @retired: bytes that are charged to nobody any more, and not free yet, as a reader may look at them
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
 * @uid: whose it is
 * @refs: one for each open file and one for each charge; freed with the last
 * @used: what the user holds
 * @growing: bytes that calls of the user have allocated, or are about to, and not yet charged
 *
 * Guarded by the account's lock, but for @uid, which never changes.
 */
struct msgslot_share {
	struct msgslot_account *account;
	struct rb_node node;
	kuid_t uid;
	unsigned long refs;
	struct msgslot_usage used;
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

/* The share of whoever has @cred, with a reference for the caller; or ERR_PTR(-ENOMEM). */
struct msgslot_share *msgslot_share_get(struct msgslot_account *account, const struct cred *cred);
/* The share of @uid, likewise; NULL where that needs memory which is not there.  Does not sleep. */
struct msgslot_share *msgslot_share_get_of(struct msgslot_account *account, kuid_t uid);
/* Gives the reference back.  Takes NULL. */
void msgslot_share_put(struct msgslot_share *share);

/**
 * struct msgslot_payer - who pays for what a call makes grow
 * @share: of the user who opened the file
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
 * Takes @n: 0, -ENOSPC where the slot's limit stands against it, -EDQUOT where the user's share
 * does.  A charge holds a reference to the share until it is uncharged with the same figures.
 */
int msgslot_charge(const struct msgslot_payer *payer, u64 bytes, u32 channels);
/*
 * The same under other locks, in two steps: it is asked as an ordinary user; after -EDQUOT, and without
 * the locks, as security modules may sleep, whether the payer is privileged; and then as one.
 */
int msgslot_charge_as(const struct msgslot_payer *payer, u64 bytes, u32 channels, bool privileged);
bool msgslot_payer_is_privileged(const struct msgslot_payer *payer);
/*
 * Before so many bytes are allocated that the payer is to be charged with: 0, and msgslot_growth_end() is
 * to follow once they are charged or freed; -ENOSPC or -EDQUOT, as the charge would be; -ENOMEM where that
 * has to wait and @gfp does not sleep; -ERESTARTSYS if it is killed while it waits.
 */
int msgslot_growth_begin(const struct msgslot_payer *payer, u64 bytes, gfp_t gfp);
void msgslot_growth_end(const struct msgslot_payer *payer, u64 bytes);
void msgslot_uncharge(struct msgslot_share *share, u64 bytes, u32 channels);

/*
 * Charges @share with @bytes that take the place of @old_bytes, charged to @old (0 and NULL: of nothing),
 * and @old no longer: 0; or -ENOSPC or -EDQUOT, and nothing has changed.  Where that adds nothing to the
 * slot it is never refused, though it may take the user over the share.
 */
int msgslot_charge_for(struct msgslot_share *share, u64 bytes, struct msgslot_share *old,
		       u64 old_bytes, bool privileged);
/* What msgslot_charge_for() would say. */
int msgslot_charge_check(struct msgslot_share *share, u64 bytes, struct msgslot_share *old,
			 u64 old_bytes, bool privileged);
/* Moves a charge from one user to another of the slot, who may go over the share by that. */
void msgslot_charge_move(struct msgslot_share *from, struct msgslot_share *to, u64 bytes,
			 u32 channels);

/* What the payer holds, and the most that he could hold as things are. */
void msgslot_payer_get_usage(const struct msgslot_payer *payer, struct msgslot_usage *used,
			     struct msgslot_usage *max);

#endif /* MSGSLOT_ACCOUNT_H */
