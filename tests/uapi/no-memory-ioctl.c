// SPDX-License-Identifier: GPL-2.0-or-later
/* No memory for SEND, RECV, SEEK, CLEAR, INFO and WALK in every mode; see no-memory.h. */
#define _GNU_SOURCE
#include "no-memory.h"

static const size_t lengths[] = { SHORT, LONG };

static struct msgslot_send to(uint32_t id, size_t length, unsigned int number)
{
	return send_of(id, message(length, number), length);
}

static uint64_t send_one(int fd, uint32_t id, size_t length, unsigned int number)
{
	struct msgslot_send s = to(id, length, number);

	assert_result(ioctl(fd, MSGSLOT_SEND, &s), 0);
	return s.sequence;
}

static struct msgslot_recv from(uint32_t id, uint32_t flags)
{
	return (struct msgslot_recv){
		.channel = id, .flags = flags, .message = (uintptr_t)got, .size = sizeof(got)
	};
}

static void assert_got(const struct msgslot_recv *r, size_t length, unsigned int number)
{
	assert_int_equal(r->length, length);
	assert_memory_equal(got, message(length, number), length);
}

/* To a channel that has messages or none, and that no file holds. */
static void sends(void **state)
{
	const int befores[] = { 0, 1, 2, 4 };
	uint32_t id = 100;
	struct snapshot was;
	struct msgslot_send s;
	int k, b, l, n, i, fd;
	uint64_t sequence;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		for (b = 0; b < (kinds[k].last ? 2 : 4); b++)
			for (l = 0; l < 2; l++)
				for (n = 1, more = true; more; n++) {
					id++;
					for (sequence = 0, i = 0; i < befores[b]; i++)
						sequence = send_one(fd, id, lengths[l], i);
					s = to(id, lengths[l], i);
					if (kinds[k].last && n % 2) {
						s.flags = MSGSLOT_SEND_IF;
						s.expected = sequence;
					}
					was = snapshot_take(fd);
					more = with_fault(n, result, ioctl(fd, MSGSLOT_SEND, &s));
					if (result)
						assert_unchanged(fd, &was);
					else if (!more)
						assert_true(s.sequence > sequence);
					if (result)
						assert_true(send_one(fd, id, lengths[l], i) >
							    sequence);
					i = kinds[k].last ? 1 : i + 1;
					assert_int_equal(clear(fd, id), i);
				}
		kind_end(fd);
	}
}

/* There is no space, and none comes free. */
static void sends_that_wait(void **state)
{
	struct msgslot_send s;
	struct snapshot was;
	int k, n, i, fd;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		if (strcmp(kinds[k].overflow, "block"))
			continue;
		kind_begin(&kinds[k]);
		fd = slot_open_on(OWN, O_RDWR, 5);
		assert_works(fd);
		for (i = 0; i < DEPTH; i++)
			send_one(fd, 5, SHORT, i);
		was = snapshot_take(fd);
		for (n = 1, more = true; more; n++) {
			s = to(5, n % 2 ? SHORT : LONG, n);
			s.timeout = 1000000;
			more = with_fault_or(n, result, ETIMEDOUT, ioctl(fd, MSGSLOT_SEND, &s));
			assert_int_equal(result, -1);
			assert_unchanged(fd, &was);
		}
		for (i = 0; i < DEPTH; i++)
			assert_next(fd, SHORT, i);
		kind_end(fd);
	}
}

/* One way to receive on a channel with two messages; what it leaves, RECV finds. */
static void receive(const struct kind *kind, int fd, size_t length, uint32_t flags, int n,
		    bool *more)
{
	const bool takes = !kind->last && !(flags & (MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER));
	struct snapshot was;
	struct msgslot_recv r;
	uint64_t first;
	int next = kind->last;
	long result;

	assert_result(slot_select(fd, 9), 0);
	first = send_one(fd, 9, length, 0);
	send_one(fd, 9, length, 1);
	r = from(9, flags);
	if (flags & MSGSLOT_RECV_IF)
		r.sequence = first;
	was = snapshot_take(fd);
	memset(got, 0, sizeof(got));
	*more = with_fault(n, result, ioctl(fd, MSGSLOT_RECV, &r));
	if (result) {
		assert_unchanged(fd, &was);
	} else {
		if (!(flags & MSGSLOT_RECV_DROP))
			assert_got(&r, length, next);
		next += takes;
	}
	for (; next < 2; next++) {
		r = from(9, 0);
		assert_result(ioctl(fd, MSGSLOT_RECV, &r), 0);
		assert_got(&r, length, next);
	}
	clear(fd, 9);
}

static void receives(void **state)
{
	const uint32_t all[] = { 0,
				 MSGSLOT_RECV_PEEK,
				 MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK,
				 MSGSLOT_RECV_NEWER,
				 MSGSLOT_RECV_IF,
				 MSGSLOT_RECV_IF | MSGSLOT_RECV_PEEK,
				 MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP };
	int k, l, n, fd, f;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		for (f = 0; f < 7; f++) {
			if ((all[f] & MSGSLOT_RECV_IF && !kinds[k].queue) ||
			    (all[f] == MSGSLOT_RECV_NEWER && kinds[k].queue))
				continue;
			for (l = 0; l < 2; l++)
				for (n = 1, more = true; more; n++)
					receive(&kinds[k], fd, lengths[l], all[f], n, &more);
		}
		kind_end(fd);
	}
}

/* On a channel that is not there: it is made to wait on, and goes again. */
static void receives_that_wait_in_vain(void **state)
{
	struct snapshot was;
	struct msgslot_recv r;
	int k, n, fd;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		was = snapshot_take(fd);
		for (n = 1, more = true; more; n++) {
			r = from(50 + n, kinds[k].broadcast ? MSGSLOT_RECV_NEWER : 0);
			r.timeout = 1000000;
			more = with_fault_or(n, result, ETIMEDOUT, ioctl(fd, MSGSLOT_RECV, &r));
			assert_int_equal(result, -1);
			assert_unchanged(fd, &was);
		}
		kind_end(fd);
	}
}

static volatile bool sender_stops;

/* Sends as soon as channel 9 exists. */
static void *sender(void *unused)
{
	struct msgslot_walk_entry entry;
	struct msgslot_walk walk;
	struct msgslot_send s;
	static char text[] = "at last";
	int fd = slot_open(OWN, O_WRONLY);

	(void)unused;
	demand(fd >= 0);
	while (!sender_stops) {
		walk = (struct msgslot_walk){ .from = 9, .entries = (uintptr_t)&entry, .count = 1 };
		demand(ioctl(fd, MSGSLOT_WALK, &walk) == 0);
		if (walk.count) {
			s = send_of(9, text, sizeof(text));
			demand(ioctl(fd, MSGSLOT_SEND, &s) == 0);
			break;
		}
		usleep(500);
	}
	close(fd);
	return NULL;
}

static void receives_that_wait(void **state)
{
	struct msgslot_recv r;
	struct snapshot was;
	pthread_t thread;
	int k, n, fd;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		for (n = 1, more = true; more; n++) {
			was = snapshot_take(fd);
			sender_stops = false;
			thread = thread_start(sender, NULL);
			r = from(9, kinds[k].broadcast ? MSGSLOT_RECV_NEWER : 0);
			r.timeout = -1;
			more = with_fault(n, result, ioctl(fd, MSGSLOT_RECV, &r));
			sender_stops = true;
			thread_join(thread);
			if (result == 0) {
				assert_int_equal(r.length, 8);
				assert_string_equal(got, "at last");
				clear(fd, 9);
				continue;
			}
			/* Failed before it slept, or after: then the message is there. */
			if (clear(fd, 9) == 0)
				assert_unchanged(fd, &was);
		}
		kind_end(fd);
	}
}

static void clears(void **state)
{
	struct msgslot_clear c;
	struct snapshot was;
	uint64_t newest;
	int k, n, fd;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		for (n = 1, more = true; more; n++) {
			send_one(fd, 9, LONG, 0);
			newest = send_one(fd, 9, SHORT, 1);
			c = (struct msgslot_clear){ .channel = 9,
						    .flags = MSGSLOT_CLEAR_IF,
						    .sequence = newest };
			was = snapshot_take(fd);
			more = with_fault(n, result, ioctl(fd, MSGSLOT_CLEAR, &c));
			if (result)
				assert_unchanged(fd, &was);
			else if (!more)
				assert_int_equal(c.messages, kinds[k].last ? 1 : 2);
			assert_int_equal(clear(fd, 9), !result ? 0 : kinds[k].last ? 1 : 2);
		}
		kind_end(fd);
	}
}

static void seeks(void **state)
{
	struct msgslot_seek s;
	uint64_t first;
	int whence, n, fd, i;
	long result;
	bool more;

	(void)state;
	kind_begin(&kinds[2]);
	fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, 9);
	assert_works(fd);
	first = send_one(fd, 9, SHORT, 0);
	for (i = 1; i < 4; i++)
		send_one(fd, 9, SHORT, i);
	for (whence = MSGSLOT_SEEK_OLDEST; whence <= MSGSLOT_SEEK_SEQUENCE; whence++)
		for (n = 1, more = true; more; n++) {
			const int wanted[] = { 0, 4, 2 };

			/* The cursor is before message 1. */
			s = (struct msgslot_seek){ .whence = MSGSLOT_SEEK_SEQUENCE,
						   .sequence = first + 1 };
			assert_result(ioctl(fd, MSGSLOT_SEEK, &s), 0);
			s = (struct msgslot_seek){ .whence = whence };
			if (whence == MSGSLOT_SEEK_SEQUENCE)
				s.sequence = first + 2;
			more = with_fault(n, result, ioctl(fd, MSGSLOT_SEEK, &s));
			for (i = result ? 1 : wanted[whence]; i < 4; i++)
				assert_next(fd, SHORT, i);
			assert_fails(read(fd, got, sizeof(got)), EAGAIN);
		}
	kind_end(fd);
}

static void looks(void **state)
{
	struct msgslot_walk_entry *entries;
	struct msgslot_info info;
	struct msgslot_walk walk;
	struct snapshot was;
	int k, n, fd, id;
	uint32_t selected;
	long result;
	bool more;

	(void)state;
	entries = calloc(CHANNELS_SEEN, sizeof(entries[0]));
	assert_non_null(entries);
	for (k = 0; k < KINDS; k++) {
		kind_begin(&kinds[k]);
		fd = slot_open_on(OWN, O_RDWR, 3);
		assert_works(fd);
		for (id = 10; id < 50; id++)
			send_one(fd, id, SHORT, id);
		was = snapshot_take(fd);
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, result, ioctl(fd, MSGSLOT_INFO, &info));
			if (!result)
				assert_int_equal(info.messages, 40);
		}
		for (n = 1, more = true; more; n++) {
			walk = (struct msgslot_walk){ .entries = (uintptr_t)entries,
						      .count = CHANNELS_SEEN };
			more = with_fault(n, result, ioctl(fd, MSGSLOT_WALK, &walk));
			if (!result)
				assert_memory_equal(entries, was.entries,
						    was.count * sizeof(entries[0]));
		}
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, result, ioctl(fd, MSGSLOT_GET_CHANNEL, &selected));
			if (!result)
				assert_int_equal(selected, 3);
		}
		assert_unchanged(fd, &was);
		kind_end(fd);
	}
	free(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(sends),
		own_slot_test(sends_that_wait),
		own_slot_test(receives),
		own_slot_test(receives_that_wait_in_vain),
		own_slot_test(receives_that_wait),
		own_slot_test(clears),
		own_slot_test(seeks),
		own_slot_test(looks),
	};

	return cmocka_run_group_tests(tests, faults_setup, faults_teardown);
}
