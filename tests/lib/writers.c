// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many messages sent with a system call: a writer leaves on the channels what the plain calls
 * would, and loses nothing by an error, by a message that is longer than its buffer, or by a
 * channel that is full.
 */
#define _GNU_SOURCE
#include "library.h"

static void a_writer_keeps_the_order(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_writer *writer = writer_or_fail(slot, 0, 0);

	(void)state;
	assert_result(msgslot_writer_put(writer, 1, "one", 3), 0);
	assert_result(msgslot_writer_put(writer, 2, "other", 5), 0);
	assert_result(msgslot_writer_put(writer, 1, "two", 3), 0);
	assert_int_equal(msgslot_writer_get_left(writer), 3);
	assert_nothing(slot, 1);
	assert_result(msgslot_writer_flush(writer), 0);
	assert_int_equal(msgslot_writer_get_left(writer), 0);
	assert_next(slot, 1, "one");
	assert_next(slot, 1, "two");
	assert_next(slot, 2, "other");
	assert_result(msgslot_writer_flush(writer), 0);
	/* What was not flushed is not sent. */
	assert_result(msgslot_writer_put(writer, 1, "lost", 4), 0);
	msgslot_writer_free(writer);
	assert_nothing(slot, 1);
	msgslot_slot_close(slot);
}

static void a_writer_flushes_when_full(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_writer *writer = writer_or_fail(slot, 0, 2 * 56);
	char longest[128];

	(void)state;
	for (int n = 0; n < 5; n++)
		assert_result(msgslot_writer_put(writer, 1, "12345678", 8), 0);
	assert_int_equal(msgslot_writer_get_left(writer), 1);
	/* Longer than the buffer. */
	memset(longest, 'x', sizeof(longest));
	assert_result(msgslot_writer_put(writer, 1, longest, sizeof(longest)), 0);
	assert_result(msgslot_writer_flush(writer), 0);
	for (int n = 0; n < 5; n++)
		assert_next(slot, 1, "12345678");
	assert_result(msgslot_message_receive(slot, 1, longest, sizeof(longest)), sizeof(longest));
	assert_nothing(slot, 1);
	msgslot_writer_free(writer);
	msgslot_slot_close(slot);
}

/* What went before a full channel is known, and another flush goes on with what did not. */
static void a_writer_goes_on_after_a_full_channel(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_writer *writer;
	uint32_t channel;
	const void *next;
	size_t length;

	(void)state;
	msgslot_slot_close(slot);
	assert_works(slot_put(OWN, "depth", "2"));
	slot = open_or_fail(OWN_NAME, O_RDWR);
	writer = writer_or_fail(slot, 0, 0);
	assert_result(msgslot_writer_put(writer, 1, "a", 1), 0);
	assert_result(msgslot_writer_put(writer, 1, "b", 1), 0);
	assert_result(msgslot_writer_put(writer, 1, "c", 1), 0);
	assert_result(msgslot_writer_put(writer, 2, "d", 1), 0);
	assert_fails(msgslot_writer_flush(writer), EAGAIN);
	assert_int_equal(msgslot_writer_get_left(writer), 2);
	next = msgslot_writer_get_next(writer, &channel, &length);
	assert_non_null(next);
	assert_memory_equal(next, "c", 1);
	assert_int_equal(channel, 1);
	assert_int_equal(length, 1);
	assert_nothing(slot, 2);
	assert_next(slot, 1, "a");
	/* More can be put behind what is left. */
	assert_result(msgslot_writer_put(writer, 2, "e", 1), 0);
	assert_result(msgslot_writer_flush(writer), 0);
	assert_next(slot, 1, "b");
	assert_next(slot, 1, "c");
	assert_next(slot, 2, "d");
	assert_next(slot, 2, "e");
	msgslot_writer_free(writer);
	/* With a timeout. */
	writer = writer_or_fail(slot, MSGSLOT_SECOND / 1000, 0);
	for (int n = 0; n < 3; n++)
		assert_result(msgslot_writer_put(writer, 1, "f", 1), 0);
	assert_fails(msgslot_writer_flush(writer), ETIMEDOUT);
	assert_int_equal(msgslot_writer_get_left(writer), 1);
	msgslot_writer_clear(writer);
	assert_int_equal(msgslot_writer_get_left(writer), 0);
	assert_null(msgslot_writer_get_next(writer, &channel, &length));
	assert_result(msgslot_writer_flush(writer), 0);
	msgslot_writer_free(writer);
	msgslot_slot_close(slot);
}

static void what_a_writer_refuses(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_writer *writer = writer_or_fail(slot, 0, 0);
	static char bytes[4096];

	(void)state;
	assert_open_fails(msgslot_writer_new(slot, 0, (1u << 30) + 1), EINVAL);
	assert_open_fails(msgslot_writer_new(slot, -2, 0), EINVAL);
	msgslot_writer_free(NULL);
	assert_result(msgslot_writer_put(writer, 1, "kept", 4), 0);
	assert_fails(msgslot_writer_put(writer, 1, bytes, 0), EMSGSIZE);
	assert_fails(msgslot_writer_put(writer, 1, bytes, sizeof(bytes)), EMSGSIZE);
	assert_fails(msgslot_writer_put(writer, 1, NULL, 1), EINVAL);
	assert_int_equal(msgslot_writer_get_left(writer), 1);
	/* There is no channel 0; the messages before it went. */
	assert_result(msgslot_writer_put(writer, 0, "x", 1), 0);
	assert_fails(msgslot_writer_flush(writer), EINVAL);
	assert_int_equal(msgslot_writer_get_left(writer), 1);
	assert_next(slot, 1, "kept");
	msgslot_writer_free(writer);
	msgslot_slot_close(slot);
	slot = open_or_fail(OWN_NAME, O_RDONLY);
	writer = writer_or_fail(slot, 0, 0);
	assert_result(msgslot_writer_put(writer, 1, "x", 1), 0);
	assert_fails(msgslot_writer_flush(writer), EBADF);
	msgslot_writer_free(writer);
	msgslot_slot_close(slot);
}

/* What came out of a reader goes through a writer to the same channels. */
static void a_range_is_carried_over(void **state)
{
	const struct msgslot_receive_options range_at_once = { .flags = MSGSLOT_RECV_RANGE };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_writer *writer = writer_or_fail(slot, 0, 300);
	struct msgslot_message message;
	struct msgslot_reader *reader;
	const void *bytes;
	char text[16];
	int length;

	(void)state;
	for (uint32_t n = 0; n < 50; n++) {
		snprintf(text, sizeof(text), "%u", n);
		assert_result(msgslot_writer_put(writer, n % 7, text, strlen(text)), 0);
	}
	assert_result(msgslot_writer_flush(writer), 0);
	assert_result(msgslot_range_listen(slot, 0, 6, 0), 0);
	reader = reader_or_fail(slot, 0, &range_at_once, 300);
	while ((length = (int)msgslot_reader_next(reader, &bytes, &message, sizeof(message))) > 0)
		assert_result(
			msgslot_writer_put(writer, message.channel + 10, bytes, (size_t)length), 0);
	assert_int_equal(errno, EAGAIN);
	assert_result(msgslot_writer_flush(writer), 0);
	for (uint32_t n = 0; n < 50; n++) {
		snprintf(text, sizeof(text), "%u", n);
		assert_next(slot, n % 7 + 10, text);
	}
	msgslot_reader_free(reader);
	msgslot_writer_free(writer);
	msgslot_slot_close(slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_writer_keeps_the_order),
		own_slot_test(a_writer_flushes_when_full),
		own_slot_test(a_writer_goes_on_after_a_full_channel),
		own_slot_test(what_a_writer_refuses),
		own_slot_test(a_range_is_carried_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
