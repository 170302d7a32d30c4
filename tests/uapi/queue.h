/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs about mode `queue` share: slot OWN as a queue, messages that tell which they
 * are, and callers that are known to sleep before the test goes on.
 */
#ifndef MSGSLOT_TESTS_QUEUE_H
#define MSGSLOT_TESTS_QUEUE_H

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "check.h"
#include "pass.h"

static inline int queue_begin(void **state)
{
	(void)state;
	if (slot_exists(OWN))
		slot_destroy(OWN);
	if (slot_create(OWN, MSGSLOT_MODE_QUEUE)) {
		fprintf(stderr, "# cannot create slot %d: %s\n", OWN, strerror(errno));
		return -1;
	}
	return 0;
}

#define queue_slot_test(test) cmocka_unit_test_setup_teardown(test, queue_begin, own_end)

/* SEND, and RECV ready to be called: both wait for nothing unless the caller changes that. */
static inline int queue_send(int fd, uint32_t id, const void *message, size_t length)
{
	struct msgslot_send send = {
		.channel = id,
		.message = (uintptr_t)message,
		.length = length,
	};

	return ioctl(fd, MSGSLOT_SEND, &send);
}

static inline struct msgslot_recv queue_recv(uint32_t id, uint32_t flags, uint64_t sequence,
					     void *buffer, size_t size)
{
	return (struct msgslot_recv){
		.channel = id,
		.flags = flags,
		.sequence = sequence,
		.message = (uintptr_t)buffer,
		.size = size,
	};
}

/* Message @number, of 8 bytes or more: each of them follows from the number. */
static inline void message_fill(void *bytes, size_t length, uint64_t number)
{
	bytes_fill(bytes, length, number);
	memcpy(bytes, &number, sizeof(number));
}

/* Which message that is, or -1 if it is none. */
static inline int64_t message_number(const void *bytes, size_t length)
{
	uint64_t number, word, state;
	size_t at, step;

	if (length < sizeof(number))
		return -1;
	memcpy(&number, bytes, sizeof(number));
	state = number * 2 + 1;
	for (at = 0; at < length; at += step) {
		word = random_next(&state);
		step = length - at < sizeof(word) ? length - at : sizeof(word);
		if (at && memcmp((const char *)bytes + at, &word, step))
			return -1;
	}
	return number;
}

static inline void put_number(int fd, uint64_t number)
{
	assert_result(write(fd, &number, sizeof(number)), sizeof(number));
}

static inline void assert_next_number(int fd, uint64_t number)
{
	uint64_t got = -1;

	assert_result(read(fd, &got, sizeof(got)), sizeof(got));
	assert_int_equal(got, number);
}

/* Nothing to take: the file must not wait. */
static inline void assert_nothing(int fd)
{
	char byte;

	assert_fails(read(fd, &byte, 1), EAGAIN);
}

/* For what must not come: long enough to see it.  Were it not, the test is milder, not wrong. */
static inline void grace(void)
{
	usleep(paced(30000, 200000));
}

/* How often a thread or process went to sleep. */
static inline long task_sleeps(pid_t tid)
{
	char path[64], text[4096], *line;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	assert_works(text_get(path, text, sizeof(text)));
	line = strstr(text, "\nvoluntary_ctxt_switches:");
	assert_non_null(line);
	return strtol(strchr(line, ':') + 1, NULL, 10);
}

/* A caller in a call that waits: a thread, or a child where it lies in shared memory. */
struct caller {
	enum { READ, WRITE, RECV, SEND } call;
	int fd;
	uint32_t id;	 /* RECV and SEND: the channel */
	int64_t timeout; /* RECV and SEND */
	uint32_t flags;	 /* RECV, with a sequence where they ask for one */
	uint64_t sequence;
	void *bytes;
	size_t size;
	volatile pid_t tid; /* set right before the call */
	volatile bool up;   /* the call returned */
	ssize_t result;	    /* RECV and SEND: the length, or -1 */
	int error;
	pthread_t thread;
};

static inline void *caller_run(void *argument)
{
	struct caller *c = argument;
	struct msgslot_recv recv = queue_recv(c->id, c->flags, c->sequence, c->bytes, c->size);
	struct msgslot_send send = {
		.channel = c->id,
		.message = (uintptr_t)c->bytes,
		.length = c->size,
		.timeout = c->timeout,
	};

	recv.timeout = c->timeout;
	c->tid = syscall(SYS_gettid);
	if (c->call == READ)
		c->result = read(c->fd, c->bytes, c->size);
	else if (c->call == WRITE)
		c->result = write(c->fd, c->bytes, c->size);
	else if (c->call == RECV)
		c->result = ioctl(c->fd, MSGSLOT_RECV, &recv) ? -1 : (ssize_t)recv.length;
	else
		c->result = ioctl(c->fd, MSGSLOT_SEND, &send) ? -1 : (ssize_t)send.length;
	c->error = errno;
	c->up = true;
	return NULL;
}

static inline void caller_await_sleep(struct caller *c)
{
	await(c->up || (c->tid && task_state(c->tid) == 'S'));
	if (c->up)
		fail_msg("did not wait: %zd (%s)", c->result, strerror(c->error));
}

/* Returns when it sleeps. */
static inline void caller_start(struct caller *c)
{
	c->tid = 0;
	c->up = false;
	c->thread = thread_start(caller_run, c);
	caller_await_sleep(c);
}

static inline void caller_join(struct caller *c, ssize_t result)
{
	thread_join(c->thread);
	if (c->result != result)
		fail_msg("the call is %zd (%s), not %zd", c->result, strerror(c->error), result);
}

static inline void caller_join_fails(struct caller *c, int error)
{
	thread_join(c->thread);
	if (c->result != -1)
		fail_msg("the call is %zd, not an error", c->result);
	assert_int_equal(c->error, error);
}

static inline void assert_sleeps(const struct caller *c)
{
	grace();
	assert_false(c->up);
	assert_int_equal(task_state(c->tid), 'S');
}

#endif
