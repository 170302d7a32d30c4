// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `broadcast`: one log, a cursor for each open file.  What one writes, every file that had joined
 * reads, once, in the same order; the writer too.  How messages are lost: broadcast-loss.c.
 */
#define _GNU_SOURCE
#include "broadcast.h"

static void a_file_joins_at_the_end(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), early = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	int late;

	(void)state;
	assert_hears(early, -EAGAIN);
	assert_tells(writer, 1);
	assert_tells(writer, 2);
	late = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	assert_hears(late, -EAGAIN);
	assert_tells(writer, 3);
	assert_hears(late, 3);
	assert_hears(late, -EAGAIN);
	assert_hears(early, 1);
	assert_hears(early, 2);
	assert_hears(early, 3);
	assert_hears(early, -EAGAIN);
}

/* Joining is selecting: a reader that leaves and comes back has missed what was said meanwhile. */
static void coming_back_is_joining(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);

	(void)state;
	assert_tells(writer, 1);
	assert_result(slot_select(reader, 2), 0);
	assert_tells(writer, 2);
	assert_result(slot_select(reader, 1), 0);
	assert_hears(reader, -EAGAIN);
	assert_tells(writer, 3);
	/* Selecting what is selected is not: nothing is missed. */
	assert_result(slot_select(reader, 1), 0);
	assert_hears(reader, 3);
	assert_hears(reader, -EAGAIN);
}

static void a_writer_hears_itself(void **state)
{
	int one = own_open_on(O_RDWR | O_NONBLOCK, 1), two = own_open_on(O_RDWR | O_NONBLOCK, 1);

	(void)state;
	assert_tells(one, 1);
	assert_tells(two, 2);
	assert_tells(one, 3);
	assert_hears(one, 1);
	assert_hears(one, 2);
	assert_hears(one, 3);
	assert_hears(one, -EAGAIN);
	assert_hears(two, 1);
	assert_hears(two, 2);
	assert_hears(two, 3);
	assert_hears(two, -EAGAIN);
}

/* Readers at different places of one log do not move each other. */
static void every_reader_has_its_own_place(void **state)
{
	enum { READERS = 20, MESSAGES = 200 };
	int writer = own_open_on(O_WRONLY, 1), readers[READERS], heard[READERS] = { 0 }, i, n;

	(void)state;
	for (i = 0; i < READERS; i++)
		readers[i] = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	for (n = 0; n < MESSAGES; n++) {
		assert_tells(writer, n);
		for (i = 0; i < READERS; i++)
			if (n % (i + 1) == 0)
				assert_hears(readers[i], heard[i]++);
	}
	for (i = 0; i < READERS; i++) {
		while (heard[i] < MESSAGES)
			assert_hears(readers[i], heard[i]++);
		assert_hears(readers[i], -EAGAIN);
	}
}

/* A file is on channel 0 until it selects another, even if it never selects. */
static void channel_0_needs_no_select(void **state)
{
	int plain = own_open(O_RDWR | O_NONBLOCK), other = own_open(O_RDWR | O_NONBLOCK);
	int selected = own_open_on(O_RDWR | O_NONBLOCK, 0);
	__u32 id = 77;

	(void)state;
	assert_result(ioctl(plain, MSGSLOT_GET_CHANNEL, &id), 0);
	assert_int_equal(id, 0);
	assert_tells(plain, 1);
	assert_hears(other, 1);
	assert_hears(selected, 1);
	assert_hears(plain, 1);
	assert_result(slot_get(OWN, "channels"), 1);
	/* It may be left, and come back to. */
	assert_result(slot_select(plain, 9), 0);
	assert_tells(other, 2);
	assert_hears(plain, -EAGAIN);
	assert_result(slot_select(plain, 0), 0);
	assert_tells(other, 3);
	assert_hears(plain, 3);
}

static void channels_are_apart(void **state)
{
	static const unsigned int ids[] = { 0, 1, 2, 4000000000u, 4294967295u };
	enum { COUNT = sizeof(ids) / sizeof(ids[0]) };
	int files[COUNT], i, round;

	(void)state;
	for (i = 0; i < COUNT; i++)
		files[i] = own_open_on(O_RDWR | O_NONBLOCK, ids[i]);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < COUNT; i++)
			assert_tells(files[i], 100 * round + i);
		for (i = 0; i < COUNT; i++) {
			assert_hears(files[i], 100 * round + i);
			assert_hears(files[i], -EAGAIN);
		}
	}
	assert_result(slot_get(OWN, "channels"), COUNT);
	/* Nor does a message get into another slot. */
	i = slot_open(6, O_RDONLY | O_NONBLOCK);
	assert_works(i);
	assert_tells(files[0], 1);
	assert_hears(i, -EAGAIN);
	close(i);
}

static void readers_sleep_until_a_message(void **state)
{
	int writer = own_open_on(O_WRONLY, 1);
	struct call calls[] = {
		{ .make = call_read, .fd = own_open_on(O_RDONLY, 1) },
		{ .make = call_recv, .fd = own_open_on(O_RDONLY, 1), .id = 1, .timeout = -1 },
		{ .make = call_recv,
		  .fd = own_open_on(O_RDWR, 1),
		  .id = 1,
		  .timeout = PATIENCE * 1000000ll },
	};
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		call_start(&calls[i]);
	for (i = 0; i < 3; i++)
		assert_sleeps(&calls[i]);
	/* Another channel's message is nothing to them. */
	assert_result(send_number(writer, 2, 2) > 0, 1);
	for (i = 0; i < 3; i++)
		assert_sleeps(&calls[i]);
	assert_tells(writer, 1);
	for (i = 0; i < 3; i++)
		assert_ends(&calls[i], 1);
}

static long call_poll(struct call *call)
{
	struct pollfd one = { .fd = call->fd, .events = POLLIN };

	return poll(&one, 1, PATIENCE) == 1 && one.revents == POLLIN ? hear(call->fd) : -EBADMSG;
}

static void one_write_wakes_everybody(void **state)
{
	enum { COUNT = 30 };
	int writer = own_open_on(O_WRONLY, 1), rounds = scaled(5, 2), round, i;
	static struct call calls[COUNT];

	(void)state;
	for (i = 0; i < COUNT; i++)
		calls[i] = (struct call){ .make = i % 2 ? call_read : call_poll,
					  .fd = own_open_on(O_RDONLY, 1) };
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < COUNT; i++)
			call_start(&calls[i]);
		for (i = 0; i < COUNT; i++)
			assert_sleeps(&calls[i]);
		assert_tells(writer, 1000 + round);
		for (i = 0; i < COUNT; i++)
			assert_ends(&calls[i], 1000 + round);
	}
}

static void a_destroyed_slot_wakes_readers(void **state)
{
	struct call calls[] = {
		{ .make = call_read, .fd = own_open_on(O_RDONLY, 1) },
		{ .make = call_recv, .fd = own_open_on(O_RDONLY, 1), .id = 1, .timeout = -1 },
	};
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		call_start(&calls[i]);
		assert_sleeps(&calls[i]);
	}
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 2; i++) {
		assert_ends(&calls[i], -ENODEV);
		assert_true(ready(calls[i].fd) & POLLHUP);
	}
}

/* POLLIN while a read() would not wait, POLLOUT always, as a full log drops. */
static void poll_tells_of_messages(void **state)
{
	int one = own_open_on(O_RDWR | O_NONBLOCK, 1), two = own_open_on(O_RDWR | O_NONBLOCK, 1);
	struct msgslot_recv recv;

	(void)state;
	assert_int_equal(ready(one), POLLOUT);
	assert_tells(one, 1);
	assert_tells(one, 2);
	assert_int_equal(ready(one), POLLOUT | POLLIN);
	assert_int_equal(ready(two), POLLOUT | POLLIN);
	assert_hears(one, 1);
	assert_int_equal(ready(one), POLLOUT | POLLIN);
	assert_int_equal(recv_number(one, 1, &recv), 2);
	assert_int_equal(ready(one), POLLOUT);
	assert_int_equal(ready(two), POLLOUT | POLLIN);
	/* A file that joins has nothing yet. */
	assert_int_equal(ready(own_open_on(O_RDWR, 1)), POLLOUT);
	assert_result(slot_select(two, 2), 0);
	assert_int_equal(ready(two), POLLOUT);
}

/* The order of a read()'s errors, and that a failed one moves nothing. */
static void errors_leave_the_cursor(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	static char big[MSGSLOT_BROADCAST_MESSAGE_DEFAULT + 1];

	(void)state;
	assert_fails(read(fd, null, 8), EAGAIN);
	assert_fails(read(fd, nowhere, 8), EAGAIN);
	assert_tells(fd, 1);
	assert_fails(read(fd, null, 8), EINVAL);
	assert_fails(read(fd, nowhere, 8), EFAULT);
	assert_fails(read(fd, nowhere, 3), EFAULT);
	assert_fails(write(fd, big, 0), EMSGSIZE);
	assert_fails(write(fd, null, sizeof(big)), EINVAL);
	assert_fails(write(fd, nowhere, sizeof(big)), EFAULT);
	assert_fails(write(fd, null, 8), EINVAL);
	assert_fails(write(fd, nowhere, 8), EFAULT);
	assert_hears(fd, 1);
	assert_hears(fd, -EAGAIN);
	assert_fails(write(own_open(O_RDONLY), big, 1), EBADF);
	assert_fails(read(own_open(O_WRONLY), big, 1), EBADF);
}

/* sent: placed; received: handed out, to each reader; dropped: told losses, none here. */
static void counters_count_each_reader(void **state)
{
	int one = own_open_on(O_RDWR | O_NONBLOCK, 1), two = own_open_on(O_RDWR | O_NONBLOCK, 1), i;
	struct msgslot_recv recv;
	struct msgslot_info info;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_tells(one, i);
	for (i = 0; i < 5; i++)
		assert_hears(one, i);
	for (i = 0; i < 3; i++)
		assert_int_equal(recv_number(two, 1, &recv), i);
	assert_hears(one, -EAGAIN);
	assert_fails(read(two, nowhere, 8), EFAULT);
	assert_result(slot_get(OWN, "sent"), 5);
	assert_result(slot_get(OWN, "received"), 8);
	assert_result(slot_get(OWN, "dropped"), 0);
	assert_result(slot_get(OWN, "messages"), 5);
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(ioctl(one, MSGSLOT_INFO, &info), 0);
	assert_int_equal(info.mode, MSGSLOT_BROADCAST);
	assert_int_equal(info.overflow, MSGSLOT_DROP);
	assert_int_equal(info.sent, 5);
	assert_int_equal(info.received, 8);
	assert_int_equal(info.messages, 5);
	/*
	 * Being read takes nothing from the log; being cleared does, and it may be forgotten then.
	 */
	assert_result(own_clear(one, 1), 5);
	assert_result(slot_get(OWN, "messages"), 0);
	own_close(one);
	own_close(two);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* What a broadcast channel is for: processes, each with a file of its own, miss no message. */
struct listener {
	int joined; /* a pipe's end */
	long messages;
};

static void *listen_in_a_child(void *argument)
{
	struct listener *listener = argument;
	int fd = slot_open_on(OWN, O_RDONLY, 1);
	long i;

	demand(fd >= 0);
	demand(write(listener->joined, "j", 1) == 1);
	for (i = 0; i < listener->messages; i++)
		demand(hear(fd) == i);
	return NULL;
}

static void processes_hear_everything(void **state)
{
	enum { CHILDREN = 5 };
	struct listener listener = { .messages = scaled(2000, 200) };
	pid_t children[CHILDREN];
	int ends[2], writer, i;
	char joined;

	(void)state;
	assert_result(slot_set(OWN, "depth", listener.messages), 0);
	assert_result(pipe(ends), 0);
	listener.joined = ends[1];
	for (i = 0; i < CHILDREN; i++)
		children[i] = child_start(NULL, listen_in_a_child, &listener);
	close(ends[1]);
	for (i = 0; i < CHILDREN; i++)
		assert_result(read(ends[0], &joined, 1), 1);
	writer = own_open_on(O_WRONLY, 1);
	for (i = 0; i < listener.messages; i++)
		assert_tells(writer, i);
	for (i = 0; i < CHILDREN; i++)
		child_join(children[i]);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(a_file_joins_at_the_end),
		broadcast_test(coming_back_is_joining),
		broadcast_test(a_writer_hears_itself),
		broadcast_test(every_reader_has_its_own_place),
		broadcast_test(channel_0_needs_no_select),
		broadcast_test(channels_are_apart),
		broadcast_test(readers_sleep_until_a_message),
		broadcast_test(one_write_wakes_everybody),
		broadcast_test(a_destroyed_slot_wakes_readers),
		broadcast_test(poll_tells_of_messages),
		broadcast_test(errors_leave_the_cursor),
		broadcast_test(counters_count_each_reader),
		broadcast_test(processes_hear_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
