// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overflow=drop: a full log replaces its oldest message, and every reader that had not read it is
 * told.  A plain read() says ENOBUFS once and goes on with the oldest kept.  RECV never fails so:
 * it says how many were lost since the file joined.  sysfs counts the same.
 */
#define _GNU_SOURCE
#include "broadcast.h"

static void tell_many(int fd, long from, long to)
{
	for (; from < to; from++)
		assert_tells(fd, from);
}

static void hear_many(int fd, long from, long to)
{
	for (; from < to; from++)
		assert_hears(fd, from);
	assert_hears(fd, -EAGAIN);
}

/* Also where the depth is one, or no power of two, or grows over several sizes of the ring. */
static void told_once_then_the_oldest_kept(void **state)
{
	static const long depths[] = { 1, 2, 3, 5, 7, 64, 100, 256, 1000 };
	long i, count = scaled(sizeof(depths) / sizeof(depths[0]), 6);

	(void)state;
	for (i = 0; i < count; i++) {
		long depth = depths[i], over;

		for (over = 0; over <= 2 * depth; over += 1 + over / 2) {
			int writer, reader;

			assert_result(slot_set(OWN, "depth", depth), 0);
			writer = own_open_on(O_WRONLY, 1);
			reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
			tell_many(writer, 0, depth + over);
			if (over)
				assert_hears(reader, -ENOBUFS);
			hear_many(reader, over, depth + over);
			/* Told is told: from here on nothing is lost. */
			tell_many(writer, 0, depth);
			hear_many(reader, 0, depth);
			assert_result(slot_get(OWN, "messages"), depth);
			assert_result(own_clear(writer, 1), depth);
			own_close(writer);
			own_close(reader);
		}
	}
}

static void each_overrun_is_told(void **state)
{
	int writer, reader, round;

	(void)state;
	assert_result(slot_set(OWN, "depth", 4), 0);
	writer = own_open_on(O_WRONLY, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	for (round = 1; round <= 5; round++) {
		tell_many(writer, 0, 4 + round);
		assert_hears(reader, -ENOBUFS);
		assert_hears(reader, round);
		assert_hears(reader, round + 1);
		/* Overrun again before it came to the end. */
		tell_many(writer, 10, 14);
		assert_hears(reader, -ENOBUFS);
		hear_many(reader, 10, 14);
	}
	/* round + 2 each time */
	assert_result(slot_get(OWN, "dropped"), 1 + 2 + 3 + 4 + 5 + 2 * 5);
}

/* One reader's loss is nobody else's. */
static void a_reader_that_keeps_up_loses_nothing(void **state)
{
	int writer, fast, slow, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 3), 0);
	writer = own_open_on(O_WRONLY, 1);
	fast = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	slow = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	for (i = 0; i < 10; i++) {
		assert_tells(writer, i);
		assert_hears(fast, i);
	}
	assert_hears(slow, -ENOBUFS);
	hear_many(slow, 7, 10);
	assert_hears(fast, -EAGAIN);
	/* A file that joins afterwards missed nothing that was meant for it. */
	assert_hears(own_open_on(O_RDONLY | O_NONBLOCK, 1), -EAGAIN);
	assert_result(slot_get(OWN, "dropped"), 7);
}

static void recv_delivers_and_says_how_many(void **state)
{
	struct msgslot_recv recv;
	int writer, reader;

	(void)state;
	assert_result(slot_set(OWN, "depth", 4), 0);
	writer = own_open_on(O_WRONLY, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	tell_many(writer, 0, 10);
	assert_int_equal(recv_number(reader, 1, &recv), 6);
	assert_int_equal(recv.lost, 6);
	/* It is a total: it stays, and it grows. */
	assert_int_equal(recv_number(reader, 1, &recv), 7);
	assert_int_equal(recv.lost, 6);
	tell_many(writer, 10, 13);
	assert_int_equal(recv_number(reader, 1, &recv), 9);
	assert_int_equal(recv.lost, 7);
	/* What RECV told, a plain read() does not tell again. */
	assert_hears(reader, 10);
	tell_many(writer, 13, 20);
	/* And what read() told is in the total. */
	assert_hears(reader, -ENOBUFS);
	assert_int_equal(recv_number(reader, 1, &recv), 16);
	assert_int_equal(recv.lost, 7 + 5);
	assert_result(slot_get(OWN, "dropped"), 7 + 5);
	/* The total counts since the file joined: a file that joins anew begins at 0. */
	assert_result(slot_select(reader, 2), 0);
	assert_result(slot_select(reader, 1), 0);
	assert_tells(writer, 20);
	assert_int_equal(recv_number(reader, 1, &recv), 20);
	assert_int_equal(recv.lost, 0);
}

/* The sequence says the same: what is missing between two numbers was lost. */
static void numbers_and_losses_agree(void **state)
{
	uint64_t seed = seed_get(), before = 0, lost = 0;
	long rounds = scaled(2000, 200), number = 0;
	struct msgslot_recv recv;
	int writer, reader, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 6), 0);
	writer = own_open_on(O_WRONLY, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	while (rounds--) {
		for (i = random_below(&seed, 10); i > 0; i--)
			assert_tells(writer, number++);
		for (i = random_below(&seed, 10); i > 0; i--) {
			if (recv_number(reader, 1, &recv) < 0) {
				assert_int_equal(errno, EAGAIN);
				break;
			}
			if (before)
				lost += recv.sequence - before - 1;
			else
				lost = recv.lost;
			assert_int_equal(recv.lost, lost);
			before = recv.sequence;
		}
	}
	assert_true(lost > 0);
	assert_result(slot_get(OWN, "dropped"), lost);
}

static void a_look_tells_without_taking(void **state)
{
	struct msgslot_recv recv;
	int writer, reader;
	long number;

	(void)state;
	assert_result(slot_set(OWN, "depth", 2), 0);
	writer = own_open_on(O_WRONLY, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	tell_many(writer, 0, 5);
	recv = recv_into(1, &number, sizeof(number));
	recv.flags = MSGSLOT_RECV_PEEK;
	assert_result(ioctl(reader, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(number, 3);
	assert_int_equal(recv.lost, 3);
	/* Everything is as it was: the loss is still to be told. */
	assert_hears(reader, -ENOBUFS);
	assert_result(ioctl(reader, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.lost, 3);
	assert_hears(reader, 3);
	assert_int_equal(recv_number(reader, 1, &recv), 4);
	assert_int_equal(recv.lost, 3);
	assert_result(slot_get(OWN, "dropped"), 3);
}

/* Nor does a RECV that fails. */
static void a_failed_recv_tells_nothing(void **state)
{
	struct msgslot_recv recv;
	int writer, reader;
	char byte;

	(void)state;
	assert_result(slot_set(OWN, "depth", 2), 0);
	writer = own_open_on(O_WRONLY, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	tell_many(writer, 0, 5);
	recv = recv_into(1, &byte, 1);
	assert_fails(ioctl(reader, MSGSLOT_RECV, &recv), ENOSPC);
	recv = recv_into(1, nowhere, sizeof(long));
	assert_fails(ioctl(reader, MSGSLOT_RECV, &recv), EFAULT);
	assert_result(slot_get(OWN, "dropped"), 0);
	assert_hears(reader, -ENOBUFS);
	hear_many(reader, 3, 5);
	assert_result(slot_get(OWN, "dropped"), 3);
}

/* The message that was being read in pieces went, and what was left of it. */
static void overrun_in_the_middle_of_a_message(void **state)
{
	char text[300], got[300];
	struct msgslot_recv recv = recv_into(1, got, sizeof(got));
	int writer, reader;

	(void)state;
	bytes_fill(text, sizeof(text), 1);
	assert_result(slot_set(OWN, "depth", 2), 0);
	writer = own_open_on(O_WRONLY, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	assert_result(write(writer, text, sizeof(text)), sizeof(text));
	assert_result(read(reader, got, 100), 100);
	assert_result(write(writer, "one", 3), 3);
	/* Still kept: the rest comes. */
	assert_result(read(reader, got, 100), 100);
	assert_memory_equal(got, text + 100, 100);
	assert_result(write(writer, "two", 3), 3);
	assert_fails(read(reader, got, 100), ENOBUFS);
	/* From its start, not from where the other one was left. */
	assert_result(read(reader, got, 100), 3);
	assert_memory_equal(got, "one", 3);
	assert_result(ioctl(reader, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, 3);
	assert_memory_equal(got, "two", 3);
	assert_result(slot_get(OWN, "dropped"), recv.lost);
}

static void clearing_is_told_as_a_loss(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	int done = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	struct msgslot_recv recv;

	(void)state;
	tell_many(writer, 0, 5);
	hear_many(done, 0, 5);
	assert_hears(reader, 0);
	assert_hears(reader, 1);
	assert_result(own_clear(writer, 1), 5);
	assert_hears(done, -EAGAIN);
	assert_hears(reader, -ENOBUFS);
	assert_hears(reader, -EAGAIN);
	assert_result(slot_get(OWN, "dropped"), 3);
	assert_result(own_clear(writer, 1), 0);
	assert_hears(reader, -EAGAIN);
	/* Numbers go on, and so does everything else. */
	tell_many(writer, 5, 8);
	assert_int_equal(recv_number(reader, 1, &recv), 5);
	assert_int_equal(recv.lost, 3);
	assert_int_equal(recv_number(done, 1, &recv), 5);
	assert_int_equal(recv.lost, 0);
	assert_result(own_clear(writer, 1), 3);
	assert_tells(writer, 8);
	assert_int_equal(recv_number(reader, 1, &recv), 8);
	assert_int_equal(recv.lost, 5);
	assert_hears(done, -ENOBUFS);
	assert_hears(done, 8);
}

/* A read() that would say ENOBUFS would not wait. */
static void poll_tells_of_a_loss(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);

	(void)state;
	tell_many(writer, 0, 3);
	assert_result(own_clear(writer, 1), 3);
	assert_true(ready(reader) & POLLIN);
	assert_hears(reader, -ENOBUFS);
	assert_false(ready(reader) & POLLIN);
}

/* A reader that calls only RECV and poll() does not loop over a loss. */
static void recv_takes_note_of_a_loss(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	struct msgslot_recv recv;

	(void)state;
	tell_many(writer, 0, 3);
	assert_result(own_clear(writer, 1), 3);
	assert_int_equal(recv_number(reader, 1, &recv), -EAGAIN);
	assert_false(ready(reader) & POLLIN);
	assert_tells(writer, 3);
	assert_int_equal(recv_number(reader, 1, &recv), 3);
	assert_int_equal(recv.lost, 3);
	assert_result(slot_get(OWN, "dropped"), 3);
}

/*
 * What RECV took note of and could not tell, for want of a message, read() tells before the next.
 */
static void read_tells_what_recv_could_not(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	struct msgslot_recv recv;

	(void)state;
	tell_many(writer, 0, 3);
	assert_result(own_clear(writer, 1), 3);
	assert_int_equal(recv_number(reader, 1, &recv), -EAGAIN);
	/* As poll() has it: there is nothing to read. */
	assert_hears(reader, -EAGAIN);
	/* Selecting what is selected changes nothing. */
	assert_result(slot_select(reader, 1), 0);
	assert_tells(writer, 3);
	/* A call that fails tells nothing either. */
	recv = recv_into(1, NULL, 0);
	assert_fails(ioctl(reader, MSGSLOT_RECV, &recv), ENOSPC);
	assert_hears(reader, -ENOBUFS);
	assert_hears(reader, 3);
	/* More goes before anybody was told. */
	tell_many(writer, 4, 6);
	assert_result(own_clear(writer, 1), 3);
	assert_int_equal(recv_number(reader, 1, &recv), -EAGAIN);
	tell_many(writer, 6, 8);
	assert_result(own_clear(writer, 1), 2);
	assert_hears(reader, -ENOBUFS);
	assert_hears(reader, -EAGAIN);
	assert_tells(writer, 8);
	assert_hears(reader, 8);
	assert_tells(writer, 9);
	assert_int_equal(recv_number(reader, 1, &recv), 9);
	assert_int_equal(recv.lost, 7);
	assert_result(slot_get(OWN, "dropped"), 7);
}

/* A writer in a hurry: every reader's messages and losses add up. */
static long total;

static void *keep_an_account(void *argument)
{
	int fd = *(int *)argument;
	struct msgslot_recv recv = recv_into(1, NULL, 0);
	long number = -1, received = 0;

	recv.message = (uintptr_t)&number;
	recv.size = sizeof(number);
	recv.timeout = -1;
	while (number < total - 1) {
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
		received++;
		demand(number == received + (long)recv.lost - 1);
	}
	return NULL;
}

/* The same with read(): between two ENOBUFS no number is missing. */
static void *listen_to_errors(void *argument)
{
	int fd = *(int *)argument;
	long before = -1, number = -1;
	bool told = false;

	while (before < total - 1) {
		number = hear(fd);
		/* Once for each time it was overrun; that can be again before the next read(). */
		if (number == -ENOBUFS) {
			told = true;
			continue;
		}
		demand(told ? number > before + 1 : number == before + 1);
		told = false;
		before = number;
	}
	return NULL;
}

static void no_loss_is_silent(void **state)
{
	enum { READERS = 4 };
	int writer, files[READERS], i;
	pthread_t threads[READERS];

	(void)state;
	total = scaled(100000, 3000);
	assert_result(slot_set(OWN, "depth", 8), 0);
	writer = own_open_on(O_WRONLY, 1);
	for (i = 0; i < READERS; i++) {
		files[i] = own_open_on(O_RDONLY, 1);
		threads[i] = thread_start(i % 2 ? listen_to_errors : keep_an_account, &files[i]);
	}
	for (i = 0; i < total; i++)
		assert_tells(writer, i);
	for (i = 0; i < READERS; i++)
		thread_join(threads[i]);
	assert_result(slot_get(OWN, "sent"), total);
	assert_result(slot_get(OWN, "received") + slot_get(OWN, "dropped"), READERS * total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(told_once_then_the_oldest_kept),
		broadcast_test(each_overrun_is_told),
		broadcast_test(a_reader_that_keeps_up_loses_nothing),
		broadcast_test(recv_delivers_and_says_how_many),
		broadcast_test(numbers_and_losses_agree),
		broadcast_test(a_look_tells_without_taking),
		broadcast_test(a_failed_recv_tells_nothing),
		broadcast_test(overrun_in_the_middle_of_a_message),
		broadcast_test(clearing_is_told_as_a_loss),
		broadcast_test(poll_tells_of_a_loss),
		broadcast_test(recv_takes_note_of_a_loss),
		broadcast_test(read_tells_what_recv_could_not),
		broadcast_test(no_loss_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
