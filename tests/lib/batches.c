// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ranges, and many messages in a system call: a reader hands out what the plain calls would
 * receive, in their order; a writer leaves on the channels what they would; neither loses anything
 * by an error, by a message that is longer than its buffer, or by a channel that is full.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "library.h"

static const struct msgslot_receive_options at_once = { .timeout = 0 };
static const struct msgslot_receive_options range_at_once = { .flags = MSGSLOT_RECV_RANGE };

static struct msgslot_reader *reader_or_fail(struct msgslot *slot, uint32_t channel,
					     const struct msgslot_receive_options *options,
					     size_t size)
{
	struct msgslot_reader *reader = msgslot_reader_new(slot, channel, options, size);

	if (!reader)
		fail_msg("a reader: %s", strerror(errno));
	return reader;
}

static struct msgslot_writer *writer_or_fail(struct msgslot *slot, int64_t timeout, size_t size)
{
	struct msgslot_writer *writer = msgslot_writer_new(slot, timeout, size);

	if (!writer)
		fail_msg("a writer: %s", strerror(errno));
	return writer;
}

static void send_text(struct msgslot *slot, uint32_t channel, const char *text)
{
	assert_result(msgslot_message_send(slot, channel, text, strlen(text)), 0);
}

/* The next message of the reader is this, and comes from this channel with this number. */
static void assert_read(struct msgslot_reader *reader, uint32_t channel, uint64_t sequence,
			const char *text)
{
	struct msgslot_message message;
	const void *bytes;

	assert_result(msgslot_reader_next(reader, &bytes, &message, sizeof(message)),
		      (int)strlen(text));
	assert_memory_equal(bytes, text, strlen(text));
	assert_int_equal(message.channel, channel);
	assert_int_equal(message.sequence, sequence);
	assert_int_equal(message.length, strlen(text));
	assert_int_equal(message.uid, getuid());
	assert_int_equal(message.pid, getpid());
}

static void assert_read_nothing(struct msgslot_reader *reader)
{
	const void *bytes;

	assert_fails(msgslot_reader_next(reader, &bytes, NULL, 0), EAGAIN);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static void a_range_tells_its_channels(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	const struct msgslot_receive_options peek = { .flags = MSGSLOT_RECV_RANGE |
							       MSGSLOT_RECV_PEEK };
	struct msgslot_message message;
	char got[8];

	(void)state;
	assert_fails(msgslot_message_receive_with(slot, 0, got, sizeof(got), &range_at_once, NULL,
						  0),
		     EINVAL);
	assert_fails(msgslot_range_listen(slot, 2, 1, 0), EINVAL);
	assert_fails(msgslot_range_listen(slot, 1, 2, 0x80), EINVAL);
	assert_result(msgslot_range_listen(slot, 5, 9, MSGSLOT_LISTEN_LOWEST), 0);
	send_text(slot, 4, "below");
	send_text(slot, 9, "nine");
	send_text(slot, 7, "seven");
	assert_result(msgslot_channel_wait(slot, POLLIN, 0), POLLIN);
	assert_result(msgslot_message_receive_with(slot, 77, got, sizeof(got), &peek, &message,
						   sizeof(message)),
		      5);
	assert_int_equal(message.channel, 7);
	/* Too short a buffer: said where, and how long. */
	assert_fails(msgslot_message_receive_with(slot, 0, got, 4, &range_at_once, &message,
						  sizeof(message)),
		     ENOSPC);
	assert_int_equal(message.channel, 7);
	assert_int_equal(message.length, 5);
	assert_result(msgslot_message_receive_with(slot, 0, got, sizeof(got), &range_at_once,
						   &message, sizeof(message)),
		      5);
	assert_memory_equal(got, "seven", 5);
	assert_int_equal(message.channel, 7);
	assert_result(msgslot_message_receive_with(slot, 0, got, sizeof(got), &range_at_once,
						   &message, sizeof(message)),
		      4);
	assert_int_equal(message.channel, 9);
	/* A message from one channel tells that. */
	assert_result(msgslot_message_receive_with(slot, 4, got, sizeof(got), &at_once, &message,
						   sizeof(message)),
		      5);
	assert_int_equal(message.channel, 4);
	assert_result(msgslot_channel_select(slot, 9), 0);
	assert_fails(msgslot_message_receive_with(slot, 0, got, sizeof(got), &range_at_once, NULL,
						  0),
		     EINVAL);
	msgslot_slot_close(slot);
}

static void lowest_is_for_queues(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);

	(void)state;
	assert_fails(msgslot_range_listen(slot, 1, 2, MSGSLOT_LISTEN_LOWEST), EOPNOTSUPP);
	assert_fails(msgslot_range_listen(slot, 0, 0, 0), EINVAL);
	assert_result(msgslot_range_listen(slot, 0, UINT32_MAX, 0), 0);
	msgslot_slot_close(slot);
	slot = open_or_fail(OWN_NAME, O_WRONLY);
	assert_fails(msgslot_range_listen(slot, 1, 2, 0), EBADF);
	msgslot_slot_close(slot);
}

/* ---- readers --------------------------------------------------------------------------------- */

static void a_reader_hands_out_in_order(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_reader *reader = reader_or_fail(slot, 3, &at_once, 0);
	char text[16];

	(void)state;
	assert_read_nothing(reader);
	for (int n = 1; n <= 100; n++) {
		snprintf(text, sizeof(text), "message %d", n);
		send_text(slot, 3, text);
	}
	assert_read(reader, 3, 1, "message 1");
	assert_int_equal(msgslot_reader_get_left(reader), 99);
	/* What it has is taken. */
	assert_nothing(slot, 3);
	send_text(slot, 3, "message 101");
	for (int n = 2; n <= 101; n++) {
		snprintf(text, sizeof(text), "message %d", n);
		assert_read(reader, 3, (uint64_t)n, text);
	}
	assert_int_equal(msgslot_reader_get_left(reader), 0);
	assert_read_nothing(reader);
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

static void a_reader_takes_no_more_than_fits(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_reader *reader = reader_or_fail(slot, 3, &at_once, 3 * 56);

	(void)state;
	for (int n = 0; n < 5; n++)
		send_text(slot, 3, "12345678");
	assert_read(reader, 3, 1, "12345678");
	assert_int_equal(msgslot_reader_get_left(reader), 2);
	assert_next(slot, 3, "12345678");
	assert_read(reader, 3, 2, "12345678");
	assert_read(reader, 3, 3, "12345678");
	assert_read(reader, 3, 5, "12345678");
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

static void a_reader_grows(void **state)
{
	static char text[4096];
	struct msgslot_reader *reader;
	struct msgslot *slot;

	(void)state;
	slot = own_slot("queue", O_RDWR);
	msgslot_slot_close(slot);
	assert_works(slot_put(OWN, "max_message", "4096"));
	slot = open_or_fail(OWN_NAME, O_RDWR);
	reader = reader_or_fail(slot, 3, &at_once, 1);
	memset(text, 'x', sizeof(text) - 1);
	send_text(slot, 3, "short");
	send_text(slot, 3, text);
	send_text(slot, 3, "last");
	assert_read(reader, 3, 1, "short");
	assert_read(reader, 3, 2, text);
	assert_read(reader, 3, 3, "last");
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

/* A whole range: the newest of each channel, then what is new. */
static void a_reader_of_a_range(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_reader *reader;

	(void)state;
	for (uint32_t channel = 1; channel <= 9; channel++)
		send_text(slot, channel, "old");
	send_text(slot, 4, "newer");
	assert_result(msgslot_range_listen(slot, 2, 5, 0), 0);
	reader = reader_or_fail(slot, 0, &range_at_once, 0);
	assert_read(reader, 2, 1, "old");
	assert_read(reader, 3, 1, "old");
	assert_read(reader, 4, 2, "newer");
	assert_read(reader, 5, 1, "old");
	assert_read_nothing(reader);
	send_text(slot, 9, "not heard");
	send_text(slot, 5, "news");
	assert_result(msgslot_channel_wait(slot, POLLIN, MSGSLOT_FOREVER), POLLIN);
	assert_read(reader, 5, 2, "news");
	assert_read_nothing(reader);
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

static void a_reader_of_last_waits_for_newer(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_reader *reader = reader_or_fail(slot, 3, &at_once, 0);

	(void)state;
	send_text(slot, 3, "one");
	assert_read(reader, 3, 1, "one");
	assert_read_nothing(reader);
	send_text(slot, 3, "two");
	send_text(slot, 3, "three");
	assert_read(reader, 3, 3, "three");
	assert_read_nothing(reader);
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

static void a_reader_looks_at_a_queue(void **state)
{
	const struct msgslot_receive_options look = {
		.flags = MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK, .sequence = 1
	};
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_reader *reader = reader_or_fail(slot, 3, &look, 2 * 56);

	(void)state;
	for (int n = 0; n < 4; n++)
		send_text(slot, 3, "job");
	for (uint64_t sequence = 2; sequence <= 4; sequence++)
		assert_read(reader, 3, sequence, "job");
	assert_read_nothing(reader);
	assert_next(slot, 3, "job");
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

static void a_reader_tells_of_loss(void **state)
{
	struct msgslot *slot = own_slot("broadcast", O_RDWR);
	struct msgslot_reader *reader;
	struct msgslot_message message;
	const void *bytes;

	(void)state;
	msgslot_slot_close(slot);
	assert_works(slot_put(OWN, "depth", "4"));
	slot = open_or_fail(OWN_NAME, O_RDWR);
	assert_result(msgslot_channel_select(slot, 3), 0);
	reader = reader_or_fail(slot, 3, &at_once, 0);
	for (int n = 0; n < 7; n++)
		send_text(slot, 3, "x");
	assert_result(msgslot_reader_next(reader, &bytes, &message, sizeof(message)), 1);
	assert_int_equal(message.lost, 3);
	assert_int_equal(message.sequence, 4);
	msgslot_reader_free(reader);
	msgslot_slot_close(slot);
}

static void what_a_reader_refuses(void **state)
{
	const struct msgslot_receive_options flags[] = {
		{ .flags = MSGSLOT_RECV_PEEK },
		{ .flags = MSGSLOT_RECV_IF },
		{ .flags = MSGSLOT_RECV_MANY },
		{ .flags = MSGSLOT_RECV_RANGE | MSGSLOT_RECV_NEWER },
		{ .flags = 1u << 31 },
	};
	struct msgslot *slot = own_slot("queue", O_RDWR);
	const struct msgslot_receive_options past = { .timeout = -2 };
	struct msgslot_reader *reader;
	struct msgslot_message message;
	const void *bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		assert_open_fails(msgslot_reader_new(slot, 1, &flags[i], 0), EINVAL);
	assert_open_fails(msgslot_reader_new(slot, 1, NULL, (1u << 30) + 1), EINVAL);
	assert_open_fails(msgslot_writer_new(slot, 0, (1u << 30) + 1), EINVAL);
	assert_open_fails(msgslot_writer_new(slot, -2, 0), EINVAL);
	reader = reader_or_fail(slot, 1, &past, 0);
	assert_fails(msgslot_reader_next(reader, &bytes, NULL, 0), EINVAL);
	msgslot_reader_free(reader);
	/* No range is listened to. */
	reader = reader_or_fail(slot, 1, &range_at_once, 0);
	assert_fails(msgslot_reader_next(reader, &bytes, NULL, 0), EINVAL);
	msgslot_reader_free(reader);
	/* A struct that is too short: nothing is taken. */
	send_text(slot, 1, "kept");
	reader = reader_or_fail(slot, 1, &at_once, 0);
	assert_fails(msgslot_reader_next(reader, &bytes, &message, sizeof(uint64_t)), EINVAL);
	assert_next(slot, 1, "kept");
	msgslot_reader_free(reader);
	msgslot_reader_free(NULL);
	msgslot_writer_free(NULL);
	msgslot_slot_close(slot);
}

/* ---- writers --------------------------------------------------------------------------------- */

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
		own_slot_test(a_range_tells_its_channels),
		own_slot_test(lowest_is_for_queues),
		own_slot_test(a_reader_hands_out_in_order),
		own_slot_test(a_reader_takes_no_more_than_fits),
		own_slot_test(a_reader_grows),
		own_slot_test(a_reader_of_a_range),
		own_slot_test(a_reader_of_last_waits_for_newer),
		own_slot_test(a_reader_looks_at_a_queue),
		own_slot_test(a_reader_tells_of_loss),
		own_slot_test(what_a_reader_refuses),
		own_slot_test(a_writer_keeps_the_order),
		own_slot_test(a_writer_flushes_when_full),
		own_slot_test(a_writer_goes_on_after_a_full_channel),
		own_slot_test(what_a_writer_refuses),
		own_slot_test(a_range_is_carried_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
