// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a queue holds: rings that begin small, grow while they are read, and go when emptied; every
 * depth; messages of every length side by side.
 */
#define _GNU_SOURCE
#include "queue.h"

enum { MIB = 1024 * 1024, KEPT_MAX = 4096 }; /* an emptied ring above that goes */

static void any_depth_goes_round(void **state)
{
	const int depths[] = { 1, 2, 3, 5, 12, 100, 1000, 1023, 1025 };
	uint64_t in, out;
	size_t i;
	int fd, kept;

	(void)state;
	for (i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		assert_result(slot_set(OWN, "depth", depths[i]), 0);
		fd = own_open(O_RDWR | O_NONBLOCK);
		/* Waves of every height, so that the ring's end is crossed in every state. */
		for (in = out = 0, kept = 1; in < 4 * (uint64_t)depths[i]; kept += 1 + kept / 2) {
			if (kept > depths[i])
				kept = 1;
			while (in - out < (uint64_t)kept)
				put_number(fd, in++);
			assert_result(slot_get(OWN, "messages"), in - out);
			while (in - out > (uint64_t)kept / 3)
				assert_next_number(fd, out++);
		}
		while (out < in)
			assert_next_number(fd, out++);
		assert_nothing(fd);
		close(fd);
		own.count--;
	}
}

static void depth_65536(void **state)
{
	uint64_t deep = MSGSLOT_DEPTH_MAX, number;
	long long full;
	int fd;

	(void)state;
	assert_fails(slot_set(OWN, "depth", deep + 1), EINVAL);
	assert_fails(slot_set(OWN, "depth", 0), EINVAL);
	assert_result(slot_set(OWN, "depth", deep), 0);
	assert_result(slot_set(OWN, "max_message", 64), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (number = 0; number < deep; number++)
		put_number(fd, number);
	assert_fails(write(fd, &number, sizeof(number)), EAGAIN);
	assert_result(slot_get(OWN, "messages"), deep);
	full = slot_get(OWN, "bytes");
	assert_in_range(full, deep * sizeof(number), 64 * MIB);
	/* Once grown it is not charged again; it may even find that it needs less. */
	for (number = 0; number < 1000; number++) {
		assert_next_number(fd, number);
		put_number(fd, deep + number);
	}
	assert_in_range(slot_get(OWN, "bytes"), deep * sizeof(number), full);
	for (; number < deep + 1000; number++)
		assert_next_number(fd, number);
	assert_nothing(fd);
	assert_in_range(slot_get(OWN, "bytes"), 0, KEPT_MAX);
}

/* A ring may double at any moment of its turn: the oldest message is anywhere in it then. */
static void growing_keeps_order(void **state)
{
	uint64_t in, out;
	int fd, kept, taken;

	(void)state;
	for (kept = 1; kept <= 33; kept += 1 + kept / 4)
		for (taken = 0; taken <= kept; taken += 1 + taken / 3) {
			fd = own_open_on(O_RDWR | O_NONBLOCK, 100 * kept + taken);
			for (in = out = 0; in < (uint64_t)kept; in++)
				put_number(fd, in);
			for (; out < (uint64_t)taken; out++)
				assert_next_number(fd, out);
			for (; in < 5 * (uint64_t)kept; in++)
				put_number(fd, in);
			for (; out < in; out++)
				assert_next_number(fd, out);
			assert_nothing(fd);
			close(fd);
			own.count--;
		}
	assert_result(slot_get(OWN, "bytes"), 0);
}

static void an_emptied_ring_goes(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), round;
	uint64_t number;
	long long small;

	(void)state;
	assert_result(slot_get(OWN, "bytes"), 0);
	put_number(fd, 0);
	small = slot_get(OWN, "bytes");
	assert_in_range(small, sizeof(number), KEPT_MAX);
	/* A small one stays with the channel's holder: nothing is charged for the next message. */
	for (round = 0; round < 3; round++) {
		assert_next_number(fd, round);
		assert_result(slot_get(OWN, "bytes"), small);
		put_number(fd, round + 1);
		assert_result(slot_get(OWN, "bytes"), small);
	}
	assert_next_number(fd, round);
	/* A larger one goes with its last message, not before. */
	for (round = 0; round < 3; round++) {
		for (number = 0; number < 600; number++)
			put_number(fd, number);
		assert_true(slot_get(OWN, "bytes") > KEPT_MAX);
		for (number = 0; number < 600; number++) {
			assert_true(slot_get(OWN, "bytes") > KEPT_MAX);
			assert_next_number(fd, number);
		}
		assert_in_range(slot_get(OWN, "bytes"), 0, KEPT_MAX);
	}
	close(fd);
	own.count--;
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
}

/* Cleared is as good as read; so is forgotten. */
static void other_ways_to_empty_it(void **state)
{
	struct msgslot_clear clear = { .channel = 3 };
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 3);
	struct msgslot_recv recv;
	uint64_t number, first = 0;

	(void)state;
	for (number = 0; number < 300; number++)
		put_number(fd, number);
	assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, 300);
	assert_in_range(slot_get(OWN, "bytes"), 0, KEPT_MAX);

	for (number = 0; number < 300; number++)
		put_number(fd, number);
	for (number = 0; number < 300; number++) {
		recv = queue_recv(3, MSGSLOT_RECV_PEEK, 0, &first, sizeof(first));
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(first, number);
		recv.flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP;
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	}
	assert_in_range(slot_get(OWN, "bytes"), 0, KEPT_MAX);
	assert_result(slot_get(OWN, "received"), 300);
	assert_result(slot_get(OWN, "dropped"), 300);
}

static void long_and_short_side_by_side(void **state)
{
	const size_t sizes[] = { 8,    65536, 300,  256, 257, MIB,   9,	      100000, 128,
				 4096, 4097,  8192, 255, 512, 70000, MIB - 1, 16,     MIB };
	const int count = sizeof(sizes) / sizeof(sizes[0]);
	char *bytes = malloc(MIB + 1);
	long long full;
	int fd, in, out;

	(void)state;
	assert_non_null(bytes);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	/* Three turns, with all of them waiting at once. */
	for (in = out = 0; out < 3 * count; out++) {
		for (; in < 3 * count && in < out + count; in++) {
			message_fill(bytes, sizes[in % count], in);
			assert_result(write(fd, bytes, sizes[in % count]), sizes[in % count]);
		}
		assert_fails(read(fd, bytes, sizes[out % count] - 1), ENOSPC);
		assert_fails(read(fd, nowhere, MIB), EFAULT);
		bytes[sizes[out % count]] = '!';
		assert_result(read(fd, bytes, MIB + 1), sizes[out % count]);
		assert_int_equal(message_number(bytes, sizes[out % count]), out);
		assert_int_equal(bytes[sizes[out % count]], '!');
	}
	assert_nothing(fd);

	/* Long messages are told by `bytes`, and go when taken, all but a spare buffer. */
	for (in = 0; in < 20; in++) {
		message_fill(bytes, MIB, in);
		assert_result(write(fd, bytes, MIB), MIB);
	}
	full = slot_get(OWN, "bytes");
	assert_in_range(full, 20 * MIB, 22 * MIB);
	for (out = 0; out < 20; out++) {
		assert_result(read(fd, bytes, MIB), MIB);
		assert_int_equal(message_number(bytes, MIB), out);
		assert_true(slot_get(OWN, "bytes") <= (21 - out) * MIB + 65536);
	}
	assert_in_range(slot_get(OWN, "bytes"), 0, MIB + 2 * KEPT_MAX);
	close(fd);
	own.count--;
	assert_result(slot_get(OWN, "bytes"), 0);
	free(bytes);
}

/*
 * The ring grows from one cell to thousands and goes again, over and over, while one thread takes
 * and another looks at all that waits.
 */
static volatile bool enough;

static void *look_at_all(void *unused)
{
	char bytes[600];
	struct msgslot_recv recv;
	uint64_t last = 0;
	int fd = slot_open(OWN, O_RDONLY);

	(void)unused;
	demand(fd >= 0);
	while (!enough) {
		recv = queue_recv(5, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, last, bytes,
				  sizeof(bytes));
		if (ioctl(fd, MSGSLOT_RECV, &recv)) {
			demand(errno == EAGAIN);
			/* At the end of what waits: from the head again. */
			last = 0;
			continue;
		}
		demand(recv.sequence > last);
		last = recv.sequence;
		demand(message_number(bytes, recv.length) == (int64_t)last);
	}
	close(fd);
	return NULL;
}

static void *take_all(void *argument)
{
	int64_t next = 1, count = *(int64_t *)argument;
	char bytes[600];
	ssize_t got;
	int fd = slot_open_on(OWN, O_RDONLY, 5);

	demand(fd >= 0);
	for (; next <= count; next++) {
		got = read(fd, bytes, sizeof(bytes));
		demand(got > 0);
		demand(message_number(bytes, got) == next);
		/* Now fall behind, now catch up. */
		if (next % 4096 == 0)
			usleep(paced(20000, 50000));
	}
	close(fd);
	return NULL;
}

static void growing_while_it_is_read(void **state)
{
	int64_t count = scaled(60000, 4000), number;
	pthread_t looker, taker;
	uint64_t seed = 11;
	char bytes[600];
	size_t length;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	fd = own_open_on(O_WRONLY, 5);
	enough = false;
	looker = thread_start(look_at_all, NULL);
	taker = thread_start(take_all, &count);
	for (number = 1; number <= count; number++) {
		length = 8 + random_below(&seed, number % 8 ? 120 : 500);
		message_fill(bytes, length, number);
		assert_result(write(fd, bytes, length), length);
		if (number % 10000 == 0)
			usleep(20000);
	}
	thread_join(taker);
	enough = true;
	thread_join(looker);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "received"), count);
	/* What is left is at most a small ring and the spare buffer of a long message. */
	assert_in_range(slot_get(OWN, "bytes"), 0, 2 * KEPT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(any_depth_goes_round),
		queue_slot_test(depth_65536),
		queue_slot_test(growing_keeps_order),
		queue_slot_test(an_emptied_ring_goes),
		queue_slot_test(other_ways_to_empty_it),
		queue_slot_test(long_and_short_side_by_side),
		queue_slot_test(growing_while_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
