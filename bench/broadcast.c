// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a message costs in mode `broadcast`: who publishes must not pay for those who listen but
 * do not sleep, be they one or many.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>

#include "measure.h"

enum {
	MINOR = 61,
	READERS = 64,
	ROUNDS = 50, /* fewer than the room keeps: nobody loses a message */
};

static int writer, readers[READERS], count, turn;
static long published;

static long do_publish(void)
{
	published++;
	return write(writer, data, SMALL);
}

static long do_read(void)
{
	return read(readers[turn], data, SMALL);
}

/* Everyone reads everything; who has missed a message would have been cheap to publish for. */
static void all_read(void)
{
	long got;
	int i;

	for (i = 0; i < count; i++) {
		for (got = 0; read(readers[i], data, SMALL) == SMALL; got++)
			continue;
		if (errno != EAGAIN || got != published)
			bail_out("a reader that does not get it all");
	}
	published = 0;
}

/* For the reader whose turn is next there is something to read, as for all. */
static void next_reader(void)
{
	int i;

	while (read(readers[turn], data, SMALL) == SMALL)
		continue;
	turn = (turn + 1) % count;
	for (i = 0; i < count; i++)
		while (i != turn && read(readers[i], data, SMALL) == SMALL)
			continue;
	for (i = 0; i < ROUNDS; i++)
		need(do_publish(), "write");
}

static struct call one = {
	"msgslot broadcast write, 1 reader", do_publish, SMALL, ROUNDS, "", all_read, 0
};
static struct call many = { "  64 readers", do_publish, SMALL, ROUNDS, "", all_read, 0 };
static struct call polled = {
	"  64 readers that polled once", do_publish, SMALL, ROUNDS, "", all_read, 0
};
static struct call epolled = {
	"  64 readers that left an epoll", do_publish, SMALL, ROUNDS, "", all_read, 0
};
static struct call blocking = {
	"  64 readers, overflow=block", do_publish, SMALL, ROUNDS, "", all_read, 0
};
static struct call reading = {
	"msgslot broadcast read, 64 readers", do_read, SMALL, ROUNDS, "", next_reader, 0
};

static void room_open(int size, const char *overflow)
{
	slot_renew(MINOR, "broadcast");
	need(slot_put(MINOR, "overflow", overflow), "overflow");
	writer = need(slot_open(MINOR, O_WRONLY), "our own slot");
	published = 0;
	turn = 0;
	for (count = 0; count < size; count++)
		readers[count] = need(slot_open(MINOR, O_RDONLY | O_NONBLOCK), "our own slot");
}

static void room_close(void)
{
	while (count)
		close(readers[--count]);
	close(writer);
	slot_destroy(MINOR);
}

/* With a timeout, or the kernel would know that nobody is going to sleep. */
static void all_poll(void)
{
	struct pollfd wanted = { .events = POLLIN };
	int i;

	for (i = 0; i < count; i++) {
		wanted.fd = readers[i];
		if (poll(&wanted, 1, 1) != 0)
			bail_out("poll of an empty room");
	}
}

static void all_leave_epoll(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int i, epoll = need(epoll_create1(0), "epoll_create1");

	for (i = 0; i < count; i++)
		need(epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i], &event), "epoll_ctl");
	close(epoll);
}

int main(void)
{
	measure_begin(4);

	room_open(1, MSGSLOT_OVERFLOW_DROP);
	measure(&one);
	room_close();

	room_open(READERS, MSGSLOT_OVERFLOW_DROP);
	measure(&many);
	all_read();
	measure(&reading);
	room_close();

	room_open(READERS, MSGSLOT_OVERFLOW_DROP);
	all_poll();
	measure(&polled);
	room_close();

	room_open(READERS, MSGSLOT_OVERFLOW_DROP);
	all_leave_epoll();
	measure(&epolled);
	room_close();

	room_open(READERS, MSGSLOT_OVERFLOW_BLOCK);
	measure(&blocking);
	room_close();
	measure_end();

	judge("broadcast: write with 64 readers, as a share of with 1", many.insn / one.insn, 1.05);
	judge("broadcast: the same where they polled once", polled.insn / one.insn, 1.05);
	judge("broadcast: the same where they left an epoll", epolled.insn / one.insn, 1.05);
	judge("broadcast: read", reading.insn, 960);
	return failed != 0;
}
