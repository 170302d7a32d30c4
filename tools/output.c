// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a recording goes.  See output.h. */
#include "output.h"

#include "clock.h"
#include "file.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Milliseconds that a pipe may take nothing when the recording is to end; that one wait has. */
enum { OUTPUT_PATIENCE = 2000, OUTPUT_WAIT = 60000 };

/* Opens what exists, as long as it is no regular file: -1 with errno. */
static int output_open_other(const char *path, const sigset_t *mask)
{
	int error = EEXIST, fd = -1;
	struct stat found;
	sigset_t before;

	if (stat(path, &found))
		return -1;
	if (!S_ISREG(found.st_mode)) {
		sigprocmask(SIG_SETMASK, mask, &before);
		fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		error = errno;
		sigprocmask(SIG_SETMASK, &before, NULL);
	}
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	errno = error;
	return fd;
}

int output_create(struct output *output, const sigset_t *mask)
{
	const char *path = output->path;
	struct stat found;

	if (!strcmp(path, "-")) {
		output->path = "standard output";
		output->fd = STDOUT_FILENO;
		output->is_regular = !fstat(output->fd, &found) && S_ISREG(found.st_mode);
		return STATUS_DONE;
	}
	output->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	output->is_regular = output->fd >= 0;
	if (output->is_regular)
		return file_sync_name(path) ? report_system(path, errno) : STATUS_DONE;
	if (errno == EEXIST)
		output->fd = output_open_other(path, mask);
	if (output->fd >= 0)
		return STATUS_DONE;
	if (errno != EEXIST)
		return report_system(path, errno);
	return report_error(STATUS_FAILED, path, "Choose a name that is free.",
			    "it exists, and nothing is overwritten");
}

/* Waits until a pipe takes something: a status, STATUS_NOTHING if that is too late. */
static int output_wait(struct output *output)
{
	struct pollfd files[] = {
		{ .fd = output->fd, .events = POLLOUT },
		{ .fd = output->signals, .events = POLLIN },
	};
	int ready;

	for (;;) {
		int64_t left = (output->end - clock_now(CLOCK_MONOTONIC)) / 1000000;
		const bool ends = left <= 0;

		if (ends)
			files[1].fd = -1;
		left = ends ? OUTPUT_PATIENCE : left;
		ready = poll(files, 2, left < OUTPUT_WAIT ? (int)left : OUTPUT_WAIT);
		if (ready < 0 && errno != EINTR)
			return report_system("poll", errno);
		if (ready > 0 && files[0].revents)
			return STATUS_DONE;
		if (ready > 0)
			output->end = 0;
		else if (!ready && ends)
			return STATUS_NOTHING;
	}
}

static int output_write_all(struct output *output, const char *bytes, size_t length)
{
	while (length) {
		/* A pipe that takes something takes so much without a wait. */
		size_t part = output->is_regular || length < PIPE_BUF ? length : PIPE_BUF;
		int status = output->is_regular ? STATUS_DONE : output_wait(output);
		ssize_t put;

		if (status == STATUS_NOTHING)
			return report_error(STATUS_FAILED, output->path,
					    "Its reader has to read on until it ends.",
					    "it takes no more, and what came last is not in it");
		if (status)
			return status;
		put = write(output->fd, bytes, part);
		if (!put || (put < 0 && errno != EINTR && errno != EAGAIN))
			return report_system(output->path, put ? errno : EIO);
		if (put > 0) {
			bytes += put;
			length -= (size_t)put;
		}
	}
	return STATUS_DONE;
}

int output_write(struct output *output, const struct text *block)
{
	int status = output_write_all(output, block->bytes, block->length);

	output->failed = status;
	return status;
}
