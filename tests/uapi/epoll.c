// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * epoll on files of the modes that wait, and of `last` where it differs: edges, one shot, exclusive
 * waiters; and what may become of a registered file: another channel, a channel that is forgotten,
 * a slot that is destroyed, a descriptor that is closed.
 */
#define _GNU_SOURCE
#include "broadcast.h"

/* The test's state is the mode. */
static int epoll_begin(void **state)
{
	return own_begin_in(*state);
}

#define in_mode(test, mode)                                                              \
	{                                                                                \
		.name = #test " in " mode, .test_func = test, .setup_func = epoll_begin, \
		.teardown_func = own_end, .initial_state = mode                          \
	}

static bool is_last(void **state)
{
	return !strcmp(*state, "last");
}

static void epoll_again(int epoll, int fd, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	assert_result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event), 0);
}

static void in_by_level(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY, 1);
	int epoll = epoll_on(reader, EPOLLIN), i;

	(void)state;
	assert_int_equal(epolled(epoll), 0);
	for (i = 0; i < 3; i++)
		assert_tells(writer, i);
	if (!is_last(state))
		for (i = 0; i < 2; i++) {
			assert_int_equal(epolled(epoll), EPOLLIN);
			assert_hears(reader, i);
		}
	assert_int_equal(epolled(epoll), EPOLLIN);
	assert_int_equal(epolled(epoll), EPOLLIN);
	assert_hears(reader, 2);
	assert_int_equal(epolled(epoll), 0);
}

/* An edge for each message, whether those before were read or not; and none for a read. */
static void in_by_edge(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY, 1);
	int epoll = epoll_on(reader, EPOLLIN | EPOLLET), i;

	assert_int_equal(epolled(epoll), 0);
	for (i = 0; i < 3; i++) {
		assert_tells(writer, i);
		assert_int_equal(epolled(epoll), EPOLLIN);
		assert_int_equal(epolled(epoll), 0);
	}
	if (!is_last(state))
		for (i = 0; i < 2; i++) {
			assert_hears(reader, i);
			assert_int_equal(epolled(epoll), 0);
		}
	assert_hears(reader, 2);
	assert_int_equal(epolled(epoll), 0);
	assert_tells(writer, 3);
	assert_int_equal(epolled(epoll), EPOLLIN);
	/* Read before anybody looked: then there is nothing to tell. */
	assert_hears(reader, 3);
	assert_tells(writer, 4);
	assert_hears(reader, 4);
	assert_int_equal(epolled(epoll), 0);
	/* Registered when there was something already. */
	assert_tells(writer, 5);
	assert_int_equal(epolled(epoll_on(reader, EPOLLIN | EPOLLET)), EPOLLIN);
}

static void out_by_edge(void **state)
{
	int writer, reader, epoll, level, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 2), 0);
	writer = own_open_on(O_WRONLY | O_NONBLOCK, 1);
	reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	epoll = epoll_on(writer, EPOLLOUT | EPOLLET);
	level = epoll_on(writer, EPOLLOUT);
	assert_int_equal(epolled(epoll), EPOLLOUT);
	assert_int_equal(epolled(epoll), 0);
	assert_tells(writer, 0);
	assert_int_equal(epolled(level), EPOLLOUT);
	assert_tells(writer, 1);
	assert_int_equal(epolled(level), 0);
	assert_int_equal(tell(writer, 2), -EAGAIN);
	for (i = 0; i < 3; i++) {
		assert_int_equal(epolled(epoll), 0);
		assert_hears(reader, i);
		assert_int_equal(epolled(epoll), EPOLLOUT);
		assert_int_equal(epolled(epoll), 0);
		assert_int_equal(epolled(level), EPOLLOUT);
		assert_tells(writer, i + 2);
		assert_int_equal(epolled(level), 0);
	}
	/* All at once is one edge, too. */
	assert_result(own_clear(writer, 1), 2);
	assert_int_equal(epolled(epoll), EPOLLOUT);
	assert_int_equal(epolled(epoll), 0);
}

static void one_shot(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY, 1);
	int epoll = epoll_on(reader, EPOLLIN | EPOLLONESHOT);

	(void)state;
	assert_tells(writer, 0);
	assert_int_equal(epolled(epoll), EPOLLIN);
	assert_hears(reader, 0);
	/* Silent until it is asked again, whatever comes. */
	assert_tells(writer, 1);
	assert_int_equal(epolled(epoll), 0);
	epoll_again(epoll, reader, EPOLLIN | EPOLLONESHOT);
	assert_int_equal(epolled(epoll), EPOLLIN);
	assert_int_equal(epolled(epoll), 0);
	assert_hears(reader, 1);
	epoll_again(epoll, reader, EPOLLIN | EPOLLONESHOT);
	assert_int_equal(epolled(epoll), 0);
	assert_tells(writer, 2);
	assert_int_equal(epolled(epoll), EPOLLIN);
	assert_hears(reader, 2);
}

/* Threads that wait in epolls of their own for one file, and ask that not all of them be woken. */
static int shared;
static long heard, ended;
enum { WAITERS = 4, END = -1000 };

static void *hear_exclusively(void *unused)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long number;

	(void)unused;
	demand(epoll >= 0);
	demand(epoll_ctl(epoll, EPOLL_CTL_ADD, shared, &event) == 0);
	for (;;) {
		demand(epoll_wait(epoll, &event, 1, PATIENCE) == 1);
		demand(event.events == EPOLLIN);
		number = hear(shared);
		/* Another one was quicker. */
		if (number == -EAGAIN)
			continue;
		demand(number >= 0 || number == END);
		if (number == END)
			break;
		__atomic_add_fetch(&heard, number, __ATOMIC_RELAXED);
	}
	__atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
	close(epoll);
	return NULL;
}

static void exclusive_waiters(void **state)
{
	long rounds = scaled(3000, 200), i;
	int writer = own_open_on(O_WRONLY, 1);
	pthread_t threads[WAITERS];

	(void)state;
	heard = ended = 0;
	shared = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	for (i = 0; i < WAITERS; i++)
		threads[i] = thread_start(hear_exclusively, NULL);
	for (i = 1; i <= rounds; i++) {
		assert_tells(writer, i);
		/* By turns one at a time, with all of them asleep, and many at once. */
		if (i % 100 < 10)
			usleep(1000);
		else if (i % 100 == 99)
			while (__atomic_load_n(&heard, __ATOMIC_RELAXED) != i * (i + 1) / 2)
				usleep(100);
	}
	while (__atomic_load_n(&heard, __ATOMIC_RELAXED) != rounds * (rounds + 1) / 2)
		usleep(100);
	/* One by one: a waiter that leaves may leave with the wake-up that was for another. */
	for (i = 1; i <= WAITERS; i++) {
		assert_tells(writer, END);
		while (__atomic_load_n(&ended, __ATOMIC_RELAXED) != i)
			usleep(1000);
	}
	for (i = 0; i < WAITERS; i++)
		thread_join(threads[i]);
}

/* What is told is of the channel that is selected now; the old one is forgotten under the watch. */
static void another_channel(void **state)
{
	int one = own_open_on(O_WRONLY, 1), fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	int edge = epoll_on(fd, EPOLLIN | EPOLLET), level = epoll_on(fd, EPOLLIN);
	unsigned int id, count = scaled(300, 50);

	(void)state;
	assert_tells(one, 1);
	assert_int_equal(epolled(edge), EPOLLIN);
	assert_int_equal(epolled(level), EPOLLIN);
	assert_result(slot_select(fd, 2), 0);
	assert_int_equal(epolled(edge), 0);
	assert_int_equal(epolled(level), 0);
	assert_tells(one, 2);
	assert_int_equal(epolled(edge), 0);
	assert_int_equal(epolled(level), 0);
	assert_result(own_clear(one, 1), is_last(state) ? 1 : 2);
	own_close(one);
	for (id = 3; id < count; id++) {
		assert_result(slot_select(fd, id), 0);
		assert_result(slot_get(OWN, "channels"), 1);
		assert_int_equal(epolled(edge), 0);
		/* Every third has a message, and is not forgotten before that is taken out. */
		if (id % 3)
			continue;
		assert_tells(fd, id);
		assert_int_equal(epolled(edge), EPOLLIN);
		assert_int_equal(epolled(level), EPOLLIN);
		assert_hears(fd, id);
		assert_int_equal(epolled(level), 0);
		assert_result(own_clear(fd, id), strcmp(*state, "queue") ? 1 : 0);
	}
	/* A channel with news, in the modes where it can have news for a file that comes. */
	if (!strcmp(*state, "broadcast"))
		return;
	assert_true(send_number(fd, 2, 22) > 0);
	assert_result(slot_select(fd, 2), 0);
	assert_int_equal(epolled(edge), EPOLLIN);
	assert_int_equal(epolled(level), EPOLLIN);
	assert_hears(fd, 22);
}

/* A thread sleeps in epoll_wait() while another thread selects. */
static long call_epoll(struct call *call)
{
	struct epoll_event event = { .events = 0 };

	return epoll_wait(call->fd, &event, 1, PATIENCE) == 1 ? (long)event.events : -EBADMSG;
}

static void asleep_while_another_selects(void **state)
{
	int reader = own_open_on(O_RDONLY, 1), one = own_open_on(O_WRONLY, 1);
	int two = own_open_on(O_WRONLY, 2);
	struct call call = { .make = call_epoll, .fd = epoll_on(reader, EPOLLIN | EPOLLET) };

	(void)state;
	call_start(&call);
	assert_sleeps(&call);
	assert_result(slot_select(reader, 2), 0);
	assert_tells(one, 1);
	assert_sleeps(&call);
	assert_tells(two, 2);
	assert_ends(&call, EPOLLIN);
	assert_hears(reader, 2);
}

static void a_destroyed_slot(void **state)
{
	int fd = own_open_on(O_RDWR, 1), other = own_open(O_RDONLY);
	int edge = epoll_on(fd, EPOLLIN | EPOLLET), once = epoll_on(fd, EPOLLIN | EPOLLONESHOT);
	struct call calls[] = {
		{ .make = call_epoll, .fd = epoll_on(fd, EPOLLIN) },
		{ .make = call_epoll, .fd = epoll_on(fd, EPOLLIN | EPOLLET) },
		{ .make = call_epoll, .fd = epoll_on(fd, 0) },
		{ .make = call_epoll, .fd = epoll_on(other, EPOLLIN) },
	};
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		call_start(&calls[i]);
	for (i = 0; i < 4; i++)
		assert_sleeps(&calls[i]);
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 4; i++) {
		thread_join(calls[i].thread);
		assert_true(calls[i].result & EPOLLHUP);
		assert_false(calls[i].result & EPOLLIN);
	}
	assert_true(epolled(edge) & EPOLLHUP);
	assert_int_equal(epolled(edge), 0);
	assert_true(epolled(once) & EPOLLHUP);
	assert_int_equal(epolled(once), 0);
	/* A file may be registered, asked again and dropped as before. */
	assert_true(epolled(epoll_on(fd, EPOLLIN)) & EPOLLHUP);
	epoll_again(edge, fd, EPOLLIN | EPOLLET);
	assert_true(epolled(edge) & EPOLLHUP);
	assert_result(epoll_ctl(edge, EPOLL_CTL_DEL, fd, NULL), 0);
	assert_int_equal(epolled(edge), 0);
}

/* With its last descriptor a file leaves the epoll, and the epoll may go before the file. */
static void a_closed_descriptor(void **state)
{
	int fd = own_open_on(O_RDONLY, 1), twin = dup(fd), epoll = epoll_on(fd, EPOLLIN);
	int writer = own_open_on(O_WRONLY, 1), again;
	struct call call = { .make = call_epoll, .fd = epoll_on(fd, EPOLLIN | EPOLLET) };

	(void)state;
	assert_works(twin);
	call_start(&call);
	assert_sleeps(&call);
	own_close(fd);
	/* The file is still open. */
	assert_tells(writer, 1);
	assert_int_equal(epolled(epoll), EPOLLIN);
	assert_ends(&call, EPOLLIN);
	close(twin);
	assert_int_equal(epolled(epoll), 0);
	assert_tells(writer, 2);
	assert_int_equal(epolled(epoll), 0);
	/* The number again, another file: it is not registered. */
	again = own_open_on(O_RDONLY, 1);
	assert_tells(writer, 3);
	assert_int_equal(epolled(epoll), 0);
	epoll_add(epoll, again, EPOLLIN);
	assert_int_equal(epolled(epoll), EPOLLIN);
	own_close(epoll);
	assert_tells(writer, 4);
	assert_int_equal(epolled(epoll_on(again, EPOLLIN)), EPOLLIN);
}

/* Files of many channels in one epoll, and that epoll in another: each is told for its own. */
static void many_files_in_one(void **state)
{
	enum { FILES = 100 };
	int inner = epoll_new(), outer = epoll_new(), writer = own_open(O_WRONLY);
	int files[FILES], seen[FILES] = { 0 }, i, n;
	struct epoll_event events[FILES];

	(void)state;
	for (i = 0; i < FILES; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u32 = i };

		files[i] = own_open_on(O_RDONLY, 1 + i);
		assert_result(epoll_ctl(inner, EPOLL_CTL_ADD, files[i], &event), 0);
	}
	epoll_add(outer, inner, EPOLLIN);
	assert_int_equal(epolled(outer), 0);
	for (i = 0; i < FILES; i += 7)
		assert_true(send_number(writer, 1 + i, i) > 0);
	assert_int_equal(epolled(outer), EPOLLIN);
	n = epoll_wait(inner, events, FILES, 0);
	assert_int_equal(n, (FILES + 6) / 7);
	while (n--)
		seen[events[n].data.u32]++;
	for (i = 0; i < FILES; i++) {
		assert_int_equal(seen[i], i % 7 == 0);
		if (seen[i])
			assert_hears(files[i], i);
	}
	assert_int_equal(epolled(outer), 0);
}

/* A reader that looks only at edges, and then reads until EAGAIN, misses nothing. */
static void *hear_at_edges(void *argument)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long rounds = *(long *)argument, number = 0, next = 1;

	demand(epoll >= 0);
	demand(epoll_ctl(epoll, EPOLL_CTL_ADD, shared, &event) == 0);
	while (next <= rounds) {
		demand(epoll_wait(epoll, &event, 1, PATIENCE) == 1);
		while ((number = hear(shared)) >= 0)
			demand(number == next++);
		demand(number == -EAGAIN);
	}
	close(epoll);
	return NULL;
}

static void no_edge_is_lost(void **state)
{
	long rounds = scaled(20000, 1000), i;
	pthread_t thread;
	int writer;

	(void)state;
	assert_result(slot_set(OWN, "depth", rounds), 0);
	writer = own_open_on(O_WRONLY, 1);
	shared = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	thread = thread_start(hear_at_edges, &rounds);
	for (i = 1; i <= rounds; i++)
		assert_tells(writer, i);
	thread_join(thread);
}

/* Of exclusive waiters a message wakes one; the end of the slot concerns each of them. */
static void *wait_for_the_end(void *argument)
{
	struct epoll_event event;

	demand(epoll_wait(*(int *)argument, &event, 1, 20000) == 1);
	demand(event.events & EPOLLHUP);
	return NULL;
}

static void all_exclusive_waiters_hear_the_end(void **state)
{
	enum { WAITERS = 3 };
	int fd = is_last(state) ? own_open(O_RDONLY) : own_open_on(O_RDONLY, 1), epolls[WAITERS], i;
	pthread_t threads[WAITERS];

	for (i = 0; i < WAITERS; i++) {
		epolls[i] = epoll_on(fd, EPOLLIN | EPOLLEXCLUSIVE);
		threads[i] = thread_start(wait_for_the_end, &epolls[i]);
	}
	usleep(paced(100000, 500000));
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < WAITERS; i++)
		thread_join(threads[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_mode(in_by_level, "last"),
		in_mode(in_by_level, "queue"),
		in_mode(in_by_level, "broadcast"),
		in_mode(in_by_edge, "last"),
		in_mode(in_by_edge, "queue"),
		in_mode(in_by_edge, "broadcast"),
		in_mode(out_by_edge, "queue"),
		in_mode(one_shot, "last"),
		in_mode(one_shot, "queue"),
		in_mode(one_shot, "broadcast"),
		in_mode(exclusive_waiters, "queue"),
		in_mode(exclusive_waiters, "broadcast"),
		in_mode(another_channel, "last"),
		in_mode(another_channel, "queue"),
		in_mode(another_channel, "broadcast"),
		in_mode(asleep_while_another_selects, "last"),
		in_mode(asleep_while_another_selects, "queue"),
		in_mode(asleep_while_another_selects, "broadcast"),
		in_mode(a_destroyed_slot, "last"),
		in_mode(a_destroyed_slot, "queue"),
		in_mode(a_destroyed_slot, "broadcast"),
		in_mode(a_closed_descriptor, "last"),
		in_mode(a_closed_descriptor, "queue"),
		in_mode(a_closed_descriptor, "broadcast"),
		in_mode(many_files_in_one, "last"),
		in_mode(many_files_in_one, "queue"),
		in_mode(many_files_in_one, "broadcast"),
		in_mode(no_edge_is_lost, "queue"),
		in_mode(no_edge_is_lost, "broadcast"),
		in_mode(all_exclusive_waiters_hear_the_end, "last"),
		in_mode(all_exclusive_waiters_hear_the_end, "queue"),
		in_mode(all_exclusive_waiters_hear_the_end, "broadcast"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
