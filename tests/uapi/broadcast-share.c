// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One open file in many hands: threads, forked processes, duplicates, a descriptor passed over a
 * socket.  They share its cursor, so each message comes to one of them.  And what may happen to a
 * reader meanwhile: signals, a stop, a select or a close by another thread.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/socket.h>

#include "broadcast.h"
#include "pass.h"
#include "rounds.h"

/* How often each message was read, by whomever; shared with children, too. */
static unsigned char *taken;
static long total;

static void taken_begin(long messages)
{
	total = messages;
	taken = shared_for_test(messages);
}

static void taken_end(void)
{
	long i;

	for (i = 0; i < total; i++)
		if (taken[i] != 1)
			fail_msg("message %ld was read %d times", i, taken[i]);
	munmap(taken, total);
}

static void *take_messages(void *argument)
{
	long number, before = -1;

	/* A negative one ends it. */
	while ((number = hear(*(int *)argument)) >= 0) {
		/* Each of the hands gets its share in order. */
		demand(number > before && number < total);
		before = number;
		__atomic_add_fetch(&taken[number], 1, __ATOMIC_RELAXED);
	}
	demand(number == -1000);
	return NULL;
}

static void *take_by_recv(void *argument)
{
	struct msgslot_recv recv = recv_into(1, NULL, 0);
	long number, before = -1;

	for (;;) {
		recv = recv_into(1, &number, sizeof(number));
		recv.timeout = -1;
		demand(ioctl(*(int *)argument, MSGSLOT_RECV, &recv) == 0);
		demand(recv.lost == 0);
		if (number < 0)
			break;
		demand(number > before && number < total);
		before = number;
		__atomic_add_fetch(&taken[number], 1, __ATOMIC_RELAXED);
	}
	demand(number == -1000);
	return NULL;
}

static void threads_share_a_cursor(void **state)
{
	enum { THREADS = 6 };
	pthread_t threads[THREADS];
	int writer, file, i;

	(void)state;
	taken_begin(scaled(20000, 1000));
	assert_result(slot_set(OWN, "depth", total + THREADS), 0);
	writer = own_open_on(O_WRONLY, 1);
	file = own_open_on(O_RDONLY, 1);
	for (i = 0; i < THREADS; i++)
		threads[i] = thread_start(i % 2 ? take_messages : take_by_recv, &file);
	for (i = 0; i < total; i++)
		assert_tells(writer, i);
	for (i = 0; i < THREADS; i++)
		assert_tells(writer, -1000);
	for (i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	taken_end();
	/* Nobody was handed anything twice. */
	assert_result(slot_get(OWN, "received"), total + THREADS);
}

static void processes_share_a_cursor(void **state)
{
	enum { CHILDREN = 4 };
	pid_t children[CHILDREN];
	int writer, file, i;

	(void)state;
	taken_begin(scaled(5000, 500));
	assert_result(slot_set(OWN, "depth", total + CHILDREN), 0);
	writer = own_open_on(O_WRONLY, 1);
	file = own_open_on(O_RDONLY, 1);
	for (i = 0; i < CHILDREN; i++)
		children[i] = child_start(NULL, take_messages, &file);
	for (i = 0; i < total; i++)
		assert_tells(writer, i);
	for (i = 0; i < CHILDREN; i++)
		assert_tells(writer, -1000);
	for (i = 0; i < CHILDREN; i++)
		child_join(children[i]);
	taken_end();
}

/* A sleeper gets a message of its own, and the others sleep on. */
static void one_message_for_one_of_the_sleepers(void **state)
{
	enum { THREADS = 4 };
	int writer = own_open_on(O_WRONLY, 1), file = own_open_on(O_RDONLY, 1), i, n, over;
	struct call calls[THREADS];

	(void)state;
	for (i = 0; i < THREADS; i++) {
		calls[i] = (struct call){ .make = call_read, .fd = file };
		call_start(&calls[i]);
	}
	for (n = 1; n <= THREADS; n++) {
		assert_tells(writer, n);
		do {
			usleep(1000);
			for (i = 0, over = 0; i < THREADS; i++)
				over += calls[i].over;
		} while (over < n);
		/* All but n are asleep again, if they ever woke. */
		for (i = 0; i < THREADS; i++)
			if (!calls[i].over)
				assert_sleeps(&calls[i]);
	}
	for (i = 0, n = 0; i < THREADS; i++) {
		thread_join(calls[i].thread);
		n += calls[i].result;
	}
	assert_int_equal(n, 1 + 2 + 3 + 4);
}

static void duplicates_share_a_cursor(void **state)
{
	int file = own_open_on(O_RDWR | O_NONBLOCK, 1), twin = dup(file), again;
	char path[32];

	(void)state;
	assert_works(twin);
	assert_tells(file, 1);
	assert_tells(twin, 2);
	assert_tells(file, 3);
	assert_hears(twin, 1);
	assert_hears(file, 2);
	/* What one of them selects is selected; the channel stays until the last one closes. */
	assert_result(slot_select(twin, 2), 0);
	assert_tells(file, 4);
	assert_hears(twin, 4);
	close(twin);
	assert_tells(file, 5);
	assert_hears(file, 5);
	/* To open it by its path is to open it anew. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	again = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_works(again);
	assert_tells(file, 6);
	assert_hears(again, -EAGAIN);
	assert_hears(file, 6);
	close(again);
}

static void *read_what_is_passed(void *argument)
{
	int fd = file_receive(*(int *)argument);
	long number;

	demand(fd >= 0);
	/* 1 was read before the file was passed; 3 is left to the process that passed it. */
	number = hear(fd);
	demand(number == 2);
	demand(write(*(int *)argument, "d", 1) == 1);
	return NULL;
}

static void a_passed_descriptor_brings_its_cursor(void **state)
{
	int ends[2], file, i;
	pid_t child;
	char byte;

	(void)state;
	assert_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	/*
	 * The child starts first, so that it has the file from the socket alone.  It runs as
	 * another user.
	 */
	child = child_start("outsider", read_what_is_passed, &ends[1]);
	close(ends[1]);
	file = own_open_on(O_RDWR | O_NONBLOCK, 1);
	for (i = 1; i <= 3; i++)
		assert_tells(file, i);
	assert_hears(file, 1);
	assert_result(file_pass(ends[0], file), 0);
	assert_result(read(ends[0], &byte, 1), 1);
	assert_hears(file, 3);
	assert_hears(file, -EAGAIN);
	child_join(child);
	close(ends[0]);
}

/* Threads that select, read and write on one file: no message comes to two of them. */
static int shared;

static void *swing(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	long rounds = scaled(30000, 1500), number, mine = 0;

	while (rounds--) {
		switch (random_below(&seed, 3)) {
		case 0:
			demand(slot_select(shared, 1 + random_below(&seed, 2)) == 0);
			break;
		case 1:
			number = __atomic_fetch_add(&total, 1, __ATOMIC_RELAXED);
			demand(tell(shared, number) == 0);
			break;
		default:
			number = hear(shared);
			if (number == -EAGAIN || number == -ENOBUFS)
				break;
			demand(number >= 0);
			mine++;
			demand(!__atomic_exchange_n(&taken[number], 1, __ATOMIC_RELAXED));
		}
	}
	demand(mine > 0);
	return NULL;
}

static void threads_that_select_hear_nothing_twice(void **state)
{
	enum { THREADS = 4 };
	long most = THREADS * scaled(30000, 1500);
	pthread_t threads[THREADS];
	uint64_t seed = seed_get();
	int i;

	(void)state;
	taken_begin(most);
	total = 0;
	shared = own_open_on(O_RDWR | O_NONBLOCK, 1);
	for (i = 0; i < THREADS; i++)
		threads[i] = thread_start(swing, (void *)(uintptr_t)((seed | 1) + 2 * i));
	for (i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	assert_result(slot_get(OWN, "sent"), total);
	munmap(taken, most);
}

static void a_sleeper_keeps_its_channel(void **state)
{
	int one = own_open_on(O_WRONLY, 1), two = own_open_on(O_WRONLY, 2);
	struct call call = { .make = call_read, .fd = own_open_on(O_RDONLY, 1) };

	(void)state;
	call_start(&call);
	assert_sleeps(&call);
	assert_result(slot_select(call.fd, 2), 0);
	assert_tells(two, 2);
	assert_sleeps(&call);
	assert_tells(one, 1);
	assert_ends(&call, 1);
	/* What was said on the channel that the file has now was not for the sleeper. */
	assert_hears(call.fd, 2);
}

/* Closed under a sleeper: the call goes on with the file, as in any other read(). */
static void a_sleeper_outlives_its_descriptor(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), copy;
	struct call call = { .make = call_read, .fd = own_open_on(O_RDONLY, 1) };

	(void)state;
	call_start(&call);
	assert_sleeps(&call);
	own_close(call.fd);
	assert_sleeps(&call);
	/* Nor does it matter what the number stands for by then. */
	copy = own_open_on(O_RDONLY | O_NONBLOCK, 2);
	assert_tells(writer, 1);
	assert_ends(&call, 1);
	assert_hears(copy, -EAGAIN);
	own_close(writer);
	assert_result(slot_get(OWN, "channels"), 2);
}

static void ignore(int signal)
{
	(void)signal;
}

static void signal_with(int flags)
{
	struct sigaction action = { .sa_handler = ignore, .sa_flags = flags };

	assert_result(sigaction(SIGUSR1, &action, NULL), 0);
}

/* A sleeping read() is restarted, or ends with EINTR: the handler's choice, and a timeout's. */
static void signals_end_a_sleep_or_do_not(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), i;
	struct call calls[] = {
		{ .make = call_read, .fd = own_open_on(O_RDONLY, 1) },
		{ .make = call_recv, .fd = own_open_on(O_RDONLY, 1), .id = 1, .timeout = -1 },
		{ .make = call_recv,
		  .fd = own_open_on(O_RDONLY, 1),
		  .id = 1,
		  .timeout = PATIENCE * 1000000ll },
	};

	(void)state;
	signal_with(0);
	for (i = 0; i < 3; i++) {
		call_start(&calls[i]);
		assert_sleeps(&calls[i]);
		assert_result(pthread_kill(calls[i].thread, SIGUSR1), 0);
		assert_ends(&calls[i], -EINTR);
	}
	signal_with(SA_RESTART);
	for (i = 0; i < 3; i++) {
		call_start(&calls[i]);
		assert_sleeps(&calls[i]);
		assert_result(pthread_kill(calls[i].thread, SIGUSR1), 0);
	}
	/* What time is left cannot be told to a call that begins anew. */
	assert_ends(&calls[2], -EINTR);
	for (i = 0; i < 2; i++) {
		usleep(paced(20000, 200000));
		assert_sleeps(&calls[i]);
	}
	assert_tells(writer, 1);
	for (i = 0; i < 2; i++)
		assert_ends(&calls[i], 1);
	/* The interrupted reader missed nothing. */
	assert_hears(calls[2].fd, 1);
	signal(SIGUSR1, SIG_DFL);
}

/* A stopped reader costs a `drop` channel nothing, and is told when it goes on. */
static void *read_after_a_stop(void *argument)
{
	int fd = slot_open_on(OWN, O_RDONLY, 1), i;

	demand(fd >= 0);
	demand(write(*(int *)argument, "j", 1) == 1);
	demand(hear(fd) == 0);
	demand(write(*(int *)argument, "r", 1) == 1);
	/* Here, or somewhere before, it is stopped. */
	demand(hear(fd) == -ENOBUFS);
	for (i = 93; i <= 100; i++)
		demand(hear(fd) == i);
	return NULL;
}

static void a_stopped_reader_delays_no_other(void **state)
{
	int ends[2], writer, status, i;
	pid_t child;
	char byte;

	(void)state;
	assert_result(slot_set(OWN, "depth", 8), 0);
	assert_result(pipe(ends), 0);
	child = child_start(NULL, read_after_a_stop, &ends[1]);
	close(ends[1]);
	assert_result(read(ends[0], &byte, 1), 1);
	writer = own_open_on(O_WRONLY, 1);
	assert_tells(writer, 0);
	assert_result(read(ends[0], &byte, 1), 1);
	assert_result(kill(child, SIGSTOP), 0);
	assert_result(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	for (i = 1; i <= 100; i++)
		assert_tells(writer, i);
	assert_result(kill(child, SIGCONT), 0);
	child_join(child);
	assert_result(slot_get(OWN, "dropped"), 92);
	close(ends[0]);
}

static void *select_channel_1(int fd)
{
	demand(slot_select(fd, 1) == 0);
	return NULL;
}

/* Two threads select the same channel: once one of them has it, what is sent there is heard. */
static void selecting_the_same_misses_nothing(void **state)
{
	int writer = own_open_on(O_WRONLY, 1);
	struct rounds s = { .count = reduced(200000, 5000, 500), .step = select_channel_1 };
	uint64_t seed = seed_get();
	pthread_t thread;
	long i;

	(void)state;
	s.fd = own_open(O_RDONLY | O_NONBLOCK);
	thread = thread_start(rounds_run, &s);
	for (i = 1; i <= s.count; i++) {
		assert_result(slot_select(s.fd, 2), 0);
		rounds_begin(&s, i, &seed, 100);
		assert_result(slot_select(s.fd, 1), 0);
		assert_tells(writer, i);
		rounds_end(&s, i);
		assert_hears(s.fd, i);
	}
	thread_join(thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(threads_share_a_cursor),
		broadcast_test(processes_share_a_cursor),
		broadcast_test(one_message_for_one_of_the_sleepers),
		broadcast_test(duplicates_share_a_cursor),
		broadcast_test(a_passed_descriptor_brings_its_cursor),
		broadcast_test(threads_that_select_hear_nothing_twice),
		broadcast_test(a_sleeper_keeps_its_channel),
		broadcast_test(a_sleeper_outlives_its_descriptor),
		broadcast_test(signals_end_a_sleep_or_do_not),
		broadcast_test(a_stopped_reader_delays_no_other),
		broadcast_test(selecting_the_same_misses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
