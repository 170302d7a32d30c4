// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mode `queue`: messages are taken in the order they were sent, each once, whichever reader takes
 * them.  A call that fails leaves the head where it was.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "queue.h"

enum { LONGEST = 4096 }; /* as published */

static void first_in_first_out(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), round;
	uint64_t number;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (number = 0; number < 500; number++)
			put_number(fd, number);
		for (number = 0; number < 500; number++)
			assert_next_number(fd, number);
		assert_nothing(fd);
	}
}

static void each_message_is_read_once(void **state)
{
	int files[7], i;
	uint64_t number;

	(void)state;
	for (i = 0; i < 7; i++)
		files[i] = own_open(O_RDWR | O_NONBLOCK);
	for (number = 0; number < 100; number++)
		put_number(files[number % 3], number);
	for (number = 0; number < 100; number++)
		assert_next_number(files[number % 7], number);
	for (i = 0; i < 7; i++)
		assert_nothing(files[i]);
}

static void channel_0_without_select(void **state)
{
	int one = own_open(O_RDWR | O_NONBLOCK), two = own_open(O_RDWR | O_NONBLOCK);
	uint32_t id = 77;

	(void)state;
	put_number(one, 1);
	assert_next_number(two, 1);
	assert_result(ioctl(two, MSGSLOT_GET_CHANNEL, &id), 0);
	assert_int_equal(id, 0);
	/* It is a channel as any other: one may leave it and come back. */
	assert_result(slot_select(two, 1), 0);
	put_number(one, 2);
	assert_nothing(two);
	assert_result(slot_select(two, 0), 0);
	assert_next_number(two, 2);
}

static void channels_are_apart(void **state)
{
	const uint32_t ids[] = { 0, 1, 2, 0x80000000, 0xffffffff };
	int fd = own_open(O_RDWR | O_NONBLOCK), i;
	uint64_t number;

	(void)state;
	for (number = 0; number < 100; number++) {
		assert_result(slot_select(fd, ids[number % 5]), 0);
		put_number(fd, number);
	}
	assert_result(slot_get(OWN, "channels"), 5);
	for (i = 4; i >= 0; i--) {
		assert_result(slot_select(fd, ids[i]), 0);
		for (number = i; number < 100; number += 5)
			assert_next_number(fd, number);
		assert_nothing(fd);
	}
}

static void full_is_full(void **state)
{
	const int depths[] = { 1, 2, 3, 5, 7, 64, 100 };
	uint64_t in, out;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
		assert_result(slot_set(OWN, "depth", depths[i]), 0);
		fd = own_open(O_RDWR | O_NONBLOCK);
		for (in = 0; in < (uint64_t)depths[i]; in++)
			put_number(fd, in);
		/* Round and round: each message taken lets one more in. */
		for (out = 0; out < 3 * (uint64_t)depths[i]; out++, in++) {
			assert_fails(write(fd, &in, sizeof(in)), EAGAIN);
			assert_fails(queue_send(fd, 0, &in, sizeof(in)), EAGAIN);
			assert_next_number(fd, out);
			put_number(fd, in);
		}
		for (; out < in; out++)
			assert_next_number(fd, out);
		assert_nothing(fd);
		close(fd);
		own.count--;
	}
}

static void depth_is_per_channel(void **state)
{
	int one, two;

	(void)state;
	assert_result(slot_set(OWN, "depth", 2), 0);
	one = own_open_on(O_RDWR | O_NONBLOCK, 1);
	two = own_open_on(O_RDWR | O_NONBLOCK, 2);
	put_number(one, 1);
	put_number(one, 2);
	assert_fails(write(one, "full", 4), EAGAIN);
	put_number(two, 3);
	assert_next_number(one, 1);
	assert_next_number(two, 3);
	assert_next_number(one, 2);
}

static void a_short_buffer_keeps_the_head(void **state)
{
	const size_t lengths[] = { 2, 100, 256, 257, LONGEST };
	int fd = own_open(O_RDWR | O_NONBLOCK);
	char sent[LONGEST], got[LONGEST];
	struct msgslot_recv recv;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		bytes_fill(sent, lengths[i], i);
		assert_result(write(fd, sent, lengths[i]), (ssize_t)lengths[i]);
		assert_result(write(fd, "?", 1), 1);
		assert_fails(read(fd, got, lengths[i] - 1), ENOSPC);
		assert_fails(read(fd, got, 1), ENOSPC);
		assert_fails(read(fd, got, 0), ENOSPC);
		/* RECV says how long it is, and which. */
		recv = queue_recv(0, 0, 0, got, lengths[i] - 1);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
		assert_int_equal(recv.length, lengths[i]);
		assert_int_equal(recv.sequence, 2 * i + 1);
		assert_result(slot_get(OWN, "messages"), 2);
		assert_result(read(fd, got, lengths[i]), (ssize_t)lengths[i]);
		assert_memory_equal(got, sent, lengths[i]);
		assert_result(read(fd, got, 1), 1);
		assert_int_equal(got[0], '?');
	}
	assert_nothing(fd);
	assert_result(slot_get(OWN, "received"), 2 * i);
}

static void a_bad_pointer_keeps_the_head(void **state)
{
	const size_t lengths[] = { 100, 256, 257, LONGEST };
	int fd = own_open(O_RDWR | O_NONBLOCK);
	char sent[LONGEST], got[LONGEST], *edge;
	struct iovec parts[2];
	struct msgslot_recv recv;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		bytes_fill(sent, lengths[i], i);
		assert_result(write(fd, sent, lengths[i]), (ssize_t)lengths[i]);
		put_number(fd, i);
		edge = edge_new(lengths[i] - 1, PROT_READ | PROT_WRITE);
		parts[0] = (struct iovec){ edge, lengths[i] - 1 };
		parts[1] = (struct iovec){ nowhere, 1 };
		assert_fails(read(fd, null, LONGEST), EINVAL);
		assert_fails(read(fd, nowhere, LONGEST), EFAULT);
		assert_fails(read(fd, edge, LONGEST), EFAULT);
		assert_fails(readv(fd, parts, 2), EFAULT);
		/* A buffer that is short and wrong is short first. */
		assert_fails(read(fd, null, lengths[i] - 1), ENOSPC);
		recv = queue_recv(0, 0, 0, null, LONGEST);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
		recv = queue_recv(0, 0, 0, edge, LONGEST);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
		assert_result(read(fd, got, LONGEST), (ssize_t)lengths[i]);
		assert_memory_equal(got, sent, lengths[i]);
		assert_next_number(fd, i);
		edge_free(edge, lengths[i] - 1);
	}
	/* Where there is nothing, that comes first. */
	assert_fails(read(fd, null, 1), EAGAIN);
	assert_fails(read(fd, nowhere, 0), EAGAIN);
}

static void a_failed_write_places_nothing(void **state)
{
	char text[LONGEST + 1] = "text";
	int fd, round;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	/* On an empty channel, and then on a full one: that is looked for last. */
	for (round = 0; round < 2; round++) {
		assert_fails(write(fd, text, 0), EMSGSIZE);
		assert_fails(write(fd, text, LONGEST + 1), EMSGSIZE);
		assert_fails(write(fd, null, 0), EMSGSIZE);
		assert_fails(write(fd, null, 4), EINVAL);
		assert_fails(write(fd, nowhere, 4), EFAULT);
		assert_fails(write(fd, nowhere, LONGEST), EFAULT);
		assert_result(slot_get(OWN, "messages"), round);
		if (!round)
			put_number(fd, 1);
	}
	assert_fails(write(fd, text, 4), EAGAIN);
	assert_next_number(fd, 1);
	assert_nothing(fd);
	assert_result(slot_get(OWN, "sent"), 1);
}

static void vectors_are_one_message(void **state)
{
	struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
	char one[3], two[10];
	struct iovec in[] = { { one, 3 }, { two, 10 } };
	int fd = own_open(O_RDWR | O_NONBLOCK);

	(void)state;
	assert_result(writev(fd, out, 3), 7);
	assert_result(writev(fd, out, 1), 2);
	assert_fails(readv(fd, in, 1), ENOSPC);
	assert_result(readv(fd, in, 2), 7);
	assert_memory_equal(one, "abc", 3);
	assert_memory_equal(two, "defg", 4);
	assert_result(readv(fd, in, 2), 2);
	assert_memory_equal(one, "ab", 2);
}

static void one_way_files(void **state)
{
	int in = own_open(O_WRONLY | O_NONBLOCK), out = own_open(O_RDONLY | O_NONBLOCK);
	struct msgslot_recv recv;
	uint64_t got;

	(void)state;
	put_number(in, 5);
	recv = queue_recv(0, 0, 0, &got, sizeof(got));
	assert_fails(read(in, &got, sizeof(got)), EBADF);
	assert_fails(ioctl(in, MSGSLOT_RECV, &recv), EBADF);
	assert_fails(write(out, &got, sizeof(got)), EBADF);
	assert_fails(queue_send(out, 0, &got, sizeof(got)), EBADF);
	assert_fails(lseek(out, 0, SEEK_SET), ESPIPE);
	assert_fails(pread(out, &got, sizeof(got), 0), ESPIPE);
	assert_fails(pwrite(in, &got, sizeof(got), 0), ESPIPE);
	assert_next_number(out, 5);
}

/* Of every message: which, when, by whom. */
static void recv_tells_about_a_message(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 4), i;
	uint64_t before, after, last = 0, got;
	struct msgslot_recv recv;
	struct timespec now;

	(void)state;
	clock_gettime(CLOCK_BOOTTIME, &now);
	before = now.tv_sec * 1000000000ull + now.tv_nsec;
	for (i = 1; i <= 20; i++)
		put_number(fd, i);
	clock_gettime(CLOCK_BOOTTIME, &now);
	after = now.tv_sec * 1000000000ull + now.tv_nsec;
	for (i = 1; i <= 20; i++) {
		recv = queue_recv(4, 0, 0, &got, sizeof(got));
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(got, i);
		assert_int_equal(recv.length, sizeof(got));
		assert_int_equal(recv.sequence, i);
		assert_in_range(recv.time, before, after);
		assert_true(recv.time >= last);
		assert_int_equal(recv.lost, 0);
		assert_int_equal(recv.pid, getpid());
		assert_int_equal(recv.uid, 0);
		last = recv.time;
	}
	recv = queue_recv(4, 0, 0, &got, sizeof(got));
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EAGAIN);
}

static void counters_count(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	struct msgslot_clear clear = { .channel = 1 };
	uint64_t number;

	(void)state;
	for (number = 0; number < 10; number++)
		put_number(fd, number);
	assert_result(slot_get(OWN, "messages"), 10);
	assert_result(slot_get(OWN, "sent"), 10);
	assert_result(slot_get(OWN, "received"), 0);
	for (number = 0; number < 4; number++)
		assert_next_number(fd, number);
	assert_result(slot_get(OWN, "messages"), 6);
	assert_result(slot_get(OWN, "received"), 4);
	assert_result(slot_get(OWN, "dropped"), 0);
	assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, 6);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "sent"), 10);
	assert_result(slot_get(OWN, "received"), 4);
	assert_result(slot_get(OWN, "dropped"), 6);
	assert_nothing(fd);
}

/*
 * Messages outlive the file that sent them.  A channel with no file and no message is forgotten,
 * its numbers are not.
 */
static void messages_stay_channels_go(void **state)
{
	struct msgslot_recv recv;
	uint64_t got, last = 0;
	int fd, round;

	(void)state;
	for (round = 0; round < 5; round++) {
		fd = slot_open_on(OWN, O_WRONLY, 9);
		assert_true(fd >= 0);
		put_number(fd, 2 * round);
		put_number(fd, 2 * round + 1);
		close(fd);
		assert_result(slot_get(OWN, "channels"), 1);
		assert_result(slot_get(OWN, "messages"), 2);
		fd = slot_open_on(OWN, O_RDONLY | O_NONBLOCK, 9);
		assert_true(fd >= 0);
		assert_next_number(fd, 2 * round);
		recv = queue_recv(9, 0, 0, &got, sizeof(got));
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(got, 2 * round + 1);
		assert_true(recv.sequence > last);
		last = recv.sequence;
		assert_nothing(fd);
		close(fd);
		assert_result(slot_get(OWN, "channels"), 0);
		assert_result(slot_get(OWN, "bytes"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(first_in_first_out),
		queue_slot_test(each_message_is_read_once),
		queue_slot_test(channel_0_without_select),
		queue_slot_test(channels_are_apart),
		queue_slot_test(full_is_full),
		queue_slot_test(depth_is_per_channel),
		queue_slot_test(a_short_buffer_keeps_the_head),
		queue_slot_test(a_bad_pointer_keeps_the_head),
		queue_slot_test(a_failed_write_places_nothing),
		queue_slot_test(vectors_are_one_message),
		queue_slot_test(one_way_files),
		queue_slot_test(recv_tells_about_a_message),
		queue_slot_test(counters_count),
		queue_slot_test(messages_stay_channels_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
