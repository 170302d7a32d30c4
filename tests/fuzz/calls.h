/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call that a node can get, once, with random arguments. Each function returns the
 * result of its system call.
 */
#ifndef MSGSLOT_TESTS_FUZZ_CALLS_H
#define MSGSLOT_TESTS_FUZZ_CALLS_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "judge.h"

#include "arguments.h"

/* A call that works reports at most the bytes that were asked for. */
static long at_most(const char *call, long result, size_t most)
{
	if (result > 0 && (size_t)result > most)
		complain("%s of %zu is %ld", call, most, result);
	return result;
}

/*
 * A write takes all bytes. In `broadcast` it takes max_message bytes of more than that. Another
 * thread may have put another file at the descriptor before or after the write.
 */
static long write_all_that_fits(int fd, const void *bytes, size_t length)
{
	struct msgslot_info before, after;
	long result;

	if (ioctl(fd, MSGSLOT_INFO, &before))
		return write(fd, bytes, length);
	result = write(fd, bytes, length);
	if (result < 0 || (size_t)result == length || ioctl(fd, MSGSLOT_INFO, &after) ||
	    memcmp(before.instance, after.instance, sizeof(after.instance)))
		return result;
	if (after.mode != MSGSLOT_BROADCAST || result != after.max_message ||
	    (size_t)result > length)
		complain("write of %zu is %ld in mode %u", length, result, after.mode);
	return result;
}

static long call_open(struct caller *c)
{
	const int edges[] = { O_PATH, O_APPEND, O_TRUNC, O_DIRECT, O_SYNC, O_NOFOLLOW, O_NOATIME };
	int flags = O_RDWR, minor = MINOR_FIRST + below(c, MINORS), fd;

	if (one_in(c, 4))
		flags = one_in(c, 2) ? O_RDONLY : O_WRONLY;
	if (below(c, 4))
		flags |= O_NONBLOCK;
	if (one_in(c, 16))
		flags |= edges[below(c, sizeof(edges) / sizeof(edges[0]))];
	fd = slot_open(minor, flags);
	file_keep(c, fd);
	return fd;
}

static long call_close(struct caller *c)
{
	return close(__atomic_exchange_n(&process.files[below(c, FILES)], -1, __ATOMIC_RELAXED));
}

static long call_dup(struct caller *c)
{
	int fd = fcntl(a_file(c), F_DUPFD_CLOEXEC, 0);

	file_keep(c, fd);
	return fd;
}

/* Over a socket to this process itself, as one process passes files to another. */
static long call_pass(struct caller *c)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int fd = a_file(c);

	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (one_in(c, 2))
		return sendmsg(process.socket[0], &message, MSG_DONTWAIT);
	if (recvmsg(process.socket[1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -1;
	if (message.msg_controllen >= control.header.cmsg_len &&
	    control.header.cmsg_type == SCM_RIGHTS) {
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
		file_keep(c, fd);
	}
	return 0;
}

static long call_select(struct caller *c)
{
	const unsigned long commands[] = { MSG_SLOT_CHANNEL, MSG_SLOT_CHANNEL_LONG,
					   MSG_SLOT_CHANNEL_OLD, MSG_SLOT_CHANNEL_OLD_LONG };
	int fd = a_file(c);

	return ioctl(fd, commands[below(c, 4)], (unsigned long)an_id(c));
}

static long call_read(struct caller *c)
{
	int fd = a_file(c);
	size_t length = a_length(c);

	return at_most("read", read(fd, a_place(c, length), length), length);
}

static long call_write(struct caller *c)
{
	int fd = a_file(c);
	size_t length = a_length(c);

	return write_all_that_fits(fd, a_place(c, length), length);
}

static int parts_make(struct caller *c, struct iovec parts[4], size_t *length)
{
	int count = below(c, 5), i;

	for (*length = 0, i = 0; i < count; i++) {
		parts[i].iov_len = one_in(c, 50) ? a_length(c) : below(c, 200);
		parts[i].iov_base = a_place(c, parts[i].iov_len);
		*length += parts[i].iov_len;
	}
	return count;
}

static long call_readv(struct caller *c)
{
	const int edges[] = { RWF_NOWAIT, RWF_HIPRI, RWF_APPEND, RWF_SYNC };
	struct iovec parts[4];
	int flags = one_in(c, 2) ? edges[below(c, 4)] : 0, fd = a_file(c), count;
	size_t length;

	count = parts_make(c, parts, &length);
	return at_most("readv", preadv2(fd, parts, count, -1, flags), length);
}

static long call_writev(struct caller *c)
{
	const int edges[] = { RWF_NOWAIT, RWF_HIPRI, RWF_APPEND, RWF_SYNC };
	struct iovec parts[4];
	int flags = one_in(c, 2) ? edges[below(c, 4)] : 0, fd = a_file(c), count;
	size_t length;

	count = parts_make(c, parts, &length);
	return at_most("writev", pwritev2(fd, parts, count, -1, flags), length);
}

/* A file is copied by way of a pipe: what the pipe holds is one message. */
static long call_sendfile(struct caller *c)
{
	size_t length = a_length(c) & INT_MAX;
	off_t from = 0;

	return at_most("sendfile", sendfile(a_file(c), process.source, &from, length), length);
}

/* Calls with a position, which a stream does not have. */
static long call_position(struct caller *c)
{
	int fd = a_file(c);
	size_t length = a_length(c);
	off_t at = a_sequence(c);

	switch (below(c, 3)) {
	case 0:
		return lseek(fd, at, below(c, 5));
	case 1:
		return pread(fd, a_place(c, length), length, at);
	default:
		return pwrite(fd, a_place(c, length), length, at);
	}
}

static long call_poll(struct caller *c)
{
	struct pollfd some[3];
	unsigned int count = 1 + below(c, 3), i;

	for (i = 0; i < count; i++) {
		some[i].fd = a_file(c);
		some[i].events = random_next(&c->state);
	}
	return poll(some, count, one_in(c, 4) ? below(c, 4) : 0);
}

static long call_epoll_ctl(struct caller *c)
{
	const int operations[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int fd = a_file(c);

	if (one_in(c, 2))
		event.events |= EPOLLET;
	if (one_in(c, 4))
		event.events |= EPOLLONESHOT;
	return epoll_ctl(process.epoll, operations[below(c, 4)], fd, &event);
}

static long call_epoll_wait(struct caller *c)
{
	struct epoll_event events[4];

	return epoll_wait(process.epoll, events, 1 + below(c, 4), one_in(c, 4) ? below(c, 4) : 0);
}

/* From and to a pipe, which never blocks. */
static long call_splice(struct caller *c)
{
	int fd = a_file(c), other = a_file(c);
	size_t length = a_length(c) & INT_MAX;

	switch (below(c, 5)) {
	case 0:
		return splice(fd, NULL, process.pipe[1], NULL, length, SPLICE_F_NONBLOCK);
	case 1:
		return splice(process.pipe[0], NULL, fd, NULL, length, SPLICE_F_NONBLOCK);
	case 2:
		return sendfile(process.pipe[1], fd, NULL, length);
	case 3:
		return sendfile(fd, other, NULL, length);
	default:
		return tee(fd, process.pipe[1], length, SPLICE_F_NONBLOCK);
	}
}

static long call_mmap(struct caller *c)
{
	const int protections[] = { PROT_READ, PROT_READ, PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_EXEC, PROT_NONE };
	int protection = protections[below(c, 5)], fd = a_file(c);
	size_t length = 4096 * (1 + below(c, 64));
	char *map;

	map = mmap(NULL, length, protection, one_in(c, 4) ? MAP_PRIVATE : MAP_SHARED, fd,
		   one_in(c, 8) ? 4096 : 0);
	if (map == MAP_FAILED)
		return -1;
	if (protection & PROT_READ)
		(void)*(volatile char *)map;
	return munmap(map, length);
}

static long call_fcntl(struct caller *c)
{
	int fd = a_file(c);

	switch (below(c, 4)) {
	case 0:
		return fcntl(fd, F_GETFL);
	case 1:
		return fcntl(fd, F_GETFD);
	default:
		return fcntl(fd, F_SETFL, below(c, 4) ? O_NONBLOCK : 0);
	}
}

/* Calls that any file gets and for which the driver has no code of its own. */
static long call_other(struct caller *c)
{
	int fd = a_file(c);
	struct stat status;

	switch (below(c, 6)) {
	case 0:
		return fstat(fd, &status);
	case 1:
		return flock(fd, LOCK_SH | LOCK_NB);
	case 2:
		return fsync(fd);
	case 3:
		return ftruncate(fd, below(c, 2));
	case 4:
		return syscall(SYS_fallocate, fd, 0, 0L, 4096L);
	default:
		return posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) ? 0 : 1;
	}
}

/* The discarded pages come back by faults, in the middle of a copy. */
static long call_discard(struct caller *c)
{
	size_t at = below(c, MEMORY / 4096) * 4096L;

	return madvise(process.memory + at, MEMORY - at, MADV_DONTNEED);
}

#endif
