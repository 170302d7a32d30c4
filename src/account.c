// SPDX-License-Identifier: GPL-2.0-only
/* Limits of a slot and of each of its users.  See account.h. */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>

#include "account.h"

void msgslot_account_init(struct msgslot_account *account)
{
	memset(account, 0, sizeof(*account));
	spin_lock_init(&account->lock);
	account->shares = RB_ROOT;
}

void msgslot_account_set_max_bytes(struct msgslot_account *account, u64 max_bytes)
{
	spin_lock(&account->lock);
	account->limit.bytes = max_bytes;
	spin_unlock(&account->lock);
}

void msgslot_account_set_max_channels(struct msgslot_account *account, u32 max_channels)
{
	spin_lock(&account->lock);
	account->limit.channels = max_channels;
	spin_unlock(&account->lock);
}

void msgslot_account_get_limit(struct msgslot_account *account, struct msgslot_usage *limit)
{
	spin_lock(&account->lock);
	*limit = account->limit;
	spin_unlock(&account->lock);
}

void msgslot_account_get_used(struct msgslot_account *account, struct msgslot_usage *used)
{
	spin_lock(&account->lock);
	*used = account->used;
	spin_unlock(&account->lock);
}

/* The share of @uid with a new reference; @fresh takes its place if there is none; else NULL. */
static struct msgslot_share *share_find_locked(struct msgslot_account *account, kuid_t uid,
					       struct msgslot_share *fresh)
{
	struct rb_node **link = &account->shares.rb_node, *parent = NULL;
	struct msgslot_share *share;

	lockdep_assert_held(&account->lock);
	while (*link) {
		parent = *link;
		share = rb_entry(parent, struct msgslot_share, node);
		if (uid_eq(uid, share->uid)) {
			share->refs++;
			return share;
		}
		link = uid_lt(uid, share->uid) ? &parent->rb_left : &parent->rb_right;
	}
	if (fresh) {
		fresh->uid = uid;
		fresh->refs = 1;
		rb_link_node(&fresh->node, parent, link);
		rb_insert_color(&fresh->node, &account->shares);
	}
	return fresh;
}

/* The user that @cred is charged as; account.h tells who that is. */
static kuid_t charged_user(const struct cred *cred)
{
	const struct user_namespace *ns = cred->user_ns;

	if (ns == &init_user_ns)
		return cred->euid;
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return uid_eq(ns->owner, GLOBAL_ROOT_UID) ? cred->euid : ns->owner;
}

struct msgslot_share *msgslot_share_get(struct msgslot_account *account, const struct cred *cred)
{
	const kuid_t uid = charged_user(cred);
	struct msgslot_share *share, *fresh;

	spin_lock(&account->lock);
	share = share_find_locked(account, uid, NULL);
	spin_unlock(&account->lock);
	if (share)
		return share;

	fresh = kzalloc(sizeof(*fresh), MSGSLOT_GFP);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->account = account;
	spin_lock(&account->lock);
	share = share_find_locked(account, uid, fresh);
	spin_unlock(&account->lock);
	if (share != fresh)
		kfree(fresh);
	return share;
}

/* Drops one reference; what comes back is to be freed, outside the lock. */
static struct msgslot_share *share_put_locked(struct msgslot_share *share)
{
	lockdep_assert_held(&share->account->lock);
	if (--share->refs)
		return NULL;
	rb_erase(&share->node, &share->account->shares);
	return share;
}

void msgslot_share_put(struct msgslot_share *share)
{
	struct msgslot_account *account;

	if (!share)
		return;
	account = share->account;
	spin_lock(&account->lock);
	share = share_put_locked(share);
	spin_unlock(&account->lock);
	kfree(share);
}

static bool over_limit(u64 limit, u64 used, u64 n)
{
	return n && (used > limit || n > limit - used);
}

/* The most that a user who holds @mine may hold: a privileged one, all that the others left. */
static u64 share_max(u64 limit, u64 used, u64 mine, bool privileged)
{
	u64 left = used < limit ? limit - used : 0;

	return privileged ? left + mine : (left + mine) / 2;
}

static bool over_share(u64 limit, u64 used, u64 mine, u64 n)
{
	return n && mine + n > share_max(limit, used, mine, false);
}

static int charge(struct msgslot_share *share, u64 bytes, u32 channels, bool privileged)
{
	struct msgslot_account *account = share->account;
	struct msgslot_usage *limit = &account->limit, *used = &account->used, *mine = &share->used;
	int err = 0;

	spin_lock(&account->lock);
	if (over_limit(limit->bytes, used->bytes, bytes) ||
	    over_limit(limit->channels, used->channels, channels)) {
		err = -ENOSPC;
	} else if (!privileged &&
		   (over_share(limit->bytes, used->bytes, mine->bytes, bytes) ||
		    over_share(limit->channels, used->channels, mine->channels, channels))) {
		err = -EDQUOT;
	} else {
		used->bytes += bytes;
		used->channels += channels;
		mine->bytes += bytes;
		mine->channels += channels;
		share->refs++;
	}
	spin_unlock(&account->lock);
	return err;
}

/* Security modules may sleep, so the question is asked outside of locks, and only if it matters. */
static bool is_privileged(const struct msgslot_payer *payer)
{
	return file_ns_capable(payer->file, &init_user_ns, CAP_SYS_RESOURCE);
}

int msgslot_charge(const struct msgslot_payer *payer, u64 bytes, u32 channels)
{
	int err = charge(payer->share, bytes, channels, false);

	if (err == -EDQUOT && is_privileged(payer))
		err = charge(payer->share, bytes, channels, true);
	return err;
}

void msgslot_uncharge(struct msgslot_share *share, u64 bytes, u32 channels)
{
	struct msgslot_account *account = share->account;

	spin_lock(&account->lock);
	account->used.bytes -= bytes;
	account->used.channels -= channels;
	share->used.bytes -= bytes;
	share->used.channels -= channels;
	share = share_put_locked(share);
	spin_unlock(&account->lock);
	kfree(share);
}

void msgslot_payer_get_usage(const struct msgslot_payer *payer, struct msgslot_usage *used,
			     struct msgslot_usage *max)
{
	struct msgslot_account *account = payer->share->account;
	struct msgslot_usage *limit = &account->limit, *all = &account->used;
	bool privileged = is_privileged(payer);

	spin_lock(&account->lock);
	*used = payer->share->used;
	/* Who holds more than that, from better times, keeps it. */
	max->bytes = share_max(limit->bytes, all->bytes, used->bytes, privileged);
	max->bytes = max(max->bytes, used->bytes);
	max->channels = share_max(limit->channels, all->channels, used->channels, privileged);
	max->channels = max(max->channels, used->channels);
	spin_unlock(&account->lock);
}
