// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making, destroying and configuring slots, through sysfs. */
#include "internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CLASS "/sys/class/msgslot"

static int errno_fail(int error)
{
	errno = error;
	return -1;
}

static bool class_exists(void)
{
	return access(CLASS, F_OK) == 0;
}

/* sysfs takes a value by one write(), whose errno is the answer. */
static int attribute_write(int fd, const char *text)
{
	size_t length = strlen(text);
	ssize_t put = write(fd, text, length);
	int saved = errno;

	close(fd);
	errno = saved;
	if (put < 0)
		return -1;
	/* sysfs takes one page.  No value is longer, but the beginning of this text may be one. */
	return (size_t)put == length ? 0 : errno_fail(EINVAL);
}

static int class_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? errno_fail(ENODEV) : -1;
	return attribute_write(fd, text);
}

static int slot_create_one(int minor, const char *mode)
{
	char text[64];

	if (minor >= MSGSLOT_SLOTS_MAX)
		return errno_fail(EINVAL);
	snprintf(text, sizeof(text), "%d %s\n", minor, mode);
	return class_write(CLASS "/create", text) ? -1 : minor;
}

int msgslot_slot_create(int minor, const char *mode)
{
	int lowest;

	/* No mode is longer, and the kernel would ignore all that follows a newline. */
	if (!mode || strlen(mode) > 32 || strpbrk(mode, " \n"))
		return errno_fail(EINVAL);
	if (minor >= 0)
		return slot_create_one(minor, mode);
	for (lowest = 0; lowest < MSGSLOT_SLOTS_MAX; lowest++) {
		int created = slot_create_one(lowest, mode);

		if (created >= 0 || (errno != EEXIST && errno != EBUSY))
			return created;
	}
	return errno_fail(ENOSPC);
}

int msgslot_slot_destroy(int minor)
{
	char path[64], text[16];
	int error;

	if (minor < 0 || minor >= MSGSLOT_SLOTS_MAX)
		return errno_fail(EINVAL);
	snprintf(text, sizeof(text), "%d\n", minor);
	if (!class_write(CLASS "/destroy", text))
		return 0;
	/* The kernel says ENODEV for a missing slot, which here means a missing module. */
	error = errno;
	snprintf(path, sizeof(path), CLASS "/msgslot%d", minor);
	if (error == ENODEV && class_exists() && access(path, F_OK))
		error = ENXIO;
	return errno_fail(error);
}

int msgslot_slot_next(int after)
{
	int lowest = MSGSLOT_SLOTS_MAX;
	struct dirent *entry;
	DIR *class = opendir(CLASS);

	if (!class)
		return errno == ENOENT ? errno_fail(ENODEV) : -1;
	while ((entry = readdir(class))) {
		uint64_t minor;

		if (strncmp(entry->d_name, "msgslot", 7) ||
		    !msgslot_number_parse(entry->d_name + 7, false, MSGSLOT_SLOTS_MAX - 1, &minor))
			continue;
		if ((int)minor > after && (int)minor < lowest)
			lowest = (int)minor;
	}
	closedir(class);
	return lowest < MSGSLOT_SLOTS_MAX ? lowest : errno_fail(ENOENT);
}

/* An attribute is one word: a path could lead out of the slot's folder. */
static int attribute_open(int minor, const char *attribute, int flags)
{
	char path[128];
	size_t folder;
	int fd;

	if (minor < 0 || minor >= MSGSLOT_SLOTS_MAX || !attribute || !*attribute ||
	    attribute[strspn(attribute, "abcdefghijklmnopqrstuvwxyz_")] || strlen(attribute) > 32)
		return errno_fail(EINVAL);
	folder = (size_t)snprintf(path, sizeof(path), CLASS "/msgslot%d", minor);
	snprintf(path + folder, sizeof(path) - folder, "/%s", attribute);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 && errno == EISDIR)
		return errno_fail(EINVAL);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	path[folder] = '\0';
	if (!class_exists())
		return errno_fail(ENODEV);
	return errno_fail(access(path, F_OK) ? ENXIO : EINVAL);
}

int msgslot_attribute_set(int minor, const char *attribute, const char *value)
{
	int fd;

	if (!value || !*value)
		return errno_fail(EINVAL);
	fd = attribute_open(minor, attribute, O_WRONLY);
	if (fd < 0)
		return -1;
	if (!attribute_write(fd, value))
		return 0;
	/* Root may open a read-only attribute for writing; the write fails. */
	return errno == EIO ? errno_fail(EACCES) : -1;
}

ssize_t msgslot_attribute_get(int minor, const char *attribute, char *value, size_t size)
{
	char text[4096];
	int fd = attribute_open(minor, attribute, O_RDONLY), saved;
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, text, sizeof(text));
	saved = errno;
	close(fd);
	errno = saved;
	if (got < 0)
		return errno == EISDIR ? errno_fail(EINVAL) : -1;
	if (got > 0 && text[got - 1] == '\n')
		got--;
	if ((size_t)got >= size)
		return errno_fail(ENOSPC);
	memcpy(value, text, (size_t)got);
	value[got] = '\0';
	return got;
}
