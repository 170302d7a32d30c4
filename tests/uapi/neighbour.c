// SPDX-License-Identifier: GPL-2.0-or-later
/* What one user of a slot may do to another: not starve. */
#define _GNU_SOURCE
#include <sched.h>

#include "ioctl.h"

/* ---- one share for each person ------------------------------------------------------ */

enum { MIB = 1024 * 1024 };

static char text[MIB];
static int begun[2], mapped[2];

/* In a user namespace of member's, as many ids as it has. */
static void *many_ids_of_one(void *argument)
{
	const size_t length = *(size_t *)argument;
	int id, fd, files = 0;
	char byte;

	demand(unshare(CLONE_NEWUSER) == 0);
	demand(write(begun[1], "r", 1) == 1);
	demand(read(mapped[0], &byte, 1) == 1);
	for (id = 1; id <= 16; id++) {
		demand(setresuid(id, id, 0) == 0);
		fd = slot_open(OWN, O_RDWR);
		demand(fd >= 0);
		if (slot_select(fd, id) || write(fd, text, length) < 0)
			break;
		files++;
		demand(setresuid(0, 0, 0) == 0);
	}
	demand(files < 16 && errno == EDQUOT);
	return NULL;
}

static void *one_message(void *argument)
{
	int fd = slot_open_on(OWN, O_RDWR, 100);

	demand(fd >= 0);
	demand(write(fd, text, *(size_t *)argument) > 0);
	return NULL;
}

static void many_ids_are_one_person(void **state)
{
	size_t length = 60000;
	char path[64], byte;
	pid_t child;

	(void)state;
	bytes_fill(text, length, 1);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	assert_result(pipe(mapped), 0);
	assert_result(pipe(begun), 0);
	child = child_start("member", many_ids_of_one, &length);
	assert_result(read(begun[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	assert_result(text_put(path, "0 100000 65536"), 0);
	assert_result(write(mapped[1], "g", 1), 1);
	child_join(child);
	/* No more than half of it is gone. */
	assert_true(slot_get(OWN, "bytes") <= MIB / 2);
	child_run("member2", one_message, &length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(many_ids_are_one_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
