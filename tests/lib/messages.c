// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sending and receiving: the plain calls do what write() and read() do, options and results what
 * MSGSLOT_SEND and MSGSLOT_RECV do.  Each error comes out as the kernel said it.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>

#include "library.h"

static const struct msgslot_receive_options at_once = { .timeout = 0 };

static void last_keeps_the_newest(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	char got[128];

	(void)state;
	/* Nothing there is an answer, not something to wait for. */
	assert_fails(msgslot_message_receive(slot, 5, got, sizeof(got)), EAGAIN);
	assert_result(msgslot_message_send(slot, 5, "one", 3), 0);
	assert_result(msgslot_message_send(slot, 5, "other", 5), 0);
	assert_next(slot, 5, "other");
	assert_next(slot, 5, "other");
	assert_nothing(slot, 6);
	msgslot_slot_close(slot);
}

static void queue_gives_each_once(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	char got[8];

	(void)state;
	assert_result(msgslot_message_send(slot, 0, "one", 3), 0);
	assert_result(msgslot_message_send(slot, 0, "two", 3), 0);
	assert_result(msgslot_message_receive(slot, 0, got, sizeof(got)), 3);
	assert_memory_equal(got, "one", 3);
	assert_next(slot, 0, "two");
	assert_nothing(slot, 0);
	msgslot_slot_close(slot);
}

static void broadcast_reaches_listeners(void **state)
{
	struct msgslot *early = own_slot("broadcast", O_RDWR), *late;
	char got[8];

	(void)state;
	assert_result(msgslot_channel_select(early, 3), 0);
	assert_result(msgslot_message_send(early, 3, "one", 3), 0);
	late = own_slot("broadcast", O_RDONLY);
	assert_result(msgslot_channel_select(late, 3), 0);
	assert_result(msgslot_message_send(early, 3, "two", 3), 0);
	assert_next(early, 3, "one");
	assert_next(early, 3, "two");
	assert_nothing(early, 3);
	assert_next(late, 3, "two");
	/* Only where one listens. */
	assert_fails(msgslot_message_receive(late, 4, got, sizeof(got)), EINVAL);
	msgslot_slot_close(early);
	msgslot_slot_close(late);
}

static void results_say_everything(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_message message;
	uint64_t sequence, again;
	struct timespec before, after;
	char got[8];

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &before);
	assert_result(msgslot_message_send_with(slot, 9, "hello", 5, NULL, &sequence), 0);
	clock_gettime(CLOCK_BOOTTIME, &after);
	assert_result(msgslot_message_send_with(slot, 9, "again", 5, NULL, &again), 0);
	assert_true(sequence > 0 && again == sequence + 1);

	memset(&message, 0xff, sizeof(message));
	assert_result(msgslot_message_receive_with(slot, 9, got, sizeof(got), NULL, &message,
						   sizeof(message)),
		      5);
	assert_memory_equal(got, "hello", 5);
	assert_int_equal(message.sequence, sequence);
	assert_int_equal(message.length, 5);
	assert_int_equal(message.lost, 0);
	assert_int_equal(message.pid, getpid());
	assert_int_equal(message.uid, getuid());
	assert_true(message.time >= before.tv_sec * 1000000000ull + before.tv_nsec);
	assert_true(message.time <= after.tv_sec * 1000000000ull + after.tv_nsec);
	msgslot_slot_close(slot);
}

static void a_short_buffer_leaves_the_message(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_message message;
	char got[4];

	(void)state;
	assert_result(msgslot_message_send(slot, 9, "hello", 5), 0);
	assert_fails(msgslot_message_receive(slot, 9, got, sizeof(got)), ENOSPC);
	memset(&message, 0xff, sizeof(message));
	assert_fails(msgslot_message_receive_with(slot, 9, got, sizeof(got), &at_once, &message,
						  sizeof(message)),
		     ENOSPC);
	assert_int_equal(message.length, 5);
	assert_int_equal(message.sequence, 1);
	assert_int_equal(message.time | message.lost | message.pid | message.uid, 0);
	assert_fails(msgslot_message_receive(slot, 9, got, 0), ENOSPC);
	assert_next(slot, 9, "hello");
	msgslot_slot_close(slot);
}

static void peek_leaves_it(void **state)
{
	const struct msgslot_receive_options peek = { .flags = MSGSLOT_RECV_PEEK };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	char got[8];

	(void)state;
	assert_fails(msgslot_message_receive_with(slot, 9, got, sizeof(got), &peek, NULL, 0),
		     EAGAIN);
	assert_result(msgslot_message_send(slot, 9, "hello", 5), 0);
	assert_result(msgslot_message_receive_with(slot, 9, got, sizeof(got), &peek, NULL, 0), 5);
	assert_result(msgslot_message_receive_with(slot, 9, got, sizeof(got), &peek, NULL, 0), 5);
	assert_next(slot, 9, "hello");
	assert_nothing(slot, 9);
	msgslot_slot_close(slot);
}

static void newer_follows_a_value(void **state)
{
	struct msgslot_receive_options newer = { .flags = MSGSLOT_RECV_NEWER };
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_message message;
	char got[8];
	int i;

	(void)state;
	assert_fails(msgslot_message_receive_with(slot, 2, got, sizeof(got), &newer, &message,
						  sizeof(message)),
		     EAGAIN);
	assert_result(msgslot_message_send(slot, 2, "a", 1), 0);
	assert_result(msgslot_message_receive_with(slot, 2, got, sizeof(got), &newer, &message,
						   sizeof(message)),
		      1);
	assert_int_equal(message.lost, 0);
	newer.sequence = message.sequence;
	assert_fails(msgslot_message_receive_with(slot, 2, got, sizeof(got), &newer, NULL, 0),
		     EAGAIN);
	for (i = 0; i < 3; i++)
		assert_result(msgslot_message_send(slot, 2, "b", 1), 0);
	assert_result(msgslot_message_receive_with(slot, 2, got, sizeof(got), &newer, &message,
						   sizeof(message)),
		      1);
	assert_int_equal(message.sequence, newer.sequence + 3);
	assert_int_equal(message.lost, 2);
	msgslot_slot_close(slot);
}

static void loss_is_counted(void **state)
{
	struct msgslot_message message;
	struct msgslot *slot;
	char got[8];
	int i;

	(void)state;
	assert_works(slot_put(OWN, "mode", "broadcast"));
	assert_works(slot_set(OWN, "depth", 4));
	slot = own_slot("broadcast", O_RDWR);
	assert_result(msgslot_channel_select(slot, 1), 0);
	for (i = 0; i < 10; i++)
		assert_result(msgslot_message_send(slot, 1, "m", 1), 0);
	for (i = 0; i < 4; i++) {
		assert_result(msgslot_message_receive_with(slot, 1, got, 8, &at_once, &message,
							   sizeof(message)),
			      1);
		assert_int_equal(message.sequence, 7 + i);
		assert_int_equal(message.lost, 6);
	}
	assert_nothing(slot, 1);
	msgslot_slot_close(slot);
}

static void compare_and_set(void **state)
{
	struct msgslot_send_options set = { .flags = MSGSLOT_SEND_IF };
	struct msgslot *slot = own_slot("last", O_RDWR);
	uint64_t sequence = 77, first;

	(void)state;
	set.expected = 1;
	assert_fails(msgslot_message_send_with(slot, 3, "x", 1, &set, &sequence), ESTALE);
	/* A failed call stores nothing. */
	assert_int_equal(sequence, 77);
	assert_nothing(slot, 3);
	set.expected = 0;
	assert_result(msgslot_message_send_with(slot, 3, "mine", 4, &set, &first), 0);
	assert_fails(msgslot_message_send_with(slot, 3, "yours", 5, &set, NULL), ESTALE);
	assert_next(slot, 3, "mine");
	set.expected = first;
	assert_result(msgslot_message_send_with(slot, 3, "next", 4, &set, &sequence), 0);
	assert_true(sequence > first);
	assert_next(slot, 3, "next");
	msgslot_slot_close(slot);

	slot = own_slot("last", O_RDWR);
	assert_result(msgslot_channel_clear(slot, 3, NULL, NULL), 0);
	msgslot_slot_close(slot);
	slot = own_slot("queue", O_RDWR);
	assert_fails(msgslot_message_send_with(slot, 3, "x", 1, &set, NULL), EOPNOTSUPP);
	msgslot_slot_close(slot);
}

static void take_if_and_drop(void **state)
{
	struct msgslot_receive_options take = { .flags = MSGSLOT_RECV_IF };
	struct msgslot_receive_options drop = { .flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_message message;
	uint64_t sequence;
	char got[8];

	(void)state;
	take.timeout = MSGSLOT_FOREVER;
	take.sequence = 1;
	/* It never waits. */
	assert_fails(msgslot_message_receive_with(slot, 5, got, sizeof(got), &take, NULL, 0),
		     ESTALE);
	assert_result(msgslot_message_send_with(slot, 5, "one", 3, NULL, &sequence), 0);
	assert_result(msgslot_message_send(slot, 5, "two", 3), 0);
	assert_result(msgslot_message_send(slot, 5, "three", 5), 0);
	take.sequence = sequence + 1;
	assert_fails(msgslot_message_receive_with(slot, 5, got, sizeof(got), &take, NULL, 0),
		     ESTALE);
	take.sequence = sequence;
	assert_result(msgslot_message_receive_with(slot, 5, got, sizeof(got), &take, NULL, 0), 3);
	assert_memory_equal(got, "one", 3);
	drop.sequence = sequence;
	assert_fails(msgslot_message_receive_with(slot, 5, NULL, 0, &drop, NULL, 0), ESTALE);
	drop.sequence = sequence + 1;
	assert_result(msgslot_message_receive_with(slot, 5, NULL, 0, &drop, &message,
						   sizeof(message)),
		      3);
	assert_int_equal(message.sequence, sequence + 1);
	assert_next(slot, 5, "three");
	msgslot_slot_close(slot);
}

static void each_error_comes_through(void **state)
{
	const struct msgslot_receive_options unknown = { .flags = 1u << 31 };
	const struct msgslot_receive_options negative = { .timeout = -2 };
	const struct msgslot_send_options unknown_send = { .flags = 1u << 31 };
	const struct msgslot_send_options negative_send = { .timeout = INT64_MIN };
	struct msgslot *slot = own_slot("last", O_RDWR), *reader, *writer;
	static char big[COURSE_MAX + 1];
	char got[8];

	(void)state;
	assert_fails(msgslot_message_send(slot, 1, "", 0), EMSGSIZE);
	assert_fails(msgslot_message_send(slot, 1, big, sizeof(big)), EMSGSIZE);
	/* Not what is left of it in 32 bits. */
	if (sizeof(size_t) > 4)
		assert_fails(msgslot_message_send(slot, 1, big, (size_t)1 << 32 | 1), EMSGSIZE);
	assert_fails(msgslot_message_send(slot, 1, null, 1), EINVAL);
	assert_fails(msgslot_message_send(slot, 1, nowhere, 1), EFAULT);
	assert_fails(msgslot_message_send(slot, 0, "a", 1), EINVAL);
	assert_fails(msgslot_message_send_with(slot, 1, "a", 1, &unknown_send, NULL), EINVAL);
	assert_fails(msgslot_message_send_with(slot, 1, "a", 1, &negative_send, NULL), EINVAL);
	assert_nothing(slot, 1);

	assert_result(msgslot_message_send(slot, 1, "a", 1), 0);
	assert_fails(msgslot_message_receive(slot, 1, null, 8), EINVAL);
	assert_fails(msgslot_message_receive(slot, 1, nowhere, 8), EFAULT);
	assert_fails(msgslot_message_receive(slot, 0, got, 8), EINVAL);
	assert_fails(msgslot_message_receive_with(slot, 1, got, 8, &unknown, NULL, 0), EINVAL);
	assert_fails(msgslot_message_receive_with(slot, 1, got, 8, &negative, NULL, 0), EINVAL);
	/* No buffer is too large. */
	assert_result(msgslot_message_receive(slot, 1, got, SIZE_MAX), 1);

	reader = own_slot("last", O_RDONLY);
	writer = own_slot("last", O_WRONLY);
	assert_fails(msgslot_message_send(reader, 1, "a", 1), EBADF);
	assert_fails(msgslot_message_receive(writer, 1, got, 8), EBADF);
	assert_works(slot_destroy(OWN));
	assert_fails(msgslot_message_send(slot, 1, "a", 1), ENODEV);
	assert_fails(msgslot_message_receive(slot, 1, got, 8), ENODEV);
	msgslot_slot_close(reader);
	msgslot_slot_close(writer);
	msgslot_slot_close(slot);
}

static void a_full_queue_says_so(void **state)
{
	const struct msgslot_send_options now = { .timeout = 0 }, soon = { .timeout = 1000000 };
	const struct msgslot_receive_options short_wait = { .timeout = 1000000 };
	struct msgslot *slot, *hasty;
	char got[8];

	(void)state;
	assert_works(slot_put(OWN, "mode", "queue"));
	assert_works(slot_set(OWN, "depth", 2));
	slot = own_slot("queue", O_RDWR);
	hasty = own_slot("queue", O_RDWR | O_NONBLOCK);
	assert_fails(msgslot_message_receive_with(slot, 5, got, 8, &short_wait, NULL, 0),
		     ETIMEDOUT);
	assert_fails(msgslot_message_receive(hasty, 5, got, 8), EAGAIN);
	assert_result(msgslot_message_send(slot, 5, "a", 1), 0);
	assert_result(msgslot_message_send(slot, 5, "b", 1), 0);
	assert_fails(msgslot_message_send_with(slot, 5, "c", 1, &now, NULL), EAGAIN);
	assert_fails(msgslot_message_send_with(slot, 5, "c", 1, &soon, NULL), ETIMEDOUT);
	assert_fails(msgslot_message_send(hasty, 5, "c", 1), EAGAIN);
	assert_next(slot, 5, "a");
	assert_result(msgslot_message_send_with(slot, 5, "c", 1, &soon, NULL), 0);
	msgslot_slot_close(slot);
	msgslot_slot_close(hasty);
}

/* 1 MiB there and back, by the plain calls. */
static void the_longest_message(void **state)
{
	char *sent = malloc(MSGSLOT_MESSAGE_MAX), *got = malloc(MSGSLOT_MESSAGE_MAX);
	struct msgslot *slot;

	(void)state;
	assert_non_null(sent);
	assert_non_null(got);
	assert_works(slot_put(OWN, "mode", "queue"));
	assert_works(slot_set(OWN, "max_message", MSGSLOT_MESSAGE_MAX));
	slot = own_slot("queue", O_RDWR);
	assert_int_equal(msgslot_slot_get_max_message(slot), MSGSLOT_MESSAGE_MAX);
	bytes_fill(sent, MSGSLOT_MESSAGE_MAX, 1);
	assert_result(msgslot_message_send(slot, 1, sent, MSGSLOT_MESSAGE_MAX), 0);
	assert_result(msgslot_message_receive(slot, 1, got, MSGSLOT_MESSAGE_MAX),
		      MSGSLOT_MESSAGE_MAX);
	assert_memory_equal(sent, got, MSGSLOT_MESSAGE_MAX);
	msgslot_slot_close(slot);
	free(sent);
	free(got);
}

static void wait_tells_what_is_ready(void **state)
{
	struct msgslot *slot;
	char got[8];

	(void)state;
	assert_works(slot_put(OWN, "mode", "queue"));
	assert_works(slot_set(OWN, "depth", 1));
	slot = own_slot("queue", O_RDWR | O_NONBLOCK);
	assert_result(msgslot_channel_select(slot, 4), 0);
	assert_result(msgslot_channel_wait(slot, POLLIN, 0), 0);
	assert_result(msgslot_channel_wait(slot, POLLIN, 1000000), 0);
	assert_result(msgslot_channel_wait(slot, POLLIN | POLLOUT, MSGSLOT_FOREVER), POLLOUT);
	assert_result(msgslot_message_send(slot, 4, "a", 1), 0);
	assert_result(msgslot_channel_wait(slot, POLLIN | POLLOUT, MSGSLOT_FOREVER), POLLIN);
	assert_result(msgslot_channel_wait(slot, POLLIN, INT64_MAX), POLLIN);
	assert_result(msgslot_channel_wait(slot, POLLOUT, 0), 0);
	assert_result(msgslot_message_receive(slot, 4, got, sizeof(got)), 1);
	assert_fails(msgslot_channel_wait(slot, POLLIN, -2), EINVAL);
	assert_fails(msgslot_channel_wait(slot, 0, 0), EINVAL);
	assert_fails(msgslot_channel_wait(slot, POLLPRI, 0), EINVAL);
	assert_works(slot_destroy(OWN));
	assert_fails(msgslot_channel_wait(slot, POLLIN, MSGSLOT_FOREVER), ENODEV);
	msgslot_slot_close(slot);
}

static void do_nothing(int number)
{
	(void)number;
}

static volatile bool interrupted;

/* Again and again, as a signal may come before the call that it is to end. */
static void *interrupts(void *unused)
{
	(void)unused;
	while (!interrupted) {
		demand(!kill(getpid(), SIGUSR1));
		usleep(10000);
	}
	return NULL;
}

static pthread_t interrupts_begin(void)
{
	sigset_t signals;
	pthread_t thread;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	interrupted = false;
	/* The other thread is not to take it. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	thread = thread_start(interrupts, NULL);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	return thread;
}

static void interrupts_end(pthread_t thread)
{
	interrupted = true;
	thread_join(thread);
}

/* A signal ends a wait that would have ended by itself; the call can be made again. */
static void signals_end_finite_waits(void **state)
{
	const struct sigaction action = { .sa_handler = do_nothing, .sa_flags = SA_RESTART };
	const struct msgslot_receive_options hour = { .timeout = 3600 * MSGSLOT_SECOND };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	pthread_t thread;
	char got[8];

	(void)state;
	assert_works(sigaction(SIGUSR1, &action, NULL));
	thread = interrupts_begin();
	assert_fails(msgslot_message_receive_with(slot, 1, got, 8, &hour, NULL, 0), EINTR);
	interrupts_end(thread);
	thread = interrupts_begin();
	assert_fails(msgslot_channel_wait(slot, POLLIN, hour.timeout), EINTR);
	interrupts_end(thread);
	msgslot_slot_close(slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(last_keeps_the_newest),
		own_slot_test(queue_gives_each_once),
		own_slot_test(broadcast_reaches_listeners),
		own_slot_test(results_say_everything),
		own_slot_test(a_short_buffer_leaves_the_message),
		own_slot_test(peek_leaves_it),
		own_slot_test(newer_follows_a_value),
		own_slot_test(loss_is_counted),
		own_slot_test(compare_and_set),
		own_slot_test(take_if_and_drop),
		own_slot_test(each_error_comes_through),
		own_slot_test(a_full_queue_says_so),
		own_slot_test(the_longest_message),
		own_slot_test(wait_tells_what_is_ready),
		own_slot_test(signals_end_finite_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
