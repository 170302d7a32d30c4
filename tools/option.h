/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of a command, as a table of where their values go. */
#ifndef MSGSLOT_TOOLS_OPTION_H
#define MSGSLOT_TOOLS_OPTION_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct option_rule - an option, and what it sets
 * @letter: 0: it has none
 * @name: without its minus signs
 * @flag: becomes true; or NULL
 * @call: is called; or NULL
 * @number: of an option with a value: a number from @min to @max; or NULL
 * @seconds: seconds, as nanoseconds; or NULL
 * @text: the value as it is; or NULL
 * @check: reports what is wrong with @text and returns a status; or NULL
 *
 * An entry without a name ends the table.  Every table has -h and --help besides.
 */
struct option_rule {
	char letter;
	const char *name;
	bool *flag;
	void (*call)(void);
	uint64_t *number;
	uint64_t min;
	uint64_t max;
	int64_t *seconds;
	const char **text;
	int (*check)(const char *text);
};

/* Of a command that has only -h. */
extern const struct option_rule option_none[];

/*
 * Takes the options behind the command's name, which is argv[0]; optind is then the first word that
 * is none.  *help: -h was among them, and the words behind it were ignored.  Reports and returns a
 * status.
 */
int option_take(const struct option_rule *rules, int argc, char **argv, bool *help);

#endif
