/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mappings of a channel, whole. */
#ifndef MSGSLOT_TESTS_MAP_H
#define MSGSLOT_TESTS_MAP_H

#include "ioctl.h"
#include "look.h"

enum { KIB = 1024, MIB = 1024 * KIB };

static __attribute__((unused)) char text[MIB], got[MIB];

/* As a system call would say it: -1 where it fails. */
static inline void *map_try(int fd, size_t size, int protection, int flags, long long at)
{
	void *address = mmap(NULL, size, protection, flags, fd, at);

	return address == MAP_FAILED ? (void *)-1 : address;
}

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

/* Of a message that is there: text, number. */
#define assert_maps(head, from, number, wanted)                                      \
	do {                                                                         \
		__u64 sequence_ = (from);                                            \
		long length_ = msgslot_map_copy(head, &sequence_, got, sizeof(got)); \
                                                                                     \
		assert_int_equal(length_, strlen(wanted));                           \
		assert_memory_equal(got, wanted, strlen(wanted));                    \
		assert_int_equal(sequence_, number);                                 \
	} while (0)

#define assert_maps_nothing(head, from) \
	assert_int_equal(msgslot_map_copy(head, &(__u64){ from }, got, sizeof(got)), 0)

#endif
