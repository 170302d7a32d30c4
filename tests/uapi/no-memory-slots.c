// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No memory for slots: created, configured and destroyed through sysfs; see no-memory.h.
 */
#define _GNU_SOURCE
#include <sys/stat.h>

#include "no-memory.h"

static void assert_works_as(const char *mode)
{
	int fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, 1);
	char text[32];

	assert_works(fd);
	assert_works(text_get(SLOT_CLASS "/msgslot200/mode", text, sizeof(text)));
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, mode);
	assert_result(write(fd, "works", 5), 5);
	assert_result(read(fd, got, sizeof(got)), 5);
	clear(fd, 1);
	close(fd);
}

static void creates(void **state)
{
	bool more;
	long result;
	int k, n;

	(void)state;
	assert_result(slot_destroy(OWN), 0);
	for (k = 0; k < 3; k++)
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, result, slot_create(OWN, kinds[k].mode));
			assert_int_equal(slot_exists(OWN), result == 0);
			if (result) {
				/* Not half there: it can be created as if nothing had been. */
				assert_fails(slot_destroy(OWN), ENODEV);
				assert_result(slot_create(OWN, kinds[k].mode), 0);
			}
			assert_works_as(kinds[k].mode);
			assert_result(slot_destroy(OWN), 0);
		}
}

static void destroys(void **state)
{
	struct stat node;
	bool more = true;
	long result;
	int n, fd;

	(void)state;
	for (n = 1; more; n++) {
		fd = slot_open_on(OWN, O_RDWR, 1);
		assert_works(fd);
		assert_result(write(fd, message(LONG / 500, n), LONG / 500), LONG / 500);
		more = with_fault(n, result, slot_destroy(OWN));
		if (result) {
			/* All there still. */
			assert_next(fd, LONG / 500, n);
			assert_result(slot_destroy(OWN), 0);
		}
		assert_fails(read(fd, got, sizeof(got)), ENODEV);
		assert_result(stat("/dev/msgslot200", &node), -1);
		close(fd);
		assert_result(slot_create(OWN, "last"), 0);
	}
}

/* An attribute that could not be set is as it was. */
static void settings(void **state)
{
	const struct {
		const char *name, *values[2];
	} attributes[] = {
		{ "mode", { "queue\n", "broadcast\n" } },
		{ "depth", { "7\n", "70\n" } },
		{ "max_message", { "100\n", "100000\n" } },
		{ "overflow", { "drop\n", "block\n" } },
		{ "max_bytes", { "1000000\n", "2000000\n" } },
		{ "max_channels", { "100\n", "200\n" } },
	};
	char path[64], text[64];
	bool more;
	long result;
	size_t i;
	int n;

	(void)state;
	assert_result(slot_put(OWN, "mode", "broadcast"), 0);
	for (i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		snprintf(path, sizeof(path), SLOT_CLASS "/msgslot200/%s", attributes[i].name);
		for (n = 1, more = true; more; n++) {
			assert_result(text_put(path, attributes[i].values[0]), 0);
			more = with_fault(n, result, text_put(path, attributes[i].values[1]));
			assert_works(text_get(path, text, sizeof(text)));
			assert_string_equal(text, attributes[i].values[result == 0]);
		}
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, result, text_get(path, text, sizeof(text)));
			if (result >= 0)
				assert_string_equal(text, attributes[i].values[1]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(creates),
		own_slot_test(destroys),
		own_slot_test(settings),
	};

	return cmocka_run_group_tests(tests, faults_setup, faults_teardown);
}
