/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands as the tests of this folder call them, and threads that sleep in one.
 */
#ifndef MSGSLOT_TESTS_IOCTL_H
#define MSGSLOT_TESTS_IOCTL_H

#include <signal.h>

#include "check.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { MILLISECOND = 1000000 };

static const char *const modes[] = { "last", "queue", "broadcast" };

/* Slot OWN, new, in a mode of the test's choice. */
static inline void own_become(const char *mode)
{
	while (own.count > 0)
		close(own.files[--own.count]);
	assert_result(slot_destroy(OWN), 0);
	assert_result(slot_create(OWN, mode), 0);
}

/* Sends a text without waiting; its number, or -1. */
static inline long long send_text(int fd, unsigned int channel, const char *text)
{
	struct msgslot_send send = send_of(channel, text, strlen(text));

	return ioctl(fd, MSGSLOT_SEND, &send) ? -1 : (long long)send.sequence;
}

static inline struct msgslot_recv recv_of(unsigned int channel, unsigned int flags, void *message,
					  size_t size)
{
	return (struct msgslot_recv){
		.channel = channel, .flags = flags, .message = (uintptr_t)message, .size = size
	};
}

/* Receives without waiting what must be message @number, that text; the struct that came back. */
#define assert_receives(fd, channel, flags, asked, number, text)                         \
	({                                                                               \
		char got_[COURSE_MAX];                                                   \
		struct msgslot_recv recv_ = recv_of(channel, flags, got_, sizeof(got_)); \
                                                                                         \
		recv_.sequence = (asked);                                                \
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv_), 0);                       \
		assert_int_equal(recv_.sequence, number);                                \
		assert_int_equal(recv_.length, strlen(text));                            \
		assert_memory_equal(got_, text, strlen(text));                           \
		recv_;                                                                   \
	})

#define assert_receives_nothing(fd, channel, flags, asked, error)                        \
	do {                                                                             \
		char got_[COURSE_MAX];                                                   \
		struct msgslot_recv recv_ = recv_of(channel, flags, got_, sizeof(got_)); \
                                                                                         \
		recv_.sequence = (asked);                                                \
		assert_fails(ioctl(fd, MSGSLOT_RECV, &recv_), error);                    \
	} while (0)

/* Takes all messages; how many there were, or -1. */
static inline long long clear_channel(int fd, unsigned int channel)
{
	struct msgslot_clear clear = { .channel = channel };

	return ioctl(fd, MSGSLOT_CLEAR, &clear) ? -1 : (long long)clear.messages;
}

static inline struct msgslot_info info_of(int fd)
{
	struct msgslot_info info;

	memset(&info, 0, sizeof(info));
	assert_result(ioctl(fd, MSGSLOT_INFO, &info), 0);
	return info;
}

/* A thread in one call that is expected to sleep. */
struct caller {
	ssize_t (*call)(int fd, void *argument);
	int fd;
	void *argument;
	pthread_t thread;
	pid_t tid;
	bool back;
	ssize_t result;
	int error;
};

static inline ssize_t call_send(int fd, void *argument)
{
	return ioctl(fd, MSGSLOT_SEND, argument);
}

static inline ssize_t call_recv(int fd, void *argument)
{
	return ioctl(fd, MSGSLOT_RECV, argument);
}

static inline ssize_t call_write(int fd, void *text)
{
	return write(fd, text, strlen(text));
}

static inline void *caller_run(void *argument)
{
	struct caller *caller = argument;

	__atomic_store_n(&caller->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	caller->result = caller->call(caller->fd, caller->argument);
	caller->error = errno;
	__atomic_store_n(&caller->back, true, __ATOMIC_RELEASE);
	return NULL;
}

static inline bool caller_is_back(struct caller *caller)
{
	return __atomic_load_n(&caller->back, __ATOMIC_ACQUIRE);
}

/* The file says "running" but while the thread sleeps in a system call: then, which one. */
static inline void caller_must_sleep(struct caller *caller)
{
	char path[64], text[64];
	pid_t tid;

	for (;; usleep(1000)) {
		if (caller_is_back(caller))
			fail_msg("a call that should sleep: %zd (%s)", caller->result,
				 strerror(caller->error));
		tid = __atomic_load_n(&caller->tid, __ATOMIC_ACQUIRE);
		if (!tid)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
		if (text_get(path, text, sizeof(text)) > 0 && text[0] >= '0' && text[0] <= '9')
			return;
	}
}

static inline void caller_start(struct caller *caller, ssize_t (*call)(int, void *), int fd,
				void *argument)
{
	*caller = (struct caller){ .call = call, .fd = fd, .argument = argument };
	caller->thread = thread_start(caller_run, caller);
	caller_must_sleep(caller);
}

/* What it came back with, as a system call would say it. */
static inline ssize_t caller_end(struct caller *caller)
{
	thread_join(caller->thread);
	errno = caller->error;
	return caller->result;
}

static volatile sig_atomic_t signals_seen;

static inline void on_signal(int number)
{
	(void)number;
	signals_seen++;
}

static inline void signal_handle(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	assert_result(sigaction(SIGUSR1, &action, NULL), 0);
}

/* Only returns when the handler has run. */
static inline void caller_signal(struct caller *caller)
{
	sig_atomic_t before = signals_seen;

	assert_int_equal(pthread_kill(caller->thread, SIGUSR1), 0);
	while (signals_seen == before)
		usleep(1000);
}

#endif
