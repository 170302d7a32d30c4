/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passes open files over a unix socket, from one process to another. */
#ifndef MSGSLOT_TESTS_PASS_H
#define MSGSLOT_TESTS_PASS_H

#include <string.h>
#include <sys/socket.h>

/* 0, or -1. */
static inline int file_pass(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
	return sendmsg(socket, &header, 0) == 1 ? 0 : -1;
}

/* The descriptor, or -1. */
static inline int file_receive(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part = { &byte, 1 };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *rights;
	int fd;

	if (recvmsg(socket, &header, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	rights = CMSG_FIRSTHDR(&header);
	if (!rights || rights->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
	return fd;
}

#endif
