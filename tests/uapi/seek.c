// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SEEK moves the cursor of a `broadcast` file: to the oldest message kept, to the end, to a message
 * by its number, also one that went.
 */
#define _GNU_SOURCE
#include "broadcast.h"

enum { DEPTH = 8 };

static int seek_begin(void **state)
{
	if (broadcast_begin(state))
		return -1;
	return slot_set(OWN, "depth", DEPTH);
}

#define seek_test(test) cmocka_unit_test_setup_teardown(test, seek_begin, own_end)

/* The number of the message 0; the others follow. */
static uint64_t tell_many(int fd, int count)
{
	uint64_t first = send_number(fd, 1, 0);
	int i;

	assert_true(first > 0);
	for (i = 1; i < count; i++)
		assert_int_equal(send_number(fd, 1, i), first + i);
	return first;
}

static int seek(int fd, uint32_t whence, uint64_t *sequence)
{
	struct msgslot_seek seek = { .whence = whence, .sequence = *sequence };

	if (ioctl(fd, MSGSLOT_SEEK, &seek))
		return -1;
	*sequence = seek.sequence;
	return 0;
}

static void to_the_oldest_and_to_the_end(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1), i;
	uint64_t first = tell_many(writer, 5), sequence = 77;

	(void)state;
	assert_result(seek(reader, MSGSLOT_SEEK_END, &sequence), 0);
	assert_int_equal(sequence, first + 5);
	assert_hears(reader, -EAGAIN);
	assert_false(ready(reader) & POLLIN);
	assert_result(seek(reader, MSGSLOT_SEEK_OLDEST, &sequence), 0);
	assert_int_equal(sequence, first);
	assert_true(ready(reader) & POLLIN);
	for (i = 0; i < 5; i++)
		assert_hears(reader, i);
	assert_hears(reader, -EAGAIN);
	/* Where the log is empty, both are one place. */
	assert_result(own_clear(writer, 1), 5);
	assert_result(seek(reader, MSGSLOT_SEEK_OLDEST, &sequence), 0);
	assert_int_equal(sequence, first + 5);
	assert_result(seek(reader, MSGSLOT_SEEK_END, &sequence), 0);
	assert_int_equal(sequence, first + 5);
	assert_hears(reader, -EAGAIN);
}

/* How a late joiner reads what is there, and how a reader that is behind leaves it. */
static void late_and_behind(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), behind = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	int late, i;

	(void)state;
	tell_many(writer, 3 * DEPTH);
	late = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	assert_hears(late, -EAGAIN);
	seek_to(late, MSGSLOT_SEEK_OLDEST);
	for (i = 2 * DEPTH; i < 3 * DEPTH; i++)
		assert_hears(late, i);
	assert_hears(late, -EAGAIN);
	/* To leave is not to lose: what one seeks past is not told. */
	seek_to(behind, MSGSLOT_SEEK_END);
	assert_hears(behind, -EAGAIN);
	assert_tells(writer, 99);
	assert_hears(behind, 99);
	assert_hears(late, 99);
	assert_result(slot_get(OWN, "dropped"), 0);
}

static void to_a_number(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	int other = own_open_on(O_RDONLY | O_NONBLOCK, 1), i;
	uint64_t first = tell_many(writer, DEPTH), sequence;

	(void)state;
	for (i = DEPTH - 1; i >= 0; i--) {
		sequence = first + i;
		assert_result(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
		assert_int_equal(sequence, first + i);
		assert_hears(reader, i);
	}
	/* The message to come is the last that may be named. */
	sequence = first + DEPTH;
	assert_result(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_hears(reader, -EAGAIN);
	sequence = first + DEPTH + 1;
	assert_fails(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), EINVAL);
	sequence = ~0ull;
	assert_fails(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), EINVAL);
	assert_tells(writer, DEPTH);
	assert_hears(reader, DEPTH);
	/* Only the file's own cursor moved. */
	assert_hears(other, -ENOBUFS);
	assert_hears(other, 1);
}

static void to_a_message_that_went(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1), i;
	uint64_t first = tell_many(writer, 2 * DEPTH), sequence = first + 3;
	struct msgslot_recv recv;

	(void)state;
	assert_result(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_true(ready(reader) & POLLIN);
	assert_hears(reader, -ENOBUFS);
	for (i = DEPTH; i < 2 * DEPTH; i++)
		assert_hears(reader, i);
	assert_hears(reader, -EAGAIN);
	sequence = first + 5;
	assert_result(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_int_equal(recv_number(reader, 1, &recv), DEPTH);
	assert_int_equal(recv.lost, DEPTH - 3 + DEPTH - 5);
	/* Before the first that ever was, nothing was to be lost. */
	sequence = 0;
	assert_result(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_int_equal(recv_number(reader, 1, &recv), DEPTH);
	assert_int_equal(recv.lost, DEPTH - 3 + DEPTH - 5 + DEPTH);
	/* Of these only the first were there to be read; the others the file had been beyond. */
	assert_result(slot_get(OWN, "dropped"), DEPTH - 3);
	/* Nor is it where one is at the oldest by its number. */
	sequence = first + DEPTH;
	assert_result(seek(reader, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_hears(reader, DEPTH);
}

/* The rest of a message in pieces is left behind, and a message begun is begun anew. */
static void from_the_middle_of_a_message(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	uint64_t sequence;
	char got[8];

	(void)state;
	assert_result(write(fd, "abcdef", 6), 6);
	assert_result(write(fd, "ghi", 3), 3);
	assert_result(read(fd, got, 4), 4);
	sequence = seek_to(fd, MSGSLOT_SEEK_OLDEST);
	assert_result(read(fd, got, 4), 4);
	assert_memory_equal(got, "abcd", 4);
	assert_result(seek(fd, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_result(read(fd, got, 8), 6);
	assert_memory_equal(got, "abcdef", 6);
	assert_result(read(fd, got, 1), 1);
	seek_to(fd, MSGSLOT_SEEK_END);
	assert_fails(read(fd, got, 8), EAGAIN);
}

/* What failed moved nothing. */
static void errors_move_nothing(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1), writer = own_open_on(O_WRONLY, 1);
	struct msgslot_seek seek = { .whence = MSGSLOT_SEEK_END };

	(void)state;
	tell_many(writer, 4);
	assert_hears(fd, 0);
	assert_fails(ioctl(writer, MSGSLOT_SEEK, &seek), EBADF);
	seek.reserved = 1;
	assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), EINVAL);
	seek.reserved = 0;
	seek.whence = 3;
	assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), EINVAL);
	seek.whence = ~0u;
	assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), EINVAL);
	assert_fails(ioctl(fd, MSGSLOT_SEEK, nowhere), EFAULT);
	assert_fails(ioctl(fd, MSGSLOT_SEEK, null), EFAULT);
	/* Can be read, but where it came to could not be said. */
	seek.whence = MSGSLOT_SEEK_END;
	{
		char *edge = edge_new(sizeof(seek), PROT_READ | PROT_WRITE);

		memcpy(edge, &seek, sizeof(seek));
		assert_result(mprotect((void *)((uintptr_t)edge & ~4095ul), 4096, PROT_READ), 0);
		assert_fails(ioctl(fd, MSGSLOT_SEEK, edge), EFAULT);
		edge_free(edge, sizeof(seek));
	}
	assert_hears(fd, 1);
	assert_hears(fd, 2);
	/* lseek() is another thing, and none here. */
	assert_fails(lseek(fd, 0, SEEK_END), ESPIPE);
	assert_hears(fd, 3);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), ENODEV);
	assert_fails(ioctl(fd, MSGSLOT_SEEK, nowhere), ENODEV);
}

static void other_modes_have_no_cursor(void **state)
{
	const char *const modes[] = { "last", "queue" };
	struct msgslot_seek seek = { .whence = MSGSLOT_SEEK_OLDEST };
	int i, fd;

	for (i = 0; i < 2; i++) {
		assert_int_equal(own_end(state), 0);
		assert_int_equal(own_begin_in(modes[i]), 0);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		assert_tells(fd, 1);
		seek.whence = MSGSLOT_SEEK_OLDEST;
		assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), EOPNOTSUPP);
		seek.reserved = 1;
		assert_fails(ioctl(fd, MSGSLOT_SEEK, &seek), EINVAL);
		seek.reserved = 0;
		assert_hears(fd, 1);
	}
}

/* A caller that sleeps in poll() is woken by a seek to something that can be read. */
static long call_poll(struct call *call)
{
	struct pollfd one = { .fd = call->fd, .events = POLLIN };

	return poll(&one, 1, PATIENCE) == 1 ? one.revents : -EBADMSG;
}

static void a_seek_wakes_a_poller(void **state)
{
	int writer = own_open_on(O_WRONLY, 1);
	struct call call = { .make = call_poll };

	(void)state;
	tell_many(writer, 3);
	call.fd = own_open_on(O_RDONLY, 1);
	call_start(&call);
	assert_sleeps(&call);
	seek_to(call.fd, MSGSLOT_SEEK_OLDEST);
	assert_ends(&call, POLLIN);
	assert_hears(call.fd, 0);
}

/*
 * Each message counts as dropped once at most: not again when a reader goes back to where it was.
 */
static void going_back_drops_nothing(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader, i;
	struct msgslot_seek seek;

	(void)state;
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	tell_many(writer, 1000);
	assert_hears(reader, -ENOBUFS);
	assert_result(slot_get(OWN, "dropped"), 1000 - DEPTH);
	for (i = 0; i < 100; i++) {
		seek = (struct msgslot_seek){ .whence = MSGSLOT_SEEK_SEQUENCE, .sequence = 1 };
		assert_result(ioctl(reader, MSGSLOT_SEEK, &seek), 0);
		assert_hears(reader, -ENOBUFS);
	}
	assert_result(slot_get(OWN, "dropped"), 1000 - DEPTH);
	/* Beyond where it was, what it loses counts. */
	for (i = 0; i < DEPTH; i++)
		assert_hears(reader, 1000 - DEPTH + i);
	seek = (struct msgslot_seek){ .whence = MSGSLOT_SEEK_SEQUENCE, .sequence = 1 };
	assert_result(ioctl(reader, MSGSLOT_SEEK, &seek), 0);
	tell_many(writer, 100);
	assert_hears(reader, -ENOBUFS);
	assert_result(slot_get(OWN, "dropped"), 1000 - DEPTH + 100 - DEPTH);
}

/* A file that was refused channel 0 as it was opened asks for it again, as a read does. */
static void without_a_channel(void **state)
{
	int other = own_open_on(O_WRONLY, 7), reader;
	uint64_t sequence = 0;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 1), 0);
	reader = own_open(O_RDONLY | O_NONBLOCK);
	assert_fails(seek(reader, MSGSLOT_SEEK_OLDEST, &sequence), ENOSPC);
	assert_result(slot_set(OWN, "max_channels", 2), 0);
	assert_result(seek(reader, MSGSLOT_SEEK_OLDEST, &sequence), 0);
	assert_true(send_number(other, 0, 1) > 0);
	assert_hears(reader, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		seek_test(without_a_channel),	   seek_test(to_the_oldest_and_to_the_end),
		seek_test(late_and_behind),	   seek_test(to_a_number),
		seek_test(to_a_message_that_went), seek_test(from_the_middle_of_a_message),
		seek_test(errors_move_nothing),	   seek_test(other_modes_have_no_cursor),
		seek_test(a_seek_wakes_a_poller),  seek_test(going_back_drops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
