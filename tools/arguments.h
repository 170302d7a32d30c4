/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of the commands.  Each function reports what is wrong and returns a status. */
#ifndef MSGSLOT_TOOLS_ARGUMENTS_H
#define MSGSLOT_TOOLS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* what is the argument's name in the report. */
int argument_number(const char *what, const char *text, uint64_t min, uint64_t max,
		    uint64_t *number);

/* Seconds with up to nine decimals, as nanoseconds. */
int argument_seconds(const char *what, const char *text, int64_t *nanoseconds);

/* Whether so many bytes are a channel, decimal or hexadecimal; stores it. */
bool argument_parse_channel(const char *text, size_t length, uint32_t *channel);

/**
 * struct address - SLOT and CHANNEL, or @NAME for both
 * @node: the slot
 * @channel: the channel, or the first of a range; without one 0
 * @last: the last channel of the range, or @channel; without one the highest number
 * @has_channel: a channel, or a range, was given
 * @is_range: it was written as a range, which may have one channel
 * @words: how many arguments it took: 1 or 2
 * @path: where @node points if no argument is the path
 */
struct address {
	const char *node;
	uint32_t channel;
	uint32_t last;
	bool has_channel;
	bool is_range;
	int words;
	char path[256];
};

/**
 * enum channel_wanted - what follows SLOT, unless @NAME stands for both
 * @CHANNEL_NONE: nothing; of @NAME only the slot is taken
 * @CHANNEL_ONE: a channel
 * @CHANNEL_RANGE: a channel, or a range as 1-100, 0x10- or all
 * @RANGE_OPTIONAL: the same, or nothing
 */
enum channel_wanted { CHANNEL_NONE, CHANNEL_ONE, CHANNEL_RANGE, RANGE_OPTIONAL };

/* Whether the address, if it has a channel or a range, has this one. */
static inline bool address_has(const struct address *address, uint32_t channel)
{
	return channel >= address->channel && channel <= address->last;
}

/* Whether the slot is called /dev/msgslotN; stores N. */
bool address_get_number(const struct address *address, int *number);

/* The channel, or range, of the address: CHANNEL alone, as wanted. */
int argument_channel(const char *text, enum channel_wanted wanted, struct address *address);

/* The address that argv (argc words) begins with. */
int argument_address(int argc, char **argv, enum channel_wanted wanted, struct address *address);

/* The same where no other word may follow. */
int argument_only_address(int argc, char **argv, enum channel_wanted wanted,
			  struct address *address);

/* That argv has no more words than these. */
int argument_end(int argc, char **argv, int words);

#endif
