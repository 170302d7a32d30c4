// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading and unloading: refused while a node is open, complete afterwards; every parameter, right
 * and malformed, the latter with a clear line in the log and nothing half made.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "check.h"

static int count_nodes(void)
{
	DIR *dev = opendir("/dev");
	struct dirent *entry;
	int count = 0;

	assert_non_null(dev);
	while ((entry = readdir(dev)))
		count += !strncmp(entry->d_name, "msgslot", 7);
	closedir(dev);
	return count;
}

static bool has_major(void)
{
	char devices[8192];

	assert_works(text_get("/proc/devices", devices, sizeof(devices)));
	return strstr(devices, " msgslot\n") != NULL;
}

static void assert_nothing_is_there(void)
{
	assert_false(module_is_loaded());
	assert_false(has_major());
	assert_int_equal(access(SLOT_CLASS, F_OK), -1);
	assert_int_equal(count_nodes(), 0);
}

static void unload(void)
{
	int tries;

	for (tries = 0; module_unload() && errno == EWOULDBLOCK && tries < 200; tries++)
		usleep(50000);
	assert_nothing_is_there();
}

static int begin(void **state)
{
	(void)state;
	return module_is_loaded() ? 0 : module_restore();
}

static int end(void **state)
{
	(void)state;
	while (own.count > 0)
		close(own.files[--own.count]);
	return module_restore();
}

#define module_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

static void unload_is_refused_while_open(void **state)
{
	int fd = slot_open(0, O_RDONLY), copy;
	char byte;

	(void)state;
	assert_works(fd);
	assert_fails(module_unload(), EWOULDBLOCK);
	/* A selected channel, a second descriptor, a slot that was destroyed: still open. */
	assert_result(slot_select(fd, 1), 0);
	copy = dup(fd);
	close(fd);
	assert_fails(module_unload(), EWOULDBLOCK);
	assert_result(slot_destroy(0), 0);
	assert_fails(module_unload(), EWOULDBLOCK);
	assert_fails(read(copy, &byte, 1), ENODEV);
	close(copy);
	unload();
}

static void unload_takes_messages_along(void **state)
{
	char got[8];
	int fd = slot_open_on(3, O_RDWR, 5), i;

	(void)state;
	assert_works(fd);
	assert_result(slot_create(200, "last"), 0);
	assert_result(write(fd, "before", 6), 6);
	for (i = 0; i < 1000; i++) {
		assert_result(slot_select(fd, 10 + i), 0);
		assert_result(write(fd, &i, sizeof(i)), sizeof(i));
	}
	close(fd);
	unload();
	assert_result(module_load(""), 0);
	assert_false(slot_exists(200));
	assert_result(slot_get(3, "messages"), 0);
	fd = slot_open_on(3, O_RDWR, 5);
	assert_works(fd);
	assert_fails(read(fd, got, sizeof(got)), EAGAIN);
	close(fd);
}

/* What is kept in a queue or a broadcast, on channel 0 and others, goes as well. */
static void unload_takes_logs_along(void **state)
{
	int minor, fd, i;
	char got[8];

	(void)state;
	for (minor = 4; minor < 8; minor++) {
		fd = slot_open(minor, O_RDWR);
		assert_works(fd);
		for (i = 0; i < 100; i++) {
			assert_result(write(fd, "before", 6), 6);
			assert_result(slot_select(fd, i % 10), 0);
		}
		assert_fails(module_unload(), EWOULDBLOCK);
		close(fd);
		assert_result(slot_get(minor, "messages"), 100);
	}
	unload();
	assert_result(module_load(""), 0);
	for (minor = 4; minor < 8; minor++) {
		assert_result(slot_get(minor, "messages"), 0);
		fd = slot_open(minor, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		assert_fails(read(fd, got, sizeof(got)), EAGAIN);
		close(fd);
	}
}

/* A file that epoll has seen leaves nothing behind that would hold or outlive the module. */
static void unload_after_polling(void **state)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = slot_open_on(0, O_RDWR, 1), epoll = epoll_create1(EPOLL_CLOEXEC);

	(void)state;
	assert_works(fd);
	assert_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
	assert_result(write(fd, "seen", 4), 4);
	assert_result(epoll_wait(epoll, &event, 1, 0), 1);
	assert_fails(module_unload(), EWOULDBLOCK);
	close(fd);
	unload();
	assert_result(epoll_wait(epoll, &event, 1, 0), 0);
	close(epoll);
}

/* The first letters of all slots' modes, in the order of their minors. */
static const char *modes(void)
{
	static char letters[257];
	char path[64], mode[16];
	int minor;

	for (minor = 0; slot_exists(minor); minor++) {
		snprintf(path, sizeof(path), SLOT_CLASS "/msgslot%d/mode", minor);
		assert_works(text_get(path, mode, sizeof(mode)));
		letters[minor] = mode[0];
	}
	letters[minor] = '\0';
	return letters;
}

static void slots_that_are_asked_for(void **state)
{
	const struct {
		const char *parameters;
		int slots;
		const char *modes;
	} loads[] = {
		{ "", 8, "llllqqbb" },
		{ "slots=", 0, "" },
		{ "slots=last:1", 1, "l" },
		{ "slots=last:2,last:3", 5, "lllll" },
		{ "slots=queue:1", 1, "q" },
		{ "slots=broadcast:2,queue:2,last:1,queue:1", 6, "bbqqlq" },
		{ "slots=last:256", 256, NULL },
		{ "slots=queue:128,broadcast:128", 256, NULL },
		{ "slots=last:255,last:1", 256, NULL },
		{ "major=0", 8, "llllqqbb" },
	};
	uint64_t seed = seed_get();
	const size_t one = random_below(&seed, 3);
	size_t i;
	int minor;

	(void)state;
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		/*
		 * A load with so many is long work: another one each time, and none on a slow
		 * machine, where a_node_that_is_there_can_be_opened() has one.
		 */
		if (loads[i].slots == 256 && size_is_quick() && (i % 3 != one || machine_is_slow()))
			continue;
		unload();
		assert_result(module_load(loads[i].parameters), 0);
		for (minor = 0; minor < 256; minor++)
			assert_int_equal(slot_exists(minor), minor < loads[i].slots);
		assert_int_equal(count_nodes(), loads[i].slots);
		if (loads[i].modes)
			assert_string_equal(modes(), loads[i].modes);
		assert_true(has_major());
		/* Without slots there is still a class to make some with. */
		if (!loads[i].slots)
			assert_result(slot_create(7, "last"), 0);
	}
}

static void a_major_that_is_asked_for(void **state)
{
	char devices[8192], parameters[32];
	struct stat node;
	int wanted;

	(void)state;
	unload();
	/* 235 for course programs; the next lower free one if another driver has it. */
	assert_works(text_get("/proc/devices", devices, sizeof(devices)));
	for (wanted = 235; wanted > 0; wanted--) {
		snprintf(parameters, sizeof(parameters), "\n%d ", wanted);
		if (!strstr(devices, parameters))
			break;
	}
	snprintf(parameters, sizeof(parameters), "major=%d", wanted);
	assert_result(module_load(parameters), 0);
	assert_result(stat("/dev/msgslot2", &node), 0);
	assert_int_equal(major(node.st_rdev), wanted);
	assert_int_equal(minor(node.st_rdev), 2);
}

static void malformed_parameters_are_refused(void **state)
{
	const char *const wrong[] = {
		"slots=last",
		"slots=last:",
		"slots=last:x",
		"slots=last:-1",
		"slots=last:1x",
		"slots=last:257",
		"slots=last:256,last:1",
		"slots=last:4294967297",
		"slots=last:99999999999999999999",
		"slots=:4",
		"slots=4",
		"slots=4:last",
		"slots=nonsense:1",
		"slots=Last:1",
		"slots=queue",
		"slots=broadcast:0",
		"slots=Queue:1",
		"slots=queue:128,broadcast:129",
		"slots=last:1,",
		"slots=,last:1",
		"slots=last:1,,last:1",
		"slots=,",
		"slots=last:1,nonsense:2",
		"slots=last:1:1",
		"slots=last:1.5",
		"major=512",
		"major=4294967295",
	};
	/* The kernel's own parser refuses these, and says so in its own words. */
	const char *const not_numbers[] = { "major=x", "major=-1", "major=", "major=99999999999" };
	const size_t step = machine_is_hurried() ? 9 : size_is_quick() ? 3 : 1;
	int log = kernel_log_open(), lines;
	uint64_t seed = seed_get();
	size_t i;

	(void)state;
	assert_true(log >= 0);
	unload();
	for (i = random_below(&seed, step); i < sizeof(wrong) / sizeof(wrong[0]); i += step) {
		int result = module_load(wrong[i]), error = errno;

		if (result != -1 || error != EINVAL)
			fail_msg("load with %s: %d (%s)", wrong[i], result, strerror(error));
		assert_nothing_is_there();
		lines = kernel_log_lines(log);
		if (lines != 1)
			fail_msg("load with %s: %d lines in the log", wrong[i], lines);
	}
	for (i = 0; i < sizeof(not_numbers) / sizeof(not_numbers[0]); i++) {
		assert_int_equal(module_load(not_numbers[i]), -1);
		assert_true(errno == EINVAL || errno == ERANGE);
		assert_nothing_is_there();
	}
	/* A major that another driver has: 1 is /dev/null and its like. */
	kernel_log_lines(log);
	assert_fails(module_load("major=1"), EBUSY);
	assert_nothing_is_there();
	assert_int_equal(kernel_log_lines(log), 1);
	/* After all that it loads, and has nothing to say. */
	assert_result(module_load(""), 0);
	assert_int_equal(kernel_log_lines(log), 0);
	close(log);
}

static void loaded_and_unloaded_again_and_again(void **state)
{
	long rounds = size_is_quick() ? 2 : scaled(20, 4), i;
	int fd;

	(void)state;
	for (i = 0; i < rounds; i++) {
		fd = slot_open_on((4 + i) % 8, O_RDWR, 1);
		assert_works(fd);
		assert_result(write(fd, "message", 7), 7);
		close(fd);
		unload();
		assert_result(module_load(i % 2 ? "slots=last:20,queue:20,broadcast:20" : ""), 0);
	}
}

/* Opens each node as soon as it is there. */
static void *open_what_appears(void *unused)
{
	char path[32];
	int minor, fd;

	(void)unused;
	for (minor = 0; minor < 256; minor++) {
		snprintf(path, sizeof(path), "/dev/msgslot%d", minor);
		while ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0)
			demand(errno == ENOENT);
		close(fd);
	}
	return NULL;
}

static void a_node_that_is_there_can_be_opened(void **state)
{
	long rounds = scaled(8, 1), i;
	pthread_t thread;

	(void)state;
	for (i = 0; i < rounds; i++) {
		unload();
		thread = thread_start(open_what_appears, NULL);
		assert_result(module_load("slots=last:256"), 0);
		thread_join(thread);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		module_test(unload_is_refused_while_open),
		module_test(unload_takes_messages_along),
		module_test(unload_takes_logs_along),
		module_test(unload_after_polling),
		module_test(slots_that_are_asked_for),
		module_test(a_major_that_is_asked_for),
		module_test(malformed_parameters_are_refused),
		module_test(loaded_and_unloaded_again_and_again),
		module_test(a_node_that_is_there_can_be_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
