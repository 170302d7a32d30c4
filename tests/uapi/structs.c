// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The structs of all commands: sizes that are not the kernel's, tails, page ends, pages that are
 * not there or read-only, every bit that means nothing.  What is refused has changed nothing.
 */
#define _GNU_SOURCE
#include "ioctl.h"

enum { GET_CHANNEL, SEND, RECV, SEEK, CLEAR, INFO, WALK, COMMANDS };

static const unsigned int commands[COMMANDS] = {
	[GET_CHANNEL] = MSGSLOT_GET_CHANNEL,
	[SEND] = MSGSLOT_SEND,
	[RECV] = MSGSLOT_RECV,
	[SEEK] = MSGSLOT_SEEK,
	[CLEAR] = MSGSLOT_CLEAR,
	[INFO] = MSGSLOT_INFO,
	[WALK] = MSGSLOT_WALK,
};

/* Of the first release, in bytes: programs that were built then run on. */
static const size_t first_sizes[COMMANDS] = {
	[GET_CHANNEL] = 4, [SEND] = 48,	 [RECV] = 64, [SEEK] = 16,
	[CLEAR] = 24,	   [INFO] = 136, [WALK] = 24,
};

static int fd;
static char buffer[COURSE_MAX];
static struct msgslot_walk_entry entries[4];

/* A broadcast channel with one message, and a file that has yet to read it: every command works. */
static int begin(void **state)
{
	if (own_begin(state))
		return -1;
	own_become("broadcast");
	fd = own_open(O_RDWR);
	assert_result(write(fd, "kept", 4), 4);
	return 0;
}

#define struct_test(test) cmocka_unit_test_setup_teardown(test, begin, own_end)

static size_t size_of(int which)
{
	return _IOC_SIZE(commands[which]);
}

static unsigned int sized(int which, size_t size)
{
	return _IOC(_IOC_DIR(commands[which]), MSGSLOT_IOC_TYPE, _IOC_NR(commands[which]), size);
}

/* A struct that works any number of times, wherever @at is. */
static void prepare(int which, void *at)
{
	struct msgslot_send send = send_of(50, "text", 4);
	struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_PEEK, buffer, sizeof(buffer));
	struct msgslot_seek seek = { .whence = MSGSLOT_SEEK_OLDEST };
	struct msgslot_clear clear = { .channel = 99 };
	struct msgslot_walk walk = { .entries = (uintptr_t)entries, .count = COUNT_OF(entries) };
	const void *const structs[COMMANDS] = {
		[SEND] = &send, [RECV] = &recv, [SEEK] = &seek, [CLEAR] = &clear, [WALK] = &walk,
	};

	if (structs[which])
		memcpy(at, structs[which], size_of(which));
	else
		memset(at, 0xee, size_of(which));
}

#define assert_unchanged(before)                                         \
	do {                                                             \
		struct msgslot_info after_ = info_of(fd);                \
                                                                         \
		assert_memory_equal(&after_, before, sizeof(after_));    \
		assert_receives(fd, 0, MSGSLOT_RECV_PEEK, 0, 1, "kept"); \
	} while (0)

static void every_command_works(void **state)
{
	char capacity[256];
	int which, shift;

	(void)state;
	for (which = 0; which < COMMANDS; which++)
		/* Also where no compiler would put it. */
		for (shift = 0; shift < 8; shift++) {
			prepare(which, capacity + shift);
			assert_result(ioctl(fd, commands[which], capacity + shift), 0);
		}
}

static void shorter_and_in_another_direction(void **state)
{
	struct msgslot_info before = info_of(fd);
	unsigned int direction, size;
	char capacity[256];
	int which;

	(void)state;
	for (which = 0; which < COMMANDS; which++) {
		for (size = 0; size < first_sizes[which]; size++) {
			prepare(which, capacity);
			assert_fails(ioctl(fd, sized(which, size), capacity), EINVAL);
			assert_fails(ioctl(fd, sized(which, size), nowhere), EINVAL);
		}
		for (direction = 0; direction < 4; direction++)
			for (size = size_of(which); size < 256; size++)
				if (direction != _IOC_DIR(commands[which]))
					assert_fails(ioctl(fd,
							   _IOC(direction, MSGSLOT_IOC_TYPE,
								_IOC_NR(commands[which]), size),
							   capacity),
						     EINVAL);
	}
	assert_unchanged(&before);
}

/* What is beyond the size that the caller has is not the kernel's to read or to write. */
static void every_size_since_the_first(void **state)
{
	size_t size, byte;
	char capacity[256];
	int which;

	(void)state;
	for (which = SEND; which < COMMANDS; which++)
		for (size = first_sizes[which]; size <= size_of(which) + 8; size++) {
			memset(capacity, 0, sizeof(capacity));
			prepare(which, capacity);
			memset(capacity + size, 0x5a, sizeof(capacity) - size);
			assert_result(ioctl(fd, sized(which, size), capacity), 0);
			for (byte = size; byte < sizeof(capacity); byte++)
				if (capacity[byte] != 0x5a)
					fail_msg("command %d of %zu bytes wrote byte %zu", which,
						 size, byte);
		}
}

static const size_t longer[] = { 1, 2, 3, 4, 7, 8, 9, 16, 100, 4000, 4096, 8192 };

static void longer_with_a_clean_tail(void **state)
{
	static char capacity[_IOC_SIZEMASK];
	size_t size, byte, i;
	int which;

	(void)state;
	for (which = SEND; which < COMMANDS; which++)
		for (i = 0; i <= COUNT_OF(longer); i++) {
			size = i < COUNT_OF(longer) ? size_of(which) + longer[i] : sizeof(capacity);
			memset(capacity, which == INFO ? 0xee : 0, size);
			prepare(which, capacity);
			assert_result(ioctl(fd, sized(which, size), capacity), 0);
			/* What is not known is 0: as it came, or, where all comes out, made so. */
			for (byte = size_of(which); byte < size; byte++)
				if (capacity[byte])
					fail_msg("command %d, byte %zu of %zu", which, byte, size);
		}
}

static void longer_with_a_dirty_tail(void **state)
{
	static char capacity[_IOC_SIZEMASK];
	struct msgslot_info before = info_of(fd);
	size_t size, bit, i;
	int which;

	(void)state;
	for (which = SEND; which < COMMANDS; which++) {
		if (which == INFO)
			continue;
		memset(capacity, 0, sizeof(capacity));
		size = size_of(which) + 17;
		for (bit = 8 * size_of(which); bit < 8 * size; bit++) {
			prepare(which, capacity);
			capacity[bit / 8] = 1 << bit % 8;
			assert_fails(ioctl(fd, sized(which, size), capacity), E2BIG);
			capacity[bit / 8] = 0;
		}
		for (i = 0; i < COUNT_OF(longer); i++) {
			size = size_of(which) + longer[i];
			capacity[size - 1] = 1;
			assert_fails(ioctl(fd, sized(which, size), capacity), E2BIG);
			/* Before anything that is wrong in the struct itself. */
			memset(capacity, 0xff, size_of(which));
			assert_fails(ioctl(fd, sized(which, size), capacity), E2BIG);
			prepare(which, capacity);
			capacity[size - 1] = 0;
		}
	}
	assert_unchanged(&before);
}

static void structs_at_a_page_end(void **state)
{
	enum { ROOM = 256 };
	char *edge = edge_new(ROOM, PROT_READ | PROT_WRITE), *end = edge + ROOM;
	struct msgslot_info before;
	size_t over;
	int which;

	(void)state;
	for (which = 0; which < COMMANDS; which++) {
		size_t size = size_of(which);
		char copy[ROOM];

		prepare(which, end - size);
		assert_result(ioctl(fd, commands[which], end - size), 0);
		before = info_of(fd);
		/* As much of it as there is space for, and the rest is inaccessible. */
		for (over = 1; over <= size; over++) {
			prepare(which, copy);
			memcpy(end - size + over, copy, size - over);
			assert_fails(ioctl(fd, commands[which], end - size + over), EFAULT);
		}
		if (which != GET_CHANNEL) {
			prepare(which, end - size);
			assert_fails(ioctl(fd, sized(which, size + 1), end - size), EFAULT);
			assert_fails(ioctl(fd, sized(which, size + 4096), end - size), EFAULT);
		}
		assert_unchanged(&before);
	}
	edge_free(edge, ROOM);
}

static void structs_that_cannot_be_written(void **state)
{
	struct msgslot_info before = info_of(fd);
	char *edge;
	int which;

	(void)state;
	for (which = 0; which < COMMANDS; which++) {
		edge = edge_new(4096, PROT_READ | PROT_WRITE);
		prepare(which, edge);
		/* Here it would do harm. */
		if (which == CLEAR)
			((struct msgslot_clear *)edge)->channel = 0;
		if (which == RECV)
			((struct msgslot_recv *)edge)->flags = 0;
		if (which == SEEK)
			((struct msgslot_seek *)edge)->whence = MSGSLOT_SEEK_END;
		assert_result(mprotect(edge, 4096, PROT_READ), 0);
		assert_fails(ioctl(fd, commands[which], edge), EFAULT);
		assert_result(mprotect(edge, 4096, PROT_NONE), 0);
		assert_fails(ioctl(fd, commands[which], edge), EFAULT);
		edge_free(edge, 4096);
	}
	assert_unchanged(&before);
}

static void structs_that_are_nowhere(void **state)
{
	const unsigned long addresses[] = {
		0, 1, 16, 0x7ffffffff000, 0x800000000000, 0xffff888000000000, -4096ul, -8ul, -1ul,
	};
	struct msgslot_info before = info_of(fd);
	size_t i;
	int which;

	(void)state;
	for (which = 0; which < COMMANDS; which++)
		for (i = 0; i < COUNT_OF(addresses); i++)
			assert_fails(ioctl(fd, commands[which], addresses[i]), EFAULT);
	assert_unchanged(&before);
}

/* Sets bits of one field after the other that mean nothing. */
#define each_bit_is_refused(which, type, field, known)                             \
	do {                                                                       \
		type given_;                                                       \
		unsigned int bit_;                                                 \
                                                                                   \
		for (bit_ = 0; bit_ < 8 * sizeof(given_.field); bit_++) {          \
			if (1ull << bit_ & (known))                                \
				continue;                                          \
			prepare(which, &given_);                                   \
			given_.field = 1ull << bit_;                               \
			assert_fails(ioctl(fd, commands[which], &given_), EINVAL); \
			prepare(which, &given_);                                   \
			given_.field = ~0ull ^ (bit_ ? 1ull << (bit_ - 1) : 0);    \
			assert_fails(ioctl(fd, commands[which], &given_), EINVAL); \
		}                                                                  \
	} while (0)

static void bits_that_mean_nothing(void **state)
{
	struct msgslot_info before = info_of(fd);

	(void)state;
	each_bit_is_refused(SEND, struct msgslot_send, flags,
			    MSGSLOT_SEND_IF | MSGSLOT_SEND_MANY | MSGSLOT_SEND_TIED);
	each_bit_is_refused(SEND, struct msgslot_send, will_length, 0);
	each_bit_is_refused(RECV, struct msgslot_recv, flags,
			    15 | MSGSLOT_RECV_MANY | MSGSLOT_RECV_LEASE);
	each_bit_is_refused(SEEK, struct msgslot_seek, whence, 3);
	each_bit_is_refused(SEEK, struct msgslot_seek, reserved, 0);
	each_bit_is_refused(CLEAR, struct msgslot_clear, flags, MSGSLOT_CLEAR_IF);
	each_bit_is_refused(WALK, struct msgslot_walk, from, (1ull << 33) - 1);
	assert_unchanged(&before);
}

/* Any bits at all in the reserved fields, and in flags beyond those that are known. */
static void patterns_that_mean_nothing(void **state)
{
	struct msgslot_info before = info_of(fd);
	long rounds = scaled(20000, 1000);
	uint64_t seed = seed_get();

	(void)state;
	while (rounds--) {
		uint32_t pattern = random_next(&seed) >> random_below(&seed, 32) | 1;
		struct msgslot_send send;
		struct msgslot_recv recv;
		struct msgslot_seek seek;
		struct msgslot_walk walk;
		struct msgslot_clear clear;

		prepare(SEND, &send);
		prepare(SEEK, &seek);
		prepare(WALK, &walk);
		prepare(RECV, &recv);
		prepare(CLEAR, &clear);
		send.will_length = seek.reserved = pattern;
		walk.entry_size = pattern | 1;
		recv.flags = pattern | 1u << (8 + random_below(&seed, 24));
		clear.flags = pattern | 1u << (1 + random_below(&seed, 31));
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
		assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), EINVAL);
		assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EINVAL);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
		assert_fails(ioctl(fd, MSGSLOT_CLEAR, &clear), EINVAL);
		send.will_length = 0;
		send.flags = pattern | 1u << (3 + random_below(&seed, 29));
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	}
	assert_unchanged(&before);
}

/* Messages that end with a page, and such as go on behind it. */
static void messages_at_a_page_end(void **state)
{
	const size_t lengths[] = { 1, 100, 256, 257, 4000 };
	size_t i, over;
	char *edge;

	(void)state;
	for (i = 0; i < COUNT_OF(lengths); i++) {
		size_t length = lengths[i];
		struct msgslot_send send;
		struct msgslot_recv recv;

		edge = edge_new(length, PROT_READ | PROT_WRITE);
		send = send_of(60, edge, length);
		assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
		assert_int_equal(send.sequence, 1 + i);
		memset(edge, 'x', length);
		recv = recv_of(60, MSGSLOT_RECV_NEWER, edge, length);
		recv.sequence = i;
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(edge[0], 'e');
		assert_int_equal(edge[length - 1], 'e');
		for (over = 1; over < length; over += 1 + length / 7) {
			send = send_of(60, edge + over, length);
			assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EFAULT);
			recv = recv_of(60, MSGSLOT_RECV_NEWER, edge + over, length);
			recv.sequence = i;
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
		}
		/* The size is a limit, no promise: what is not needed need not be there. */
		recv = recv_of(60, MSGSLOT_RECV_NEWER, edge, -1u);
		recv.sequence = i;
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		edge_free(edge, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		struct_test(every_command_works),
		struct_test(shorter_and_in_another_direction),
		struct_test(every_size_since_the_first),
		struct_test(longer_with_a_clean_tail),
		struct_test(longer_with_a_dirty_tail),
		struct_test(structs_at_a_page_end),
		struct_test(structs_that_cannot_be_written),
		struct_test(structs_that_are_nowhere),
		struct_test(bits_that_mean_nothing),
		struct_test(patterns_that_mean_nothing),
		struct_test(messages_at_a_page_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
