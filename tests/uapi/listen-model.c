// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listeners beside writers, readers and clears, with random ranges and a feed that is overrun all
 * the time: at the end a listener has each message, or the newest of each channel, or knows that
 * it lost some.  Half of the calls have a batch.
 */
#define _GNU_SOURCE
#include "batch.h"

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

/* Sends the batch, or its one message alone; each batch may go in several. */
static void *send_all(int fd, struct batch *batch)
{
	const struct msgslot_header *header = (const void *)batch->bytes;
	struct msgslot_send send;
	long sent;

	if (batch_align(HEADER + header->length) == batch->size) {
		send = send_of(header->channel, header + 1, header->length);
		send.timeout = -1;
		demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		__atomic_fetch_add(&run.sent[header->channel], 1, __ATOMIC_RELAXED);
		return NULL;
	}
	while (header) {
		send = batch_send_of(batch);
		send.message = (uintptr_t)header;
		send.length -= (const unsigned char *)header - batch->bytes;
		send.timeout = -1;
		sent = ioctl(fd, MSGSLOT_SEND, &send);
		demand(sent > 0);
		while (sent--) {
			demand(header);
			__atomic_fetch_add(&run.sent[header->channel], 1, __ATOMIC_RELAXED);
			header = batch_next(batch, header);
		}
	}
	return NULL;
}

static void *writes(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	int fd = slot_open(OWN, O_WRONLY);
	char message[600] = "";
	struct batch batch;
	const char *wrong;
	long i;

	demand(fd >= 0);
	batch.size = 0;
	for (i = 0; i < run.rounds; i++) {
		unsigned int id = 1 + random_next(&seed) % CHANNELS;
		size_t length = random_next(&seed) % 8 ? 24 : 600;

		snprintf(message, sizeof(message), "%u", id);
		batch_add(&batch, id, message, length);
		if (i + 1 < run.rounds && random_next(&seed) % 4 && batch.size < BATCH_MAX / 2)
			continue;
		wrong = send_all(fd, &batch);
		if (wrong)
			return (void *)wrong;
		batch.size = 0;
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

/* Receives a message, or several, as a batch: how many, or -1. */
static long receive_some(int fd, unsigned int channel, unsigned int flags, long long timeout,
			 struct batch *batch, uint64_t *seed)
{
	struct msgslot_header *header = (void *)batch->bytes;
	struct msgslot_recv recv = recv_of(channel, flags, header + 1, 600);
	bool many = random_next(seed) % 2;
	long count;

	recv.timeout = timeout;
	if (many) {
		recv.flags |= MANY;
		recv.message = (uintptr_t)batch->bytes;
		recv.size = 650 + random_next(seed) % (BATCH_MAX - 650);
	}
	count = ioctl(fd, MSGSLOT_RECV, &recv);
	batch->size = recv.length;
	if (count || many)
		return count;
	*header = (struct msgslot_header){ .size = HEADER,
					   .length = recv.length,
					   .channel = recv.channel,
					   .sequence = recv.sequence,
					   .lost = recv.lost };
	batch->size = HEADER + recv.length;
	return 1;
}

static void *hear(struct hearing *h, const struct msgslot_header *recv)
{
	unsigned int id = recv->channel;

	demand(id >= h->first && id <= h->last);
	demand(recv->length == 24 || recv->length == 600);
	demand(strtoul((const char *)(recv + 1), NULL, 10) == id);
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
	uint64_t seed = 1 + h->first;
	struct batch batch;

	batch.size = 0;
	for (;;) {
		bool last_time = !__atomic_load_n(&run.writing, __ATOMIC_ACQUIRE);
		const struct msgslot_header *header = NULL;
		struct pollfd one = { .fd = h->fd, .events = POLLIN };
		void *wrong = NULL;
		long count;

		if (h->heard % 7 == 3 && !last_time && poll(&one, 1, 10) == 0)
			continue;
		count = receive_some(h->fd, 0, RANGE, last_time ? 0 : 10 * MILLISECOND, &batch,
				     &seed);
		if (count > 0) {
			for (; count && !wrong; count--) {
				header = batch_next(&batch, header);
				demand(header);
				wrong = hear(h, header);
			}
			if (wrong)
				return wrong;
			demand(!batch_next(&batch, header));
			continue;
		}
		demand(count < 0 && (errno == ETIMEDOUT || errno == EAGAIN));
		if (last_time)
			break;
	}
	return NULL;
}

/* Takes messages of single channels, which listeners sleep for as well. */
static void *reads(void *unused)
{
	int fd = slot_open(OWN, O_RDONLY);
	uint64_t seed = 7, newest;
	struct batch batch;

	(void)unused;
	demand(fd >= 0);
	batch.size = 0;
	while (__atomic_load_n(&run.writing, __ATOMIC_ACQUIRE)) {
		unsigned int id = 1 + random_next(&seed) % CHANNELS;
		const struct msgslot_header *header = NULL;
		long count = receive_some(fd, id, 0, MILLISECOND, &batch, &seed);

		demand(count > 0 || (count < 0 && errno == ETIMEDOUT));
		for (newest = 0; count > 0; count--) {
			header = batch_next(&batch, header);
			demand(header && header->channel == id && header->sequence > newest);
			newest = header->sequence;
			demand(__atomic_fetch_add(&run.taken[id][newest], 1, __ATOMIC_RELAXED) ==
			       0);
		}
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
