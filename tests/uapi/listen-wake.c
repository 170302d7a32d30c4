// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that sleep on ranges: a message wakes one that can take it, whatever ranges the others have
 * and whatever they take meanwhile; the end of the slot ends all, however busy others are; and a
 * poll or a read that another thread or a signal disturbs says nothing that is not true.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>

#include "batch.h"
#include "listen.h"

static ssize_t receive_for_ever(int fd, void *got)
{
	struct msgslot_recv recv = recv_of(0, RANGE, got, 16);

	recv.timeout = -1;
	return ioctl(fd, MSGSLOT_RECV, &recv) ? -1 : (ssize_t)recv.channel;
}

/* ---- which call is woken --------------------------------------------------------------------- */

/* This thread runs before those that it starts from now on, all on one processor. */
static void run_first(void)
{
	const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_works(sched_setaffinity(0, sizeof(one), &one));
	assert_works(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first));
}

static void run_as_usual(void)
{
	const struct sched_param usual = { 0 };
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	assert_works(sched_setscheduler(0, SCHED_OTHER, &usual));
	assert_works(sched_setaffinity(0, sizeof(all), &all));
}

/*
 * The first message wakes the call with the wide range, and the second finds no other.  Then that
 * call takes the second: so it is to wake the narrow one for the first.
 */
static void assert_both_come_back(int writer, int wide, int narrow, unsigned int first,
				  unsigned int second)
{
	struct caller callers[2];
	char got[2][16];

	run_first();
	caller_start(&callers[0], receive_for_ever, wide, got[0]);
	caller_start(&callers[1], receive_for_ever, narrow, got[1]);
	assert_result(batch_send(writer, batch_of({ first, "one" }, { second, "two" })), 2);
	await(caller_is_back(&callers[0]) && caller_is_back(&callers[1]));
	run_as_usual();
	assert_result(caller_end(&callers[0]), second);
	assert_result(caller_end(&callers[1]), first);
}

static void a_call_answers_for_what_woke_it(void **state)
{
	int writer, wide, narrow;

	(void)state;
	own_become("queue");
	writer = own_open(O_WRONLY);
	wide = own_open(O_RDONLY);
	narrow = own_open_listening(O_RDONLY, 10, 20);
	assert_result(listen_to(wide, 1, 20, MSGSLOT_LISTEN_LOWEST), 0);
	assert_both_come_back(writer, wide, narrow, 15, 3);

	/* The same where it goes round: after channel 9 it is the turn of those behind it. */
	assert_result(listen_to(wide, 1, 20, 0), 0);
	assert_result(listen_to(narrow, 2, 5, 0), 0);
	assert_works(send_text(writer, 9, "turn"));
	assert_hears_from(wide, 9, "turn");
	assert_both_come_back(writer, wide, narrow, 3, 15);
}

static struct {
	int files[2];
	int writers[2];
	pid_t tids[2];
	long received;
	long rounds;
	pthread_barrier_t together;
} pair;

static void *receive_each_round(void *argument)
{
	long which = (long)argument, i;
	char got[16];

	__atomic_store_n(&pair.tids[which], gettid(), __ATOMIC_RELEASE);
	for (i = 0; i < pair.rounds; i++) {
		demand(receive_for_ever(pair.files[which], got) >= 0);
		__atomic_add_fetch(&pair.received, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void *send_each_round(void *argument)
{
	long which = (long)argument, i;

	for (i = 0; i < pair.rounds; i++) {
		pthread_barrier_wait(&pair.together);
		demand(send_text(pair.writers[which], 5 + which, "x") > 0);
	}
	return NULL;
}

/* Two messages at once wake both calls. */
static void two_messages_wake_two_calls(void **state)
{
	pthread_t threads[4];
	long i;

	(void)state;
	own_become("queue");
	pair.received = 0;
	pair.rounds = scaled(3000, 300);
	assert_int_equal(pthread_barrier_init(&pair.together, NULL, 3), 0);
	for (i = 0; i < 2; i++) {
		pair.files[i] = own_open_listening(O_RDONLY, 1, 9);
		pair.writers[i] = own_open_on(O_WRONLY, 5 + i);
		threads[i] = thread_start(receive_each_round, (void *)i);
		threads[2 + i] = thread_start(send_each_round, (void *)i);
	}
	for (i = 1; i <= pair.rounds; i++) {
		pthread_barrier_wait(&pair.together);
		await(__atomic_load_n(&pair.received, __ATOMIC_ACQUIRE) == 2 * i);
	}
	for (i = 0; i < 4; i++)
		thread_join(threads[i]);
	pthread_barrier_destroy(&pair.together);
}

/* ---- the end of the slot --------------------------------------------------------------------- */

enum { POLLED = 200 };

static struct {
	struct pollfd files[POLLED];
	bool stop;
} polled;

static void *poll_again_and_again(void *unused)
{
	struct pollfd files[POLLED];

	(void)unused;
	memcpy(files, polled.files, sizeof(files));
	while (!__atomic_load_n(&polled.stop, __ATOMIC_RELAXED))
		demand(poll(files, POLLED, 0) >= 0);
	return NULL;
}

/* Each poll of a file that listens asks to be woken; the end does not wait for the last of them. */
static void it_ends_however_many_poll(void **state)
{
	pthread_t threads[3];
	struct caller caller;
	char got[16];
	size_t i;

	(void)state;
	own_become("queue");
	for (i = 0; i < POLLED; i++)
		polled.files[i] = (struct pollfd){
			.fd = own_open_listening(O_RDONLY | O_NONBLOCK, 0, UINT32_MAX),
			.events = POLLIN,
		};
	caller_start(&caller, receive_for_ever, own_open_listening(O_RDONLY, 5, 5), got);
	polled.stop = false;
	for (i = 0; i < COUNT_OF(threads); i++)
		threads[i] = thread_start(poll_again_and_again, NULL);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(caller_end(&caller), ENODEV);
	__atomic_store_n(&polled.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < COUNT_OF(threads); i++)
		thread_join(threads[i]);
}

/* ---- only what is true ----------------------------------------------------------------------- */

static void noted(int signal)
{
	(void)signal;
}

/* The look goes over more channels than are looked at in one step, and finds no message. */
static void a_signal_makes_nothing_readable(void **state)
{
	struct pollfd one = { .events = POLLIN };
	sigset_t user, none;
	int writer, i;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "feed_depth", 16), 0);
	writer = own_open(O_WRONLY);
	for (i = 0; i < 300; i++)
		own_open_on(O_RDWR, 1000 + i);
	one.fd = own_open_listening(O_RDONLY, 1000, 2000);
	for (i = 0; i < 40; i++)
		assert_works(send_text(writer, 5, "elsewhere"));
	signal(SIGUSR1, noted);
	sigemptyset(&none);
	sigemptyset(&user);
	sigaddset(&user, SIGUSR1);
	assert_works(sigprocmask(SIG_BLOCK, &user, NULL));
	raise(SIGUSR1);
	assert_fails(ppoll(&one, 1, NULL, &none), EINTR);
	assert_works(sigprocmask(SIG_UNBLOCK, &user, NULL));
	signal(SIGUSR1, SIG_DFL);
}

static struct {
	int fd;
	bool stop;
} changing;

static void *change_what_is_read(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&changing.stop, __ATOMIC_RELAXED)) {
		demand(listen_to(changing.fd, 1, 9, 0) == 0);
		demand(slot_select(changing.fd, 5) == 0);
	}
	return NULL;
}

/* The file always reads something, whichever it is; and it is polled meanwhile. */
static void a_read_while_that_changes(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread;
	char got[16];
	long i;

	(void)state;
	own_become("last");
	changing.fd = own_open_on(O_RDWR | O_NONBLOCK, 5);
	changing.stop = false;
	assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, changing.fd, &event), 0);
	assert_result(write(changing.fd, "value", 5), 5);
	thread = thread_start(change_what_is_read, NULL);
	for (i = 0; i < scaled(200000, 5000); i++)
		if (read(changing.fd, got, sizeof(got)) != 5)
			assert_int_equal(errno, EAGAIN);
	__atomic_store_n(&changing.stop, true, __ATOMIC_RELAXED);
	thread_join(thread);
	close(epoll);
}

/* A file that listens and selects its first channel looks for what there is to read, and sleeps. */
static void the_first_select_of_a_polled_listener(void **state)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fd, waiting = 1;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "max_channels", 0), 0);
	fd = own_open_listening(O_RDWR | O_NONBLOCK, 10, 20);
	assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	assert_result(slot_set(OWN, "max_channels", 100), 0);
	assert_works(send_text(own_open(O_WRONLY), 99, "beside"));
	assert_result(ioctl(fd, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
	assert_result(epoll_wait(epoll, &event, 1, 0), 0);
	close(epoll);
}

/* Nothing is no piece of a message there. */
static void a_read_of_nothing(void **state)
{
	int fd, writer;
	char got[8];

	(void)state;
	own_become("broadcast");
	writer = own_open(O_WRONLY);
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 9);
	assert_fails(read(fd, got, 0), EAGAIN);
	assert_works(send_text(writer, 5, "text"));
	assert_fails(read(fd, got, 0), ENOSPC);
	assert_result(read(fd, got, sizeof(got)), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_call_answers_for_what_woke_it),
		own_slot_test(two_messages_wake_two_calls),
		own_slot_test(it_ends_however_many_poll),
		own_slot_test(a_signal_makes_nothing_readable),
		own_slot_test(a_read_while_that_changes),
		own_slot_test(the_first_select_of_a_polled_listener),
		own_slot_test(a_read_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
