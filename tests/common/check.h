/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the cmocka programs: a new slot for each test, assertions about system calls, threads
 * and children that report what failed, memory that ends at an exact byte.
 *
 * Each test gets slot OWN, new and empty, in mode `last`, and may change its limits. The files that
 * a test opens with own_open() are closed after it, also if it fails.
 */
#ifndef MSGSLOT_TESTS_CHECK_H
#define MSGSLOT_TESTS_CHECK_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "slot.h"

/* Invalid pointers that the compiler cannot see through and warn about. */
static __attribute__((unused)) char *volatile null, *volatile nowhere = (char *)16;

enum { OWN = 200, COURSE_MAX = 128 }; /* the test's slot; the course spec's longest message */

static struct {
	int files[2048];
	int count;
} own;

#define assert_result(call, wanted)                                                             \
	do {                                                                                    \
		long long wanted_ = (wanted), result_;                                          \
                                                                                                \
		errno = 0;                                                                      \
		result_ = (call);                                                               \
		if (result_ != wanted_)                                                         \
			fail_msg("%s is %lld%s%s, not %lld", #call, result_, errno ? ": " : "", \
				 errno ? strerror(errno) : "", wanted_);                        \
	} while (0)

#define assert_fails(call, wanted)                                                    \
	do {                                                                          \
		long long result_;                                                    \
		int wanted_ = (wanted), errno_;                                       \
                                                                                      \
		errno = 0;                                                            \
		result_ = (call);                                                     \
		errno_ = errno;                                                       \
		if (result_ != -1)                                                    \
			fail_msg("%s is %lld, not an error", #call, result_);         \
		if (errno_ != wanted_)                                                \
			fail_msg("%s: %s, not %s", #call, strerror(errno_), #wanted); \
	} while (0)

#define assert_works(call)                                          \
	do {                                                        \
		if ((call) < 0)                                     \
			fail_msg("%s: %s", #call, strerror(errno)); \
	} while (0)

/* For threads and children, where cmocka cannot judge: returns the condition that failed. */
#define WHERE__(line) #line
#define WHERE_(line) WHERE__(line)
#define demand(condition)                                                               \
	do {                                                                            \
		if (!(condition))                                                       \
			return (void *)(__FILE__ ":" WHERE_(__LINE__) ": " #condition); \
	} while (0)

static inline pthread_t thread_start(void *(*run)(void *), void *argument)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, run, argument), 0);
	return thread;
}

static inline void thread_join(pthread_t thread)
{
	void *complaint;

	assert_int_equal(pthread_join(thread, &complaint), 0);
	if (complaint)
		fail_msg("%s", (const char *)complaint);
}

/*
 * Runs in a child, as @user if one is named. It waits for udev first, so that the user may open the
 * nodes.
 */
static inline pid_t child_start(const char *user, void *(*run)(void *), void *argument)
{
	const char *complaint;
	pid_t child;

	if (user)
		assert_result(nodes_settle(), 0);
	fflush(stdout);
	child = fork();
	assert_true(child >= 0);
	if (child)
		return child;

	complaint = user && become_user(user) ? "becoming a user" : run(argument);
	if (complaint)
		fprintf(stderr, "# child: %s (errno: %s)\n", complaint, strerror(errno));
	_exit(complaint != NULL);
}

/* Memory that the test shares with its children. */
static inline void *shared_for_test(size_t size)
{
	void *map = shared_new(size);

	assert_non_null(map);
	return map;
}

/* The state of a thread or process as ps shows it; X when it is gone. */
static inline char task_state(pid_t tid)
{
	char path[64], text[1024], *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	if (text_get(path, text, sizeof(text)) <= 0)
		return 'X';
	end = strrchr(text, ')');
	return end ? end[2] : 'X';
}

/* For a condition that is certain to come true, if late: the bound turns a hang into a message. */
#define await(condition)                                           \
	do {                                                       \
		long tries_ = 0;                                   \
                                                                   \
		while (!(condition)) {                             \
			if (++tries_ == paced(100000, 1000000))    \
				fail_msg("never: %s", #condition); \
			usleep(1000);                              \
		}                                                  \
	} while (0)

static inline void child_join(pid_t child)
{
	int status;

	assert_result(waitpid(child, &status, 0), child);
	if (status)
		fail_msg("child ended with status %#x", status);
}

static inline void child_run(const char *user, void *(*run)(void *), void *argument)
{
	child_join(child_start(user, run, argument));
}

static inline struct msgslot_send send_of(unsigned int channel, const void *message, size_t length)
{
	return (struct msgslot_send){ .channel = channel,
				      .message = (uintptr_t)message,
				      .length = length };
}

/* A file that own_end() closes. */
static inline int own_keep(int fd)
{
	assert_works(fd);
	assert_in_range(own.count, 0, (int)(sizeof(own.files) / sizeof(own.files[0])) - 1);
	own.files[own.count++] = fd;
	return fd;
}

static inline int own_open(int flags)
{
	int fd = slot_open(OWN, flags);

	if (fd < 0)
		fail_msg("/dev/msgslot%d: %s", OWN, strerror(errno));
	return own_keep(fd);
}

static inline int own_open_on(int flags, unsigned int id)
{
	int fd = own_open(flags);

	assert_result(slot_select(fd, id), 0);
	return fd;
}

/* Closes a file before own_end() does. */
static inline void own_close(int fd)
{
	int i;

	for (i = 0; own.files[i] != fd; i++)
		assert_true(i + 1 < own.count);
	own.files[i] = own.files[--own.count];
	assert_result(close(fd), 0);
}

static inline int own_begin(void **state)
{
	(void)state;
	if (slot_exists(OWN))
		slot_destroy(OWN);
	if (slot_create(OWN, "last")) {
		fprintf(stderr, "# cannot create slot %d: %s\n", OWN, strerror(errno));
		return -1;
	}
	return 0;
}

static inline int own_end(void **state)
{
	(void)state;
	while (own.count > 0)
		close(own.files[--own.count]);
	return slot_exists(OWN) ? slot_destroy(OWN) : 0;
}

#define own_slot_test(test) cmocka_unit_test_setup_teardown(test, own_begin, own_end)

/* A line of /proc/meminfo, in bytes; @name includes the colon. */
static inline long long meminfo_get(const char *name)
{
	char text[4096], *line;

	assert_works(text_get("/proc/meminfo", text, sizeof(text)));
	line = strstr(text, name);
	assert_non_null(line);
	return strtoll(line + strlen(name), NULL, 10) * 1024;
}

/*
 * A call that began after @before waited at least @seconds. On the debug kernel the clock of one
 * processor can be slightly behind that of another.
 */
static inline void assert_waited(double before, double seconds)
{
	double waited = seconds_now() - before;

	if (waited < seconds - (machine_is_slow() ? 0.01 : 0))
		fail_msg("waited %.6f of %.6f s", waited, seconds);
}

/* Asserts the message of channel @id, read by a file of its own. */
static inline void assert_holds(unsigned int id, const void *message, size_t length)
{
	size_t capacity = length + 64;
	char *got = malloc(capacity);
	int fd = slot_open_on(OWN, O_RDONLY, id);

	assert_non_null(got);
	assert_true(fd >= 0);
	assert_result(read(fd, got, capacity), (ssize_t)length);
	assert_memory_equal(got, message, length);
	close(fd);
	free(got);
}

static inline void assert_empty(unsigned int id)
{
	int fd = slot_open_on(OWN, O_RDONLY, id);
	char byte;

	assert_true(fd >= 0);
	assert_fails(read(fd, &byte, 1), EAGAIN);
	close(fd);
}

/* Memory that ends exactly after @size bytes; the page behind it is inaccessible. */
static inline size_t edge_whole(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

static inline char *edge_new(size_t size, int protection)
{
	size_t whole = edge_whole(size), page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	assert_true(map != MAP_FAILED);
	memset(map, 'e', whole);
	assert_result(mprotect(map, whole, protection), 0);
	/* Not unmapped, because the next mmap() could take its place. */
	assert_result(mprotect(map + whole, page, PROT_NONE), 0);
	return map + whole - size;
}

static inline void edge_free(char *edge, size_t size)
{
	size_t whole = edge_whole(size);

	munmap(edge + size - whole, whole + sysconf(_SC_PAGESIZE));
}

/*
 * Bytes that follow from @length and @seed alone, so that a reader detects a mixture of messages.
 */
static inline void bytes_fill(void *bytes, size_t length, uint64_t seed)
{
	uint64_t state = seed * 2 + 1, word;
	size_t step;

	for (; length; length -= step, bytes = (char *)bytes + step) {
		word = random_next(&state);
		step = length < sizeof(word) ? length : sizeof(word);
		memcpy(bytes, &word, step);
	}
}

#endif
