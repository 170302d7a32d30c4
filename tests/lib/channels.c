// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Channels: select, seek, clear, the walk over all of them, and what a slot says of itself.
 */
#define _GNU_SOURCE
#include "library.h"

static void select_and_get(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	uint32_t channel = 99;

	(void)state;
	assert_fails(msgslot_channel_get(slot, &channel), EINVAL);
	assert_fails(msgslot_channel_select(slot, 0), EINVAL);
	assert_int_equal(channel, 99);
	assert_result(msgslot_channel_select(slot, UINT32_MAX), 0);
	assert_result(msgslot_channel_get(slot, &channel), 0);
	assert_int_equal(channel, UINT32_MAX);
	assert_result(write(msgslot_slot_get_fd(slot), "plain", 5), 5);
	assert_next(slot, UINT32_MAX, "plain");
	assert_works(slot_set(OWN, "max_channels", 1));
	assert_fails(msgslot_channel_select(slot, 2), ENOSPC);
	assert_result(msgslot_channel_get(slot, &channel), 0);
	assert_int_equal(channel, UINT32_MAX);
	assert_works(slot_destroy(OWN));
	assert_fails(msgslot_channel_select(slot, 1), ENODEV);
	assert_fails(msgslot_channel_get(slot, &channel), ENODEV);
	msgslot_slot_close(slot);
}

static void seek_moves_the_cursor(void **state)
{
	struct msgslot *slot = own_slot("broadcast", O_RDWR), *writer;
	uint64_t sequence = 0;
	char text[2] = "a";

	(void)state;
	assert_result(msgslot_channel_select(slot, 8), 0);
	for (; text[0] <= 'd'; text[0]++)
		assert_result(msgslot_message_send(slot, 8, text, 1), 0);
	assert_result(msgslot_channel_seek(slot, MSGSLOT_SEEK_END, &sequence), 0);
	assert_int_equal(sequence, 5);
	assert_nothing(slot, 8);
	assert_result(msgslot_channel_seek(slot, MSGSLOT_SEEK_OLDEST, NULL), 0);
	assert_next(slot, 8, "a");
	sequence = 3;
	assert_result(msgslot_channel_seek(slot, MSGSLOT_SEEK_SEQUENCE, &sequence), 0);
	assert_int_equal(sequence, 3);
	assert_next(slot, 8, "c");

	sequence = 6;
	assert_fails(msgslot_channel_seek(slot, MSGSLOT_SEEK_SEQUENCE, &sequence), EINVAL);
	assert_int_equal(sequence, 6);
	assert_fails(msgslot_channel_seek(slot, MSGSLOT_SEEK_SEQUENCE, NULL), EINVAL);
	assert_fails(msgslot_channel_seek(slot, (enum msgslot_whence)3, NULL), EINVAL);
	writer = own_slot("broadcast", O_WRONLY);
	assert_fails(msgslot_channel_seek(writer, MSGSLOT_SEEK_END, NULL), EBADF);
	assert_next(slot, 8, "d");
	msgslot_slot_close(writer);
	msgslot_slot_close(slot);
}

static void seek_is_for_broadcast(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);

	(void)state;
	assert_fails(msgslot_channel_seek(slot, MSGSLOT_SEEK_END, NULL), EOPNOTSUPP);
	msgslot_slot_close(slot);
}

static void clear_takes_all_or_nothing(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR), *reader;
	uint64_t newest = 0, messages = 99;

	(void)state;
	/* What is not there is cleared already. */
	assert_result(msgslot_channel_clear(slot, 6, NULL, &messages), 0);
	assert_int_equal(messages, 0);
	assert_result(msgslot_channel_clear(slot, 6, &newest, NULL), 0);
	assert_result(msgslot_message_send(slot, 6, "a", 1), 0);
	assert_result(msgslot_message_send_with(slot, 6, "b", 1, NULL, &newest), 0);
	newest--;
	messages = 99;
	assert_fails(msgslot_channel_clear(slot, 6, &newest, &messages), ESTALE);
	assert_int_equal(messages, 99);
	newest++;
	assert_result(msgslot_channel_clear(slot, 6, &newest, &messages), 0);
	assert_int_equal(messages, 2);
	assert_nothing(slot, 6);
	assert_result(msgslot_message_send(slot, 6, "c", 1), 0);
	assert_result(msgslot_channel_clear(slot, 6, NULL, NULL), 0);
	assert_nothing(slot, 6);
	reader = own_slot("queue", O_RDONLY);
	assert_fails(msgslot_channel_clear(reader, 6, NULL, NULL), EBADF);
	msgslot_slot_close(reader);
	msgslot_slot_close(slot);

	slot = own_slot("last", O_RDWR);
	assert_fails(msgslot_channel_clear(slot, 0, NULL, NULL), EINVAL);
	msgslot_slot_close(slot);
}

static void walk_lists_every_channel(void **state)
{
	/* More than one call's worth, and the very last id. */
	const int count = scaled(10000, 600);
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_walker *walker = msgslot_walker_new(slot);
	struct msgslot_walk_entry entry;
	int i;

	(void)state;
	assert_non_null(walker);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 0);
	msgslot_walker_free(walker);
	for (i = 1; i < count; i++)
		assert_result(msgslot_message_send(slot, i * 3, &i, sizeof(i)), 0);
	assert_result(msgslot_message_send(slot, UINT32_MAX, "end", 3), 0);
	assert_result(msgslot_message_send(slot, UINT32_MAX, "end", 3), 0);
	assert_result(msgslot_channel_select(slot, UINT32_MAX), 0);

	walker = msgslot_walker_new(slot);
	assert_non_null(walker);
	for (i = 1; i < count; i++) {
		assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
		assert_int_equal(entry.channel, i * 3);
		assert_int_equal(entry.next - entry.first, 1);
		assert_int_equal(entry.files, 0);
	}
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
	assert_int_equal(entry.channel, UINT32_MAX);
	assert_int_equal(entry.next - entry.first, 1);
	assert_int_equal(entry.files, 1);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 0);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 0);

	/* From a channel that is there, from between two, back, and from the last on. */
	msgslot_walker_seek(walker, 900);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
	assert_int_equal(entry.channel, 900);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
	assert_int_equal(entry.channel, 903);
	msgslot_walker_seek(walker, 4);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
	assert_int_equal(entry.channel, 6);
	msgslot_walker_seek(walker, UINT32_MAX);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
	assert_int_equal(entry.channel, UINT32_MAX);
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 0);
	msgslot_walker_free(walker);
	msgslot_slot_close(slot);
}

static void walk_of_a_full_call_ends(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_walk_entry entry;
	struct msgslot_walker *walker;
	int i;

	(void)state;
	for (i = 0; i < MSGSLOT_WALK_MAX; i++)
		assert_result(msgslot_message_send(slot, 1000 + i, "m", 1), 0);
	walker = msgslot_walker_new(slot);
	assert_non_null(walker);
	for (i = 0; i < MSGSLOT_WALK_MAX; i++) {
		/* Our own file holds the channel it starts on. */
		assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
		if (i == 0 && entry.channel == 0)
			assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 1);
		assert_int_equal(entry.channel, 1000 + i);
	}
	assert_result(msgslot_walker_next(walker, &entry, sizeof(entry)), 0);
	msgslot_walker_free(walker);

	walker = msgslot_walker_new(slot);
	assert_non_null(walker);
	assert_works(slot_destroy(OWN));
	assert_fails(msgslot_walker_next(walker, &entry, sizeof(entry)), ENODEV);
	msgslot_walker_free(walker);
	msgslot_slot_close(slot);
}

static void info_agrees_with_sysfs(void **state)
{
	struct msgslot_info info, again;
	struct msgslot *slot, *writer;
	char mode[32];

	(void)state;
	assert_works(slot_put(OWN, "mode", "broadcast"));
	assert_works(slot_put(OWN, "overflow", "block"));
	assert_works(slot_set(OWN, "depth", 9));
	assert_works(slot_set(OWN, "max_message", 333));
	slot = own_slot("broadcast", O_RDWR);
	assert_result(msgslot_message_send(slot, 2, "m", 1), 0);
	memset(&info, 0xff, sizeof(info));
	assert_result(msgslot_info_get(slot, &info, sizeof(info)), 0);
	assert_int_equal(info.version, MSGSLOT_ABI_VERSION);
	assert_int_equal(info.minor, OWN);
	assert_int_equal(info.depth, 9);
	assert_int_equal(info.max_message, 333);
	assert_int_equal(info.max_bytes, slot_get(OWN, "max_bytes"));
	assert_int_equal(info.max_channels, slot_get(OWN, "max_channels"));
	assert_int_equal(info.channels, slot_get(OWN, "channels"));
	assert_int_equal(info.messages, 1);
	assert_int_equal(info.sent, 1);
	assert_int_equal(info.received, 0);
	assert_int_equal(info.dropped, 0);
	assert_string_equal(msgslot_mode_get_name(info.mode), "broadcast");
	assert_string_equal(msgslot_overflow_get_name(info.overflow), "block");
	assert_works(msgslot_attribute_get(OWN, "mode", mode, sizeof(mode)));
	assert_string_equal(msgslot_mode_get_name(info.mode), mode);

	/* Of any file, and the same slot is the same instance. */
	writer = own_slot("broadcast", O_WRONLY);
	assert_result(msgslot_info_get(writer, &again, sizeof(again)), 0);
	assert_memory_equal(again.instance, info.instance, sizeof(info.instance));
	assert_works(slot_destroy(OWN));
	assert_fails(msgslot_info_get(writer, &again, sizeof(again)), ENODEV);
	msgslot_slot_close(writer);
	msgslot_slot_close(slot);
}

static void numbers_have_names(void **state)
{
	(void)state;
	assert_string_equal(msgslot_mode_get_name(MSGSLOT_LAST), "last");
	assert_string_equal(msgslot_mode_get_name(MSGSLOT_QUEUE), "queue");
	assert_string_equal(msgslot_mode_get_name(MSGSLOT_BROADCAST), "broadcast");
	assert_open_fails(msgslot_mode_get_name(3), EINVAL);
	assert_open_fails(msgslot_mode_get_name(-1), EINVAL);
	assert_string_equal(msgslot_overflow_get_name(MSGSLOT_DROP), "drop");
	assert_string_equal(msgslot_overflow_get_name(MSGSLOT_BLOCK), "block");
	assert_open_fails(msgslot_overflow_get_name(2), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(select_and_get),		 own_slot_test(seek_moves_the_cursor),
		own_slot_test(seek_is_for_broadcast),	 own_slot_test(clear_takes_all_or_nothing),
		own_slot_test(walk_lists_every_channel), own_slot_test(walk_of_a_full_call_ends),
		own_slot_test(info_agrees_with_sysfs),	 own_slot_test(numbers_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
