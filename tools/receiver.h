/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message by message from a channel, as `msgslot recv` and `msgslot watch` want them in every mode, and
 * how a message is printed.
 */
#ifndef MSGSLOT_RECEIVER_H
#define MSGSLOT_RECEIVER_H

#include <signal.h>
#include <time.h>

#include "program.h"
#include "tools.h"

/* Set by options, but for what is below. */
struct receiver {
	struct slot slot;
	bool wait;	     /* in mode `last` too */
	bool peek;	     /* `queue`: take nothing */
	bool newer;	     /* only what is above sequence */
	uint64_t sequence;   /* of --newer; then of the message before */
	int64_t patience;    /* how long to wait for a message */
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

/* The options that both have, by their letters; long ones have no letter. */
enum { OPTION_NEWER = 256, OPTION_MAX_AGE, OPTION_MAX_LENGTH };
#define RECEIVER_LETTERS "hpW:C:"
/* clang-format off */
#define RECEIVER_OPTIONS                                                \
	{ "help", no_argument, NULL, 'h' },                             \
	{ "peek", no_argument, NULL, 'p' },                             \
	{ "timeout", required_argument, NULL, 'W' },                    \
	{ "count", required_argument, NULL, 'C' },                      \
	{ "newer", required_argument, NULL, OPTION_NEWER },             \
	{ "max-age", required_argument, NULL, OPTION_MAX_AGE },         \
	{ "max-length", required_argument, NULL, OPTION_MAX_LENGTH }
/* clang-format on */

/* Takes one of these but -h; a status.  argument is NULL where the letter has none. */
int receiver_option(struct receiver *receiver, int letter, const char *argument);

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

/* ---- format.c: a message in words ---------------------------------------------------------------- */

/* What a clock shows, in nanoseconds. */
int64_t clock_now(clockid_t clock);

/* When it was sent, by the clock on the wall, in UTC; how long ago, in nanoseconds. */
void format_time(struct text *text, const struct msgslot_message *message);
int64_t format_age(const struct msgslot_message *message);

/* The user's name, or his number where he has none.  Lives until the next call. */
const char *format_user(uint32_t uid);

/* Whether the text of -F makes sense: a status. */
int format_check(const char *format);

/* bytes are the message's; visible: the text is for a terminal. */
void format_message(struct text *text, const char *format, uint32_t channel,
		    const struct msgslot_message *message, const char *bytes, bool visible);
void format_json(struct text *text, uint32_t channel, const struct msgslot_message *message,
		 const char *bytes);

/* Bytes for a terminal, on one line but for a newline at their end. */
void format_line(struct text *text, const char *bytes, size_t length);

#endif
