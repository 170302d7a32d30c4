// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No memory for what files do: open, select, write, read, poll, epoll and mmap in every mode; see
 * no-memory.h.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "no-memory.h"

/* In one piece, and in two. */
static ssize_t put(int fd, const char *from, size_t length, bool vector)
{
	struct iovec parts[] = { { (char *)from, length / 3 },
				 { (char *)from + length / 3, length - length / 3 } };

	return vector ? writev(fd, parts, 2) : write(fd, from, length);
}

static ssize_t get(int fd, bool vector)
{
	struct iovec parts[] = { { got, 50 }, { got + 50, sizeof(got) - 50 } };

	return vector ? readv(fd, parts, 2) : read(fd, got, sizeof(got));
}

/* On a channel that has messages already, of this length: what is there, comes before. */
static void write_on(const struct kind *kind, int fd, unsigned int id, int n, int kept,
		     size_t length, bool vector, bool *more)
{
	struct snapshot was;
	ssize_t result;
	int i;

	assert_result(slot_select(fd, id), 0);
	for (i = 0; i < kept; i++)
		assert_result(write(fd, message(length, i), length), (ssize_t)length);
	message(length, kept);
	was = snapshot_take(fd);
	*more = with_fault(n, result, put(fd, bytes, length, vector));
	if (result < 0) {
		assert_unchanged(fd, &was);
		if (kind->last && kept)
			assert_next(fd, length, kept - 1);
		/* And what failed may be tried again. */
		assert_result(write(fd, message(length, kept), length), (ssize_t)length);
	} else {
		assert_int_equal(result, length);
	}
	for (i = kind->last ? kept : 0; i <= kept; i++)
		assert_next(fd, length, i);
	clear(fd, id);
}

static void writes(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	const int befores[] = { 0, 1, 2, 4, 5 }; /* a log grows by doubling */
	unsigned int id = 0;
	int k, b, l, n, fd;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		for (b = 0; b < (kinds[k].last ? 2 : 5); b++)
			for (l = 0; l < 4; l++)
				for (n = 1, more = true; more; n++)
					write_on(&kinds[k], fd, ++id, n, befores[b], lengths[l / 2],
						 l % 2, &more);
		kind_end(fd);
	}
}

/* A message of another length takes the place of one. */
static void overwrites(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	struct snapshot was;
	ssize_t result;
	int l, n, fd;
	bool more;

	(void)state;
	kind_begin(&kinds[0]);
	fd = slot_open_on(OWN, O_RDWR, 1);
	assert_works(fd);
	for (l = 0; l < 4; l++)
		for (n = 1, more = true; more; n++) {
			size_t before = lengths[l / 2], after = lengths[l % 2];

			assert_result(write(fd, message(before, 2 * n), before), (ssize_t)before);
			message(after, 2 * n + 1);
			was = snapshot_take(fd);
			more = with_fault(n, result, write(fd, bytes, after));
			if (result < 0) {
				assert_unchanged(fd, &was);
				assert_next(fd, before, 2 * n);
			} else {
				assert_next(fd, after, 2 * n + 1);
			}
		}
	kind_end(fd);
}

static void reads(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	struct snapshot was;
	ssize_t result;
	int k, l, n, fd;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		assert_result(slot_select(fd, 7), 0);
		for (l = 0; l < 4; l++)
			for (n = 1, more = true; more; n++) {
				size_t length = lengths[l / 2];

				assert_result(write(fd, message(length, n), length),
					      (ssize_t)length);
				was = snapshot_take(fd);
				memset(got, 0, sizeof(got));
				more = with_fault(n, result, get(fd, l % 2));
				if (result >= 0) {
					assert_int_equal(result, length);
					assert_memory_equal(got, message(length, n), length);
					continue;
				}
				assert_unchanged(fd, &was);
				assert_next(fd, length, n);
			}
		kind_end(fd);
	}
}

/* Refused, it leaves the selection and what is to be read there as they were. */
static void selects(void **state)
{
	unsigned int selected;
	struct snapshot was;
	int k, n, fd, kept;
	bool more;
	long result;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		for (n = 1, more = true; more; n++) {
			assert_result(slot_select(fd, 1), 0);
			assert_result(write(fd, message(SHORT, n), SHORT), SHORT);
			was = snapshot_take(fd);
			more = with_fault(n, result, slot_select(fd, 1000 + n));
			if (result)
				assert_unchanged(fd, &was);
			assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
			assert_int_equal(selected, result ? 1 : 1000 + n);
			if (result)
				assert_next(fd, SHORT, n);
			else
				assert_fails(read(fd, got, sizeof(got)), EAGAIN);
			kept = clear(fd, 1);
			assert_int_equal(kept, !result || kinds[k].last || kinds[k].broadcast);
		}
		kind_end(fd);
	}
}

/* None that failed counts as an open file, which would keep the settings as they are. */
static void opens(void **state)
{
	unsigned int selected;
	bool more;
	long fd;
	int k, n;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, fd, slot_open(OWN, O_RDWR | O_NONBLOCK));
			if (fd >= 0) {
				if (kinds[k].last)
					assert_result(slot_select(fd, 1), 0);
				/* Where there was no memory for channel 0, there is now. */
				assert_result(write(fd, message(SHORT, n), SHORT), SHORT);
				assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
				assert_int_equal(selected, kinds[k].last);
				assert_next(fd, SHORT, n);
				clear(fd, selected);
				close(fd);
			}
			assert_result(slot_set(OWN, "max_message", LONG - n), 0);
		}
		kind_end(slot_open(OWN, O_RDWR));
	}
}

static void polls(void **state)
{
	struct epoll_event event = { .events = EPOLLIN }, seen;
	int k, n, fd, epoll;
	struct pollfd one;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		for (n = 1, more = true; more; n++) {
			fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, 1);
			assert_works(fd);
			one = (struct pollfd){ .fd = fd, .events = POLLIN };
			more = with_fault(n, result, poll(&one, 1, 0));
			assert_result(poll(&one, 1, 0), 0);
			assert_result(write(fd, message(SHORT, n), SHORT), SHORT);
			assert_result(poll(&one, 1, 0), 1);
			assert_int_equal(one.revents, POLLIN);
			kind_end(fd);
		}
		for (n = 1, more = true; more; n++) {
			fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, 1);
			epoll = epoll_create1(EPOLL_CLOEXEC);
			assert_works(fd);
			assert_works(epoll);
			more = with_fault(n, result, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
			if (result)
				assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
			assert_result(epoll_wait(epoll, &seen, 1, 0), 0);
			assert_result(write(fd, message(SHORT, n), SHORT), SHORT);
			assert_result(epoll_wait(epoll, &seen, 1, 0), 1);
			close(epoll);
			kind_end(fd);
		}
	}
}

/* The error, or 0; what was mapped goes again. */
static int map(int fd, const struct msgslot_map_head **head)
{
	const size_t page = getpagesize();
	void *mapped = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);

	if (mapped == MAP_FAILED)
		return -1;
	*head = mapped;
	return 0;
}

/* Mapped or not, and then with what was there before. */
static void maps(void **state)
{
	const struct msgslot_map_head *head;
	int fd, n, result;
	long long held;
	size_t kind;
	bool more;

	(void)state;
	for (kind = 0; kind < KINDS; kind++) {
		if (kinds[kind].queue)
			continue;
		/* Hundreds of pages are all the same. */
		for (n = 1, more = true; more; n += n < 20 ? 1 : 17) {
			kind_begin(&kinds[kind]);
			fd = slot_open_on(OWN, O_RDWR, 5);
			assert_works(fd);
			assert_result(write(fd, message(LONG, 1), LONG), LONG);
			held = slot_get(OWN, "bytes");
			more = with_fault(n, result, map(fd, &head));
			if (result < 0) {
				assert_result(slot_get(OWN, "bytes"), held);
				assert_result(map(fd, &head), 0);
			}
			assert_int_equal(head->next, 2);
			assert_result(munmap((void *)head, getpagesize()), 0);
			assert_result(slot_get(OWN, "bytes"), held);
			assert_next(fd, LONG, 1);
			kind_end(fd);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(writes),	own_slot_test(overwrites), own_slot_test(reads),
		own_slot_test(selects), own_slot_test(opens),	   own_slot_test(polls),
		own_slot_test(maps),
	};

	return cmocka_run_group_tests(tests, faults_setup, faults_teardown);
}
