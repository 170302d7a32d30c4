// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How slots come and go: what open files, sleepers and pollers see of it, what a new slot on an old
 * minor keeps (nothing), and what `create` and `destroy` do not take.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <poll.h>
#include <sys/epoll.h>

#include "check.h"

static void destroyed_under_open_files(void **state)
{
	int fd = own_open_on(O_RDWR, 1), none = own_open(O_RDWR);
	char got[8], path[32];

	(void)state;
	assert_result(write(fd, "keep", 4), 4);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(read(fd, got, sizeof(got)), ENODEV);
	assert_fails(write(fd, "gone", 4), ENODEV);
	assert_fails(slot_select(fd, 1), ENODEV);
	assert_fails(slot_select(none, 1), ENODEV);
	assert_fails(lseek(fd, 0, SEEK_SET), ESPIPE);
	/* The node is gone, and what still leads to its minor finds no device. */
	assert_fails(slot_open(OWN, O_RDWR), ENOENT);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_fails(open(path, O_RDWR), ENXIO);
	assert_false(slot_exists(OWN));
	assert_fails(slot_destroy(OWN), ENODEV);
}

static void created_again_it_is_another(void **state)
{
	int old = own_open_on(O_RDWR, 1), fresh;
	char got[8];

	(void)state;
	assert_result(write(old, "old", 3), 3);
	assert_result(slot_set(OWN, "max_channels", 2), 0);
	assert_result(slot_destroy(OWN), 0);
	assert_result(slot_create(OWN, "last"), 0);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "sent"), 0);
	assert_result(slot_get(OWN, "max_channels"), 1048576);
	fresh = own_open_on(O_RDWR, 1);
	assert_fails(read(fresh, got, sizeof(got)), EAGAIN);
	assert_result(write(fresh, "new", 3), 3);
	/* A file of the old slot has nothing of the new one. */
	assert_fails(read(old, got, sizeof(got)), ENODEV);
	assert_fails(write(old, "old", 3), ENODEV);
	assert_holds(1, "new", 3);
	close(old);
	assert_holds(1, "new", 3);
	assert_int_equal(own.files[0], old);
	own.files[0] = fresh;
	own.count--;
}

static void coming_and_going_leaves_nothing(void **state)
{
	long rounds = scaled(200, 20), i;
	int fd;

	(void)state;
	for (i = 0; i < rounds; i++) {
		fd = own_open_on(O_RDWR, 1 + i);
		assert_result(write(fd, "message", 7), 7);
		/* By turns the file is closed before and after its slot goes. */
		if (i % 2)
			close(fd);
		assert_result(slot_destroy(OWN), 0);
		if (i % 2 == 0)
			close(fd);
		own.count--;
		assert_result(slot_create(OWN, "last"), 0);
		assert_result(slot_get(OWN, "messages"), 0);
	}
}

static void create_takes_minor_and_mode(void **state)
{
	const char *const modes[] = { "last", "queue", "broadcast" };
	const char *const wrong[] = {
		"\n",
		"last",
		"201",
		"201 ",
		"201 Last",
		"201 nonsense",
		"201 Queue",
		"201 queues",
		"201 last last",
		"-1 last",
		"256 last",
		"4294967497 last",
		"99999999999999999999 last",
		"2o1 last",
		"201last",
		"last 201",
		"201,last",
		"201 last\n202 last",
		"201 \xff",
	};
	size_t i;

	(void)state;
	assert_fails(slot_create(OWN, "last"), EEXIST);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(text_put(SLOT_CLASS "/create", wrong[i]), -1);
		if (errno != EINVAL && errno != ERANGE)
			fail_msg("create \"%s\": %s", wrong[i], strerror(errno));
		assert_false(slot_exists(201));
	}
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_result(slot_create(201, modes[i]), 0);
		assert_true(slot_exists(201));
		assert_fails(slot_create(201, "last"), EEXIST);
		assert_result(slot_destroy(201), 0);
	}
	assert_result(slot_create(255, "last"), 0);
	assert_result(slot_destroy(255), 0);
}

static void destroy_takes_a_minor(void **state)
{
	const char *const wrong[] = { "\n",	  "x",	    "-1",	  "256",
				      "200 last", "200x",   "4294967496", "99999999999999999999",
				      " 200",	  "200,201" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(text_put(SLOT_CLASS "/destroy", wrong[i]), -1);
		if (errno != EINVAL && errno != ERANGE)
			fail_msg("destroy \"%s\": %s", wrong[i], strerror(errno));
		assert_true(slot_exists(OWN));
	}
	assert_fails(slot_destroy(201), ENODEV);
}

/*
 * One thread for each way to sleep, each with a file of its own.  In a full channel they wait for
 * space, else for a message.
 */
enum way { PLAIN, MESSAGE, POLL, EPOLL, WAYS };

struct sleeper {
	enum way way;
	unsigned int id;
	bool full;
	int fd;
	pid_t tid;
};

/* Newer machines have the newer calls only, and a C library that makes the older ones of them. */
#ifndef SYS_poll
#define SYS_poll SYS_ppoll
#define SYS_epoll_wait SYS_epoll_pwait
#endif

/* The system call that it is to be found in. */
static long sleeper_call(const struct sleeper *s)
{
	switch (s->way) {
	case PLAIN:
		return s->full ? SYS_write : SYS_read;
	case MESSAGE:
		return SYS_ioctl;
	case POLL:
		return SYS_poll;
	default:
		return SYS_epoll_wait;
	}
}

static bool sleeper_is_asleep(const struct sleeper *s)
{
	pid_t tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE);
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	/* "running", or the number of the call. */
	return tid && text_get(path, text, sizeof(text)) > 0 && isdigit(text[0]) &&
	       strtol(text, NULL, 10) == sleeper_call(s);
}

static void *sleep_until_gone(void *argument)
{
	struct sleeper *s = argument;
	char bytes[8] = "message";
	struct msgslot_send send = {
		.channel = s->id,
		.message = (uintptr_t)bytes,
		.length = sizeof(bytes),
		.timeout = -1,
	};
	struct msgslot_recv recv = {
		.channel = s->id,
		.message = (uintptr_t)bytes,
		.size = sizeof(bytes),
		.timeout = -1,
	};
	struct pollfd one = { .fd = s->fd, .events = s->full ? POLLOUT : POLLIN };
	struct epoll_event event = { .events = s->full ? EPOLLOUT : EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	demand(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &event) == 0);
	__atomic_store_n(&s->tid, gettid(), __ATOMIC_RELEASE);
	switch (s->way) {
	case PLAIN:
		demand((s->full ? write(s->fd, bytes, sizeof(bytes)) :
				  read(s->fd, bytes, sizeof(bytes))) == -1);
		demand(errno == ENODEV);
		break;
	case MESSAGE:
		demand((s->full ? ioctl(s->fd, MSGSLOT_SEND, &send) :
				  ioctl(s->fd, MSGSLOT_RECV, &recv)) == -1);
		demand(errno == ENODEV);
		break;
	case POLL:
		demand(poll(&one, 1, -1) == 1);
		demand((one.revents & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR));
		break;
	default:
		demand(epoll_wait(epoll, &event, 1, -1) == 1);
		demand((event.events & (EPOLLHUP | EPOLLERR)) == (EPOLLHUP | EPOLLERR));
	}
	close(epoll);
	return NULL;
}

static void sleepers_wake(const char *mode, bool full)
{
	const unsigned int ids[] = { 0, 7 };
	struct sleeper sleepers[2 * WAYS] = { 0 };
	pthread_t threads[2 * WAYS];
	int holder, i;

	assert_result(slot_put(OWN, "mode", mode), 0);
	assert_result(slot_set(OWN, "depth", 1), 0);
	assert_result(slot_put(OWN, "overflow", "block"), 0);
	for (i = 0; i < 2 && full; i++) {
		holder = own_open_on(O_RDWR, ids[i]);
		assert_result(write(holder, "full", 4), 4);
	}
	for (i = 0; i < 2 * WAYS; i++) {
		sleepers[i].way = i % WAYS;
		sleepers[i].id = ids[i / WAYS];
		sleepers[i].full = full;
		sleepers[i].fd = own_open_on(O_RDWR, sleepers[i].id);
		threads[i] = thread_start(sleep_until_gone, &sleepers[i]);
	}
	for (i = 0; i < 2 * WAYS; i++)
		while (!sleeper_is_asleep(&sleepers[i]))
			usleep(1000);
	assert_result(slot_destroy(OWN), 0);
	assert_false(slot_exists(OWN));
	for (i = 0; i < 2 * WAYS; i++)
		thread_join(threads[i]);
	/* Another slot has the number, and they have nothing of it. */
	assert_result(slot_create(OWN, "queue"), 0);
	for (i = 0; i < 2 * WAYS; i++)
		assert_fails(write(sleepers[i].fd, "lost", 4), ENODEV);
	assert_result(slot_get(OWN, "messages"), 0);
}

static void readers_of_a_queue_wake(void **state)
{
	(void)state;
	sleepers_wake("queue", false);
}

static void writers_of_a_queue_wake(void **state)
{
	(void)state;
	sleepers_wake("queue", true);
}

static void readers_of_a_broadcast_wake(void **state)
{
	(void)state;
	sleepers_wake("broadcast", false);
}

static void writers_of_a_broadcast_wake(void **state)
{
	(void)state;
	sleepers_wake("broadcast", true);
}

/*
 * Calls under way in threads while their slot goes, in whatever mode: right, or ENODEV, and then
 * ENODEV for good.
 */
static volatile bool enough;

static void *use_until_gone(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	int fd = slot_open(OWN, O_RDWR), id = 0;
	struct pollfd one = { .fd = fd, .events = POLLIN };
	char bytes[COURSE_MAX];
	ssize_t result;

	/* The slot may be between two lives. */
	if (fd < 0) {
		demand(errno == ENOENT || errno == ENXIO);
		return NULL;
	}
	for (;;) {
		switch (id ? random_below(&seed, 4) : 0) {
		case 0:
			id = 1 + random_below(&seed, 4);
			result = slot_select(fd, id);
			break;
		case 1:
			memset(bytes, id, sizeof(bytes));
			result = write(fd, bytes, sizeof(bytes));
			break;
		case 2:
			result = read(fd, bytes, sizeof(bytes));
			if (result == -1 && (errno == EAGAIN || errno == ENOBUFS))
				continue;
			demand(result == -1 || (bytes[0] == id && bytes[COURSE_MAX - 1] == id));
			break;
		default:
			demand(poll(&one, 1, 0) >= 0);
			continue;
		}
		if (result < 0)
			break;
	}
	demand(errno == ENODEV);
	demand(slot_select(fd, 1) == -1 && errno == ENODEV);
	demand(read(fd, bytes, sizeof(bytes)) == -1 && errno == ENODEV);
	demand(poll(&one, 1, 0) == 1 && (one.revents & POLLHUP));
	close(fd);
	return NULL;
}

static void *use_lives_one_after_the_other(void *argument)
{
	uintptr_t seed = (uintptr_t)argument;
	void *complaint;

	while (!enough) {
		complaint = use_until_gone((void *)seed);
		if (complaint)
			return complaint;
		seed += 2;
	}
	return NULL;
}

static void destroyed_under_calls(void **state)
{
	const char *const modes[] = { "queue", "broadcast", "last" };
	long rounds = scaled(100, 15), i;
	uint64_t seed = seed_get();
	pthread_t threads[4];

	(void)state;
	enough = false;
	for (i = 0; i < 4; i++)
		threads[i] = thread_start(use_lives_one_after_the_other,
					  (void *)(uintptr_t)(seed | 1) + 1000 * i);
	for (i = 0; i < rounds; i++) {
		usleep(paced(5000, 50000));
		assert_result(slot_destroy(OWN), 0);
		assert_result(slot_create(OWN, modes[i % 3]), 0);
	}
	enough = true;
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 4; i++)
		thread_join(threads[i]);
}

/* Where writers wait for readers nothing is lost, and the end of the slot is no loss either. */
static void *read_until_gone(void *argument)
{
	char byte;

	while (read(*(int *)argument, &byte, 1) == 1)
		continue;
	demand(errno == ENODEV);
	return NULL;
}

static void *write_until_gone(void *argument)
{
	while (write(*(int *)argument, "text", 4) == 4)
		continue;
	demand(errno == ENODEV);
	return NULL;
}

static void the_end_is_no_loss(void **state)
{
	enum { READERS = 3 };
	long rounds = scaled(300, 100), i;
	pthread_t readers[READERS], writer;
	int from[READERS], to;
	size_t j;

	(void)state;
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < rounds; i++) {
		assert_result(slot_create(OWN, "broadcast"), 0);
		assert_result(slot_put(OWN, "overflow", "block"), 0);
		to = slot_open_on(OWN, O_WRONLY, 1);
		assert_works(to);
		writer = thread_start(write_until_gone, &to);
		for (j = 0; j < READERS; j++) {
			from[j] = slot_open_on(OWN, O_RDONLY, 1);
			assert_works(from[j]);
			readers[j] = thread_start(read_until_gone, &from[j]);
		}
		usleep(paced(2000, 20000) + i % 16 * 100);
		assert_result(slot_destroy(OWN), 0);
		thread_join(writer);
		close(to);
		for (j = 0; j < READERS; j++) {
			thread_join(readers[j]);
			close(from[j]);
		}
	}
	assert_result(slot_create(OWN, "last"), 0);
}

/* Two threads create, two destroy, one minor: each is told what it did. */
static long created, destroyed;

static void *create_and_destroy(void *argument)
{
	long rounds = scaled(300, 30);

	while (rounds--) {
		if (argument) {
			if (slot_create(OWN, "last") == 0)
				__atomic_add_fetch(&created, 1, __ATOMIC_RELAXED);
			else
				demand(errno == EEXIST || errno == EBUSY);
		} else {
			if (slot_destroy(OWN) == 0)
				__atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
			else
				demand(errno == ENODEV);
		}
	}
	return NULL;
}

static void created_and_destroyed_at_once(void **state)
{
	pthread_t threads[4];
	int i;

	(void)state;
	created = 1;
	destroyed = 0;
	for (i = 0; i < 4; i++)
		threads[i] = thread_start(create_and_destroy, i % 2 ? threads : NULL);
	for (i = 0; i < 4; i++)
		thread_join(threads[i]);
	assert_int_equal(created - destroyed, slot_exists(OWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(destroyed_under_open_files),
		own_slot_test(created_again_it_is_another),
		own_slot_test(coming_and_going_leaves_nothing),
		own_slot_test(create_takes_minor_and_mode),
		own_slot_test(destroy_takes_a_minor),
		own_slot_test(readers_of_a_queue_wake),
		own_slot_test(writers_of_a_queue_wake),
		own_slot_test(readers_of_a_broadcast_wake),
		own_slot_test(writers_of_a_broadcast_wake),
		own_slot_test(destroyed_under_calls),
		own_slot_test(the_end_is_no_loss),
		own_slot_test(created_and_destroyed_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
