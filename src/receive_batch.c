// SPDX-License-Identifier: GPL-2.0-only
/* Many messages in one receive.  See receive_batch.h. */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "receive_batch.h"
#include "receiver_deliver.h"

#define BATCH_STRETCHES 16
/* Short messages that are copied together, to the kernel's memory first. */
#define BATCH_STAGE_BYTES 4096
#define BATCH_STAGE_MESSAGES 16

/**
 * struct batch_stretch - messages of one channel that follow each other without a gap, and that the
 *	cursor moves over in one step
 * @sequence: the first one
 * @channel: their channel
 * @count: how many
 * @length: of the last one
 * @end: of the last one, in the user's memory
 * @returned: it is one, and was leased, and came back
 */
struct batch_stretch {
	u64 sequence;
	u32 channel;
	u32 count;
	u32 length;
	u32 end;
	bool returned;
};

/**
 * struct batch - what was copied so far
 * @stretches: number of entries of @list
 * @messages: how many
 * @end: of the last one, in the user's memory
 * @lost: as the next header is to tell it, but for what is lost just before its message
 * @cursor: behind the last one
 * @after: the same in a range
 * @stage: memory for several short messages, or NULL
 * @list: the messages, where a cursor moves over them
 */
struct batch {
	unsigned int stretches;
	u32 messages;
	size_t end;
	u64 lost;
	u64 cursor;
	struct msgslot_position after;
	u8 *stage;
	struct batch_stretch list[BATCH_STRETCHES];
};

/* The call takes the messages from queues. */
static bool batch_takes(const struct receiver *r)
{
	return r->owner == MSGSLOT_CURSOR_OF_CHANNEL && !receiver_has_flag(r, MSGSLOT_RECV_PEEK);
}

/* The call moves a cursor over each of the messages. */
static bool batch_has_stretches(const struct receiver *r)
{
	return batch_takes(r) ||
	       (receiver_uses_file_cursor(r) && !receiver_has_flag(r, MSGSLOT_RECV_PEEK));
}

/* Where the next header is to stand, from where the batch begins. */
static size_t batch_next(const struct batch *b)
{
	return ALIGN(b->end, 8);
}

/* The stretch that @peek continues, or a new one; NULL: there is no other. */
static struct batch_stretch *batch_find_stretch(const struct receiver *r, struct batch *b,
						const struct msgslot_peek *peek)
{
	struct batch_stretch *s;

	if (b->stretches) {
		s = &b->list[b->stretches - 1];
		/* A long message has a buffer, and leaves a queue in a step of its own. */
		if (s->channel == r->id && s->sequence + s->count == peek->sequence &&
		    !receiver_has_flag(r, MSGSLOT_RECV_LEASE) && !peek->returned && !s->returned &&
		    !(batch_takes(r) && max(s->length, peek->length) > MSGSLOT_INLINE_BYTES))
			return s;
	}
	if (b->stretches == BATCH_STRETCHES)
		return NULL;
	s = &b->list[b->stretches];
	s->sequence = peek->sequence;
	s->channel = r->id;
	s->returned = peek->returned;
	s->count = 0;
	return s;
}

/* @count messages, of which @peek is the last, are in the user's memory, up to @end. */
static void batch_add(struct batch *b, const struct msgslot_peek *peek, struct batch_stretch *s,
		      u32 count, size_t end)
{
	b->end = end;
	b->messages += count;
	b->cursor = peek->sequence + 1;
	if (!s)
		return;
	b->stretches = s - b->list + 1;
	s->count += count;
	s->length = peek->length;
	s->end = end;
}

static struct msgslot_header batch_header(const struct receiver *r, const struct msgslot_peek *peek,
					  u64 lost)
{
	return (struct msgslot_header){
		.size = sizeof(struct msgslot_header),
		.length = peek->length,
		.channel = r->id,
		.sequence = peek->sequence,
		.time = user_time(peek->time),
		.lost = lost,
		.pid = user_pid(peek->pid, peek->time),
		.uid = user_uid(peek->uid),
	};
}

/* ---- one message ----------------------------------------------------------------------------- */

/*
 * Copies what is in the kernel's memory, at @at of the user's: 0 or -EFAULT.  Before it blocks on a
 * page, the next reader is woken.
 */
static int batch_copy_out(struct receiver *r, size_t at, const void *from, size_t size)
{
	struct user_memory to = { .pointer = r->to.pointer + at };

	/* Unless the call returns it. */
	r->voided = max(r->voided, at + size);
	if (receive_copy_now(to, from, size))
		return 0;
	receiver_wake_next(r);
	return user_copy_out(to, from, size) ? 0 : -EFAULT;
}

/*
 * The same of a long message, with its header and zeros up to @size: also 1 to look for it again,
 * as in receiver_copy().
 */
static int batch_copy_long(struct receiver *r, size_t at, struct msgslot_peek *peek, size_t size)
{
	static const u8 zeros[8];
	const size_t header = sizeof(r->block->header), end = header + peek->length;
	char __user *to = r->to.pointer + at;
	bool done;

	r->voided = max(r->voided, at + size);
	pagefault_disable();
	done = !copy_to_user(to, &r->block->header, header) &&
	       !copy_to_user(to + header, peek->bytes, peek->length) &&
	       !copy_to_user(to + end, zeros, size - end);
	pagefault_enable();
	msgslot_buffer_put(&r->f->slot->spares, peek->buffer);
	peek->buffer = NULL;
	if (done)
		return 0;
	receiver_wake_next(r);
	return user_fault_in((struct user_memory){ .pointer = to }, size) ? 1 : -EFAULT;
}

/* Copies @peek behind the others: 0, 1 to look for it again, -ENOSPC, -EINVAL, -EFAULT. */
static int batch_copy(struct receiver *r, struct batch *b, struct msgslot_peek *peek)
{
	const size_t at = batch_next(b), left = at < r->size ? r->size - at : 0;
	const size_t end = sizeof(r->block->header) + peek->length;
	struct batch_stretch *s = NULL;
	u64 lost = b->lost + r->lost;
	size_t size;
	int err;

	if (end > left)
		return -ENOSPC;
	if (user_is_null(r->to))
		return -EINVAL;
	if (batch_has_stretches(r)) {
		s = batch_find_stretch(r, b, peek);
		if (!s)
			return -ENOSPC;
	}
	size = min(ALIGN(end, 8), left);
	r->block->header = batch_header(r, peek, lost);
	if (peek->buffer) {
		err = batch_copy_long(r, at, peek, size);
	} else {
		memset((u8 *)r->block + end, 0, size - end);
		err = batch_copy_out(r, at, r->block, size);
	}
	if (err)
		return err;
	batch_add(b, peek, s, 1, at + size);
	if (r->by_range)
		b->after = r->found.after;
	if (receiver_uses_file_cursor(r))
		b->lost = lost;
	return 0;
}

/* The channel of the last message, in an RCU section; NULL where the call is to look for it. */
static struct msgslot_channel *batch_channel(const struct receiver *r)
{
	struct msgslot_channel *channel;

	if (r->by_range)
		return batch_takes(r) ?
			       msgslot_channel_lookup(&r->f->slot->channels, r->id, r->id) :
			       NULL;
	if (r->lookup.held)
		return r->lookup.channel;
	channel = rcu_dereference(r->f->reading);
	return lookup_revalidate(r->f, &r->lookup, channel) ? channel : NULL;
}

/* Looks for the message behind those that were copied: as msgslot_peek(). */
static int batch_peek(struct receiver *r, const struct batch *b, struct msgslot_peek *peek)
{
	const size_t at = batch_next(b) + sizeof(r->block->header);
	const size_t size = at < r->size ? r->size - at : 0;
	struct msgslot_channel *channel;
	int err = -EIDRM;

	if (r->by_range)
		return receiver_peek_range_next(r, &b->after, peek, size);
	peek->stale = NULL;
	rcu_read_lock();
	channel = batch_channel(r);
	if (channel)
		err = msgslot_peek(&channel->log, b->cursor, peek, size);
	rcu_read_unlock();
	msgslot_buffer_put(&r->f->slot->spares, peek->stale);
	if (err)
		return err;
	r->lost = 0;
	if (receiver_uses_file_cursor(r) || receiver_has_flag(r, MSGSLOT_RECV_NEWER))
		r->lost = peek->sequence - b->cursor;
	/* Another reader has taken what the call has copied. */
	return batch_takes(r) && peek->sequence != b->cursor ? -ESTALE : 0;
}

/* ---- several --------------------------------------------------------------------------------- */

/*
 * Copies to the stage what follows in @log, as long as it is short and there: how many, with their
 * size in *@size and the last of them in @peek.  In an RCU section that is not preempted.
 */
static u32 batch_stage(const struct receiver *r, const struct batch *b, struct msgslot_log *log,
		       size_t left, struct msgslot_peek *peek, size_t *size)
{
	const size_t header = sizeof(struct msgslot_header);
	const u32 most = min_t(u32, BATCH_STAGE_MESSAGES, r->most - b->messages);
	struct msgslot_peek next msgslot_uninitialized;
	u32 count;
	size_t n;

	*size = 0;
	for (count = 0; count < most; count++) {
		u8 *to = b->stage + *size;

		if (*size + header + MSGSLOT_INLINE_BYTES > BATCH_STAGE_BYTES)
			break;
		next.inline_buffer = to + header;
		next.pieces = false;
		/* Of a long message it takes no reference. */
		if (msgslot_peek_once(log, b->cursor + count, &next, true, 0) ||
		    next.sequence != b->cursor + count || next.length > MSGSLOT_INLINE_BYTES)
			break;
		n = header + next.length;
		if (n % 8) {
			memset(to + n, 0, 8 - n % 8);
			n = ALIGN(n, 8);
		}
		if (*size + n > left)
			break;
		*(struct msgslot_header *)to = batch_header(r, &next, b->lost);
		*size += n;
		*peek = next;
	}
	return count;
}

/*
 * Copies short messages that follow in the same channel: 0: there are none; 1; -EFAULT.  Not those
 * that are leased, of which each is a step of its own.
 */
static noinline int batch_copy_several(struct receiver *r, struct batch *b)
{
	struct msgslot_peek peek msgslot_uninitialized;
	size_t at = batch_next(b), size;
	struct batch_stretch *s = NULL;
	struct msgslot_channel *channel;
	u32 count = 0;

	if (at >= r->size || receiver_has_flag(r, MSGSLOT_RECV_LEASE))
		return 0;
	rcu_read_lock();
	channel = batch_channel(r);
	if (channel) {
		rcu_read_lock_sched();
		count = batch_stage(r, b, &channel->log, r->size - at, &peek, &size);
		rcu_read_unlock_sched();
	}
	rcu_read_unlock();
	if (!count)
		return 0;
	if (batch_has_stretches(r)) {
		peek.sequence -= count - 1;
		peek.returned = false;
		s = batch_find_stretch(r, b, &peek);
		peek.sequence += count - 1;
		if (!s)
			return 0;
	}
	if (batch_copy_out(r, at, b->stage, size))
		return -EFAULT;
	batch_add(b, &peek, s, count, at + size);
	/* As range_peek_ready_next() goes on. */
	if (r->by_range)
		b->after.left.first = b->cursor;
	return 1;
}

/* Whether the call ends with what it has. */
static bool batch_is_full(const struct receiver *r, const struct batch *b)
{
	return b->messages >= r->most || (r->owner == MSGSLOT_CURSOR_OF_NONE && !r->by_range) ||
	       signal_pending(current);
}

/* Copies @peek, and all that comes behind it: an error means that no message may be taken. */
static noinline int batch_collect(struct receiver *r, struct batch *b, struct msgslot_peek *peek)
{
	int err;

	do {
		err = batch_copy(r, b, peek);
		msgslot_buffer_put(&r->f->slot->spares, peek->buffer);
		peek->buffer = NULL;
		if (err == -EFAULT || (err && !b->messages))
			return err;
		if (err < 0)
			return 0;
		do {
			if (batch_is_full(r, b))
				return 0;
			cond_resched();
			err = b->stage ? batch_copy_several(r, b) : 0;
			if (err < 0)
				return err;
		} while (err);
	} while (!batch_peek(r, b, peek));
	msgslot_buffer_put(&r->f->slot->spares, peek->buffer);
	return 0;
}

/* The length of the batch, and the number of its last message.  Whether that could be written. */
static bool batch_put_result(struct receiver *r, u32 length, u64 sequence)
{
	return !put_user(length, &r->user->length) && !put_user(sequence, &r->user->sequence);
}

/* The same; before it blocks on a page, the next reader is woken. */
static bool batch_put_result_first(struct receiver *r, u32 length, u64 sequence)
{
	bool done;

	r->told = true;
	pagefault_disable();
	done = batch_put_result(r, length, sequence);
	pagefault_enable();
	if (done)
		return true;
	receiver_wake_next(r);
	return batch_put_result(r, length, sequence);
}

/*
 * Moves the cursor over the messages: how many were still there, or an error if none was; *@end and
 * *@sequence are of the last of them.
 */
static int batch_advance(struct receiver *r, const struct batch *b, struct msgslot_peek *peek,
			 u32 *end, u64 *sequence)
{
	const struct batch_stretch *s;
	u32 messages = 0;
	int err = 0;

	peek->pieces = false;
	if (r->by_range)
		r->found.after = b->after;
	if (!b->stretches) {
		peek->sequence = *sequence;
		return receiver_advance(r, peek, 1, 0) ?: b->messages;
	}
	for (s = b->list; s < b->list + b->stretches; s++) {
		peek->sequence = s->sequence;
		peek->length = s->length;
		peek->returned = s->returned;
		r->found.channel = s->channel;
		err = receiver_advance(r, peek, s->count, 0);
		if (err)
			break;
		messages += s->count;
		*end = s->end;
		*sequence = s->sequence + s->count - 1;
		r->cursor = *sequence + 1;
		r->offset = 0;
	}
	return messages ? messages : err;
}

ssize_t batch_deliver(struct receiver *r, struct msgslot_peek *peek, bool *again)
{
	struct batch b msgslot_uninitialized;
	u64 sequence;
	u32 end;
	int err;

	b.stretches = 0;
	b.messages = 0;
	b.end = 0;
	/* Without sleep: the call may have been woken alone. */
	b.stage = kmalloc(BATCH_STAGE_BYTES, MSGSLOT_GFP_NOW);
	b.lost = receiver_uses_file_cursor(r) ? receiver_lost_by_file(r) : 0;
	/* Each message is told to tracers, with its own length and age. */
	if (unlikely(trace_msgslot_receive_enabled()))
		r->most = 1;
	err = batch_collect(r, &b, peek);
	kfree(b.stage);
	*again = err > 0;
	if (err == -ENOSPC &&
	    !batch_put_result_first(r, sizeof(r->block->header) + peek->length, peek->sequence))
		return -EFAULT;
	if (err)
		return err;
	end = b.end;
	sequence = b.cursor - 1;
	if (!batch_put_result_first(r, end, sequence))
		return -EFAULT;
	err = batch_advance(r, &b, peek, &end, &sequence);
	if (err == -ESTALE) {
		*again = true;
		r->most = max(b.messages / 2, 1u);
		return 0;
	}
	if (err < 0)
		return err;
	r->messages = err;
	if (r->messages < b.messages) {
		(void)batch_put_result(r, end, sequence);
		/* The message that it was woken for may be one of those that it did not get. */
		receiver_wake_next(r);
	}
	if (!receiver_has_flag(r, MSGSLOT_RECV_PEEK)) {
		this_cpu_add(r->f->slot->stats->received, r->messages);
		if (r->most == 1)
			receiver_trace(r, peek);
	}
	return end;
}
