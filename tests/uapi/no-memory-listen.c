// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No memory for LISTEN, and for what a file that listens does: receive, poll, select a channel; in
 * every mode, see no-memory.h.
 */
#define _GNU_SOURCE
#include <sys/epoll.h>

#include "listen.h"
#include "no-memory.h"

/* The channel that the file has selected, one of its old range, and one of the new one. */
enum { SELECTED = 3, OLD = 5, NEW = 8 };

static uint64_t send_one(int fd, uint32_t id, size_t length, unsigned int number)
{
	struct msgslot_send s = send_of(id, message(length, number), length);

	assert_result(ioctl(fd, MSGSLOT_SEND, &s), 0);
	return s.sequence;
}

/* The next message of the file's range is this one; it is received. */
static void assert_hears_next(int fd, uint32_t id, size_t length, unsigned int number)
{
	struct msgslot_recv r = recv_of(0, RANGE, got, sizeof(got));

	assert_result(ioctl(fd, MSGSLOT_RECV, &r), 0);
	assert_int_equal(r.channel, id);
	assert_int_equal(r.lost, 0);
	assert_int_equal(r.length, length);
	assert_memory_equal(got, message(length, number), length);
}

/* A call that failed keeps no memory either, and makes no listener. */
static void assert_as_before(int fd, const struct snapshot *was)
{
	struct msgslot_info is = info_of(fd);

	assert_unchanged(fd, was);
	assert_int_equal(is.listeners, was->info.listeners);
	assert_int_equal(is.bytes, was->info.bytes);
	assert_int_equal(is.share_bytes, was->info.share_bytes);
}

/* ---- LISTEN -------------------------------------------------------------- */

/* How a file is before it is to listen. */
struct before {
	bool replaces; /* it listens to channels 4 to 6 */
	bool second;   /* another file listens to channels 7 to 9 */
	unsigned int feed_depth;
};

/* LISTEN has failed: the file reads what it read before. */
static void assert_did_not(const struct kind *kind, const struct before *before, int fd)
{
	int writer = slot_open(OWN, O_WRONLY);

	assert_works(writer);
	if (before->replaces) {
		assert_int_equal(events_of(fd) & POLLIN, POLLIN);
		assert_hears_next(fd, OLD, SHORT, 2);
		assert_hears_nothing(fd, EAGAIN);
		assert_int_equal(events_of(fd) & POLLIN, 0);
		send_one(writer, OLD, SHORT, 4);
		assert_int_equal(events_of(fd) & POLLIN, POLLIN);
		assert_hears_next(fd, OLD, SHORT, 4);
	} else {
		assert_hears_nothing(fd, EINVAL);
		assert_int_equal(events_of(fd) & POLLIN, POLLIN);
		assert_next(fd, SHORT, 1);
		assert_int_equal(events_of(fd) & POLLIN, 0);
		send_one(writer, SELECTED, SHORT, 4);
		assert_int_equal(events_of(fd) & POLLIN, POLLIN);
		assert_next(fd, SHORT, 4);
		if (!kind->last)
			assert_fails(read(fd, got, sizeof(got)), EAGAIN);
	}
	close(writer);
}

/* LISTEN has come through: the file reads the new range, and nothing else. */
static void assert_did(const struct kind *kind, int fd)
{
	int writer = slot_open(OWN, O_WRONLY);

	assert_works(writer);
	if (!kind->broadcast)
		assert_hears_next(fd, NEW, SHORT, 3);
	assert_hears_nothing(fd, EAGAIN);
	send_one(writer, OLD, SHORT, 5);
	assert_int_equal(events_of(fd) & POLLIN, 0);
	send_one(writer, NEW, LONG, 6);
	assert_int_equal(events_of(fd) & POLLIN, POLLIN);
	assert_hears_next(fd, NEW, LONG, 6);
	/* Writes go to the channel that is selected, as before. */
	assert_result(write(fd, message(SHORT, 7), SHORT), SHORT);
	assert_hears_nothing(fd, EAGAIN);
	close(writer);
}

static void listen_once(const struct kind *kind, const struct before *before, int n, bool *more)
{
	struct snapshot was;
	int fd, other = -1;
	uint32_t selected;
	long result;

	if (before->second)
		other = own_open_listening(O_RDONLY | O_NONBLOCK, 7, 9);
	fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, SELECTED);
	assert_works(fd);
	if (before->replaces)
		assert_result(listen_to(fd, 4, 6, 0), 0);
	send_one(fd, SELECTED, SHORT, 1);
	send_one(fd, OLD, SHORT, 2);
	send_one(fd, NEW, SHORT, 3);
	was = snapshot_take(fd);
	*more = with_fault(n, result, listen_to(fd, 7, UINT32_MAX, 0));
	if (result) {
		assert_as_before(fd, &was);
		assert_did_not(kind, before, fd);
		assert_result(listen_to(fd, 7, UINT32_MAX, 0), 0);
	}
	assert_result(info_of(fd).listeners, before->second + 1);
	assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
	assert_int_equal(selected, SELECTED);
	assert_did(kind, fd);
	if (before->second) {
		/* It misses none; of a queue the file took all that there was. */
		if (kind->broadcast)
			assert_hears_next(other, NEW, SHORT, 3);
		if (!kind->queue)
			assert_hears_next(other, NEW, LONG, 6);
		assert_hears_nothing(other, EAGAIN);
		own_close(other);
	}
	clear(fd, SELECTED);
	clear(fd, OLD);
	clear(fd, NEW);
	close(fd);
}

static void listens(void **state)
{
	/* So small a feed is one allocation; the other one has two ways. */
	const unsigned int feed_depths[] = { 16, MSGSLOT_FEED_DEPTH_DEFAULT };
	struct before before;
	int k, n, b, fd;
	long long held;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++)
		for (b = 0; b < 8; b++) {
			before = (struct before){ .replaces = b & 1,
						  .second = b & 2,
						  .feed_depth = feed_depths[b / 4] };
			kind_begin(&kinds[k]);
			assert_result(slot_set(OWN, "feed_depth", before.feed_depth), 0);
			fd = slot_open(OWN, O_RDWR);
			assert_works(fd);
			held = info_of(fd).bytes;
			for (n = 1, more = true; more; n++) {
				listen_once(&kinds[k], &before, n, &more);
				assert_int_equal(info_of(fd).bytes, held);
				assert_int_equal(info_of(fd).listeners, 0);
			}
			kind_end(fd);
		}
}

/* Again and again on one slot: each that came through ends with its file. */
static void listeners_come_and_go(void **state)
{
	long long before, listening;
	int k, n, fd, one;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		before = info_of(fd).bytes;
		for (n = 1, more = true; more; n++) {
			one = slot_open(OWN, O_RDONLY | O_NONBLOCK);
			assert_works(one);
			more = with_fault(n, result, listen_to(one, 1, 9, 0));
			assert_int_equal(info_of(fd).listeners, result == 0);
			listening = info_of(fd).bytes;
			if (result || kinds[k].queue)
				assert_int_equal(listening, before);
			else
				assert_true(listening > before);
			close(one);
			assert_int_equal(info_of(fd).listeners, 0);
			assert_int_equal(info_of(fd).bytes, before);
		}
		kind_end(fd);
	}
}

/* ---- a file that listens ------------------------------------------------- */

/* A selection that failed does not end it. */
static void selects(void **state)
{
	struct snapshot was;
	uint32_t selected;
	int k, n, fd;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		for (n = 1, more = true; more; n++) {
			assert_result(slot_select(fd, SELECTED), 0);
			assert_result(listen_to(fd, 4, 6, 0), 0);
			send_one(fd, OLD, SHORT, n);
			was = snapshot_take(fd);
			more = with_fault(n, result, slot_select(fd, 1000 + n));
			assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
			if (result) {
				assert_as_before(fd, &was);
				assert_int_equal(selected, SELECTED);
				assert_hears_next(fd, OLD, SHORT, n);
				send_one(fd, OLD, SHORT, n + 1);
				assert_hears_next(fd, OLD, SHORT, n + 1);
			} else {
				assert_int_equal(selected, 1000 + n);
				assert_int_equal(info_of(fd).listeners, 0);
				assert_hears_nothing(fd, EINVAL);
			}
			clear(fd, OLD);
		}
		kind_end(fd);
	}
}

/* One message, by RECV, a look, or read(). */
static ssize_t receive(int fd, int way)
{
	struct msgslot_recv r =
		recv_of(0, RANGE | (way == 1 ? MSGSLOT_RECV_PEEK : 0), got, sizeof(got));

	if (way == 2)
		return read(fd, got, sizeof(got));
	return ioctl(fd, MSGSLOT_RECV, &r) ? -1 : (ssize_t)r.length;
}

static void receives(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	struct snapshot was;
	int k, n, fd, l, way;
	ssize_t result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		assert_result(listen_to(fd, 4, 6, 0), 0);
		for (l = 0; l < 2; l++)
			for (way = 0; way < 3; way++)
				for (n = 1, more = true; more; n++) {
					send_one(fd, OLD, lengths[l], 1);
					send_one(fd, OLD + 1, lengths[l], 2);
					was = snapshot_take(fd);
					memset(got, 0, sizeof(got));
					more = with_fault(n, result, receive(fd, way));
					if (result < 0 || way == 1)
						assert_as_before(fd, &was);
					if (result >= 0) {
						assert_int_equal(result, lengths[l]);
						assert_memory_equal(got, message(lengths[l], 1),
								    lengths[l]);
					}
					if (result < 0 || way == 1)
						assert_hears_next(fd, OLD, lengths[l], 1);
					assert_hears_next(fd, OLD + 1, lengths[l], 2);
					assert_hears_nothing(fd, EAGAIN);
					clear(fd, OLD);
					clear(fd, OLD + 1);
				}
		kind_end(fd);
	}
}

/* poll() and epoll tell of the next message, also where the call before has failed. */
static void polls(void **state)
{
	struct epoll_event event = { .events = EPOLLIN }, seen;
	struct pollfd one = { .events = POLLIN };
	int k, n, fd, epoll;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		assert_result(listen_to(fd, 4, 6, 0), 0);
		one.fd = fd;
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, result, poll(&one, 1, 0));
			assert_result(poll(&one, 1, 0), 0);
			send_one(fd, OLD, SHORT, n);
			assert_result(poll(&one, 1, 0), 1);
			assert_int_equal(one.revents, POLLIN);
			assert_hears_next(fd, OLD, SHORT, n);
		}
		for (n = 1, more = true; more; n++) {
			epoll = epoll_create1(EPOLL_CLOEXEC);
			assert_works(epoll);
			more = with_fault(n, result, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
			if (result)
				assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
			assert_result(epoll_wait(epoll, &seen, 1, 0), 0);
			send_one(fd, OLD + 1, SHORT, n);
			assert_result(epoll_wait(epoll, &seen, 1, 0), 1);
			assert_hears_next(fd, OLD + 1, SHORT, n);
			close(epoll);
		}
		kind_end(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(listens), own_slot_test(listeners_come_and_go),
		own_slot_test(selects), own_slot_test(receives),
		own_slot_test(polls),
	};

	return cmocka_run_group_tests(tests, faults_setup, faults_teardown);
}
