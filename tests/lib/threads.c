// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One struct msgslot for many threads: it never changes, so nothing has to be locked.
 */
#define _GNU_SOURCE
#include "library.h"

enum { THREADS = 4 };

static struct msgslot *shared;

struct worker {
	pthread_t thread;
	uint32_t channel;
	int taken;
};

static void *sends_and_receives(void *argument)
{
	struct worker *worker = argument;
	int i, got, rounds = scaled(3000, 100);

	for (i = 0; i < rounds; i++) {
		demand(!msgslot_message_send(shared, worker->channel, &i, sizeof(i)));
		demand(msgslot_message_receive(shared, worker->channel, &got, sizeof(got)) ==
		       sizeof(got));
		demand(got == i);
	}
	return NULL;
}

static void each_on_a_channel_of_its_own(void **state)
{
	const char *const modes[] = { "last", "queue" };
	struct worker workers[THREADS];
	int mode, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		shared = own_slot(modes[mode], O_RDWR);
		for (i = 0; i < THREADS; i++) {
			workers[i].channel = 10 + i;
			workers[i].thread = thread_start(sends_and_receives, &workers[i]);
		}
		for (i = 0; i < THREADS; i++) {
			thread_join(workers[i].thread);
			assert_result(msgslot_channel_clear(shared, 10 + i, NULL, NULL), 0);
		}
		msgslot_slot_close(shared);
	}
}

static void *takes_until_zero(void *argument)
{
	struct worker *worker = argument;
	int got;

	for (;;) {
		demand(msgslot_message_receive(shared, 1, &got, sizeof(got)) == sizeof(got));
		if (!got)
			return NULL;
		worker->taken++;
	}
}

static void a_queue_gives_each_message_once(void **state)
{
	int i, messages = scaled(5000, 200), taken = 0;
	struct worker workers[THREADS];

	(void)state;
	shared = own_slot("queue", O_RDWR);
	for (i = 0; i < THREADS; i++) {
		workers[i].taken = 0;
		workers[i].thread = thread_start(takes_until_zero, &workers[i]);
	}
	for (i = messages; i > -THREADS; i--)
		assert_result(msgslot_message_send(shared, 1, i > 0 ? &i : &(int){ 0 }, sizeof(i)),
			      0);
	for (i = 0; i < THREADS; i++) {
		thread_join(workers[i].thread);
		taken += workers[i].taken;
	}
	assert_int_equal(taken, messages);
	assert_nothing(shared, 1);
	msgslot_slot_close(shared);
}

static volatile pid_t sleeper;

static void *sleeps_until_destroyed(void *unused)
{
	char byte;

	(void)unused;
	sleeper = gettid();
	demand(msgslot_message_receive(shared, 1, &byte, 1) == -1 && errno == ENODEV);
	return NULL;
}

static void a_waiter_hears_of_the_end(void **state)
{
	pthread_t thread;

	(void)state;
	shared = own_slot("queue", O_RDWR);
	sleeper = 0;
	thread = thread_start(sleeps_until_destroyed, NULL);
	while (!sleeper)
		usleep(1000);
	assert_sleeps(sleeper);
	assert_works(slot_destroy(OWN));
	thread_join(thread);
	msgslot_slot_close(shared);
}

static void *walks(void *unused)
{
	int i, rounds = scaled(200, 10);

	(void)unused;
	for (i = 0; i < rounds; i++) {
		struct msgslot_walker *walker = msgslot_walker_new(shared);
		struct msgslot_walk_entry entry;
		uint64_t next = 0;
		int found = 0;

		demand(walker);
		while (msgslot_walker_next(walker, &entry, sizeof(entry)) == 1) {
			demand(entry.channel >= next);
			next = entry.channel + 1ull;
			found += entry.channel >= 1000;
		}
		msgslot_walker_free(walker);
		demand(found == 300);
	}
	return NULL;
}

/* A walker each; channels come and go meanwhile. */
static void walks_are_apart(void **state)
{
	struct worker busy = { .channel = 5 };
	pthread_t threads[THREADS];
	int i;

	(void)state;
	shared = own_slot("queue", O_RDWR);
	for (i = 0; i < 300; i++)
		assert_result(msgslot_message_send(shared, 1000 + i, "m", 1), 0);
	busy.thread = thread_start(sends_and_receives, &busy);
	for (i = 0; i < THREADS; i++)
		threads[i] = thread_start(walks, NULL);
	for (i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	thread_join(busy.thread);
	msgslot_slot_close(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(each_on_a_channel_of_its_own),
		own_slot_test(a_queue_gives_each_message_once),
		own_slot_test(a_waiter_hears_of_the_end),
		own_slot_test(walks_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
