// SPDX-License-Identifier: GPL-2.0-or-later
/* Arguments of the commands: numbers, seconds, slots, channels and names.  See arguments.h. */
#include "arguments.h"

#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <msgslot.h>
#include <number.h>
#include <stdio.h>
#include <string.h>

int argument_number(const char *what, const char *text, uint64_t min, uint64_t max,
		    uint64_t *number)
{
	if (msgslot_number_parse(text, false, max, number) && *number >= min)
		return STATUS_DONE;
	return report_usage("%s '%s' is not a number from %" PRIu64 " to %" PRIu64, what, text, min,
			    max);
}

int argument_seconds(const char *what, const char *text, int64_t *nanoseconds)
{
	static const uint64_t max = 1000000000, second = MSGSLOT_SECOND;
	const char *point = strchr(text, '.');
	uint64_t whole = 0, part = 0, unit = second;
	size_t length = point ? (size_t)(point - text) : strlen(text);

	if (!length && !point)
		goto err_usage;
	if (length && !msgslot_number_parse_bytes(text, length, false, max, &whole))
		goto err_usage;
	if (point &&
	    (strlen(point + 1) > 9 || !msgslot_number_parse(point + 1, false, second, &part)))
		goto err_usage;
	for (size_t i = 0; point && point[i + 1]; i++)
		unit /= 10;
	*nanoseconds = (int64_t)(whole * second + part * unit);
	return STATUS_DONE;

err_usage:
	return report_usage("%s '%s' is not a number of seconds from 0 to %" PRIu64, what, text,
			    max);
}

bool argument_parse_channel(const char *text, size_t length, uint32_t *channel)
{
	uint64_t number;

	if (!msgslot_number_parse_bytes(text, length, true, UINT32_MAX, &number))
		return false;
	*channel = (uint32_t)number;
	return true;
}

/* FIRST-LAST, FIRST- or all. */
static bool argument_parse_range(const char *text, struct address *address)
{
	const char *minus = strchr(text, '-');

	address->is_range = true;
	if (!strcmp(text, "all"))
		return true;
	return minus && argument_parse_channel(text, (size_t)(minus - text), &address->channel) &&
	       (!minus[1] || argument_parse_channel(minus + 1, strlen(minus + 1), &address->last));
}

int argument_channel(const char *text, enum channel_wanted wanted, struct address *address)
{
	address->channel = 0;
	address->last = UINT32_MAX;
	address->is_range = false;
	address->has_channel = true;
	if (argument_parse_channel(text, strlen(text), &address->channel)) {
		address->last = address->channel;
		return STATUS_DONE;
	}
	if (wanted == CHANNEL_ONE)
		return report_usage("channel '%s' is not a number from 0 to %u", text, UINT32_MAX);
	if (!argument_parse_range(text, address))
		return report_usage(
			"channel '%s' is not a number from 0 to %u, nor a range of them as 1-100, "
			"0x10- or all",
			text, UINT32_MAX);
	if (address->channel > address->last)
		return report_usage("channel '%s': the range ends before it begins", text);
	return STATUS_DONE;
}

bool address_get_number(const struct address *address, int *number)
{
	static const char start[] = "/dev/msgslot";
	const size_t length = strlen(start);
	uint64_t found;

	if (strncmp(address->node, start, length) ||
	    !msgslot_number_parse(address->node + length, false, MSGSLOT_SLOTS_MAX - 1, &found))
		return false;
	*number = (int)found;
	return true;
}

/*
 * Digits alone stand for /dev/msgslotN, anything else is a path.  A file whose name is a number is
 * ./5.
 */
static int argument_slot(const char *text, struct address *address)
{
	uint64_t number;

	address->node = text;
	if (!*text)
		return report_usage("slot '' is neither a number nor a path");
	if (text[strspn(text, "0123456789")])
		return STATUS_DONE;
	if (!msgslot_number_parse(text, false, MSGSLOT_SLOTS_MAX - 1, &number))
		return report_usage(
			"slot '%s' is not a number from 0 to %d (a file of that name is ./%s)",
			text, MSGSLOT_SLOTS_MAX - 1, text);
	snprintf(address->path, sizeof(address->path), "/dev/msgslot%u", (unsigned int)number);
	address->node = address->path;
	return STATUS_DONE;
}

static int argument_find_name(const char *name, struct msgslot_name *found)
{
	struct msgslot_place place;
	char about[sizeof(place.file) + 32];

	if (!msgslot_name_find(name, found, sizeof(*found), &place, sizeof(place)))
		return STATUS_DONE;
	switch (errno) {
	case EINVAL:
		return report_error(
			STATUS_USAGE, name,
			"A name is a letter, then letters, digits, '_', '-', '.'; a file "
			"whose name begins with @ is ./@",
			"this cannot be the name of a channel");
	case ENOENT:
		return report_error(
			STATUS_USAGE, name,
			"Names are lines 'name slot channel' of ~/.config/msgslot/channels "
			"and /etc/msgslot/channels.",
			"there is no such name");
	case EBADMSG:
		snprintf(about, sizeof(about), "%s:%u", place.file, place.line);
		return report_error(STATUS_FAILED, about,
				    "A line is 'name slot channel # comment', or empty.",
				    "the line is malformed, and %s is not found", name);
	}
	return report_system(errno == ENOMEM ? name : place.file, errno);
}

static int argument_name(const char *name, enum channel_wanted wanted, struct address *address)
{
	struct msgslot_name found;
	int status = argument_find_name(name, &found);

	if (status)
		return status;
	status = argument_slot(found.slot, address);
	if (address->node == found.slot) {
		snprintf(address->path, sizeof(address->path), "%s", found.slot);
		address->node = address->path;
	}
	if (wanted != CHANNEL_NONE) {
		address->channel = found.channel;
		address->last = found.channel;
		address->has_channel = true;
	}
	return status;
}

int argument_address(int argc, char **argv, enum channel_wanted wanted, struct address *address)
{
	int status;

	address->channel = 0;
	address->last = UINT32_MAX;
	address->has_channel = false;
	address->is_range = false;
	address->words = 1;
	if (argc < 1)
		return report_usage("no slot is given");
	if (argv[0][0] == '@')
		return argument_name(argv[0], wanted, address);
	status = argument_slot(argv[0], address);
	if (status || wanted == CHANNEL_NONE || (wanted == RANGE_OPTIONAL && argc < 2))
		return status;
	if (argc < 2)
		return report_usage("no channel is given");
	address->words = 2;
	return argument_channel(argv[1], wanted, address);
}

int argument_end(int argc, char **argv, int words)
{
	if (argc <= words)
		return STATUS_DONE;
	return report_usage("unexpected argument '%s'%s", argv[words],
			    argv[words][0] == '-' && argv[words][1] ? ": options come first" : "");
}

int argument_only_address(int argc, char **argv, enum channel_wanted wanted,
			  struct address *address)
{
	int status = argument_address(argc, argv, wanted, address);

	return status ? status : argument_end(argc, argv, address->words);
}
