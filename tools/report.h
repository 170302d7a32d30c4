/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors, on standard error: two lines, what is wrong and what to do about it, or one JSON object
 * where the output of the command is JSON.  Every report returns the exit code that it stands for.
 */
#ifndef MSGSLOT_TOOLS_REPORT_H
#define MSGSLOT_TOOLS_REPORT_H

#include <stdbool.h>

/*
 * Exit codes of `msgslot`, an interface (msgslot(1)).  The programs of the course know only 0 and
 * 1, so the commands that have a name of their own give 1 for everything that is not 0.
 */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,     /* anything that has no number of its own */
	STATUS_USAGE = 2,      /* wrong arguments */
	STATUS_NOTHING = 3,    /* there is no message, and the command does not wait */
	STATUS_TIMEOUT = 4,    /* waited as long as -W said */
	STATUS_NO_SLOT = 5,    /* no such slot, not a slot, no module */
	STATUS_PERMISSION = 6, /* not allowed */
	STATUS_LENGTH = 7,     /* the message is too long or empty */
	STATUS_FULL = 8,       /* the channel or slot is full, or the user's share used up */
	STATUS_STALE = 9,      /* compare-and-set: another process was quicker */
	STATUS_LOST = 10,      /* messages were delivered, but others were lost */
};

/**
 * struct report_start - the program that reports
 * @program: what an error begins with
 * @command: what an error about arguments is about; or NULL
 * @usage: the second line of an error about arguments
 * @one_code: every failure is STATUS_FAILED
 */
struct report_start {
	const char *program;
	const char *command;
	const char *usage;
	bool one_code;
};

void report_start(const struct report_start *start);

/* Errors are JSON objects from now on. */
void report_as_json(void);

/*
 * "msgslot: ABOUT: TEXT", and in the next line todo.  about is a node or a file; it and todo may be
 * NULL.
 */
int report_error(enum status status, const char *about, const char *todo, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Wrong arguments: STATUS_USAGE. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A failure of the system that has no text of its own: ABOUT: strerror(error).  STATUS_FAILED. */
int report_system(const char *about, int error);

#endif
