// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overflow=block: a writer waits for the slowest reader, which is any file open for reading with
 * the channel selected; and no longer than that file is one.
 */
#define _GNU_SOURCE
#include "broadcast.h"

enum { DEPTH = 4 };

static int block_begin(void **state)
{
	return broadcast_begin_block(state, DEPTH);
}

#define block_test(test) cmocka_unit_test_setup_teardown(test, block_begin, own_end)

/* As many messages as are kept, numbered from @from. */
static void fill(int fd, long from)
{
	int i;

	for (i = 0; i < DEPTH; i++)
		assert_tells(fd, from + i);
}

static void hear_many(int fd, long from, long to)
{
	for (; from < to; from++)
		assert_hears(fd, from);
}

static bool has_space(int fd)
{
	return ready(fd) & POLLOUT;
}

static void no_reader_to_wait_for(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), other = own_open_on(O_RDONLY | O_NONBLOCK, 2);
	int i, late;

	(void)state;
	/*
	 * Neither a file open for writing only nor one on another channel is a reader of this one.
	 */
	for (i = 0; i < 10 * DEPTH; i++)
		assert_tells(writer, i);
	assert_true(has_space(writer));
	assert_result(slot_get(OWN, "messages"), DEPTH);
	/* A reader that joins at the end has the whole depth of the log ahead of it. */
	late = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	fill(writer, 100);
	hear_many(late, 100, 100 + DEPTH);
	assert_hears(late, -EAGAIN);
	assert_hears(other, -EAGAIN);
}

static void full_is_eagain(void **state)
{
	int writer = own_open_on(O_WRONLY | O_NONBLOCK, 1), i;
	int slow = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	int fast = own_open_on(O_RDONLY | O_NONBLOCK, 1);

	(void)state;
	fill(writer, 0);
	assert_int_equal(tell(writer, 99), -EAGAIN);
	assert_int_equal(send_number(writer, 1, 99), 0);
	assert_int_equal(errno, EAGAIN);
	/* The fast reader alone makes no space. */
	hear_many(fast, 0, DEPTH);
	assert_int_equal(tell(writer, 99), -EAGAIN);
	for (i = 0; i < 5 * DEPTH; i++) {
		assert_hears(slow, i);
		assert_tells(writer, DEPTH + i);
		assert_int_equal(tell(writer, 99), -EAGAIN);
		assert_hears(fast, DEPTH + i);
	}
	hear_many(slow, 5 * DEPTH, 6 * DEPTH);
	assert_hears(slow, -EAGAIN);
	assert_hears(fast, -EAGAIN);
	/* The errors that come before a full log do. */
	fill(writer, 0);
	assert_fails(write(writer, nowhere, 8), EFAULT);
	assert_fails(write(writer, null, 8), EINVAL);
	assert_fails(write(writer, "", 0), EMSGSIZE);
	assert_result(slot_get(OWN, "dropped"), 0);
}

/* A message counts as unread until its last piece is read. */
static void a_message_half_read_is_not_read(void **state)
{
	int writer = own_open_on(O_WRONLY | O_NONBLOCK, 1), reader = own_open_on(O_RDONLY, 1);
	char byte[8];

	(void)state;
	fill(writer, 0);
	assert_result(read(reader, byte, 7), 7);
	assert_int_equal(tell(writer, 99), -EAGAIN);
	assert_result(read(reader, byte, 7), 1);
	assert_tells(writer, DEPTH);
	/* Unless select drops the rest. */
	assert_result(read(reader, byte, 7), 7);
	assert_int_equal(tell(writer, 99), -EAGAIN);
	assert_result(slot_select(reader, 1), 0);
	assert_tells(writer, DEPTH + 1);
	hear_many(reader, 2, DEPTH + 2);
}

static void writers_sleep_until_it_is_read(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY, 1), i;
	struct call calls[] = {
		{ .make = call_write, .fd = writer, .number = DEPTH },
		{ .make = call_send, .fd = writer, .number = DEPTH, .id = 1, .timeout = -1 },
		{ .make = call_send,
		  .fd = writer,
		  .number = DEPTH,
		  .id = 1,
		  .timeout = PATIENCE * 1000000ll },
	};

	(void)state;
	for (i = 0; i < 3; i++) {
		fill(writer, 0);
		call_start(&calls[i]);
		assert_sleeps(&calls[i]);
		assert_hears(reader, 0);
		assert_ends(&calls[i], 0);
		hear_many(reader, 1, DEPTH + 1);
	}
}

static void timeouts_end_the_wait(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	struct call call = { .make = call_send, .fd = writer, .id = 1, .number = 99 };
	double before = seconds_now();

	(void)state;
	fill(writer, 0);
	call.timeout = 0;
	assert_int_equal(call_send(&call), -EAGAIN);
	call.timeout = 50000000;
	assert_int_equal(call_send(&call), -ETIMEDOUT);
	assert_waited(before, 0.05);
	call.timeout = 1;
	assert_int_equal(call_send(&call), -ETIMEDOUT);
	/* What was not sent is not there, and took no number. */
	hear_many(reader, 0, DEPTH);
	assert_hears(reader, -EAGAIN);
	assert_int_equal(call_send(&call), 0);
	assert_hears(reader, 99);
	assert_result(slot_get(OWN, "sent"), DEPTH + 1);
}

/* All that a file can do to be no slow reader any more: the writer goes on at once. */
static void leave_by_close(int fd)
{
	own_close(fd);
}

static void leave_by_select(int fd)
{
	assert_result(slot_select(fd, 2), 0);
}

static void leave_by_seek(int fd)
{
	assert_true(seek_to(fd, MSGSLOT_SEEK_END) > 0);
}

static void leave_by_recv(int fd)
{
	struct msgslot_recv recv;

	assert_int_equal(recv_number(fd, 1, &recv), 0);
}

static void a_reader_that_leaves_lets_writers_go(void **state)
{
	void (*const ways[])(int) = { leave_by_close, leave_by_select, leave_by_seek,
				      leave_by_recv };
	int way;

	(void)state;
	for (way = 0; way < 4; way++) {
		int writer = own_open_on(O_WRONLY, 1), slow = own_open_on(O_RDONLY, 1);
		int fast = own_open_on(O_RDONLY, 1);
		struct call call = { .make = call_write, .fd = writer, .number = DEPTH };

		fill(writer, 0);
		hear_many(fast, 0, 2);
		call_start(&call);
		assert_sleeps(&call);
		ways[way](slow);
		assert_ends(&call, 0);
		/* The next to be waited for is two messages on. */
		if (ways[way] != leave_by_recv)
			assert_tells(writer, DEPTH + 1);
		else
			assert_hears(slow, 1);
		hear_many(fast, 2, DEPTH + 1);
		own_close(fast);
		if (ways[way] != leave_by_close)
			own_close(slow);
		assert_result(own_clear(writer, 1), DEPTH);
		own_close(writer);
	}
}

static void clearing_makes_space(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	struct call call = { .make = call_write, .fd = writer, .number = 99 };

	(void)state;
	fill(writer, 0);
	call_start(&call);
	assert_sleeps(&call);
	assert_result(own_clear(writer, 1), DEPTH);
	assert_ends(&call, 0);
	assert_hears(reader, -ENOBUFS);
	assert_hears(reader, 99);
	assert_hears(reader, -EAGAIN);
	assert_result(slot_get(OWN, "dropped"), DEPTH);
}

static void a_destroyed_slot_wakes_writers(void **state)
{
	int reader = own_open_on(O_RDONLY, 1);
	struct call calls[] = {
		{ .make = call_write, .fd = own_open_on(O_WRONLY, 1) },
		{ .make = call_send, .fd = own_open(O_WRONLY), .id = 1, .timeout = -1 },
	};
	int i;

	(void)state;
	fill(calls[0].fd, 0);
	for (i = 0; i < 2; i++) {
		call_start(&calls[i]);
		assert_sleeps(&calls[i]);
	}
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 2; i++)
		assert_ends(&calls[i], -ENODEV);
	assert_hears(reader, -ENODEV);
}

/* A file that can read is a reader, whatever it means to do: its own messages wait for it. */
static void a_file_that_only_writes_blocks_itself(void **state)
{
	int fd = own_open_on(O_RDWR, 1), i;
	struct call call = { .make = call_write, .fd = fd, .number = DEPTH };

	(void)state;
	fill(fd, 0);
	assert_int_equal(ready(fd), POLLIN);
	call_start(&call);
	assert_sleeps(&call);
	assert_hears(fd, 0);
	assert_ends(&call, 0);
	/* On a channel that is not selected, it is none. */
	for (i = 0; i < 3 * DEPTH; i++)
		assert_true(send_number(fd, 2, i) > 0);
}

static void poll_tells_of_space(void **state)
{
	int writer = own_open_on(O_WRONLY | O_NONBLOCK, 1), slow = own_open_on(O_RDONLY, 1);
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int edge = own_keep(epoll_create1(EPOLL_CLOEXEC));
	struct pollfd one = { .fd = writer, .events = POLLOUT };

	(void)state;
	assert_result(epoll_ctl(edge, EPOLL_CTL_ADD, writer, &event), 0);
	assert_result(epoll_wait(edge, &event, 1, 0), 1);
	assert_true(has_space(writer));
	fill(writer, 0);
	assert_false(has_space(writer));
	assert_result(poll(&one, 1, 10), 0);
	assert_result(epoll_wait(edge, &event, 1, 0), 0);
	/*
	 * Space for one message.  A waiter for edges is told once.  The other waiters are told
	 * until the space is used.
	 */
	assert_hears(slow, 0);
	assert_true(has_space(writer));
	assert_result(epoll_wait(edge, &event, 1, PATIENCE), 1);
	assert_int_equal(event.events, EPOLLOUT);
	assert_result(epoll_wait(edge, &event, 1, 0), 0);
	assert_true(has_space(writer));
	assert_tells(writer, DEPTH);
	assert_false(has_space(writer));
	/* A reader that goes makes space as well. */
	own_close(slow);
	assert_true(has_space(writer));
	assert_result(epoll_wait(edge, &event, 1, PATIENCE), 1);
	assert_int_equal(event.events, EPOLLOUT);
}

static long call_poll(struct call *call)
{
	struct pollfd one = { .fd = call->fd, .events = POLLOUT };

	return poll(&one, 1, PATIENCE) == 1 ? one.revents : -EBADMSG;
}

static void pollers_are_woken_by_space(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), slow = own_open_on(O_RDONLY, 1), i;
	struct call calls[4];

	(void)state;
	fill(writer, 0);
	for (i = 0; i < 4; i++) {
		calls[i] = (struct call){ .make = call_poll,
					  .fd = i % 2 ? writer : own_open_on(O_WRONLY, 1) };
		call_start(&calls[i]);
	}
	for (i = 0; i < 4; i++)
		assert_sleeps(&calls[i]);
	assert_hears(slow, 0);
	for (i = 0; i < 4; i++)
		assert_ends(&calls[i], POLLOUT);
}

/* To seek back is to be slow again. */
static void a_reader_that_seeks_back_holds_writers_up(void **state)
{
	int writer = own_open_on(O_WRONLY | O_NONBLOCK, 1), reader = own_open_on(O_RDONLY, 1);

	(void)state;
	fill(writer, 0);
	hear_many(reader, 0, DEPTH);
	assert_true(has_space(writer));
	assert_true(seek_to(reader, MSGSLOT_SEEK_OLDEST) > 0);
	assert_false(has_space(writer));
	assert_int_equal(tell(writer, 99), -EAGAIN);
	hear_many(reader, 0, 1);
	assert_tells(writer, DEPTH);
	hear_many(reader, 1, DEPTH + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		block_test(no_reader_to_wait_for),
		block_test(full_is_eagain),
		block_test(a_message_half_read_is_not_read),
		block_test(writers_sleep_until_it_is_read),
		block_test(timeouts_end_the_wait),
		block_test(a_reader_that_leaves_lets_writers_go),
		block_test(clearing_makes_space),
		block_test(a_destroyed_slot_wakes_writers),
		block_test(a_file_that_only_writes_blocks_itself),
		block_test(poll_tells_of_space),
		block_test(pollers_are_woken_by_space),
		block_test(a_reader_that_seeks_back_holds_writers_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
