/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that listen to a range of channels, as the tests of this folder call them. */
#ifndef MSGSLOT_TESTS_LISTEN_H
#define MSGSLOT_TESTS_LISTEN_H

#include <poll.h>

#include "ioctl.h"

enum { RANGE = MSGSLOT_RECV_RANGE };

static inline int listen_to(int fd, unsigned int first, unsigned int last, unsigned int flags)
{
	struct msgslot_listen listen = { .first = first, .last = last, .flags = flags };

	return ioctl(fd, MSGSLOT_LISTEN, &listen);
}

/* A file of the own slot that listens. */
static inline int own_open_listening(int flags, unsigned int first, unsigned int last)
{
	int fd = own_open(flags);

	assert_result(listen_to(fd, first, last, 0), 0);
	return fd;
}

/* Receives without waiting what must be that text of that channel; the struct that came back. */
#define assert_hears_from(fd, id, text)                                             \
	({                                                                          \
		char heard_[COURSE_MAX];                                            \
		struct msgslot_recv hear_ = recv_of(77, RANGE, heard_, COURSE_MAX); \
                                                                                    \
		assert_result(ioctl(fd, MSGSLOT_RECV, &hear_), 0);                  \
		assert_int_equal(hear_.channel, id);                                \
		assert_int_equal(hear_.length, strlen(text));                       \
		assert_memory_equal(heard_, text, strlen(text));                    \
		hear_;                                                              \
	})

#define assert_hears_nothing(fd, error)                                             \
	do {                                                                        \
		char heard_[COURSE_MAX];                                            \
		struct msgslot_recv hear_ = recv_of(77, RANGE, heard_, COURSE_MAX); \
                                                                                    \
		assert_fails(ioctl(fd, MSGSLOT_RECV, &hear_), error);               \
		assert_int_equal(hear_.channel, 77);                                \
	} while (0)

static inline int events_of(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };

	assert_works(poll(&one, 1, 0));
	return one.revents;
}

#endif
