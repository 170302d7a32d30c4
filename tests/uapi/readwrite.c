// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One write, one message; one read, one message, whole or an error that leaves it there.
 * Files are streams.  Pointers have pointers.c, messages longer than a cell have long.c.
 */
#define _GNU_SOURCE
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "check.h"

static void every_length_and_byte_comes_back(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	unsigned char sent[COURSE_MAX], got[256];
	int length, i;

	(void)state;
	for (length = 1; length <= COURSE_MAX; length++) {
		/* Over the lengths every byte value comes by, NUL and newline among them. */
		for (i = 0; i < length; i++)
			sent[i] = i * 2 + length;
		memset(got, 0xee, sizeof(got));
		assert_result(write(fd, sent, length), length);
		assert_result(read(fd, got, sizeof(got)), length);
		assert_memory_equal(got, sent, length);
		/* What lies behind the message in the buffer is not ours to touch. */
		assert_int_equal(got[length], 0xee);
		assert_int_equal(got[sizeof(got) - 1], 0xee);
	}
}

static void message_stays_until_overwritten(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY, 1);
	char got[COURSE_MAX];
	int i;

	(void)state;
	assert_result(write(writer, "a longer message", 16), 16);
	for (i = 0; i < 10; i++) {
		assert_result(read(reader, got, sizeof(got)), 16);
		assert_memory_equal(got, "a longer message", 16);
	}
	/* A shorter one leaves no tail of it. */
	assert_result(write(writer, "xy", 2), 2);
	for (i = 0; i < 10; i++) {
		assert_result(read(reader, got, sizeof(got)), 2);
		assert_memory_equal(got, "xylonger message", 16);
	}
}

/* Each error by itself, with everything right that is looked at before it. */
static void write_errors(void **state)
{
	int fd = own_open_on(O_WRONLY, 1);
	char big[4096] = "";

	(void)state;
	assert_result(write(fd, "keep", 4), 4);
	assert_fails(write(fd, big, 0), EMSGSIZE);
	assert_fails(write(fd, big, COURSE_MAX + 1), EMSGSIZE);
	assert_fails(write(fd, big, sizeof(big)), EMSGSIZE);
	assert_fails(write(fd, null, 4), EINVAL);
	assert_fails(write(fd, nowhere, 4), EFAULT);
	assert_holds(1, "keep", 4);
	assert_result(write(fd, big, COURSE_MAX), COURSE_MAX);
	assert_holds(1, big, COURSE_MAX);
}

static void write_errors_in_their_order(void **state)
{
	int none = own_open(O_RDWR), fd = own_open_on(O_WRONLY, 1);
	char big[COURSE_MAX + 1] = "";

	(void)state;
	assert_result(write(fd, "keep", 4), 4);
	/* No channel comes before the length and the buffer. */
	assert_fails(write(none, big, 4), EINVAL);
	assert_fails(write(none, big, 0), EINVAL);
	assert_fails(write(none, big, sizeof(big)), EINVAL);
	assert_fails(write(none, nowhere, 4), EINVAL);
	/* The length comes before the buffer. */
	assert_fails(write(fd, null, 0), EMSGSIZE);
	assert_fails(write(fd, null, sizeof(big)), EMSGSIZE);
	assert_fails(write(fd, nowhere, 0), EMSGSIZE);
	assert_fails(write(fd, nowhere, sizeof(big)), EMSGSIZE);
	/* A destroyed slot comes before all. */
	assert_result(slot_destroy(OWN), 0);
	assert_fails(write(none, big, 4), ENODEV);
	assert_fails(write(fd, big, 0), ENODEV);
	assert_fails(write(fd, null, sizeof(big)), ENODEV);
	assert_fails(write(fd, nowhere, 4), ENODEV);
}

static void read_errors(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char got[COURSE_MAX];

	(void)state;
	assert_fails(read(fd, got, sizeof(got)), EAGAIN);
	assert_result(write(fd, "keep", 4), 4);
	assert_fails(read(fd, got, 3), ENOSPC);
	assert_fails(read(fd, got, 0), ENOSPC);
	assert_fails(read(fd, null, 4), EINVAL);
	assert_fails(read(fd, nowhere, 4), EFAULT);
	assert_result(read(fd, got, 4), 4);
	assert_memory_equal(got, "keep", 4);
	assert_holds(1, "keep", 4);
}

static void read_errors_in_their_order(void **state)
{
	int none = own_open(O_RDWR), empty = own_open_on(O_RDWR, 2), fd = own_open_on(O_RDWR, 1);
	char got[COURSE_MAX];

	(void)state;
	assert_result(write(fd, "keep", 4), 4);
	/* No channel, then nothing there, then too short, then the buffer. */
	assert_fails(read(none, got, sizeof(got)), EINVAL);
	assert_fails(read(none, got, 0), EINVAL);
	assert_fails(read(none, nowhere, 4), EINVAL);
	assert_fails(read(empty, got, 0), EAGAIN);
	assert_fails(read(empty, null, 0), EAGAIN);
	assert_fails(read(empty, null, 4), EAGAIN);
	assert_fails(read(empty, nowhere, 4), EAGAIN);
	assert_fails(read(fd, null, 3), ENOSPC);
	assert_fails(read(fd, null, 0), ENOSPC);
	assert_fails(read(fd, nowhere, 3), ENOSPC);
	assert_holds(1, "keep", 4);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(read(none, got, sizeof(got)), ENODEV);
	assert_fails(read(empty, got, sizeof(got)), ENODEV);
	assert_fails(read(fd, null, 0), ENODEV);
	assert_fails(read(fd, nowhere, 4), ENODEV);
}

static void open_directions_hold(void **state)
{
	int writer = own_open_on(O_WRONLY, 1), reader = own_open_on(O_RDONLY, 1);
	char got[4] = "";

	(void)state;
	assert_fails(read(writer, got, sizeof(got)), EBADF);
	assert_fails(write(reader, got, sizeof(got)), EBADF);
	assert_empty(1);
}

/* In `last` a read never waits, with or without O_NONBLOCK; neither does a write. */
static void nonblock_changes_nothing(void **state)
{
	int flags[] = { 0, O_NONBLOCK, O_NONBLOCK | O_APPEND, O_SYNC };
	char got[8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		int fd = own_open_on(O_RDWR | flags[i], 10 + i);

		assert_fails(read(fd, got, sizeof(got)), EAGAIN);
		assert_result(write(fd, "one", 3), 3);
		assert_result(write(fd, "two", 3), 3);
		assert_result(read(fd, got, sizeof(got)), 3);
		assert_memory_equal(got, "two", 3);
	}
}

static void *leave_a_message(void *unused)
{
	int fd = slot_open_on(OWN, O_WRONLY, 77);

	(void)unused;
	demand(fd >= 0);
	demand(write(fd, "from the dead", 13) == 13);
	return NULL;
}

static void messages_outlive_their_writer(void **state)
{
	(void)state;
	child_run(NULL, leave_a_message, NULL);
	/* No file is open now. */
	assert_result(slot_get(OWN, "messages"), 1);
	assert_holds(77, "from the dead", 13);
}

static void nothing_leaks_over(void **state)
{
	int other_slot = slot_open_on(1, O_RDWR, 4000000001u);
	int a = own_open_on(O_RDWR, 4000000001u), b = own_open_on(O_RDWR, 4000000002u);
	char got[COURSE_MAX];

	(void)state;
	assert_true(other_slot >= 0);
	assert_result(write(a, "a", 1), 1);
	/* Not into another channel, not into another slot. */
	assert_fails(read(b, got, sizeof(got)), EAGAIN);
	assert_fails(read(other_slot, got, sizeof(got)), EAGAIN);
	assert_result(write(b, "bb", 2), 2);
	assert_holds(4000000001u, "a", 1);
	assert_holds(4000000002u, "bb", 2);
	assert_fails(read(other_slot, got, sizeof(got)), EAGAIN);
	/* What one file selects is nothing to another. */
	assert_result(slot_select(a, 4000000002u), 0);
	assert_result(read(a, got, sizeof(got)), 2);
	assert_result(slot_select(b, 4000000001u), 0);
	assert_result(read(a, got, sizeof(got)), 2);
	assert_result(read(b, got, sizeof(got)), 1);
	close(other_slot);
}

static void files_are_streams(void **state)
{
	int fd = own_open_on(O_RDWR, 1), whence;
	char got[8] = "";
	struct iovec part = { got, sizeof(got) };

	(void)state;
	assert_result(write(fd, "keep", 4), 4);
	for (whence = SEEK_SET; whence <= SEEK_END; whence++)
		assert_fails(lseek(fd, 0, whence), ESPIPE);
	assert_fails(pread(fd, got, sizeof(got), 0), ESPIPE);
	assert_fails(pwrite(fd, "lose", 4, 0), ESPIPE);
	assert_fails(pread(fd, got, sizeof(got), 4096), ESPIPE);
	assert_fails(preadv(fd, &part, 1, 0), ESPIPE);
	assert_fails(pwritev(fd, &part, 1, 0), ESPIPE);
	assert_holds(1, "keep", 4);
}

static void vectors_carry_one_message(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char a[3] = "", b[2] = "", c[64] = "", text[COURSE_MAX + 1] = "";
	struct iovec out[] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 }, { "g", 1 } };
	struct iovec in[] = { { a, 3 }, { NULL, 0 }, { b, 2 }, { c, sizeof(c) } };
	struct iovec big[] = { { text, COURSE_MAX }, { text, 1 } };

	(void)state;
	assert_fails(readv(fd, in, 4), EAGAIN);
	assert_result(writev(fd, out, 4), 7);
	assert_result(slot_get(OWN, "messages"), 1);
	assert_holds(1, "abcdefg", 7);
	assert_result(readv(fd, in, 4), 7);
	assert_memory_equal(a, "abc", 3);
	assert_memory_equal(b, "de", 2);
	assert_memory_equal(c, "fg", 3);
	/* The sum is what counts. */
	assert_fails(readv(fd, in, 3), ENOSPC);
	assert_fails(writev(fd, big, 2), EMSGSIZE);
	assert_holds(1, "abcdefg", 7);
	assert_result(writev(fd, big, 1), COURSE_MAX);
	in[3].iov_len = 2;
	assert_result(writev(fd, out, 4), 7);
	assert_result(readv(fd, in, 4), 7);
	/* Nothing to write is nothing done: the VFS answers 0 by itself. */
	assert_result(writev(fd, out, 0), 0);
	assert_holds(1, "abcdefg", 7);
}

static void vectors_err_in_the_same_order(void **state)
{
	int none = own_open(O_RDWR), fd = own_open_on(O_RDWR, 1);
	char text[COURSE_MAX] = "";
	struct iovec long_bad[] = { { text, COURSE_MAX }, { nowhere, 8 } };
	struct iovec short_bad[] = { { nowhere, 1 }, { nowhere, 1 } };

	(void)state;
	assert_fails(writev(none, long_bad, 2), EINVAL);
	assert_fails(readv(none, long_bad, 2), EINVAL);
	assert_fails(readv(fd, short_bad, 2), EAGAIN);
	assert_fails(writev(fd, long_bad, 2), EMSGSIZE);
	assert_fails(writev(fd, short_bad, 2), EFAULT);
	assert_empty(1);
	assert_result(write(fd, "keep", 4), 4);
	assert_fails(readv(fd, short_bad, 2), ENOSPC);
	short_bad[1].iov_len = 3;
	assert_fails(readv(fd, short_bad, 2), EFAULT);
	assert_holds(1, "keep", 4);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(writev(none, long_bad, 2), ENODEV);
	assert_fails(readv(fd, short_bad, 2), ENODEV);
}

static void nowait_works(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char got[8];
	struct iovec out = { "now", 3 }, in = { got, sizeof(got) };

	(void)state;
	assert_fails(preadv2(fd, &in, 1, -1, RWF_NOWAIT), EAGAIN);
	assert_result(pwritev2(fd, &out, 1, -1, 0), 3);
	assert_result(preadv2(fd, &in, 1, -1, RWF_NOWAIT), 3);
	assert_memory_equal(got, "now", 3);
	in.iov_len = 2;
	assert_fails(preadv2(fd, &in, 1, -1, RWF_NOWAIT), ENOSPC);
	/* A write that may not wait may not have the memory yet, but it may here. */
	assert_result(pwritev2(fd, &out, 1, -1, RWF_NOWAIT), 3);
}

/* A pipe would cut messages. */
static void no_splice(void **state)
{
	int fd = own_open_on(O_RDWR, 1), file = memfd_create("splice", MFD_CLOEXEC), ends[2];

	(void)state;
	assert_true(file >= 0);
	assert_result(pipe(ends), 0);
	assert_result(write(fd, "keep", 4), 4);
	assert_result(write(file, "lose", 4), 4);
	assert_result(lseek(file, 0, SEEK_SET), 0);
	assert_result(write(ends[1], "lose", 4), 4);
	assert_fails(splice(ends[0], NULL, fd, NULL, 4, 0), EINVAL);
	assert_fails(splice(fd, NULL, ends[1], NULL, 4, 0), EINVAL);
	assert_fails(sendfile(file, fd, NULL, 4), EINVAL);
	assert_holds(1, "keep", 4);
	close(file);
	close(ends[0]);
	close(ends[1]);
}

/* What sysfs tells of all this. */
static void counters_count(void **state)
{
	int fd = own_open_on(O_RDWR, 1), i;
	char got[COURSE_MAX];

	(void)state;
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 1);
	for (i = 0; i < 5; i++)
		assert_result(write(fd, "count", 5), 5);
	for (i = 0; i < 3; i++)
		assert_result(read(fd, got, sizeof(got)), 5);
	assert_fails(write(fd, null, 5), EINVAL);
	assert_fails(read(fd, got, 1), ENOSPC);
	assert_fails(read(fd, nowhere, 5), EFAULT);
	assert_result(slot_get(OWN, "sent"), 5);
	assert_result(slot_get(OWN, "received"), 3);
	assert_result(slot_get(OWN, "messages"), 1);
	assert_true(slot_get(OWN, "bytes") >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(every_length_and_byte_comes_back),
		own_slot_test(message_stays_until_overwritten),
		own_slot_test(write_errors),
		own_slot_test(write_errors_in_their_order),
		own_slot_test(read_errors),
		own_slot_test(read_errors_in_their_order),
		own_slot_test(open_directions_hold),
		own_slot_test(nonblock_changes_nothing),
		own_slot_test(messages_outlive_their_writer),
		own_slot_test(nothing_leaks_over),
		own_slot_test(files_are_streams),
		own_slot_test(vectors_carry_one_message),
		own_slot_test(vectors_err_in_the_same_order),
		own_slot_test(nowait_works),
		own_slot_test(no_splice),
		own_slot_test(counters_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
