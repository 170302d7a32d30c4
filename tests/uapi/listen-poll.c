// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * epoll and io_uring on a file that listens to a range of channels: they tell of a message on any
 * channel of it, also of one that is made later, of no other, and of the end of the slot; and what
 * the file reads when the message comes counts, not what it read when the poll began.
 */
#define _GNU_SOURCE
#include "listen.h"
#include "look.h"
#include "uring.h"

/* The range of most tests, in which channel THERE is held by the writer; the others are made. */
enum { FIRST = 2, LAST = 9, THERE = 3, BELOW = 1, ABOVE = 10, TAG = 100 };
enum { PATIENCE = 120000 /* ms */ };

/* What is left to do for the ring of this thread may end a wait, as a signal would. */
static int epoll_await(int epoll, struct epoll_event *event)
{
	int result;

	do
		result = epoll_wait(epoll, event, 1, PATIENCE);
	while (result < 0 && errno == EINTR);
	return result;
}

/* The test's state is the mode. */
static int poll_begin(void **state)
{
	const char *mode = *state;

	return ring_begin(state) || slot_put(OWN, "mode", mode) ? -1 : 0;
}

#define in_mode(test, mode)                                                             \
	{                                                                               \
		.name = #test " in " mode, .test_func = test, .setup_func = poll_begin, \
		.teardown_func = ring_end, .initial_state = mode                        \
	}
#define in_each_mode(test) in_mode(test, "last"), in_mode(test, "queue"), in_mode(test, "broadcast")

/* A file that listens, and one that sends. */
static int begin(int *writer)
{
	*writer = own_open_on(O_WRONLY, THERE);
	return own_open_listening(O_RDONLY | O_NONBLOCK, FIRST, LAST);
}

/* Each channel of the range in turn. */
static unsigned int id_of(int i)
{
	return FIRST + i % (LAST + 1 - FIRST);
}

static void send_outside(int writer)
{
	assert_works(send_text(writer, BELOW, "no"));
	assert_works(send_text(writer, ABOVE, "no"));
	assert_works(send_text(writer, UINT32_MAX, "no"));
}

/* ---- epoll --------------------------------------------------------------- */

static void epoll_by_level(void **state)
{
	int writer, fd = begin(&writer), epoll = epoll_on(fd, EPOLLIN), i;

	assert_int_equal(epolled(epoll), 0);
	for (i = 0; i < 2 * LAST; i++) {
		send_outside(writer);
		assert_int_equal(epolled(epoll), 0);
		assert_works(send_text(writer, id_of(i), "one"));
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_works(send_text(writer, id_of(i), "two"));
		assert_int_equal(epolled(epoll), EPOLLIN);
		if (strcmp(*state, "last")) {
			assert_hears_from(fd, id_of(i), "one");
			assert_int_equal(epolled(epoll), EPOLLIN);
		}
		assert_hears_from(fd, id_of(i), "two");
		assert_int_equal(epolled(epoll), 0);
	}
}

/* An edge for each message of the range, read or not; none for another, and none for a read. */
static void epoll_by_edge(void **state)
{
	int writer, fd = begin(&writer), epoll = epoll_on(fd, EPOLLIN | EPOLLET), i;

	(void)state;
	assert_int_equal(epolled(epoll), 0);
	for (i = 0; i <= LAST - FIRST; i++) {
		send_outside(writer);
		assert_int_equal(epolled(epoll), 0);
		assert_works(send_text(writer, id_of(i), "edge"));
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_int_equal(epolled(epoll), 0);
	}
	for (i = 0; i <= LAST - FIRST; i++) {
		assert_hears_from(fd, id_of(i), "edge");
		assert_int_equal(epolled(epoll), 0);
	}
	/* Read before it was looked at. */
	assert_works(send_text(writer, 5, "edge"));
	assert_hears_from(fd, 5, "edge");
	assert_int_equal(epolled(epoll), 0);
	assert_works(send_text(writer, 6, "edge"));
	assert_int_equal(epolled(epoll), EPOLLIN);
	/* Registered when there was something already. */
	assert_int_equal(epolled(epoll_on(fd, EPOLLIN | EPOLLET)), EPOLLIN);
}

static void epoll_once(void **state)
{
	struct epoll_event again = { .events = EPOLLIN | EPOLLONESHOT };
	int writer, fd = begin(&writer), epoll = epoll_on(fd, EPOLLIN | EPOLLONESHOT), i;

	(void)state;
	for (i = 0; i < LAST - FIRST; i += 2) {
		send_outside(writer);
		assert_int_equal(epolled(epoll), 0);
		assert_works(send_text(writer, id_of(i), "shot"));
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_works(send_text(writer, id_of(i + 1), "silent"));
		assert_int_equal(epolled(epoll), 0);
		assert_hears_from(fd, id_of(i), "shot");
		assert_result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &again), 0);
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_hears_from(fd, id_of(i + 1), "silent");
		assert_result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &again), 0);
	}
}

/* Files with ranges that overlap, in one epoll within another: each is told of its own. */
static void epoll_of_many_ranges(void **state)
{
	enum { FILES = 8 };
	int inner = epoll_new(), outer = epoll_on(inner, EPOLLIN), writer = own_open(O_WRONLY);
	struct epoll_event event, events[FILES];
	bool told[FILES];
	int i, id, n;

	(void)state;
	for (i = 0; i < FILES; i++) {
		event = (struct epoll_event){ .events = EPOLLIN | EPOLLET, .data.u32 = i };
		assert_result(epoll_ctl(inner, EPOLL_CTL_ADD,
					own_open_listening(O_RDONLY, 1 + i, 1 + 2 * i), &event),
			      0);
	}
	for (id = 1; id <= 2 * FILES; id++) {
		assert_int_equal(epolled(outer), 0);
		assert_works(send_text(writer, id, "edge"));
		assert_int_equal(epolled(outer), id < 2 * FILES ? EPOLLIN : 0);
		memset(told, 0, sizeof(told));
		for (n = epoll_wait(inner, events, FILES, 0); n > 0; n--)
			told[events[n - 1].data.u32] = true;
		for (i = 0; i < FILES; i++)
			assert_int_equal(told[i], id >= 1 + i && id <= 1 + 2 * i);
	}
}

static void *wait_for_the_end(void *epoll)
{
	struct epoll_event event;

	demand(epoll_await(*(int *)epoll, &event) == 1);
	demand(event.events & EPOLLHUP);
	demand(!(event.events & EPOLLIN));
	return NULL;
}

static void epoll_of_a_destroyed_slot(void **state)
{
	const unsigned int events[] = { EPOLLIN, EPOLLIN | EPOLLET, 0, EPOLLIN | EPOLLEXCLUSIVE,
					EPOLLIN | EPOLLEXCLUSIVE };
	pthread_t threads[COUNT_OF(events)];
	int epolls[COUNT_OF(events)];
	int writer, fd = begin(&writer), edge = epoll_on(fd, EPOLLIN | EPOLLET);
	size_t i;

	(void)state;
	send_outside(writer);
	for (i = 0; i < COUNT_OF(events); i++) {
		epolls[i] = epoll_on(fd, events[i]);
		threads[i] = thread_start(wait_for_the_end, &epolls[i]);
	}
	usleep(paced(20000, 200000));
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < COUNT_OF(events); i++)
		thread_join(threads[i]);
	assert_true(epolled(edge) & EPOLLHUP);
	assert_int_equal(epolled(edge), 0);
	assert_true(epolled(epoll_on(fd, EPOLLIN)) & EPOLLHUP);
}

/* ---- io_uring ------------------------------------------------------------ */

static void ring_poll(int fd, bool multishot)
{
	submit(IORING_OP_POLL_ADD, fd, NULL, multishot ? IORING_POLL_ADD_MULTI : 0, TAG);
}

static void ring_polls_once(void **state)
{
	int writer, fd = begin(&writer), i;

	(void)state;
	for (i = 0; i < 2 * LAST; i++) {
		ring_poll(fd, false);
		assert_false(has_completion());
		send_outside(writer);
		assert_false(has_completion());
		assert_works(send_text(writer, id_of(i), "wake"));
		assert_int_equal(completion(TAG) & (POLLIN | POLLHUP), POLLIN);
		/* It was one poll. */
		assert_works(send_text(writer, id_of(i), "again"));
		assert_false(has_completion());
		/* And there is something for the next one at once. */
		ring_poll(fd, false);
		assert_int_equal(completion(TAG) & (POLLIN | POLLHUP), POLLIN);
		if (strcmp(*state, "last"))
			assert_hears_from(fd, id_of(i), "wake");
		assert_hears_from(fd, id_of(i), "again");
	}
}

static void ring_polls_again_and_again(void **state)
{
	int writer, fd = begin(&writer), i;
	struct completed done;

	(void)state;
	ring_poll(fd, true);
	for (i = 0; i < 2 * LAST; i++) {
		send_outside(writer);
		assert_false(has_completion());
		assert_works(send_text(writer, id_of(i), "again"));
		done = any_completion();
		assert_int_equal(done.tag, TAG);
		assert_int_equal(done.result & (POLLIN | POLLHUP), POLLIN);
		assert_true(done.flags & IORING_CQE_F_MORE);
		/* One that was not read is not told again with a message of another channel. */
		send_outside(writer);
		assert_false(has_completion());
		assert_hears_from(fd, id_of(i), "again");
	}
	submit_end_of(IORING_OP_POLL_REMOVE, TAG, TAG + 1);
	for (i = 0; i < 2; i++) {
		done = any_completion();
		assert_int_equal(done.result, done.tag == TAG ? -ECANCELED : 0);
	}
	assert_works(send_text(writer, FIRST, "silent"));
	assert_false(has_completion());
	assert_hears_from(fd, FIRST, "silent");
}

static void ring_poll_of_a_destroyed_slot(void **state)
{
	int writer, fd = begin(&writer), i;

	(void)state;
	ring_poll(fd, false);
	ring_poll(own_open_listening(O_RDONLY, 1, UINT32_MAX), true);
	assert_false(has_completion());
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(completion(TAG) & (POLLIN | POLLHUP), POLLHUP);
	ring_poll(fd, false);
	assert_int_equal(completion(TAG) & (POLLIN | POLLHUP), POLLHUP);
}

/* Another range, or a channel, under the poll that waits. */
static void ring_poll_of_another_range(void **state)
{
	int writer, fd = begin(&writer);

	ring_poll(fd, false);
	assert_result(listen_to(fd, 20, 29, 0), 0);
	assert_works(send_text(writer, 5, "no"));
	assert_false(has_completion());
	assert_works(send_text(writer, 25, "yes"));
	assert_int_equal(completion(TAG) & POLLIN, POLLIN);
	assert_hears_from(fd, 25, "yes");
	/* From a range to a channel. */
	ring_poll(fd, false);
	assert_result(slot_select(fd, 30), 0);
	assert_works(send_text(writer, 25, "no"));
	assert_false(has_completion());
	assert_works(send_text(writer, 30, "yes"));
	assert_int_equal(completion(TAG) & POLLIN, POLLIN);
	assert_result(read(fd, (char[8]){ "" }, 8), 3);
	/* And from a channel to a range. */
	ring_poll(fd, false);
	assert_result(listen_to(fd, 40, 49, 0), 0);
	assert_false(has_completion());
	assert_works(send_text(writer, 30, "no"));
	assert_false(has_completion());
	assert_works(send_text(writer, 44, "yes"));
	assert_int_equal(completion(TAG) & POLLIN, POLLIN);
	assert_hears_from(fd, 44, "yes");
	/* A range that has something already, where it counts for a file that comes. */
	if (!strcmp(*state, "broadcast"))
		return;
	ring_poll(fd, false);
	assert_result(listen_to(fd, 5, 5, 0), 0);
	assert_int_equal(completion(TAG) & POLLIN, POLLIN);
	assert_hears_from(fd, 5, "no");
	assert_result(slot_select(fd, 50), 0);
	ring_poll(fd, false);
	assert_false(has_completion());
	assert_result(listen_to(fd, 25, 26, 0), 0);
	assert_int_equal(completion(TAG) & POLLIN, POLLIN);
	assert_hears_from(fd, 25, "no");
}

/* What would be EAGAIN waits for a message of the range, and has it. */
static void ring_reads(void **state)
{
	int writer = own_open_on(O_WRONLY, THERE);
	int fd = own_open_listening(O_RDONLY, FIRST, LAST), i;
	char got[COURSE_MAX];

	(void)state;
	submit_with(RWF_NOWAIT, IORING_OP_READ, fd, got, sizeof(got), TAG);
	assert_int_equal(completion(TAG), -EAGAIN);
	for (i = 0; i < 2 * LAST; i++) {
		submit(IORING_OP_READ, fd, got, sizeof(got), TAG);
		assert_false(has_completion());
		send_outside(writer);
		assert_false(has_completion());
		assert_works(send_text(writer, id_of(i), "at last"));
		assert_int_equal(completion(TAG), 7);
		assert_memory_equal(got, "at last", 7);
	}
	submit(IORING_OP_READ, fd, got, sizeof(got), TAG);
	assert_result(slot_destroy(OWN), 0);
	assert_int_equal(completion(TAG), -ENODEV);
}

/* The file lives on in the poll, and the ring ends a poll that waits. */
static void ring_polls_a_closed_file(void **state)
{
	int writer, fd = begin(&writer);

	(void)state;
	ring_poll(fd, false);
	own_close(fd);
	assert_result(info_of(writer).listeners, 1);
	send_outside(writer);
	assert_false(has_completion());
	assert_works(send_text(writer, 7, "after all"));
	assert_int_equal(completion(TAG) & POLLIN, POLLIN);
	await(info_of(writer).listeners == 0);

	fd = own_open_listening(O_RDONLY, ABOVE + 1, ABOVE + 9);
	ring_poll(fd, true);
	own_close(fd);
	ring_free();
	await(info_of(writer).listeners == 0);
	assert_works(send_text(writer, ABOVE + 5, "for others"));
	ring_new();
}

/* ---- nothing is missed ---------------------------------------------------- */

enum { END = -1 };

static long send_number(int fd, unsigned int id, long number)
{
	struct msgslot_send send = send_of(id, &number, sizeof(number));

	return ioctl(fd, MSGSLOT_SEND, &send);
}

/* Numbers on random channels, inside and outside; at last END on each. */
static void *send_numbers(void *rounds)
{
	int fd = slot_open(OWN, O_WRONLY);
	uint64_t seed = seed_get();
	unsigned int id;
	long i;

	demand(fd >= 0);
	for (i = 1; i <= *(long *)rounds; i++) {
		demand(send_number(fd, id_of(random_next(&seed) % LAST), i) == 0);
		if (i % 7 == 0)
			demand(send_number(fd, i % 2 ? BELOW : ABOVE, i) == 0);
		/* So that the listener sleeps now and then. */
		if (random_next(&seed) % 100 == 0)
			usleep(random_next(&seed) % 1000);
	}
	for (id = FIRST; id <= LAST; id++)
		demand(send_number(fd, id, END) == 0);
	close(fd);
	return NULL;
}

/* Returns when a message may be there; *@polls: a poll is under way. */
static void wait_by_ring(int fd, bool *polls)
{
	struct completed done;

	if (!*polls)
		ring_poll(fd, true);
	done = any_completion();
	assert_int_equal(done.result & (POLLIN | POLLHUP), POLLIN);
	*polls = done.flags & IORING_CQE_F_MORE;
}

/* It looks only when it is told, and then reads until EAGAIN. */
static void no_message_is_missed(const char *mode, bool by_ring)
{
	const bool is_last = !strcmp(mode, "last");
	bool polls = false;
	long rounds = scaled(8000, 500), number, heard = 0, newest[LAST + 1] = { 0 };
	struct epoll_event event;
	struct msgslot_recv recv;
	int fd, epoll, ends = 0;
	pthread_t thread;

	assert_result(slot_set(OWN, "feed_depth", 2 * rounds), 0);
	if (!is_last)
		assert_result(slot_set(OWN, "depth", rounds), 0);
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, FIRST, LAST);
	epoll = epoll_on(fd, EPOLLIN | EPOLLET);
	thread = thread_start(send_numbers, &rounds);
	while (ends < LAST + 1 - FIRST) {
		if (by_ring)
			wait_by_ring(fd, &polls);
		else
			assert_result(epoll_await(epoll, &event), 1);
		for (;;) {
			recv = recv_of(0, RANGE, &number, sizeof(number));
			if (ioctl(fd, MSGSLOT_RECV, &recv))
				break;
			assert_int_equal(recv.lost, 0);
			assert_in_range(recv.channel, FIRST, LAST);
			/* In `last` the same may be told twice. */
			if (!is_last || number != newest[recv.channel]) {
				assert_int_not_equal(newest[recv.channel], END);
				assert_true(number == END || number > newest[recv.channel]);
				ends += number == END;
				heard += number != END;
			}
			newest[recv.channel] = number;
		}
		assert_int_equal(errno, EAGAIN);
	}
	thread_join(thread);
	if (!is_last)
		assert_int_equal(heard, rounds);
}

static void no_edge_is_lost(void **state)
{
	no_message_is_missed(*state, false);
}

static void no_completion_is_lost(void **state)
{
	no_message_is_missed(*state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_each_mode(epoll_by_level),
		in_each_mode(epoll_by_edge),
		in_each_mode(epoll_once),
		in_each_mode(epoll_of_many_ranges),
		in_each_mode(epoll_of_a_destroyed_slot),
		in_each_mode(ring_polls_once),
		in_each_mode(ring_polls_again_and_again),
		in_each_mode(ring_poll_of_a_destroyed_slot),
		in_each_mode(ring_poll_of_another_range),
		in_each_mode(ring_reads),
		in_each_mode(ring_polls_a_closed_file),
		in_each_mode(no_edge_is_lost),
		in_each_mode(no_completion_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
