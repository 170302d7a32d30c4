// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cells are as large as the first message wants them, and become as large as any wants them with
 * the first one that does not fit: what is written between comes back whole, and lengths that vary
 * cost that once and never again.
 */
#define _GNU_SOURCE
#include "ioctl.h"

enum { CHANNEL = 7, LONGEST = 600, KEPT = 100 };

static char text[LONGEST], got[LONGEST];

/* Bytes that tell which message it is and where they are in it. */
static void fill(char *bytes, size_t length, unsigned int number)
{
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = (char)(number * 31 + i);
}

static void put(int fd, size_t length, unsigned int number)
{
	fill(text, length, number);
	assert_result(write(fd, text, length), length);
}

static void get(int fd, size_t length, unsigned int number)
{
	fill(text, length, number);
	memset(got, 0, sizeof(got));
	assert_result(read(fd, got, sizeof(got)), length);
	assert_memory_equal(got, text, length);
}

static void small_ones_take_little(void **state)
{
	int fd = own_open_on(O_RDWR, CHANNEL);
	unsigned int i;

	(void)state;
	for (i = 0; i < KEPT; i++) {
		assert_result(slot_select(fd, CHANNEL + i), 0);
		put(fd, 16, i);
	}
	/* A cell's version is more than a number where its locking is checked. */
	assert_in_range(slot_get(OWN, "bytes"), 1, KEPT * paced(128, 256));
	for (i = 0; i < KEPT; i++) {
		assert_result(slot_select(fd, CHANNEL + i), 0);
		get(fd, 16, i);
	}
}

static void last_settles(void **state)
{
	int fd = own_open_on(O_RDWR, CHANNEL);
	unsigned int i, length, longest = 0;
	uint64_t dice = 1;
	long long settled;

	(void)state;
	/* Each a byte longer than the one before; after a longer one a shorter one fits, too. */
	for (length = 1; length <= COURSE_MAX; length++) {
		put(fd, length, length);
		get(fd, length, length);
		put(fd, 1, length);
		get(fd, 1, length);
	}
	settled = slot_get(OWN, "bytes");
	for (i = 0; i < 1000; i++) {
		length = 1 + random_below(&dice, COURSE_MAX);
		longest = length > longest ? length : longest;
		put(fd, length, i);
		get(fd, length, i);
		assert_result(slot_get(OWN, "bytes"), settled);
	}
	assert_int_equal(longest, COURSE_MAX);
	assert_in_range(settled, COURSE_MAX, 512);
}

/* More of them, and longer ones, in every order: so many at a time are put and then got. */
static void all_come_back(const char *mode, unsigned int each)
{
	unsigned int lengths[KEPT], rounds, i;
	uint64_t dice = each;
	int fd;

	own_become(mode);
	assert_result(slot_set(OWN, "depth", KEPT), 0);
	assert_result(slot_set(OWN, "max_message", LONGEST), 0);
	assert_result(nodes_settle(), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, CHANNEL);
	for (rounds = 0; rounds < 30; rounds++) {
		for (i = 0; i < each; i++) {
			/* Longer and longer, and now and then one that has a buffer of its own. */
			lengths[i] = 1 + random_below(&dice, 8 + rounds * 8);
			if (!random_below(&dice, 8))
				lengths[i] = 1 + random_below(&dice, LONGEST);
			put(fd, lengths[i], i);
		}
		for (i = 0; i < each; i++)
			get(fd, lengths[i], i);
		assert_fails(read(fd, got, sizeof(got)), EAGAIN);
	}
	close(fd);
	own.count--;
}

static void they_come_back(void **state)
{
	(void)state;
	all_come_back(MSGSLOT_MODE_QUEUE, 1);
	all_come_back(MSGSLOT_MODE_QUEUE, 7);
	all_come_back(MSGSLOT_MODE_QUEUE, KEPT);
	all_come_back(MSGSLOT_MODE_BROADCAST, 1);
	all_come_back(MSGSLOT_MODE_BROADCAST, KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(small_ones_take_little),
		own_slot_test(last_settles),
		own_slot_test(they_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
