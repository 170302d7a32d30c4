/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call that sends: a message is placed in its channel; and where that is not the usual case, what
 * comes before, and between two attempts.
 *
 * Modelled in tests/model/wait.pml.
 */
#ifndef MSGSLOT_SENDER_H
#define MSGSLOT_SENDER_H

#include <linux/types.h>
#include <linux/msgslot.h>

#include "channel.h"
#include "file.h"
#include "mmap.h"
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
 * @ahead: how many messages follow in this channel, as far as is known
 */
struct sender {
	struct msgslot_file *f;
	const struct msgslot_send *args;
	const struct msgslot_deadline *deadline;
	struct msgslot_channel *held;
	struct msgslot_holder holder;
	bool slept;
	u32 ahead;
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
 * Places @message in @channel, in the RCU section that it was found in.  @listened: a file may
 * listen.
 */
static __always_inline int sender_place_in(struct msgslot_channel *channel,
					   struct msgslot_slot *slot, bool is_long, bool listened,
					   struct msgslot_incoming *message)
{
	struct msgslot_feed *feed = listened ? &slot->channels.feed : NULL;
	const int more = msgslot_place(&channel->log, &slot->rules, feed, message, is_long);

	if (unlikely(more < 0))
		return more;
	/* A map is filled before readers are woken. */
	if (!is_long || likely(!message->map))
		msgslot_channel_wake_reader(channel);
	if (more)
		this_cpu_add(slot->stats->messages, more);
	return 0;
}

/*
 * Places @message in @held or, if that is NULL, in the selected channel; -EIDRM if that is not the
 * channel that @args name; -EXDEV if a file may listen.
 */
static __always_inline int sender_place(struct msgslot_file *f, struct msgslot_slot *slot,
					bool is_long, const struct msgslot_send *args,
					struct msgslot_channel *held,
					struct msgslot_incoming *message)
{
	struct msgslot_channel *channel;
	int err = -EXDEV;

	rcu_read_lock();
	if (likely(!msgslot_feed_is_on(&slot->channels.feed))) {
		channel = held ?: rcu_dereference(f->channel);
		err = -EIDRM;
		if (likely(!args || (channel && channel->log.id == args->channel)))
			err = sender_place_in(channel, slot, is_long, false, message);
	}
	/* While sends are traced all are placed in a channel that is held. */
	if (held && !err)
		trace_msgslot_send(held->slot, held->log.id, message->sequence, message->length);
	rcu_read_unlock();
	return err;
}

/*
 * The same where files may listen, and in any channel that is there; -EIDRM if it is not, or was
 * just forgotten.
 */
int sender_place_anywhere(struct msgslot_file *f, const struct msgslot_send *args,
			  struct msgslot_channel *held, struct msgslot_incoming *message);

/*
 * Where there is no space or memory for something besides @message, @wrong: the condition comes
 * before that.  0 once the call has waited for it, and the caller tries again; else the error.
 */
int sender_wait_before(struct sender *s, struct msgslot_incoming *message, int wrong);

/* What is left to do for @message once it is placed. */
static __always_inline void sender_end(struct msgslot_slot *slot, bool is_long,
				       const struct msgslot_incoming *message)
{
	if (is_long && unlikely(message->map))
		msgslot_mmap_fill(message->map, message->sequence, message->length,
				  message->placed);
	/* Of a long message that this one replaced. */
	if (unlikely(message->buffer))
		msgslot_buffer_put(&slot->spares, message->buffer);
}

/*
 * The rest of a call, after @err of one of these, or of bytes that could not be copied in: 0, as if
 * that had placed @message; or the error, and its buffer is put.  The call may hold a channel then.
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
