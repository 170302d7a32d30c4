/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call that receives, where it is not the usual case: one attempt, step by step.
 *
 *	receiver_peek()		finds the message
 *	receiver_deliver()	copies it to the user, and then moves a cursor (receiver_deliver.h)
 *
 * So a call that fails leaves everything as it was.  If another reader moved the cursor meanwhile,
 * the copy is void, and the call starts over.  receive.c has the loop around this, and the waits.
 *
 * Modelled in tests/model/wait.pml.
 */
#ifndef MSGSLOT_RECEIVER_H
#define MSGSLOT_RECEIVER_H

#include <linux/types.h>
#include <linux/msgslot.h>

#include "file.h"
#include "listener.h"
#include "receive_fast.h"
#include "user.h"

/**
 * struct receiver_block - a short message on its way to the user
 * @header: stands before it in a batch
 * @bytes: the message
 */
struct receiver_block {
	struct msgslot_header header;
	u8 bytes[MSGSLOT_INLINE_BYTES];
};

/**
 * struct receiver - a call that receives
 * @f: the file
 * @args: of MSGSLOT_RECV, NULL for read()
 * @user: where they came from
 * @to: where the message goes
 * @size: bytes there
 * @space: bytes of them for the message to look for
 * @owner: whose cursor a read moves in this slot
 * @deadline: how long the call may wait
 * @lost: messages lost for the result, besides those that the file's cursor counts
 * @id: of the channel, for tracers
 * @lookup: the channel; held by @holder once the call slept, or where the file has not selected it
 * @holder: the call, as that channel knows it
 * @selected: the file had it selected, at that generation
 * @cursor: the message to look for
 * @offset: bytes of it that the file has read already
 * @slept: the call slept in the channel's queue
 * @by_range: the call means what the file listens to, not a channel
 * @listener: that, with a reference; NULL if it is to be looked up; only with @by_range
 * @woken_for: the channel whose message woke the call, which answers for it; or -1
 * @found: the message that was found there
 * @block: where a short message is copied to
 * @most: messages at most of one batch
 * @messages: of the batch that went to the user; 0 where the call is for one message
 * @lease: for the message, where the call leases, or NULL
 * @voided: the most bytes that went to the user of one message, perhaps of one that another reader
 *	took
 * @told: a result, or a part of one, went to the user
 */
struct receiver {
	struct msgslot_file *f;
	const struct msgslot_recv *args;
	struct msgslot_recv __user *user;
	struct user_memory to;
	size_t size;
	size_t space;
	enum msgslot_cursor_owner owner;
	const struct msgslot_deadline *deadline;
	u64 lost;
	u32 id;
	struct lookup lookup;
	struct msgslot_holder holder;
	bool selected;
	u64 cursor;
	u32 offset;
	bool slept;
	bool by_range;
	struct msgslot_listener *listener;
	s64 woken_for;
	struct msgslot_found found;
	struct receiver_block *block;
	u32 most;
	u32 messages;
	struct msgslot_tied_lease *lease;
	size_t voided;
	bool told;
};

static inline bool receiver_has_flag(const struct receiver *r, u32 flag)
{
	return r->args && r->args->flags & flag;
}

/* The call goes by the file's own cursor. */
static inline bool receiver_uses_file_cursor(const struct receiver *r)
{
	return r->owner == MSGSLOT_CURSOR_OF_FILE && !r->by_range &&
	       !receiver_has_flag(r, MSGSLOT_RECV_NEWER);
}

/* A message wakes one of the calls that sleep like this one. */
static inline bool receiver_is_exclusive(const struct receiver *r)
{
	return r->owner == MSGSLOT_CURSOR_OF_CHANNEL && !receiver_has_flag(r, MSGSLOT_RECV_PEEK);
}

/*
 * Before the call leaves without a message, or may block on a page fault: an exclusive waiter that
 * was woken wakes the next, if there is a message.
 */
void receiver_wake_next(struct receiver *r);

/*
 * Looks for the message: 0, with it in @peek; 1 to look again; -EIDRM: the channel is not the
 * selected one; -EAGAIN: there is none; -ENOBUFS, -ENODEV.
 */
int receiver_peek(struct receiver *r, struct msgslot_peek *peek);
/* The same by @listener: -EIDRM: the file does not listen by that any more. */
int receiver_peek_range(struct receiver *r, struct msgslot_peek *peek);
/* The message behind @position: 0, or as msgslot_range_peek_next(). */
int receiver_peek_range_next(struct receiver *r, const struct msgslot_position *position,
			     struct msgslot_peek *peek, size_t size);
/* What the file's cursor has lost, as long as it is in the channel of the message. */
u64 receiver_lost_by_file(const struct receiver *r);
/* Copies @peek to the user: 0 with the bytes copied in *@n, 1 to look again, or the error. */
int receiver_copy_result(struct receiver *r, struct msgslot_peek *peek, u32 *n);
/*
 * Clears what the user got of messages that other readers took, beyond the bytes of the call's own,
 * of which it is to return @ret; and restores the result if the call fails.  As far as that needs
 * no page that is missing.
 */
void receiver_take_back(struct receiver *r, ssize_t ret);

#endif /* MSGSLOT_RECEIVER_H */
