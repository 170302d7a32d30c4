// SPDX-License-Identifier: GPL-2.0-only
/* The ties of a file.  See tie.h. */
#include "tie.h"

void msgslot_ties_init(struct msgslot_ties *ties)
{
	spin_lock_init(&ties->lock);
	INIT_LIST_HEAD(&ties->list);
	ties->count = 0;
	ties->used = false;
	ties->spare = NULL;
}

struct msgslot_channel *msgslot_ties_first_channel(struct msgslot_ties *ties)
{
	struct msgslot_channel *channel = NULL;
	struct msgslot_tie *tie;

	spin_lock(&ties->lock);
	tie = list_first_entry_or_null(&ties->list, struct msgslot_tie, node);
	if (tie)
		channel = tie->channel;
	spin_unlock(&ties->lock);
	return channel;
}

struct msgslot_tie *msgslot_ties_first_locked(struct msgslot_ties *ties,
					      const struct msgslot_channel *channel)
{
	struct msgslot_tie *tie;

	lockdep_assert_held(&channel->log.lock);
	spin_lock(&ties->lock);
	tie = list_first_entry_or_null(&ties->list, struct msgslot_tie, node);
	if (tie && tie->channel != channel)
		tie = NULL;
	spin_unlock(&ties->lock);
	return tie;
}
