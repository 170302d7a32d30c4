// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overflow=block with many at once: writers and readers of every speed, readers that are killed,
 * stopped, or come and go.  Every reader hears everything since it joined, in the same order, and
 * no writer waits for one that is gone.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "broadcast.h"

enum { DEPTH = 8, WRITERS = 4, READERS = 8 };

static int block_begin(void **state)
{
	return broadcast_begin_block(state, DEPTH);
}

#define block_test(test) cmocka_unit_test_setup_teardown(test, block_begin, own_end)

/* A message tells which writer wrote it, and how many that writer wrote before. */
static long message(long writer, long count)
{
	return writer << 32 | count;
}

static long rounds;

struct writer {
	int fd;
	long name;
};

static void *write_all(void *argument)
{
	struct writer *writer = argument;
	long i;

	for (i = 0; i < rounds; i++)
		demand(tell(writer->fd, message(writer->name, i)) == 0);
	return NULL;
}

/*
 * Every writer's messages come in that writer's order.  The message that comes first for one reader
 * comes first for all.
 */
struct reader {
	int fd;
	unsigned int haste; /* sleeps a moment after so many messages; 0: never */
	uint64_t order;	    /* a sum in which the order shows */
};

static void *read_all(void *argument)
{
	struct reader *reader = argument;
	long next[WRITERS] = { 0 }, number, i;

	for (i = 0; i < WRITERS * rounds; i++) {
		number = hear(reader->fd);
		demand(number >= 0 && number >> 32 < WRITERS);
		demand((number & 0xffffffff) == next[number >> 32]++);
		reader->order = reader->order * 31 + number + 1;
		if (reader->haste && i % reader->haste == 0)
			usleep(100);
	}
	return NULL;
}

static void everybody_hears_everything_in_order(void **state)
{
	struct reader readers[READERS];
	struct writer writers[WRITERS];
	pthread_t threads[READERS + WRITERS];
	int i, fd = -1;

	(void)state;
	rounds = scaled(1500, 150);
	for (i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .fd = own_open_on(O_RDONLY, 1), .haste = i * i };
		threads[i] = thread_start(read_all, &readers[i]);
	}
	for (i = 0; i < WRITERS; i++) {
		/* Two of them share a file. */
		if (i != 1)
			fd = own_open_on(O_WRONLY, 1);
		writers[i] = (struct writer){ fd, i };
		threads[READERS + i] = thread_start(write_all, &writers[i]);
	}
	for (i = 0; i < READERS + WRITERS; i++)
		thread_join(threads[i]);
	for (i = 1; i < READERS; i++)
		assert_int_equal(readers[i].order, readers[0].order);
	assert_result(slot_get(OWN, "sent"), WRITERS * rounds);
	assert_result(slot_get(OWN, "received"), READERS * WRITERS * rounds);
	assert_result(slot_get(OWN, "dropped"), 0);
}

/* Space for one lets one of the sleepers go, space for all lets all go. */
static void space_for_as_many_as_there_is(void **state)
{
	int fd = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	int i, n, over;
	struct call calls[DEPTH];
	long sum = 0;

	(void)state;
	for (i = 0; i < DEPTH; i++)
		assert_tells(fd, 0);
	for (i = 0; i < DEPTH; i++) {
		calls[i] = (struct call){ .make = i % 2 ? call_write : call_send,
					  .fd = fd,
					  .id = 1,
					  .number = 1 << i,
					  .timeout = -1 };
		call_start(&calls[i]);
	}
	for (i = 0; i < DEPTH; i++)
		assert_sleeps(&calls[i]);
	for (n = 1; n <= DEPTH / 2; n++) {
		assert_hears(reader, 0);
		do {
			usleep(1000);
			for (i = 0, over = 0; i < DEPTH; i++)
				over += calls[i].over;
		} while (over < n);
		for (i = 0; i < DEPTH; i++)
			if (!calls[i].over)
				assert_sleeps(&calls[i]);
		for (i = 0, over = 0; i < DEPTH; i++)
			over += calls[i].over;
		assert_int_equal(over, n);
	}
	assert_true(seek_to(reader, MSGSLOT_SEEK_END) > 0);
	for (i = 0; i < DEPTH; i++)
		assert_ends(&calls[i], 0);
	/* The second half came after the seek, each once. */
	for (i = 0; i < DEPTH / 2; i++)
		assert_true(hear(reader) > 0);
	assert_hears(reader, -EAGAIN);
	assert_true(seek_to(reader, MSGSLOT_SEEK_OLDEST) > 0);
	for (i = 0; i < DEPTH; i++)
		sum += hear(reader);
	assert_int_equal(sum, (1 << DEPTH) - 1);
}

/* A reader in a process of its own; the other end of the pipe learns what it does. */
static int told;

static void *join_and_sleep(void *unused)
{
	(void)unused;
	demand(slot_open_on(OWN, O_RDONLY, 1) >= 0);
	demand(write(told, "j", 1) == 1);
	for (;;)
		pause();
}

static void *join_and_hear(void *unused)
{
	int fd = slot_open_on(OWN, O_RDONLY, 1);
	long i;

	(void)unused;
	demand(fd >= 0);
	demand(write(told, "j", 1) == 1);
	for (i = 0; i < rounds; i++)
		demand(hear(fd) == i);
	return NULL;
}

static pid_t reader_start(void *(*run)(void *))
{
	int ends[2];
	pid_t child;
	char byte;

	assert_result(pipe(ends), 0);
	told = ends[1];
	child = child_start(NULL, run, NULL);
	close(ends[1]);
	assert_result(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return child;
}

static void a_killed_reader_lets_writers_go(void **state)
{
	int status, round, i, fd;
	struct call call;
	pid_t child;

	(void)state;
	for (round = 0; round < scaled(10, 3); round++) {
		/* Before any file is open here: it would be the child's, too. */
		child = reader_start(join_and_sleep);
		fd = own_open_on(O_WRONLY, 1);
		for (i = 0; i < DEPTH; i++)
			assert_tells(fd, i);
		call = (struct call){ .make = call_write, .fd = fd, .number = DEPTH };
		call_start(&call);
		assert_sleeps(&call);
		assert_result(kill(child, SIGKILL), 0);
		assert_ends(&call, 0);
		for (i = 0; i < 2 * DEPTH; i++)
			assert_tells(fd, i);
		assert_result(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		own_close(fd);
	}
}

/* A killed writer, asleep or not: the reader goes on, and the next writer too. */
static void *write_for_ever(void *unused)
{
	int fd = slot_open_on(OWN, O_WRONLY, 1);
	long i;

	(void)unused;
	demand(fd >= 0);
	for (i = 0;; i++)
		demand(tell(fd, i) == 0);
}

static void killed_writers_delay_no_other(void **state)
{
	int reader = own_open_on(O_RDONLY | O_NONBLOCK, 1), writer, status, round, i, n;
	uint64_t seed = seed_get();
	pid_t children[3];
	long number;

	(void)state;
	for (round = 0; round < scaled(20, 4); round++) {
		for (i = 0; i < 3; i++)
			children[i] = child_start(NULL, write_for_ever, NULL);
		for (n = random_below(&seed, 200); n > 0;)
			n -= hear(reader) >= 0;
		for (i = 0; i < 3; i++) {
			assert_result(kill(children[i], SIGKILL), 0);
			assert_result(waitpid(children[i], &status, 0), children[i]);
			assert_true(WIFSIGNALED(status));
		}
		/* What they had said is there, whole; and there is nobody to say more. */
		for (n = 0; (number = hear(reader)) >= 0; n++)
			;
		assert_int_equal(number, -EAGAIN);
		assert_in_range(n, 0, DEPTH);
		writer = own_open_on(O_WRONLY | O_NONBLOCK, 1);
		for (i = 0; i < DEPTH; i++)
			assert_tells(writer, i);
		assert_int_equal(tell(writer, i), -EAGAIN);
		for (i = 0; i < DEPTH; i++)
			assert_hears(reader, i);
		own_close(writer);
	}
}

/* Stopped is not gone: writers wait, and go on when it goes on. */
static void a_stopped_reader_holds_writers_up(void **state)
{
	struct call call;
	int status, fd;
	pid_t child;
	long i;

	(void)state;
	rounds = 10 * DEPTH;
	child = reader_start(join_and_hear);
	assert_result(kill(child, SIGSTOP), 0);
	assert_result(waitpid(child, &status, WUNTRACED), child);
	assert_true(WIFSTOPPED(status));
	fd = own_open_on(O_WRONLY, 1);
	for (i = 0; i < DEPTH; i++)
		assert_tells(fd, i);
	call = (struct call){ .make = call_write, .fd = fd, .number = DEPTH };
	call_start(&call);
	assert_sleeps(&call);
	usleep(paced(50000, 300000));
	assert_sleeps(&call);
	assert_result(kill(child, SIGCONT), 0);
	assert_ends(&call, 0);
	for (i = DEPTH + 1; i < rounds; i++)
		assert_tells(fd, i);
	/* It heard all of them, in order, none lost. */
	child_join(child);
	assert_result(slot_get(OWN, "dropped"), 0);
}

/* Readers join, hear some, and leave, while writers write: those are never held up for good. */
static volatile bool enough;

static void *come_and_go(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	int stay, fd;

	while (!enough) {
		fd = slot_open_on(OWN, O_RDONLY | O_NONBLOCK, 1);
		demand(fd >= 0);
		for (stay = random_below(&seed, 4 * DEPTH); stay > 0; stay--) {
			long number = hear(fd);

			demand(number >= 0 || number == -EAGAIN);
		}
		if (random_below(&seed, 2))
			demand(slot_select(fd, 2) == 0);
		close(fd);
	}
	return NULL;
}

static void readers_that_come_and_go(void **state)
{
	pthread_t visitors[4], threads[WRITERS], listener;
	struct writer writers[WRITERS];
	uint64_t seed = seed_get();
	struct reader reader;
	int i;

	(void)state;
	rounds = scaled(1000, 100);
	enough = false;
	reader = (struct reader){ .fd = own_open_on(O_RDONLY, 1) };
	listener = thread_start(read_all, &reader);
	for (i = 0; i < 4; i++)
		visitors[i] = thread_start(come_and_go, (void *)(uintptr_t)((seed | 1) + 2 * i));
	for (i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ own_open_on(O_WRONLY, 1), i };
		threads[i] = thread_start(write_all, &writers[i]);
	}
	for (i = 0; i < WRITERS; i++)
		thread_join(threads[i]);
	thread_join(listener);
	enough = true;
	for (i = 0; i < 4; i++)
		thread_join(visitors[i]);
	assert_result(slot_get(OWN, "sent"), WRITERS * rounds);
	assert_result(slot_get(OWN, "dropped"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		block_test(everybody_hears_everything_in_order),
		block_test(space_for_as_many_as_there_is),
		block_test(a_killed_reader_lets_writers_go),
		block_test(killed_writers_delay_no_other),
		block_test(a_stopped_reader_holds_writers_up),
		block_test(readers_that_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
