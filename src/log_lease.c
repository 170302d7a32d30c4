// SPDX-License-Identifier: GPL-2.0-only
/* Messages that a log has besides its ring.  See log_lease.h. */
#include <linux/msgslot.h>

#include "log_lease.h"

void msgslot_log_add_returned_locked(struct msgslot_log *log, struct msgslot_lease *lease)
{
	lockdep_assert_held(&log->lock);
	msgslot_lease_insert(&log->leases->returned, lease);
	log->leases->returned_count++;
	WRITE_ONCE(log->wake_requests, log->wake_requests | MSGSLOT_HAS_RETURNED);
}

void msgslot_log_remove_returned_locked(struct msgslot_log *log, struct msgslot_lease *lease)
{
	struct msgslot_leases *leases = log->leases;

	lockdep_assert_held(&log->lock);
	msgslot_lease_erase(&leases->returned, lease);
	if (!--leases->returned_count)
		WRITE_ONCE(log->wake_requests, log->wake_requests & ~MSGSLOT_HAS_RETURNED);
	/* The user that is charged for the channel may have no message any more. */
	if (log->unheld && !msgslot_log_is_empty_locked(log))
		msgslot_log_charge_sender_locked(log);
}

int msgslot_log_take_returned(struct msgslot_log *log, u64 sequence, struct msgslot_lease **lease)
{
	const struct msgslot_leases *leases;
	int left = -ESTALE;

	*lease = NULL;
	spin_lock(&log->lock);
	leases = msgslot_log_leases_locked(log);
	if (leases)
		*lease = msgslot_lease_first(&leases->returned);
	if (*lease && (*lease)->message.sequence == sequence) {
		msgslot_log_remove_returned_locked(log, *lease);
		left = msgslot_log_add_space_locked(log);
	} else {
		*lease = NULL;
	}
	spin_unlock(&log->lock);
	return left;
}

void msgslot_log_describe_ties(struct msgslot_log *log, struct msgslot_walk_detail *entry)
{
	const struct msgslot_leases *leases;
	bool tied = false;

	spin_lock(&log->lock);
	leases = msgslot_log_leases_locked(log);
	entry->first = log->first;
	entry->next = log->next;
	entry->messages = log->next - log->first;
	if (leases) {
		entry->messages += msgslot_leases_count(leases);
		entry->leased = leases->away_count;
	} else if (log->wake_requests & MSGSLOT_HAS_TIE) {
		entry->leased = msgslot_log_newest_locked(log) == log->tied_sequence;
		tied = true;
	}
	spin_unlock(&log->lock);
	entry->files -= min_t(u32, entry->files, tied);
}
