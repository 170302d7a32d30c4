// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * POLLIN: a message newer than the last one this file read.  POLLOUT: always, in `last`.
 * A sleeper is woken by the channel that is selected now, whichever one it began to wait on.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "look.h"

enum { LONG_WAIT = 60000, SHORT_WAIT = 300 }; /* ms: never reached, always reached */

static void in_means_newer_than_read(void **state)
{
	int writer = own_open_on(O_RDWR, 1), reader = own_open_on(O_RDWR, 1);
	char got[8];

	(void)state;
	assert_int_equal(ready(reader), POLLOUT);
	assert_result(write(writer, "one", 3), 3);
	assert_int_equal(ready(reader), POLLOUT | POLLIN);
	assert_int_equal(ready(reader), POLLOUT | POLLIN);
	assert_result(read(reader, got, sizeof(got)), 3);
	assert_int_equal(ready(reader), POLLOUT);
	/* It may be read again, but it is not new. */
	assert_result(read(reader, got, sizeof(got)), 3);
	assert_int_equal(ready(reader), POLLOUT);
	/* New is new, whatever it says. */
	assert_result(write(writer, "one", 3), 3);
	assert_int_equal(ready(reader), POLLOUT | POLLIN);
	/* What one file reads, another still has before it. */
	assert_result(read(reader, got, sizeof(got)), 3);
	assert_int_equal(ready(writer), POLLOUT | POLLIN);
	assert_int_equal(ready(own_open_on(O_RDWR, 1)), POLLOUT | POLLIN);
}

static void failed_reads_read_nothing(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char got[8];

	(void)state;
	assert_result(write(fd, "message", 7), 7);
	assert_fails(read(fd, got, 6), ENOSPC);
	assert_int_equal(ready(fd), POLLOUT | POLLIN);
	assert_fails(read(fd, null, 7), EINVAL);
	assert_int_equal(ready(fd), POLLOUT | POLLIN);
	assert_fails(read(fd, nowhere, 7), EFAULT);
	assert_int_equal(ready(fd), POLLOUT | POLLIN);
	assert_result(read(fd, got, 7), 7);
	assert_int_equal(ready(fd), POLLOUT);
	/* And failed writes write nothing. */
	assert_fails(write(fd, nowhere, 7), EFAULT);
	assert_fails(write(fd, got, 0), EMSGSIZE);
	assert_int_equal(ready(fd), POLLOUT);
}

static void channels_are_apart(void **state)
{
	int one = own_open_on(O_RDWR, 1), two = own_open_on(O_RDWR, 2);

	(void)state;
	assert_result(write(one, "one", 3), 3);
	assert_int_equal(ready(two), POLLOUT);
	assert_result(slot_select(two, 1), 0);
	assert_int_equal(ready(two), POLLOUT | POLLIN);
	assert_result(slot_select(two, 3), 0);
	assert_int_equal(ready(two), POLLOUT);
}

/* A thread that sleeps until there is something to read. */
struct sleeper {
	int fd;
	int revents;
	volatile bool up;
};

static void *sleep_in_poll(void *argument)
{
	struct sleeper *sleeper = argument;
	struct pollfd one = { .fd = sleeper->fd, .events = POLLIN };

	demand(poll(&one, 1, LONG_WAIT) == 1);
	sleeper->revents = one.revents;
	sleeper->up = true;
	return NULL;
}

static void *sleep_in_select(void *argument)
{
	struct sleeper *sleeper = argument;
	struct timeval limit = { .tv_sec = LONG_WAIT / 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(sleeper->fd, &set);
	demand(select(sleeper->fd + 1, &set, NULL, NULL, &limit) == 1);
	sleeper->revents = POLLIN;
	sleeper->up = true;
	return NULL;
}

static void *sleep_in_epoll(void *argument)
{
	struct sleeper *sleeper = argument;
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	demand(epoll >= 0);
	demand(epoll_ctl(epoll, EPOLL_CTL_ADD, sleeper->fd, &event) == 0);
	demand(epoll_wait(epoll, &event, 1, LONG_WAIT) == 1);
	sleeper->revents = event.events;
	sleeper->up = true;
	close(epoll);
	return NULL;
}

/* Time to fall asleep.  Should it not be enough, the test is milder, not wrong. */
static void let_them_sleep(void)
{
	usleep(paced(50000, 300000));
}

static void a_write_wakes_every_sleeper(void **state)
{
	void *(*const ways[])(void *) = { sleep_in_poll, sleep_in_select, sleep_in_epoll };
	enum { COUNT = 24 };
	int writer = own_open_on(O_WRONLY, 1), shared = own_open_on(O_RDONLY, 1), i;
	struct sleeper sleepers[COUNT] = { { 0 } };
	pthread_t threads[COUNT];

	(void)state;
	for (i = 0; i < COUNT; i++) {
		/* Some have a file of their own, some share one. */
		sleepers[i].fd = i % 2 ? shared : own_open_on(O_RDONLY, 1);
		threads[i] = thread_start(ways[i % 3], &sleepers[i]);
	}
	let_them_sleep();
	for (i = 0; i < COUNT; i++)
		assert_false(sleepers[i].up);
	assert_result(write(writer, "up", 2), 2);
	for (i = 0; i < COUNT; i++) {
		thread_join(threads[i]);
		assert_int_equal(sleepers[i].revents, POLLIN);
	}
}

static void selecting_moves_the_wake_up(void **state)
{
	void *(*const ways[])(void *) = { sleep_in_poll, sleep_in_select, sleep_in_epoll };
	int way;

	(void)state;
	for (way = 0; way < 3; way++) {
		int one = own_open_on(O_WRONLY, 10 + way), two = own_open_on(O_WRONLY, 20 + way);
		struct sleeper sleeper = { .fd = own_open_on(O_RDONLY, 10 + way) };
		pthread_t thread = thread_start(ways[way], &sleeper);

		let_them_sleep();
		assert_result(slot_select(sleeper.fd, 20 + way), 0);
		assert_result(write(one, "one", 3), 3);
		let_them_sleep();
		assert_false(sleeper.up);
		assert_result(write(two, "two", 3), 3);
		thread_join(thread);
		assert_int_equal(sleeper.revents, POLLIN);
	}
}

/* The channel that is selected has news already: the sleeper learns it then, not at the next. */
static void selecting_news_wakes(void **state)
{
	void *(*const ways[])(void *) = { sleep_in_poll, sleep_in_select, sleep_in_epoll };
	int writer = own_open_on(O_WRONLY, 1), way;

	(void)state;
	assert_result(write(writer, "news", 4), 4);
	for (way = 0; way < 3; way++) {
		struct sleeper sleeper = { .fd = own_open_on(O_RDONLY, 2) };
		pthread_t thread = thread_start(ways[way], &sleeper);

		let_them_sleep();
		assert_false(sleeper.up);
		assert_result(slot_select(sleeper.fd, 1), 0);
		thread_join(thread);
		assert_int_equal(sleeper.revents, POLLIN);
	}
}

/* A file may be polled before it has a channel. */
static void nothing_selected_yet(void **state)
{
	struct sleeper sleeper = { .fd = own_open(O_RDONLY) };
	int writer = own_open_on(O_WRONLY, 1);
	pthread_t thread;

	(void)state;
	assert_false(ready(sleeper.fd) & (POLLIN | POLLHUP));
	assert_result(write(writer, "one", 3), 3);
	assert_false(ready(sleeper.fd) & (POLLIN | POLLHUP));
	thread = thread_start(sleep_in_epoll, &sleeper);
	let_them_sleep();
	assert_result(slot_select(sleeper.fd, 1), 0);
	thread_join(thread);
	assert_int_equal(sleeper.revents, POLLIN);
}

static void epoll_by_level(void **state)
{
	int fd = own_open_on(O_RDWR, 1), epoll = epoll_on(fd, EPOLLIN);
	char got[8];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(epolled(epoll), 0);
		assert_result(write(fd, "level", 5), 5);
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_result(read(fd, got, sizeof(got)), 5);
	}
	assert_int_equal(epolled(epoll), 0);
}

static void epoll_by_edge(void **state)
{
	int fd = own_open_on(O_RDWR, 1), writer = own_open_on(O_WRONLY, 1);
	int epoll = epoll_on(fd, EPOLLIN | EPOLLET), i;
	char got[8];

	(void)state;
	assert_int_equal(epolled(epoll), 0);
	for (i = 0; i < 3; i++) {
		assert_result(write(writer, "edge", 4), 4);
		assert_int_equal(epolled(epoll), EPOLLIN);
		/* Told once, though nothing was read. */
		assert_int_equal(epolled(epoll), 0);
	}
	assert_result(read(fd, got, sizeof(got)), 4);
	assert_int_equal(epolled(epoll), 0);
	assert_result(write(writer, "edge", 4), 4);
	assert_int_equal(epolled(epoll), EPOLLIN);
}

static void epoll_outlives_channels(void **state)
{
	int fd = own_open(O_RDWR), epoll = epoll_on(fd, EPOLLIN);
	int writer = own_open(O_WRONLY);
	char got[8];
	unsigned int id;

	(void)state;
	/* Each channel but the last is forgotten while epoll goes on watching the file. */
	for (id = 1; id <= 200; id++)
		assert_result(slot_select(fd, id), 0);
	assert_result(slot_get(OWN, "channels"), 1);
	assert_int_equal(epolled(epoll), 0);
	for (id = 1; id <= 200; id++) {
		assert_result(slot_select(writer, id), 0);
		assert_result(slot_select(fd, id), 0);
		assert_int_equal(epolled(epoll), 0);
		assert_result(write(writer, "new", 3), 3);
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_result(read(fd, got, sizeof(got)), 3);
	}
	/* The watched file goes; its slot knows nothing of epoll. */
	assert_int_equal(own.files[0], fd);
	close(fd);
	own.files[0] = own.files[--own.count];
	assert_result(write(writer, "more", 4), 4);
	assert_int_equal(epolled(epoll), 0);
}

static void destroying_wakes_and_hangs_up(void **state)
{
	void *(*const ways[])(void *) = { sleep_in_poll, sleep_in_epoll };
	struct sleeper sleepers[4] = { { 0 } };
	pthread_t threads[4];
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		/* On a channel and on none. */
		sleepers[i].fd = i < 2 ? own_open_on(O_RDONLY, 1) : own_open(O_RDONLY);
		threads[i] = thread_start(ways[i % 2], &sleepers[i]);
	}
	let_them_sleep();
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 4; i++) {
		thread_join(threads[i]);
		assert_true(sleepers[i].revents & POLLHUP);
		assert_true(ready(sleepers[i].fd) & POLLHUP);
	}
}

/* A short wait ends by itself when there is nothing. */
static void time_limits_hold(void **state)
{
	struct pollfd one = { .fd = own_open_on(O_RDWR, 1), .events = POLLIN };
	double before = seconds_now();

	(void)state;
	assert_result(poll(&one, 1, SHORT_WAIT), 0);
	assert_waited(before, SHORT_WAIT / 1000.0 - 0.01);
}

/* A poller misses no write: a ping for each pong, thousands of times, over two channels. */
struct player {
	int from, to;
	long rounds;
};

static void *play(void *argument)
{
	struct player *player = argument;
	struct pollfd one = { .fd = player->from, .events = POLLIN };
	long i, got;

	for (i = 0; i < player->rounds; i++) {
		demand(poll(&one, 1, LONG_WAIT) == 1);
		demand(one.revents == POLLIN);
		demand(read(player->from, &got, sizeof(got)) == sizeof(got));
		demand(got == i);
		if (player->to >= 0)
			demand(write(player->to, &i, sizeof(i)) == sizeof(i));
	}
	return NULL;
}

static void no_wake_up_is_lost(void **state)
{
	long rounds = scaled(5000, 300), i, got;
	int ping = own_open_on(O_WRONLY, 1), pong = own_open_on(O_RDONLY, 2);
	struct player other = { own_open_on(O_RDONLY, 1), own_open_on(O_WRONLY, 2), rounds };
	struct pollfd one = { .fd = pong, .events = POLLIN };
	pthread_t thread = thread_start(play, &other);

	(void)state;
	for (i = 0; i < rounds; i++) {
		assert_result(write(ping, &i, sizeof(i)), sizeof(i));
		assert_result(poll(&one, 1, LONG_WAIT), 1);
		assert_result(read(pong, &got, sizeof(got)), sizeof(got));
		assert_int_equal(got, i);
	}
	thread_join(thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(in_means_newer_than_read),
		own_slot_test(failed_reads_read_nothing),
		own_slot_test(channels_are_apart),
		own_slot_test(a_write_wakes_every_sleeper),
		own_slot_test(selecting_moves_the_wake_up),
		own_slot_test(selecting_news_wakes),
		own_slot_test(nothing_selected_yet),
		own_slot_test(epoll_by_level),
		own_slot_test(epoll_by_edge),
		own_slot_test(epoll_outlives_channels),
		own_slot_test(destroying_wakes_and_hangs_up),
		own_slot_test(time_limits_hold),
		own_slot_test(no_wake_up_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
