// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listeners beside writers, readers and clears, with random ranges and a feed that is overrun all
 * the time: at the end a listener has each message, or the newest of each channel, or knows that
 * it lost some.
 */
#define _GNU_SOURCE
#include "listen.h"

enum { CHANNELS = 12, WRITERS = 2, LISTENERS = 3 };

/* What every thread may look at. */
static struct {
	size_t mode;
	long rounds;
	bool clears;
	long writing;
	/* By channel and number, in `queue`: how often a message was taken. */
	unsigned char *taken[CHANNELS + 1];
	uint64_t sent[CHANNELS + 1];
} run;

struct hearing {
	int fd;
	unsigned int first, last;
	uint64_t newest[CHANNELS + 1];
	/* Messages that were not told, and what the listener says of them. */
	uint64_t missed, lost, heard;
};

static void *writes(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	int fd = slot_open(OWN, O_WRONLY);
	char message[600] = "";
	long i;

	demand(fd >= 0);
	for (i = 0; i < run.rounds; i++) {
		unsigned int id = 1 + random_next(&seed) % CHANNELS;
		size_t length = random_next(&seed) % 8 ? 24 : 600;
		struct msgslot_send send = send_of(id, message, length);

		snprintf(message, sizeof(message), "%u", id);
		send.timeout = -1;
		demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		__atomic_fetch_add(&run.sent[id], 1, __ATOMIC_RELAXED);
		if (run.clears && random_next(&seed) % 50 == 0)
			demand(clear_channel(fd, id) >= 0);
		/* So that listeners sleep now and then. */
		if (random_next(&seed) % 100 == 0)
			usleep(random_next(&seed) % 2000);
	}
	close(fd);
	__atomic_fetch_sub(&run.writing, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *hear(struct hearing *h, const struct msgslot_recv *recv, const char *got)
{
	unsigned int id = recv->channel;

	demand(id >= h->first && id <= h->last);
	demand(recv->length == 24 || recv->length == 600);
	demand(strtoul(got, NULL, 10) == id);
	h->heard++;
	demand(recv->lost >= h->lost);
	h->lost = recv->lost;
	switch (run.mode) {
	case 0:
		/* The same once more, where the newest was told before its turn. */
		demand(recv->sequence >= h->newest[id]);
		break;
	case 1:
		demand(__atomic_fetch_add(&run.taken[id][recv->sequence], 1, __ATOMIC_RELAXED) ==
		       0);
		break;
	case 2:
		demand(recv->sequence > h->newest[id]);
		h->missed += recv->sequence - h->newest[id] - 1;
		break;
	}
	h->newest[id] = recv->sequence;
	return NULL;
}

static void *listens(void *argument)
{
	struct hearing *h = argument;
	char got[600];

	for (;;) {
		bool last_time = !__atomic_load_n(&run.writing, __ATOMIC_ACQUIRE);
		struct msgslot_recv recv = recv_of(0, RANGE, got, sizeof(got));
		struct pollfd one = { .fd = h->fd, .events = POLLIN };

		recv.timeout = last_time ? 0 : 10 * MILLISECOND;
		if (h->heard % 7 == 3 && !last_time && poll(&one, 1, 10) == 0)
			continue;
		if (ioctl(h->fd, MSGSLOT_RECV, &recv) == 0) {
			void *wrong = hear(h, &recv, got);

			if (wrong)
				return wrong;
			continue;
		}
		demand(errno == ETIMEDOUT || errno == EAGAIN);
		if (last_time)
			break;
	}
	return NULL;
}

/* Takes messages of single channels, which listeners sleep for as well. */
static void *reads(void *unused)
{
	int fd = slot_open(OWN, O_RDONLY);
	uint64_t seed = 7;
	char got[600];

	(void)unused;
	demand(fd >= 0);
	while (__atomic_load_n(&run.writing, __ATOMIC_ACQUIRE)) {
		unsigned int id = 1 + random_next(&seed) % CHANNELS;
		struct msgslot_recv recv = recv_of(id, 0, got, sizeof(got));

		recv.timeout = MILLISECOND;
		if (ioctl(fd, MSGSLOT_RECV, &recv) == 0)
			demand(__atomic_fetch_add(&run.taken[id][recv.sequence], 1,
						  __ATOMIC_RELAXED) == 0);
		else
			demand(errno == ETIMEDOUT || errno == ENOBUFS);
	}
	close(fd);
	return NULL;
}

static void assert_heard(const struct hearing *h, int fd)
{
	uint64_t missed = h->missed;
	char got[600];
	unsigned int id;

	for (id = h->first; id <= h->last; id++) {
		struct msgslot_recv recv =
			recv_of(id, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, got, sizeof(got));
		int result = ioctl(fd, MSGSLOT_RECV, &recv);

		if (run.mode == 0 && result == 0)
			assert_int_equal(h->newest[id], recv.sequence);
		/* Without clears the numbers tell what the end was. */
		if (run.mode == 2 && !run.clears)
			missed += run.sent[id] - h->newest[id];
	}
	if (run.mode != 2)
		return;
	assert_true(h->lost <= missed || run.clears);
	if (missed && !run.clears)
		assert_true(h->lost > 0);
	if (!run.clears)
		assert_true(h->heard > 0);
}

static void run_once(size_t mode, unsigned int feed_depth, bool clears, uint64_t *seed)
{
	pthread_t writers[WRITERS], listeners[LISTENERS], reader = 0;
	struct hearing hearings[LISTENERS];
	uint64_t sum = 0;
	unsigned int id;
	int i, fd;

	own_become(modes[mode]);
	assert_result(slot_set(OWN, "max_message", 600), 0);
	assert_result(slot_set(OWN, "feed_depth", feed_depth), 0);
	if (mode == 2)
		assert_result(slot_set(OWN, "depth", 4), 0);
	memset(run.sent, 0, sizeof(run.sent));
	run.mode = mode;
	run.rounds = scaled(20000, 400);
	run.clears = clears;
	run.writing = WRITERS;
	for (id = 1; id <= CHANNELS; id++) {
		run.taken[id] = calloc(WRITERS * run.rounds + 2, 1);
		assert_non_null(run.taken[id]);
	}
	for (i = 0; i < LISTENERS; i++) {
		struct hearing *h = &hearings[i];

		memset(h, 0, sizeof(*h));
		h->first = i ? 1 + random_next(seed) % CHANNELS : 1;
		h->last = i ? h->first + random_next(seed) % (CHANNELS + 1 - h->first) : CHANNELS;
		h->fd = own_open_listening(O_RDONLY, h->first, h->last);
	}
	for (i = 0; i < LISTENERS; i++)
		listeners[i] = thread_start(listens, &hearings[i]);
	if (mode == 1)
		reader = thread_start(reads, NULL);
	for (i = 0; i < WRITERS; i++)
		writers[i] = thread_start(writes, (void *)(uintptr_t)random_next(seed));
	for (i = 0; i < WRITERS; i++)
		thread_join(writers[i]);
	for (i = 0; i < LISTENERS; i++)
		thread_join(listeners[i]);
	if (mode == 1)
		thread_join(reader);
	fd = own_open(O_RDONLY);
	for (i = 0; i < LISTENERS; i++)
		assert_heard(&hearings[i], fd);
	for (id = 1; id <= CHANNELS; id++) {
		for (i = 1; mode == 1 && i <= WRITERS * run.rounds; i++)
			sum += run.taken[id][i];
		free(run.taken[id]);
	}
	if (mode == 1 && !clears)
		assert_int_equal(sum, WRITERS * run.rounds);
	if (mode == 1)
		assert_result(slot_get(OWN, "messages"), 0);
}

static void each_converges(void **state)
{
	const unsigned int depths[] = { 16, 1024 };
	uint64_t seed = seed_get();
	size_t mode, depth;
	int clears;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++)
		for (depth = 0; depth < COUNT_OF(depths); depth++)
			for (clears = 0; clears < 2; clears++)
				run_once(mode, depths[depth], clears, &seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { own_slot_test(each_converges) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
