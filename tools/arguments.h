/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the commands.  Each function reports what is wrong and returns a status. */
#ifndef MSGSLOT_TOOLS_ARGUMENTS_H
#define MSGSLOT_TOOLS_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* what is the argument's name in the report. */
int argument_number(const char *what, const char *text, uint64_t min, uint64_t max,
		    uint64_t *number);

/* Seconds with up to nine decimals, as nanoseconds. */
int argument_seconds(const char *what, const char *text, int64_t *nanoseconds);

/**
 * struct address - SLOT and CHANNEL, or @NAME for both
 * @node: the slot
 * @channel: if @has_channel
 * @has_channel: it was given
 * @words: how many arguments it took: 1 or 2
 * @path: where @node points if no argument is the path
 */
struct address {
	const char *node;
	uint32_t channel;
	bool has_channel;
	int words;
	char path[256];
};

enum channel_wanted { CHANNEL_NONE, CHANNEL_OPTIONAL, CHANNEL_NEEDED };

/*
 * The address that argv (argc words) begins with.  With CHANNEL_NONE it is SLOT alone, and of @NAME
 * the slot; with CHANNEL_OPTIONAL a second word, if any, is the channel.
 */
int argument_address(int argc, char **argv, enum channel_wanted wanted, struct address *address);

/* The same where no other word may follow. */
int argument_only_address(int argc, char **argv, enum channel_wanted wanted,
			  struct address *address);

/* That argv has no more words than these. */
int argument_end(int argc, char **argv, int words);

#endif
