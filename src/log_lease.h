/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages that a log has besides its ring: those that are leased, and those that came back
 * (lease.h).
 */
#ifndef MSGSLOT_LOG_LEASE_H
#define MSGSLOT_LOG_LEASE_H

#include "log.h"

/* A leased message comes back, or one that did is taken. */
void msgslot_log_add_returned_locked(struct msgslot_log *log, struct msgslot_lease *lease);
void msgslot_log_remove_returned_locked(struct msgslot_log *log, struct msgslot_lease *lease);
/* A message that was leased is gone: returns the wake-ups that are requested. */
static inline u32 msgslot_log_add_space_locked(struct msgslot_log *log)
{
	const u32 requests = log->wake_requests;

	lockdep_assert_held(&log->lock);
	log->depth++;
	if (unlikely(requests & MSGSLOT_WAKE_ONCE))
		WRITE_ONCE(log->wake_requests, requests & ~MSGSLOT_WAKE_ONCE);
	return requests;
}

/*
 * Takes message @sequence, which came back, if it is the next to be taken: -ESTALE if it is not; or
 * the wake-ups that are requested, and what it is in, for the caller to free, in *@lease.
 */
int msgslot_log_take_returned(struct msgslot_log *log, u64 sequence, struct msgslot_lease **lease);

/* Completes @entry where messages were leased or tied: the holder of a tied one is no file. */
void msgslot_log_describe_ties(struct msgslot_log *log, struct msgslot_walk_detail *entry);

#endif /* MSGSLOT_LOG_LEASE_H */
