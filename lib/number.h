/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers in text, for the library and for the tools, which contain it.  It is not installed. */
#ifndef MSGSLOT_NUMBER_H
#define MSGSLOT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Parses a number up to max: digits and nothing else, decimal, or hexadecimal after 0x where hex
 * allows it.  strtoul() takes signs, spaces and octal, too, and wraps negative numbers into range;
 * a mistyped channel must not become another one.
 */
bool msgslot_number_parse(const char *text, bool hex, uint64_t max, uint64_t *number);

/* The same of so many bytes. */
bool msgslot_number_parse_bytes(const char *text, size_t length, bool hex, uint64_t max,
				uint64_t *number);

#endif /* MSGSLOT_NUMBER_H */
