// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A slot as a program's standard input or output: what the streams of other languages ask of a file
 * before they read or write it is answered as by a pipe.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/sendfile.h>

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

/* A file of @size bytes to copy from, which are those of @bytes. */
static int source_new(const char *bytes, size_t size)
{
	int source = memfd_create("source", MFD_CLOEXEC);

	assert_true(source >= 0);
	assert_result(write(source, bytes, size), (ssize_t)size);
	return source;
}

/* As cp and copyfile do it in several languages. */
static void a_file_is_copied(void **state)
{
	static char text[3000], got[sizeof(text)];
	int fd, reader, source, mode;
	off_t from;

	(void)state;
	memset(text, 'a', 1000);
	memset(text + 1000, 'b', 2000);
	source = source_new(text, sizeof(text));
	for (mode = 0; mode < 3; mode++) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", 2000), 0);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		reader = own_open_on(O_RDONLY | O_NONBLOCK, 1);
		from = 1000;
		/* More is asked for than there is. */
		assert_result(sendfile(fd, source, &from, 1 << 20), 2000);
		assert_int_equal(from, 3000);
		assert_result(read(reader, got, sizeof(got)), 2000);
		assert_memory_equal(got, text + 1000, 2000);
		from = 0;
		if (mode == 2) {
			assert_result(sendfile(fd, source, &from, sizeof(text)), sizeof(text));
			assert_result(read(reader, got, sizeof(got)), 2000);
			assert_result(read(reader, got + 2000, 1000), 1000);
			assert_memory_equal(got, text, sizeof(text));
			continue;
		}
		assert_fails(sendfile(fd, source, &from, sizeof(text)), EMSGSIZE);
		assert_int_equal(from, 0);
	}
	own_become("queue");
	assert_result(slot_put(OWN, "overflow", "block"), 0);
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	from = 0;
	assert_result(sendfile(fd, source, &from, 100), 100);
	assert_fails(sendfile(fd, source, &from, 100), EAGAIN);
	assert_int_equal(from, 100);
	assert_fails(sendfile(own_open_on(O_RDONLY, 1), source, &from, 100), EBADF);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(sendfile(fd, source, &from, 100), ENODEV);
	close(source);
}

/* Never a part of a message as if it were one. */
static void a_long_file_is_not_cut(void **state)
{
	const size_t most = 15 * sysconf(_SC_PAGESIZE), size = 17 * sysconf(_SC_PAGESIZE);
	char *text = malloc(size), *got = malloc(size);
	int fd, source;
	off_t from = 0;

	(void)state;
	assert_non_null(text);
	assert_non_null(got);
	bytes_fill(text, size, 3);
	source = source_new(text, size);
	own_become("queue");
	assert_result(slot_set(OWN, "max_message", MSGSLOT_MESSAGE_MAX), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	assert_fails(sendfile(fd, source, &from, size), EMSGSIZE);
	/* Neither where it does not begin at a page. */
	from = 50;
	assert_fails(sendfile(fd, source, &from, size), EMSGSIZE);
	assert_int_equal(from, 50);
	assert_fails(read(fd, got, size), EAGAIN);
	/* What leaves space in the pipe is all there is. */
	from = size - most;
	assert_result(sendfile(fd, source, &from, size), (ssize_t)most);
	assert_result(read(fd, got, size), (ssize_t)most);
	assert_memory_equal(got, text + size - most, most);
	close(source);
	free(text);
	free(got);
}

/* Other processes that have the pipe would wait for what the slot waits for. */
static void a_pipe_is_not_spliced(void **state)
{
	int fd = own_open_on(O_RDWR, 1), ends[2];
	char got[8];

	(void)state;
	assert_result(pipe(ends), 0);
	assert_result(write(ends[1], "hello", 5), 5);
	assert_fails(splice(ends[0], NULL, fd, NULL, 5, 0), EINVAL);
	assert_fails(splice(fd, NULL, ends[1], NULL, 5, 0), EINVAL);
	assert_result(read(ends[0], got, sizeof(got)), 5);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(how_much_there_is),     own_slot_test(the_rest_is_as_of_a_pipe),
		own_slot_test(a_file_is_copied),      own_slot_test(a_long_file_is_not_cut),
		own_slot_test(a_pipe_is_not_spliced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
