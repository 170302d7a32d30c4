/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the files of the library.  It must be included first: it selects the features of libc.
 */
#ifndef MSGSLOT_INTERNAL_H
#define MSGSLOT_INTERNAL_H

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#define _TIME_BITS 64

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "msgslot.h"
#include "number.h"

/* Constant between open and close, and therefore safe for threads. */
struct msgslot {
	int fd;
	int minor;
	int mode;
	uint32_t max_message;
};

/*
 * The kernel's structs have 32 bits for lengths.  A length that is cut to that is still longer than
 * any message, and so has the same result.
 */
static inline uint32_t length_cut(size_t length)
{
	return length < UINT32_MAX ? (uint32_t)length : UINT32_MAX;
}

static inline uint64_t address_of(const void *bytes)
{
	return (uintptr_t)bytes;
}

/* The size of a struct whose last member is this one. */
#define SIZE_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* Of a struct msgslot_message, as the first release has it. */
#define MESSAGE_LEAST SIZE_UP_TO(struct msgslot_message, channel)

/* The buffers of a reader and of a writer: where the caller leaves it open, and at most. */
enum { BATCH_SIZE = 65536, BATCH_SIZE_MAX = 1 << 30 };

/*
 * A buffer of @size bytes in the place of *@buffer, which loses what it had.  Zeroed, because
 * memory checkers do not see the kernel fill it, and ask about what is between two messages.
 */
static inline int batch_renew(char **buffer, size_t *old_size, size_t size)
{
	char *fresh = calloc(1, size);

	if (!fresh)
		return -1;
	free(*buffer);
	*buffer = fresh;
	*old_size = size;
	return 0;
}

/* Where the header behind a message begins, that ends at @end: see struct msgslot_header. */
static inline size_t batch_align(size_t end)
{
	return (end + 7) & ~(size_t)7;
}

/*
 * Structs that the library fills grow at their end.  The caller may be compiled with another
 * header, and its struct be shorter or longer than the library's: its size comes with the pointer.
 * A size below that of the first release is a mistake of the caller: EINVAL, before anything is
 * done.
 */
static inline int result_check(const void *result, size_t size, size_t least)
{
	if (!result || size >= least)
		return 0;
	errno = EINVAL;
	return -1;
}

/* Stores as much as the caller's struct takes, and makes 0 the members that are not known. */
static inline void result_store(void *result, size_t size, const void *known, size_t known_size)
{
	if (!result)
		return;
	if (size > known_size) {
		memset((char *)result + known_size, 0, size - known_size);
		size = known_size;
	}
	memcpy(result, known, size);
}

#endif /* MSGSLOT_INTERNAL_H */
