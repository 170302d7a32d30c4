/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the own slot that another user has opened, and is charged for. */
#ifndef MSGSLOT_TESTS_OWN_AS_H
#define MSGSLOT_TESTS_OWN_AS_H

#include "check.h"
#include "pass.h"

struct own_as {
	int socket;
	int flags;
};

static inline void *own_as_open_and_pass(void *argument)
{
	const struct own_as *as = argument;
	int fd = slot_open(OWN, as->flags);

	demand(fd >= 0);
	demand(file_pass(as->socket, fd) == 0);
	return NULL;
}

/* For this process to use; closed with the others of the own slot. */
static inline int own_open_as(const char *user, int flags)
{
	struct own_as as = { .flags = flags };
	int fd, pair[2];

	assert_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	as.socket = pair[1];
	child_run(user, own_as_open_and_pass, &as);
	fd = file_receive(pair[0]);
	own_keep(fd);
	close(pair[0]);
	close(pair[1]);
	return fd;
}

#endif
