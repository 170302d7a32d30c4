// SPDX-License-Identifier: GPL-2.0-only
/* Messages that are tied to a file.  See tied_value.h. */
#include <linux/err.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "tied_value.h"

/* So many are looked at under the lock to list those that are not void. */
#define TIED_VALUES_MOST 1024

/* ---- memory ---------------------------------------------------------------------------------- */

/* The buffer of a long will, charged to the payer. */
static struct msgslot_buffer *tied_value_buffer(const struct msgslot_payer *payer,
						struct msgslot_slot *slot, u32 length)
{
	struct msgslot_buffer *buffer;
	int err;

	buffer = msgslot_buffer_get(&slot->spares, payer->share->uid, length, MSGSLOT_GFP);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	err = msgslot_buffer_charge(buffer, NULL, payer->share, false);
	if (err == -EDQUOT && msgslot_payer_is_privileged(payer))
		err = msgslot_buffer_charge(buffer, NULL, payer->share, true);
	if (!err)
		return buffer;
	msgslot_buffer_put(&slot->spares, buffer);
	return ERR_PTR(err);
}

struct msgslot_tied_value *msgslot_tied_value_new(const struct msgslot_payer *payer,
						  struct msgslot_slot *slot, u32 length)
{
	const bool is_long = length > MSGSLOT_INLINE_BYTES;
	const u32 size = sizeof(struct msgslot_tied_value) + (is_long ? 0 : length);
	struct msgslot_tied_value *value = kmalloc(size, MSGSLOT_GFP);
	int err;

	if (!value)
		return ERR_PTR(-ENOMEM);
	err = msgslot_charge(payer, size, 0);
	if (err) {
		kfree(value);
		return ERR_PTR(err);
	}
	value->size = size;
	value->share = payer->share;
	value->length = length;
	value->buffer = is_long ? tied_value_buffer(payer, slot, length) : NULL;
	err = PTR_ERR_OR_ZERO(value->buffer);
	if (!err)
		return value;
	value->buffer = NULL;
	msgslot_tied_value_free(value, slot);
	return ERR_PTR(err);
}

void msgslot_tied_value_free(struct msgslot_tied_value *value, struct msgslot_slot *slot)
{
	msgslot_buffer_uncharge(value->buffer);
	msgslot_buffer_put(&slot->spares, value->buffer);
	msgslot_uncharge(value->share, value->size, 0);
	kfree(value);
}

/* ---- in its log ------------------------------------------------------------------------------ */

static bool tied_value_is_newest_locked(const struct msgslot_tied_value *value,
					const struct msgslot_log *log)
{
	return !msgslot_log_is_dead(log) && msgslot_log_newest_locked(log) == value->sequence;
}

/* The log's tie is @value; NULL: it has none. */
static void tied_value_set_locked(struct msgslot_log *log, struct msgslot_tied_value *value)
{
	const u32 requests = log->wake_requests & ~MSGSLOT_HAS_TIE;

	log->tied = value;
	log->tied_sequence = value ? value->sequence : 0;
	WRITE_ONCE(log->wake_requests, requests | (value ? MSGSLOT_HAS_TIE : 0));
}

/* The same, and it is the file's: returns the one before, for the caller to free, or NULL. */
static struct msgslot_tied_value *tied_value_tie_locked(struct msgslot_tied_value *value,
							struct msgslot_ties *ties,
							struct msgslot_channel *channel)
{
	struct msgslot_log *log = &channel->log;
	struct msgslot_tied_value *old = log->wake_requests & MSGSLOT_HAS_TIE ? log->tied : NULL;

	if (old)
		msgslot_tie_unlink_locked(&old->tie);
	tied_value_set_locked(log, value);
	msgslot_tie_link_locked(&value->tie, ties, channel);
	return old;
}

void msgslot_tied_value_tie(struct msgslot_tied_value *value, struct msgslot_ties *ties,
			    struct msgslot_slot *slot, struct msgslot_channel *channel,
			    u64 sequence)
{
	struct msgslot_channels *channels = &slot->channels;
	struct msgslot_tied_value *unused = value;
	struct msgslot_log *log = &channel->log;

	value->sequence = sequence;
	msgslot_channel_hold_again(channels, channel, value->share, &value->holder);
	/* The RCU section keeps the file of the tie before. */
	rcu_read_lock();
	spin_lock(&log->lock);
	if (tied_value_is_newest_locked(value, log))
		unused = tied_value_tie_locked(value, ties, channel);
	spin_unlock(&log->lock);
	rcu_read_unlock();
	if (!unused)
		return;
	msgslot_channel_unhold(channels, channel, &unused->holder);
	msgslot_tied_value_free(unused, slot);
}

void msgslot_tied_value_untie_locked(struct msgslot_tied_value *value)
{
	msgslot_tie_unlink_locked(&value->tie);
	tied_value_set_locked(&value->tie.channel->log, NULL);
}

u32 msgslot_tied_values_list(struct msgslot_ties *ties, struct msgslot_message_name *names,
			     u32 count)
{
	const struct msgslot_log *log;
	struct msgslot_tie *tie;
	u32 n = 0, looked = 0;
	u64 sequence;

	spin_lock(&ties->lock);
	list_for_each_entry(tie, &ties->list, node) {
		log = &tie->channel->log;
		sequence = msgslot_tied_value_of(tie)->sequence;
		if (n == count || ++looked > TIED_VALUES_MOST)
			break;
		if (msgslot_log_has(log, 0, false) && msgslot_log_next(log) == sequence + 1)
			names[n++] = (struct msgslot_message_name){ log->id, sequence };
	}
	spin_unlock(&ties->lock);
	return n;
}
