// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An open file selects a channel: which commands do, which ids can be, whose share it takes.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "check.h"
#include "own-as.h"

/* Handouts and the programs of their courses have all of these. */
static void all_encodings_mean_the_same(void **state)
{
	const unsigned int types[] = { 235, 240 }, sizes[] = { 0, 4, 8 };
	unsigned int commands[2 * 4 * 3 + 2] = { 1, 3 }, type, direction, size, count = 2, i;
	int fd = own_open(O_RDWR);

	(void)state;
	for (type = 0; type < 2; type++)
		for (direction = 0; direction < 4; direction++)
			for (size = 0; size < 3; size++)
				commands[count++] = _IOC(direction, types[type], 0, sizes[size]);
	assert_int_equal(MSG_SLOT_CHANNEL, _IOW(235, 0, unsigned int));
	for (i = 0; i < count; i++) {
		assert_result(ioctl(fd, commands[i], 10ul + i), 0);
		assert_result(write(fd, &i, sizeof(i)), sizeof(i));
		assert_fails(ioctl(fd, commands[i], 0ul), EINVAL);
	}
	for (i = 0; i < count; i++)
		assert_holds(10 + i, &i, sizeof(i));
}

static void works_in_every_direction(void **state)
{
	const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_result(slot_select(own_open(flags[i]), 7), 0);
	assert_result(slot_get(OWN, "channels"), 1);
}

static void far_ids_are_apart(void **state)
{
	const unsigned int ids[] = { 1,	       2,	    255,	256, 1 << 20, (1 << 20) + 1,
				     1u << 31, 4294967294u, 4294967295u };
	const int count = sizeof(ids) / sizeof(ids[0]);
	int fd = own_open(O_RDWR), i;

	(void)state;
	for (i = 0; i < count; i++) {
		assert_result(slot_select(fd, ids[i]), 0);
		assert_result(write(fd, &ids[i], sizeof(ids[i])), sizeof(ids[i]));
	}
	for (i = 0; i < count; i++)
		assert_holds(ids[i], &ids[i], sizeof(ids[i]));
	assert_result(slot_get(OWN, "channels"), count);
	assert_result(slot_get(OWN, "messages"), count);
}

static void id_0_is_refused(void **state)
{
	int fd = own_open(O_RDWR);

	(void)state;
	assert_fails(slot_select(fd, 0), EINVAL);
	/* Still nothing selected. */
	assert_fails(write(fd, "a", 1), EINVAL);
	assert_result(slot_select(fd, 3), 0);
	assert_fails(slot_select(fd, 0), EINVAL);
	/* A failed call changes nothing: 3 is still selected. */
	assert_result(write(fd, "a", 1), 1);
	assert_holds(3, "a", 1);
}

static void id_is_cut_to_32_bits(void **state)
{
	int fd = own_open(O_RDWR);

	(void)state;
	assert_result(ioctl(fd, MSG_SLOT_CHANNEL, 1ul << 32 | 5), 0);
	assert_result(write(fd, "five", 4), 4);
	assert_holds(5, "five", 4);
	assert_result(ioctl(fd, MSG_SLOT_CHANNEL, -1l), 0);
	assert_result(write(fd, "last", 4), 4);
	assert_holds(4294967295u, "last", 4);
	assert_fails(ioctl(fd, MSG_SLOT_CHANNEL, 1ul << 32), EINVAL);
}

static void unknown_commands_are_einval(void **state)
{
	const unsigned int commands[] = {
		0,
		4,
		235,
		240,
		0xffffffffu,
		_IO(234, 0),
		_IOR(234, 0, int),
		_IOWR(236, 0, int),
		_IO(241, 0),
		_IOW(235, 0, char),
		_IOW(235, 0, short),
		_IOW(235, 0, long[2]),
		_IOW(240, 0, char),
		_IOW(240, 0, short),
		_IOW(240, 0, long[2]),
		_IOW(235, 1, int),
		_IOW(235, 1, long),
		_IOW(235, 255, int),
		_IOW(234, 0, int),
		_IOW(236, 0, int),
		_IOW(239, 0, int),
		_IOW(241, 0, int),
	};
	int fd = own_open_on(O_RDWR, 9);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		assert_fails(ioctl(fd, commands[i], 5), EINVAL);
	assert_result(write(fd, "nine", 4), 4);
	assert_holds(9, "nine", 4);
}

static void destroyed_slot_comes_first(void **state)
{
	int fd = own_open(O_RDWR);

	(void)state;
	assert_result(slot_destroy(OWN), 0);
	assert_fails(slot_select(fd, 1), ENODEV);
	assert_fails(slot_select(fd, 0), ENODEV);
	assert_fails(ioctl(fd, _IO(235, 77), 0), ENODEV);
}

static void *select_21(void *fd)
{
	demand(slot_select(*(int *)fd, 21) == 0);
	return NULL;
}

static void dup_and_fork_share_the_selection(void **state)
{
	int fd = own_open_on(O_RDWR, 20), copy = dup(fd), apart = own_open_on(O_RDWR, 20);

	(void)state;
	assert_true(copy >= 0);
	child_run(NULL, select_21, &fd);
	assert_result(write(copy, "21", 2), 2);
	assert_holds(21, "21", 2);
	assert_empty(20);
	/* Another open() is another file. */
	assert_result(write(apart, "20", 2), 2);
	assert_holds(20, "20", 2);
	assert_holds(21, "21", 2);
	close(copy);
}

static int polled(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	assert_works(poll(&one, 1, 0));
	return one.revents;
}

static void selecting_again_keeps_what_was_seen(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char got[8];

	(void)state;
	assert_result(write(fd, "seen", 4), 4);
	assert_result(read(fd, got, sizeof(got)), 4);
	assert_int_equal(polled(fd), 0);
	assert_result(slot_select(fd, 1), 0);
	assert_int_equal(polled(fd), 0);
	assert_result(write(fd, "new", 3), 3);
	assert_result(slot_select(fd, 1), 0);
	assert_int_equal(polled(fd), POLLIN);
}

static void slot_has_so_many_channels(void **state)
{
	int files[4], i;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 3), 0);
	for (i = 0; i < 3; i++)
		files[i] = own_open_on(O_RDWR, 1 + i);
	files[3] = own_open(O_RDWR);
	assert_fails(slot_select(files[3], 4), ENOSPC);
	assert_result(slot_get(OWN, "channels"), 3);
	/* A channel that exists needs no space, and a refused select changes nothing. */
	assert_result(slot_select(files[3], 3), 0);
	assert_fails(slot_select(files[3], 4), ENOSPC);
	assert_result(write(files[3], "three", 5), 5);
	assert_holds(3, "three", 5);
	/* No file holds 1 any more and it is empty: forgotten, so there is space for 4. */
	assert_result(slot_select(files[0], 2), 0);
	assert_result(slot_get(OWN, "channels"), 2);
	assert_result(slot_select(files[3], 4), 0);
	/* 3 has a message: it stays without anyone, and takes its place. */
	assert_result(slot_select(files[2], 2), 0);
	assert_result(slot_get(OWN, "channels"), 3);
	assert_fails(slot_select(files[2], 5), ENOSPC);
	/* Limits may change at any time. */
	assert_result(slot_set(OWN, "max_channels", 4), 0);
	assert_result(slot_select(files[2], 5), 0);
}

/* used + n <= (free + used) / 2: of 8 channels 4 for the first user, 2 for the next. */
static void *take_four(void *unused)
{
	int i, fd;

	(void)unused;
	for (i = 0; i < 4; i++) {
		fd = slot_open_on(OWN, O_WRONLY, 10 + i);
		demand(fd >= 0);
		demand(write(fd, "mine", 4) == 4);
	}
	fd = slot_open(OWN, O_WRONLY);
	demand(fd >= 0);
	demand(slot_select(fd, 14) == -1 && errno == EDQUOT);
	demand(slot_select(fd, 13) == 0);
	return NULL;
}

static void *take_two(void *unused)
{
	int i, fd;

	(void)unused;
	for (i = 0; i < 2; i++) {
		fd = slot_open_on(OWN, O_WRONLY, 20 + i);
		demand(fd >= 0);
		demand(write(fd, "mine", 4) == 4);
	}
	fd = slot_open(OWN, O_WRONLY);
	demand(fd >= 0);
	demand(slot_select(fd, 22) == -1 && errno == EDQUOT);
	/* The slot's own limit is only for a user that may exceed the share. */
	demand(slot_select(fd, 10) == 0);
	return NULL;
}

static void users_get_their_share(void **state)
{
	(void)state;
	assert_result(slot_set(OWN, "max_channels", 8), 0);
	child_run("member", take_four, NULL);
	assert_result(slot_get(OWN, "channels"), 4);
	child_run("member2", take_two, NULL);
	assert_result(slot_get(OWN, "channels"), 6);
	/* Root knows the slot's limits only. */
	own_open_on(O_WRONLY, 30);
	own_open_on(O_WRONLY, 31);
	assert_fails(slot_select(own_open(O_WRONLY), 32), ENOSPC);
}

/* With five files, whichever user opened them. */
struct passed {
	int files[5];
	bool within_share;
};

static void *use_passed(void *argument)
{
	struct passed *passed = argument;
	int i;

	for (i = 0; i < 4; i++)
		demand(slot_select(passed->files[i], 50 + i) == 0);
	if (passed->within_share)
		demand(slot_select(passed->files[4], 54) == -1 && errno == EDQUOT);
	else
		demand(slot_select(passed->files[4], 54) == 0);
	return NULL;
}

/* Opened by root, used by a member: root's. */
static void opener_counts_when_inherited(void **state)
{
	struct passed passed = { .within_share = false };
	int i;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 8), 0);
	for (i = 0; i < 5; i++)
		passed.files[i] = own_open(O_RDWR);
	child_run("member", use_passed, &passed);
}

/* Opened by a member, used by another: the member's. */
static void opener_counts_when_passed(void **state)
{
	struct passed passed = { .within_share = true };
	int i;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 8), 0);
	for (i = 0; i < 5; i++)
		passed.files[i] = own_open_as("member", O_RDWR);
	child_run("member2", use_passed, &passed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(all_encodings_mean_the_same),
		own_slot_test(works_in_every_direction),
		own_slot_test(far_ids_are_apart),
		own_slot_test(id_0_is_refused),
		own_slot_test(id_is_cut_to_32_bits),
		own_slot_test(unknown_commands_are_einval),
		own_slot_test(destroyed_slot_comes_first),
		own_slot_test(dup_and_fork_share_the_selection),
		own_slot_test(selecting_again_keeps_what_was_seen),
		own_slot_test(slot_has_so_many_channels),
		own_slot_test(users_get_their_share),
		own_slot_test(opener_counts_when_inherited),
		own_slot_test(opener_counts_when_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
