// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What ends a wait but a message: signals, with handlers that restart calls and that do not, and
 * timeouts.  None of them costs a message, whichever caller was woken for it.
 */
#define _GNU_SOURCE
#include "queue.h"

#define SECOND 1000000000ll

static volatile sig_atomic_t handled;

static void handle(int signal)
{
	(void)signal;
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

static void handler_set(int flags)
{
	struct sigaction action = { .sa_handler = handle, .sa_flags = flags };

	assert_result(sigaction(SIGUSR1, &action, NULL), 0);
	handled = 0;
}

/* Every call that waits, on a queue where it has to: channel 1 is empty, channel 2 full. */
static const int calls[] = { READ, RECV, WRITE, SEND };

static struct caller waiting(int call, int64_t timeout, uint64_t *number)
{
	bool takes = call == READ || call == RECV;

	return (struct caller){
		.call = call,
		.fd = own_open_on(O_RDWR, takes ? 1 : 2),
		.id = takes ? 1 : 2,
		.timeout = timeout,
		.bytes = number,
		.size = sizeof(*number),
	};
}

static int fill_channel_2(void)
{
	int full;

	assert_result(slot_set(OWN, "depth", 2), 0);
	full = own_open_on(O_RDWR | O_NONBLOCK, 2);
	put_number(full, 1);
	put_number(full, 2);
	return full;
}

static void signals_that_do_not_restart_end_a_wait(void **state)
{
	int full = fill_channel_2(), empty = own_open_on(O_RDWR | O_NONBLOCK, 1), i;
	uint64_t number = 7;

	(void)state;
	handler_set(0);
	for (i = 0; i < 4; i++) {
		struct caller c = waiting(calls[i], -1, &number);

		caller_start(&c);
		assert_result(pthread_kill(c.thread, SIGUSR1), 0);
		caller_join_fails(&c, EINTR);
		assert_int_equal(handled, i + 1);
	}
	/* Nobody waits any more: what comes now stays, what goes is not replaced. */
	put_number(empty, 3);
	assert_next_number(empty, 3);
	assert_next_number(full, 1);
	grace();
	assert_next_number(full, 2);
	assert_nothing(full);
}

static void signals_that_restart_do_not(void **state)
{
	int full = fill_channel_2(), empty = own_open_on(O_RDWR | O_NONBLOCK, 1), i, times;
	uint64_t number;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct caller c = waiting(calls[i], -1, &number);

		number = 7;
		handler_set(SA_RESTART);
		caller_start(&c);
		for (times = 1; times <= 5; times++) {
			assert_result(pthread_kill(c.thread, SIGUSR1), 0);
			await(handled == times);
			assert_sleeps(&c);
		}
		if (i < 2) {
			put_number(empty, i);
			caller_join(&c, sizeof(number));
			assert_int_equal(number, i);
		} else {
			assert_next_number(full, i - 1);
			caller_join(&c, sizeof(number));
		}
	}
	assert_next_number(full, 7);
	assert_next_number(full, 7);
	assert_nothing(full);
}

/* A wait with an end is not begun anew: it would be longer then. */
static void a_timeout_is_not_restarted(void **state)
{
	uint64_t number = 7;
	int i;

	(void)state;
	fill_channel_2();
	for (i = 1; i < 4; i += 2) {
		struct caller c = waiting(calls[i], 3600 * SECOND, &number);

		handler_set(SA_RESTART);
		caller_start(&c);
		assert_result(pthread_kill(c.thread, SIGUSR1), 0);
		caller_join_fails(&c, EINTR);
		assert_int_equal(handled, 1);
	}
}

static void timeouts_end_a_wait(void **state)
{
	const int64_t limits[] = { 1, 1000000, 50000000 };
	uint64_t number = 7;
	size_t i, j;

	(void)state;
	fill_channel_2();
	for (i = 1; i < 4; i += 2)
		for (j = 0; j < sizeof(limits) / sizeof(limits[0]); j++) {
			struct caller c = waiting(calls[i], limits[j], &number);
			double before = seconds_now();

			caller_run(&c);
			assert_int_equal(c.result, -1);
			assert_int_equal(c.error, ETIMEDOUT);
			assert_waited(before, limits[j] / 1e9);
		}
	assert_result(slot_get(OWN, "messages"), 2);
}

static void timeouts_of_all_kinds(void **state)
{
	const int64_t wrong[] = { -2, INT64_MIN, -SECOND }, huge[] = { INT64_MAX, INT64_MAX - 1 };
	int full = fill_channel_2(), empty = own_open_on(O_RDWR | O_NONBLOCK, 1);
	uint64_t number = 7;
	size_t i, j;

	(void)state;
	for (i = 1; i < 4; i += 2) {
		struct caller c = waiting(calls[i], 0, &number);

		/* At once, whether the file may wait or not. */
		caller_run(&c);
		assert_int_equal(c.error, EAGAIN);
		assert_result(fcntl(c.fd, F_SETFL, O_NONBLOCK), 0);
		c.timeout = -1;
		caller_run(&c);
		assert_int_equal(c.error, EAGAIN);
		c.timeout = 3600 * SECOND;
		caller_run(&c);
		assert_int_equal(c.error, EAGAIN);
		for (j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
			c.timeout = wrong[j];
			caller_run(&c);
			assert_int_equal(c.result, -1);
			assert_int_equal(c.error, EINVAL);
		}
	}
	/* So long that no clock will see the end, and still woken. */
	for (j = 0; j < sizeof(huge) / sizeof(huge[0]); j++) {
		struct caller reader = waiting(RECV, huge[j], &number);
		struct caller writer = waiting(SEND, huge[j], &number);

		caller_start(&reader);
		put_number(empty, j);
		caller_join(&reader, sizeof(number));
		assert_int_equal(number, j);
		caller_start(&writer);
		assert_next_number(full, j ? 2 : 1);
		caller_join(&writer, sizeof(number));
	}
}

/*
 * A message that comes just when a reader gives up goes to this reader or to the next one.  It is
 * never lost.  The same holds for the place that a writer gave up.
 */
static void giving_up_hands_it_on(void **state)
{
	int full = fill_channel_2(), empty = own_open_on(O_RDWR | O_NONBLOCK, 1), i;
	uint64_t seed = seed_get(), first, second, got;
	uint32_t most = paced(8000000, 60000000);

	(void)state;
	handler_set(0);
	for (i = 0; i < scaled(400, 30); i++) {
		bool takes = i % 2, by_signal = i & 2;
		int64_t limit = by_signal ? -1 : (int64_t)random_below(&seed, most) + 1;
		struct caller hasty = waiting(takes ? RECV : SEND, limit, &first);
		struct caller patient = waiting(takes ? READ : WRITE, -1, &second);

		first = 1000 + i;
		second = 5000 + i;
		hasty.tid = 0;
		hasty.up = false;
		hasty.thread = thread_start(caller_run, &hasty);
		/* The hasty caller may be up again already. */
		await(hasty.up || (hasty.tid && task_state(hasty.tid) == 'S'));
		caller_start(&patient);
		if (by_signal && random_below(&seed, 2))
			pthread_kill(hasty.thread, SIGUSR1);
		if (takes)
			put_number(empty, i);
		else
			assert_true(read(full, &got, sizeof(got)) > 0);
		if (by_signal)
			pthread_kill(hasty.thread, SIGUSR1);
		thread_join(hasty.thread);
		if (hasty.result < 0)
			assert_int_equal(hasty.error, by_signal ? EINTR : ETIMEDOUT);
		else if (takes)
			put_number(empty, i + 1);
		else
			assert_true(read(full, &got, sizeof(got)) > 0);
		caller_join(&patient, sizeof(second));
		assert_nothing(empty);
		assert_fails(write(full, &got, sizeof(got)), EAGAIN);
		close(own.files[--own.count]);
		close(own.files[--own.count]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(signals_that_do_not_restart_end_a_wait),
		queue_slot_test(signals_that_restart_do_not),
		queue_slot_test(a_timeout_is_not_restarted),
		queue_slot_test(timeouts_end_a_wait),
		queue_slot_test(timeouts_of_all_kinds),
		queue_slot_test(giving_up_hands_it_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
