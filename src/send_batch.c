// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many messages in one send.  See send_batch.h.
 *
 * The batch is copied in a stage at a time, and short messages go from there into their cells.  The
 * call holds the channel of one message until another is named, and no longer.
 */
#include <linux/err.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "send_batch.h"
#include "sender.h"

#define BATCH_STAGE_BYTES 4096
/* After so many the call looks whether it is to end. */
#define BATCH_ROUND 16
/* Without memory for that: a header and a short message. */
#define BATCH_LEAST_BYTES (sizeof(struct msgslot_header) + MSGSLOT_INLINE_BYTES)

/**
 * struct send_batch - a call that sends many
 * @sender: sends each of them
 * @each: as its arguments
 * @user: where the batch is
 * @size: of the batch in bytes
 * @used: bytes of it that were sent
 * @stage: has the next bytes of the batch
 * @stage_size: how many it may have
 * @staged: how many it has
 * @at: how many of them were sent
 */
struct send_batch {
	struct sender sender;
	struct msgslot_send each;
	const char __user *user;
	size_t size;
	size_t used;
	u8 *stage;
	size_t stage_size;
	size_t staged;
	size_t at;
};

/* The stage begins where the batch goes on. */
static noinline void batch_stage(struct send_batch *b)
{
	b->staged = min(b->stage_size, b->size - b->used);
	b->staged -= copy_from_user(b->stage, b->user + b->used, b->staged);
	b->at = 0;
}

/* The next @n bytes of the batch; NULL where they cannot be read. */
static __always_inline const u8 *batch_look(struct send_batch *b, size_t n)
{
	if (unlikely(b->staged - b->at < n)) {
		batch_stage(b);
		if (b->staged < n)
			return NULL;
	}
	return b->stage + b->at;
}

/* The next header, as @b->each; *@bytes are those of a short message, or NULL. */
static __always_inline int batch_get_header(struct send_batch *b, size_t *all, const u8 **bytes)
{
	const size_t left = b->size - b->used;
	const struct msgslot_file *f = b->sender.f;
	const struct msgslot_header *header;
	size_t size;

	*bytes = NULL;
	if (left < sizeof(*header))
		return -EINVAL;
	header = (const void *)batch_look(b, sizeof(*header));
	if (!header)
		return -EFAULT;
	size = header->size;
	b->each.length = header->length;
	b->each.channel = header->channel;
	b->each.message = (uintptr_t)b->user + b->used + size;
	if (unlikely(header->flags || size < sizeof(*header) || size % 8 || size > left ||
		     b->each.length > left - size))
		return -EINVAL;
	if (msgslot_file_check_channel(f, b->each.channel))
		return -EINVAL;
	*all = size + b->each.length;
	if (!b->each.length || b->each.length > f->slot->rules.max_message)
		return -EMSGSIZE;
	if (likely(b->each.length <= MSGSLOT_INLINE_BYTES && *all <= b->stage_size)) {
		*bytes = batch_look(b, *all);
		if (!*bytes)
			return -EFAULT;
		*bytes += size;
	}
	return 0;
}

/* How many messages of that channel follow, of those that are in the stage. */
static u32 batch_count_ahead(const struct send_batch *b)
{
	const struct msgslot_header *header = (const void *)(b->stage + b->at);
	size_t at = b->at;
	u64 size;
	u32 n = 0;

	for (;;) {
		/* What is not valid is refused when its turn comes. */
		size = (u64)header->size + header->length;
		if (size > b->staged - at)
			return n;
		at += ALIGN(size, 8);
		if (at > b->staged || b->staged - at < sizeof(*header))
			return n;
		header = (const void *)(b->stage + at);
		if (header->channel != b->each.channel || header->size < sizeof(*header) ||
		    header->size % 8)
			return n;
		n++;
	}
}

/* The message of @b->each, which is not in the stage: 0, -EFAULT, -ENOMEM. */
static noinline int batch_copy(struct send_batch *b, u8 *inline_buffer,
			       struct msgslot_buffer **buffer)
{
	const struct user_memory from = { .pointer = u64_to_user_ptr(b->each.message) };

	if (b->each.length <= MSGSLOT_INLINE_BYTES)
		return user_copy_in(inline_buffer, from, b->each.length) ? 0 : -EFAULT;
	*buffer = sender_copy(b->sender.f, from, b->each.length, inline_buffer);
	return PTR_ERR_OR_ZERO(*buffer);
}

/* A long message, or what is rare of short ones. */
static noinline int batch_send_slow(struct send_batch *b, const u8 *bytes, int err, u64 *sequence)
{
	u8 inline_buffer[MSGSLOT_INLINE_BYTES] msgslot_uninitialized;
	const struct user_memory from = { .pointer = u64_to_user_ptr(b->each.message) };
	struct msgslot_file *f = b->sender.f;
	struct msgslot_buffer *buffer = NULL;
	struct msgslot_incoming message;

	if (!bytes) {
		err = batch_copy(b, inline_buffer, &buffer);
		if (err == -EFAULT)
			return err;
		if (err)
			buffer = NULL;
		bytes = inline_buffer;
	}
	message = sender_message(f, &b->each, b->each.length, bytes, buffer);
	if (err == -EXDEV)
		err = sender_place_anywhere(f, NULL, b->sender.held, &message);
	else
		/* The call is to hold the channel. */
		err = err ?: -EIDRM;
	if (err) {
		b->sender.ahead = batch_count_ahead(b);
		err = sender_place_slow(&b->sender, &message, from, inline_buffer, err);
	}
	if (err)
		return err;
	*sequence = message.sequence;
	sender_end(f->slot, message.length > MSGSLOT_INLINE_BYTES, &message);
	return 0;
}

static __always_inline int batch_send(struct send_batch *b, const u8 *bytes, u64 *sequence)
{
	struct msgslot_file *f = b->sender.f;
	struct msgslot_incoming message;
	int err = -EIDRM;

	if (likely(bytes && b->sender.held)) {
		message = sender_message(f, NULL, b->each.length, bytes, NULL);
		err = sender_place(f, f->slot, false, NULL, b->sender.held, &message);
		*sequence = message.sequence;
		if (likely(!err && !message.buffer))
			return 0;
		if (!err)
			msgslot_buffer_put(&f->slot->spares, message.buffer);
	}
	return err ? batch_send_slow(b, bytes, err, sequence) : 0;
}

static int batch_send_all(struct send_batch *b, long *sent, u64 *sequence)
{
	static const struct msgslot_deadline at_once;
	struct sender *s = &b->sender;
	const u8 *bytes;
	u64 number;
	size_t all;
	int err;

	do {
		err = batch_get_header(b, &all, &bytes);
		if (err)
			return err;
		if (s->held && s->held->log.id != b->each.channel)
			sender_unhold(s);
		err = batch_send(b, bytes, &number);
		if (err)
			return err;
		*sequence = number;
		/* The others do not wait. */
		s->deadline = &at_once;
		all = ALIGN(all, 8);
		b->used += all;
		b->at += min(all, b->staged - b->at);
		if (!(++*sent % BATCH_ROUND)) {
			cond_resched();
			if (signal_pending(current))
				break;
		}
	} while (b->used < b->size);
	return 0;
}

long msgslot_send_batch(struct msgslot_file *f, struct msgslot_send __user *user,
			const struct msgslot_send *args, const struct msgslot_deadline *deadline)
{
	u8 least[BATCH_LEAST_BYTES] __aligned(8) msgslot_uninitialized;
	u8 *stage = kmalloc(BATCH_STAGE_BYTES, MSGSLOT_GFP);
	struct send_batch b = {
		.sender = { .f = f, .deadline = deadline },
		.user = u64_to_user_ptr(args->message),
		.size = args->length,
		.stage = stage ?: least,
		.stage_size = stage ? BATCH_STAGE_BYTES : sizeof(least),
	};
	u64 sequence = 0;
	long sent = 0;
	int err;

	b.sender.args = &b.each;
	/* Where the result cannot be written nothing is sent; afterwards it would be too late. */
	err = put_user(args->sequence, &user->sequence);
	if (!err)
		err = b.user ? batch_send_all(&b, &sent, &sequence) : -EINVAL;
	sender_unhold(&b.sender);
	kfree(stage);
	if (!sent)
		return msgslot_slot_is_gone(f->slot) ? -ENODEV : err;
	this_cpu_add(f->slot->stats->sent, sent);
	(void)!put_user(sequence, &user->sequence);
	return sent;
}
