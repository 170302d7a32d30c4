// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSGSLOT_RECV: what comes back beside the message, buffers too short, how long it waits, every
 * error in its turn, and that a receive which failed has left the message.  What its flags do is
 * in recv-flags.c.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "ioctl.h"

static char got[MSGSLOT_MESSAGE_MAX];

static uint64_t boottime(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static bool readable(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	assert_works(poll(&one, 1, 0));
	return one.revents & POLLIN;
}

static void everything_comes_back(void **state)
{
	struct msgslot_recv recv;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		uint64_t before, after, last = 0;
		int fd, reader;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 5);
		reader = own_open_on(O_RDONLY, 5);
		for (i = 1; i <= 5; i++) {
			before = boottime();
			/* By write() or by SEND, it is the same message. */
			if (i % 2)
				assert_result(write(fd, "message", 7), 7);
			else
				assert_result(send_text(fd, 5, "message"), i);
			after = boottime();
			memset(&recv, 0xee, sizeof(recv));
			recv.channel = 5;
			recv.flags = 0;
			recv.timeout = 0;
			recv.remaining = 0;
			recv.message = (uintptr_t)got;
			recv.size = sizeof(got);
			assert_result(ioctl(reader, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.sequence, i);
			assert_int_equal(recv.length, 7);
			assert_memory_equal(got, "message", 7);
			assert_int_equal(recv.lost, 0);
			assert_int_equal(recv.pid, getpid());
			assert_int_equal(recv.uid, 0);
			assert_in_range(recv.time, before, after);
			assert_true(recv.time >= last);
			last = recv.time;
			/* What went in is as it was. */
			assert_int_equal(recv.channel, 5);
			assert_int_equal(recv.flags, 0);
			assert_int_equal(recv.message, (uintptr_t)got);
			assert_int_equal(recv.size, sizeof(got));
			assert_int_equal(recv.timeout, 0);
		}
		assert_result(slot_get(OWN, "received"), 5);
	}
}

static void any_channel_whatever_is_selected(void **state)
{
	const char *const without_cursors[] = { "last", "queue" };
	const unsigned int ids[] = { 1, 7, 1u << 31, 4294967295u };
	unsigned int selected;
	size_t mode, i;
	int fd, on;

	(void)state;
	for (mode = 0; mode < COUNT_OF(without_cursors); mode++) {
		own_become(without_cursors[mode]);
		fd = own_open(O_RDWR);
		on = own_open_on(O_RDONLY, 7);
		for (i = 0; i < COUNT_OF(ids); i++)
			assert_result(send_text(fd, ids[i], "some"), 1);
		for (i = 0; i < COUNT_OF(ids); i++) {
			assert_receives(i % 2 ? fd : on, ids[i], 0, 0, 1, "some");
			assert_result(ioctl(on, MSGSLOT_GET_CHANNEL, &selected), 0);
			assert_int_equal(selected, 7);
		}
	}
	assert_result(slot_get(OWN, "messages"), 0);
	/* One call for a channel that is not there makes none. */
	assert_receives_nothing(fd, 12345, 0, 0, EAGAIN);
	assert_result(slot_get(OWN, "channels"), 1);
}

/* In `last`, what was received is not new to this file any more; on another channel it is. */
static void poll_knows_what_was_received(void **state)
{
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_result(send_text(fd, 1, "one"), 1);
	assert_result(send_text(fd, 2, "two"), 1);
	assert_receives(fd, 2, 0, 0, 1, "two");
	assert_true(readable(fd));
	assert_receives(fd, 1, 0, 0, 1, "one");
	assert_false(readable(fd));
	assert_receives(fd, 1, 0, 0, 1, "one");
	assert_result(slot_select(fd, 2), 0);
	assert_true(readable(fd));
}

static void a_short_buffer(void **state)
{
	const size_t lengths[] = { 2, 256, 257, 5000, MSGSLOT_MESSAGE_MAX };
	struct msgslot_recv recv;
	char *text = calloc(1, MSGSLOT_MESSAGE_MAX);
	size_t mode, i, j;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd;

		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", MSGSLOT_MESSAGE_MAX), 0);
		fd = own_open_on(O_RDWR, 1);
		for (i = 0; i < COUNT_OF(lengths); i++) {
			assert_result(write(fd, text, lengths[i]), (ssize_t)lengths[i]);
			for (j = 0; j < 4; j++) {
				const size_t sizes[] = { 0, 1, lengths[i] / 2, lengths[i] - 1 };

				recv = recv_of(1, 0, got, sizes[j]);
				assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
				assert_int_equal(recv.length, lengths[i]);
				assert_int_equal(recv.sequence, i + 1);
			}
			/* Too short is told before the pointer is looked at. */
			recv = recv_of(1, 0, null, lengths[i] - 1);
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
			recv.size++;
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
			recv.message = (uintptr_t)nowhere;
			recv.sequence = 0;
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
			assert_result(slot_get(OWN, "received"), i);
			recv = recv_of(1, 0, got, lengths[i]);
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.length, lengths[i]);
		}
	}
	free(text);
}

/* A result that cannot be told is no result: the message stays, unread. */
static void a_struct_that_cannot_be_written(void **state)
{
	struct msgslot_recv *fixed;
	size_t mode, drop;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		assert_result(send_text(fd, 1, "stays"), 1);
		for (drop = 0; drop < (mode == 1 ? 2 : 1); drop++) {
			fixed = (void *)edge_new(sizeof(*fixed), PROT_READ | PROT_WRITE);
			*fixed = recv_of(1, drop ? MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP : 0, got,
					 sizeof(got));
			fixed->sequence = 1;
			assert_result(
				mprotect((void *)((uintptr_t)fixed & ~4095ul), 4096, PROT_READ), 0);
			assert_fails(ioctl(fd, MSGSLOT_RECV, fixed), EFAULT);
			edge_free((char *)fixed, sizeof(*fixed));
		}
		assert_true(readable(fd));
		assert_result(slot_get(OWN, "received"), 0);
		assert_receives(fd, 1, 0, 0, 1, "stays");
	}
}

/* Everything is wrong at first; what is told is put right, one after the other. */
static void errors_come_in_order(void **state)
{
	struct msgslot_recv recv;
	int fd, writer;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		bool queue = mode == 1;
		unsigned int wrong = queue ? MSGSLOT_RECV_NEWER : MSGSLOT_RECV_IF;

		own_become(modes[mode]);
		fd = own_open(O_RDONLY);
		writer = own_open(O_WRONLY);
		recv = recv_of(0, wrong | 1u << 31, null, 0);
		recv.timeout = -2;
		assert_fails(ioctl(writer, MSGSLOT_RECV, &recv), EINVAL);
		recv.flags = wrong;
		assert_fails(ioctl(writer, MSGSLOT_RECV, &recv), EINVAL);
		recv.timeout = 0;
		assert_fails(ioctl(writer, MSGSLOT_RECV, &recv), EBADF);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EOPNOTSUPP);
		recv.flags = 0;
		/* Channel 0, or one that is not selected. */
		recv.channel = mode == 2;
		if (!queue)
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
		recv.channel = 1;
		assert_result(slot_select(fd, 1), 0);
		recv.flags = queue ? MSGSLOT_RECV_IF : 0;
		recv.sequence = 1;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), queue ? ESTALE : EAGAIN);
		recv.flags = 0;
		recv.timeout = MILLISECOND;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
		assert_result(send_text(writer, 1, "one"), 1);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
		recv.size = 3;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
		recv.message = (uintptr_t)nowhere;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
		recv.message = (uintptr_t)got;
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_result(slot_destroy(OWN), 0);
		recv.flags = -1u;
		assert_fails(ioctl(writer, MSGSLOT_RECV, &recv), ENODEV);
		assert_fails(ioctl(fd, MSGSLOT_RECV, nowhere), ENODEV);
		assert_result(slot_create(OWN, modes[mode]), 0);
	}
}

static void timeouts(void **state)
{
	const int64_t wrong[] = { -2, -3, -1000000000, INT64_MIN + 1, INT64_MIN };
	const int64_t bounded[] = { 1, 1000, 20 * MILLISECOND };
	const int64_t endless[] = { -1, INT64_MAX, INT64_MAX - 1, 3600ll * 1000 * MILLISECOND };
	struct caller caller;
	struct msgslot_recv recv;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd, never, writer;

		own_become(modes[mode]);
		recv = recv_of(3, 0, got, sizeof(got));
		fd = own_open_on(O_RDONLY, 3);
		never = own_open_on(O_RDONLY | O_NONBLOCK, 3);
		writer = own_open(O_WRONLY);
		for (i = 0; i < COUNT_OF(wrong); i++) {
			recv.timeout = wrong[i];
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
			assert_fails(ioctl(never, MSGSLOT_RECV, &recv), EINVAL);
		}
		recv.timeout = 0;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EAGAIN);
		for (i = 0; i < COUNT_OF(bounded); i++) {
			recv.timeout = bounded[i];
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
			assert_fails(ioctl(never, MSGSLOT_RECV, &recv), EAGAIN);
		}
		for (i = 0; i < COUNT_OF(endless); i++) {
			recv.timeout = endless[i];
			if (mode == 0)
				assert_result(clear_channel(writer, 3), i > 0);
			assert_fails(ioctl(never, MSGSLOT_RECV, &recv), EAGAIN);
			caller_start(&caller, call_recv, fd, &recv);
			assert_result(send_text(writer, 3, "woken"), i + 1);
			assert_result(caller_end(&caller), 0);
			assert_int_equal(recv.sequence, i + 1);
			assert_int_equal(recv.length, 5);
			/* In `broadcast` it is there for every file. */
			if (mode == 2)
				assert_receives(never, 3, 0, 0, i + 1, "woken");
		}
	}
}

static void signals_while_it_waits(void **state)
{
	struct {
		int64_t timeout;
		int flags;
		int error; /* 0: it goes on */
	} const cases[] = {
		{ -1, SA_RESTART, 0 },
		{ -1, 0, EINTR },
		{ INT64_MAX, SA_RESTART, EINTR },
		{ INT64_MAX, 0, EINTR },
		{ 3600ll * 1000 * MILLISECOND, SA_RESTART, EINTR },
	};
	struct caller caller;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++)
		for (i = 0; i < COUNT_OF(cases); i++) {
			struct msgslot_recv recv = recv_of(3, 0, got, sizeof(got));
			int fd;

			own_become(modes[mode]);
			fd = own_open_on(O_RDWR, 3);
			signal_handle(cases[i].flags);
			recv.timeout = cases[i].timeout;
			caller_start(&caller, call_recv, fd, &recv);
			caller_signal(&caller);
			if (cases[i].error) {
				assert_fails(caller_end(&caller), cases[i].error);
				assert_result(send_text(fd, 3, "late"), 1);
				assert_receives(fd, 3, 0, 0, 1, "late");
				continue;
			}
			caller_must_sleep(&caller);
			caller_signal(&caller);
			caller_must_sleep(&caller);
			assert_result(send_text(fd, 3, "in time"), 1);
			assert_result(caller_end(&caller), 0);
			assert_int_equal(recv.length, 7);
		}
}

/* On a channel that nobody has: it is there as long as the call waits, and charged for. */
static void waiting_makes_the_channel(void **state)
{
	const char *const without_cursors[] = { "last", "queue" };
	struct msgslot_recv recv = recv_of(9, 0, got, sizeof(got));
	struct caller caller;
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(without_cursors); mode++) {
		own_become(without_cursors[mode]);
		fd = own_open(O_RDWR);
		recv.timeout = MILLISECOND;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
		assert_result(slot_get(OWN, "channels"), 0);
		assert_result(slot_set(OWN, "max_channels", 0), 0);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
		recv.timeout = 0;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EAGAIN);
		assert_result(slot_set(OWN, "max_channels", 10), 0);
		recv.timeout = -1;
		caller_start(&caller, call_recv, fd, &recv);
		assert_result(slot_get(OWN, "channels"), 1);
		assert_result(send_text(fd, 8, "next door"), 1);
		caller_must_sleep(&caller);
		assert_result(send_text(fd, 9, "here"), 1);
		assert_result(caller_end(&caller), 0);
		assert_int_equal(recv.length, 4);
		/* Taken from the queue, nothing is left that would keep it. */
		assert_result(slot_get(OWN, "channels"), mode ? 1 : 2);
	}
}

static void the_end_of_the_slot_wakes(void **state)
{
	struct caller callers[8];
	struct msgslot_recv recv[8];
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd;

		own_become(modes[mode]);
		fd = own_open_on(O_RDONLY, 1);
		for (i = 0; i < COUNT_OF(callers); i++) {
			recv[i] = recv_of(mode == 2 ? 1 : 1 + i % 3, 0, got, sizeof(got));
			recv[i].timeout = i % 2 ? -1 : INT64_MAX;
			caller_start(&callers[i], call_recv, fd, &recv[i]);
		}
		assert_result(slot_destroy(OWN), 0);
		for (i = 0; i < COUNT_OF(callers); i++)
			assert_fails(caller_end(&callers[i]), ENODEV);
		assert_result(slot_create(OWN, modes[mode]), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(everything_comes_back),
		own_slot_test(any_channel_whatever_is_selected),
		own_slot_test(poll_knows_what_was_received),
		own_slot_test(a_short_buffer),
		own_slot_test(a_struct_that_cannot_be_written),
		own_slot_test(errors_come_in_order),
		own_slot_test(timeouts),
		own_slot_test(signals_while_it_waits),
		own_slot_test(waiting_makes_the_channel),
		own_slot_test(the_end_of_the_slot_wakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
