/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message by message from a channel, as `msgslot recv` and `msgslot watch` want them in every mode, and
 * how a message is printed.
 */
#ifndef MSGSLOT_TOOLS_RECEIVER_H
#define MSGSLOT_TOOLS_RECEIVER_H

#include "program.h"
#include "slot.h"

#include <limits.h>
#include <signal.h>

/* Set by options, but for what is below. */
struct receiver {
	struct slot slot;
	bool wait;	     /* in mode `last` too */
	bool peek;	     /* `queue`: take nothing */
	bool newer;	     /* only what is above sequence */
	uint64_t sequence;   /* of --newer; then of the message before */
	int64_t timeout;     /* how long to wait for a message */
	int64_t max_age;     /* what is older is not there; or -1 */
	uint64_t size;	     /* what is longer stays, and is an error; or 0 */
	bool all;	     /* what is there: without a message it ends, and reports nothing */
	uint64_t count;	     /* how many messages */
	bool prints;	     /* to standard output: without it, none is taken */
	bool follows;	     /* until whoever reads that has enough */
	const char *program; /* that is to get them: without it, none is taken; or NULL */

	/* With which signals a message is waited for, and whether one of these came; or NULL. */
	const sigset_t *signals;
	const volatile sig_atomic_t *interrupted;

	char program_path[PATH_MAX]; /* where it was found when the last one was taken */
	bool selected;
	uint64_t lost; /* `broadcast`: since the channel was selected */
};

/* Of receiver_next(): it was interrupted, and there is nothing to report. */
#define STATUS_INTERRUPTED (-1)

/* The options of both, which set a struct receiver. */
/* clang-format off */
#define RECEIVER_OPTIONS(receiver)                                                           \
	{ .letter = 'p', .name = "peek", .flag = &(receiver).peek },                         \
	{ .letter = 'W', .name = "timeout", .seconds = &(receiver).timeout },                \
	{ .letter = 'C', .name = "count", .number = &(receiver).count,                       \
	  .min = 1, .max = UINT64_MAX },                                                     \
	{ .name = "newer", .flag = &(receiver).newer, .number = &(receiver).sequence,        \
	  .max = UINT64_MAX - 1 },                                                           \
	{ .name = "max-age", .seconds = &(receiver).max_age },                               \
	{ .name = "max-length", .number = &(receiver).size,                                  \
	  .min = 1, .max = MSGSLOT_MESSAGE_MAX }
/* clang-format on */

/* Opens the slot. */
int receiver_open(struct receiver *receiver, const struct address *address);

/*
 * The next message: its bytes, MSGSLOT_MESSAGE_MAX of them at most, into buffer.  message->lost is how
 * many went unread just before it.  Reports and returns a status.
 */
int receiver_next(struct receiver *receiver, char *buffer, struct msgslot_message *message);

/* `queue`: takes the message that was peeked at, if it is still the oldest. */
int receiver_take(struct receiver *receiver, const struct msgslot_message *message);

/* The end: STATUS_LOST where messages of a `broadcast` channel went unread. */
int receiver_status(const struct receiver *receiver);

#endif
