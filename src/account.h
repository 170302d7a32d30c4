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
 * Only what grows is charged: a new channel, a ring of cells, a buffer for a long message.  A
 * message that goes where another one as long was costs nothing here, so a steady sender never comes
 * by.
 *
 * The slot's limits hold for everyone.  An unprivileged user may besides hold no more than
 *
 *	used + n <= (free + used) / 2
 *
 * that is half of what the others have left, so that whoever comes next always finds room.
 *
 * All memory comes from the memory cgroup of the task that made it grow, by MSGSLOT_GFP.
 */
#ifndef MSGSLOT_ACCOUNT_H
#define MSGSLOT_ACCOUNT_H

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

/**
 * struct msgslot_usage - an amount, held or asked for
 * @bytes: of rings and buffers
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
 */
struct msgslot_account {
	spinlock_t lock;
	struct msgslot_usage limit;
	struct msgslot_usage used;
	struct rb_root shares;
};

/**
 * struct msgslot_share - what one user holds in a slot
 * @account: of which it is a share; never changes
 * @node: in the account's @shares
 * @uid: whose it is
 * @refs: one for each open file and one for each charge; freed with the last
 * @used: what the user holds
 *
 * Guarded by the account's lock, but for @uid, which never changes.
 */
struct msgslot_share {
	struct msgslot_account *account;
	struct rb_node node;
	kuid_t uid;
	unsigned long refs;
	struct msgslot_usage used;
};

void msgslot_account_init(struct msgslot_account *account);
void msgslot_account_set_max_bytes(struct msgslot_account *account, u64 max_bytes);
void msgslot_account_set_max_channels(struct msgslot_account *account, u32 max_channels);
void msgslot_account_get_limit(struct msgslot_account *account, struct msgslot_usage *limit);
void msgslot_account_get_used(struct msgslot_account *account, struct msgslot_usage *used);

/* The share of @uid with a reference for the caller, or ERR_PTR(-ENOMEM). */
struct msgslot_share *msgslot_share_get(struct msgslot_account *account, const struct cred *cred);
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
void msgslot_uncharge(struct msgslot_share *share, u64 bytes, u32 channels);

/* What the payer holds, and the most that he could hold as things are. */
void msgslot_payer_get_usage(const struct msgslot_payer *payer, struct msgslot_usage *used,
			     struct msgslot_usage *max);

#endif /* MSGSLOT_ACCOUNT_H */
