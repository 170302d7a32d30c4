// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A slot as somebody's standard input or output: what the streams of other languages ask of a file
 * before they read or write it is answered as by a pipe.
 */
#define _GNU_SOURCE
#include "ioctl.h"

/* Java asks how much there is before it reads, and takes "nothing" for an answer. */
static void how_much_there_is(void **state)
{
	static char text[3000], got[3000];
	int fd, other, mode, bytes;

	(void)state;
	for (mode = 0; mode < 3; mode++) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", sizeof(text)), 0);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		other = own_open_on(O_RDWR | O_NONBLOCK, 1);
		bytes = -1;
		assert_result(ioctl(fd, FIONREAD, &bytes), 0);
		assert_int_equal(bytes, 0);
		assert_fails(ioctl(fd, FIONREAD, nowhere), EFAULT);
		assert_result(write(other, text, 5), 5);
		assert_result(ioctl(fd, FIONREAD, &bytes), 0);
		assert_int_equal(bytes, 5);
		/* To ask takes nothing. */
		assert_result(read(fd, got, sizeof(got)), 5);
		assert_result(ioctl(fd, FIONREAD, &bytes), 0);
		assert_int_equal(bytes, mode ? 0 : 5);
		assert_result(write(other, text, sizeof(text)), sizeof(text));
		assert_result(ioctl(fd, FIONREAD, &bytes), 0);
		assert_int_equal(bytes, sizeof(text));
		if (mode == 2) {
			/* In pieces: the rest of the message. */
			assert_result(read(fd, got, 1000), 1000);
			assert_result(ioctl(fd, FIONREAD, &bytes), 0);
			assert_int_equal(bytes, sizeof(text) - 1000);
		}
	}
	/* Where nothing is selected, of the channel that a read would select. */
	own_become("queue");
	fd = own_open_on(O_RDWR, 0);
	assert_result(write(fd, text, 7), 7);
	fd = own_open(O_RDONLY);
	assert_result(ioctl(fd, FIONREAD, &bytes), 0);
	assert_int_equal(bytes, 7);
	/* Nothing selected, in `last`: nothing there. */
	own_become("last");
	fd = own_open(O_RDONLY);
	assert_result(ioctl(fd, FIONREAD, &bytes), 0);
	assert_int_equal(bytes, 0);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(ioctl(fd, FIONREAD, &bytes), ENODEV);
}

/* No terminal, no place in it, no size. */
static void the_rest_is_as_of_a_pipe(void **state)
{
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_int_equal(isatty(fd), 0);
	assert_fails(lseek(fd, 0, SEEK_CUR), ESPIPE);
	assert_fails(lseek(fd, 0, SEEK_END), ESPIPE);
	assert_fails(fsync(fd), EINVAL);
	assert_fails(ftruncate(fd, 0), EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(how_much_there_is),
		own_slot_test(the_rest_is_as_of_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
