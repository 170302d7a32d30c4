/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What poll() and epoll report of one file, once. */
#ifndef MSGSLOT_TESTS_LOOK_H
#define MSGSLOT_TESTS_LOOK_H

#include <poll.h>
#include <sys/epoll.h>

#include "check.h"

static inline int ready(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	assert_works(poll(&one, 1, 0));
	return one.revents;
}

/* Closed with the test's files. */
static inline int epoll_new(void)
{
	return own_keep(epoll_create1(EPOLL_CLOEXEC));
}

static inline void epoll_add(int epoll, int fd, unsigned int events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
}

static inline int epoll_on(int fd, unsigned int events)
{
	int epoll = epoll_new();

	epoll_add(epoll, fd, events);
	return epoll;
}

static inline unsigned int epolled(int epoll)
{
	struct epoll_event event = { .events = 0 };
	int count = epoll_wait(epoll, &event, 1, 0);

	assert_works(count);
	return count ? event.events : 0;
}

#endif
