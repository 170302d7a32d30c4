// SPDX-License-Identifier: GPL-2.0-or-later
/* The means of msgslot: three modes, by plain calls, by SEND and RECV, and mapped. */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "peers.h"

enum {
	CHANNEL = 1,	   /* of a slot whose ends all have the same; else the first of them */
	HELD = 1000,	   /* a channel that another file has selected */
	UNHELD = 1001,	   /* selected by no file, so it comes and goes with its message */
	MAPPED_DEPTH = 64, /* in `broadcast`: with the longest message it fits MSGSLOT_MAP_MAX */
};

/* ---- slots of our own ---------------------------------------------------------------------- */

static bool ours[MSGSLOT_SLOTS_MAX];

void slot_give_back(int minor)
{
	if (minor < 0 || !ours[minor])
		return;
	ours[minor] = false;
	slot_destroy(minor);
}

/* Removes the slots that a run leaves that bails out. */
static void slots_give_back(void)
{
	int minor;

	for (minor = 0; minor < MSGSLOT_SLOTS_MAX; minor++)
		slot_give_back(minor);
}

/* From the highest number down, where other programs are unlikely to have slots. */
int slot_take(const char *mode)
{
	static bool registered;
	int created, minor = MSGSLOT_SLOTS_MAX;

	if (!module_is_loaded())
		return cannot("the module is not loaded");
	do
		created = --minor >= 0 ? slot_create(minor, mode) : -1;
	while (minor >= 0 && created && (errno == EEXIST || errno == EBUSY));
	if (minor < 0)
		return cannot("every slot is taken");
	if (created)
		return cannot_call("making a slot");
	if (!registered && atexit(slots_give_back))
		bail_out("atexit");
	registered = true;
	ours[minor] = true;
	return minor;
}

/* ---- files of one ---------------------------------------------------------------------------- */

static int minor = -1;
static unsigned int channel[ENDS_MAX];

static int slot_begin(const char *mode)
{
	files_begin();
	minor = slot_take(mode);
	if (minor < 0)
		return -1;
	if (message_size > slot_get(minor, "max_message"))
		need(slot_set(minor, "max_message", message_size), "max_message");
	return 0;
}

static void slot_end(void)
{
	files_close();
	slot_give_back(minor);
	minor = -1;
}

/* A file for both directions at each end, on channels that are @step apart. */
static int both_begin(const char *mode, int ends, int step)
{
	int i;

	if (slot_begin(mode))
		return -1;
	for (i = 0; i < ends; i++) {
		channel[i] = CHANNEL + i * step;
		in_file[i] = need(slot_open_on(minor, O_RDWR, channel[i]), "our own slot");
		out_file[i] = in_file[i];
	}
	return 0;
}

/* ---- SEND and RECV --------------------------------------------------------------------------- */

static struct msgslot_send send_call;
static struct msgslot_recv recv_call;

static void message_begin(void)
{
	send_call = (struct msgslot_send){
		.message = (uintptr_t)outgoing.bytes,
		.length = message_size,
		.timeout = -1,
	};
	recv_call = (struct msgslot_recv){
		.message = (uintptr_t)incoming.bytes,
		.size = message_size,
		.timeout = -1,
	};
}

static long message_put(int end)
{
	send_call.channel = channel[end];
	return ioctl(out_file[end], MSGSLOT_SEND, &send_call) ? -1 : message_size;
}

static long message_get(int end)
{
	recv_call.channel = channel[end];
	return ioctl(in_file[end], MSGSLOT_RECV, &recv_call) ? -1 : (long)recv_call.length;
}

static long message_both(int none)
{
	(void)none;
	if (ioctl(out_file[0], MSGSLOT_SEND, &send_call) ||
	    ioctl(in_file[0], MSGSLOT_RECV, &recv_call))
		return -1;
	return recv_call.length;
}

/* The figure is for all results of RECV: each must be there. */
static void message_end(void)
{
	if (in_file[0] >= 0 && (!send_call.sequence || !recv_call.sequence || !recv_call.time ||
				recv_call.lost || !recv_call.pid || recv_call.uid != getuid())) {
		errno = EPROTO;
		bail_out("RECV is not complete");
	}
	slot_end();
}

/* ---- last ------------------------------------------------------------------------------------ */

static int last_open(int ends)
{
	return both_begin(MSGSLOT_MODE_LAST, ends, 0);
}

static int last_apart_open(int ends)
{
	return both_begin(MSGSLOT_MODE_LAST, ends, 1);
}

static int last_message_open(int ends)
{
	message_begin();
	return last_open(ends);
}

const struct means last = { .open = last_open,
			    .put = file_put,
			    .get = file_get,
			    .both = file_both,
			    .close = slot_end,
			    .shared = true };
const struct means last_apart = {
	.open = last_apart_open, .put = file_put, .get = file_get, .close = slot_end
};
const struct means last_message = { .open = last_message_open,
				    .put = message_put,
				    .get = message_get,
				    .close = message_end,
				    .shared = true };

/* ---- queue ----------------------------------------------------------------------------------- */

/* Each end and direction has a file of its own, as if the processes were strangers. */
static int queue_open(int ends)
{
	int i;

	if (slot_begin(MSGSLOT_MODE_QUEUE))
		return -1;
	for (i = 0; i < ends; i++) {
		in_file[i] = need(slot_open_on(minor, O_RDONLY, CHANNEL + i), "our own slot");
		out_file[i] = need(slot_open_on(minor, O_WRONLY, CHANNEL + i), "our own slot");
	}
	return 0;
}

static int queue_message_open(int ends)
{
	message_begin();
	return both_begin(MSGSLOT_MODE_QUEUE, ends, 1);
}

/* The other direction's file, which is not used here, holds it. */
static int queue_held_open(int ends)
{
	if (queue_message_open(ends))
		return -1;
	channel[0] = send_call.channel = recv_call.channel = HELD;
	in_file[1] = need(slot_open_on(minor, O_RDWR, HELD), "our own slot");
	return 0;
}

static int queue_unheld_open(int ends)
{
	if (queue_message_open(ends))
		return -1;
	channel[0] = send_call.channel = recv_call.channel = UNHELD;
	return 0;
}

static int queue_lease_open(int ends)
{
	if (queue_message_open(ends))
		return -1;
	recv_call.flags = MSGSLOT_RECV_LEASE;
	recv_call.channel = channel[0];
	return 0;
}

/* Leased, and done. */
static long queue_lease_get(int end)
{
	struct msgslot_recv done = { .flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP };

	if (ioctl(in_file[end], MSGSLOT_RECV, &recv_call))
		return -1;
	done.channel = recv_call.channel;
	done.sequence = recv_call.sequence;
	return ioctl(in_file[end], MSGSLOT_RECV, &done) ? -1 : (long)recv_call.length;
}

const struct means queue = {
	.open = queue_open, .put = file_put, .get = file_get, .both = file_both, .close = slot_end
};
const struct means queue_message = { .open = queue_message_open,
				     .put = message_put,
				     .get = message_get,
				     .both = message_both,
				     .close = message_end };
const struct means queue_lease = {
	.open = queue_lease_open, .put = message_put, .get = queue_lease_get, .close = message_end
};
const struct means queue_message_held = { .open = queue_held_open,
					  .put = message_put,
					  .get = message_get,
					  .both = message_both,
					  .close = message_end };
const struct means queue_message_unheld = { .open = queue_unheld_open,
					    .put = message_put,
					    .get = message_get,
					    .both = message_both,
					    .close = message_end };

/* ---- broadcast ------------------------------------------------------------------------------- */

static int broadcast_begin(int ends, const char *overflow, int depth)
{
	int i;

	if (slot_begin(MSGSLOT_MODE_BROADCAST))
		return -1;
	need(slot_put(minor, "overflow", overflow), "overflow");
	if (depth)
		need(slot_set(minor, "depth", depth), "depth");
	out_file[0] = need(slot_open_on(minor, O_WRONLY, CHANNEL), "our own slot");
	for (i = 0; i < ends; i++) {
		channel[i] = CHANNEL;
		in_file[i] = need(slot_open_on(minor, O_RDONLY, CHANNEL), "our own slot");
	}
	return 0;
}

static int broadcast_open(int ends)
{
	return broadcast_begin(ends, MSGSLOT_OVERFLOW_DROP, 0);
}

static int broadcast_block_open(int ends)
{
	return broadcast_begin(ends, MSGSLOT_OVERFLOW_BLOCK, 0);
}

/* With a timeout, as otherwise the kernel knows that the call does not sleep. */
static int broadcast_polled_open(int ends)
{
	struct pollfd wanted = { .events = POLLIN };
	int i;

	if (broadcast_open(ends))
		return -1;
	for (i = 0; i < ends; i++) {
		wanted.fd = in_file[i];
		if (poll(&wanted, 1, 1) != 0)
			bail_out("poll of an empty channel");
	}
	return 0;
}

/* Returns the epoll that all are in. */
static int broadcast_in_epoll(int ends)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int i, epoll = need(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");

	for (i = 0; i < ends; i++)
		need(epoll_ctl(epoll, EPOLL_CTL_ADD, in_file[i], &event), "epoll_ctl");
	return epoll;
}

static int broadcast_epolled_open(int ends)
{
	if (broadcast_open(ends))
		return -1;
	close(broadcast_in_epoll(ends));
	return 0;
}

static int told_epoll = -1;

/* None looks at what the epoll was told. */
static int broadcast_told_open(int ends)
{
	if (broadcast_open(ends))
		return -1;
	told_epoll = broadcast_in_epoll(ends);
	return 0;
}

static void broadcast_told_end(void)
{
	close(told_epoll);
	slot_end();
}

static int broadcast_message_open(int ends)
{
	message_begin();
	return broadcast_open(ends);
}

const struct means broadcast = {
	.open = broadcast_open, .put = file_put, .get = file_get, .close = slot_end, .shared = true
};
const struct means broadcast_block = { .open = broadcast_block_open,
				       .put = file_put,
				       .get = file_get,
				       .close = slot_end,
				       .shared = true };
const struct means broadcast_polled = { .open = broadcast_polled_open,
					.put = file_put,
					.get = file_get,
					.close = slot_end,
					.shared = true };
const struct means broadcast_epolled = { .open = broadcast_epolled_open,
					 .put = file_put,
					 .get = file_get,
					 .close = slot_end,
					 .shared = true };
const struct means broadcast_told = { .open = broadcast_told_open,
				      .put = file_put,
				      .get = file_get,
				      .close = broadcast_told_end,
				      .shared = true };
const struct means broadcast_message = { .open = broadcast_message_open,
					 .put = message_put,
					 .get = message_get,
					 .close = message_end,
					 .shared = true };

/* ---- mapped ---------------------------------------------------------------------------------- */

/* The first access to a page of a mapping is a fault. */
static void map_touch(const struct msgslot_map_head *head, __u64 size)
{
	const volatile char *byte = (const volatile char *)head;
	__u64 at;

	for (at = 0; at < size; at += 4096)
		(void)byte[at];
}

/* As many mappings as ends, each with a cursor of its own; in `last` that stays 0, the newest. */
static struct {
	const struct msgslot_map_head *head;
	__u64 size, sequence;
} map[ENDS_MAX];
static int maps;

static const struct msgslot_map_head *map_file(int fd, __u64 size)
{
	const struct msgslot_map_head *head = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (head == MAP_FAILED)
		bail_out("mmap of our own slot");
	return head;
}

static void maps_begin(int ends)
{
	const long page = sysconf(_SC_PAGESIZE);
	const struct msgslot_map_head *head;

	for (maps = 0; maps < ends; maps++) {
		head = map_file(in_file[maps], page);
		map[maps].size = head->size;
		map[maps].sequence = 0;
		munmap((void *)head, page);
		map[maps].head = map_file(in_file[maps], map[maps].size);
		map_touch(map[maps].head, map[maps].size);
	}
}

static void maps_end(void)
{
	while (maps) {
		maps--;
		munmap((void *)map[maps].head, map[maps].size);
	}
	slot_end();
}

static int last_mapped_open(int ends)
{
	if (last_open(ends))
		return -1;
	maps_begin(ends);
	return 0;
}

static int broadcast_mapped_open(int ends)
{
	if (broadcast_begin(ends, MSGSLOT_OVERFLOW_DROP, MAPPED_DEPTH))
		return -1;
	maps_begin(ends);
	return 0;
}

static long last_mapped_get(int end)
{
	__u64 newest = 0;

	return msgslot_map_copy(map[end].head, &newest, incoming.bytes, message_size);
}

static long broadcast_mapped_get(int end)
{
	long length =
		msgslot_map_copy(map[end].head, &map[end].sequence, incoming.bytes, message_size);

	map[end].sequence += length > 0;
	return length;
}

const struct means last_mapped = { .open = last_mapped_open,
				   .put = file_put,
				   .get = last_mapped_get,
				   .close = maps_end,
				   .shared = true };
const struct means broadcast_mapped = { .open = broadcast_mapped_open,
					.put = file_put,
					.get = broadcast_mapped_get,
					.close = maps_end,
					.shared = true };
