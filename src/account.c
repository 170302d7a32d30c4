// SPDX-License-Identifier: GPL-2.0-only
/* Limits of a slot and of each of its users.  See account.h. */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/user_namespace.h>
#include <linux/wait_bit.h>

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

void msgslot_account_drain(struct msgslot_account *account)
{
	if (atomic_long_read(&account->retired))
		rcu_barrier();
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

/* The user that @cred is charged as (account.h). */
static kuid_t charged_user(const struct cred *cred)
{
	const struct user_namespace *ns = cred->user_ns;

	if (ns == &init_user_ns)
		return cred->euid;
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return uid_eq(ns->owner, GLOBAL_ROOT_UID) ? cred->euid : ns->owner;
}

/* The share of @uid with a new reference, or NULL. */
static struct msgslot_share *share_get(struct msgslot_account *account, kuid_t uid, gfp_t gfp)
{
	struct msgslot_share *share, *fresh;

	spin_lock(&account->lock);
	share = share_find_locked(account, uid, NULL);
	spin_unlock(&account->lock);
	if (share)
		return share;

	fresh = kzalloc(sizeof(*fresh), gfp);
	if (!fresh)
		return NULL;
	fresh->account = account;
	spin_lock(&account->lock);
	share = share_find_locked(account, uid, fresh);
	spin_unlock(&account->lock);
	if (share != fresh)
		kfree(fresh);
	return share;
}

struct msgslot_share *msgslot_share_get(struct msgslot_account *account, const struct cred *cred)
{
	return share_get(account, charged_user(cred), MSGSLOT_GFP) ?: ERR_PTR(-ENOMEM);
}

struct msgslot_share *msgslot_share_get_of(struct msgslot_account *account, kuid_t uid)
{
	/* Of no memory cgroup: it is a few bytes, and a reader does not pay for a sender. */
	return share_get(account, uid, GFP_NOWAIT | __GFP_NOWARN);
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

/* The most that a user with @mine may hold: a privileged one, all that the others left. */
static u64 share_max(u64 limit, u64 used, u64 mine, bool privileged)
{
	u64 left = used < limit ? limit - used : 0;

	return privileged ? left + mine : (left + mine) / 2;
}

static bool over_share(u64 limit, u64 used, u64 mine, u64 n)
{
	return n && mine + n > share_max(limit, used, mine, false);
}

/* Whether @share, which holds @held, may have @n more of what the slot holds @used, of @limit. */
static __always_inline int check(u64 limit, u64 used, u64 held, u64 n, bool privileged)
{
	if (unlikely(over_limit(limit, used, n)))
		return -ENOSPC;
	return !privileged && unlikely(over_share(limit, used, held, n)) ? -EDQUOT : 0;
}

static __always_inline int check_bytes_locked(const struct msgslot_share *share, u64 held,
					      u64 bytes, bool privileged)
{
	const struct msgslot_account *account = share->account;

	lockdep_assert_held(&account->lock);
	return check(account->limit.bytes, account->used.bytes, held, bytes, privileged);
}

static int check_channels_locked(const struct msgslot_share *share, u64 channels, bool privileged)
{
	const struct msgslot_account *account = share->account;

	lockdep_assert_held(&account->lock);
	return check(account->limit.channels, account->used.channels, share->used.channels,
		     channels, privileged);
}

static __always_inline void add_locked(struct msgslot_share *share, u64 bytes, u32 channels)
{
	share->account->used.bytes += bytes;
	share->account->used.channels += channels;
	share->used.bytes += bytes;
	share->used.channels += channels;
	share->refs++;
}

/* What comes back is to be freed, outside the lock. */
static __always_inline struct msgslot_share *subtract_locked(struct msgslot_share *share, u64 bytes,
							     u32 channels)
{
	share->account->used.bytes -= bytes;
	share->account->used.channels -= channels;
	share->used.bytes -= bytes;
	share->used.channels -= channels;
	return share_put_locked(share);
}

int msgslot_charge_as(const struct msgslot_payer *payer, u64 bytes, u32 channels, bool privileged)
{
	struct msgslot_share *share = payer->share;
	int err;

	spin_lock(&share->account->lock);
	err = check_bytes_locked(share, share->used.bytes, bytes, privileged);
	if (!err)
		err = check_channels_locked(share, channels, privileged);
	if (!err)
		add_locked(share, bytes, channels);
	spin_unlock(&share->account->lock);
	return err;
}

/*
 * Only what is more than before counts against the slot, and against a user that has the rest
 * already.
 */
static __always_inline int check_for_locked(struct msgslot_share *share, u64 bytes,
					    const struct msgslot_share *old, u64 old_bytes,
					    bool privileged)
{
	const u64 same = min(bytes, old_bytes);

	return check_bytes_locked(share, share->used.bytes + (old == share ? 0 : same),
				  bytes - same, privileged);
}

int msgslot_charge_check(struct msgslot_share *share, u64 bytes, struct msgslot_share *old,
			 u64 old_bytes, bool privileged)
{
	int err;

	spin_lock(&share->account->lock);
	err = check_for_locked(share, bytes, old, old_bytes, privileged);
	spin_unlock(&share->account->lock);
	return err;
}

int msgslot_charge_for(struct msgslot_share *share, u64 bytes, struct msgslot_share *old,
		       u64 old_bytes, bool privileged)
{
	struct msgslot_share *empty = NULL;
	int err;

	spin_lock(&share->account->lock);
	err = check_for_locked(share, bytes, old, old_bytes, privileged);
	if (!err) {
		add_locked(share, bytes, 0);
		if (old)
			empty = subtract_locked(old, old_bytes, 0);
	}
	spin_unlock(&share->account->lock);
	if (unlikely(empty))
		kfree(empty);
	return err;
}

void msgslot_charge_move(struct msgslot_share *from, struct msgslot_share *to, u64 bytes,
			 u32 channels)
{
	struct msgslot_share *empty;

	spin_lock(&to->account->lock);
	add_locked(to, bytes, channels);
	empty = subtract_locked(from, bytes, channels);
	spin_unlock(&to->account->lock);
	kfree(empty);
}

bool msgslot_payer_is_privileged(const struct msgslot_payer *payer)
{
	return file_ns_capable(payer->file, &init_user_ns, CAP_SYS_RESOURCE);
}

static int payer_check(const struct msgslot_payer *payer, u64 bytes)
{
	int err = msgslot_charge_check(payer->share, bytes, NULL, 0, false);

	if (err == -EDQUOT && msgslot_payer_is_privileged(payer))
		err = msgslot_charge_check(payer->share, bytes, NULL, 0, true);
	return err;
}

static bool too_much_is_retired(const struct msgslot_account *account, u64 bytes)
{
	return bytes > MSGSLOT_RETIRED_BYTES &&
	       atomic_long_read(&account->retired) > READ_ONCE(account->limit.bytes) / 8;
}

/* Whether they may be allocated now; then they are counted. */
static bool growth_try(struct msgslot_share *share, u64 bytes)
{
	struct msgslot_account *account = share->account;
	bool may;

	spin_lock(&account->lock);
	may = !share->growing || share->growing + bytes <= account->limit.bytes;
	if (may)
		share->growing += bytes;
	spin_unlock(&account->lock);
	return may;
}

int msgslot_growth_begin(const struct msgslot_payer *payer, u64 bytes, u64 more, gfp_t gfp)
{
	struct msgslot_share *share = payer->share;
	int err = payer_check(payer, bytes + more);

	if (err)
		return err;
	if (unlikely(too_much_is_retired(share->account, bytes))) {
		if (!gfpflags_allow_blocking(gfp))
			return -ENOMEM;
		/* Not only for the grace period: their callbacks may be lazy. */
		rcu_barrier();
	}
	if (likely(growth_try(share, bytes)))
		return 0;
	if (!gfpflags_allow_blocking(gfp))
		return -ENOMEM;
	return wait_var_event_killable(&share->growing, growth_try(share, bytes));
}

void msgslot_growth_end(const struct msgslot_payer *payer, u64 bytes)
{
	struct msgslot_share *share = payer->share;

	spin_lock(&share->account->lock);
	share->growing -= bytes;
	spin_unlock(&share->account->lock);
	/* Pairs with the barrier of wait_var_event_killable(): the waiter is seen, or sees that. */
	smp_mb();
	wake_up_var(&share->growing);
}

int msgslot_charge(const struct msgslot_payer *payer, u64 bytes, u32 channels)
{
	int err = msgslot_charge_as(payer, bytes, channels, false);

	if (err == -EDQUOT && msgslot_payer_is_privileged(payer))
		err = msgslot_charge_as(payer, bytes, channels, true);
	return err;
}

bool msgslot_charge_over(struct msgslot_share *share, u64 bytes, bool once)
{
	bool may;

	spin_lock(&share->account->lock);
	may = !once || !share->over;
	if (may)
		add_locked(share, bytes, 0);
	share->over |= once;
	spin_unlock(&share->account->lock);
	return may;
}

void msgslot_share_end_over(struct msgslot_share *share)
{
	spin_lock(&share->account->lock);
	share->over = false;
	spin_unlock(&share->account->lock);
}

void msgslot_uncharge(struct msgslot_share *share, u64 bytes, u32 channels)
{
	struct msgslot_account *account = share->account;

	spin_lock(&account->lock);
	share = subtract_locked(share, bytes, channels);
	spin_unlock(&account->lock);
	if (unlikely(share))
		kfree(share);
}

void msgslot_payer_get_usage(const struct msgslot_payer *payer, struct msgslot_usage *used,
			     struct msgslot_usage *max)
{
	struct msgslot_account *account = payer->share->account;
	struct msgslot_usage *limit = &account->limit, *all = &account->used;
	bool privileged = msgslot_payer_is_privileged(payer);

	spin_lock(&account->lock);
	*used = payer->share->used;
	/* A user that holds more than that, since limits were higher, keeps it. */
	max->bytes = share_max(limit->bytes, all->bytes, used->bytes, privileged);
	max->bytes = max(max->bytes, used->bytes);
	max->channels = share_max(limit->channels, all->channels, used->channels, privileged);
	max->channels = max(max->channels, used->channels);
	spin_unlock(&account->lock);
}
