// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue polled: POLLIN where a read would not wait, POLLOUT where a write would not.  Pollers are
 * all woken, beside the one reader or writer that sleeps.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/select.h>

#include "look.h"
#include "queue.h"

enum { LONG_WAIT = 120000 }; /* ms: never reached */

static void both_ways(void **state)
{
	int one, two;

	(void)state;
	assert_result(slot_set(OWN, "depth", 2), 0);
	one = own_open(O_RDWR | O_NONBLOCK);
	two = own_open(O_RDWR | O_NONBLOCK);
	assert_int_equal(ready(one), POLLOUT);
	put_number(one, 1);
	assert_int_equal(ready(one), POLLIN | POLLOUT);
	put_number(one, 2);
	assert_int_equal(ready(one), POLLIN);
	/* It is the channel that is polled, not the file. */
	assert_int_equal(ready(two), POLLIN);
	assert_next_number(two, 1);
	assert_int_equal(ready(one), POLLIN | POLLOUT);
	assert_next_number(two, 2);
	assert_int_equal(ready(one), POLLOUT);
	assert_int_equal(ready(two), POLLOUT);
}

static void failed_calls_change_nothing(void **state)
{
	uint64_t number = 1;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	assert_fails(write(fd, nowhere, 8), EFAULT);
	assert_fails(write(fd, &number, 0), EMSGSIZE);
	assert_int_equal(ready(fd), POLLOUT);
	put_number(fd, 1);
	assert_fails(read(fd, &number, 7), ENOSPC);
	assert_fails(read(fd, nowhere, 8), EFAULT);
	assert_fails(write(fd, &number, 8), EAGAIN);
	assert_int_equal(ready(fd), POLLIN);
	assert_next_number(fd, 1);
	assert_nothing(fd);
	assert_int_equal(ready(fd), POLLOUT);
}

static void selecting_changes_what_is_polled(void **state)
{
	int fd, other;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	other = own_open_on(O_RDWR | O_NONBLOCK, 2);
	put_number(other, 2);
	assert_int_equal(ready(fd), POLLOUT);
	assert_result(slot_select(fd, 2), 0);
	assert_int_equal(ready(fd), POLLIN);
	assert_result(slot_select(fd, 3), 0);
	assert_int_equal(ready(fd), POLLOUT);
}

/* A caller that polls until something is there. */
struct poller {
	int fd, way;
	short events;
	volatile pid_t tid;
	volatile bool up;
	int revents;
	pthread_t thread;
};

static void *poller_run(void *argument)
{
	struct poller *p = argument;
	struct pollfd one = { .fd = p->fd, .events = p->events };
	struct epoll_event event = { .events = p->events };
	struct timeval limit = { .tv_sec = LONG_WAIT / 1000 };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	fd_set set;

	demand(epoll >= 0);
	FD_ZERO(&set);
	FD_SET(p->fd, &set);
	p->tid = syscall(SYS_gettid);
	switch (p->way) {
	case 0:
		demand(poll(&one, 1, LONG_WAIT) == 1);
		p->revents = one.revents;
		break;
	case 1:
		if (p->events == POLLIN)
			demand(select(p->fd + 1, &set, NULL, NULL, &limit) == 1);
		else
			demand(select(p->fd + 1, NULL, &set, NULL, &limit) == 1);
		p->revents = p->events;
		break;
	default:
		demand(epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event) == 0);
		demand(epoll_wait(epoll, &event, 1, LONG_WAIT) == 1);
		p->revents = event.events;
	}
	p->up = true;
	close(epoll);
	return NULL;
}

static void poller_start(struct poller *p, int fd, int way, short events)
{
	*p = (struct poller){ .fd = fd, .way = way, .events = events };
	p->thread = thread_start(poller_run, p);
	await(p->up || (p->tid && task_state(p->tid) == 'S'));
	grace();
	assert_false(p->up);
}

static void all_pollers_and_one_sleeper(void **state)
{
	struct caller callers[2];
	struct poller pollers[9];
	uint64_t numbers[2];
	int fd, way, i, turn;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	/* First readers, where a message comes; then writers, where it goes. */
	for (turn = 0; turn < 2; turn++) {
		short events = turn ? POLLOUT : POLLIN;

		numbers[0] = numbers[1] = 7;
		for (i = 0; i < 9; i++) {
			way = i % 3;
			if (i == 3 || i == 6) {
				struct caller *c = &callers[i / 6];

				*c = (struct caller){
					.call = turn ? WRITE : READ,
					.fd = own_open(O_RDWR),
					.bytes = &numbers[i / 6],
					.size = sizeof(numbers[0]),
				};
				caller_start(c);
			}
			poller_start(&pollers[i], own_open(O_RDWR), way, events);
		}
		if (turn)
			assert_next_number(fd, 1);
		else
			put_number(fd, 1);
		/* A caller that comes up late may find nothing any more: then it waits on. */
		await(callers[0].up || callers[1].up);
		grace();
		assert_int_equal(callers[0].up + callers[1].up, 1);
		if (turn) {
			assert_next_number(fd, 7);
			await(callers[0].up && callers[1].up);
			assert_next_number(fd, 7);
		} else {
			put_number(fd, 1);
			await(callers[0].up && callers[1].up);
			put_number(fd, 1);
		}
		for (i = 0; i < 9; i++) {
			thread_join(pollers[i].thread);
			assert_true(pollers[i].revents & events);
		}
		thread_join(callers[0].thread);
		thread_join(callers[1].thread);
		assert_int_equal(callers[0].result, 8);
		assert_int_equal(callers[1].result, 8);
	}
}

static void pollers_are_all_woken(void **state)
{
	struct poller pollers[12];
	int fd, i, turn;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (turn = 0; turn < 2; turn++) {
		int shared = own_open(O_RDWR);

		for (i = 0; i < 12; i++)
			poller_start(&pollers[i], i % 2 ? shared : own_open(O_RDWR), i % 3,
				     turn ? POLLOUT : POLLIN);
		if (turn)
			assert_next_number(fd, 1);
		else
			put_number(fd, 1);
		for (i = 0; i < 12; i++) {
			thread_join(pollers[i].thread);
			assert_int_equal(pollers[i].revents, turn ? POLLOUT : POLLIN);
		}
	}
}

/* A poller of one channel is woken when its file selects another channel that is ready. */
static void selecting_wakes_pollers(void **state)
{
	struct poller poller;
	int in, out, way;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	out = own_open_on(O_RDWR | O_NONBLOCK, 1);
	in = own_open_on(O_RDWR | O_NONBLOCK, 2);
	put_number(out, 1);
	for (way = 0; way < 3; way++) {
		/* From full to empty, from empty to full. */
		poller_start(&poller, own_open_on(O_RDWR, 1), way, POLLOUT);
		assert_result(slot_select(poller.fd, 2), 0);
		thread_join(poller.thread);
		assert_int_equal(poller.revents, POLLOUT);
		poller_start(&poller, own_open_on(O_RDWR, 2), way, POLLIN);
		assert_result(slot_select(poller.fd, 1), 0);
		thread_join(poller.thread);
		assert_int_equal(poller.revents, POLLIN);
		/* And what happens where it was before is nothing to it. */
		poller_start(&poller, own_open_on(O_RDWR, 2), way, POLLIN);
		assert_result(slot_select(poller.fd, 3), 0);
		put_number(in, 2);
		grace();
		assert_false(poller.up);
		assert_result(queue_send(in, 3, "now", 3), 0);
		thread_join(poller.thread);
		assert_next_number(in, 2);
		assert_result(slot_select(in, 3), 0);
		assert_result(read(in, (char[8]){ 0 }, 8), 3);
		assert_result(slot_select(in, 2), 0);
	}
}

static void edges(void **state)
{
	int fd, other, in, out, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 2), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	other = own_open(O_RDWR | O_NONBLOCK);
	in = epoll_on(fd, EPOLLIN | EPOLLET);
	out = epoll_on(fd, EPOLLOUT | EPOLLET);
	assert_int_equal(epolled(in), 0);
	assert_int_equal(epolled(out), EPOLLOUT);
	assert_int_equal(epolled(out), 0);
	for (i = 0; i < 5; i++) {
		put_number(other, 1);
		/* Told once, though nobody read. */
		assert_int_equal(epolled(in), EPOLLIN);
		assert_int_equal(epolled(in), 0);
		put_number(other, 2);
		epolled(in);
		epolled(out);
		assert_int_equal(epolled(out), 0);
		/* Full, and one goes: there is an edge for writers, whichever reader took it. */
		assert_next_number(i % 2 ? fd : other, 1);
		assert_int_equal(epolled(out), EPOLLOUT);
		assert_int_equal(epolled(out), 0);
		assert_next_number(i % 2 ? other : fd, 2);
		epolled(out);
		epolled(in);
		assert_int_equal(epolled(in), 0);
	}
}

static void levels(void **state)
{
	int fd, both, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	both = epoll_on(fd, EPOLLIN | EPOLLOUT);
	for (i = 0; i < 5; i++) {
		assert_int_equal(epolled(both), EPOLLOUT);
		assert_int_equal(epolled(both), EPOLLOUT);
		put_number(fd, i);
		assert_int_equal(epolled(both), EPOLLIN);
		assert_int_equal(epolled(both), EPOLLIN);
		assert_next_number(fd, i);
	}
}

/* Polling and then reading without waiting gets every message, also with several readers. */
static long left;

static void *poll_and_take(void *unused)
{
	struct pollfd one = { .fd = slot_open(OWN, O_RDONLY | O_NONBLOCK), .events = POLLIN };
	uint64_t got;
	long mine = 0;

	(void)unused;
	demand(one.fd >= 0);
	while (__atomic_load_n(&left, __ATOMIC_RELAXED) > 0) {
		/* A short wait, as the last message may have gone to another reader. */
		demand(poll(&one, 1, 100) >= 0);
		if (read(one.fd, &got, sizeof(got)) < 0) {
			demand(errno == EAGAIN);
			continue;
		}
		__atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED);
		mine++;
	}
	close(one.fd);
	return NULL;
}

static void polling_in_company(void **state)
{
	struct pollfd one = { .events = POLLOUT };
	long count = scaled(6000, 300), i;
	pthread_t threads[4];

	(void)state;
	assert_result(slot_set(OWN, "depth", 3), 0);
	one.fd = own_open(O_WRONLY | O_NONBLOCK);
	left = count;
	for (i = 0; i < 4; i++)
		threads[i] = thread_start(poll_and_take, NULL);
	for (i = 0; i < count; i++) {
		/* The only writer: where there is space, it stays free. */
		assert_result(poll(&one, 1, LONG_WAIT), 1);
		put_number(one.fd, i);
	}
	for (i = 0; i < 4; i++)
		thread_join(threads[i]);
	assert_int_equal(left, 0);
	assert_result(slot_get(OWN, "received"), count);
	assert_result(slot_get(OWN, "messages"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(both_ways),
		queue_slot_test(failed_calls_change_nothing),
		queue_slot_test(selecting_changes_what_is_polled),
		queue_slot_test(all_pollers_and_one_sleeper),
		queue_slot_test(pollers_are_all_woken),
		queue_slot_test(selecting_wakes_pollers),
		queue_slot_test(edges),
		queue_slot_test(levels),
		queue_slot_test(polling_in_company),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
