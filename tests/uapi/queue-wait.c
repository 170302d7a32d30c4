// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Readers sleep while a queue is empty, writers while it is full.  One message wakes one reader,
 * one taken wakes one writer, no other caller stirs.  A caller that is woken and leaves with
 * nothing done hands the wake-up on.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "queue.h"

enum { MANY = 16, WAIT_FOR_EVER = -1 };

static struct caller callers[MANY];
static uint64_t numbers[MANY];
static long sleeps[MANY];

/* By turns a file of their own and one they share, read() and RECV. */
static void readers_start(int count)
{
	int shared = own_open(O_RDONLY), i;

	for (i = 0; i < count; i++) {
		numbers[i] = -1;
		callers[i] = (struct caller){
			.call = i % 4 < 2 ? READ : RECV,
			.fd = i % 2 ? shared : own_open(O_RDONLY),
			.timeout = WAIT_FOR_EVER,
			.bytes = &numbers[i],
			.size = sizeof(numbers[i]),
		};
		caller_start(&callers[i]);
	}
}

static void writers_start(int count, uint64_t first)
{
	int shared = own_open(O_WRONLY), i;

	for (i = 0; i < count; i++) {
		numbers[i] = first + i;
		callers[i] = (struct caller){
			.call = i % 4 < 2 ? WRITE : SEND,
			.fd = i % 2 ? shared : own_open(O_WRONLY),
			.timeout = WAIT_FOR_EVER,
			.bytes = &numbers[i],
			.size = sizeof(numbers[i]),
		};
		caller_start(&callers[i]);
	}
}

/* Callers that are up and not joined yet. */
static int count_up(int count)
{
	int up = 0, i;

	for (i = 0; i < count; i++)
		up += callers[i].tid && callers[i].up;
	return up;
}

static void remember_sleeps(int count)
{
	int i;

	grace();
	for (i = 0; i < count; i++)
		if (callers[i].tid)
			sleeps[i] = task_sleeps(callers[i].tid);
}

/* Exactly one came up: joins it.  Every caller that still sleeps has slept through. */
static int only_one_stirred(int count)
{
	int one = -1, i;

	await(count_up(count) > 0);
	grace();
	assert_int_equal(count_up(count), 1);
	for (i = 0; i < count; i++) {
		if (!callers[i].tid)
			continue;
		if (callers[i].up)
			one = i;
		else
			assert_int_equal(task_sleeps(callers[i].tid), sleeps[i]);
	}
	caller_join(&callers[one], sizeof(numbers[one]));
	callers[one].tid = 0;
	return one;
}

static void a_message_wakes_one_reader(void **state)
{
	int fd = own_open(O_WRONLY);
	uint64_t number;

	(void)state;
	readers_start(MANY);
	for (number = 0; number < MANY; number++) {
		remember_sleeps(MANY);
		put_number(fd, number);
		assert_int_equal(numbers[only_one_stirred(MANY)], number);
	}
	assert_result(slot_get(OWN, "messages"), 0);
}

static void a_take_wakes_one_writer(void **state)
{
	uint64_t number, seen = 0, got;
	int fd, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 3), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (number = 0; number < 3; number++)
		put_number(fd, number);
	writers_start(MANY, 3);
	for (number = 0; number < MANY; number++) {
		remember_sleeps(MANY);
		assert_result(read(fd, &got, sizeof(got)), sizeof(got));
		seen |= 1ull << got;
		only_one_stirred(MANY);
		assert_result(slot_get(OWN, "messages"), 3);
	}
	for (i = 0; i < 3; i++) {
		assert_result(read(fd, &got, sizeof(got)), sizeof(got));
		seen |= 1ull << got;
	}
	assert_nothing(fd);
	assert_int_equal(seen, (1ull << (MANY + 3)) - 1);
}

/* Faster than anybody can wake up: as many messages, as many readers. */
static void a_burst_wakes_as_many(void **state)
{
	int fd = own_open(O_WRONLY), i, round;
	uint64_t number, seen;

	(void)state;
	for (round = 0; round < scaled(20, 3); round++) {
		readers_start(MANY);
		for (number = 0; number < MANY; number++)
			put_number(fd, number);
		for (seen = 0, i = 0; i < MANY; i++) {
			caller_join(&callers[i], sizeof(number));
			seen |= 1ull << numbers[i];
		}
		assert_int_equal(seen, (1ull << MANY) - 1);
		assert_result(slot_get(OWN, "messages"), 0);
	}
}

/* And as much taken at once, as many writers. */
static void a_clear_wakes_all_writers(void **state)
{
	struct msgslot_clear clear = { .channel = 0 };
	int fd, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", MANY), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (i = 0; i < MANY; i++)
		put_number(fd, 100);
	writers_start(MANY, 0);
	assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, MANY);
	for (i = 0; i < MANY; i++)
		caller_join(&callers[i], sizeof(numbers[i]));
	assert_result(slot_get(OWN, "messages"), MANY);
}

/* A reader whose buffer is no good takes its turn and fails: the message wakes the next one. */
static void a_reader_that_fails_hands_it_on(void **state)
{
	char few[4];
	const struct {
		int call;
		void *bytes;
		size_t size;
		int error;
	} bad[] = {
		{ READ, nowhere, 8, EFAULT }, { READ, null, 8, EINVAL },
		{ READ, few, 4, ENOSPC },     { READ, few, 0, ENOSPC },
		{ RECV, nowhere, 8, EFAULT }, { RECV, null, 8, EINVAL },
		{ RECV, few, 4, ENOSPC },
	};
	int fd = own_open(O_RDWR | O_NONBLOCK), reader = own_open(O_RDONLY);
	uint64_t got;
	size_t i;

	(void)state;
	/* Whichever caller sleeps first, and whichever is woken first. */
	for (i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		struct caller wrong = {
			.call = bad[i / 2].call,
			.fd = reader,
			.timeout = WAIT_FOR_EVER,
			.bytes = bad[i / 2].bytes,
			.size = bad[i / 2].size,
		};
		struct caller right = {
			.call = i % 3 ? READ : RECV,
			.fd = reader,
			.timeout = WAIT_FOR_EVER,
			.bytes = &got,
			.size = sizeof(got),
		};

		caller_start(i % 2 ? &right : &wrong);
		caller_start(i % 2 ? &wrong : &right);
		put_number(fd, i);
		caller_join(&right, sizeof(got));
		assert_int_equal(got, i);
		/* The other one has failed, or will at the next; that stays for us. */
		put_number(fd, 1000 + i);
		caller_join_fails(&wrong, bad[i / 2].error);
		assert_next_number(fd, 1000 + i);
		assert_nothing(fd);
	}
}

/*
 * A process that is killed asleep, or woken but not yet awake, takes nothing along.  The victim
 * shares the test's processor and runs only when the test lets it: killed right after it was woken,
 * it does not come to run.
 */
static cpu_set_t all_cpus;

static void use_one_cpu(void)
{
	cpu_set_t one;

	assert_result(sched_getaffinity(0, sizeof(all_cpus), &all_cpus), 0);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_result(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void use_all_cpus(void)
{
	assert_result(sched_setaffinity(0, sizeof(all_cpus), &all_cpus), 0);
}

static void *call_when_idle(void *argument)
{
	struct sched_param zero = { 0 };

	demand(sched_setscheduler(0, SCHED_IDLE, &zero) == 0);
	return caller_run(argument);
}

static void a_reader_that_is_killed_hands_it_on(void **state)
{
	struct caller *victim = shared_for_test(sizeof(*victim) + sizeof(uint64_t));
	int fd = own_open(O_RDWR | O_NONBLOCK), reader = own_open(O_RDONLY), i;
	uint64_t *copied = (uint64_t *)(victim + 1), got, rest;
	int status;
	pid_t child;

	(void)state;
	use_one_cpu();
	for (i = 0; i < scaled(60, 10); i++) {
		struct caller right = { READ, .fd = reader, .bytes = &got, .size = sizeof(got) };

		*copied = -1;
		*victim = (struct caller){
			.call = i % 2 ? RECV : READ,
			.fd = reader,
			.timeout = WAIT_FOR_EVER,
			.bytes = copied,
			.size = sizeof(*copied),
		};
		child = child_start(NULL, call_when_idle, victim);
		caller_await_sleep(victim);
		caller_start(&right);
		if (i % 4 == 3)
			kill(child, SIGKILL);
		put_number(fd, 2 * i);
		usleep(i % 3 ? 0 : 100);
		kill(child, SIGKILL);
		assert_result(waitpid(child, &status, 0), child);
		/* One process took it, the dead one or the other. */
		await(slot_get(OWN, "messages") == 0);
		put_number(fd, 2 * i + 1);
		thread_join(right.thread);
		assert_int_equal(right.result, sizeof(got));
		if (got == 2 * (uint64_t)i) {
			assert_next_number(fd, 2 * i + 1);
		} else {
			assert_int_equal(got, 2 * i + 1);
			assert_int_equal(*copied, 2 * i);
		}
		assert_fails(read(fd, &rest, sizeof(rest)), EAGAIN);
	}
	use_all_cpus();
	munmap(victim, sizeof(*victim) + sizeof(uint64_t));
}

/* The same among writers, where there is space for one message. */
static void a_killed_writer_hands_it_on(void **state)
{
	struct caller *victim = shared_for_test(sizeof(*victim) + sizeof(uint64_t));
	uint64_t *sends = (uint64_t *)(victim + 1), other = 7, got;
	int fd, writer, status, i;
	pid_t child;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	writer = own_open(O_WRONLY);
	use_one_cpu();
	for (i = 0; i < scaled(60, 10); i++) {
		struct caller right = { WRITE, .fd = writer, .bytes = &other, .size = 8 };

		put_number(fd, 0);
		*sends = 5;
		*victim = (struct caller){
			.call = i % 2 ? SEND : WRITE,
			.fd = writer,
			.timeout = WAIT_FOR_EVER,
			.bytes = sends,
			.size = sizeof(*sends),
		};
		child = child_start(NULL, call_when_idle, victim);
		caller_await_sleep(victim);
		caller_start(&right);
		if (i % 4 == 3)
			kill(child, SIGKILL);
		assert_next_number(fd, 0);
		usleep(i % 3 ? 0 : 100);
		kill(child, SIGKILL);
		assert_result(waitpid(child, &status, 0), child);
		/* The dead writer or the other uses the space; then the other one comes in. */
		await(slot_get(OWN, "messages") == 1);
		assert_result(read(fd, &got, sizeof(got)), sizeof(got));
		if (got == 5)
			await(read(fd, &got, sizeof(got)) == sizeof(got));
		assert_int_equal(got, 7);
		caller_join(&right, 8);
		assert_nothing(fd);
	}
	use_all_cpus();
	munmap(victim, sizeof(*victim) + sizeof(uint64_t));
}

/* What a writer needs besides a place may be gone when its turn comes: the next one may fit. */
static void a_writer_that_finds_no_memory_hands_it_on(void **state)
{
	static char large[60000];
	struct caller wrong = { WRITE, .bytes = large, .size = sizeof(large) };
	struct caller right = { WRITE, .bytes = large, .size = 8 };
	int fd, round;
	uint64_t got;

	(void)state;
	assert_result(slot_set(OWN, "max_message", sizeof(large)), 0);
	assert_result(slot_set(OWN, "depth", 2), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	wrong.fd = right.fd = own_open(O_WRONLY);
	for (round = 0; round < 2; round++) {
		assert_result(slot_set(OWN, "max_bytes", 1 << 20), 0);
		put_number(fd, 1);
		put_number(fd, 2);
		caller_start(round ? &right : &wrong);
		caller_start(round ? &wrong : &right);
		assert_result(slot_set(OWN, "max_bytes", 1), 0);
		assert_next_number(fd, 1);
		await(wrong.up || right.up);
		/* If the long one had its memory already, or it was not its turn, one more goes. */
		if (!wrong.up || wrong.result > 0)
			assert_next_number(fd, 2);
		thread_join(wrong.thread);
		thread_join(right.thread);
		assert_int_equal(right.result, 8);
		assert_true(wrong.result == sizeof(large) || wrong.error == ENOSPC);
		while (read(fd, large, sizeof(large)) > 0)
			;
		assert_fails(read(fd, &got, sizeof(got)), EAGAIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(a_message_wakes_one_reader),
		queue_slot_test(a_take_wakes_one_writer),
		queue_slot_test(a_burst_wakes_as_many),
		queue_slot_test(a_clear_wakes_all_writers),
		queue_slot_test(a_reader_that_fails_hands_it_on),
		queue_slot_test(a_reader_that_is_killed_hands_it_on),
		queue_slot_test(a_killed_writer_hands_it_on),
		queue_slot_test(a_writer_that_finds_no_memory_hands_it_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
