// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Numbers are read digit by digit, because strtoul() takes signs, spaces and octal, and wraps
 * negative numbers into range: a channel that was mistyped must never become another channel.
 */
#include "tools.h"

#include <stdio.h>
#include <string.h>

static int digit_value(char digit, unsigned int base)
{
	int value = -1;

	if (digit >= '0' && digit <= '9')
		value = digit - '0';
	else if (digit >= 'a' && digit <= 'f')
		value = digit - 'a' + 10;
	else if (digit >= 'A' && digit <= 'F')
		value = digit - 'A' + 10;
	return value < (int)base ? value : -1;
}

static bool parse_number(const char *text, unsigned int base, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		int digit = digit_value(*text, base);

		if (digit < 0)
			return false;
		/* max is far below 2^60, so this cannot wrap before it is noticed. */
		sum = sum * base + (unsigned int)digit;
		if (sum > max)
			return false;
	}
	*number = sum;
	return true;
}

/* A channel: 0 to 4294967295, decimal (also with leading zeros: 010 is ten) or 0x and hex digits. */
bool argument_channel(const char *text, uint32_t *channel)
{
	uint64_t number;
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	if (!parse_number(hex ? text + 2 : text, hex ? 16 : 10, UINT32_MAX, &number)) {
		report_usage("channel '%s' is not a number from 0 to %u", text, UINT32_MAX);
		return false;
	}
	*channel = (uint32_t)number;
	return true;
}

/*
 * A slot: all digits is a number and stands for /dev/msgslotN, anything else is a path.  A file
 * whose name is a number can still be named as ./5.
 */
bool argument_slot(const char *text, char *path, size_t size, const char **slot)
{
	uint64_t number;

	if (!*text || text[strspn(text, "0123456789")]) {
		*slot = text;
		return true;
	}
	if (!parse_number(text, 10, MSGSLOT_SLOTS_MAX - 1, &number)) {
		report_usage("slot '%s' is not a number from 0 to %d (a file of that name is ./%s)",
			     text, MSGSLOT_SLOTS_MAX - 1, text);
		return false;
	}
	snprintf(path, size, "/dev/msgslot%u", (unsigned int)number);
	*slot = path;
	return true;
}
