/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call that sends, where it is not the usual case: what comes before a message is placed, and
 * between two attempts.  send.c has the loop around this.
 */
#ifndef MSGSLOT_SENDER_H
#define MSGSLOT_SENDER_H

#include <linux/types.h>
#include <linux/msgslot.h>

#include "file.h"
#include "place.h"
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

/*
 * Copies a long message in; ERR_PTR(-EFAULT) or ERR_PTR(-ENOMEM).  A bad pointer is the error that
 * comes first: so without memory the message is still read, a piece at a time, into @inline_buffer.
 */
struct msgslot_buffer *sender_copy(struct msgslot_file *f, struct user_memory from, size_t length,
				   u8 *inline_buffer);
/*
 * Before the call leaves without placing, or may block on a page or memory: if it slept it may have
 * been woken alone, and wakes the next writer, if there is space.
 */
void sender_wake_next(struct sender *s);
/*
 * After @wrong of send_place(): 0 to place @message again.  While it waits for space it has no
 * buffer.
 */
int sender_prepare_again(struct sender *s, struct msgslot_incoming *message, int wrong);
/*
 * Copies a long message in again, because the call waited since.  A full log, the condition and a
 * limit come before a lack of memory, and space brings memory, too.
 */
int sender_copy_again(struct sender *s, struct msgslot_incoming *message, struct user_memory from,
		      u8 *inline_buffer);
/* After -ENOMEM: the error that comes before it, which may be one to wait for. */
int sender_check(struct sender *s, const struct msgslot_incoming *message);
/* A message that could not be placed, for tracers. */
void sender_trace_full(struct sender *s, const struct msgslot_incoming *message, int err);

#endif /* MSGSLOT_SENDER_H */
