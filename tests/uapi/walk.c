// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSGSLOT_WALK: the channels of a slot in the order of their ids, in bounded steps, while others
 * come and go: a channel that stays is listed once.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "ioctl.h"

static const uint64_t past_all = 1ull << 32;

static struct msgslot_walk_entry entries[2 * MSGSLOT_WALK_MAX];

/* One step; how many entries it filled, or -1. */
static long long step(int fd, uint64_t *from, struct msgslot_walk_entry *list, unsigned int count)
{
	struct msgslot_walk walk = { .from = *from, .entries = (uintptr_t)list, .count = count };

	if (ioctl(fd, MSGSLOT_WALK, &walk))
		return -1;
	*from = walk.from;
	return walk.count;
}

#define assert_entry(entry, id, file_count, oldest, to_come)  \
	do {                                                  \
		assert_int_equal((entry)->channel, id);       \
		assert_int_equal((entry)->files, file_count); \
		assert_int_equal((entry)->first, oldest);     \
		assert_int_equal((entry)->next, to_come);     \
	} while (0)

static void an_empty_slot(void **state)
{
	const uint64_t froms[] = { 0, 1, 4294967295u, 1ull << 32 };
	int fd = own_open(O_RDONLY);
	uint64_t from;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(froms); i++) {
		from = froms[i];
		assert_result(step(fd, &from, entries, 10), 0);
		assert_int_equal(from, past_all);
	}
}

static void first_and_last_ids(void **state)
{
	int fd, held;
	uint64_t from = 0;

	(void)state;
	own_become("queue");
	fd = own_open_on(O_WRONLY, 0);
	held = own_open_on(O_RDONLY, 4294967295u);
	assert_result(send_text(fd, 7, "one"), 1);
	assert_result(send_text(fd, 7, "two"), 2);
	assert_result(send_text(fd, 7, "three"), 3);
	assert_receives(held, 7, 0, 0, 1, "one");
	/* Write-only does as well: to list is not to read a message. */
	assert_result(step(fd, &from, entries, 10), 3);
	assert_int_equal(from, past_all);
	assert_entry(&entries[0], 0, 1, 1, 1);
	assert_entry(&entries[1], 7, 0, 2, 4);
	assert_entry(&entries[2], 4294967295u, 1, 1, 1);
	from = 8;
	assert_result(step(fd, &from, entries, 10), 1);
	assert_int_equal(entries[0].channel, 4294967295u);
	assert_int_equal(from, past_all);
	from = 7;
	assert_result(step(fd, &from, entries, 1), 1);
	assert_int_equal(entries[0].channel, 7);
	assert_in_range(from, 8, 4294967295u);
	assert_result(step(fd, &from, entries, 1), 1);
	assert_int_equal(entries[0].channel, 4294967295u);
	assert_int_equal(from, past_all);
	assert_result(step(fd, &from, entries, 1), 0);
	assert_int_equal(from, past_all);
}

static void what_an_entry_says(void **state)
{
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(3, 0, got, sizeof(got));
	struct caller caller;
	uint64_t from = 0;
	int fd = own_open(O_RDWR), i;

	(void)state;
	for (i = 1; i <= 5; i++)
		assert_result(send_text(fd, 1, "text"), i);
	for (i = 0; i < 3; i++)
		own_open_on(O_RDONLY, 2);
	recv.timeout = -1;
	caller_start(&caller, call_recv, fd, &recv);
	assert_result(step(fd, &from, entries, 10), 3);
	assert_entry(&entries[0], 1, 0, 5, 6);
	assert_entry(&entries[1], 2, 3, 1, 1);
	/* A call that waits holds the channel, too. */
	assert_entry(&entries[2], 3, 1, 1, 1);
	assert_result(send_text(fd, 3, "end"), 1);
	assert_result(caller_end(&caller), 0);
	assert_result(clear_channel(fd, 1), 1);
	from = 0;
	assert_result(step(fd, &from, entries, 10), 2);
	assert_entry(&entries[0], 2, 3, 1, 1);
	assert_entry(&entries[1], 3, 0, 1, 2);
}

static void so_many_a_step(void **state)
{
	const unsigned int counts[] = { 1, 2, 100, 255, 256, 257, 512, 1u << 31, -1u };
	enum { CHANNELS = 600 };
	int fd = own_open(O_RDWR), id;
	uint64_t from;
	size_t i;

	(void)state;
	for (id = 1; id <= CHANNELS; id++)
		assert_result(send_text(fd, 5 * id, "text"), 1);
	for (i = 0; i < COUNT_OF(counts); i++) {
		unsigned int most = counts[i] < 256 ? counts[i] : 256;

		memset(entries, 0xee, sizeof(entries));
		for (from = 0, id = 0; id < CHANNELS; id += most) {
			unsigned int left = CHANNELS - id, want = left < most ? left : most, j;

			assert_result(step(fd, &from, entries, counts[i]), want);
			for (j = 0; j < want; j++)
				assert_entry(&entries[j], 5 * (id + j + 1), 0, 1, 2);
			if (left != most)
				assert_int_equal(from == past_all, left < most);
			/* And not a byte beyond. */
			assert_int_equal(entries[most].channel, 0xeeeeeeee);
		}
	}
}

static void errors_come_in_order(void **state)
{
	struct msgslot_walk walk = { .from = past_all + 1, .entry_size = 1 }, *fixed;
	int fd = own_open(O_RDWR);

	(void)state;
	assert_result(send_text(fd, 1, "one"), 1);
	assert_result(send_text(fd, 2, "two"), 1);
	walk.entries = (uintptr_t)entries;
	walk.from = 0;
	walk.count = 10;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EINVAL);
	walk.entry_size = 0;
	walk.count = 0;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EINVAL);
	walk.count = 10;
	walk.from = past_all + 1;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EINVAL);
	walk.from = UINT64_MAX;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EINVAL);
	walk.from = 0;
	walk.entries = 0;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EFAULT);
	walk.entries = (uintptr_t)nowhere;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EFAULT);
	walk.entries = 0xffff888000000000;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EFAULT);
	walk.entries = UINT64_MAX - 8;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), EFAULT);
	fixed = (void *)edge_new(sizeof(*fixed), PROT_READ | PROT_WRITE);
	*fixed = (struct msgslot_walk){ .entries = (uintptr_t)entries, .count = 10 };
	assert_result(mprotect((void *)((uintptr_t)fixed & ~4095ul), 4096, PROT_READ), 0);
	assert_fails(ioctl(fd, MSGSLOT_WALK, fixed), EFAULT);
	edge_free((char *)fixed, sizeof(*fixed));
	assert_result(slot_destroy(OWN), 0);
	walk.entry_size = 1;
	assert_fails(ioctl(fd, MSGSLOT_WALK, &walk), ENODEV);
	assert_result(slot_create(OWN, "last"), 0);
}

/* An array that ends with its page: only what is told to fit is written. */
static void entries_at_a_page_end(void **state)
{
	size_t size = 2 * sizeof(struct msgslot_walk_entry);
	struct msgslot_walk_entry *edge = (void *)edge_new(size, PROT_READ | PROT_WRITE);
	int fd = own_open(O_RDWR), id;
	uint64_t from = 0;

	(void)state;
	for (id = 1; id <= 3; id++)
		assert_result(send_text(fd, id, "text"), 1);
	assert_fails(step(fd, &from, edge, 3), EFAULT);
	assert_fails(step(fd, &from, edge, -1u), EFAULT);
	assert_result(step(fd, &from, edge, 2), 2);
	assert_entry(&edge[0], 1, 0, 1, 2);
	assert_entry(&edge[1], 2, 0, 1, 2);
	/* As many as there are is what counts, not as many as there could be. */
	assert_result(step(fd, &from, edge, 1000), 1);
	assert_entry(&edge[0], 3, 0, 1, 2);
	edge_free((char *)edge, size);
}

/* Files that listen count for each channel of their range, whatever they did before. */
static void files_that_listen_are_counted(void **state)
{
	enum { IDS = 16, FILES = 12 };
	struct msgslot_listen ranges[FILES] = { 0 };
	uint64_t seed = seed_get(), from;
	int files[FILES], writer, round, i, heard;
	unsigned int id;

	(void)state;
	own_become("broadcast");
	writer = own_open(O_RDWR);
	/* Not channel 0, where each of the files begins. */
	for (id = 1; id <= IDS; id++)
		assert_works(send_text(writer, id, "here"));
	for (i = 0; i < FILES; i++)
		files[i] = -1;
	for (round = 0; round < scaled(2000, 200); round++) {
		i = random_below(&seed, FILES);
		if (random_below(&seed, 4) == 0 && files[i] >= 0) {
			close(files[i]);
			files[i] = -1;
		} else {
			if (files[i] < 0)
				files[i] = slot_open(OWN, O_RDONLY);
			ranges[i].first = random_below(&seed, IDS);
			ranges[i].last = random_below(&seed, 3) ?
						 ranges[i].first + random_below(&seed, IDS) :
						 UINT32_MAX;
			assert_result(ioctl(files[i], MSGSLOT_LISTEN, &ranges[i]), 0);
		}
		from = 1;
		assert_result(step(writer, &from, entries, 2 * IDS), IDS);
		for (id = 1; id <= IDS; id++) {
			heard = 0;
			for (i = 0; i < FILES; i++)
				heard += files[i] >= 0 && id >= ranges[i].first &&
					 id <= ranges[i].last;
			assert_entry(&entries[id - 1], id, heard, 1, 2);
		}
	}
	for (i = 0; i < FILES; i++)
		if (files[i] >= 0)
			close(files[i]);
}

/*
 * A slot full of channels: every even id is there all the time.  Meanwhile odd ones come and go,
 * and messages are written to the even ones.
 */
static volatile bool enough;
static long stable;

static void *come_and_go(void *argument)
{
	uint64_t seed = *(uint64_t *)argument;
	int fd = slot_open(OWN, O_RDWR), other = slot_open(OWN, O_RDWR);

	demand(fd >= 0 && other >= 0);
	while (!enough) {
		unsigned int odd = random_below(&seed, stable) * 2 + 1;

		/* Made and forgotten by selecting, and by a message and its end. */
		demand(slot_select(fd, odd) == 0);
		odd = random_below(&seed, stable) * 2 + 1;
		demand(send_text(other, odd, "for a moment") > 0);
		demand(clear_channel(other, odd) >= 0);
		sched_yield();
	}
	close(fd);
	close(other);
	return NULL;
}

static void *write_here_and_there(void *argument)
{
	uint64_t seed = *(uint64_t *)argument + 1;
	int fd = slot_open(OWN, O_RDWR);

	demand(fd >= 0);
	while (!enough) {
		demand(send_text(fd, 2 + random_below(&seed, stable) * 2, "again") > 0);
		sched_yield();
	}
	close(fd);
	return NULL;
}

static void a_channel_that_stays_is_listed_once(void **state)
{
	uint64_t seed = seed_get(), from, highest;
	pthread_t threads[2];
	long i, evens, count;
	int fd, round;

	(void)state;
	stable = scaled(1000000, 10000);
	assert_result(slot_set(OWN, "max_channels", 2 * stable), 0);
	assert_result(slot_set(OWN, "max_bytes", 4ull << 30), 0);
	fd = own_open(O_RDWR);
	for (i = 1; i <= stable; i++)
		if (send_text(fd, 2 * i, "here") != 1)
			fail_msg("channel %ld: %s", 2 * i, strerror(errno));
	assert_result(slot_get(OWN, "channels"), stable);
	enough = false;
	threads[0] = thread_start(come_and_go, &seed);
	threads[1] = thread_start(write_here_and_there, &seed);
	for (round = 0; round < 3; round++) {
		from = highest = 0;
		evens = 0;
		while (from < past_all) {
			count = step(fd, &from, entries, COUNT_OF(entries));
			assert_in_range(count, 0, MSGSLOT_WALK_MAX);
			for (i = 0; i < count; i++) {
				const struct msgslot_walk_entry *entry = &entries[i];

				if (entry->channel <= highest)
					fail_msg("%u after %llu", entry->channel,
						 (unsigned long long)highest);
				highest = entry->channel;
				if (highest % 2)
					continue;
				evens++;
				if (entry->next != entry->first + 1)
					fail_msg("%u keeps no message", entry->channel);
			}
			if (from <= highest)
				fail_msg("goes on at %llu after %llu", (unsigned long long)from,
					 (unsigned long long)highest);
		}
		assert_int_equal(evens, stable);
	}
	enough = true;
	thread_join(threads[0]);
	thread_join(threads[1]);
	/* Nothing of what came and went is left. */
	assert_result(slot_get(OWN, "channels"), stable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(an_empty_slot),
		own_slot_test(first_and_last_ids),
		own_slot_test(what_an_entry_says),
		own_slot_test(so_many_a_step),
		own_slot_test(errors_come_in_order),
		own_slot_test(files_that_listen_are_counted),
		own_slot_test(entries_at_a_page_end),
		own_slot_test(a_channel_that_stays_is_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
