/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A message of `last` that stays only as long as the file that sent it: a tie (tie.h), with the
 * will that follows it, if there is one.
 *
 *	made		the message is sent as any other; then, under the lock of the log, the tie
 *			becomes the log's, if the message still is the newest
 *	void		a newer message came, or a clear: nothing is done then, so a send does not
 *			cost more where there are ties; the sequence tells that it is void
 *	replaced	by that of another message of the channel: the older tie ends
 *	file's end	the message goes, or the will takes its place, if it still is the newest
 *
 * So a log has one tie at most, which may be void.  The memory of the will is the payer's from the
 * call on: so nothing that the end of a file needs can be refused.  The cells of the log are large
 * enough for it, as the message's are made so, and a ring does not become smaller while it keeps a
 * message.
 */
#ifndef MSGSLOT_TIED_VALUE_H
#define MSGSLOT_TIED_VALUE_H

#include <linux/types.h>
#include <linux/uidgid.h>

#include "account.h"
#include "buffer.h"
#include "slot.h"
#include "tie.h"

/**
 * struct msgslot_tied_value - a message that is tied to a file
 * @tie: to that file
 * @holder: of the channel
 * @sequence: the number of the message
 * @pid: of its sender, as in a cell
 * @uid: likewise
 * @size: of this memory in bytes, as charged
 * @share: of the user that is charged
 * @length: of the will, in bytes; 0: there is none
 * @buffer: has a will that is long, and is charged; else NULL
 * @bytes: has a short one
 */
struct msgslot_tied_value {
	struct msgslot_tie tie;
	struct msgslot_holder holder;
	u64 sequence;
	pid_t pid;
	kuid_t uid;
	u32 size;
	struct msgslot_share *share;
	u32 length;
	struct msgslot_buffer *buffer;
	u8 bytes[];
};

static inline struct msgslot_tied_value *msgslot_tied_value_of(struct msgslot_tie *tie)
{
	return container_of(tie, struct msgslot_tied_value, tie);
}

/* One for a will of @length bytes: ERR_PTR: -ENOMEM, -ENOSPC, -EDQUOT.  Sleeps. */
struct msgslot_tied_value *msgslot_tied_value_new(const struct msgslot_payer *payer,
						  struct msgslot_slot *slot, u32 length);
/* Frees one that is no file's, with its will, if that was not sent. */
void msgslot_tied_value_free(struct msgslot_tied_value *value, struct msgslot_slot *slot);

/* Where the bytes of the will are. */
static inline u8 *msgslot_tied_value_will(struct msgslot_tied_value *value)
{
	return value->buffer ? value->buffer->bytes : value->bytes;
}

/*
 * Message @sequence of @channel, which the caller holds, is tied to the file of @ties by @value;
 * or, if it is not the newest any more, @value is freed.  Sleeps.
 */
void msgslot_tied_value_tie(struct msgslot_tied_value *value, struct msgslot_ties *ties,
			    struct msgslot_slot *slot, struct msgslot_channel *channel,
			    u64 sequence);
/* It is the file's no longer, nor the log's; under the lock of that. */
void msgslot_tied_value_untie_locked(struct msgslot_tied_value *value);

/*
 * The first @count at most of the messages that go with the file, in @names: how many they are.
 * Where very many others are void, not all are found.
 */
u32 msgslot_tied_values_list(struct msgslot_ties *ties, struct msgslot_message_name *names,
			     u32 count);

#endif /* MSGSLOT_TIED_VALUE_H */
