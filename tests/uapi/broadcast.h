/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of waiting modes share: slot OWN in mode `broadcast`, messages that are numbers,
 * RECV and SEND in a line, and calls that sleep in a thread.
 */
#ifndef MSGSLOT_TESTS_BROADCAST_H
#define MSGSLOT_TESTS_BROADCAST_H

#include "check.h"
#include "look.h"

/* Long enough never to be reached, and to be told from a hang. */
enum { PATIENCE = 120000 /* ms */ };

static inline int own_begin_in(const char *mode)
{
	if (slot_exists(OWN))
		slot_destroy(OWN);
	if (slot_create(OWN, mode)) {
		fprintf(stderr, "# cannot create slot %d: %s\n", OWN, strerror(errno));
		return -1;
	}
	return 0;
}

static inline int broadcast_begin(void **state)
{
	(void)state;
	return own_begin_in(MSGSLOT_MODE_BROADCAST);
}

#define broadcast_test(test) cmocka_unit_test_setup_teardown(test, broadcast_begin, own_end)

/* The same with overflow=block, and so deep. */
static inline int broadcast_begin_block(void **state, int depth)
{
	if (broadcast_begin(state))
		return -1;
	if (slot_put(OWN, "overflow", "block") || slot_set(OWN, "depth", depth)) {
		fprintf(stderr, "# cannot set slot %d: %s\n", OWN, strerror(errno));
		return -1;
	}
	return 0;
}

/* Messages that are numbers.  Both answer as the kernel does inside: what came, or -errno. */
static inline long tell(int fd, long number)
{
	ssize_t put = write(fd, &number, sizeof(number));

	if (put < 0)
		return -errno;
	return put == sizeof(number) ? 0 : -EBADMSG;
}

static inline long hear(int fd)
{
	long number;
	ssize_t got = read(fd, &number, sizeof(number));

	if (got < 0)
		return -errno;
	return got == sizeof(number) ? number : -EBADMSG;
}

#define assert_tells(fd, number) assert_int_equal(tell(fd, number), 0)
#define assert_hears(fd, wanted) assert_int_equal(hear(fd), wanted)

/* Calls that do not wait, unless the test sets another timeout. */
static inline struct msgslot_recv recv_into(unsigned int id, void *bytes, size_t size)
{
	return (struct msgslot_recv){ .channel = id, .message = (uintptr_t)bytes, .size = size };
}

/* The number that a message got; 0 where it was not sent. */
static inline uint64_t send_number(int fd, unsigned int id, long number)
{
	struct msgslot_send send = send_of(id, &number, sizeof(number));

	return ioctl(fd, MSGSLOT_SEND, &send) ? 0 : send.sequence;
}

/* As hear(), by RECV from the channel @id; @recv says the rest. */
static inline long recv_number(int fd, unsigned int id, struct msgslot_recv *recv)
{
	long number = -EBADMSG;

	*recv = recv_into(id, &number, sizeof(number));
	return ioctl(fd, MSGSLOT_RECV, recv) ? -errno : number;
}

static inline int own_clear(int fd, unsigned int id)
{
	struct msgslot_clear clear = { .channel = id };

	return ioctl(fd, MSGSLOT_CLEAR, &clear) ? -1 : (int)clear.messages;
}

/* The number of the message that comes next. */
static inline uint64_t seek_to(int fd, enum msgslot_whence whence)
{
	struct msgslot_seek seek = { .whence = whence };

	assert_result(ioctl(fd, MSGSLOT_SEEK, &seek), 0);
	return seek.sequence;
}

/*
 * A call that may sleep, in a thread: make it, see that it sleeps, do what should end it, join.
 */
struct call {
	long (*make)(struct call *call);
	int fd;
	unsigned int id;
	long number;
	int64_t timeout;
	long result; /* 0 or what came, or -errno */
	uint64_t lost;
	pthread_t thread;
	volatile pid_t tid;
	volatile bool over;
};

static inline long call_read(struct call *call)
{
	return hear(call->fd);
}

static inline long call_write(struct call *call)
{
	return tell(call->fd, call->number);
}

static inline long call_recv(struct call *call)
{
	struct msgslot_recv recv = recv_into(call->id, &call->number, sizeof(call->number));

	recv.timeout = call->timeout;
	if (ioctl(call->fd, MSGSLOT_RECV, &recv))
		return -errno;
	call->lost = recv.lost;
	return call->number;
}

static inline long call_send(struct call *call)
{
	struct msgslot_send send = send_of(call->id, &call->number, sizeof(call->number));

	send.timeout = call->timeout;
	return ioctl(call->fd, MSGSLOT_SEND, &send) ? -errno : 0;
}

static inline void *call_run(void *argument)
{
	struct call *call = argument;

	call->tid = syscall(SYS_gettid);
	call->result = call->make(call);
	call->over = true;
	return NULL;
}

static inline void call_start(struct call *call)
{
	call->tid = 0;
	call->over = false;
	call->thread = thread_start(call_run, call);
}

static inline bool call_sleeps(const struct call *call)
{
	return call->tid && task_state(call->tid) == 'S' && !call->over;
}

/* Between its first line and the call a thread does nothing that could sleep. */
static inline void assert_sleeps(const struct call *call)
{
	while (!call_sleeps(call)) {
		if (call->over)
			fail_msg("the call did not sleep, but gave %ld", call->result);
		usleep(1000);
	}
}

#define assert_ends(call, wanted)                                 \
	do {                                                      \
		thread_join((call)->thread);                      \
		assert_int_equal((call)->result, (long)(wanted)); \
	} while (0)

#endif
