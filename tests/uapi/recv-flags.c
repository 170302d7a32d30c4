// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the flags of MSGSLOT_RECV do in each mode: PEEK leaves everything, NEWER makes the caller
 * the cursor, IF and DROP take one message and no other.  And what is lost is counted.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "ioctl.h"

enum {
	PEEK = MSGSLOT_RECV_PEEK,
	NEWER = MSGSLOT_RECV_NEWER,
	IF = MSGSLOT_RECV_IF,
	DROP = MSGSLOT_RECV_DROP,
};

static char got[COURSE_MAX];

static bool readable(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	assert_works(poll(&one, 1, 0));
	return one.revents & POLLIN;
}

/* Messages "1" to "9" by their numbers. */
static void send_numbers(int fd, unsigned int channel, int first, int last)
{
	char digit[2] = "";
	int number;

	for (number = first; number <= last; number++) {
		digit[0] = '0' + number;
		assert_result(send_text(fd, channel, digit), number);
	}
}

static void peek_leaves_everything(void **state)
{
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		assert_receives_nothing(fd, 1, PEEK, 0, EAGAIN);
		send_numbers(fd, 1, 1, 3);
		for (i = 0; i < 3; i++) {
			assert_receives(fd, 1, PEEK, 0, mode ? 1 : 3, mode ? "1" : "3");
			assert_true(readable(fd));
		}
		for (i = mode ? 1 : 3; i <= 3; i++) {
			assert_true(readable(fd));
			assert_result(read(fd, got, sizeof(got)), 1);
			assert_int_equal(got[0], '0' + i);
		}
		assert_false(readable(fd));
		if (mode)
			assert_receives_nothing(fd, 1, PEEK, 0, EAGAIN);
		else
			assert_receives(fd, 1, PEEK, 0, 3, "3");
	}
}

/* A peek sleeps like any other call; the message that wakes it stays for a taker. */
static void peek_waits(void **state)
{
	struct msgslot_recv recv[4], taken = recv_of(1, 0, got, sizeof(got));
	struct caller callers[4], taker;
	int fd, i;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR);
	for (i = 0; i < 4; i++) {
		recv[i] = recv_of(1, PEEK, got, sizeof(got));
		recv[i].timeout = -1;
		caller_start(&callers[i], call_recv, fd, &recv[i]);
	}
	/* Behind them all sleeps a taker: a caller that only looked has to hand the wake-up on. */
	taken.timeout = -1;
	caller_start(&taker, call_recv, fd, &taken);
	assert_result(send_text(fd, 1, "one"), 1);
	assert_result(caller_end(&taker), 0);
	assert_int_equal(taken.sequence, 1);
	/* A caller that was not quick enough looks at the next message. */
	assert_result(send_text(fd, 1, "two"), 2);
	for (i = 0; i < 4; i++) {
		assert_result(caller_end(&callers[i]), 0);
		assert_in_range(recv[i].sequence, 1, 2);
	}
	assert_receives(fd, 1, 0, 0, 2, "two");
}

static void newer_in_last(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	struct msgslot_recv recv;

	(void)state;
	assert_receives_nothing(fd, 1, NEWER, 0, EAGAIN);
	send_numbers(fd, 1, 1, 5);
	recv = assert_receives(fd, 1, NEWER | PEEK, 0, 5, "5");
	assert_int_equal(recv.lost, 0);
	assert_true(readable(fd));
	recv = assert_receives(fd, 1, NEWER, 2, 5, "5");
	assert_int_equal(recv.lost, 2);
	assert_false(readable(fd));
	recv = assert_receives(fd, 1, NEWER, 4, 5, "5");
	assert_int_equal(recv.lost, 0);
	assert_receives_nothing(fd, 1, NEWER, 5, EAGAIN);
	assert_receives_nothing(fd, 1, NEWER, 6, EAGAIN);
	assert_receives_nothing(fd, 1, NEWER, UINT64_MAX, EAGAIN);
	/* A receive without it does not mind. */
	assert_receives(fd, 1, 0, 5, 5, "5");
}

static void newer_in_queue(void **state)
{
	struct msgslot_recv recv;
	int fd;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR);
	send_numbers(fd, 1, 1, 6);
	assert_receives_nothing(fd, 1, NEWER, 0, EOPNOTSUPP);
	assert_receives(fd, 1, 0, 0, 1, "1");
	assert_receives(fd, 1, 0, 0, 2, "2");
	recv = assert_receives(fd, 1, NEWER | PEEK, 0, 3, "3");
	assert_int_equal(recv.lost, 0);
	recv = assert_receives(fd, 1, NEWER | PEEK, 1, 3, "3");
	assert_int_equal(recv.lost, 1);
	recv = assert_receives(fd, 1, NEWER | PEEK, 4, 5, "5");
	assert_int_equal(recv.lost, 0);
	assert_receives_nothing(fd, 1, NEWER | PEEK, 6, EAGAIN);
	assert_receives_nothing(fd, 1, NEWER | PEEK, UINT64_MAX, EAGAIN);
	assert_receives(fd, 1, 0, 0, 3, "3");
}

/* A late joiner's replay, on a channel that its file never selects. */
static void newer_in_broadcast(void **state)
{
	struct msgslot_recv recv;
	uint64_t after = 0;
	char text[2] = "";
	int fd, own_cursor;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "depth", 4), 0);
	own_cursor = own_open_on(O_RDWR, 1);
	send_numbers(own_cursor, 1, 1, 3);
	fd = own_open(O_RDONLY);
	assert_receives_nothing(fd, 1, 0, 0, EINVAL);
	assert_receives_nothing(fd, 1, PEEK, 0, EINVAL);
	for (after = 0; after < 3; after++) {
		text[0] = '1' + after;
		recv = assert_receives(fd, 1, after % 2 ? NEWER : NEWER | PEEK, after, after + 1,
				       text);
		assert_int_equal(recv.lost, 0);
	}
	assert_receives_nothing(fd, 1, NEWER, 3, EAGAIN);
	/* 5 to 8 are kept; 1 to 4 went: of them a reader that had read 2 missed 3 and 4. */
	send_numbers(own_cursor, 1, 4, 8);
	recv = assert_receives(fd, 1, NEWER, 2, 5, "5");
	assert_int_equal(recv.lost, 2);
	recv = assert_receives(fd, 1, NEWER, 0, 5, "5");
	assert_int_equal(recv.lost, 0);
	recv = assert_receives(fd, 1, NEWER, 7, 8, "8");
	assert_int_equal(recv.lost, 0);
	/* On a channel that is selected it leaves the file's own cursor alone, too. */
	recv = assert_receives(own_cursor, 1, NEWER, 6, 7, "7");
	assert_int_equal(recv.lost, 0);
	recv = assert_receives(own_cursor, 1, 0, 0, 5, "5");
	assert_int_equal(recv.lost, 4);
}

static void newer_waits(void **state)
{
	struct msgslot_recv recv;
	struct caller caller;
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open(O_RDWR);
		recv = recv_of(9, mode == 1 ? NEWER | PEEK : NEWER, got, sizeof(got));
		recv.sequence = 2;
		recv.timeout = MILLISECOND;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
		recv.sequence = 2;
		recv.timeout = -1;
		caller_start(&caller, call_recv, fd, &recv);
		send_numbers(fd, 9, 1, 2);
		caller_must_sleep(&caller);
		send_numbers(fd, 9, 3, 3);
		assert_result(caller_end(&caller), 0);
		assert_int_equal(recv.sequence, 3);
		assert_int_equal(recv.lost, 0);
		assert_int_equal(got[0], '3');
	}
}

/* Peek, work, take exactly that one: what a forwarder does. */
static void take_if_it_is_the_head(void **state)
{
	struct msgslot_recv recv;
	struct msgslot_info info;
	int fd;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR);
	assert_receives_nothing(fd, 1, IF, 0, ESTALE);
	assert_receives_nothing(fd, 1, IF, 1, ESTALE);
	assert_result(slot_get(OWN, "channels"), 0);
	send_numbers(fd, 1, 1, 5);
	assert_receives_nothing(fd, 1, IF, 0, ESTALE);
	assert_receives_nothing(fd, 1, IF, 2, ESTALE);
	assert_receives_nothing(fd, 1, IF | PEEK, 2, ESTALE);
	assert_receives_nothing(fd, 1, IF | DROP, 2, ESTALE);
	assert_receives(fd, 1, IF | PEEK, 1, 1, "1");
	assert_receives(fd, 1, IF, 1, 1, "1");
	assert_receives_nothing(fd, 1, IF, 1, ESTALE);
	/* It does not wait for what is not the head. */
	recv = recv_of(1, IF, got, sizeof(got));
	recv.sequence = 9;
	recv.timeout = -1;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ESTALE);
	/* Without a copy neither buffer nor size matter. */
	recv = recv_of(1, IF | DROP, nowhere, 0);
	recv.sequence = 2;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.sequence, 2);
	recv = recv_of(1, IF | DROP, null, 0);
	recv.sequence = 3;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	/* With one they do, and a call that fails has not taken it. */
	recv = recv_of(1, IF, got, 0);
	recv.sequence = 4;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
	recv = recv_of(1, IF, nowhere, sizeof(got));
	recv.sequence = 4;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
	assert_receives(fd, 1, IF, 4, 4, "4");
	assert_receives(fd, 1, 0, 0, 5, "5");
	info = info_of(fd);
	assert_int_equal(info.received, 5);
	assert_int_equal(info.dropped, 0);
	assert_int_equal(info.messages, 0);
}

static void a_drop_makes_space(void **state)
{
	struct msgslot_send send = send_of(1, "three", 5);
	struct msgslot_recv recv = recv_of(1, IF | DROP, null, 0);
	struct caller caller;
	int fd;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 2), 0);
	fd = own_open(O_RDWR);
	send_numbers(fd, 1, 1, 2);
	send.timeout = -1;
	caller_start(&caller, call_send, fd, &send);
	assert_receives(fd, 1, PEEK, 0, 1, "1");
	caller_must_sleep(&caller);
	recv.sequence = 1;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_result(caller_end(&caller), 0);
	assert_receives(fd, 1, 0, 0, 2, "2");
	assert_receives(fd, 1, 0, 0, 3, "three");
}

/* Many callers peek and drop the same messages: each message is dropped by exactly one caller. */
enum { DROPPERS = 4 };

static void *peek_and_drop(void *argument)
{
	long *mine = argument;
	int fd = slot_open(OWN, O_RDWR);
	struct msgslot_recv recv;

	demand(fd >= 0);
	for (;;) {
		uint64_t number;

		recv = recv_of(1, PEEK, &number, sizeof(number));
		if (ioctl(fd, MSGSLOT_RECV, &recv)) {
			demand(errno == EAGAIN);
			break;
		}
		demand(recv.length == sizeof(number) && recv.sequence == number);
		recv.flags = IF | DROP;
		if (ioctl(fd, MSGSLOT_RECV, &recv) == 0)
			++*mine;
		else
			demand(errno == ESTALE);
	}
	close(fd);
	return NULL;
}

static void each_is_dropped_once(void **state)
{
	uint64_t count = scaled(5000, 300), i;
	pthread_t threads[DROPPERS];
	long dropped[DROPPERS] = { 0 };
	struct msgslot_send send;
	int fd;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", count), 0);
	fd = own_open(O_RDWR);
	for (i = 1; i <= count; i++) {
		send = send_of(1, &i, sizeof(i));
		assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
		assert_int_equal(send.sequence, i);
	}
	for (i = 0; i < DROPPERS; i++)
		threads[i] = thread_start(peek_and_drop, &dropped[i]);
	for (i = 0; i < DROPPERS; i++) {
		thread_join(threads[i]);
		count -= dropped[i];
	}
	assert_int_equal(count, 0);
	assert_result(slot_get(OWN, "messages"), 0);
}

static void flags_that_exclude_each_other(void **state)
{
	const struct {
		unsigned int flags;
		int error[COUNT_OF(modes)];
	} cases[] = {
		{ DROP, { EINVAL, EINVAL, EINVAL } },
		{ DROP | PEEK, { EINVAL, EINVAL, EINVAL } },
		{ DROP | NEWER, { EINVAL, EINVAL, EINVAL } },
		{ DROP | IF | PEEK, { EINVAL, EINVAL, EINVAL } },
		{ DROP | IF | NEWER, { EINVAL, EINVAL, EINVAL } },
		{ IF | NEWER, { EINVAL, EINVAL, EINVAL } },
		{ IF | NEWER | PEEK, { EINVAL, EINVAL, EINVAL } },
		{ DROP | IF | NEWER | PEEK, { EINVAL, EINVAL, EINVAL } },
		{ IF, { EOPNOTSUPP, 0, EOPNOTSUPP } },
		{ IF | PEEK, { EOPNOTSUPP, 0, EOPNOTSUPP } },
		{ IF | DROP, { EOPNOTSUPP, 0, EOPNOTSUPP } },
		{ NEWER, { 0, EOPNOTSUPP, 0 } },
	};
	struct msgslot_recv recv;
	size_t mode, i;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		for (i = 0; i < COUNT_OF(cases); i++) {
			/* The number of the only message, or the one before it. */
			long long sequence = send_text(fd, 1, "text");

			recv = recv_of(1, cases[i].flags, got, sizeof(got));
			recv.sequence = sequence - (cases[i].flags == NEWER);
			if (cases[i].error[mode])
				assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), cases[i].error[mode]);
			else
				assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_true(clear_channel(fd, 1) >= 0);
		}
	}
}

static void losses_are_counted(void **state)
{
	struct msgslot_recv recv;
	int fd, reader;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "depth", 2), 0);
	fd = own_open(O_WRONLY);
	reader = own_open_on(O_RDONLY, 1);
	send_numbers(fd, 1, 1, 5);
	recv = assert_receives(reader, 1, PEEK, 0, 4, "4");
	assert_int_equal(recv.lost, 3);
	recv = assert_receives(reader, 1, 0, 0, 4, "4");
	assert_int_equal(recv.lost, 3);
	recv = assert_receives(reader, 1, 0, 0, 5, "5");
	assert_int_equal(recv.lost, 3);
	/* RECV has told it: a plain read has nothing to add. */
	send_numbers(fd, 1, 6, 6);
	assert_result(read(reader, got, sizeof(got)), 1);
	send_numbers(fd, 1, 7, 9);
	assert_fails(read(reader, got, sizeof(got)), ENOBUFS);
	/* What read told counts on, and is not told twice. */
	recv = assert_receives(reader, 1, 0, 0, 8, "8");
	assert_int_equal(recv.lost, 4);
	/* Since it joined: on another channel all begins anew. */
	assert_result(slot_select(reader, 2), 0);
	send_numbers(fd, 2, 1, 1);
	recv = assert_receives(reader, 2, 0, 0, 1, "1");
	assert_int_equal(recv.lost, 0);
}

/* A plain read may take a message in pieces, RECV takes it whole, from its start. */
static void whole_after_a_piece(void **state)
{
	int fd;

	(void)state;
	own_become("broadcast");
	fd = own_open_on(O_RDWR, 1);
	assert_result(send_text(fd, 1, "in pieces"), 1);
	assert_result(send_text(fd, 1, "next"), 2);
	assert_result(read(fd, got, 3), 3);
	assert_receives(fd, 1, PEEK, 0, 1, "in pieces");
	assert_result(read(fd, got, 3), 3);
	assert_memory_equal(got, "pie", 3);
	assert_receives(fd, 1, 0, 0, 1, "in pieces");
	assert_result(read(fd, got, 3), 3);
	assert_memory_equal(got, "nex", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(peek_leaves_everything), own_slot_test(peek_waits),
		own_slot_test(newer_in_last),	       own_slot_test(newer_in_queue),
		own_slot_test(newer_in_broadcast),     own_slot_test(newer_waits),
		own_slot_test(take_if_it_is_the_head), own_slot_test(a_drop_makes_space),
		own_slot_test(each_is_dropped_once),   own_slot_test(flags_that_exclude_each_other),
		own_slot_test(losses_are_counted),     own_slot_test(whole_after_a_piece),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
