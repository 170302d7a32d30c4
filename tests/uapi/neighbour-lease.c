// SPDX-License-Identifier: GPL-2.0-or-later
/* Leases and ties of one user do not slow, fill up, or charge another. */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "lease.h"
#include "own-as.h"

enum { LEASE = MSGSLOT_RECV_LEASE };

/* A look for later messages sleeps, though an older one came back, and is woken. */
static void a_look_that_waits_sleeps(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), look = own_open(O_RDWR);
	struct msgslot_recv recv;
	struct caller looker;
	char got[COURSE_MAX];

	(void)state;
	assert_result(send_text(fd, 0, "job"), 1);
	assert_leases(fd, 0, 1, "job", 0);
	assert_result(lease_return(fd, 0, 1), 0);
	recv = recv_of(0, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, got, sizeof(got));
	recv.sequence = 1;
	recv.timeout = -1;
	caller_start(&looker, call_recv, look, &recv);
	assert_result(send_text(fd, 0, "later"), 2);
	assert_result(caller_end(&looker), 0);
	assert_int_equal(recv.sequence, 2);
}

/* First leases that come back again and again do not fill the slot. */
static void leases_do_not_fill_the_slot(void **state)
{
	int hostile, other, root = own_open(O_RDWR | O_NONBLOCK);
	char got[COURSE_MAX];
	unsigned int id, top;
	struct msgslot_info info;

	(void)state;
	assert_result(slot_set(OWN, "max_bytes", 1 << 18), 0);
	hostile = own_open_as("member", O_RDWR | O_NONBLOCK);
	other = own_open_as("member2", O_RDWR | O_NONBLOCK);
	for (top = 1; send_text(hostile, top, "x") >= 0; top++)
		;
	assert_int_equal(errno, EDQUOT);
	for (id = 1; id < top; id++) {
		struct msgslot_recv recv = recv_of(id, LEASE, got, sizeof(got));

		if (ioctl(hostile, MSGSLOT_RECV, &recv))
			assert_int_equal(errno, EDQUOT);
		else
			assert_result(lease_return(hostile, id, recv.sequence), 0);
	}
	info = info_of(other);
	assert_true(info.bytes <= info.max_bytes);
	for (id = 0; id < 100; id++)
		assert_works(send_text(other, 4000000, "y"));
	assert_works(send_text(root, 4000001, "z"));
	/* What came back itself can be leased again, and done. */
	assert_leases(hostile, 1, 1, "x", 1);
	assert_result(lease_done(hostile, 1, 1), 0);
}

/* A worker that dies is not charged for the channels of what it had. */
static void a_worker_is_not_charged_for_channels(void **state)
{
	int sender, worker, id;
	char got[COURSE_MAX];

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 64), 0);
	sender = own_open_as("member", O_RDWR | O_NONBLOCK);
	worker = own_open_as("member2", O_RDWR | O_NONBLOCK);
	for (id = 1; id <= 10; id++) {
		struct msgslot_recv recv = recv_of(id, LEASE, got, sizeof(got));

		assert_result(send_text(sender, id, "job"), 1);
		assert_result(ioctl(worker, MSGSLOT_RECV, &recv), 0);
	}
	own_close(worker);
	worker = own_open_as("member2", O_RDWR | O_NONBLOCK);
	assert_int_equal(info_of(sender).share_channels, 10);
	assert_int_equal(info_of(worker).share_channels, 0);
	/* Only for what the leases are in, until the messages are taken. */
	assert_true(info_of(worker).share_bytes <= 10 * LEASE_BYTES);
	for (id = 1; id <= 10; id++)
		assert_receives(sender, id, 0, 0, 1, "job");
	assert_int_equal(info_of(worker).share_bytes, 0);
}

/* A channel that is full of leases is full, before any limit counts. */
static void full_comes_before_limits(void **state)
{
	char text[COURSE_MAX] = { 0 };
	int fd, user, id;

	(void)state;
	assert_result(slot_set(OWN, "depth", 32), 0);
	assert_result(slot_set(OWN, "max_bytes", 1 << 17), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	user = own_open_as("member", O_RDWR | O_NONBLOCK);
	for (id = 0; id < 32; id++)
		assert_result(write(fd, text, sizeof(text)), sizeof(text));
	for (id = 0; id < 32; id++) {
		struct msgslot_recv recv = recv_of(0, LEASE, text, sizeof(text));

		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	}
	for (id = 1; send_text(user, id, "x") >= 0; id++)
		;
	assert_int_equal(errno, EDQUOT);
	assert_fails(send_text(user, 0, "x"), EAGAIN);
}

/* ---- `last` ---------------------------------------------------------------------------------- */

/* A condition that does not hold comes before a limit, and is waited for. */
static void a_condition_comes_before_limits(void **state)
{
	static char text[4000], will[4000];
	int fd, user, id;
	struct msgslot_send send = send_of(1, text, 100);

	(void)state;
	own_become("last");
	assert_result(slot_set(OWN, "max_message", sizeof(text)), 0);
	assert_result(slot_set(OWN, "max_bytes", 1 << 17), 0);
	fd = own_open(O_RDWR);
	user = own_open_as("member", O_RDWR);
	assert_result(send_text(fd, 1, "taken"), 1);
	for (id = 2;; id++) {
		struct msgslot_send more = send_of(id, text, id % 2 ? 1 : sizeof(text));

		if (ioctl(user, MSGSLOT_SEND, &more) && id % 2)
			break;
	}
	assert_int_equal(errno, EDQUOT);
	send.flags = MSGSLOT_SEND_TIED | MSGSLOT_SEND_IF;
	send.will = (uintptr_t)will;
	send.will_length = sizeof(will);
	assert_fails(ioctl(user, MSGSLOT_SEND, &send), ESTALE);
	send.timeout = 1000000;
	assert_fails(ioctl(user, MSGSLOT_SEND, &send), ETIMEDOUT);
	assert_result(clear_channel(fd, 1), 1);
	assert_fails(ioctl(user, MSGSLOT_SEND, &send), EDQUOT);
}

static long switches;

static ssize_t wait_and_count(int fd, void *argument)
{
	struct rusage usage;
	int result = ioctl(fd, MSGSLOT_SEND, argument);

	getrusage(RUSAGE_THREAD, &usage);
	switches = usage.ru_nvcsw;
	return result;
}

/* Waits for an empty channel that end wake no other, as long as it is not. */
static void waits_that_end_wake_no_other(void **state)
{
	struct msgslot_send wait = send_of(1, "victim", 6), other;
	int fd, i, rounds = scaled(2000, 300);
	struct caller caller;

	(void)state;
	own_become("last");
	fd = own_open(O_RDWR);
	assert_result(send_text(fd, 1, "taken"), 1);
	wait.flags = MSGSLOT_SEND_IF;
	wait.timeout = -1;
	caller_start(&caller, wait_and_count, fd, &wait);
	for (i = 0; i < rounds; i++) {
		other = send_of(1, "other", 5);
		other.flags = MSGSLOT_SEND_IF;
		other.timeout = 1;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &other), ETIMEDOUT);
	}
	assert_result(clear_channel(fd, 1), 1);
	assert_result(caller_end(&caller), 0);
	assert_in_range(switches, 0, rounds / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lease_test(a_look_that_waits_sleeps),
		lease_test(leases_do_not_fill_the_slot),
		lease_test(a_worker_is_not_charged_for_channels),
		lease_test(full_comes_before_limits),
		own_slot_test(a_condition_comes_before_limits),
		own_slot_test(waits_that_end_wake_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
