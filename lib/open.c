// SPDX-License-Identifier: LGPL-2.1-or-later
/* Slots: opened by number, path or name, or made of a descriptor. */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

const char *msgslot_version_get(void)
{
	return MSGSLOT_VERSION;
}

struct msgslot *msgslot_slot_adopt(int fd)
{
	struct msgslot_info info = { 0 };
	struct msgslot *slot;

	if (ioctl(fd, MSGSLOT_INFO, &info)) {
		/* Other drivers have different errors for an unknown command. */
		if (errno != EBADF && errno != ENODEV)
			errno = ENOTTY;
		return NULL;
	}
	slot = malloc(sizeof(*slot));
	if (!slot)
		return NULL;
	slot->fd = fd;
	slot->minor = (int)info.minor;
	slot->mode = (int)info.mode;
	slot->max_message = info.max_message;
	return slot;
}

void msgslot_slot_close(struct msgslot *slot)
{
	int saved = errno;

	if (!slot)
		return;
	close(slot->fd);
	free(slot);
	errno = saved;
}

/*
 * Opens nothing but a character device: open() of a pipe could wait, and an ordinary file in the
 * place of a node would take the messages.
 */
static struct msgslot *slot_open_node(const char *path, int flags)
{
	struct msgslot *slot;
	struct stat status;
	int fd, saved;

	if (stat(path, &status))
		return NULL;
	if (!S_ISCHR(status.st_mode)) {
		errno = ENOTTY;
		return NULL;
	}
	fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	slot = msgslot_slot_adopt(fd);
	if (slot)
		return slot;
	saved = errno;
	close(fd);
	errno = saved;
	return NULL;
}

static struct msgslot *slot_open_path(const char *slot, int flags)
{
	char path[32];
	uint64_t minor;

	if (slot[strspn(slot, "0123456789")])
		return slot_open_node(slot, flags);
	if (!msgslot_number_parse(slot, false, MSGSLOT_SLOTS_MAX - 1, &minor)) {
		errno = EINVAL;
		return NULL;
	}
	snprintf(path, sizeof(path), "/dev/msgslot%u", (unsigned int)minor);
	return slot_open_node(path, flags);
}

struct msgslot *msgslot_slot_open(const char *slot, int flags)
{
	struct msgslot_name name;
	struct msgslot *named;

	if (!slot || !*slot || (flags & ~(O_ACCMODE | O_NONBLOCK | O_CLOEXEC)) ||
	    (flags & O_ACCMODE) > O_RDWR) {
		errno = EINVAL;
		return NULL;
	}
	if (*slot != '@')
		return slot_open_path(slot, flags);

	if (msgslot_name_find(slot, &name, sizeof(name), NULL, 0))
		return NULL;
	named = slot_open_path(name.slot, flags);
	if (named && msgslot_channel_select(named, name.channel)) {
		msgslot_slot_close(named);
		return NULL;
	}
	return named;
}

int msgslot_slot_get_fd(const struct msgslot *slot)
{
	return slot->fd;
}

int msgslot_slot_get_minor(const struct msgslot *slot)
{
	return slot->minor;
}

int msgslot_slot_get_mode(const struct msgslot *slot)
{
	return slot->mode;
}

size_t msgslot_slot_get_max_message(const struct msgslot *slot)
{
	return slot->max_message;
}
