/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call that sends: a message is placed in its channel; and where that is not the usual case, what
 * comes before, and between two attempts.
 */
#ifndef MSGSLOT_SENDER_H
#define MSGSLOT_SENDER_H

#include <linux/types.h>
#include <linux/msgslot.h>

#include "channel.h"
#include "file.h"
#include "place.h"
#include "slot.h"
#include "user.h"

/**
 * struct sender - a call that sends, where it is not the usual case
 * @f: the file
 * @args: of MSGSLOT_SEND, or NULL
 * @deadline: how long it may wait
 * @held: the channel, held by @holder; or NULL
 * @holder: the call, as that channel knows it
 * @slept: the call slept in the channel's queue
 */
struct sender {
	struct msgslot_file *f;
	const struct msgslot_send *args;
	const struct msgslot_deadline *deadline;
	struct msgslot_channel *held;
	struct msgslot_holder holder;
	bool slept;
};

static __always_inline struct msgslot_incoming sender_message(const struct msgslot_file *f,
							      const struct msgslot_send *args,
							      u32 length, const u8 *bytes,
							      struct msgslot_buffer *buffer)
{
	return (struct msgslot_incoming){
		.length = length,
		.pid = current->tgid,
		.uid = f->payer.uid,
		.share = f->payer.share,
		.conditional = args && args->flags & MSGSLOT_SEND_IF,
		.expected = args ? args->expected : 0,
		.bytes = bytes,
		.buffer = buffer,
	};
}

/*
 * Places @message in @held or, if that is NULL, in the selected channel; -EIDRM if that is not the
 * channel that @args name; -EXDEV without @listened, if a file may listen.
 */
static __always_inline int sender_place(struct msgslot_file *f, struct msgslot_slot *slot,
					bool is_long, const struct msgslot_send *args,
					struct msgslot_channel *held, bool listened,
					struct msgslot_incoming *message)
{
	struct msgslot_feed *feed = &slot->channels.feed;
	struct msgslot_channel *channel;
	int more;

	rcu_read_lock();
	if (unlikely(!listened && msgslot_feed_is_on(feed))) {
		rcu_read_unlock();
		return -EXDEV;
	}
	channel = held ?: rcu_dereference(f->channel);
	more = -EIDRM;
	if (likely(!args || (channel && channel->log.id == args->channel)))
		more = msgslot_place(&channel->log, &slot->rules, listened ? feed : NULL, message,
				     is_long);
	if (likely(more >= 0)) {
		/* While sends are traced all are placed in a channel that is held. */
		if (held)
			trace_msgslot_send(held->slot, held->log.id, message->sequence,
					   message->length);
		/* A map is filled before readers are woken. */
		if (!is_long || likely(!message->map))
			msgslot_channel_wake_reader(channel);
		if (more)
			this_cpu_add(slot->stats->messages, more);
	}
	rcu_read_unlock();
	return more < 0 ? more : 0;
}

/*
 * The rest of a call, after @err of sender_place(), or of bytes that could not be copied in: 0, or
 * the error.  Puts the buffer of @message.  The call may hold a channel then.
 */
int sender_place_slow(struct sender *s, struct msgslot_incoming *message, struct user_memory from,
		      u8 *inline_buffer, int err);
/* The call holds no channel any more. */
void sender_unhold(struct sender *s);
/*
 * Copies a long message in; ERR_PTR(-EFAULT) or ERR_PTR(-ENOMEM).  A bad pointer is the error that
 * comes first: so without memory the message is still read, a piece at a time, into @inline_buffer.
 */
struct msgslot_buffer *sender_copy(struct msgslot_file *f, struct user_memory from, size_t length,
				   u8 *inline_buffer);

#endif /* MSGSLOT_SENDER_H */
