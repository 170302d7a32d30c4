/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mappings of a channel, whole. */
#ifndef MSGSLOT_TESTS_MAP_H
#define MSGSLOT_TESTS_MAP_H

#include "ioctl.h"
#include "look.h"

/* How large the mapping of the channel is that a file has selected. */
static inline size_t map_size(int fd)
{
	const struct msgslot_map_head *head;
	size_t size;

	head = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(head, MAP_FAILED);
	size = head->size;
	assert_result(munmap((void *)head, getpagesize()), 0);
	return size;
}

static inline const struct msgslot_map_head *map_of(int fd)
{
	const struct msgslot_map_head *head;
	size_t size = map_size(fd);

	head = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(head, MAP_FAILED);
	assert_int_equal(head->size, size);
	return head;
}

static inline void unmap(const struct msgslot_map_head *head)
{
	assert_result(munmap((void *)head, head->size), 0);
}

static inline const struct msgslot_map_cell *map_cell(const struct msgslot_map_head *head,
						      __u64 sequence)
{
	return (const void *)((const char *)head + head->offset +
			      (sequence & (head->cells - 1)) * head->stride);
}

#endif
