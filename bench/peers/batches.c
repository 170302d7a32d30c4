// SPDX-License-Identifier: GPL-2.0-or-later
/* Many messages in one call: what one of them costs. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/socket.h>

#include "peers.h"

enum {
	MESSAGES = 64, /* in one call */
	CALLS = 16,    /* of which what they send is kept at once */
	CHANNEL = 1,
	EACH = sizeof(struct msgslot_header) + SMALL,
};

static int minor = -1, slot = -1, ends[2] = { -1, -1 };
static _Alignas(8) char batch[MESSAGES * EACH];
static struct msgslot_send send_call;
static struct msgslot_recv recv_call;
static struct mmsghdr datagrams[MESSAGES];
static struct iovec pieces[MESSAGES];

/* ---- msgslot ------------------------------------------------------------------------------- */

static void batch_fill(void)
{
	int i;

	for (i = 0; i < MESSAGES; i++) {
		const struct msgslot_header header = { .size = sizeof(header),
						       .length = SMALL,
						       .channel = CHANNEL };

		memcpy(batch + i * EACH, &header, sizeof(header));
		memset(batch + i * EACH + sizeof(header), 'a' + i % 26, SMALL);
	}
}

static int slot_begin(int none)
{
	(void)none;
	message_size = SMALL;
	minor = slot_take(MSGSLOT_MODE_QUEUE);
	if (minor < 0)
		return -1;
	need(slot_set(minor, "depth", MESSAGES * CALLS), "depth");
	slot = need(slot_open_on(minor, O_RDWR, CHANNEL), "our own slot");
	batch_fill();
	send_call = (struct msgslot_send){ .flags = MSGSLOT_SEND_MANY,
					   .message = (uintptr_t)batch,
					   .length = sizeof(batch) };
	recv_call = (struct msgslot_recv){ .channel = CHANNEL,
					   .flags = MSGSLOT_RECV_MANY,
					   .message = (uintptr_t)batch,
					   .size = sizeof(batch) };
	return 0;
}

static void slot_end(void)
{
	close(slot);
	slot_give_back(minor);
	slot = -1;
	minor = -1;
}

static long slot_send(int none)
{
	(void)none;
	return ioctl(slot, MSGSLOT_SEND, &send_call);
}

static long slot_receive(int none)
{
	(void)none;
	return ioctl(slot, MSGSLOT_RECV, &recv_call);
}

/* ---- unix dgrams --------------------------------------------------------------------------- */

static int dgram_begin(int none)
{
	int size = 8 << 20, i;

	(void)none;
	message_size = SMALL;
	/* How many a socket keeps. */
	if (text_put("/proc/sys/net/unix/max_dgram_qlen", "4096"))
		return cannot_call("max_dgram_qlen");
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends))
		return cannot_call("socketpair");
	if (setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		return cannot_call("SO_SNDBUFFORCE");
	for (i = 0; i < MESSAGES; i++) {
		pieces[i] = (struct iovec){ .iov_base = batch + i * SMALL, .iov_len = SMALL };
		datagrams[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i], .msg_iovlen = 1 };
	}
	return 0;
}

static void dgram_end(void)
{
	close(ends[0]);
	close(ends[1]);
	text_put("/proc/sys/net/unix/max_dgram_qlen", "10");
}

static long dgram_send(int none)
{
	(void)none;
	return sendmmsg(ends[0], datagrams, MESSAGES, MSG_DONTWAIT);
}

static long dgram_receive(int none)
{
	(void)none;
	return recvmmsg(ends[1], datagrams, MESSAGES, MSG_DONTWAIT, NULL);
}

const struct means queue_many = {
	.open = slot_begin, .put = slot_send, .get = slot_receive, .close = slot_end
};
const struct means dgram_many = {
	.open = dgram_begin, .put = dgram_send, .get = dgram_receive, .close = dgram_end
};

/* ---- both ---------------------------------------------------------------------------------- */

static const struct means *now;

static void before_put(long calls)
{
	(void)calls;
	while (now->get(0) > 0)
		;
}

/* What was received is sent again. */
static void before_get(long calls)
{
	before_put(calls);
	while (calls--)
		if (now->put(0) != MESSAGES)
			bail_out("a batch");
}

/* What a message costs: the call's cost, divided. */
static int measure_many(const struct row *row, const struct call *call, struct figure *figure)
{
	now = row->means;
	if (now->open(1)) {
		now->close();
		return -1;
	}
	measure(call, figure);
	now->close();
	figure->p50 /= MESSAGES;
	figure->p90 /= MESSAGES;
	figure->p99 /= MESSAGES;
	figure->max /= MESSAGES;
	return 0;
}

int measure_put_many(const struct row *row, long at, struct figure *figure)
{
	const struct call call = {
		.run = row->means->put, .answer = MESSAGES, .calls_max = CALLS, .before = before_put
	};

	(void)at;
	return measure_many(row, &call, figure);
}

int measure_get_many(const struct row *row, long at, struct figure *figure)
{
	const struct call call = {
		.run = row->means->get, .answer = MESSAGES, .calls_max = CALLS, .before = before_get
	};

	(void)at;
	return measure_many(row, &call, figure);
}
