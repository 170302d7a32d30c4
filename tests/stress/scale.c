// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Large numbers: open files of a broadcast channel, readers asleep, bytes of a message, messages of
 * a channel. Each works as with one. Channels: scale-channels.c.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "check.h"

enum { MIB = 1024 * 1024, DEPTH = 65536 };

static char text[MIB], got[MIB];

static void own_be(const char *mode)
{
	assert_result(slot_put(OWN, "mode", mode), 0);
}

/* ---- ten thousand files of a broadcast channel --------------------------------- */

enum { FILES = 10000 };

static int files[FILES];
static long files_count;

static void files_open(void)
{
	struct rlimit limit = { FILES + 100, FILES + 100 };
	long i;

	files_count = scaled(FILES, 1000);
	assert_result(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (i = 0; i < files_count; i++) {
		files[i] = slot_open_on(OWN, O_RDONLY | O_NONBLOCK, 5);
		assert_works(files[i]);
	}
}

static void files_close(void)
{
	while (files_count)
		close(files[--files_count]);
}

static void assert_all_hear(const char *what)
{
	long i;

	for (i = 0; i < files_count; i++) {
		assert_result(read(files[i], got, sizeof(got)), (ssize_t)strlen(what));
		assert_memory_equal(got, what, strlen(what));
		assert_fails(read(files[i], got, sizeof(got)), EAGAIN);
	}
}

static void files_of_a_broadcast_channel(void **state)
{
	struct epoll_event *events, event = { .events = EPOLLIN };
	int writer, epoll;
	long i;

	(void)state;
	own_be("broadcast");
	files_open();
	writer = own_open(O_WRONLY);
	assert_result(slot_select(writer, 5), 0);
	assert_result(write(writer, "all of you", 10), 10);
	assert_all_hear("all of you");
	assert_result(slot_get(OWN, "received"), files_count);
	/* Every file in the epoll set becomes ready, once. */
	epoll = epoll_create1(EPOLL_CLOEXEC);
	assert_works(epoll);
	events = calloc(files_count + 1, sizeof(*events));
	assert_non_null(events);
	for (i = 0; i < files_count; i++) {
		event.data.u32 = i;
		assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, files[i], &event), 0);
	}
	assert_result(epoll_wait(epoll, events, files_count + 1, 0), 0);
	assert_result(write(writer, "again", 5), 5);
	assert_result(epoll_wait(epoll, events, files_count + 1, 0), files_count);
	assert_all_hear("again");
	assert_result(epoll_wait(epoll, events, files_count + 1, 0), 0);
	close(epoll);
	free(events);
	assert_result(slot_get(OWN, "channels"), 1);
	files_close();
	assert_result(slot_get(OWN, "dropped"), 0);
}

/* The slowest reader holds the writer up; the writer goes on when the last reader has read. */
static void files_of_a_blocking_channel(void **state)
{
	struct pollfd poll_writer = { .events = POLLOUT };
	int writer;
	long i;

	(void)state;
	own_be("broadcast");
	assert_result(slot_put(OWN, "overflow", "block"), 0);
	assert_result(slot_set(OWN, "depth", 1), 0);
	files_open();
	writer = own_open(O_WRONLY | O_NONBLOCK);
	assert_result(slot_select(writer, 5), 0);
	poll_writer.fd = writer;
	assert_result(write(writer, "one", 3), 3);
	assert_fails(write(writer, "two", 3), EAGAIN);
	for (i = 0; i < files_count - 1; i++)
		assert_result(read(files[i], got, sizeof(got)), 3);
	assert_fails(write(writer, "two", 3), EAGAIN);
	assert_result(poll(&poll_writer, 1, 0), 0);
	assert_result(read(files[i], got, sizeof(got)), 3);
	assert_result(poll(&poll_writer, 1, 0), 1);
	assert_result(write(writer, "two", 3), 3);
	assert_all_hear("two");
	assert_result(write(writer, "three", 5), 5);
	files_close();
	assert_result(write(writer, "four", 4), 4);
}

/* ---- a thousand readers asleep --------------------------------------------------- */

enum { READERS = 1000 };

static struct reader {
	pthread_t thread;
	int fd;
	volatile pid_t tid;
	long heard;
	int error;
} readers[READERS];

static long readers_count, readers_back;

static void *read_one(void *argument)
{
	struct reader *reader = argument;

	reader->tid = syscall(SYS_gettid);
	reader->heard = -1;
	if (read(reader->fd, &reader->heard, sizeof(reader->heard)) < 0)
		reader->error = errno;
	__atomic_add_fetch(&readers_back, 1, __ATOMIC_RELAXED);
	return NULL;
}

static bool sleeps(const struct reader *reader)
{
	char path[64], status[512], *end;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", reader->tid);
	if (!reader->tid || text_get(path, status, sizeof(status)) <= 0)
		return false;
	end = strrchr(status, ')');
	return end && end[2] == 'S';
}

/* Returns when all of them sleep. */
static void readers_start(void)
{
	pthread_attr_t small;
	long i;

	readers_count = scaled(READERS, 100);
	readers_back = 0;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (i = 0; i < readers_count; i++) {
		readers[i] = (struct reader){ .fd = own_open(O_RDONLY) };
		assert_result(slot_select(readers[i].fd, 5), 0);
		assert_int_equal(pthread_create(&readers[i].thread, &small, read_one, &readers[i]),
				 0);
	}
	pthread_attr_destroy(&small);
	for (i = 0; i < readers_count; i++)
		while (!sleeps(&readers[i]))
			usleep(1000);
	assert_int_equal(readers_back, 0);
}

static void readers_join(void)
{
	long i;

	for (i = 0; i < readers_count; i++)
		thread_join(readers[i].thread);
}

/* Each message wakes one reader, and that reader gets it. */
static void readers_of_a_queue(void **state)
{
	static char seen[READERS];
	int writer;
	long i;

	(void)state;
	own_be("queue");
	writer = own_open(O_WRONLY);
	assert_result(slot_select(writer, 5), 0);
	readers_start();
	for (i = 0; i < readers_count; i++) {
		assert_result(write(writer, &i, sizeof(i)), sizeof(i));
		if (i % 100 == 0)
			while (__atomic_load_n(&readers_back, __ATOMIC_RELAXED) <= i)
				usleep(100);
	}
	readers_join();
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < readers_count; i++) {
		assert_in_range(readers[i].heard, 0, readers_count - 1);
		assert_int_equal(seen[readers[i].heard]++, 0);
	}
	assert_result(slot_get(OWN, "messages"), 0);
}

/* One message wakes all readers. */
static void readers_of_a_broadcast_channel(void **state)
{
	int writer;
	long i;

	(void)state;
	own_be("broadcast");
	writer = own_open(O_WRONLY);
	assert_result(slot_select(writer, 5), 0);
	readers_start();
	i = 42;
	assert_result(write(writer, &i, sizeof(i)), sizeof(i));
	readers_join();
	for (i = 0; i < readers_count; i++)
		assert_int_equal(readers[i].heard, 42);
	assert_result(slot_get(OWN, "received"), readers_count);
}

/* So does the end of the slot. */
static void readers_whose_slot_goes(void **state)
{
	long i;

	(void)state;
	own_be("queue");
	readers_start();
	assert_result(slot_destroy(OWN), 0);
	readers_join();
	for (i = 0; i < readers_count; i++)
		assert_int_equal(readers[i].error, ENODEV);
}

/* ---- long messages, many messages --------------------------------------------------- */

static void long_messages(void **state)
{
	const char *const modes[] = { "queue", "broadcast" };
	const size_t lengths[] = { 65536, MIB };
	const int depth = scaled(24, 8);
	size_t mode, l;
	int fd, i;

	(void)state;
	for (mode = 0; mode < 2; mode++) {
		own_be(modes[mode]);
		assert_result(slot_set(OWN, "depth", depth), 0);
		assert_result(slot_set(OWN, "max_message", MIB), 0);
		assert_result(slot_set(OWN, "max_bytes", 32 * MIB), 0);
		fd = own_open(O_RDWR | O_NONBLOCK);
		assert_result(slot_select(fd, 5), 0);
		for (l = 0; l < 2; l++) {
			for (i = 0; i < depth; i++) {
				bytes_fill(text, lengths[l], i);
				assert_result(write(fd, text, lengths[l]), (ssize_t)lengths[l]);
			}
			if (mode == 0)
				assert_fails(write(fd, text, lengths[l]), EAGAIN);
			for (i = 0; i < depth; i++) {
				bytes_fill(text, lengths[l], i);
				assert_result(read(fd, got, MIB), (ssize_t)lengths[l]);
				assert_false(memcmp(got, text, lengths[l]));
			}
			assert_fails(read(fd, got, MIB), EAGAIN);
		}
		assert_result(ioctl(fd, MSGSLOT_CLEAR, &(struct msgslot_clear){ .channel = 5 }), 0);
		own_close(fd);
	}
}

static void as_deep_as_can_be(void **state)
{
	const long depth = scaled(DEPTH, 4096);
	long i, number;
	int fd;

	(void)state;
	assert_fails(slot_set(OWN, "depth", 2), EINVAL);
	own_be("queue");
	assert_fails(slot_set(OWN, "depth", DEPTH + 1), EINVAL);
	assert_result(slot_set(OWN, "depth", depth), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (i = 0; i < depth; i++)
		assert_result(write(fd, &i, sizeof(i)), sizeof(i));
	assert_fails(write(fd, &i, sizeof(i)), EAGAIN);
	for (i = 0; i < depth; i++) {
		assert_result(read(fd, &number, sizeof(number)), sizeof(number));
		assert_int_equal(number, i);
	}
	assert_fails(read(fd, &number, sizeof(number)), EAGAIN);
	own_close(fd);
	assert_result(slot_get(OWN, "bytes"), 0);

	own_be("broadcast");
	assert_result(slot_set(OWN, "depth", depth), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (i = 0; i < depth + 10; i++)
		assert_result(write(fd, &i, sizeof(i)), sizeof(i));
	assert_fails(read(fd, &number, sizeof(number)), ENOBUFS);
	for (i = 10; i < depth + 10; i++) {
		assert_result(read(fd, &number, sizeof(number)), sizeof(number));
		assert_int_equal(number, i);
	}
	assert_fails(read(fd, &number, sizeof(number)), EAGAIN);
	assert_result(slot_get(OWN, "dropped"), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(files_of_a_broadcast_channel),
		own_slot_test(files_of_a_blocking_channel),
		own_slot_test(readers_of_a_queue),
		own_slot_test(readers_of_a_broadcast_channel),
		own_slot_test(readers_whose_slot_goes),
		own_slot_test(long_messages),
		own_slot_test(as_deep_as_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
