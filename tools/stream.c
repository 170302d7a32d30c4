// SPDX-License-Identifier: GPL-2.0-or-later
/* Standard input and output, as bytes.  See stream.h. */
#define _GNU_SOURCE /* O_PATH */
#include "stream.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

char stream_buffer[MSGSLOT_MESSAGE_MAX + STREAM_SPARE];
bool stream_may_end;

/*
 * If the caller closed a standard stream, the slot would get its number, and a message for standard
 * output would go there.  A path descriptor takes the number: reading and writing it is EBADF, as
 * of a closed one.
 */
int stream_guard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/", O_PATH | O_DIRECTORY) != fd)
			return -1;
	return 0;
}

static int stream_wait(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	return poll(&one, 1, -1) < 0 && errno != EINTR ? -1 : 0;
}

ssize_t stream_read_from(int fd, void *bytes, size_t size)
{
	ssize_t got;

	do
		got = read(fd, bytes, size);
	while (got < 0 && (errno == EINTR || (errno == EAGAIN && !stream_wait(fd, POLLIN))));
	return got;
}

ssize_t stream_read(void *bytes, size_t size)
{
	ssize_t got = stream_read_from(STDIN_FILENO, bytes, size);

	if (got < 0)
		report_system("standard input", errno);
	return got;
}

int stream_write_to(int fd, const void *bytes, size_t length)
{
	const char *next = bytes;

	while (length) {
		ssize_t put = write(fd, next, length);

		if (put > 0) {
			next += put;
			length -= (size_t)put;
		} else if (put == 0) {
			errno = EIO;
			return -1;
		} else if (errno != EINTR && (errno != EAGAIN || stream_wait(fd, POLLOUT))) {
			return -1;
		}
	}
	return 0;
}

int stream_write(const void *bytes, size_t length)
{
	if (!stream_write_to(STDOUT_FILENO, bytes, length))
		return 0;
	if (errno != EPIPE || !stream_may_end)
		report_system("standard output", errno);
	return -1;
}

int stream_print(struct text *text)
{
	int failed = stream_write(text->bytes, text->length);

	text->length = 0;
	return failed ? STATUS_FAILED : STATUS_DONE;
}

int stream_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return report_system("standard output", errno);
	return STATUS_DONE;
}
