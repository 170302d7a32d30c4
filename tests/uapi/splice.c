// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pipe would cut messages or join them: splice(), tee(), copy_file_range() and sendfile() from a
 * slot are EINVAL in every mode, whether there is a message or not, and never wait.  sendfile() to
 * a slot works (streams.c).
 */
#define _GNU_SOURCE
#include <sys/sendfile.h>

#include "broadcast.h"

static int pipe_ends[2], file;

/* The test's state is the mode. */
static int splice_begin(void **state)
{
	if (own_begin_in(*state) || pipe(pipe_ends))
		return -1;
	file = memfd_create("splice", MFD_CLOEXEC);
	/* So that there would be something to take from each of them. */
	if (file < 0 || write(file, "lose", 4) != 4 || lseek(file, 0, SEEK_SET))
		return -1;
	return write(pipe_ends[1], "lose", 4) == 4 ? 0 : -1;
}

static int splice_end(void **state)
{
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	close(file);
	return own_end(state);
}

#define in_mode(test, mode)                                                               \
	{                                                                                 \
		.name = #test " in " mode, .test_func = test, .setup_func = splice_begin, \
		.teardown_func = splice_end, .initial_state = mode                        \
	}

/* Files that would wait for ever, if they were asked to wait at all. */
static void assert_no_way_in(int fd)
{
	unsigned int flags;

	for (flags = 0; flags <= (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE); flags++) {
		assert_fails(splice(pipe_ends[0], NULL, fd, NULL, 4, flags), EINVAL);
		assert_fails(splice(pipe_ends[0], NULL, fd, NULL, 1 << 20, flags), EINVAL);
	}
	assert_fails(copy_file_range(file, NULL, fd, NULL, 4, 0), EINVAL);
	assert_fails(tee(pipe_ends[0], fd, 4, 0), EINVAL);
}

static void assert_no_way_out(int fd)
{
	unsigned int flags;

	for (flags = 0; flags <= (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE); flags++) {
		assert_fails(splice(fd, NULL, pipe_ends[1], NULL, 4, flags), EINVAL);
		assert_fails(splice(fd, NULL, pipe_ends[1], NULL, 1 << 20, flags), EINVAL);
	}
	assert_fails(sendfile(file, fd, NULL, 4), EINVAL);
	assert_fails(copy_file_range(fd, NULL, file, NULL, 4, 0), EINVAL);
	assert_fails(tee(fd, pipe_ends[1], 4, 0), EINVAL);
}

/* What was in the pipe and the file is all there, and nothing else. */
static void assert_nothing_moved(void)
{
	char got[64];

	assert_result(read(pipe_ends[0], got, sizeof(got)), 4);
	assert_memory_equal(got, "lose", 4);
	assert_result(pread(file, got, sizeof(got), 0), 4);
	assert_memory_equal(got, "lose", 4);
	assert_result(lseek(file, 0, SEEK_CUR), 0);
}

static void with_a_message(void **state)
{
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_tells(fd, 1);
	assert_no_way_in(fd);
	assert_no_way_out(fd);
	assert_nothing_moved();
	assert_hears(fd, 1);
	assert_result(slot_get(OWN, "sent"), 1);
}

static void without_a_message(void **state)
{
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_no_way_out(fd);
	assert_no_way_in(fd);
	assert_nothing_moved();
	assert_result(slot_get(OWN, "sent"), 0);
	assert_result(slot_get(OWN, "messages"), 0);
}

static void between_two_channels(void **state)
{
	int from = own_open_on(O_RDWR, 1), to = own_open_on(O_RDWR, 2);

	(void)state;
	assert_tells(from, 1);
	assert_fails(splice(from, NULL, to, NULL, 8, 0), EINVAL);
	assert_fails(sendfile(to, from, NULL, 8), EINVAL);
	assert_fails(copy_file_range(from, NULL, to, NULL, 8, 0), EINVAL);
	assert_hears(from, 1);
	assert_result(slot_get(OWN, "sent"), 1);
}

/* Where a read would sleep, as one does beside, this does not. */
static void beside_a_sleeper(void **state)
{
	int writer = own_open_on(O_WRONLY, 1);
	struct call call = {
		.make = call_recv, .fd = own_open_on(O_RDONLY, 1), .id = 1, .timeout = -1
	};

	(void)state;
	call_start(&call);
	assert_sleeps(&call);
	assert_no_way_out(call.fd);
	assert_no_way_in(writer);
	assert_sleeps(&call);
	assert_tells(writer, 1);
	assert_ends(&call, 1);
	assert_nothing_moved();
}

static void of_a_destroyed_slot(void **state)
{
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_result(slot_destroy(OWN), 0);
	assert_no_way_in(fd);
	assert_no_way_out(fd);
	assert_nothing_moved();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_mode(with_a_message, "last"),
		in_mode(with_a_message, "queue"),
		in_mode(with_a_message, "broadcast"),
		in_mode(without_a_message, "last"),
		in_mode(without_a_message, "queue"),
		in_mode(without_a_message, "broadcast"),
		in_mode(between_two_channels, "last"),
		in_mode(between_two_channels, "queue"),
		in_mode(between_two_channels, "broadcast"),
		in_mode(beside_a_sleeper, "last"),
		in_mode(beside_a_sleeper, "queue"),
		in_mode(beside_a_sleeper, "broadcast"),
		in_mode(of_a_destroyed_slot, "last"),
		in_mode(of_a_destroyed_slot, "queue"),
		in_mode(of_a_destroyed_slot, "broadcast"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
