// SPDX-License-Identifier: GPL-2.0-or-later
/* Listeners: what they cost the writers, what they read, priorities, and one for many channels. */
#define _GNU_SOURCE
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "peers.h"

enum {
	FIRST = 1,	 /* of the range that is listened to */
	PRIORITIES = 32, /* channels, or priorities of a POSIX queue */
	CHANNELS_MANY = 10000,
};

static int minor = -1, epoll = -1;
static struct msgslot_send send_call;
static struct msgslot_recv recv_call;

static int begin(const char *mode)
{
	files_begin();
	send_call = (struct msgslot_send){ .channel = FIRST,
					   .message = (uintptr_t)outgoing.bytes,
					   .length = message_size };
	recv_call = (struct msgslot_recv){ .flags = MSGSLOT_RECV_RANGE,
					   .message = (uintptr_t)incoming.bytes,
					   .size = message_size };
	minor = slot_take(mode);
	return minor < 0 ? -1 : 0;
}

static void end(void)
{
	files_close();
	if (epoll >= 0)
		close(epoll);
	slot_give_back(minor);
	minor = epoll = -1;
}

/* A file that listens to so many channels. */
static int listen_to(unsigned int channels, unsigned int flags)
{
	struct msgslot_listen range = { .first = FIRST,
					.last = FIRST + channels - 1,
					.flags = flags };
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/msgslot%d", minor);
	fd = need(open(path, O_RDWR | O_CLOEXEC), "our own slot");
	need(ioctl(fd, MSGSLOT_LISTEN, &range), "MSGSLOT_LISTEN");
	return fd;
}

/* ---- what listeners cost the writers ------------------------------------------------------- */

/* Writers at each end, of a channel each, and listeners that do not read. */
static int written_begin(int ends, int listeners)
{
	int i;

	if (begin(MSGSLOT_MODE_LAST))
		return -1;
	for (i = 0; i < ends; i++)
		in_file[i] = out_file[i] =
			need(slot_open_on(minor, O_RDWR, FIRST + i), "our own slot");
	for (i = 0; i < listeners; i++)
		in_file[ends + i] = listen_to(100, 0);
	return 0;
}

static int written_open_1(int ends)
{
	return written_begin(ends, 1);
}

static int written_open_64(int ends)
{
	return written_begin(ends, 64);
}

const struct means last_listened = { .open = written_open_1,
				     .put = file_put,
				     .get = file_get,
				     .close = end,
				     .shared = true,
				     .silent = true };
const struct means last_listened_64 = { .open = written_open_64,
					.put = file_put,
					.get = file_get,
					.close = end,
					.shared = true,
					.silent = true };

/* ---- what a listener reads ----------------------------------------------------------------- */

static long range_get(int at)
{
	return ioctl(in_file[at], MSGSLOT_RECV, &recv_call) ? -1 : (long)recv_call.length;
}

static int heard_open(int ends)
{
	int i;

	if (begin(MSGSLOT_MODE_BROADCAST))
		return -1;
	out_file[0] = need(slot_open_on(minor, O_WRONLY, FIRST), "our own slot");
	for (i = 0; i < ends; i++)
		in_file[i] = listen_to(100, 0);
	return 0;
}

const struct means broadcast_range = {
	.open = heard_open, .put = file_put, .get = range_get, .close = end, .shared = true
};

/* ---- priorities ---------------------------------------------------------------------------- */

static int lowest_open(int ends)
{
	int i;

	(void)ends;
	if (begin(MSGSLOT_MODE_QUEUE))
		return -1;
	for (i = 0; i < PRIORITIES; i++)
		out_file[i] = need(slot_open_on(minor, O_WRONLY, FIRST + i), "our own slot");
	in_file[0] = listen_to(PRIORITIES, MSGSLOT_LISTEN_LOWEST);
	return 0;
}

static unsigned int turn;

static long lowest_written(int none)
{
	(void)none;
	return file_put((int)(turn++ % PRIORITIES)) == message_size ? range_get(0) : -1;
}

static long lowest_sent(int none)
{
	(void)none;
	send_call.channel = FIRST + turn++ % PRIORITIES;
	return ioctl(in_file[0], MSGSLOT_SEND, &send_call) ? -1 : range_get(0);
}

const struct means queue_lowest = {
	.open = lowest_open, .put = file_put, .get = range_get, .both = lowest_written, .close = end
};
const struct means queue_lowest_sent = {
	.open = lowest_open, .put = file_put, .get = range_get, .both = lowest_sent, .close = end
};

static long mq_in_turn(int none)
{
	(void)none;
	if (mq_send(out_file[0], outgoing.bytes, message_size, turn++ % PRIORITIES))
		return -1;
	return mq_receive(in_file[0], incoming.bytes, message_size, NULL);
}

/* Otherwise the means mq; a constant of C cannot be taken from another. */
static int mq_begin(int ends)
{
	return mq.open(ends);
}

const struct means mq_priorities = {
	.open = mq_begin, .both = mq_in_turn, .close = files_close, .silent = true
};

/* ---- one of many channels, each of which has a value --------------------------------------- */

static int many_file[CHANNELS_MANY], many_files;

static void watch(int fd, unsigned int number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = number };

	need(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static int many_begin(void)
{
	const struct rlimit enough = { .rlim_cur = 2 * CHANNELS_MANY,
				       .rlim_max = 2 * CHANNELS_MANY };
	int i;

	if (begin(MSGSLOT_MODE_LAST))
		return -1;
	if (setrlimit(RLIMIT_NOFILE, &enough))
		return cannot_call("RLIMIT_NOFILE");
	epoll = need(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	out_file[0] = need(slot_open_on(minor, O_WRONLY, FIRST), "our own slot");
	for (i = 0; i < CHANNELS_MANY; i++) {
		send_call.channel = (unsigned int)(FIRST + i);
		need(ioctl(out_file[0], MSGSLOT_SEND, &send_call), "MSGSLOT_SEND");
	}
	return 0;
}

static void one_file_wait(void)
{
	in_file[0] = listen_to(CHANNELS_MANY, 0);
	while (!ioctl(in_file[0], MSGSLOT_RECV, &recv_call))
		;
	watch(in_file[0], 0);
}

static void many_files_wait(void)
{
	recv_call.flags = 0;
	for (many_files = 0; many_files < CHANNELS_MANY; many_files++) {
		many_file[many_files] =
			need(slot_open_on(minor, O_RDONLY, FIRST + many_files), "our own slot");
		recv_call.channel = (unsigned int)(FIRST + many_files);
		need(ioctl(many_file[many_files], MSGSLOT_RECV, &recv_call), "MSGSLOT_RECV");
		watch(many_file[many_files], (unsigned int)many_files);
	}
}

static int one_file_open(int ends)
{
	(void)ends;
	if (many_begin())
		return -1;
	one_file_wait();
	return 0;
}

static int many_files_open(int ends)
{
	(void)ends;
	if (many_begin())
		return -1;
	many_files_wait();
	return 0;
}

static void many_end(void)
{
	while (many_files)
		close(many_file[--many_files]);
	end();
}

static long one_of_many(int none)
{
	struct epoll_event event;
	int fd;

	(void)none;
	send_call.channel = FIRST + turn++ * 7919 % CHANNELS_MANY;
	if (ioctl(out_file[0], MSGSLOT_SEND, &send_call) || epoll_wait(epoll, &event, 1, -1) != 1)
		return -1;
	fd = many_files ? many_file[event.data.u32] : in_file[0];
	recv_call.channel = many_files ? FIRST + event.data.u32 : 0;
	return ioctl(fd, MSGSLOT_RECV, &recv_call) ? -1 : (long)recv_call.length;
}

const struct means one_listener = {
	.open = one_file_open, .both = one_of_many, .close = many_end, .silent = true
};
const struct means many_selected = {
	.open = many_files_open, .both = one_of_many, .close = many_end, .silent = true
};

/* The kernel's memory for what waits, for each channel; the channels are there already. */
int weigh_waiting(const struct row *row, long at, struct figure *figure)
{
	double before;

	(void)at;
	message_size = SMALL;
	if (many_begin()) {
		many_end();
		return -1;
	}
	before = memory_used();
	if (row->means == &one_listener)
		one_file_wait();
	else
		many_files_wait();
	*figure = (struct figure){
		.known = true,
		.p50 = (memory_used() - before) / CHANNELS_MANY,
		.samples = 1,
	};
	many_end();
	return 0;
}
