// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file that listens to a range of channels: what it receives in each mode, what it is told of
 * losses, what ends it, and all that is refused.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "listen.h"
#include "own-as.h"

static char got[COURSE_MAX];

static void refusals(void **state)
{
	struct msgslot_listen listen;
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open(O_RDWR | O_NONBLOCK);
		assert_hears_nothing(fd, EINVAL);
		assert_fails(listen_to(fd, 2, 1, 0), EINVAL);
		assert_fails(listen_to(fd, 1, 2, 2), EINVAL);
		listen = (struct msgslot_listen){ .first = 1, .last = 2, .reserved = 1 };
		assert_fails(ioctl(fd, MSGSLOT_LISTEN, &listen), EINVAL);
		assert_fails(ioctl(fd, MSGSLOT_LISTEN, nowhere), EFAULT);
		assert_fails(listen_to(own_open(O_WRONLY), 1, 2, 0), EBADF);
		if (mode == 1)
			assert_result(listen_to(fd, 1, 2, MSGSLOT_LISTEN_LOWEST), 0);
		else
			assert_fails(listen_to(fd, 1, 2, MSGSLOT_LISTEN_LOWEST), EOPNOTSUPP);
		if (mode == 0)
			assert_fails(listen_to(fd, 0, 0, 0), EINVAL);
		else
			assert_result(listen_to(fd, 0, 0, 0), 0);
		assert_result(listen_to(fd, 0, UINT32_MAX, 0), 0);
		assert_result(info_of(fd).listeners, 1);
		assert_receives_nothing(fd, 1, RANGE | MSGSLOT_RECV_NEWER, 0, EINVAL);
		assert_receives_nothing(fd, 1, RANGE | MSGSLOT_RECV_IF, 0, EINVAL);
		assert_receives_nothing(fd, 1, RANGE | MSGSLOT_RECV_DROP, 0, EINVAL);
		assert_hears_nothing(fd, EAGAIN);
		assert_result(slot_destroy(OWN), 0);
		assert_hears_nothing(fd, ENODEV);
		assert_fails(listen_to(fd, 1, 2, 0), ENODEV);
		assert_result(slot_create(OWN, "last"), 0);
	}
}

/* The newest of each channel, those that are there already by their ids. */
static void last_tells_the_newest(void **state)
{
	int fd, writer;

	(void)state;
	own_become("last");
	writer = own_open(O_WRONLY);
	send_text(writer, 7, "seven");
	send_text(writer, 3, "old");
	send_text(writer, 3, "three");
	send_text(writer, 9, "nine");
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 3, 8);
	assert_int_equal(events_of(fd) & POLLIN, POLLIN);
	assert_hears_from(fd, 3, "three");
	send_text(writer, 5, "five");
	send_text(writer, 3, "drei");
	send_text(writer, 9, "neun");
	assert_hears_from(fd, 7, "seven");
	assert_hears_from(fd, 5, "five");
	assert_hears_from(fd, 3, "drei");
	assert_hears_nothing(fd, EAGAIN);
	assert_int_equal(events_of(fd) & POLLIN, 0);
	/* Replaced before it was received. */
	send_text(writer, 4, "a");
	send_text(writer, 5, "b");
	send_text(writer, 4, "c");
	assert_hears_from(fd, 5, "b");
	assert_hears_from(fd, 4, "c");
	assert_hears_nothing(fd, EAGAIN);
	/* Emptied before it was received. */
	send_text(writer, 4, "d");
	assert_result(clear_channel(writer, 4), 1);
	assert_int_equal(events_of(fd) & POLLIN, 0);
	assert_hears_nothing(fd, EAGAIN);
	send_text(writer, 4, "e");
	assert_result(read(fd, got, sizeof(got)), 1);
	assert_int_equal(got[0], 'e');
	assert_fails(read(fd, got, sizeof(got)), EAGAIN);
}

static void queue_takes_in_turn(void **state)
{
	int fd, lowest, writer;

	(void)state;
	own_become("queue");
	writer = own_open(O_RDWR);
	send_text(writer, 1, "1a");
	send_text(writer, 1, "1b");
	send_text(writer, 5, "5a");
	send_text(writer, 6, "6a");
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 0, 5);
	assert_hears_from(fd, 1, "1a");
	send_text(writer, 0, "0a");
	assert_hears_from(fd, 5, "5a");
	assert_hears_from(fd, 0, "0a");
	assert_hears_from(fd, 1, "1b");
	assert_hears_nothing(fd, EAGAIN);
	assert_int_equal(events_of(fd) & POLLIN, 0);
	send_text(writer, 2, "2a");
	assert_int_equal(events_of(fd) & POLLIN, POLLIN);
	assert_receives(writer, 2, 0, 0, 3, "2a");
	assert_int_equal(events_of(fd) & POLLIN, 0);
	assert_hears_nothing(fd, EAGAIN);

	lowest = own_open(O_RDONLY | O_NONBLOCK);
	assert_result(listen_to(lowest, 0, UINT32_MAX, MSGSLOT_LISTEN_LOWEST), 0);
	send_text(writer, 9, "9");
	send_text(writer, 4, "4a");
	send_text(writer, 4, "4b");
	assert_hears_from(lowest, 4, "4a");
	assert_hears_from(lowest, 4, "4b");
	send_text(writer, UINT32_MAX, "top");
	assert_hears_from(lowest, 6, "6a");
	send_text(writer, 0, "0b");
	assert_hears_from(lowest, 0, "0b");
	assert_hears_from(lowest, 9, "9");
	assert_hears_from(lowest, UINT32_MAX, "top");
	assert_hears_nothing(lowest, EAGAIN);
	assert_result(slot_get(OWN, "messages"), 0);
}

static void send_digits(int fd, unsigned int channel, int count)
{
	char digit[2] = "";
	int i;

	for (i = 0; i < count; i++) {
		digit[0] = '0' + i;
		assert_works(send_text(fd, channel, digit));
	}
}

static void broadcast_tells_all_from_then_on(void **state)
{
	struct msgslot_recv recv;
	int fd, writer;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "depth", 4), 0);
	writer = own_open(O_WRONLY);
	send_text(writer, 1, "before");
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 2);
	assert_hears_nothing(fd, EAGAIN);
	send_text(writer, 2, "2a");
	send_text(writer, 1, "1a");
	send_text(writer, 3, "3a");
	send_text(writer, 1, "1b");
	assert_hears_from(fd, 2, "2a");
	assert_hears_from(fd, 1, "1a");
	assert_hears_from(fd, 1, "1b");
	assert_hears_nothing(fd, EAGAIN);
	/* It loses, and is told, by either call. */
	send_digits(writer, 1, 6);
	recv = assert_hears_from(fd, 1, "2");
	assert_int_equal(recv.lost, 2);
	recv = assert_hears_from(fd, 1, "3");
	assert_int_equal(recv.lost, 2);
	assert_hears_from(fd, 1, "4");
	assert_hears_from(fd, 1, "5");
	send_digits(writer, 1, 6);
	assert_int_equal(events_of(fd) & POLLIN, POLLIN);
	assert_fails(read(fd, got, sizeof(got)), ENOBUFS);
	assert_result(read(fd, got, sizeof(got)), 1);
	assert_int_equal(got[0], '2');
	recv = assert_hears_from(fd, 1, "3");
	assert_int_equal(recv.lost, 4);
	assert_hears_from(fd, 1, "4");
	assert_hears_from(fd, 1, "5");
	assert_hears_nothing(fd, EAGAIN);
	assert_result(slot_get(OWN, "dropped"), 4);
}

/* A listener is no reader that writers wait for. */
static void it_never_delays_a_writer(void **state)
{
	int fd, writer, i;

	(void)state;
	own_become("broadcast");
	assert_result(slot_put(OWN, "overflow", "block"), 0);
	assert_result(slot_set(OWN, "depth", 2), 0);
	fd = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	writer = own_open_on(O_WRONLY | O_NONBLOCK, 1);
	for (i = 0; i < 2; i++)
		assert_result(write(writer, "x", 1), 1);
	assert_fails(write(writer, "x", 1), EAGAIN);
	assert_int_equal(events_of(writer) & POLLOUT, 0);
	/* It was the slow reader. */
	assert_result(listen_to(fd, 0, 9, 0), 0);
	assert_int_equal(events_of(writer) & POLLOUT, POLLOUT);
	for (i = 0; i < 5; i++)
		assert_result(write(writer, "y", 1), 1);
	assert_fails(read(fd, got, sizeof(got)), ENOBUFS);
	assert_result(read(fd, got, sizeof(got)), 1);
	assert_result(read(fd, got, sizeof(got)), 1);
	assert_fails(read(fd, got, sizeof(got)), EAGAIN);
}

/* So many messages elsewhere that the feed has lost what the range is about. */
static void an_overrun_is_made_good(void **state)
{
	enum { KEPT = 16 };
	struct msgslot_recv recv;
	size_t mode;
	int fd, writer, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode += 2) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "feed_depth", KEPT), 0);
		if (mode)
			assert_result(slot_set(OWN, "depth", 8), 0);
		writer = own_open(O_WRONLY);
		fd = own_open_listening(O_RDONLY | O_NONBLOCK, 10, 19);
		send_text(writer, 12, "told");
		assert_hears_from(fd, 12, "told");
		send_text(writer, 15, "fifteen");
		send_text(writer, 11, "eleven");
		for (i = 0; i < 10 * KEPT; i++)
			send_text(writer, 30 + i % 3, "other");
		assert_int_equal(events_of(fd) & POLLIN, POLLIN);
		recv = assert_hears_from(fd, 11, "eleven");
		assert_int_equal(recv.lost, 0);
		send_text(writer, 11, "again");
		recv = assert_hears_from(fd, 15, "fifteen");
		assert_int_equal(recv.lost, 0);
		recv = assert_hears_from(fd, 11, "again");
		assert_int_equal(recv.lost, 0);
		assert_hears_nothing(fd, EAGAIN);
		if (!mode)
			continue;
		/* Of channel 12 four of twelve are gone, of 13 none. */
		for (i = 0; i < 12; i++)
			send_text(writer, 12, "many");
		for (i = 0; i < 8; i++)
			send_text(writer, 13, "some");
		for (i = 0; i < 2 * KEPT; i++)
			send_text(writer, 30, "other");
		for (i = 0; i < 8; i++) {
			recv = assert_hears_from(fd, 12, "many");
			assert_in_range(recv.lost, 1, 4);
		}
		for (i = 0; i < 8; i++)
			recv = assert_hears_from(fd, 13, "some");
		assert_in_range(recv.lost, 1, 4);
		assert_hears_nothing(fd, EAGAIN);
		assert_result(slot_get(OWN, "dropped"), recv.lost);
	}
}

static void select_ends_it_and_listen_replaces_it(void **state)
{
	size_t mode;
	int fd, writer;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		writer = own_open(O_WRONLY);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 5);
		assert_result(listen_to(fd, 1, 4, 0), 0);
		/* Writes still go to channel 5. */
		assert_result(write(fd, "mine", 4), 4);
		assert_hears_nothing(fd, EAGAIN);
		send_text(writer, 2, "two");
		assert_hears_from(fd, 2, "two");
		assert_result(listen_to(fd, 5, 6, 0), 0);
		if (mode == 2)
			assert_hears_nothing(fd, EAGAIN);
		else
			assert_hears_from(fd, 5, "mine");
		send_text(writer, 6, "six");
		assert_int_equal(events_of(fd) & POLLIN, POLLIN);
		assert_result(ioctl(fd, MSG_SLOT_CHANNEL, 5), 0);
		assert_result(info_of(fd).listeners, 0);
		assert_hears_nothing(fd, EINVAL);
		assert_int_equal(events_of(fd) & POLLIN, mode ? 0 : POLLIN);
		send_text(writer, 5, "five");
		assert_result(read(fd, got, sizeof(got)), 4);
		assert_memory_equal(got, "five", 4);
	}
}

static void peek_leaves_it_where_it_is(void **state)
{
	struct msgslot_recv recv;
	size_t mode;
	int fd, writer, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		writer = own_open(O_WRONLY);
		fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 9);
		send_text(writer, 4, "four");
		send_text(writer, 8, "eight");
		for (i = 0; i < 3; i++) {
			recv = recv_of(0, RANGE | MSGSLOT_RECV_PEEK, got, sizeof(got));
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.channel, 4);
		}
		/* Nor does a call that fails. */
		recv = recv_of(77, RANGE, got, 2);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
		assert_int_equal(recv.length, 4);
		assert_int_equal(recv.channel, 4);
		recv = recv_of(77, RANGE, nowhere, 20);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
		assert_int_equal(recv.channel, 77);
		recv = recv_of(77, RANGE, null, 20);
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EINVAL);
		assert_hears_from(fd, 4, "four");
		assert_hears_from(fd, 8, "eight");
	}
}

static void it_is_woken(void **state)
{
	struct msgslot_recv recv;
	struct caller caller;
	struct pollfd one;
	size_t mode;
	int fd, writer, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		writer = own_open(O_WRONLY);
		fd = own_open_listening(O_RDONLY, 1, 9);
		recv = recv_of(0, RANGE, got, sizeof(got));
		recv.timeout = 20 * MILLISECOND;
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
		for (i = 1; i <= 9; i += 4) {
			recv = recv_of(0, RANGE, got, sizeof(got));
			recv.timeout = -1;
			caller_start(&caller, call_recv, fd, &recv);
			send_text(writer, 10, "no");
			send_text(writer, i, "yes");
			assert_result(caller_end(&caller), 0);
			assert_int_equal(recv.channel, i);
			/* poll() with nothing there, and then with something. */
			one = (struct pollfd){ .fd = fd, .events = POLLIN };
			assert_result(poll(&one, 1, 0), 0);
			send_text(writer, 10, "no");
			assert_result(poll(&one, 1, 20), 0);
			send_text(writer, i, "again");
			assert_result(poll(&one, 1, -1), 1);
			assert_hears_from(fd, i, "again");
		}
		/* What ends it wakes it. */
		recv = recv_of(0, RANGE, got, sizeof(got));
		recv.timeout = -1;
		caller_start(&caller, call_recv, fd, &recv);
		assert_result(ioctl(fd, MSG_SLOT_CHANNEL, 1), 0);
		assert_fails(caller_end(&caller), EINVAL);
		assert_result(listen_to(fd, 11, 19, 0), 0);
		caller_start(&caller, call_recv, fd, &recv);
		assert_result(slot_destroy(OWN), 0);
		assert_fails(caller_end(&caller), ENODEV);
		assert_int_equal(events_of(fd) & POLLHUP, POLLHUP);
		assert_result(slot_create(OWN, "last"), 0);
	}
}

static void edges_of_epoll(void **state)
{
	struct epoll_event event;
	int fd, writer, epoll, i;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		writer = own_open(O_WRONLY);
		fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 9);
		epoll = own_keep(epoll_create1(EPOLL_CLOEXEC));
		event.events = EPOLLIN | EPOLLET;
		assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
		assert_result(epoll_wait(epoll, &event, 1, 0), 0);
		for (i = 0; i < 5; i++) {
			send_text(writer, 3 + i, "edge");
			assert_result(epoll_wait(epoll, &event, 1, 1000), 1);
			assert_result(epoll_wait(epoll, &event, 1, 0), 0);
		}
		for (i = 0; i < 5; i++)
			assert_hears_from(fd, 3 + i, "edge");
	}
}

static int own_open_listening_as(const char *user, unsigned int first, unsigned int last)
{
	int fd = own_open_as(user, O_RDONLY);

	assert_result(listen_to(fd, first, last, 0), 0);
	return fd;
}

/* The memory of the news is a listener's, and another's when it goes. */
static void the_feed_is_charged(void **state)
{
	long long before, with;
	int a, b, other;

	(void)state;
	own_become("last");
	before = slot_get(OWN, "bytes");
	a = own_open_listening(O_RDONLY, 1, 2);
	with = slot_get(OWN, "bytes");
	assert_in_range(with - before, 1024 * 24, 1024 * 24 + 64);
	assert_int_equal(info_of(a).share_bytes, with - before);
	b = own_open_listening(O_RDONLY, 1, 2);
	assert_int_equal(slot_get(OWN, "bytes"), with);
	own_close(a);
	assert_int_equal(slot_get(OWN, "bytes"), with);
	own_close(b);
	assert_int_equal(slot_get(OWN, "bytes"), before);
	/* As long as one file of its user listens it stays there. */
	a = own_open_listening_as("member", 1, 2);
	other = own_open_listening_as("member", 1, 2);
	b = own_open_listening_as("member2", 1, 2);
	own_close(a);
	assert_int_equal(info_of(other).share_bytes, with - before);
	assert_int_equal(info_of(b).share_bytes, 0);
	own_close(other);
	assert_int_equal(info_of(b).share_bytes, with - before);
	own_close(b);
	assert_int_equal(slot_get(OWN, "bytes"), before);
	assert_result(slot_set(OWN, "feed_depth", 5), 0);
	assert_result(slot_get(OWN, "feed_depth"), 8);
	assert_fails(slot_set(OWN, "feed_depth", 0), EINVAL);
	assert_fails(slot_set(OWN, "feed_depth", MSGSLOT_FEED_DEPTH_MAX + 1), EINVAL);
	assert_result(slot_set(OWN, "max_bytes", 100), 0);
	a = own_open(O_RDONLY);
	assert_fails(listen_to(a, 1, 2, 0), ENOSPC);
	assert_result(info_of(a).listeners, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(refusals),
		own_slot_test(last_tells_the_newest),
		own_slot_test(queue_takes_in_turn),
		own_slot_test(broadcast_tells_all_from_then_on),
		own_slot_test(it_never_delays_a_writer),
		own_slot_test(an_overrun_is_made_good),
		own_slot_test(select_ends_it_and_listen_replaces_it),
		own_slot_test(peek_leaves_it_where_it_is),
		own_slot_test(it_is_woken),
		own_slot_test(edges_of_epoll),
		own_slot_test(the_feed_is_charged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
