// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ranges, and many messages received with a system call: a reader hands out what the plain calls
 * would receive, in their order, and loses nothing by an error, or by a message that is longer than
 * its buffer.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "library.h"

static const struct msgslot_receive_options at_once = { .timeout = 0 };
static const struct msgslot_receive_options range_at_once = { .flags = MSGSLOT_RECV_RANGE };

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
	msgslot_slot_close(slot);
}

/* A message that needs more than the caller gave comes alone; what follows it takes no more. */
static void a_long_message_makes_no_larger_batch(void **state)
{
	enum { LONG = 3000, BATCH = 200, FIT = BATCH / (sizeof(struct msgslot_header) + 8) };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_reader *reader;
	static char text[LONG];
	const void *bytes;
	int i;

	(void)state;
	bytes_fill(text, sizeof(text), 7);
	assert_result(msgslot_message_send(slot, 5, text, sizeof(text)), 0);
	for (i = 0; i < 20; i++)
		send_text(slot, 5, "short");
	reader = msgslot_reader_new(slot, 5, &at_once, BATCH);
	assert_non_null(reader);
	assert_result(msgslot_reader_next(reader, &bytes, NULL, 0), LONG);
	assert_memory_equal(bytes, text, LONG);
	assert_int_equal(msgslot_reader_get_left(reader), 0);
	for (i = 0; i < 20; i++) {
		assert_read(reader, 5, 2 + i, "short");
		assert_in_range(msgslot_reader_get_left(reader), 0, FIT - 1);
		assert_int_equal(slot_get(OWN, "messages") + msgslot_reader_get_left(reader),
				 19 - i);
	}
	assert_read_nothing(reader);
	msgslot_reader_free(reader);
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
		own_slot_test(a_long_message_makes_no_larger_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
