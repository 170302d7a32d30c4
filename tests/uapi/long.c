// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages longer than a cell's inline bytes, up to 1 MiB: whole, in order of writing, and at no
 * time a mixture; a call that fails half way leaves what was there.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "check.h"

enum { MIB = 1024 * 1024 };

static int long_begin(void **state)
{
	if (own_begin(state))
		return -1;
	return slot_set(OWN, "max_message", MIB);
}

#define long_slot_test(test) cmocka_unit_test_setup_teardown(test, long_begin, own_end)

static char *buffer_new(size_t size)
{
	char *buffer = malloc(size);

	assert_non_null(buffer);
	memset(buffer, 0, size);
	return buffer;
}

static void max_message_is_a_limit_of_the_slot(void **state)
{
	char *text = buffer_new(MIB + 1);
	int fd;

	(void)state;
	assert_result(slot_get(OWN, "max_message"), MIB);
	assert_fails(slot_set(OWN, "max_message", MIB + 1), EINVAL);
	assert_fails(slot_set(OWN, "max_message", 0), EINVAL);
	assert_result(slot_set(OWN, "max_message", 1000), 0);
	fd = own_open_on(O_RDWR, 1);
	assert_result(write(fd, text, 1000), 1000);
	assert_fails(write(fd, text, 1001), EMSGSIZE);
	/* Writable only while no file is open and no message is kept; the present value always. */
	assert_fails(slot_set(OWN, "max_message", 2000), EBUSY);
	assert_result(slot_set(OWN, "max_message", 1000), 0);
	close(fd);
	own.count--;
	assert_fails(slot_set(OWN, "max_message", 2000), EBUSY);
	assert_result(slot_set(OWN, "max_message", 1000), 0);
	free(text);
}

static void every_size_comes_back(void **state)
{
	const size_t sizes[] = { 1,	128,   255,    256,    257,	511,  512,  513,
				 4000,	4095,  4096,   4097,   8191,	8192, 8193, 65535,
				 65536, 65537, 131073, 262144, MIB - 1, MIB };
	const int count = sizeof(sizes) / sizeof(sizes[0]);
	char *sent = buffer_new(MIB + 1), *got = buffer_new(MIB + 1);
	int fd = own_open_on(O_RDWR, 1), round, i;

	(void)state;
	/* Upwards, then downwards: buffers must grow, and a short message leave no tail. */
	for (round = 0; round < 2 * count; round++) {
		i = round < count ? round : 2 * count - 1 - round;
		bytes_fill(sent, sizes[i], round);
		assert_result(write(fd, sent, sizes[i]), (ssize_t)sizes[i]);
		got[sizes[i]] = '!';
		assert_result(read(fd, got, MIB + 1), (ssize_t)sizes[i]);
		assert_false(memcmp(got, sent, sizes[i]));
		assert_int_equal(got[sizes[i]], '!');
		/* Exactly enough is enough, one less is not. */
		assert_result(read(fd, got, sizes[i]), (ssize_t)sizes[i]);
		assert_fails(read(fd, got, sizes[i] - 1), ENOSPC);
	}
	assert_fails(write(fd, sent, MIB + 1), EMSGSIZE);
	assert_result(read(fd, got, MIB), 1);
	assert_result(slot_get(OWN, "messages"), 1);
	free(sent);
	free(got);
}

static void long_and_short_by_turns(void **state)
{
	const size_t sizes[] = { 65536, 3, 300, 256, 257, MIB, 1, 100000, 128 };
	char *sent = buffer_new(MIB), *got = buffer_new(MIB);
	int fd = own_open_on(O_RDWR, 1);
	uint64_t i;

	(void)state;
	for (i = 0; i < 90; i++) {
		size_t size = sizes[i % 9];

		bytes_fill(sent, size, i);
		assert_result(write(fd, sent, size), (ssize_t)size);
		assert_result(read(fd, got, MIB), (ssize_t)size);
		assert_false(memcmp(got, sent, size));
	}
	free(sent);
	free(got);
}

static void bad_pointer_half_way_keeps_the_message(void **state)
{
	const size_t rooms[] = { 1, 300, 4096, 20000, 49999 };
	char *keep = buffer_new(50000);
	int fd = own_open_on(O_RDWR, 1);
	size_t i;

	(void)state;
	bytes_fill(keep, 50000, 1);
	assert_result(write(fd, keep, 50000), 50000);
	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		char *edge = edge_new(rooms[i], PROT_READ | PROT_WRITE);
		struct iovec parts[] = { { edge, rooms[i] }, { nowhere, 50000 - rooms[i] } };

		assert_fails(write(fd, edge, 50000), EFAULT);
		assert_fails(write(fd, edge, rooms[i] + 1), EFAULT);
		assert_fails(writev(fd, parts, 2), EFAULT);
		assert_holds(1, keep, 50000);
		assert_fails(read(fd, edge, 50000), EFAULT);
		assert_fails(read(fd, edge, MIB), EFAULT);
		assert_fails(readv(fd, parts, 2), EFAULT);
		assert_holds(1, keep, 50000);
		edge_free(edge, rooms[i]);
	}
	/* The same over a short message, and on a channel that never had one. */
	assert_result(write(fd, "short", 5), 5);
	assert_fails(write(fd, nowhere, MIB), EFAULT);
	assert_holds(1, "short", 5);
	assert_result(slot_select(fd, 2), 0);
	assert_fails(write(fd, nowhere, MIB), EFAULT);
	assert_empty(2);
	free(keep);
}

static void vectors(void **state)
{
	char *sent = buffer_new(100000), *got = buffer_new(100000);
	struct iovec out[] = { { sent, 1 }, { sent + 1, 70000 }, { sent + 70001, 29999 } };
	struct iovec in[] = { { got, 33333 }, { got + 33333, 6 }, { got + 33339, 66661 } };
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	bytes_fill(sent, 100000, 5);
	assert_result(writev(fd, out, 3), 100000);
	assert_result(readv(fd, in, 3), 100000);
	assert_false(memcmp(got, sent, 100000));
	assert_fails(readv(fd, in, 2), ENOSPC);
	free(sent);
	free(got);
}

struct forked {
	int fd;
	char *target, *want;
};

static void *read_into_forked_memory(void *argument)
{
	struct forked *forked = argument;

	/* Every page of the target is shared with the parent until this read. */
	demand(read(forked->fd, forked->target, MIB) == 200000);
	demand(!memcmp(forked->target, forked->want, 200000));
	demand(forked->target[200000] == '=');
	return NULL;
}

static void targets_just_forked_or_not_yet_there(void **state)
{
	struct forked forked = { own_open_on(O_RDWR, 1), buffer_new(MIB), buffer_new(MIB) };
	char *fresh;
	int i;

	(void)state;
	bytes_fill(forked.want, 200000, 9);
	memset(forked.target, '=', MIB);
	assert_result(write(forked.fd, forked.want, 200000), 200000);
	for (i = 0; i < 3; i++)
		child_run(NULL, read_into_forked_memory, &forked);
	assert_int_equal(forked.target[0], '=');
	assert_int_equal(forked.target[199999], '=');
	/* Untouched pages of an anonymous mapping, read from and read into. */
	fresh = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(fresh != MAP_FAILED);
	assert_result(read(forked.fd, fresh, MIB), 200000);
	assert_false(memcmp(fresh, forked.want, 200000));
	assert_result(write(forked.fd, fresh + 300000, 300000), 300000);
	memset(forked.want, 0, MIB);
	assert_holds(1, forked.want, 300000);
	munmap(fresh, MIB);
	free(forked.target);
	free(forked.want);
}

/*
 * Two writers, three readers, one channel.  A message is one word repeated, and the word says how
 * long the message is: a reader can tell a mixture, and a stale length, at a glance.
 */
static volatile bool enough;
static long writes_left;

static void *write_words(void *argument)
{
	uint64_t seed = (uintptr_t)argument, *words = malloc(MIB), i, count;
	int fd = slot_open_on(OWN, O_WRONLY, 1);

	demand(words && fd >= 0);
	while (__atomic_sub_fetch(&writes_left, 1, __ATOMIC_RELAXED) >= 0) {
		/* From inline to 256 KiB; short ones are frequent. */
		count = 1 + random_below(&seed, 1 << (5 + random_below(&seed, 11)));
		for (i = 0; i < count; i++)
			words[i] = seed << 32 | count;
		demand(write(fd, words, count * 8) == (ssize_t)count * 8);
	}
	enough = true;
	close(fd);
	free(words);
	return NULL;
}

static void *read_words(void *argument)
{
	uint64_t *words = malloc(MIB), i;
	int fd = slot_open_on(OWN, O_RDONLY, 1);
	bool fresh = argument != NULL;
	ssize_t got;

	demand(words && fd >= 0);
	while (!enough) {
		if (fresh) {
			/* Into pages that are not there, so that the quick way faults. */
			char *pages = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			demand(pages != MAP_FAILED);
			got = read(fd, pages, MIB);
			if (got > 0)
				memcpy(words, pages, got);
			munmap(pages, MIB);
		} else {
			got = read(fd, words, MIB);
		}
		if (got < 0) {
			demand(errno == EAGAIN);
			continue;
		}
		demand(got % 8 == 0);
		demand((uint32_t)words[0] == got / 8);
		for (i = 1; i < (size_t)got / 8; i++)
			demand(words[i] == words[0]);
	}
	close(fd);
	free(words);
	return NULL;
}

static void no_mixture_under_concurrency(void **state)
{
	pthread_t threads[5];
	int i;

	(void)state;
	enough = false;
	writes_left = scaled(3000, 150);
	for (i = 0; i < 5; i++)
		threads[i] = i < 2 ? thread_start(write_words, (void *)(uintptr_t)(77 + i)) :
				     thread_start(read_words, i == 4 ? &threads : NULL);
	for (i = 0; i < 5; i++)
		thread_join(threads[i]);
	assert_result(slot_get(OWN, "messages"), 1);
}

/* The memory of long messages goes with their slot, and is told by `bytes` until then. */
static long long memory_available(void)
{
	return meminfo_get("MemAvailable:");
}

static void memory_goes_with_the_slot(void **state)
{
	enum { COUNT = 24 };
	char *text = buffer_new(MIB);
	long long before, holding, round;
	int fd, i, waits;

	bytes_fill(text, MIB, 3);
	before = memory_available();
	for (round = 0; round < scaled(6, 2); round++) {
		fd = own_open(O_WRONLY);
		assert_result(slot_get(OWN, "bytes"), 0);
		for (i = 1; i <= COUNT; i++) {
			assert_result(slot_select(fd, i), 0);
			assert_result(write(fd, text, MIB), MIB);
		}
		holding = slot_get(OWN, "bytes");
		assert_true(holding >= (long long)COUNT * MIB);
		/* What a message costs beyond its bytes is small. */
		assert_true(holding <= (long long)COUNT * (MIB + 65536));
		assert_int_equal(own_end(state), 0);
		assert_int_equal(long_begin(state), 0);
	}
	assert_result(slot_get(OWN, "bytes"), 0);
	/*
	 * Memory comes back after a grace period, and with some noise from the rest of the system.
	 */
	for (waits = 0; before - memory_available() > 12 * MIB && waits < 300; waits++)
		usleep(100000);
	assert_true(before - memory_available() <= 12 * MIB);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		long_slot_test(max_message_is_a_limit_of_the_slot),
		long_slot_test(every_size_comes_back),
		long_slot_test(long_and_short_by_turns),
		long_slot_test(bad_pointer_half_way_keeps_the_message),
		long_slot_test(vectors),
		long_slot_test(targets_just_forked_or_not_yet_there),
		long_slot_test(no_mixture_under_concurrency),
		long_slot_test(memory_goes_with_the_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
