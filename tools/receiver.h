/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message by message from a channel or a range, in every mode, for `msgslot recv` and `msgslot
 * watch`.
 */
#ifndef MSGSLOT_TOOLS_RECEIVER_H
#define MSGSLOT_TOOLS_RECEIVER_H

#include "kept.h"
#include "slot.h"

#include <signal.h>

/* The first members are set by options. */
struct receiver {
	struct slot slot;
	bool wait;	     /* in mode `last` too */
	bool peek;	     /* `queue`: take nothing */
	bool lease;	     /* `queue`: lease each message, and take none */
	bool writes;	     /* the slot is opened for writing, too */
	bool newer;	     /* only messages above sequence */
	uint64_t sequence;   /* of --newer; then that of the message before */
	int64_t timeout;     /* how long to wait for a message */
	int64_t max_age;     /* older messages are ignored; -1: none is */
	uint64_t size;	     /* a longer message stays, and is an error; 0: none is */
	bool all;	     /* all messages kept: without one it ends, and reports nothing */
	bool lowest;	     /* `queue`: of a range the lowest channel with a message */
	bool batches;	     /* many at a time, where all that is taken is wanted, too */
	uint64_t count;	     /* how many messages; 0: no limit */
	bool prints;	     /* to standard output: if that is closed, no message is taken */
	const char *program; /* that gets them: if it is missing, none is taken; or NULL */

	/* The signal mask of waits, and whether a signal came; or NULL. */
	const sigset_t *signals;
	const volatile sig_atomic_t *interrupted;

	const char *program_path; /* where program was found before the last message was taken */
	bool selected;
	bool keeps;		       /* what is kept on a range is received channel by channel */
	int64_t deadline;	       /* of the wait for the next message; 0: it has not begun */
	uint64_t left;		       /* of all, without keeps: how many are to come at most */
	uint64_t lost;		       /* in `broadcast`, since the channel was selected */
	uint64_t received;	       /* messages */
	struct msgslot_reader *reader; /* of batches; or NULL */
	struct kept kept;
};

/* Of receiver_next(): a signal came, and there is nothing to report. */
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
	{ .name = "lowest", .flag = &(receiver).lowest },                                    \
	{ .name = "max-length", .number = &(receiver).size,                                  \
	  .min = 1, .max = MSGSLOT_MESSAGE_MAX }
/* clang-format on */

/* Opens the slot. */
int receiver_open(struct receiver *receiver, const struct address *address);

/*
 * Stores what is known of the next message, and where its bytes are until the next call.
 * message->lost is how many were lost just before it.  Reports and returns a status.
 */
int receiver_next(struct receiver *receiver, const char **bytes, struct msgslot_message *message);

/* Whether messages were received that receiver_next() has not told: then it does not wait. */
bool receiver_has_more(const struct receiver *receiver);

/* At the end: STATUS_LOST if messages of a `broadcast` channel were lost. */
int receiver_status(const struct receiver *receiver);

#endif
