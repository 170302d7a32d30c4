// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profile: repeats one operation, for bench/profile/run to look at.
 *
 * MSGSLOT_LOOP names the operation, which is repeated until the program is killed.  Without it,
 * each operation is made a few times, as a test that it works.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "slot.h"

enum { MINOR = 210, SIZE = 128, WARM = 2000, READERS = 64, PRIORITIES = 32, BATCH = 64 };

static char bytes[64 * 1024];
static int put = -1, get = -1;
static const struct msgslot_map_head *map;

static void need(int good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static int slot(int flags)
{
	int fd = slot_open_on(MINOR, flags, 5);

	need(fd >= 0, "a slot");
	return fd;
}

static void slot_ready(const char *mode)
{
	if (slot_exists(MINOR))
		slot_destroy(MINOR);
	need(slot_create(MINOR, mode) == 0, "a slot");
	need(slot_set(MINOR, "max_message", sizeof(bytes)) == 0, "max_message");
	put = slot(O_WRONLY);
	get = slot(O_RDONLY | O_NONBLOCK);
}

static void last_ready(void)
{
	slot_ready("last");
	need(write(put, bytes, SIZE) == SIZE, "write");
}

static void map_ready(void)
{
	last_ready();
	map = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, get, 0);
	need(map != MAP_FAILED, "mmap");
	map = mmap(NULL, map->size, PROT_READ, MAP_SHARED, get, 0);
	need(map != MAP_FAILED, "mmap");
}

static void queue_ready(void)
{
	slot_ready("queue");
}

/* Another process sends back what it receives: each of the two sleeps until the other has sent. */
static void echo_ready(void)
{
	int there, back;

	slot_ready("queue");
	there = slot(O_RDWR);
	back = slot_open_on(MINOR, O_RDWR, 6);
	need(back >= 0, "another channel");
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (read(there, bytes, SIZE) == SIZE && write(back, bytes, SIZE) == SIZE)
			continue;
		_exit(1);
	}
	get = back;
}

static void broadcast_ready(void)
{
	slot_ready("broadcast");
}

static void crowd_ready(void)
{
	int i;

	broadcast_ready();
	for (i = 1; i < READERS; i++)
		slot(O_RDONLY);
}

static void listen_to(unsigned int last, unsigned int flags)
{
	struct msgslot_listen range = { .first = 1, .last = last, .flags = flags };

	need(ioctl(get, MSGSLOT_LISTEN, &range) == 0, "MSGSLOT_LISTEN");
}

static void last_listened_ready(void)
{
	last_ready();
	listen_to(100, 0);
}

static void range_ready(void)
{
	broadcast_ready();
	listen_to(100, 0);
}

static void lowest_ready(void)
{
	queue_ready();
	listen_to(PRIORITIES, MSGSLOT_LISTEN_LOWEST);
}

static int epoll;

static void watched_ready(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	last_listened_ready();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	need(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, get, &event) == 0, "epoll");
}

static void pipe_ready(void)
{
	int ends[2];

	need(pipe(ends) == 0, "pipe");
	get = ends[0];
	put = ends[1];
}

static void floor_ready(void)
{
	get = open("/dev/zero", O_RDONLY);
	put = open("/dev/null", O_WRONLY);
}

static void do_put(void)
{
	need(write(put, bytes, SIZE) == SIZE, "write");
}

static void do_get(void)
{
	need(read(get, bytes, SIZE) == SIZE, "read");
}

static void do_both(void)
{
	do_put();
	do_get();
}

static void do_both_long(void)
{
	need(write(put, bytes, sizeof(bytes)) == sizeof(bytes), "write");
	need(read(get, bytes, sizeof(bytes)) == sizeof(bytes), "read");
}

static void do_both_1k(void)
{
	need(write(put, bytes, 1024) == 1024, "write");
	need(read(get, bytes, 1024) == 1024, "read");
}

static void do_message_on(unsigned int channel)
{
	struct msgslot_send send = { .channel = channel,
				     .message = (uintptr_t)bytes,
				     .length = SIZE };
	struct msgslot_recv recv = { .channel = channel,
				     .message = (uintptr_t)bytes,
				     .size = SIZE };

	need(ioctl(put, MSGSLOT_SEND, &send) == 0, "MSGSLOT_SEND");
	need(ioctl(get, MSGSLOT_RECV, &recv) == 0, "MSGSLOT_RECV");
}

static void do_message(void)
{
	do_message_on(5);
}

/* No file has selected it: so it comes and goes with its message. */
static void do_unheld(void)
{
	do_message_on(6);
}

static void do_range(void)
{
	struct msgslot_recv recv = { .flags = MSGSLOT_RECV_RANGE,
				     .message = (uintptr_t)bytes,
				     .size = SIZE };

	need(ioctl(get, MSGSLOT_RECV, &recv) == 0, "MSGSLOT_RECV");
}

static void do_put_range(void)
{
	do_put();
	do_range();
}

static void do_send(void)
{
	static unsigned int turn;
	struct msgslot_send send = { .channel = 1 + turn++ % PRIORITIES,
				     .message = (uintptr_t)bytes,
				     .length = SIZE };

	need(ioctl(put, MSGSLOT_SEND, &send) == 0, "MSGSLOT_SEND");
}

static void do_send_range(void)
{
	do_send();
	do_range();
}

static void do_watch(void)
{
	struct epoll_event event;

	do_put();
	need(epoll_wait(epoll, &event, 1, -1) == 1, "epoll_wait");
	do_range();
}

/* A call after each, as calls are what is counted by. */
static void do_look(void)
{
	need(msgslot_map_copy(map, &(__u64){ 0 }, bytes, SIZE) == SIZE, "a look at the map");
	syscall(SYS_getppid);
}

static struct {
	struct msgslot_header header;
	char message[SIZE];
} batch[BATCH];

static void many_ready(void)
{
	int i;

	queue_ready();
	for (i = 0; i < BATCH; i++)
		batch[i].header = (struct msgslot_header){ .size = sizeof(batch[i].header),
							   .length = SIZE,
							   .channel = 5 };
}

static void do_many(void)
{
	struct msgslot_send send = { .flags = MSGSLOT_SEND_MANY,
				     .message = (uintptr_t)batch,
				     .length = sizeof(batch) };
	struct msgslot_recv recv = { .channel = 5,
				     .flags = MSGSLOT_RECV_MANY,
				     .message = (uintptr_t)batch,
				     .size = sizeof(batch) };

	need(ioctl(put, MSGSLOT_SEND, &send) == BATCH, "MSGSLOT_SEND_MANY");
	need(ioctl(get, MSGSLOT_RECV, &recv) == BATCH, "MSGSLOT_RECV_MANY");
}

static void do_lease(void)
{
	struct msgslot_recv job = {
		.channel = 5, .flags = MSGSLOT_RECV_LEASE, .message = (uintptr_t)bytes, .size = SIZE
	};
	struct msgslot_recv done = { .channel = 5, .flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP };

	do_put();
	need(ioctl(get, MSGSLOT_RECV, &job) == 0, "MSGSLOT_RECV_LEASE");
	done.sequence = job.sequence;
	need(ioctl(get, MSGSLOT_RECV, &done) == 0, "MSGSLOT_RECV_DROP");
}

static const struct {
	const char *name;
	void (*ready)(void);
	void (*once)(void);
} operations[] = {
	{ "last-read", last_ready, do_get },
	{ "last-write", last_ready, do_put },
	{ "last-64k", last_ready, do_both_long },
	{ "last-mapped", map_ready, do_look },
	{ "last-write-mapped", map_ready, do_put },
	{ "last-1k", last_ready, do_both_1k },
	{ "queue", queue_ready, do_both },
	{ "queue-1k", queue_ready, do_both_1k },
	{ "queue-message", queue_ready, do_message },
	{ "queue-unheld", queue_ready, do_unheld },
	{ "queue-many", many_ready, do_many },
	{ "queue-lease", queue_ready, do_lease },
	{ "queue-asleep", echo_ready, do_both },
	{ "broadcast", broadcast_ready, do_both },
	{ "broadcast-publish", crowd_ready, do_put },
	{ "last-listened", last_listened_ready, do_put },
	{ "last-watched", watched_ready, do_watch },
	{ "broadcast-range", range_ready, do_put_range },
	{ "queue-lowest", lowest_ready, do_send_range },
	{ "pipe", pipe_ready, do_both },
	{ "zero", floor_ready, do_get },
	{ "null", floor_ready, do_put },
};

enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

static void loop(const char *name)
{
	int i, n;

	for (i = 0; i < OPERATIONS; i++) {
		if (strcmp(operations[i].name, name))
			continue;
		operations[i].ready();
		for (n = 0; n < WARM; n++)
			operations[i].once();
		puts("looping");
		for (;;)
			operations[i].once();
	}
	errno = EINVAL;
	need(0, name);
}

int main(void)
{
	const char *name = getenv("MSGSLOT_LOOP");
	int i, n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (name)
		loop(name);
	printf("1..%d\n", OPERATIONS);
	for (i = 0; i < OPERATIONS; i++) {
		operations[i].ready();
		for (n = 0; n < 10; n++)
			operations[i].once();
		printf("ok %d - %s\n", i + 1, operations[i].name);
	}
	return slot_destroy(MINOR) != 0;
}
