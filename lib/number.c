// SPDX-License-Identifier: LGPL-2.1-or-later
/* Numbers in text.  See number.h. */
#include "number.h"

#include <string.h>

/* 16, which is no digit of any base here, for any other byte. */
static unsigned int number_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned int)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned int)(digit - 'a' + 10);
	if (digit >= 'A' && digit <= 'F')
		return (unsigned int)(digit - 'A' + 10);
	return 16;
}

bool msgslot_number_parse_bytes(const char *text, size_t length, bool hex, uint64_t max,
				uint64_t *number)
{
	unsigned int base = 10;
	uint64_t sum = 0;
	size_t at = 0;

	if (hex && length > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		at = 2;
	}
	if (at == length)
		return false;
	for (; at < length; at++) {
		unsigned int digit = number_digit(text[at]);

		if (digit >= base || __builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	*number = sum;
	return sum <= max;
}

bool msgslot_number_parse(const char *text, bool hex, uint64_t max, uint64_t *number)
{
	return msgslot_number_parse_bytes(text, strlen(text), hex, max, number);
}
