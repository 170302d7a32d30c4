// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RECV with "newer than": the caller keeps the cursor.  A late joiner reads what was said before it
 * came, on any channel, and no file's cursor moves for it.
 */
#define _GNU_SOURCE
#include "broadcast.h"

/* As hear(), newer than @recv->sequence, which is the message's number afterwards. */
static long newer(int fd, unsigned int id, struct msgslot_recv *recv)
{
	uint64_t sequence = recv->sequence;
	long number = -EBADMSG;

	*recv = recv_into(id, &number, sizeof(number));
	recv->flags = MSGSLOT_RECV_NEWER;
	recv->sequence = sequence;
	return ioctl(fd, MSGSLOT_RECV, recv) ? -errno : number;
}

static void a_late_joiner_replays(void **state)
{
	int writer = own_open_on(O_WRONLY, 5), late, on, i;
	struct msgslot_recv recv = { 0 };
	uint64_t before = 0;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_tells(writer, i);
	/* A file that is on channel 0, and one that is on the channel but at its end. */
	late = own_open(O_RDONLY | O_NONBLOCK);
	on = own_open_on(O_RDONLY | O_NONBLOCK, 5);
	for (i = 0; i < 20; i++) {
		assert_int_equal(newer(late, 5, &recv), i);
		assert_int_equal(recv.lost, 0);
		assert_int_equal(recv.length, sizeof(long));
		assert_true(recv.sequence > before);
		before = recv.sequence;
	}
	assert_int_equal(newer(late, 5, &recv), -EAGAIN);
	recv.sequence = 0;
	for (i = 0; i < 20; i++)
		assert_int_equal(newer(on, 5, &recv), i);
	assert_int_equal(newer(on, 5, &recv), -EAGAIN);
	assert_hears(on, -EAGAIN);
	/* From the middle, as often as one likes. */
	recv.sequence = before - 3;
	assert_int_equal(newer(late, 5, &recv), 17);
	assert_int_equal(newer(late, 5, &recv), 18);
	recv.sequence = before;
	assert_tells(writer, 20);
	assert_int_equal(newer(late, 5, &recv), 20);
	assert_result(slot_get(OWN, "dropped"), 0);
}

static void no_cursor_moves(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 5);
	struct msgslot_recv recv = { 0 };
	char text[] = "a text", got[8];
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_tells(fd, i);
	assert_hears(fd, 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(newer(fd, 5, &recv), i);
	assert_int_equal(ready(fd), POLLIN | POLLOUT);
	for (i = 1; i < 4; i++)
		assert_hears(fd, i);
	assert_hears(fd, -EAGAIN);
	/* Nor does it take the rest from a read() in pieces. */
	assert_result(write(fd, text, 6), 6);
	assert_result(read(fd, got, 2), 2);
	recv.message = (uintptr_t)got;
	recv.size = sizeof(got);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_memory_equal(got, text, 6);
	assert_result(read(fd, got, 8), 4);
	assert_memory_equal(got, text + 2, 4);
}

static void a_look_is_the_same(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 5);
	struct msgslot_recv recv;
	long number, i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_tells(fd, i);
	recv = recv_into(5, &number, sizeof(number));
	recv.flags = MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK;
	for (i = 0; i < 4; i++) {
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(number, i);
	}
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EAGAIN);
	assert_hears(fd, 0);
}

/*
 * What lies between the caller's cursor and the message is lost to the caller, and to nobody else.
 */
static void lost_is_counted_from_the_callers_cursor(void **state)
{
	struct msgslot_recv recv = { 0 };
	int writer, reader, i;
	uint64_t first;

	(void)state;
	assert_result(slot_set(OWN, "depth", 4), 0);
	writer = own_open_on(O_RDWR | O_NONBLOCK, 5);
	reader = own_open(O_RDONLY | O_NONBLOCK);
	first = send_number(writer, 5, 0);
	assert_true(first > 0);
	for (i = 1; i < 10; i++)
		assert_tells(writer, i);
	recv.sequence = first;
	assert_int_equal(newer(reader, 5, &recv), 6);
	assert_int_equal(recv.sequence, first + 6);
	assert_int_equal(recv.lost, 5);
	assert_int_equal(newer(reader, 5, &recv), 7);
	assert_int_equal(recv.lost, 0);
	/* 0 is no message that one could have read. */
	recv.sequence = 0;
	assert_int_equal(newer(reader, 5, &recv), 6);
	assert_int_equal(recv.lost, 0);
	/* Cleared is as lost. */
	recv.sequence = first + 6;
	assert_result(own_clear(writer, 5), 4);
	assert_int_equal(newer(reader, 5, &recv), -EAGAIN);
	assert_tells(writer, 10);
	recv.sequence = first + 6;
	assert_int_equal(newer(reader, 5, &recv), 10);
	assert_int_equal(recv.lost, 3);
	/* The writer's own file missed everything up to here, and is told by its own count. */
	assert_int_equal(recv_number(writer, 5, &recv), 10);
	assert_int_equal(recv.lost, 10);
}

static void nothing_newer(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), writer = own_open(O_WRONLY);
	struct msgslot_recv recv = { 0 };
	uint64_t number;
	char byte;

	(void)state;
	/* Asking for a channel does not make it. */
	assert_int_equal(newer(fd, 5, &recv), -EAGAIN);
	assert_result(slot_get(OWN, "channels"), 1);
	number = send_number(writer, 5, 1);
	assert_true(number > 0);
	recv.sequence = number;
	assert_int_equal(newer(fd, 5, &recv), -EAGAIN);
	recv.sequence = number + 1000;
	assert_int_equal(newer(fd, 5, &recv), -EAGAIN);
	recv.sequence = ~0ull;
	assert_int_equal(newer(fd, 5, &recv), -EAGAIN);
	recv.sequence = number - 1;
	assert_int_equal(newer(fd, 5, &recv), 1);
	/* Too short a buffer says how long, and which. */
	recv = recv_into(5, &byte, 1);
	recv.flags = MSGSLOT_RECV_NEWER;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
	assert_int_equal(recv.length, sizeof(long));
	assert_int_equal(recv.sequence, number);
}

static void errors_come_in_order(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1), writer = own_open(O_WRONLY);
	struct msgslot_recv recv;
	long number;

	(void)state;
	assert_true(send_number(writer, 5, 1) > 0);
	/* Another channel, and no cursor to read it with. */
	assert_int_equal(recv_number(fd, 5, &recv), -EINVAL);
	assert_int_equal(recv_number(fd, 6, &recv), -EINVAL);
	recv = recv_into(5, &number, sizeof(number));
	recv.flags = MSGSLOT_RECV_PEEK;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
	/* There is no head that one could take, here. */
	recv = recv_into(1, &number, sizeof(number));
	recv.flags = MSGSLOT_RECV_IF;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EOPNOTSUPP);
	recv.flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EOPNOTSUPP);
	recv.flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_NEWER;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
	recv = recv_into(5, &number, sizeof(number));
	recv.flags = MSGSLOT_RECV_NEWER;
	assert_fails(ioctl(writer, MSGSLOT_RECV, &recv), EBADF);
	recv = recv_into(5, nowhere, sizeof(number));
	recv.flags = MSGSLOT_RECV_NEWER;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
	recv = recv_into(5, NULL, sizeof(number));
	recv.flags = MSGSLOT_RECV_NEWER;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
}

/* Waiting for the next message of a channel that nobody has selected, and that need not exist. */
static long call_newer(struct call *call)
{
	struct msgslot_recv recv = recv_into(call->id, &call->number, sizeof(call->number));

	recv.flags = MSGSLOT_RECV_NEWER;
	recv.timeout = call->timeout;
	return ioctl(call->fd, MSGSLOT_RECV, &recv) ? -errno : call->number;
}

static void it_waits_on_any_channel(void **state)
{
	int writer = own_open(O_WRONLY);
	struct call calls[] = {
		{ .make = call_newer, .fd = own_open(O_RDONLY), .id = 5, .timeout = -1 },
		{ .make = call_newer, .fd = own_open(O_RDONLY), .id = 5, .timeout = -1 },
		{ .make = call_newer, .fd = own_open(O_RDONLY), .id = 6, .timeout = -1 },
		{ .make = call_newer, .fd = own_open(O_RDONLY), .id = 7, .timeout = 20000000 },
	};
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		call_start(&calls[i]);
	for (i = 0; i < 3; i++)
		assert_sleeps(&calls[i]);
	call_start(&calls[3]);
	assert_ends(&calls[3], -ETIMEDOUT);
	/* 0, and what is waited on; 7 is forgotten with the call that made it. */
	assert_result(slot_get(OWN, "channels"), 3);
	assert_true(send_number(writer, 5, 55) > 0);
	assert_ends(&calls[0], 55);
	assert_ends(&calls[1], 55);
	assert_sleeps(&calls[2]);
	assert_result(slot_destroy(OWN), 0);
	assert_ends(&calls[2], -ENODEV);
}

/* Followers that keep their own cursor lose nothing without knowing, beside a writer in a hurry. */
static long total;

static void *follow(void *argument)
{
	struct msgslot_recv recv = recv_into(5, NULL, 0);
	long number = -1, seen = 0, lost = 0;

	recv.flags = MSGSLOT_RECV_NEWER;
	recv.message = (uintptr_t)&number;
	recv.size = sizeof(number);
	recv.timeout = -1;
	while (number < total - 1) {
		demand(ioctl(*(int *)argument, MSGSLOT_RECV, &recv) == 0);
		/* What went before the first is not known to be lost. */
		if (!seen)
			lost = number;
		seen++;
		lost += recv.lost;
		demand(number == seen + lost - 1);
	}
	return NULL;
}

static void followers_keep_account(void **state)
{
	enum { FOLLOWERS = 4 };
	int writer, shared, i;
	pthread_t threads[FOLLOWERS];

	(void)state;
	total = scaled(50000, 2000);
	assert_result(slot_set(OWN, "depth", 16), 0);
	writer = own_open_on(O_WRONLY, 5);
	/* One file serves them all: it is not its cursor that they move. */
	shared = own_open(O_RDONLY);
	for (i = 0; i < FOLLOWERS; i++)
		threads[i] = thread_start(follow, &shared);
	for (i = 0; i < total; i++)
		assert_tells(writer, i);
	for (i = 0; i < FOLLOWERS; i++)
		thread_join(threads[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(a_late_joiner_replays),
		broadcast_test(no_cursor_moves),
		broadcast_test(a_look_is_the_same),
		broadcast_test(lost_is_counted_from_the_callers_cursor),
		broadcast_test(nothing_newer),
		broadcast_test(errors_come_in_order),
		broadcast_test(it_waits_on_any_channel),
		broadcast_test(followers_keep_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
