// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading without a system call. */
#define _GNU_SOURCE
#include "library.h"

static char got[256];

static void newest(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_map *map;
	uint64_t sequence = 0;

	(void)state;
	assert_open_fails(msgslot_map_new(slot), EINVAL);
	assert_result(msgslot_channel_select(slot, 5), 0);
	map = msgslot_map_new(slot);
	assert_non_null(map);
	assert_fails(msgslot_map_read(map, NULL, got, sizeof(got)), EAGAIN);
	assert_result(msgslot_message_send(slot, 5, "first", 5), 0);
	assert_result(msgslot_message_send(slot, 5, "second", 6), 0);
	assert_result(msgslot_map_read(map, NULL, got, sizeof(got)), 6);
	assert_memory_equal(got, "second", 6);
	assert_result(msgslot_map_read(map, &sequence, got, 6), 6);
	assert_int_equal(sequence, 2);
	sequence++;
	assert_fails(msgslot_map_read(map, &sequence, got, sizeof(got)), EAGAIN);
	assert_int_equal(sequence, 3);
	assert_int_equal(msgslot_map_get_next(map), 3);
	assert_fails(msgslot_map_read(map, NULL, got, 5), ENOSPC);
	/* The slot's end is not the map's. */
	msgslot_slot_close(slot);
	assert_result(msgslot_map_read(map, NULL, got, sizeof(got)), 6);
	assert_works(slot_destroy(OWN));
	assert_fails(msgslot_map_read(map, NULL, got, sizeof(got)), ENODEV);
	errno = 99;
	msgslot_map_free(map);
	msgslot_map_free(NULL);
	assert_int_equal(errno, 99);
}

static void one_after_the_other(void **state)
{
	struct msgslot *slot = own_slot("broadcast", O_RDWR);
	struct msgslot_map *map = msgslot_map_new(slot);
	uint64_t sequence = 0;
	int i;

	(void)state;
	assert_non_null(map);
	sequence = msgslot_map_get_next(map);
	for (i = 0; i < 1000; i++) {
		assert_result(msgslot_message_send(slot, 0, &i, sizeof(i)), 0);
		if (i % 7 == 0 && i > 500)
			continue;
		for (; msgslot_map_read(map, &sequence, got, sizeof(got)) >= 0; sequence++)
			assert_int_equal(*(int *)got, sequence - 1);
	}
	assert_int_equal(sequence, 1001);
	for (i = 0; i < 300; i++)
		assert_result(msgslot_message_send(slot, 0, "x", 1), 0);
	assert_result(msgslot_map_read(map, &sequence, got, sizeof(got)), 1);
	assert_int_equal(sequence, 1001 + 300 - 256);
	msgslot_map_free(map);
	msgslot_slot_close(slot);
}

static void what_cannot_be_mapped(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);

	(void)state;
	assert_open_fails(msgslot_map_new(slot), EOPNOTSUPP);
	msgslot_slot_close(slot);
	slot = own_slot("last", O_WRONLY);
	assert_result(msgslot_channel_select(slot, 5), 0);
	assert_open_fails(msgslot_map_new(slot), EACCES);
	msgslot_slot_close(slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(newest),
		own_slot_test(one_after_the_other),
		own_slot_test(what_cannot_be_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
