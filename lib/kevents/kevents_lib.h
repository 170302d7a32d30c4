/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interface of the KEvents library, over message slots.  Programs written for it compile
 * unchanged and link with -lkevents.  Objects that were compiled with the original header link,
 * too: the context is the same.  kevents(3) lists the differences.
 *
 * An event is a message of a slot of mode `queue`, its id the channel: first in, first out, each
 * taken once.  The slot is $KEVENTS_NODE (anything msgslot_slot_open() takes), else /dev/kevents,
 * else the lowest slot of that mode.
 *
 * Every function returns NULLCTX for a context that is NULL.  -1 sets errno.  Threads may share a
 * context between ke_init() and ke_close().
 */
#ifndef KEVENTS_LIB_H
#define KEVENTS_LIB_H

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Made by ke_init().  file is the open slot, -1 where there is none. */
typedef struct {
	int file;
} kevents_ctx;

typedef enum {
	NOERR,
	FILEERR,     /* no such slot, or it cannot be opened; errno says why */
	MSGTOOLARGE, /* a length above 1440 */
	NULLCTX
} ke_err_e;

/* Opens the slot: NOERR or FILEERR. */
int ke_init(kevents_ctx *ctx);

/* 1: there is an event with this id; 0: there is none; -1: an error. */
int ke_poll_event(kevents_ctx *ctx, int id);

/*
 * Sends an event of 1 to 1440 bytes: 0, MSGTOOLARGE, or -1.  Never waits: EAGAIN where as many
 * events with this id wait to be taken as the slot's depth says.
 */
int ke_send_event(kevents_ctx *ctx, int id, char *msg, int len);

/*
 * Takes the oldest event with this id into a buffer of len bytes, at most 1440: 0, MSGTOOLARGE, or
 * -1: EAGAIN, there is none; EINVAL, it is longer than the buffer; EFAULT, the buffer cannot be
 * written.  After a failure the event is still there.
 */
int ke_get_event(kevents_ctx *ctx, int id, char *msg, int len);

/* Closes the slot: 0. */
int ke_close(kevents_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
