// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A slot is opened by number, path or name, and nothing that is no slot ever is.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "library.h"

static void by_number_and_by_path(void **state)
{
	const char *const names[] = { "200", "0200", "000000000000200", "/dev/msgslot200",
				      "/dev/../dev/msgslot200" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct msgslot *slot = open_or_fail(names[i], O_RDWR);

		assert_int_equal(msgslot_slot_get_minor(slot), OWN);
		msgslot_slot_close(slot);
	}
}

static void a_path_may_be_relative(void **state)
{
	struct msgslot *slot;

	(void)state;
	assert_works(symlink("/dev/msgslot200", "link"));
	assert_works(symlink("/dev/msgslot200", "200x"));
	/* A file whose name is a number is named with its folder. */
	assert_works(symlink("/dev/msgslot200", "3"));
	assert_works(symlink("/dev/msgslot200", "@at"));
	slot = open_or_fail("link", O_RDONLY);
	msgslot_slot_close(slot);
	slot = open_or_fail("200x", O_RDONLY);
	msgslot_slot_close(slot);
	slot = open_or_fail("./3", O_RDONLY);
	assert_int_equal(msgslot_slot_get_minor(slot), OWN);
	msgslot_slot_close(slot);
	slot = open_or_fail("./@at", O_RDONLY);
	msgslot_slot_close(slot);
	assert_works(unlink("link"));
	assert_works(unlink("200x"));
	assert_works(unlink("3"));
	assert_works(unlink("@at"));
}

static void what_is_no_name_is_refused(void **state)
{
	const char *const wrong[] = { "",   "256",  "4294967296", "18446744073709551816", "@", "@1",
				      "@-", "@a b", "@a/b" };
	size_t i;

	(void)state;
	assert_open_fails(msgslot_slot_open(NULL, O_RDWR), EINVAL);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_open_fails(msgslot_slot_open(wrong[i], O_RDWR), EINVAL);
	assert_open_fails(msgslot_slot_open("-1", O_RDWR), ENOENT);
	assert_open_fails(msgslot_slot_open("0x1", O_RDWR), ENOENT);
	assert_open_fails(msgslot_slot_open(" 200", O_RDWR), ENOENT);
	assert_open_fails(msgslot_slot_open("/dev/msgslot", O_RDWR), ENOENT);
}

static void flags_that_make_no_sense_are_refused(void **state)
{
	const int wrong[] = { O_CREAT, O_TRUNC, O_APPEND, O_DIRECTORY, O_PATH };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_open_fails(msgslot_slot_open(OWN_NAME, O_RDWR | wrong[i]), EINVAL);
	/* Least of all is a file made. */
	assert_open_fails(msgslot_slot_open("./new", O_RDWR | O_CREAT), EINVAL);
	assert_open_fails(msgslot_slot_open(OWN_NAME, O_WRONLY | O_RDWR), EINVAL);
	assert_int_equal(access("new", F_OK), -1);
}

static void what_is_no_slot_is_not_opened(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	const char *const wrong[] = { "/dev/null", "/dev/zero", "/dev/ptmx", "./file",
				      "./pipe",	   "./socket",	"/tmp",	     "/proc/self/status" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct stat status;
	size_t i;

	(void)state;
	assert_works(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	/* A pipe would wait for its other end. */
	assert_works(mkfifo("pipe", 0600));
	assert_works(close(open("file", O_CREAT | O_WRONLY, 0600)));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_open_fails(msgslot_slot_open(wrong[i], O_RDONLY), ENOTTY);
		assert_open_fails(msgslot_slot_open(wrong[i], O_WRONLY), ENOTTY);
	}
	assert_works(stat("file", &status));
	assert_int_equal(status.st_size, 0);
	close(fd);
	assert_works(unlink("pipe"));
	assert_works(unlink("file"));
	assert_works(unlink("socket"));
	assert_open_fails(msgslot_slot_open("/dev/null/slot", O_RDONLY), ENOTDIR);
}

static void a_destroyed_slot_is_not_opened(void **state)
{
	(void)state;
	assert_works(symlink("/dev/msgslot200", "old"));
	assert_works(slot_destroy(OWN));
	assert_open_fails(msgslot_slot_open(OWN_NAME, O_RDONLY), ENOENT);
	assert_open_fails(msgslot_slot_open("old", O_RDONLY), ENOENT);
	assert_works(unlink("old"));
}

static void *outsider_opens(void *unused)
{
	(void)unused;
	demand(!msgslot_slot_open("0", O_RDONLY) && errno == EACCES);
	return NULL;
}

static void *member_opens(void *unused)
{
	struct msgslot *slot = msgslot_slot_open("0", O_RDWR);

	(void)unused;
	demand(slot);
	msgslot_slot_close(slot);
	return NULL;
}

static void permission_is_the_node_s(void **state)
{
	(void)state;
	child_run("outsider", outsider_opens, NULL);
	child_run("member", member_opens, NULL);
}

static void tells_what_it_opened(void **state)
{
	struct msgslot *slot;

	(void)state;
	assert_works(slot_put(OWN, "mode", "queue"));
	assert_works(slot_set(OWN, "max_message", 777));
	slot = open_or_fail(OWN_NAME, O_RDONLY | O_NONBLOCK);
	assert_int_equal(msgslot_slot_get_minor(slot), OWN);
	assert_int_equal(msgslot_slot_get_mode(slot), MSGSLOT_QUEUE);
	assert_int_equal(msgslot_slot_get_max_message(slot), 777);
	assert_int_equal(fcntl(msgslot_slot_get_fd(slot), F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(msgslot_slot_get_fd(slot), F_GETFL) & (O_ACCMODE | O_NONBLOCK),
			 O_RDONLY | O_NONBLOCK);
	msgslot_slot_close(slot);
	assert_string_not_equal(msgslot_version_get(), "");
}

static void close_takes_null_and_leaves_errno(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	int fd = msgslot_slot_get_fd(slot);

	(void)state;
	errno = EXDEV;
	msgslot_slot_close(slot);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	errno = EXDEV;
	msgslot_slot_close(NULL);
	msgslot_walker_free(NULL);
	msgslot_names_close(NULL);
	assert_int_equal(errno, EXDEV);
}

static void adopts_descriptors_of_slots_only(void **state)
{
	int null = open("/dev/null", O_RDWR), own = slot_open(OWN, O_RDWR);
	struct msgslot *slot;

	(void)state;
	assert_open_fails(msgslot_slot_adopt(-1), EBADF);
	assert_open_fails(msgslot_slot_adopt(null), ENOTTY);
	/* Still ours. */
	assert_works(close(null));

	slot = msgslot_slot_adopt(own);
	assert_non_null(slot);
	assert_int_equal(msgslot_slot_get_fd(slot), own);
	assert_int_equal(msgslot_slot_get_minor(slot), OWN);
	assert_result(msgslot_message_send(slot, 4, "adopted", 7), 0);
	assert_next(slot, 4, "adopted");
	msgslot_slot_close(slot);
	assert_int_equal(fcntl(own, F_GETFD), -1);

	own = slot_open(OWN, O_RDWR);
	assert_works(slot_destroy(OWN));
	assert_open_fails(msgslot_slot_adopt(own), ENODEV);
	assert_works(close(own));
}

/* As often as one likes: nothing is left behind. */
static void opens_again_and_again(void **state)
{
	int i, first = -1, rounds = scaled(2000, 100);

	(void)state;
	for (i = 0; i < rounds; i++) {
		struct msgslot *slot = open_or_fail(OWN_NAME, O_RDWR);

		if (first < 0)
			first = msgslot_slot_get_fd(slot);
		assert_int_equal(msgslot_slot_get_fd(slot), first);
		msgslot_slot_close(slot);
		assert_open_fails(msgslot_slot_open("/dev/null", O_RDONLY), ENOTTY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(by_number_and_by_path),
		own_slot_test(a_path_may_be_relative),
		own_slot_test(what_is_no_name_is_refused),
		own_slot_test(flags_that_make_no_sense_are_refused),
		own_slot_test(what_is_no_slot_is_not_opened),
		own_slot_test(a_destroyed_slot_is_not_opened),
		own_slot_test(permission_is_the_node_s),
		own_slot_test(tells_what_it_opened),
		own_slot_test(close_takes_null_and_leaves_errno),
		own_slot_test(adopts_descriptors_of_slots_only),
		own_slot_test(opens_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
