// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the testers of the course spec do, at its full size: many slots with many channels each,
 * written interleaved, and a long random run against a model in user space.
 */
#define _GNU_SOURCE
#include <message_slot.h>

#include "check.h"

enum {
	FIRST_MINOR = 100,
	SLOTS = 128, /* at most */
	CHANNELS = 127,
	MODEL_CHANNELS = 1024,
	MODEL_FILES = 16,
};

static int slots;

static int slots_begin(void **state)
{
	int minor;

	(void)state;
	slots = machine_is_hurried() ? SLOTS / 8 : SLOTS;
	for (minor = FIRST_MINOR; minor < FIRST_MINOR + slots; minor++) {
		if (slot_exists(minor))
			slot_destroy(minor);
		if (slot_create(minor, "last"))
			return -1;
	}
	return 0;
}

static int slots_end(void **state)
{
	int minor;

	(void)state;
	while (own.count > 0)
		close(own.files[--own.count]);
	for (minor = FIRST_MINOR; minor < FIRST_MINOR + slots; minor++)
		if (slot_exists(minor) && slot_destroy(minor))
			return -1;
	return 0;
}

/* Neither number of channels nor of slots is a multiple of the other: no pattern repeats. */
static void slots_and_channels_interleaved(void **state)
{
	char sent[COURSE_MAX], got[COURSE_MAX];
	int files[SLOTS], i, round;

	(void)state;
	for (i = 0; i < slots; i++)
		files[i] = own_keep(slot_open(FIRST_MINOR + i, O_RDWR));
	/* Write all, read all, write all anew, read all. */
	for (round = 0; round < 4; round++) {
		for (i = 0; i < slots * CHANNELS; i++) {
			int slot = i % slots, channel = i % CHANNELS, pass = round / 2;
			int length = 1 + (slot * 7 + channel * 13 + pass) % COURSE_MAX;

			bytes_fill(sent, length, slot << 16 | channel << 4 | pass);
			assert_result(slot_select(files[slot], 1 + channel), 0);
			if (round % 2 == 0) {
				assert_result(write(files[slot], sent, length), length);
				continue;
			}
			assert_result(read(files[slot], got, COURSE_MAX), length);
			assert_memory_equal(got, sent, length);
		}
	}
	for (i = 0; i < slots; i++) {
		assert_result(slot_get(FIRST_MINOR + i, "channels"), CHANNELS);
		assert_result(slot_get(FIRST_MINOR + i, "messages"), CHANNELS);
		assert_result(slot_get(FIRST_MINOR + i, "sent"), 2 * CHANNELS);
		assert_result(slot_get(FIRST_MINOR + i, "received"), 2 * CHANNELS);
	}
}

/* What should be there. */
static struct {
	uint32_t id;
	int length;
	char message[COURSE_MAX];
} model[MODEL_CHANNELS];

/* Ids from everywhere: small, neighbours, one apart in the highest bit, the largest. */
static uint32_t model_id(int i)
{
	switch (i % 4) {
	case 0:
		return 1 + i / 4;
	case 1:
		return (1u << 20) + 1 + i / 4;
	case 2:
		return 4294967295u - i / 4;
	default:
		return (1 + i / 4) * 2654435761u;
	}
}

static void random_run_against_a_model(void **state)
{
	long operations = machine_is_hurried() ? 1 << 12 : scaled(1 << 18, 1 << 14), left, kept = 0;
	uint64_t seed = seed_get();
	int files[MODEL_FILES], selected[MODEL_FILES], i, j;
	char bytes[2 * COURSE_MAX];

	(void)state;
	for (i = 0; i < MODEL_CHANNELS; i++) {
		model[i].id = model_id(i);
		model[i].length = 0;
		for (j = 0; j < i; j++)
			assert_true(model[i].id != model[j].id);
	}
	for (i = 0; i < MODEL_FILES; i++) {
		files[i] = own_open(O_RDWR);
		selected[i] = -1;
	}
	for (left = operations; left; left--) {
		int file = random_below(&seed, MODEL_FILES), channel = selected[file];
		int fd = files[file], length = random_below(&seed, sizeof(bytes));

		switch (channel < 0 ? 0 : random_below(&seed, 8)) {
		case 0:
		case 1:
		case 2:
			channel = random_below(&seed, MODEL_CHANNELS);
			assert_result(slot_select(fd, model[channel].id), 0);
			selected[file] = channel;
			break;
		case 3:
		case 4:
			bytes_fill(bytes, sizeof(bytes), random_next(&seed));
			if (!length || length > COURSE_MAX) {
				assert_fails(write(fd, bytes, length), EMSGSIZE);
				break;
			}
			assert_result(write(fd, bytes, length), length);
			memcpy(model[channel].message, bytes, length);
			model[channel].length = length;
			break;
		case 5:
			/* Errors in between must leave everything as it is. */
			assert_fails(write(fd, nowhere, 1 + length % COURSE_MAX), EFAULT);
			assert_fails(slot_select(fd, 0), EINVAL);
			break;
		default:
			if (!model[channel].length) {
				assert_fails(read(fd, bytes, length), EAGAIN);
			} else if (length < model[channel].length) {
				assert_fails(read(fd, bytes, length), ENOSPC);
			} else {
				assert_result(read(fd, bytes, length), model[channel].length);
				assert_memory_equal(bytes, model[channel].message,
						    model[channel].length);
			}
		}
	}
	for (i = 0; i < MODEL_CHANNELS; i++) {
		if (model[i].length)
			assert_holds(model[i].id, model[i].message, model[i].length);
		else
			assert_empty(model[i].id);
		kept += model[i].length > 0;
	}
	assert_result(slot_get(OWN, "messages"), kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(slots_and_channels_interleaved, slots_begin,
						slots_end),
		own_slot_test(random_run_against_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
