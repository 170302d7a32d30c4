// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What others do to the feed of a slot holds up neither a listener nor a writer.  How long a call
 * takes is counted in what others did meanwhile: they do not stop before it is back.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <time.h>

#include "batch.h"
#include "listen.h"
#include "own-as.h"

enum { CHANNELS = 30000, OUTSIDE = 4000000, BATCH = 1024, FLOODS = 2, LISTENERS = 5 };

/* What the processes share. */
static struct shared {
	volatile bool stop;
	long did;
} * shared;

static long others_did(void)
{
	return __atomic_load_n(&shared->did, __ATOMIC_RELAXED);
}

static void others_start(pid_t *others, int count, void *(*run)(void *))
{
	int i;

	if (!shared)
		shared = shared_for_test(sizeof(*shared));
	memset(shared, 0, sizeof(*shared));
	for (i = 0; i < count; i++)
		others[i] = child_start("member", run, NULL);
	await(others_did() > 0);
}

static void others_stop(pid_t *others, int count)
{
	int i;

	shared->stop = true;
	for (i = 0; i < count; i++)
		child_join(others[i]);
}

/* What others did before a call of another thread was back; at @most they are stopped. */
static long call_count(struct caller *caller, ssize_t (*call)(int, void *), int fd, long most)
{
	long begin = others_did(), did = 0;

	*caller = (struct caller){ .call = call, .fd = fd };
	caller->thread = thread_start(caller_run, caller);
	while (!caller_is_back(caller) && did < most) {
		usleep(100);
		did = others_did() - begin;
	}
	if (did >= most)
		shared->stop = true;
	thread_join(caller->thread);
	return did;
}

/* ---- a look ends ----------------------------------------------------------------------------- */

static void *flood(void *argument)
{
	static struct batch batch;
	int fd = slot_open(OWN, O_WRONLY | O_NONBLOCK), i, sent;

	(void)argument;
	demand(fd >= 0);
	for (i = 0; i < BATCH; i++)
		batch_add_text(&batch, OUTSIDE, "x");
	while (!shared->stop) {
		sent = batch_send(fd, &batch);
		demand(sent > 0);
		__atomic_add_fetch(&shared->did, sent, __ATOMIC_RELAXED);
	}
	close(fd);
	return NULL;
}

static ssize_t look_by_poll(int fd, void *argument)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	(void)argument;
	return poll(&one, 1, 0);
}

static ssize_t look_by_read(int fd, void *argument)
{
	char got[8];

	(void)argument;
	return read(fd, got, sizeof(got));
}

static ssize_t look_by_fionread(int fd, void *argument)
{
	int waiting = -1;

	(void)argument;
	return ioctl(fd, FIONREAD, &waiting) ?: waiting;
}

static ssize_t look_by_recv(int fd, void *argument)
{
	char got[8];
	struct msgslot_recv recv = recv_of(0, RANGE, got, sizeof(got));

	(void)argument;
	return ioctl(fd, MSGSLOT_RECV, &recv);
}

static const struct {
	ssize_t (*look)(int fd, void *argument);
	ssize_t nothing;
} looks[] = {
	{ look_by_poll, 0 }, { look_by_read, -1 }, { look_by_fionread, 0 }, { look_by_recv, -1 }
};

/* A slot with messages in a range that a file has heard, and more behind it all the time. */
static int overrun_begin(const char *mode, pid_t *others, int floods)
{
	char got[8];
	int fd, i;

	own_become(mode);
	assert_result(slot_set(OWN, "feed_depth", 16), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (i = 1; i <= CHANNELS; i++)
		assert_works(send_text(fd, i, "x"));
	assert_result(listen_to(fd, 1, CHANNELS, 0), 0);
	while (read(fd, got, sizeof(got)) > 0)
		;
	others_start(others, floods, flood);
	return fd;
}

static void a_look_ends(const char *mode)
{
	pid_t others[FLOODS];
	int fd = overrun_begin(mode, others, FLOODS);
	struct caller look;
	size_t i;
	int round;

	for (i = 0; i < COUNT_OF(looks); i++)
		for (round = 0; round < scaled(3, 1); round++) {
			assert_in_range(call_count(&look, looks[i].look, fd, 5000000), 0, 4999999);
			assert_int_equal(look.result, looks[i].nothing);
			if (looks[i].nothing)
				assert_int_equal(look.error, EAGAIN);
		}
	others_stop(others, FLOODS);
}

static void a_look_ends_in_last(void **state)
{
	(void)state;
	a_look_ends("last");
}

static void a_look_ends_in_broadcast(void **state)
{
	(void)state;
	a_look_ends("broadcast");
}

/* A call that waits sleeps meanwhile, and hears what comes. */
static void a_call_that_waits_sleeps(void **state)
{
	char got[8];
	struct msgslot_recv recv;
	pid_t others[FLOODS];
	struct caller reader;
	int fd, mode;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		fd = overrun_begin(mode ? "broadcast" : "last", others, FLOODS);
		assert_result(fcntl(fd, F_SETFL, 0), 0);
		recv = recv_of(0, RANGE, got, sizeof(got));
		recv.timeout = -1;
		caller_start(&reader, call_recv, fd, &recv);
		assert_works(send_text(fd, CHANNELS / 2, "y"));
		assert_result(caller_end(&reader), 0);
		assert_int_equal(recv.channel, CHANNELS / 2);
		others_stop(others, FLOODS);
	}
}

/* Processor time of this thread, in nanoseconds. */
static int64_t processor_now(void)
{
	struct timespec now;

	assert_result(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now), 0);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* What a call with @timeout takes, which it waits for in vain; without one: a look, by poll(). */
static int64_t processor_of(int fd, int64_t timeout)
{
	char got[8];
	struct msgslot_recv recv = recv_of(0, RANGE, got, sizeof(got));
	int64_t began = processor_now();

	recv.timeout = timeout;
	if (timeout)
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
	else
		assert_result(look_by_poll(fd, NULL), 0);
	return processor_now() - began;
}

/* A call ends when its time is over, also within a walk. */
static void a_timeout_is_kept(void **state)
{
	int64_t walk = 0, least = INT64_MAX;
	pid_t others[1];
	int fd, i;

	(void)state;
	fd = overrun_begin("last", others, 1);
	/* A look is short where nothing was sent since the one before. */
	for (i = 0; i < 5; i++)
		walk = MAX(walk, processor_of(fd, 0));
	assert_result(fcntl(fd, F_SETFL, 0), 0);
	/* Within its second walk. */
	for (i = 0; i < 5; i++)
		least = MIN(least, processor_of(fd, walk * 5 / 4));
	assert_in_range(least, 0, walk * 7 / 4);
	others_stop(others, 1);
}

/* ---- a wake-up ends -------------------------------------------------------------------------- */

enum { COPIES = 400 };

/*
 * Listens to more and more that is above what it listened to before, and polls that.  It takes four
 * of these on processors of their own to stay ahead of a wake-up.
 */
static void *listen_higher_and_higher(void *argument)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = slot_open(OWN, O_RDONLY | O_NONBLOCK), epoll = epoll_create1(0), i;

	(void)argument;
	demand(fd >= 0 && epoll >= 0);
	demand(listen_to(fd, 0, UINT32_MAX, 0) == 0);
	for (i = 0; i < COPIES; i++)
		demand(epoll_ctl(epoll, EPOLL_CTL_ADD, dup(fd), &event) == 0);
	while (!shared->stop)
		demand(listen_to(fd, __atomic_add_fetch(&shared->did, 1, __ATOMIC_RELAXED),
				 UINT32_MAX, 0) == 0);
	return NULL;
}

/* As slow as a writer can be: where the kernel is preemptible, others run while it wakes them. */
static ssize_t write_a_byte(int fd, void *argument)
{
	(void)argument;
	if (setpriority(PRIO_PROCESS, 0, 19))
		return -1;
	return write(fd, "x", 1);
}

static void a_write_ends(void **state)
{
	pid_t others[LISTENERS];
	struct caller writer;
	int fd, round;

	(void)state;
	own_become("broadcast");
	fd = own_open_on(O_WRONLY, UINT32_MAX);
	others_start(others, LISTENERS, listen_higher_and_higher);
	for (round = 0; round < scaled(10, 3); round++) {
		assert_in_range(call_count(&writer, write_a_byte, fd, 20000), 0, 19999);
		assert_int_equal(writer.result, 1);
	}
	others_stop(others, LISTENERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_look_ends_in_last),
		own_slot_test(a_look_ends_in_broadcast),
		own_slot_test(a_call_that_waits_sleeps),
		own_slot_test(a_timeout_is_kept),
		own_slot_test(a_write_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
