// SPDX-License-Identifier: GPL-2.0-or-later
/* Means that pass a message from one process to another, once; or, netlink, to each of a group. */
#define _GNU_SOURCE
#include <linux/netlink.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/socket.h>

#include "peers.h"

/* ---- POSIX message queues ------------------------------------------------------------------ */

static int mq_begin(int ends)
{
	struct mq_attr limits = { .mq_maxmsg = 4, .mq_msgsize = message_size };
	char name[64];
	int i;

	files_begin();
	snprintf(name, sizeof(name), "/msgslot-peers-%d", getpid());
	for (i = 0; i < ends; i++) {
		in_file[i] = out_file[i] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &limits);
		if (in_file[i] < 0)
			return cannot_call("mq_open");
		mq_unlink(name);
	}
	return 0;
}

static long mq_put(int end)
{
	return mq_send(out_file[end], outgoing.bytes, message_size, 0) ? -1 : message_size;
}

static long mq_get(int end)
{
	return mq_receive(in_file[end], incoming.bytes, message_size, NULL);
}

static long mq_both(int none)
{
	(void)none;
	return mq_put(0) == message_size ? mq_get(0) : -1;
}

const struct means mq = {
	.open = mq_begin, .put = mq_put, .get = mq_get, .both = mq_both, .close = files_close
};

/* ---- System V queues ----------------------------------------------------------------------- */

static int sysv_queue[ENDS_MAX], sysv_queues;

static int sysv_begin(int ends)
{
	char text[32];
	long longest;

	if (text_get("/proc/sys/kernel/msgmax", text, sizeof(text)) < 0)
		return cannot_call("kernel.msgmax");
	longest = strtol(text, NULL, 10);
	if (message_size > longest)
		return cannot("kernel.msgmax is %ld", longest);
	for (sysv_queues = 0; sysv_queues < ends; sysv_queues++) {
		sysv_queue[sysv_queues] = msgget(IPC_PRIVATE, 0600);
		if (sysv_queue[sysv_queues] < 0)
			return cannot_call("msgget");
	}
	return 0;
}

static long sysv_put(int end)
{
	return msgsnd(sysv_queue[end], &outgoing, message_size, 0) ? -1 : message_size;
}

static long sysv_get(int end)
{
	return msgrcv(sysv_queue[end], &incoming, message_size, 0, 0);
}

static void sysv_end(void)
{
	while (sysv_queues)
		msgctl(sysv_queue[--sysv_queues], IPC_RMID, NULL);
}

static long sysv_both(int none)
{
	(void)none;
	return sysv_put(0) == message_size ? sysv_get(0) : -1;
}

const struct means sysv = {
	.open = sysv_begin, .put = sysv_put, .get = sysv_get, .both = sysv_both, .close = sysv_end
};

/* ---- pipes and sockets --------------------------------------------------------------------- */

static int pipes_begin(int ends, int flags)
{
	int i, pair[2];

	files_begin();
	for (i = 0; i < ends; i++) {
		if (pipe2(pair, flags | O_CLOEXEC))
			return cannot_call("pipe2");
		in_file[i] = pair[0];
		out_file[i] = pair[1];
	}
	return 0;
}

static int pipes_open(int ends)
{
	return pipes_begin(ends, 0);
}

static int packet_pipes_open(int ends)
{
	long page = sysconf(_SC_PAGESIZE);

	if (message_size <= page)
		return pipes_begin(ends, O_DIRECT);
	files_begin();
	return cannot("a packet in a pipe has at most a page");
}

const struct means pipes = { .open = pipes_open,
			     .put = file_put,
			     .get = file_get,
			     .both = file_both,
			     .close = files_close };
const struct means packet_pipes = { .open = packet_pipes_open,
				    .put = file_put,
				    .get = file_get,
				    .both = file_both,
				    .close = files_close };

static int sockets_open(int ends, int type)
{
	int i, pair[2];

	files_begin();
	for (i = 0; i < ends; i++) {
		if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair))
			return cannot_call("socketpair");
		in_file[i] = pair[0];
		out_file[i] = pair[1];
	}
	return 0;
}

static int dgram_open(int ends)
{
	return sockets_open(ends, SOCK_DGRAM);
}

static int seqpacket_open(int ends)
{
	return sockets_open(ends, SOCK_SEQPACKET);
}

const struct means dgram = { .open = dgram_open,
			     .put = file_put,
			     .get = file_get,
			     .both = file_both,
			     .close = files_close };
const struct means seqpacket = { .open = seqpacket_open,
				 .put = file_put,
				 .get = file_get,
				 .both = file_both,
				 .close = files_close };

/* ---- netlink, from one process to a group of others ---------------------------------------- */

enum { GROUPS = 1 << 6 };

static int netlink_socket(unsigned int groups)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * A message to a group also goes to a single port, which is then left out of the group, and must
 * exist: it is the first reader's.
 */
static int netlink_open(int ends)
{
	struct sockaddr_nl first;
	socklen_t size = sizeof(first);
	int i;

	files_begin();
	for (i = 0; i < ends; i++) {
		in_file[i] = netlink_socket(GROUPS);
		if (in_file[i] < 0)
			return cannot_call("a netlink socket in a group");
	}
	out_file[0] = netlink_socket(0);
	if (out_file[0] < 0 || getsockname(in_file[0], (struct sockaddr *)&first, &size) ||
	    connect(out_file[0], (const struct sockaddr *)&first, sizeof(first)))
		return cannot_call("a netlink socket");
	return 0;
}

const struct means netlink = {
	.open = netlink_open, .put = file_put, .get = file_get, .close = files_close, .shared = true
};
