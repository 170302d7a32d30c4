// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that share one open file and select, write, read and poll at once.  Any message of any
 * channel may be what a reader gets, as another thread may have just selected it; but it must be
 * one message, whole, and one that was meant for the channel it is on.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "check.h"

enum { CHANNELS = 6, THREADS = 6 };

/* A message says where it belongs, and every byte of it follows from its head. */
struct head {
	uint32_t id; /* 0: written by a thread that could not know */
	uint32_t length;
	uint64_t seed;
};

static volatile bool enough;
static int shared;

static void message_fill(char *message, uint32_t id, uint32_t length, uint64_t seed)
{
	struct head head = { id, length, seed };

	bytes_fill(message + sizeof(head), length - sizeof(head), seed);
	memcpy(message, &head, sizeof(head));
}

static bool message_whole(const char *message, ssize_t length)
{
	char want[COURSE_MAX];
	struct head head;

	if (length < (ssize_t)sizeof(head) || length > COURSE_MAX)
		return false;
	memcpy(&head, message, sizeof(head));
	if (head.length != length)
		return false;
	message_fill(want, head.id, head.length, head.seed);
	return !memcmp(want, message, length);
}

static void *do_everything(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	long rounds = scaled(40000, 1500);
	char message[COURSE_MAX];
	ssize_t length;

	while (rounds--) {
		struct pollfd one = { .fd = shared, .events = POLLIN };

		switch (random_below(&seed, 4)) {
		case 0:
			demand(slot_select(shared, 1 + random_below(&seed, CHANNELS)) == 0);
			break;
		case 1:
			length = sizeof(struct head) + random_below(&seed, 112);
			message_fill(message, 0, length, random_next(&seed));
			demand(write(shared, message, length) == length);
			break;
		case 2:
			length = read(shared, message, sizeof(message));
			demand(length > 0 || errno == EAGAIN);
			demand(length < 0 || message_whole(message, length));
			break;
		default:
			demand(poll(&one, 1, 0) >= 0);
			demand(!(one.revents & (POLLHUP | POLLERR | POLLNVAL)));
		}
	}
	return NULL;
}

static void one_file_many_threads(void **state)
{
	pthread_t threads[THREADS];
	uint64_t seed = seed_get();
	int i;

	(void)state;
	shared = own_open_on(O_RDWR, 1);
	for (i = 0; i < THREADS; i++)
		threads[i] = thread_start(do_everything, (void *)(uintptr_t)(seed | 1) + 2 * i);
	for (i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	/*
	 * However it went, one file holds one channel, and no more messages are there than
	 * channels.
	 */
	assert_in_range(slot_get(OWN, "channels"), 1, CHANNELS);
	assert_in_range(slot_get(OWN, "messages"), 1, CHANNELS);
}

/* Files of their own, channels shared: what is read from a channel was written for it. */
static void *own_file(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	long rounds = scaled(40000, 1500);
	char message[COURSE_MAX];
	struct head head;
	uint32_t id = 0;
	ssize_t length;
	int fd = slot_open(OWN, O_RDWR);

	demand(fd >= 0);
	while (rounds--) {
		if (!id || !random_below(&seed, 4)) {
			id = 1 + random_below(&seed, CHANNELS);
			demand(slot_select(fd, id) == 0);
		}
		if (random_below(&seed, 2)) {
			length = sizeof(head) + random_below(&seed, 112);
			message_fill(message, id, length, random_next(&seed));
			demand(write(fd, message, length) == length);
		}
		length = read(fd, message, sizeof(message));
		demand(length > 0 || errno == EAGAIN);
		if (length < 0)
			continue;
		demand(message_whole(message, length));
		memcpy(&head, message, sizeof(head));
		demand(head.id == id);
	}
	close(fd);
	return NULL;
}

static void many_files_shared_channels(void **state)
{
	pthread_t threads[THREADS];
	uint64_t seed = seed_get();
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++)
		threads[i] = thread_start(own_file, (void *)(uintptr_t)(seed | 1) + 2 * i);
	for (i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	/* All files are closed: what is left are the channels with a message. */
	assert_int_equal(slot_get(OWN, "channels"), slot_get(OWN, "messages"));
}

/*
 * One file, one thread that swings it between two channels, one that reads through it: a write by
 * it may go to either, but what a reader gets is from one of the two, never from where nobody was.
 */
static void *swing(void *unused)
{
	uint32_t turn = 0;

	(void)unused;
	while (!enough)
		demand(slot_select(shared, 1 + (turn++ & 1)) == 0);
	return NULL;
}

static void a_swinging_file_stays_on_its_channels(void **state)
{
	int one = own_open_on(O_WRONLY, 1), two = own_open_on(O_WRONLY, 2);
	int stranger = own_open_on(O_WRONLY, 3);
	long rounds = scaled(30000, 1000), i, seen[4] = { 0 };
	char message[COURSE_MAX], got[COURSE_MAX];
	struct head head;
	pthread_t thread;
	ssize_t length;

	(void)state;
	message_fill(message, 1, 100, 0);
	assert_result(write(one, message, 100), 100);
	message_fill(message, 2, 120, 0);
	assert_result(write(two, message, 120), 120);
	message_fill(message, 3, 128, 0);
	assert_result(write(stranger, message, 128), 128);
	shared = own_open_on(O_RDWR, 1);
	enough = false;
	thread = thread_start(swing, NULL);
	/* A busy machine may be late to give the other thread its turn. */
	for (i = 0; i < rounds || (i < 1000 * rounds && !(seen[1] && seen[2])); i++) {
		message_fill(message, 1 + i % 2, 100 + i % 2 * 20, i);
		assert_result(write(i % 2 ? two : one, message, 100 + i % 2 * 20),
			      100 + i % 2 * 20);
		length = read(shared, got, sizeof(got));
		assert_true(message_whole(got, length));
		memcpy(&head, got, sizeof(head));
		assert_in_range(head.id, 1, 2);
		seen[head.id]++;
	}
	enough = true;
	thread_join(thread);
	assert_true(seen[1] && seen[2]);
	message_fill(message, 3, 128, 0);
	assert_holds(3, message, 128);
}

/* Two writers race on one channel, a reader never sees the counter of either go back. */
static void *count_up(void *argument)
{
	uint64_t pair[2] = { (uintptr_t)argument, 0 };
	int fd = slot_open_on(OWN, O_WRONLY, 9);

	demand(fd >= 0);
	while (!enough) {
		pair[1]++;
		demand(write(fd, pair, sizeof(pair)) == sizeof(pair));
	}
	close(fd);
	return NULL;
}

static void newest_never_goes_back(void **state)
{
	int fd = own_open_on(O_RDONLY, 9);
	long rounds = scaled(60000, 2000);
	uint64_t pair[2], highest[2] = { 0 };
	pthread_t threads[2];
	bool any = false;

	(void)state;
	enough = false;
	threads[0] = thread_start(count_up, (void *)0);
	threads[1] = thread_start(count_up, (void *)1);
	while (rounds) {
		if (read(fd, pair, sizeof(pair)) < 0) {
			/*
			 * Once there is a message there always is one, also while it is replaced.
			 */
			assert_false(any);
			assert_int_equal(errno, EAGAIN);
			continue;
		}
		any = true;
		rounds--;
		assert_in_range(pair[0], 0, 1);
		assert_true(pair[1] >= highest[pair[0]]);
		highest[pair[0]] = pair[1];
	}
	enough = true;
	thread_join(threads[0]);
	thread_join(threads[1]);
	assert_true(highest[0] + highest[1] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(one_file_many_threads),
		own_slot_test(many_files_shared_channels),
		own_slot_test(a_swinging_file_stays_on_its_channels),
		own_slot_test(newest_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
