// SPDX-License-Identifier: LGPL-2.1-or-later
/* Numbers in slots, channel names and attributes.  See internal.h. */
#include "internal.h"

static int number_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return 16;
}

bool msgslot_number_parse(const char *text, bool hex, uint32_t max, uint32_t *number)
{
	unsigned int base = 10;
	uint64_t sum = 0;

	if (hex && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned int digit = number_digit(*text);

		if (digit >= base)
			return false;
		/* max has 32 bits, so the sum exceeds it before 64 bits wrap. */
		sum = sum * base + digit;
		if (sum > max)
			return false;
	}
	*number = (uint32_t)sum;
	return true;
}
