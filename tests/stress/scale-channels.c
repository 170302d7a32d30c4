// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A million channels in a slot: all of them are kept, and when they are freed at once, one by one
 * or with their slot, no other process waits for that. The same for one channel of the greatest
 * depth; and channels up to the limit of a memory cgroup.
 *
 * Only the waiting is measured by clock, with a bound that is missed only if a processor is never
 * given up.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>

#include "cgroup.h"
#include "check.h"

enum { MIB = 1024 * 1024, OTHER = OWN + 1, DEPTH = 65536 };

static char text[300], got[300];

static long send_to(int fd, uint32_t id, const void *message, size_t length)
{
	struct msgslot_send send = send_of(id, message, length);

	return ioctl(fd, MSGSLOT_SEND, &send);
}

/* Ids from the whole range of 32 bits, none twice, none 0. */
static uint32_t id_of(long i)
{
	return (uint32_t)(i + 1) * 2654435761u;
}

/* Sends to channels until a call fails or there are @most; returns how many succeeded. */
static long fill(int fd, long most)
{
	uint64_t message[2];
	long i;

	for (i = 0; i < most; i++) {
		message[0] = message[1] = id_of(i);
		if (send_to(fd, id_of(i), message, sizeof(message)))
			break;
	}
	return i;
}

static void assert_filled(int fd, long i)
{
	struct msgslot_recv recv = {
		.channel = id_of(i),
		.message = (uintptr_t)got,
		.size = sizeof(got),
	};
	uint64_t message[2] = { id_of(i), id_of(i) };

	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, sizeof(message));
	assert_memory_equal(got, message, sizeof(message));
}

/* Calls @each, if any, for up to @most channels in the order of their ids; returns their number. */
static long walk(int fd, long most, void (*each)(int fd, uint32_t id))
{
	static struct msgslot_walk_entry entries[MSGSLOT_WALK_MAX];
	struct msgslot_walk walk = { .entries = (uintptr_t)entries };
	uint64_t least = 0;
	long count = 0;
	uint32_t i;

	while (walk.from >> 32 == 0 && count < most) {
		walk.count = most - count < MSGSLOT_WALK_MAX ? most - count : MSGSLOT_WALK_MAX;
		assert_result(ioctl(fd, MSGSLOT_WALK, &walk), 0);
		for (i = 0; i < walk.count; i++) {
			assert_true(entries[i].channel >= least);
			least = entries[i].channel + 1ull;
			if (each)
				each(fd, entries[i].channel);
		}
		count += walk.count;
	}
	return count;
}

static void clear_one(int fd, uint32_t id)
{
	struct msgslot_clear clear = { .channel = id };

	assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, 1);
}

/*
 * A thread that uses another slot: the longest time that its calls took. It runs on the processor
 * of the load: with two, it would run on the other.
 */
static struct {
	volatile bool stop;
	long calls;
	double longest;
} beside;

static void on_first_processor(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	assert_result(sched_setaffinity(0, sizeof(first), &first), 0);
}

static void on_all_processors(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	assert_result(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void *use_another_slot(void *unused)
{
	double before, took;
	char byte;
	int fd;

	(void)unused;
	while (!beside.stop) {
		before = seconds_now();
		/*
		 * Being woken also needs the processor, so the sleep is part of the measured time.
		 */
		usleep(1000);
		fd = slot_open_on(OTHER, O_RDWR, 1 + beside.calls % 8);
		demand(fd >= 0);
		demand(write(fd, "x", 1) == 1);
		demand(read(fd, &byte, 1) == 1);
		close(fd);
		took = seconds_now() - before;
		if (took > beside.longest)
			beside.longest = took;
		__atomic_add_fetch(&beside.calls, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* @what must neither keep the processor nor keep other users from their slots. */
static void assert_gives_way(const char *name, void (*what)(void))
{
	double before, took;
	pthread_t thread;

	on_first_processor();
	beside.stop = false;
	beside.calls = 0;
	beside.longest = 0;
	thread = thread_start(use_another_slot, NULL);
	while (!__atomic_load_n(&beside.calls, __ATOMIC_RELAXED))
		usleep(1000);
	before = seconds_now();
	what();
	took = seconds_now() - before;
	beside.stop = true;
	thread_join(thread);
	on_all_processors();
	printf("# %s: %.2f s; %ld uses of another slot beside it, the longest %.3f s\n", name, took,
	       beside.calls, beside.longest);
	assert_true(beside.longest < paced(2, 20));
}

/*
 * A task that keeps a processor for twice this many seconds causes a report of the kernel, and the
 * harness fails the test for it.
 */
#define WATCHDOG "/proc/sys/kernel/watchdog_thresh"

static char threshold[16];

static int watchdog_begin(void **state)
{
	if (own_begin(state))
		return -1;
	if (!slot_exists(OTHER) && slot_create(OTHER, "last"))
		return -1;
	/* A kernel without it (the debug kernel) is judged by the clock alone. */
	if (text_get(WATCHDOG, threshold, sizeof(threshold)) < 0)
		return errno == ENOENT ? 0 : -1;
	return text_put(WATCHDOG, "3");
}

static int watchdog_end(void **state)
{
	int failed = own_end(state) || slot_destroy(OTHER);

	if (threshold[0])
		failed |= text_put(WATCHDOG, threshold);
	return failed ? -1 : 0;
}

#define watchdog_test(test) cmocka_unit_test_setup_teardown(test, watchdog_begin, watchdog_end)

static long channels;
static int file;

static void clear_a_quarter(void)
{
	assert_int_equal(walk(file, channels / 4, clear_one), channels / 4);
}

static void destroy(void)
{
	assert_result(slot_destroy(OWN), 0);
}

static void a_million_channels(void **state)
{
	const long step = scaled(997, 97);
	double began = seconds_now();
	long i;

	(void)state;
	channels = machine_is_hurried() ? 6000 : reduced(1048576, 40000, 20000);
	assert_result(slot_set(OWN, "max_channels", channels), 0);
	assert_result(slot_set(OWN, "max_bytes", 1024ull * MIB), 0);
	file = own_open(O_RDWR);
	assert_int_equal(fill(file, channels + 1), channels);
	assert_int_equal(errno, ENOSPC);
	printf("# filled: %.2f s\n", seconds_now() - began);
	assert_result(slot_get(OWN, "channels"), channels);
	assert_result(slot_get(OWN, "messages"), channels);
	printf("# %lld bytes a channel are charged\n", slot_get(OWN, "bytes") / channels);
	for (i = 0; i < channels; i += step)
		assert_filled(file, i);
	assert_int_equal(walk(file, LONG_MAX, NULL), channels);

	assert_gives_way("clearing a quarter of a million channels", clear_a_quarter);
	assert_result(slot_get(OWN, "channels"), channels - channels / 4);
	assert_result(slot_get(OWN, "messages"), channels - channels / 4);
	assert_int_equal(fill(file, channels), channels);
	assert_result(slot_get(OWN, "channels"), channels);
	assert_gives_way("destroying a million channels", destroy);
	assert_fails(send_to(file, 1, "x", 1), ENODEV);
}

/* One channel, and as many messages, each in a buffer of its own. */
static void clear_deep(void)
{
	struct msgslot_clear clear = { .channel = 7 };

	assert_result(ioctl(file, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, channels);
}

static void a_deep_channel_goes(void **state)
{
	long i;

	(void)state;
	channels = machine_is_hurried() ? 2000 : scaled(DEPTH, 5000);
	assert_result(slot_put(OWN, "mode", "queue"), 0);
	assert_result(slot_set(OWN, "depth", channels), 0);
	assert_result(slot_set(OWN, "max_bytes", 1024ull * MIB), 0);
	file = own_open(O_RDWR);
	for (i = 0; i < channels; i++)
		assert_result(send_to(file, 7, text, 300), 0);
	assert_gives_way("clearing a deep channel", clear_deep);
	assert_result(slot_get(OWN, "bytes"), 0);
	for (i = 0; i < channels; i++)
		assert_result(send_to(file, 7, text, 300), 0);
	assert_gives_way("destroying a deep channel", destroy);
}

/* ---- in a memory cgroup ------------------------------------------------------- */

/*
 * Shared with the test: a child that has used up its group cannot allocate memory to report with.
 */
static struct {
	long count;
	int error;
	int replaced;
} * told;

static void *fill_a_group(void *unused)
{
	const uint64_t message[] = { id_of(0), id_of(0) };
	int fd = slot_open(OWN, O_RDWR);

	(void)unused;
	demand(fd >= 0);
	told->error = 0;
	demand(group_enter() == 0);
	told->count = fill(fd, 1000000);
	told->error = errno;
	/* A message can still be replaced where there is one. */
	told->replaced = send_to(fd, id_of(0), message, sizeof(message)) == 0;
	return NULL;
}

static void channels_of_a_small_group(void **state)
{
	const long group_mib = scaled(48, 12);
	int fd, other, waits;
	long count, i;

	(void)state;
	told = shared_for_test(sizeof(*told));
	group_begin(group_mib * MIB);
	assert_result(slot_set(OWN, "max_bytes", 1024ull * MIB), 0);
	child_run(NULL, fill_a_group, NULL);
	assert_int_equal(told->error, ENOMEM);
	assert_true(told->replaced);
	/*
	 * All memory of the group, at 256 to 1024 bytes a channel; more where a kernel guards its
	 * objects.
	 */
	assert_in_range(told->count, group_mib * paced(1024, 256), group_mib * 4096);
	assert_result(group_get("memory.events", "oom_kill "), 0);
	/* Every channel that was filled is there. */
	count = told->count;
	assert_result(slot_get(OWN, "messages"), count);
	printf("# %ld channels in %ld MiB\n", count, group_mib);
	fd = own_open(O_RDWR);
	for (i = 0; i < count; i += 97)
		assert_filled(fd, i);
	/* Processes outside the group still get memory, in this slot and in another. */
	assert_result(send_to(fd, 1, "x", 1), 0);
	other = slot_open_on(0, O_RDWR, 77);
	assert_works(other);
	assert_result(write(other, "x", 1), 1);
	assert_result(read(other, got, 8), 1);
	assert_result(send_to(other, 78, "y", 1), 0);
	clear_one(other, 77);
	clear_one(other, 78);
	close(other);
	/* The slot's own limit applies before the group's. */
	assert_result(slot_set(OWN, "max_bytes", slot_get(OWN, "bytes")), 0);
	assert_fails(send_to(fd, 2, "x", 1), ENOSPC);
	assert_filled(fd, count - 1);
	assert_int_equal(own_end(state), 0);
	for (waits = 0; group_get("memory.current", NULL) > 4 * MIB && waits < 600; waits++)
		usleep(100000);
	assert_in_range(group_get("memory.current", NULL), 0, 4 * MIB);
	group_end();
	munmap(told, sizeof(*told));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		watchdog_test(a_million_channels),
		watchdog_test(a_deep_channel_goes),
		own_slot_test(channels_of_a_small_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
