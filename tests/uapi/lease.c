// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSGSLOT_RECV_LEASE: a message is handed to an open file, hidden from others, until it is done or
 * comes back.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "lease.h"

static void done(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), other = own_open(O_RDWR | O_NONBLOCK);

	(void)state;
	assert_result(send_text(fd, 0, "one"), 1);
	assert_result(send_text(fd, 0, "two"), 2);
	assert_leases(fd, 0, 1, "one", 0);
	assert_kept(fd, 0, 2, 1);
	assert_result(slot_get(OWN, "messages"), 2);
	assert_result(slot_get(OWN, "leased"), 1);
	assert_int_equal(info_of(fd).leased, 1);
	/* Only the file that has it can end it, also where another has one, too. */
	assert_fails(lease_done(other, 0, 1), ESTALE);
	assert_fails(lease_return(other, 0, 1), ESTALE);
	assert_leases(other, 0, 2, "two", 0);
	assert_fails(lease_done(other, 0, 1), ESTALE);
	assert_fails(lease_return(other, 0, 1), ESTALE);
	assert_fails(lease_done(fd, 0, 2), ESTALE);
	assert_kept(fd, 0, 2, 2);
	assert_result(lease_done(other, 0, 2), 0);
	assert_receives_nothing(other, 0, 0, 0, EAGAIN);
	assert_receives_nothing(fd, 0, MSGSLOT_RECV_LEASE, 0, EAGAIN);
	assert_result(lease_done(fd, 0, 1), 0);
	assert_fails(lease_done(fd, 0, 1), ESTALE);
	assert_kept(fd, 0, 0, 0);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "leased"), 0);
	assert_result(send_text(fd, 0, "three"), 3);
	assert_receives(other, 0, 0, 0, 3, "three");
}

/* The result tells the message that is done, or comes back. */
static void the_result_of_an_end(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);
	struct msgslot_recv recv = { .flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_RETURN,
				     .sequence = 1 };

	(void)state;
	assert_result(send_text(fd, 0, "five5"), 1);
	assert_leases(fd, 0, 1, "five5", 0);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, 5);
	assert_int_equal(recv.sequence, 1);
	assert_int_equal(recv.pid, getpid());
	assert_leases(fd, 0, 1, "five5", 1);
	recv.flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP;
	recv.length = 0;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, 5);
	recv.length = 77;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ESTALE);
	assert_int_equal(recv.length, 77);
}

static void back_before_newer_ones(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i;
	char text[] = "0";

	(void)state;
	for (i = 1; i <= 6; i++) {
		text[0] = '0' + i;
		assert_result(send_text(fd, 0, text), i);
	}
	assert_leases(fd, 0, 1, "1", 0);
	assert_leases(fd, 0, 2, "2", 0);
	assert_leases(fd, 0, 3, "3", 0);
	assert_result(lease_return(fd, 0, 3), 0);
	assert_result(lease_return(fd, 0, 1), 0);
	assert_kept(fd, 0, 6, 1);
	assert_leases(fd, 0, 1, "1", 1);
	assert_result(lease_return(fd, 0, 1), 0);
	assert_receives(fd, 0, MSGSLOT_RECV_PEEK, 0, 1, "1");
	assert_leases(fd, 0, 1, "1", 2);
	/* Taken as any other, also by read(). */
	assert_result(read(fd, text, 1), 1);
	assert_int_equal(text[0], '3');
	/* By now the channel is selected: the usual case of a receive looks at the ring first. */
	assert_result(lease_return(fd, 0, 2), 0);
	assert_receives(fd, 0, 0, 0, 2, "2");
	assert_receives(fd, 0, 0, 0, 4, "4");
	assert_result(lease_return(fd, 0, 1), 0);
	assert_receives(fd, 0, MSGSLOT_RECV_IF, 1, 1, "1");
	assert_leases(fd, 0, 5, "5", 0);
	assert_result(lease_return(fd, 0, 5), 0);
	assert_result(read(fd, text, 1), 1);
	assert_int_equal(text[0], '5');
	assert_receives(fd, 0, 0, 0, 6, "6");
	assert_kept(fd, 0, 0, 0);
}

static void long_and_short(void **state)
{
	const size_t lengths[] = { 1, 8, 255, 256, 257, 4096 };
	int fd = own_open(O_RDWR | O_NONBLOCK), round;
	char sent[4096], got[4096];
	struct msgslot_recv recv;
	size_t i;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < COUNT_OF(lengths); i++) {
			bytes_fill(sent, lengths[i], i);
			assert_result(write(fd, sent, lengths[i]), (ssize_t)lengths[i]);
		}
		for (i = 0; i < 2 * COUNT_OF(lengths); i++) {
			size_t n = i % COUNT_OF(lengths);

			if (i == COUNT_OF(lengths))
				for (n = 0; n < COUNT_OF(lengths); n++)
					assert_result(lease_return(fd, 0, round * 6 + n + 1), 0);
			n = i % COUNT_OF(lengths);
			recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));
			memset(got, 0, sizeof(got));
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.length, lengths[n]);
			assert_int_equal(recv.sequence, round * 6 + n + 1);
			bytes_fill(sent, lengths[n], n);
			assert_memory_equal(got, sent, lengths[n]);
		}
		for (i = 0; i < COUNT_OF(lengths); i++)
			assert_result(lease_done(fd, 0, round * 6 + i + 1), 0);
	}
	assert_kept(fd, 0, 0, 0);
	own_close(fd);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

static void a_buffer_that_is_too_short(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);
	char got[4];
	struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_LEASE, got, 4);

	(void)state;
	assert_result(send_text(fd, 0, "12345"), 1);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
	assert_int_equal(recv.length, 5);
	assert_kept(fd, 0, 1, 0);
	recv = recv_of(0, MSGSLOT_RECV_LEASE, null, 10);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
	recv = recv_of(0, MSGSLOT_RECV_LEASE, nowhere, 10);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
	assert_kept(fd, 0, 1, 0);
	assert_leases(fd, 0, 1, "12345", 0);
}

static void full_counts_what_is_leased(void **state)
{
	struct pollfd wanted = { .events = POLLOUT };
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", 3), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	wanted.fd = fd;
	assert_result(send_text(fd, 0, "1"), 1);
	assert_result(send_text(fd, 0, "2"), 2);
	assert_result(send_text(fd, 0, "3"), 3);
	assert_leases(fd, 0, 1, "1", 0);
	assert_leases(fd, 0, 2, "2", 0);
	assert_leases(fd, 0, 3, "3", 0);
	assert_fails(send_text(fd, 0, "4"), EAGAIN);
	assert_fails(write(fd, "4", 1), EAGAIN);
	assert_result(poll(&wanted, 1, 0), 0);
	assert_result(lease_return(fd, 0, 2), 0);
	assert_fails(write(fd, "4", 1), EAGAIN);
	assert_result(lease_done(fd, 0, 3), 0);
	assert_result(poll(&wanted, 1, 0), 1);
	assert_result(send_text(fd, 0, "4"), 4);
	assert_fails(send_text(fd, 0, "5"), EAGAIN);
	assert_receives(fd, 0, 0, 0, 2, "2");
	assert_result(send_text(fd, 0, "5"), 5);
	assert_fails(send_text(fd, 0, "6"), EAGAIN);
	assert_result(lease_done(fd, 0, 1), 0);
	assert_result(send_text(fd, 0, "6"), 6);
	assert_receives(fd, 0, 0, 0, 4, "4");
}

/* A writer that sleeps is woken by what makes space, and by nothing else. */
static void a_writer_that_sleeps(void **state)
{
	struct msgslot_send send = send_of(0, "2", 1);
	struct caller caller;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR);
	assert_result(send_text(fd, 0, "1"), 1);
	send.timeout = -1;
	caller_start(&caller, call_send, fd, &send);
	assert_leases(fd, 0, 1, "1", 0);
	assert_result(lease_return(fd, 0, 1), 0);
	assert_leases(fd, 0, 1, "1", 1);
	usleep(50000);
	caller_must_sleep(&caller);
	assert_result(lease_done(fd, 0, 1), 0);
	assert_result(caller_end(&caller), 0);
	assert_receives(fd, 0, 0, 0, 2, "2");
}

static void a_reader_that_sleeps(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(0, 0, got, sizeof(got));
	struct caller caller;

	(void)state;
	recv.timeout = -1;
	assert_result(send_text(fd, 0, "1"), 1);
	assert_leases(holder, 0, 1, "1", 0);
	assert_result(poll(&wanted, 1, 0), 0);
	caller_start(&caller, call_recv, fd, &recv);
	assert_result(lease_return(holder, 0, 1), 0);
	assert_result(caller_end(&caller), 0);
	assert_int_equal(recv.sequence, 1);
	/* Also one that leases, and by the file's end. */
	assert_result(send_text(fd, 0, "2"), 2);
	assert_leases(holder, 0, 2, "2", 0);
	recv.flags = MSGSLOT_RECV_LEASE;
	caller_start(&caller, call_recv, fd, &recv);
	own_close(holder);
	assert_result(caller_end(&caller), 0);
	assert_int_equal(recv.sequence, 2);
	assert_int_equal(recv.delivered, 1);
	assert_result(poll(&wanted, 1, 0), 0);
	assert_result(lease_return(fd, 0, 2), 0);
	assert_result(poll(&wanted, 1, 0), 1);
	assert_receives(fd, 0, 0, 0, 2, "2");
}

static void a_channel_that_nobody_holds(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1), other;

	(void)state;
	assert_result(send_text(fd, 7, "1"), 1);
	assert_leases(fd, 7, 1, "1", 0);
	assert_result(slot_get(OWN, "channels"), 2);
	/* A lease is no file. */
	assert_int_equal(lease_walk(fd, 7).files, 0);
	assert_result(lease_return(fd, 7, 1), 0);
	assert_result(slot_get(OWN, "channels"), 2);
	assert_leases(fd, 7, 1, "1", 1);
	own_close(fd);
	other = own_open_on(O_RDWR | O_NONBLOCK, 2);
	assert_kept(other, 7, 1, 0);
	assert_receives(other, 7, 0, 0, 1, "1");
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(send_text(other, 7, "2"), 2);
	assert_leases(other, 7, 2, "2", 0);
	assert_result(lease_done(other, 7, 2), 0);
	assert_result(slot_get(OWN, "channels"), 1);
	/* The file has memory for its next lease, and that is all. */
	assert_in_range(slot_get(OWN, "bytes"), 1, LEASE_BYTES);
	own_close(other);
	assert_result(slot_get(OWN, "bytes"), 0);
}

static void clear_ends_leases(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i;
	char text[] = "a";

	(void)state;
	assert_result(slot_get(OWN, "dropped"), 0);
	for (i = 1; i <= 40; i++)
		assert_result(send_text(fd, 0, text), i);
	for (i = 1; i <= 36; i++)
		assert_leases(fd, 0, i, text, 0);
	assert_result(lease_return(fd, 0, 3), 0);
	assert_result(lease_return(fd, 0, 5), 0);
	assert_kept(fd, 0, 40, 34);
	assert_result(clear_channel(fd, 0), 40);
	assert_kept(fd, 0, 0, 0);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "leased"), 0);
	for (i = 1; i <= 40; i++) {
		assert_fails(lease_done(fd, 0, i), ESTALE);
		assert_fails(lease_return(fd, 0, i), ESTALE);
	}
	assert_receives_nothing(fd, 0, 0, 0, EAGAIN);
	assert_result(send_text(fd, 0, "new"), 41);
	assert_leases(fd, 0, 41, "new", 0);
	own_close(fd);
	assert_result(slot_get(OWN, "messages"), 1);
	assert_result(slot_get(OWN, "leased"), 0);
}

/* The newest message kept is the one that CLEAR_IF means, also where it is leased. */
static void clear_if(void **state)
{
	struct msgslot_clear clear = { .flags = MSGSLOT_CLEAR_IF, .sequence = 0 };
	int fd = own_open(O_RDWR | O_NONBLOCK);

	(void)state;
	assert_result(send_text(fd, 0, "1"), 1);
	assert_result(send_text(fd, 0, "2"), 2);
	assert_leases(fd, 0, 1, "1", 0);
	assert_leases(fd, 0, 2, "2", 0);
	assert_fails(ioctl(fd, MSGSLOT_CLEAR, &clear), ESTALE);
	clear.sequence = 1;
	assert_fails(ioctl(fd, MSGSLOT_CLEAR, &clear), ESTALE);
	clear.sequence = 2;
	assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, 2);
}

static void the_slot_goes(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), other = own_open(O_RDWR | O_NONBLOCK);

	(void)state;
	assert_result(send_text(fd, 0, "1"), 1);
	assert_result(send_text(fd, 0, "2"), 2);
	assert_leases(fd, 0, 1, "1", 0);
	assert_leases(other, 0, 2, "2", 0);
	assert_result(lease_return(other, 0, 2), 0);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(lease_done(fd, 0, 1), ENODEV);
	assert_fails(lease_return(fd, 0, 1), ENODEV);
}

/* A look at all that is kept finds what is leased, too: so a dump loses nothing. */
static void a_look_finds_all(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i;
	char text[] = "0";

	(void)state;
	for (i = 1; i <= 5; i++) {
		text[0] = '0' + i;
		assert_result(send_text(fd, 0, text), i);
	}
	for (i = 1; i <= 4; i++) {
		text[0] = '0' + i;
		assert_leases(fd, 0, i, text, 0);
	}
	assert_result(lease_return(fd, 0, 2), 0);
	assert_result(lease_done(fd, 0, 3), 0);
	assert_receives(fd, 0, MSGSLOT_RECV_PEEK, 0, 2, "2");
	assert_receives(fd, 0, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, 0, 1, "1");
	assert_receives(fd, 0, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, 1, 2, "2");
	assert_receives(fd, 0, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, 2, 4, "4");
	assert_receives(fd, 0, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, 4, 5, "5");
	assert_receives_nothing(fd, 0, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, 5, EAGAIN);
}

static void flags_that_make_no_sense(void **state)
{
	const unsigned int wrong[] = {
		MSGSLOT_RECV_RETURN,
		MSGSLOT_RECV_LEASE | MSGSLOT_RECV_PEEK,
		MSGSLOT_RECV_LEASE | MSGSLOT_RECV_NEWER,
		MSGSLOT_RECV_LEASE | MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP,
		MSGSLOT_RECV_LEASE | MSGSLOT_RECV_IF | MSGSLOT_RECV_RETURN,
		MSGSLOT_RECV_IF | MSGSLOT_RECV_RETURN | MSGSLOT_RECV_DROP,
		MSGSLOT_RECV_IF | MSGSLOT_RECV_RETURN | MSGSLOT_RECV_MANY,
		MSGSLOT_RECV_LEASE | MSGSLOT_RECV_IF | MSGSLOT_RECV_MANY,
		MSGSLOT_RECV_RANGE | MSGSLOT_RECV_RETURN,
	};
	const char *const others[] = { "last", "broadcast" };
	int fd = own_open(O_RDWR | O_NONBLOCK);
	char got[COURSE_MAX];
	struct msgslot_recv recv;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(wrong); i++) {
		recv = recv_of(0, wrong[i], got, sizeof(got));
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
	}
	for (i = 0; i < COUNT_OF(others); i++) {
		own_become(others[i]);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		assert_receives_nothing(fd, 1, MSGSLOT_RECV_LEASE, 0, EOPNOTSUPP);
		assert_receives_nothing(fd, 1, MSGSLOT_RECV_IF | MSGSLOT_RECV_RETURN, 0,
					EOPNOTSUPP);
	}
}

/* A struct without the field for it. */
static void an_older_struct(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));
	unsigned long older = _IOC(_IOC_READ | _IOC_WRITE, MSGSLOT_IOC_TYPE, 4,
				   offsetof(struct msgslot_recv, delivered));

	(void)state;
	assert_result(send_text(fd, 0, "1"), 1);
	assert_fails(ioctl(fd, older, &recv), EINVAL);
	recv.flags = 0;
	assert_result(ioctl(fd, older, &recv), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lease_test(done),
		lease_test(the_result_of_an_end),
		lease_test(back_before_newer_ones),
		lease_test(long_and_short),
		lease_test(a_buffer_that_is_too_short),
		lease_test(full_counts_what_is_leased),
		lease_test(a_writer_that_sleeps),
		lease_test(a_reader_that_sleeps),
		lease_test(a_channel_that_nobody_holds),
		lease_test(clear_ends_leases),
		lease_test(clear_if),
		lease_test(the_slot_goes),
		lease_test(a_look_finds_all),
		lease_test(flags_that_make_no_sense),
		lease_test(an_older_struct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
