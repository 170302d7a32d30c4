// SPDX-License-Identifier: GPL-2.0-or-later
/* Small files of the kernel, and the names of files.  See file.h. */
#define _GNU_SOURCE /* syncfs() */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t file_read_start(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;

	if (file) {
		length = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	return length;
}

int file_sync_name(const char *path)
{
	char *copy = strdup(path);
	int error, fd, failed;

	if (!copy)
		return -1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || errno != EACCES) {
		/* EINVAL: the file system has nothing to make sure of. */
		failed = fd < 0 || (fsync(fd) && errno != EINVAL);
	} else {
		/* A folder that may not be read: with all of its file system. */
		fd = open(path, O_RDONLY | O_CLOEXEC);
		failed = fd < 0 || syncfs(fd);
	}
	error = errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	errno = error;
	return failed ? -1 : 0;
}
