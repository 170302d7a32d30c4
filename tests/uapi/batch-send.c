// SPDX-License-Identifier: GPL-2.0-or-later
/* Batches that are sent: what ends one, what is refused, and the channels they make. */
#define _GNU_SOURCE
#include "batch.h"

static void sends_that_are_refused(void **state)
{
	struct msgslot_send send;
	struct msgslot_header *header;
	int fd, i;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (i = 0; i < 9; i++) {
		batch_of({ 1, "good" });
		header = batch_add_text(&batch, 1, "bad");
		send = batch_send_of(&batch);
		switch (i) {
		case 0:
			header->flags = 1;
			break;
		case 1:
			header->size = HEADER - 8;
			break;
		case 2:
			header->size = HEADER + 4;
			break;
		case 3:
			header->length = 9;
			break;
		case 4:
			header->length = UINT32_MAX;
			break;
		case 5:
			header->size = UINT32_MAX & ~7u;
			break;
		case 6: /* the header is cut */
			send.length -= 9;
			break;
		case 7:
			header->length = 0;
			break;
		case 8: /* longer than max_message */
			batch.size = batch_align(HEADER + 4);
			memset(batch.bytes + batch.size + HEADER, 'x', 5000);
			header->length = 5000;
			send.length = batch.size + HEADER + 5000;
			break;
		}
		/* Behind a good one it ends the batch; alone it is the error. */
		assert_result(ioctl(fd, MSGSLOT_SEND, &send), 1);
		assert_gets(fd, 1, 0, "1.1:good");
		send.message += batch_align(HEADER + 4);
		send.length -= batch_align(HEADER + 4);
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), i < 7 ? EINVAL : EMSGSIZE);
		assert_gets(fd, 1, 0, "EAGAIN");
		own_become("queue");
		fd = own_open(O_RDWR | O_NONBLOCK);
	}
	send = batch_send_of(batch_of({ 1, "a" }));
	send.channel = 1;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.channel = 0;
	send.flags |= MSGSLOT_SEND_IF;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.flags = MSGSLOT_SEND_MANY;
	send.length = 0;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.message = 0;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send = batch_send_of(&batch);
	send.message = (uintptr_t)nowhere;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EFAULT);
	assert_fails(batch_send(own_open(O_RDONLY), &batch), EBADF);

	own_become("last");
	fd = own_open(O_RDWR);
	assert_result(batch_send(fd, batch_of({ 1, "a" }, { 0, "b" }, { 1, "c" })), 1);
	assert_fails(batch_send(fd, batch_of({ 0, "b" }, { 1, "c" })), EINVAL);
	assert_gets(fd, 1, 0, "1.1:a");
	assert_result(slot_destroy(OWN), 0);
	assert_fails(batch_send(fd, &batch), ENODEV);
	assert_gets(fd, 1, 0, strerror(ENODEV));
	assert_result(slot_create(OWN, "last"), 0);
}

/* A header that is longer than the kernel's, and what was received, are sent as they are. */
static void what_was_received_is_sent(void **state)
{
	struct msgslot_recv recv;
	struct msgslot_send send;
	unsigned char long_text[5000];
	int fd, i;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "max_message", 5000), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	memset(long_text, 'l', sizeof(long_text));
	batch.size = 0;
	batch_add_text(&batch, 3, "short");
	batch_add(&batch, 3, long_text, sizeof(long_text));
	batch_add_text(&batch, 3, "end");
	for (i = 0; i < 3; i++) {
		assert_result(batch_send(fd, &batch), 3);
		recv = recv_of(3, MANY, batch.bytes, BATCH_MAX);
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 3);
		batch.size = recv.length;
	}
	assert_result(batch_send(fd, &batch), 3);
	assert_gets(fd, 3, 0, "3.10:short 3.11:lllllllll 3.12:end");

	memset(batch.bytes, 0xff, 200);
	*(struct msgslot_header *)batch.bytes =
		(struct msgslot_header){ .size = HEADER + 16, .length = 2, .channel = 4 };
	memcpy(batch.bytes + HEADER + 16, "hi", 2);
	batch.size = HEADER + 16 + 2;
	send = batch_send_of(&batch);
	assert_result(ioctl(fd, MSGSLOT_SEND, &send), 1);
	/* A new channel begins above those that were forgotten. */
	assert_gets(fd, 4, 0, "4.13:hi");
}

/* Channels that a batch made or emptied are forgotten as any. */
static void channels_come_and_go(void **state)
{
	int fd;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "max_channels", 2), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	assert_result(batch_send(fd, batch_of({ 1, "a" }, { 2, "b" }, { 1, "c" }, { 3, "d" })), 3);
	assert_fails(batch_send(fd, batch_of({ 3, "d" })), ENOSPC);
	assert_result(slot_get(OWN, "channels"), 2);
	assert_gets(fd, 1, 0, "1.1:a 1.2:c");
	assert_result(slot_get(OWN, "channels"), 1);
	assert_fails(batch_send(fd, batch_of({ 3, "" })), EMSGSIZE);
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(slot_get(OWN, "bytes"), info_of(fd).bytes);
	assert_gets(fd, 2, 0, "2.1:b");
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* What ends a batch early is not counted, and the number is that of the last message sent. */
static void the_last_that_was_sent(void **state)
{
	unsigned char bytes[300];
	struct msgslot_send send;
	int fd, i;

	(void)state;
	memset(bytes, 'l', sizeof(bytes));
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 2), 0);
	assert_result(slot_set(OWN, "max_channels", 2), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	for (i = 0; i < 4; i++) {
		/* For the third one there is no space in the channel, or no channel. */
		batch_of({ 1, "a" }, { 1, "b" });
		batch_add(&batch, i < 2 ? 1 : 3, bytes, i % 2 ? sizeof(bytes) : 1);
		if (i >= 2)
			assert_works(send_text(fd, 2, "second channel"));
		send = batch_send_of(&batch);
		assert_result(ioctl(fd, MSGSLOT_SEND, &send), 2);
		assert_int_equal(send.sequence, 2 * i + 2);
		assert_result(clear_channel(fd, 1), 2);
		if (i >= 2)
			assert_result(clear_channel(fd, 2), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(sends_that_are_refused),
		own_slot_test(what_was_received_is_sent),
		own_slot_test(channels_come_and_go),
		own_slot_test(the_last_that_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
