// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slots are made, destroyed and configured by number, and each way to get it wrong has its error.
 */
#define _GNU_SOURCE
#include "library.h"

static int no_own(void **state)
{
	(void)state;
	return slot_exists(OWN) ? slot_destroy(OWN) : 0;
}

static void makes_and_destroys(void **state)
{
	const char *const modes[] = { "last", "queue", "broadcast" };
	char mode[16];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_result(msgslot_slot_create(OWN, modes[i]), OWN);
		assert_result(msgslot_attribute_get(OWN, "mode", mode, sizeof(mode)),
			      (ssize_t)strlen(modes[i]));
		assert_string_equal(mode, modes[i]);
		assert_fails(msgslot_slot_create(OWN, modes[i]), EEXIST);
		msgslot_slot_close(open_or_fail(OWN_NAME, O_RDWR));
		assert_result(msgslot_slot_destroy(OWN), 0);
		assert_fails(msgslot_slot_destroy(OWN), ENXIO);
	}
}

static void the_lowest_free_is_taken(void **state)
{
	int first = msgslot_slot_create(-1, "last"), second, last;

	(void)state;
	/* 0 to 7 are the module's. */
	assert_int_equal(first, 8);
	second = msgslot_slot_create(-1, "queue");
	assert_int_equal(second, 9);
	assert_result(msgslot_slot_destroy(first), 0);
	assert_int_equal(msgslot_slot_create(-1, "queue"), first);
	/* Where udev needs a second for each, uapi/module makes all there may be. */
	for (last = second + 1; last < paced(MSGSLOT_SLOTS_MAX, 16); last++)
		assert_int_equal(msgslot_slot_create(-1, "last"), last);
	if (last == MSGSLOT_SLOTS_MAX)
		assert_fails(msgslot_slot_create(-1, "last"), ENOSPC);
	while (--last >= first)
		assert_result(msgslot_slot_destroy(last), 0);
}

static void wrong_modes_and_numbers(void **state)
{
	const char *const wrong[] = { "",	 "Last", "last ",	"last\n", "last queue",
				      "first\n", "1",	 "last\nqueue", " queue" };
	static char longest[5000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_fails(msgslot_slot_create(OWN, wrong[i]), EINVAL);
	memset(longest, 'm', sizeof(longest) - 1);
	assert_fails(msgslot_slot_create(OWN, longest), EINVAL);
	assert_fails(msgslot_slot_create(OWN, NULL), EINVAL);
	assert_fails(msgslot_slot_create(MSGSLOT_SLOTS_MAX, "last"), EINVAL);
	assert_fails(msgslot_slot_create(INT32_MAX, "last"), EINVAL);
	assert_fails(msgslot_slot_destroy(-1), EINVAL);
	assert_fails(msgslot_slot_destroy(MSGSLOT_SLOTS_MAX), EINVAL);
	assert_false(slot_exists(OWN));
}

static void next_counts_what_is_there(void **state)
{
	int minor, count = 0;

	(void)state;
	assert_result(msgslot_slot_create(OWN, "last"), OWN);
	assert_result(msgslot_slot_create(255, "last"), 255);
	for (minor = msgslot_slot_next(-1); minor >= 0; minor = msgslot_slot_next(minor)) {
		assert_true(slot_exists(minor));
		count++;
	}
	assert_int_equal(errno, ENOENT);
	assert_int_equal(count, 10);
	assert_result(msgslot_slot_next(7), OWN);
	assert_result(msgslot_slot_next(OWN), 255);
	assert_fails(msgslot_slot_next(255), ENOENT);
	assert_fails(msgslot_slot_next(INT32_MAX), ENOENT);
	assert_result(msgslot_slot_next(-7), 0);
	assert_result(msgslot_slot_destroy(255), 0);
}

static void attributes(void **state)
{
	static const char *const wrong[] = { "",
					     "none",
					     "../mode",
					     "mode/",
					     "power",
					     "power/async",
					     "subsystem/x",
					     "/etc/passwd",
					     "mo de",
					     "Mode",
					     "." };
	static char big[10000];
	struct msgslot *slot;
	char text[32];
	size_t i;

	(void)state;
	assert_result(msgslot_slot_create(OWN, "queue"), OWN);
	assert_result(msgslot_attribute_set(OWN, "depth", "12"), 0);
	assert_result(msgslot_attribute_get(OWN, "depth", text, sizeof(text)), 2);
	assert_string_equal(text, "12");
	assert_result(msgslot_attribute_set(OWN, "max_message", "5000\n"), 0);
	assert_result(msgslot_attribute_set(OWN, "max_bytes", "100000"), 0);
	assert_result(msgslot_attribute_set(OWN, "max_channels", "10"), 0);
	assert_result(msgslot_attribute_get(OWN, "max_message", text, sizeof(text)), 4);
	assert_string_equal(text, "5000");
	assert_result(slot_get(OWN, "max_bytes"), 100000);
	assert_result(slot_get(OWN, "max_channels"), 10);
	assert_result(msgslot_attribute_get(OWN, "sent", text, sizeof(text)), 1);

	/* Space for the text and its NUL. */
	assert_fails(msgslot_attribute_get(OWN, "max_message", text, 4), ENOSPC);
	assert_result(msgslot_attribute_get(OWN, "max_message", text, 5), 4);
	assert_fails(msgslot_attribute_get(OWN, "max_message", NULL, 0), ENOSPC);

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_fails(msgslot_attribute_get(OWN, wrong[i], text, sizeof(text)), EINVAL);
		assert_fails(msgslot_attribute_set(OWN, wrong[i], "1"), EINVAL);
	}
	assert_fails(msgslot_attribute_get(OWN, NULL, text, sizeof(text)), EINVAL);
	assert_fails(msgslot_attribute_set(OWN, "depth", "0"), EINVAL);
	assert_fails(msgslot_attribute_set(OWN, "depth", "-1"), EINVAL);
	assert_fails(msgslot_attribute_set(OWN, "depth", "99999999999"), ERANGE);
	assert_fails(msgslot_attribute_set(OWN, "depth", ""), EINVAL);
	assert_fails(msgslot_attribute_set(OWN, "depth", NULL), EINVAL);
	assert_fails(msgslot_attribute_set(OWN, "sent", "0"), EACCES);
	/* Not what the first page of it says. */
	memset(big, ' ', sizeof(big) - 1);
	big[0] = '7';
	assert_fails(msgslot_attribute_set(OWN, "depth", big), EINVAL);
	assert_result(slot_get(OWN, "depth"), 12);

	slot = open_or_fail(OWN_NAME, O_RDONLY);
	assert_fails(msgslot_attribute_set(OWN, "depth", "13"), EBUSY);
	assert_result(msgslot_attribute_set(OWN, "depth", "12"), 0);
	msgslot_slot_close(slot);
	assert_fails(msgslot_attribute_get(201, "mode", text, sizeof(text)), ENXIO);
	assert_fails(msgslot_attribute_set(201, "mode", "last"), ENXIO);
	assert_fails(msgslot_attribute_get(256, "mode", text, sizeof(text)), EINVAL);
	assert_fails(msgslot_attribute_get(-1, "mode", text, sizeof(text)), EINVAL);
}

static void *member_manages(void *unused)
{
	char text[32];

	(void)unused;
	demand(msgslot_slot_create(201, "last") == -1 && errno == EACCES);
	demand(msgslot_slot_destroy(0) == -1 && errno == EACCES);
	demand(msgslot_attribute_set(0, "depth", "1") == -1 && errno == EACCES);
	demand(msgslot_slot_next(-1) == 0);
	demand(msgslot_attribute_get(0, "mode", text, sizeof(text)) == 4);
	return NULL;
}

static void changes_are_root_s(void **state)
{
	(void)state;
	child_run("member", member_manages, NULL);
	assert_true(slot_exists(0));
}

static void without_the_module(void **state)
{
	char text[32];

	(void)state;
	/* udev may have a node open for a moment. */
	assert_works(nodes_settle());
	assert_works(module_unload());
	assert_fails(msgslot_slot_create(0, "last"), ENODEV);
	assert_fails(msgslot_slot_destroy(0), ENODEV);
	assert_fails(msgslot_slot_next(-1), ENODEV);
	assert_fails(msgslot_attribute_get(0, "mode", text, sizeof(text)), ENODEV);
	assert_fails(msgslot_attribute_set(0, "mode", "last"), ENODEV);
	assert_open_fails(msgslot_slot_open("0", O_RDWR), ENOENT);
}

static int module_back(void **state)
{
	(void)state;
	return module_restore();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(makes_and_destroys, no_own),
		cmocka_unit_test_teardown(the_lowest_free_is_taken, no_own),
		cmocka_unit_test_teardown(wrong_modes_and_numbers, no_own),
		cmocka_unit_test_teardown(next_counts_what_is_there, no_own),
		cmocka_unit_test_teardown(attributes, no_own),
		cmocka_unit_test_teardown(changes_are_root_s, no_own),
		cmocka_unit_test_teardown(without_the_module, module_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
