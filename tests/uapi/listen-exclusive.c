// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * EPOLLEXCLUSIVE on a file that listens: a burst of messages, faster than whom it wakes, leaves
 * none of those asleep that have a message to take.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "batch.h"
#include "listen.h"
#include "look.h"

enum { WAITERS = 4 };

static struct waiter {
	int epoll;
	volatile pid_t tid;
	pthread_t thread;
} waiters[WAITERS];

/* Sleeps until its epoll tells of a message; the time is there to make a hang a message. */
static void *wait_for_message(void *argument)
{
	struct waiter *waiter = argument;
	struct epoll_event event;

	waiter->tid = gettid();
	demand(epoll_wait(waiter->epoll, &event, 1, paced(20000, 120000)) == 1);
	demand(event.events & EPOLLIN);
	return NULL;
}

static void waiters_start(int fd)
{
	struct waiter *waiter;
	int i;

	for (i = 0; i < WAITERS; i++) {
		waiter = &waiters[i];
		waiter->epoll = epoll_on(fd, EPOLLIN | EPOLLEXCLUSIVE);
		waiter->tid = 0;
		waiter->thread = thread_start(wait_for_message, waiter);
		await(waiter->tid && task_state(waiter->tid) == 'S');
	}
}

static void waiters_come_back(void)
{
	int i;

	for (i = 0; i < WAITERS; i++) {
		thread_join(waiters[i].thread);
		close(waiters[i].epoll);
	}
}

static void each_send_of_a_burst(void **state)
{
	static const char *const modes[] = { "last", "queue", "broadcast" };
	int fd, writer, mode, i;

	(void)state;
	for (mode = 0; mode < 3; mode++) {
		own_become(modes[mode]);
		writer = own_open(O_WRONLY);
		fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 9);
		waiters_start(fd);
		for (i = 1; i <= WAITERS; i++)
			send_text(writer, (unsigned int)i, "x");
		waiters_come_back();
		close(fd);
		close(writer);
	}
}

static void a_batch(void **state)
{
	int fd, writer;

	(void)state;
	own_become("queue");
	writer = own_open(O_WRONLY);
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 9);
	waiters_start(fd);
	assert_result(batch_send(writer, batch_of({ 5, "a" }, { 5, "b" }, { 6, "c" }, { 5, "d" })),
		      4);
	waiters_come_back();
	close(fd);
	close(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(each_send_of_a_burst),
		own_slot_test(a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
