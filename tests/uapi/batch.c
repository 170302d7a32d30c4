// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many messages in one call: what comes and goes in each mode, what fits, what is told of losses,
 * what a call that fails leaves, and which calls that sleep are woken.
 */
#define _GNU_SOURCE
#include "batch.h"

static void in_each_mode(void **state)
{
	int fd;

	(void)state;
	own_become("last");
	fd = own_open_on(O_RDWR, 1);
	assert_gets(fd, 1, 0, "EAGAIN");
	assert_result(batch_send(fd, batch_of({ 1, "a" }, { 1, "b" }, { 2, "c" })), 3);
	assert_int_equal(events_of(fd) & POLLIN, POLLIN);
	assert_gets(fd, 1, 0, "1.2:b");
	assert_int_equal(events_of(fd) & POLLIN, 0);
	assert_gets(fd, 2, 0, "2.1:c");

	own_become("queue");
	fd = own_open(O_RDWR);
	assert_gets(fd, 0, 0, "EAGAIN");
	assert_result(batch_send(fd, batch_of({ 0, "a" }, { 5, "x" }, { 0, "bc" }, { 0, "d" })), 4);
	assert_gets(fd, 0, MSGSLOT_RECV_PEEK, "0.1:a 0.2:bc 0.3:d");
	assert_result(slot_get(OWN, "received"), 0);
	assert_gets(fd, 0, 0, "0.1:a 0.2:bc 0.3:d");
	assert_gets(fd, 0, 0, "EAGAIN");
	assert_gets(fd, 5, 0, "5.1:x");
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "received"), 4);
	assert_result(slot_get(OWN, "sent"), 4);
	assert_result(slot_get(OWN, "dropped"), 0);

	own_become("broadcast");
	fd = own_open(O_RDWR);
	assert_result(batch_send(fd, batch_of({ 0, "a" }, { 0, "b" }, { 3, "c" })), 3);
	assert_gets(fd, 3, MSGSLOT_RECV_NEWER, "3.1:c");
	assert_gets(fd, 0, MSGSLOT_RECV_PEEK, "0.1:a 0.2:b");
	assert_gets(fd, 0, 0, "0.1:a 0.2:b");
	assert_gets(fd, 0, 0, "EAGAIN");
	assert_int_equal(events_of(fd) & POLLIN, 0);
	assert_gets(fd, 0, MSGSLOT_RECV_NEWER, "0.1:a 0.2:b");
	assert_result(slot_get(OWN, "received"), 5);
}

/* The result tells the end and the last number; a struct that cannot be written changes nothing. */
static void results(void **state)
{
	struct msgslot_send send;
	struct msgslot_recv recv;
	struct msgslot_recv *readonly;
	int fd;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR);
	send = batch_send_of(batch_of({ 1, "a" }, { 1, "bb" }, { 2, "c" }, { 1, "d" }));
	assert_result(ioctl(fd, MSGSLOT_SEND, &send), 4);
	assert_int_equal(send.sequence, 3);
	recv = recv_of(1, MANY, batch.bytes, HEADER * 2 + 8 + 2);
	recv.time = recv.lost = recv.pid = recv.uid = 7;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 2);
	assert_int_equal(recv.length, HEADER * 2 + 8 + 2);
	assert_int_equal(recv.sequence, 2);
	assert_int_equal(recv.time + recv.lost + recv.pid + recv.uid, 28);

	readonly = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(readonly != MAP_FAILED);
	*readonly = recv_of(1, MANY, batch.bytes, BATCH_MAX);
	assert_result(mprotect(readonly, 4096, PROT_READ), 0);
	assert_fails(ioctl(fd, MSGSLOT_RECV, readonly), EFAULT);
	assert_gets(fd, 1, 0, "1.3:d");
	assert_result(mprotect(readonly, 4096, PROT_READ | PROT_WRITE), 0);
	*(struct msgslot_send *)readonly = batch_send_of(batch_of({ 3, "a" }));
	assert_result(mprotect(readonly, 4096, PROT_READ), 0);
	assert_fails(ioctl(fd, MSGSLOT_SEND, readonly), EFAULT);
	assert_gets(fd, 3, 0, "EAGAIN");
	munmap(readonly, 4096);
}

static void receives_that_are_refused(void **state)
{
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		assert_gets(fd, 1, MSGSLOT_RECV_IF, strerror(EINVAL));
		assert_gets(fd, 1, MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP, strerror(EINVAL));
		assert_gets(fd, 1, MSGSLOT_RECV_DROP, strerror(EINVAL));
		assert_gets(fd, 1, RANGE, strerror(EINVAL));
		assert_gets(own_open(O_WRONLY), 1, 0, strerror(EBADF));
		assert_gets(fd, 1, 0, "EAGAIN");
		send_text(fd, 1, "hello");
		assert_string_equal(batch_receive(fd, 1, 0, 0), "ENOSPC 53");
		assert_string_equal(batch_receive(fd, 1, 0, HEADER), "ENOSPC 53");
		assert_string_equal(batch_receive(fd, 1, 0, HEADER + 4), "ENOSPC 53");
	}
}

/* As many as fit; from a queue at most 16 long ones, of which each has a buffer. */
static void as_many_as_fit(void **state)
{
	const size_t each = HEADER + 8;
	unsigned char bytes[300] = "";
	char text[4000], *end = text;
	int fd, i;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR | O_NONBLOCK);
	batch.size = 0;
	for (i = 0; i < 100; i++)
		batch_add_text(&batch, 2, "12345678");
	assert_result(batch_send(fd, &batch), 100);
	assert_string_equal(batch_receive(fd, 2, 0, each), "2.1:12345678");
	assert_string_equal(batch_receive(fd, 2, 0, 2 * each - 1), "2.2:12345678");
	assert_string_equal(batch_receive(fd, 2, 0, 3 * each + HEADER),
			    "2.3:12345678 2.4:12345678 2.5:12345678");
	for (i = 6; i <= 100; i++)
		end += sprintf(end, "%s2.%d:12345678", i > 6 ? " " : "", i);
	assert_gets(fd, 2, 0, text);

	batch.size = 0;
	memset(bytes, 'x', sizeof(bytes));
	for (i = 0; i < 40; i++)
		batch_add(&batch, 2, bytes, 300);
	assert_result(batch_send(fd, &batch), 40);
	for (i = 0; i < 40; i += 16) {
		struct msgslot_recv recv = recv_of(2, MANY, batch.bytes, BATCH_MAX);

		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), i < 32 ? 16 : 8);
		assert_int_equal(recv.sequence, i < 32 ? 116 + i : 140);
	}
	assert_gets(fd, 2, 0, "EAGAIN");
	/* Long ones among short ones. */
	batch.size = 0;
	for (i = 0; i < 12; i++) {
		batch_add_text(&batch, 2, "s");
		if (i % 2)
			batch_add(&batch, 2, bytes, 257 + i);
	}
	assert_result(batch_send(fd, &batch), 18);
	assert_gets(
		fd, 2, 0,
		"2.141:s 2.142:s 2.143:xxxxxxxxx 2.144:s 2.145:s 2.146:xxxxxxxxx 2.147:s 2.148:s "
		"2.149:xxxxxxxxx 2.150:s 2.151:s 2.152:xxxxxxxxx 2.153:s 2.154:s 2.155:xxxxxxxxx "
		"2.156:s 2.157:s 2.158:xxxxxxxxx");
	assert_result(slot_get(OWN, "messages"), 0);
}

/* Memory that is missing is brought; where there is none, nothing is taken. */
static void faults(void **state)
{
	unsigned char bytes[1000];
	struct msgslot_recv recv;
	size_t mode, length;
	char *edge;
	int fd, i;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	for (mode = 1; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		for (length = 100; length <= 1000; length += 900) {
			for (i = 0; i < 10; i++)
				assert_result(write(fd, bytes, length), length);
			edge = edge_new(5000, PROT_READ | PROT_WRITE);
			recv = recv_of(1, MANY, edge, 20000);
			if (length == 1000) {
				assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
			} else {
				recv = recv_of(1, MANY, edge + 4500, 20000);
				assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
			}
			assert_int_equal(recv.sequence, 0);
			assert_int_equal(recv.length, 0);
			edge_free(edge, 5000);
			/* None of its pages is there yet. */
			edge = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			assert_true(edge != MAP_FAILED);
			recv = recv_of(1, MANY, edge, 1 << 20);
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 10);
			munmap(edge, 1 << 20);
			assert_gets(fd, 1, 0, "EAGAIN");
		}
	}
	/* A batch to be sent ends where its memory does. */
	own_become("queue");
	fd = own_open(O_RDWR | O_NONBLOCK);
	batch_of({ 1, "a" }, { 1, "b" }, { 1, "c" });
	edge = edge_new(2 * (HEADER + 8), PROT_READ | PROT_WRITE);
	memcpy(edge, batch.bytes, 2 * (HEADER + 8));
	assert_result(ioctl(fd, MSGSLOT_SEND,
			    &((struct msgslot_send){ .flags = MSGSLOT_SEND_MANY,
						     .message = (uintptr_t)edge,
						     .length = batch.size })),
		      2);
	assert_gets(fd, 1, 0, "1.1:a 1.2:b");
}

/* What a broadcast file lost stands in the header behind the gap. */
static void losses(void **state)
{
	int fd, writer;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "depth", 3), 0);
	fd = own_open_on(O_RDONLY, 1);
	writer = own_open(O_RDWR);
	batch_send(writer, batch_of({ 1, "a" }, { 1, "b" }, { 1, "c" }, { 1, "d" }, { 1, "e" }));
	assert_gets(fd, 1, MSGSLOT_RECV_PEEK, "1.3-2:c 1.4-2:d 1.5-2:e");
	assert_gets(fd, 1, 0, "1.3-2:c 1.4-2:d 1.5-2:e");
	batch_send(writer, batch_of({ 1, "f" }, { 1, "g" }, { 1, "h" }, { 1, "i" }));
	assert_gets(fd, 1, 0, "1.7-3:g 1.8-3:h 1.9-3:i");
	assert_gets(writer, 1, MSGSLOT_RECV_NEWER, "1.7:g 1.8:h 1.9:i");
	assert_result(slot_get(OWN, "dropped"), 3);
}

static void ranges(void **state)
{
	int fd, lowest, writer;

	(void)state;
	own_become("queue");
	writer = own_open(O_WRONLY | O_NONBLOCK);
	batch_send(writer, batch_of({ 1, "a" }, { 5, "b" }, { 1, "c" }, { 3, "d" }, { 9, "e" }));
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 0, 8);
	lowest = own_open(O_RDONLY | O_NONBLOCK);
	assert_result(listen_to(lowest, 2, UINT32_MAX, MSGSLOT_LISTEN_LOWEST), 0);
	assert_gets(fd, 77, RANGE | MSGSLOT_RECV_PEEK, "1.1:a 1.2:c 3.1:d 5.1:b");
	/* Round by id: after channel 1 it goes on behind that. */
	assert_string_equal(batch_receive(fd, 77, RANGE, 60), "1.1:a");
	batch_send(writer, batch_of({ 0, "f" }, { 1, "g" }));
	assert_string_equal(batch_receive(fd, 77, RANGE, 60), "3.1:d");
	assert_gets(fd, 77, RANGE, "5.1:b 0.1:f 1.2:c 1.3:g");
	assert_gets(fd, 77, RANGE, "EAGAIN");
	batch_send(writer, batch_of({ 4, "h" }, { 2, "i" }, { UINT32_MAX, "j" }, { 4, "k" }));
	assert_gets(lowest, 77, RANGE, "2.4:i 4.4:h 4.5:k 9.1:e 4294967295.4:j");
	assert_result(slot_get(OWN, "messages"), 0);

	own_become("broadcast");
	assert_result(slot_set(OWN, "feed_depth", 4), 0);
	assert_result(slot_set(OWN, "depth", 2), 0);
	writer = own_open(O_WRONLY);
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 8);
	batch_send(writer, batch_of({ 3, "a" }, { 1, "b" }, { 9, "x" }, { 3, "c" }));
	assert_gets(fd, 77, RANGE | MSGSLOT_RECV_PEEK, "3.1:a 1.1:b 3.2:c");
	assert_gets(fd, 77, RANGE, "3.1:a 1.1:b 3.2:c");
	/* The feed is overrun, and so is channel 3. */
	batch_send(writer, batch_of({ 3, "d" }, { 3, "e" }, { 1, "f" }, { 3, "g" }, { 7, "h" }));
	assert_gets(fd, 77, RANGE, "1.2:f 3.4-1:e 3.5-1:g 7.1-1:h");
	assert_gets(fd, 77, RANGE, "EAGAIN");

	own_become("last");
	writer = own_open(O_WRONLY);
	batch_send(writer, batch_of({ 3, "a" }, { 1, "b" }, { 9, "x" }, { 3, "c" }));
	fd = own_open_listening(O_RDONLY | O_NONBLOCK, 1, 8);
	assert_gets(fd, 77, RANGE, "1.1:b 3.2:c");
	batch_send(writer, batch_of({ 3, "d" }, { 5, "e" }, { 3, "f" }, { 1, "g" }));
	assert_string_equal(batch_receive(fd, 77, RANGE, 2 * (HEADER + 8)), "5.1:e 3.4:f");
	assert_gets(fd, 77, RANGE, "1.2:g");
	assert_gets(fd, 77, RANGE, "EAGAIN");
}

/* A call waits for the first message only, and wakes as many as it makes space for. */
static void waiting(void **state)
{
	struct caller readers[3], writers[3];
	struct msgslot_recv recvs[3];
	struct msgslot_send send;
	static struct batch got[3];
	int fd, i;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 3), 0);
	fd = own_open_on(O_RDWR, 1);
	for (i = 0; i < 3; i++) {
		recvs[i] = recv_of(1, MANY, got[i].bytes, BATCH_MAX);
		recvs[i].timeout = -1;
		caller_start(&readers[i], call_recv, fd, &recvs[i]);
	}
	/* Each of them is woken; which gets how many is not said. */
	assert_result(batch_send(fd, batch_of({ 1, "a" }, { 1, "b" }, { 1, "c" })), 3);
	await(caller_is_back(&readers[0]) || caller_is_back(&readers[1]) ||
	      caller_is_back(&readers[2]));
	await(slot_get(OWN, "received") == 3);
	while (!caller_is_back(&readers[0]) || !caller_is_back(&readers[1]) ||
	       !caller_is_back(&readers[2])) {
		batch_send(fd, batch_of({ 1, "more" }));
		usleep(1000);
	}
	for (i = 0; i < 3; i++)
		assert_true(caller_end(&readers[i]) > 0);
	clear_channel(fd, 1);

	assert_result(batch_send(fd, batch_of({ 1, "a" }, { 1, "b" }, { 1, "c" }, { 1, "d" })), 3);
	assert_fails(batch_send(fd, &batch), EAGAIN);
	for (i = 0; i < 3; i++)
		caller_start(&writers[i], call_write, fd, "w");
	recvs[0] = recv_of(1, MANY, got[0].bytes, BATCH_MAX);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recvs[0]), 3);
	for (i = 0; i < 3; i++)
		assert_result(caller_end(&writers[i]), 1);
	/* It waits for the first of its own, and does not for the second. */
	send = batch_send_of(batch_of({ 1, "x" }, { 1, "y" }));
	send.timeout = -1;
	caller_start(&writers[0], call_send, fd, &send);
	assert_result(read(fd, got[0].bytes, 1), 1);
	assert_result(caller_end(&writers[0]), 1);
	send.timeout = 20 * MILLISECOND;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ETIMEDOUT);
	clear_channel(fd, 1);
	recvs[0] = recv_of(1, MANY, got[0].bytes, BATCH_MAX);
	recvs[0].timeout = 20 * MILLISECOND;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recvs[0]), ETIMEDOUT);
}

/* The same where writers wait for readers that each have a cursor. */
static void writers_behind_a_cursor(void **state)
{
	struct caller writers[3];
	int fd, writer, i;

	(void)state;
	own_become("broadcast");
	assert_result(slot_put(OWN, "overflow", "block"), 0);
	assert_result(slot_set(OWN, "depth", 3), 0);
	fd = own_open_on(O_RDONLY, 1);
	writer = own_open_on(O_WRONLY, 1);
	assert_result(batch_send(writer, batch_of({ 1, "a" }, { 1, "b" }, { 1, "c" }, { 1, "d" })),
		      3);
	for (i = 0; i < 3; i++)
		caller_start(&writers[i], call_write, writer, "w");
	assert_gets(fd, 1, 0, "1.1:a 1.2:b 1.3:c");
	for (i = 0; i < 3; i++)
		assert_result(caller_end(&writers[i]), 1);
	assert_gets(fd, 1, 0, "1.4:w 1.5:w 1.6:w");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(in_each_mode),
		own_slot_test(results),
		own_slot_test(receives_that_are_refused),
		own_slot_test(as_many_as_fit),
		own_slot_test(faults),
		own_slot_test(losses),
		own_slot_test(ranges),
		own_slot_test(waiting),
		own_slot_test(writers_behind_a_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
