// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many writers and readers on one channel, in threads and processes that share files, waiting in
 * every way there is, under a rain of signals: each message is taken once, and each writer's come
 * to each reader in their order.
 */
#define _GNU_SOURCE
#include "queue.h"

enum {
	PROCESSES = 2,
	WRITERS = 2, /* in each */
	READERS = 3,
	ALL_WRITERS = PROCESSES * WRITERS,
	ALL_READERS = PROCESSES * READERS,
	LONG = 6000,
	CHANNEL = 6,
};

static const uint64_t STOP = 1ull << 62; /* the number of a message that ends a reader */

/* Shared by all processes. */
static struct {
	long each; /* messages of a writer */
	uint64_t seed;
	long writers_done, interrupted;
	unsigned char seen[];
} * all;

/* Opened before the processes part: one that waits and one that does not. */
static int waiting, hasty;

static void on_signal(int signal)
{
	(void)signal;
}

/* Whether a call that failed is to be made again; counts what signals did. */
static bool again(void)
{
	if (errno == EINTR)
		__atomic_add_fetch(&all->interrupted, 1, __ATOMIC_RELAXED);
	return errno == EINTR || errno == EAGAIN || errno == ETIMEDOUT;
}

/* A signal may end a poll(), too; then the next call finds out. */
static void poll_for(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	poll(&one, 1, 20);
}

static int64_t any_timeout(uint64_t *seed)
{
	const int64_t limits[] = { -1, 0, 10000, 1000000, 20000000 };

	return limits[random_below(seed, 5)];
}

static void *write_all(void *argument)
{
	uint64_t me = (intptr_t)argument, seed = (all->seed + me * 2) | 1;
	int own_file = slot_open_on(OWN, O_WRONLY, CHANNEL);
	char bytes[LONG];
	struct msgslot_send send = { .channel = CHANNEL, .message = (uintptr_t)bytes };
	ssize_t result, length;
	long i;

	demand(own_file >= 0);
	for (i = 0; i < all->each; i++) {
		length = 8 + random_below(&seed, random_below(&seed, 8) ? 300 : LONG - 8);
		message_fill(bytes, length, me << 32 | i);
		do {
			switch (random_below(&seed, 4)) {
			case 0:
				result = write(own_file, bytes, length);
				break;
			case 1:
				result = write(waiting, bytes, length);
				break;
			case 2:
				poll_for(hasty, POLLOUT);
				result = write(hasty, bytes, length);
				break;
			default:
				send.length = length;
				send.timeout = any_timeout(&seed);
				result = ioctl(waiting, MSGSLOT_SEND, &send);
				if (!result)
					result = length;
			}
			demand(result == length || (result == -1 && again()));
		} while (result < 0);
	}
	__atomic_add_fetch(&all->writers_done, 1, __ATOMIC_RELAXED);
	close(own_file);
	return NULL;
}

static void *read_all(void *argument)
{
	uint64_t seed = (all->seed + 1000 + (intptr_t)argument * 2) | 1, number;
	int own_file = slot_open_on(OWN, O_RDONLY, CHANNEL);
	long last[ALL_WRITERS], who, index;
	struct msgslot_recv recv;
	char bytes[LONG];
	ssize_t result;

	demand(own_file >= 0);
	for (who = 0; who < ALL_WRITERS; who++)
		last[who] = -1;
	for (;;) {
		switch (random_below(&seed, 4)) {
		case 0:
			result = read(own_file, bytes, sizeof(bytes));
			break;
		case 1:
			result = read(waiting, bytes, sizeof(bytes));
			break;
		case 2:
			poll_for(hasty, POLLIN);
			result = read(hasty, bytes, sizeof(bytes));
			break;
		default:
			recv = queue_recv(CHANNEL, 0, 0, bytes, sizeof(bytes));
			recv.timeout = any_timeout(&seed);
			result = ioctl(own_file, MSGSLOT_RECV, &recv);
			if (!result)
				result = recv.length;
		}
		if (result < 0) {
			demand(again());
			continue;
		}
		demand(message_number(bytes, result) >= 0);
		number = message_number(bytes, result);
		if (number == STOP)
			break;
		who = number >> 32;
		index = number & 0xffffffff;
		demand(who < ALL_WRITERS && index < all->each);
		demand(index > last[who]);
		last[who] = index;
		demand(!__atomic_exchange_n(&all->seen[who * all->each + index], 1,
					    __ATOMIC_RELAXED));
	}
	close(own_file);
	return NULL;
}

static void *one_process(void *argument)
{
	intptr_t me = (intptr_t)argument, i;
	uint64_t seed = (all->seed + 5000 + me * 2) | 1;
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t threads[WRITERS + READERS];
	void *complaint, *first = NULL;

	demand(sigaction(SIGUSR1, &action, NULL) == 0);
	action.sa_flags = SA_RESTART;
	demand(sigaction(SIGUSR2, &action, NULL) == 0);
	for (i = 0; i < WRITERS + READERS; i++)
		demand(pthread_create(&threads[i], NULL, i < WRITERS ? write_all : read_all,
				      (void *)(i < WRITERS ? me * WRITERS + i :
							     me * READERS + i - WRITERS)) == 0);
	while (__atomic_load_n(&all->writers_done, __ATOMIC_RELAXED) < ALL_WRITERS) {
		usleep(random_below(&seed, paced(1000, 10000)));
		pthread_kill(threads[random_below(&seed, WRITERS + READERS)],
			     random_below(&seed, 3) ? SIGUSR1 : SIGUSR2);
	}
	for (i = 0; i < WRITERS + READERS; i++) {
		demand(pthread_join(threads[i], &complaint) == 0);
		if (!first)
			first = complaint;
	}
	return first;
}

static void each_once_and_in_order(int depth, long each)
{
	size_t size = sizeof(*all) + ALL_WRITERS * each;
	pid_t children[PROCESSES];
	int out, status;
	long i;

	all = shared_for_test(size);
	all->each = each;
	all->seed = seed_get();
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	assert_result(slot_set(OWN, "depth", depth), 0);
	waiting = own_open_on(O_RDWR, CHANNEL);
	hasty = own_open_on(O_RDWR | O_NONBLOCK, CHANNEL);
	out = own_open_on(O_WRONLY, CHANNEL);
	for (i = 0; i < PROCESSES; i++)
		children[i] = child_start(NULL, one_process, (void *)(intptr_t)i);
	/* A child that complains ends before all is done. */
	while (__atomic_load_n(&all->writers_done, __ATOMIC_RELAXED) < ALL_WRITERS) {
		usleep(10000);
		assert_result(waitpid(-1, &status, WNOHANG), 0);
	}
	/* All else was sent before these, and is taken before them. */
	for (i = 0; i < ALL_READERS; i++)
		put_number(out, STOP);
	for (i = 0; i < PROCESSES; i++)
		child_join(children[i]);
	for (i = 0; i < ALL_WRITERS * each; i++)
		assert_int_equal(all->seen[i], 1);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "sent"), ALL_WRITERS * each + ALL_READERS);
	assert_result(slot_get(OWN, "received"), ALL_WRITERS * each + ALL_READERS);
	assert_result(slot_get(OWN, "dropped"), 0);
	printf("# depth %d: %ld calls were interrupted\n", depth, all->interrupted);
	munmap(all, size);
}

/* Everyone waits for everyone. */
static void one_at_a_time(void **state)
{
	(void)state;
	each_once_and_in_order(1, scaled(800, 60));
}

static void a_few_at_a_time(void **state)
{
	(void)state;
	each_once_and_in_order(7, scaled(2000, 100));
}

/* Writers hardly ever wait, and the ring grows and goes. */
static void many_at_a_time(void **state)
{
	(void)state;
	each_once_and_in_order(3000, scaled(3000, 150));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(one_at_a_time),
		queue_slot_test(a_few_at_a_time),
		queue_slot_test(many_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
