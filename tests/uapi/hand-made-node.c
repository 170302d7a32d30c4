// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes made by hand, as course programs make them: opening one for a minor without a slot makes a
 * `last` slot that appears in sysfs, but makes no node.  The only test that may call mknod().
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "check.h"

enum { MINOR = 240 };

static int node_new(const char *path, int minor)
{
	char devices[8192], *at;

	if (text_get("/proc/devices", devices, sizeof(devices)) < 0)
		return -1;
	at = strstr(devices, " msgslot\n");
	if (!at)
		return -1;
	while (at > devices && at[-1] != '\n')
		at--;
	unlink(path);
	return mknod(path, S_IFCHR | 0600, makedev(atoi(at), minor));
}

/* Minors that were never destroyed are what this is about: begin with a fresh module. */
static int fresh_module(void **state)
{
	return module_restore() ? -1 : own_begin(state);
}

static int end(void **state)
{
	unlink("node");
	unlink("twin");
	own_end(state);
	return slot_exists(MINOR) ? slot_destroy(MINOR) : 0;
}

#define node_test(test) cmocka_unit_test_setup_teardown(test, fresh_module, end)

static int node_open(const char *path)
{
	return own_keep(open(path, O_RDWR | O_CLOEXEC));
}

static void a_node_makes_its_slot(void **state)
{
	char got[16], text[32];
	int fd, twin;

	(void)state;
	assert_result(node_new("node", MINOR), 0);
	assert_result(node_new("twin", MINOR), 0);
	/* The node alone is nothing yet. */
	assert_false(slot_exists(MINOR));
	fd = node_open("node");
	assert_true(slot_exists(MINOR));
	assert_works(text_get(SLOT_CLASS "/msgslot240/mode", text, sizeof(text)));
	assert_string_equal(text, "last\n");
	assert_result(slot_get(MINOR, "max_message"), 128);
	/* No number for udev, so no node that it would make. */
	assert_fails(access(SLOT_CLASS "/msgslot240/dev", F_OK), ENOENT);
	assert_result(nodes_settle(), 0);
	assert_fails(access("/dev/msgslot240", F_OK), ENOENT);

	/* Two nodes, one slot. */
	twin = node_open("twin");
	assert_result(slot_select(fd, 5), 0);
	assert_result(slot_select(twin, 5), 0);
	assert_result(write(fd, "by hand", 7), 7);
	assert_result(read(twin, got, sizeof(got)), 7);
	assert_memory_equal(got, "by hand", 7);
	/* And it stays, as every slot. */
	close(fd);
	close(twin);
	own.count = 0;
	fd = node_open("node");
	assert_result(slot_select(fd, 5), 0);
	assert_result(read(fd, got, sizeof(got)), 7);
}

static void a_node_of_a_slot_that_is_there(void **state)
{
	char got[16];
	int fd;

	(void)state;
	assert_result(node_new("node", OWN), 0);
	assert_result(write(own_open_on(O_WRONLY, 1), "the same", 8), 8);
	fd = node_open("node");
	assert_result(slot_select(fd, 1), 0);
	assert_result(read(fd, got, sizeof(got)), 8);
	assert_memory_equal(got, "the same", 8);
}

static void a_destroyed_minor_is_no_device(void **state)
{
	(void)state;
	assert_result(node_new("node", MINOR), 0);
	node_open("node");
	assert_fails(slot_create(MINOR, "last"), EEXIST);
	assert_result(slot_destroy(MINOR), 0);
	/* The slot is not made on demand again, until a caller creates it. */
	assert_fails(open("node", O_RDWR), ENXIO);
	assert_fails(open("node", O_RDONLY | O_NONBLOCK), ENXIO);
	assert_false(slot_exists(MINOR));
	assert_result(slot_create(MINOR, "last"), 0);
	node_open("node");
	assert_result(access("/dev/msgslot240", F_OK), 0);
	assert_result(slot_destroy(MINOR), 0);
	assert_fails(open("node", O_RDWR), ENXIO);
}

static void minors_end_at_255(void **state)
{
	(void)state;
	assert_result(node_new("node", 256), 0);
	assert_fails(open("node", O_RDWR), ENXIO);
	assert_result(node_new("node", (1 << 20) - 1), 0);
	assert_fails(open("node", O_RDWR), ENXIO);
	assert_false(slot_exists(256));
}

/* Many open a minor without a slot at once: one slot comes of it. */
static void *open_twin(void *unused)
{
	int fd = open("twin", O_RDWR | O_CLOEXEC);

	(void)unused;
	demand(fd >= 0);
	demand(slot_select(fd, 1) == 0);
	demand(write(fd, "one of many", 11) == 11);
	close(fd);
	return NULL;
}

static void many_first_opens(void **state)
{
	pthread_t threads[8];
	int i;

	(void)state;
	assert_result(node_new("twin", MINOR), 0);
	for (i = 0; i < 8; i++)
		threads[i] = thread_start(open_twin, NULL);
	for (i = 0; i < 8; i++)
		thread_join(threads[i]);
	assert_result(slot_get(MINOR, "sent"), 8);
	assert_result(slot_get(MINOR, "messages"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		node_test(a_node_makes_its_slot),
		node_test(a_node_of_a_slot_that_is_there),
		node_test(a_destroyed_minor_is_no_device),
		node_test(minors_end_at_255),
		node_test(many_first_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
