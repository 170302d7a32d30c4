/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share.  To be included first: it says which libc is wanted.
 */
#ifndef MSGSLOT_INTERNAL_H
#define MSGSLOT_INTERNAL_H

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64

#include <stdbool.h>

#include "msgslot.h"

/* Nothing in it changes between open and close; that is what makes it safe for threads. */
struct msgslot {
	int fd;
	int minor;
	int mode;
	uint32_t max_message;
};

/* The kernel's structs have 32 bits for lengths, and refuse or use up what is cut to that. */
static inline uint32_t length_cut(size_t length)
{
	return length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
}

static inline uint64_t address_of(const void *bytes)
{
	return (uintptr_t)bytes;
}

/*
 * A number that is digits and nothing else, decimal, or hexadecimal after 0x where hex allows it.
 * strtoul() would take signs, spaces and octal, and a channel that was mistyped must never become
 * another channel.
 */
bool msgslot_number_parse(const char *text, bool hex, uint32_t max, uint32_t *number);

#endif /* MSGSLOT_INTERNAL_H */
