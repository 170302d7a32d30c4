// SPDX-License-Identifier: LGPL-2.1-or-later
/* Making, destroying and configuring slots, through sysfs. */
#include "internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define CLASS "/sys/class/msgslot"

static int fail(int error)
{
	errno = error;
	return -1;
}

static bool module_is_loaded(void)
{
	return access(CLASS, F_OK) == 0;
}

/* sysfs wants a value in one write(), and says what it thinks of it there. */
static int write_text(int fd, const char *text)
{
	size_t length = strlen(text);
	ssize_t put = write(fd, text, length);
	int saved = errno;

	close(fd);
	errno = saved;
	if (put < 0)
		return -1;
	/* More than a page: no value is that long, but its beginning might be one. */
	return (size_t)put == length ? 0 : fail(EINVAL);
}

static int write_class(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? fail(ENODEV) : -1;
	return write_text(fd, text);
}

static int create_one(int minor, const char *mode)
{
	char text[64];

	if (minor >= MSGSLOT_SLOTS_MAX)
		return fail(EINVAL);
	snprintf(text, sizeof(text), "%d %s\n", minor, mode);
	return write_class(CLASS "/create", text) ? -1 : minor;
}

int msgslot_slot_create(int minor, const char *mode)
{
	int lowest;

	/* A longer one is no mode, and a newline in it would be cut off unseen. */
	if (!mode || strlen(mode) > 32 || strpbrk(mode, " \n"))
		return fail(EINVAL);
	if (minor >= 0)
		return create_one(minor, mode);
	for (lowest = 0; lowest < MSGSLOT_SLOTS_MAX; lowest++) {
		int created = create_one(lowest, mode);

		if (created >= 0 || (errno != EEXIST && errno != EBUSY))
			return created;
	}
	return fail(ENOSPC);
}

int msgslot_slot_destroy(int minor)
{
	char path[64], text[16];
	int error;

	if (minor < 0 || minor >= MSGSLOT_SLOTS_MAX)
		return fail(EINVAL);
	snprintf(text, sizeof(text), "%d\n", minor);
	if (!write_class(CLASS "/destroy", text))
		return 0;
	/* The kernel's ENODEV for a slot that is not there is ours for a module that is not. */
	error = errno;
	snprintf(path, sizeof(path), CLASS "/msgslot%d", minor);
	if (error == ENODEV && module_is_loaded() && access(path, F_OK))
		error = ENXIO;
	return fail(error);
}

int msgslot_slot_next(int after)
{
	int lowest = MSGSLOT_SLOTS_MAX;
	struct dirent *entry;
	DIR *class = opendir(CLASS);

	if (!class)
		return errno == ENOENT ? fail(ENODEV) : -1;
	while ((entry = readdir(class))) {
		uint32_t minor;

		if (strncmp(entry->d_name, "msgslot", 7) ||
		    !msgslot_number_parse(entry->d_name + 7, false, MSGSLOT_SLOTS_MAX - 1, &minor))
			continue;
		if ((int)minor > after && (int)minor < lowest)
			lowest = (int)minor;
	}
	closedir(class);
	return lowest < MSGSLOT_SLOTS_MAX ? lowest : fail(ENOENT);
}

/* An attribute is a word: anything else could lead out of the slot's folder. */
static int open_attribute(int minor, const char *attribute, int flags)
{
	char path[128];
	size_t folder;
	int fd;

	if (minor < 0 || minor >= MSGSLOT_SLOTS_MAX || !attribute || !*attribute ||
	    attribute[strspn(attribute, "abcdefghijklmnopqrstuvwxyz_")] || strlen(attribute) > 32)
		return fail(EINVAL);
	folder = (size_t)snprintf(path, sizeof(path), CLASS "/msgslot%d", minor);
	snprintf(path + folder, sizeof(path) - folder, "/%s", attribute);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0 && errno == EISDIR)
		return fail(EINVAL);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	path[folder] = '\0';
	if (!module_is_loaded())
		return fail(ENODEV);
	return fail(access(path, F_OK) ? ENXIO : EINVAL);
}

int msgslot_attribute_set(int minor, const char *attribute, const char *value)
{
	int fd;

	if (!value || !*value)
		return fail(EINVAL);
	fd = open_attribute(minor, attribute, O_WRONLY);
	if (fd < 0)
		return -1;
	if (!write_text(fd, value))
		return 0;
	/* Root may open a counter for writing as any file, and hears this then. */
	return errno == EIO ? fail(EACCES) : -1;
}

ssize_t msgslot_attribute_get(int minor, const char *attribute, char *value, size_t size)
{
	char text[4096];
	int fd = open_attribute(minor, attribute, O_RDONLY), saved;
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, text, sizeof(text));
	saved = errno;
	close(fd);
	errno = saved;
	if (got < 0)
		return errno == EISDIR ? fail(EINVAL) : -1;
	if (got > 0 && text[got - 1] == '\n')
		got--;
	if ((size_t)got >= size)
		return fail(ENOSPC);
	memcpy(value, text, (size_t)got);
	value[got] = '\0';
	return got;
}
