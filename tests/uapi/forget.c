// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A channel that no file holds and that has no message is forgotten: selecting ids, or listening to
 * ranges, however many, is not a way to eat the kernel.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "listen.h"
#include "rounds.h"

/* Unreclaimable slab in bytes; the rest of the system is quiet, but never silent. */
enum { NOISE = 3 * 1024 * 1024, NOISE_BETWEEN = 128 * 1024 * 1024 };

static long long slab(void)
{
	return meminfo_get("SUnreclaim:");
}

/* Freed after a grace period, then shrunk at leisure: wait until it is where it was. */
static long long slab_growth_since(long long before)
{
	long long growth = slab() - before;
	int waits;

	for (waits = 0; growth > NOISE && waits < 100; waits++) {
		usleep(100000);
		growth = slab() - before;
	}
	return growth;
}

/*
 * The kernel keeps half-empty slabs of open files and of others' things: growth that comes once is
 * its own affair, growth that comes each time is ours.
 */
static void assert_slab_steady(void (*use)(int fd, long count), int fd, long count)
{
	long long before, growth = 0;
	int round;

	/* There kmemleak finds what is less than the noise. */
	if (machine_is_hurried())
		count /= 3;
	for (round = 0; round < 4; round++) {
		before = slab();
		use(fd, count);
		growth = slab_growth_since(before);
		if (growth <= NOISE)
			return;
	}
	fail_msg("slab grew by %lld KiB, and not only once", growth / 1024);
}

/*
 * Nor does it pile up on the way: looks after each twentieth of @count.  The channels are the
 * caller's own, and those that others hold.
 */
static void assert_no_pile_since(long long before, long i, long count, long own_channels)
{
	long long growth;

	if (i % (count / 20))
		return;
	growth = slab() - before;
	if (growth > NOISE_BETWEEN)
		fail_msg("slab grew by %lld KiB meanwhile", growth / 1024);
	assert_in_range(slot_get(OWN, "channels"), own_channels, 3);
}

static void select_many(int fd, long count)
{
	long long before = slab();
	long i;

	for (i = 1; i <= count; i++) {
		/* An odd factor visits every id once, from all over the 32 bits. */
		assert_result(slot_select(fd, (unsigned int)i * 2654435761u), 0);
		assert_no_pile_since(before, i, count, 1);
	}
}

static void select_ids_one_after_the_other(void **state)
{
	int fd = own_open(O_RDWR);

	(void)state;
	assert_slab_steady(select_many, fd, reduced(500000, 30000, 30000));
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
	close(fd);
	own.count--;
	assert_result(slot_get(OWN, "channels"), 0);
}

/* A thread sleeps in poll(): on a file of its own, or on the very file that selects. */
static void *sleep_until_gone(void *fd)
{
	struct pollfd one = { .fd = *(int *)fd, .events = POLLIN };

	demand(poll(&one, 1, -1) == 1);
	demand(one.revents & POLLHUP);
	return NULL;
}

static void select_while_another_file_is_polled(void **state)
{
	int fd = own_open(O_RDWR), polled = own_open_on(O_RDONLY, 7);
	pthread_t thread = thread_start(sleep_until_gone, &polled);

	(void)state;
	assert_slab_steady(select_many, fd, reduced(2000000, 50000, 30000));
	assert_result(slot_get(OWN, "channels"), 2);
	assert_result(slot_destroy(OWN), 0);
	thread_join(thread);
}

static void select_while_this_file_is_polled(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = own_open(O_RDWR), epoll = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread = thread_start(sleep_until_gone, &fd);

	(void)state;
	assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	assert_slab_steady(select_many, fd, reduced(500000, 30000, 10000));
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(slot_destroy(OWN), 0);
	thread_join(thread);
	close(epoll);
}

/* Opened, selected, closed: the file goes and takes its channel along. */
static void open_many(int unused, long count)
{
	long i;

	(void)unused;
	for (i = 1; i <= count; i++) {
		int fd = slot_open_on(OWN, O_RDWR, i);

		assert_true(fd >= 0);
		close(fd);
	}
}

static void select_once_and_close(void **state)
{
	(void)state;
	assert_slab_steady(open_many, -1, reduced(200000, 16000, 1500));
	assert_result(slot_get(OWN, "channels"), 0);
}

/* Each range replaces the one before; what it needs goes with it, and so with its file. */
static void listen_many(int fd, long count)
{
	long long before = slab();
	long i;

	for (i = 1; i <= count; i++) {
		assert_result(listen_to(fd, 1 + i % 1000, 1 + i % 1000 + i % 100, 0), 0);
		assert_no_pile_since(before, i, count, 0);
	}
}

static void listen_again_and_again(void **state)
{
	int fd = own_open(O_RDWR);

	(void)state;
	assert_slab_steady(listen_many, fd, reduced(400000, 30000, 10000));
	assert_result(slot_get(OWN, "channels"), 0);
}

static void open_and_listen_many(int unused, long count)
{
	long long before = slab();
	long i;
	int fd;

	(void)unused;
	for (i = 1; i <= count; i++) {
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		assert_result(listen_to(fd, 1, UINT32_MAX, 0), 0);
		close(fd);
		assert_no_pile_since(before, i, count, 0);
	}
}

/* Another file listens, so the feed is there all the time: none waits for a grace period. */
static void listen_once_and_close(void **state)
{
	(void)state;
	own_open_listening(O_RDWR, 5, 5);
	assert_slab_steady(open_and_listen_many, -1, reduced(200000, 16000, 1500));
	assert_result(slot_get(OWN, "channels"), 0);
}

/*
 * A message is what keeps a channel: it stays as nobody holds it, and its number of reads matters
 * not.
 */
static void what_has_a_message_stays(void **state)
{
	int fd = own_open(O_RDWR);
	unsigned int id, got;

	(void)state;
	for (id = 1; id <= 100; id++) {
		assert_result(slot_select(fd, id), 0);
		if (id % 2)
			assert_result(write(fd, &id, sizeof(id)), sizeof(id));
	}
	assert_result(slot_select(fd, 1), 0);
	assert_result(slot_get(OWN, "channels"), 50);
	close(fd);
	own.count--;
	assert_result(slot_get(OWN, "channels"), 50);
	fd = own_open(O_RDWR);
	for (id = 1; id <= 100; id++) {
		assert_result(slot_select(fd, id), 0);
		if (id % 2) {
			assert_result(read(fd, &got, sizeof(got)), sizeof(got));
			assert_int_equal(got, id);
		} else {
			assert_fails(read(fd, &got, sizeof(got)), EAGAIN);
		}
	}
}

static void *read_once(int fd)
{
	char got[16];

	demand(read(fd, got, sizeof(got)) == 7 || errno == EAGAIN);
	return NULL;
}

/*
 * The last message of a channel is taken just as its last file selects another one: whichever of
 * the two empties it, it is forgotten.
 */
static void emptied_as_it_is_left(void **state)
{
	struct rounds e = { .count = reduced(12000, 4000, 300), .step = read_once };
	uint64_t seed = seed_get();
	pthread_t thread;
	long i, left = 0;

	(void)state;
	assert_result(slot_put(OWN, "mode", "queue"), 0);
	e.fd = own_open(O_RDWR | O_NONBLOCK);
	thread = thread_start(rounds_run, &e);
	for (i = 1; i <= e.count; i++) {
		assert_result(slot_select(e.fd, 1), 0);
		assert_result(write(e.fd, "message", 7), 7);
		rounds_begin(&e, i, &seed, 300);
		assert_result(slot_select(e.fd, 2), 0);
		rounds_end(&e, i);
		/* Channel 2; and 1 if the message is still there. */
		if (slot_get(OWN, "messages"))
			left += clear_channel(e.fd, 1);
		else
			assert_result(slot_get(OWN, "channels"), 1);
	}
	thread_join(thread);
	assert_result(slot_get(OWN, "channels"), 1);
	printf("# %ld of %ld messages were left\n", left, e.count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(select_ids_one_after_the_other),
		own_slot_test(select_while_another_file_is_polled),
		own_slot_test(select_while_this_file_is_polled),
		own_slot_test(select_once_and_close),
		own_slot_test(listen_again_and_again),
		own_slot_test(listen_once_and_close),
		own_slot_test(what_has_a_message_stays),
		own_slot_test(emptied_as_it_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
