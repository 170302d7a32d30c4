// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mapped channels: reading without a system call. */
#include "internal.h"

#include <linux/msgslot_map.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Nothing in it changes but the pages at head, which the kernel writes. */
struct msgslot_map {
	const struct msgslot_map_head *head;
	size_t size;
};

/* The head tells the size, and is in the first page. */
static ssize_t map_get_size(int fd)
{
	const long page = sysconf(_SC_PAGESIZE);
	const struct msgslot_map_head *head =
		mmap(NULL, (size_t)page, PROT_READ, MAP_SHARED, fd, 0);
	uint64_t size;

	if (head == MAP_FAILED)
		return -1;
	size = head->version == MSGSLOT_MAP_VERSION ? head->size : 0;
	munmap((void *)head, (size_t)page);
	if (size)
		return (ssize_t)size;
	errno = ENOSYS;
	return -1;
}

struct msgslot_map *msgslot_map_new(struct msgslot *slot)
{
	struct msgslot_map *map;
	ssize_t size = map_get_size(slot->fd);
	int error;

	if (size < 0)
		return NULL;
	map = malloc(sizeof(*map));
	if (!map)
		return NULL;
	map->size = (size_t)size;
	map->head = mmap(NULL, map->size, PROT_READ, MAP_SHARED, slot->fd, 0);
	if (map->head != MAP_FAILED)
		return map;
	error = errno;
	free(map);
	errno = error;
	return NULL;
}

ssize_t msgslot_map_read(struct msgslot_map *map, uint64_t *sequence, void *buffer, size_t size)
{
	const struct msgslot_map_head *head = map->head;
	__u64 at = sequence ? *sequence : 0;
	long length = msgslot_map_copy(head, &at, buffer, size);

	if (sequence)
		*sequence = at;
	if (length > 0 && (size_t)length <= size)
		return length;
	if (length > 0)
		errno = ENOSPC;
	else if (length < 0)
		errno = EBUSY;
	else
		errno = __atomic_load_n(&head->gone, __ATOMIC_ACQUIRE) ? ENODEV : EAGAIN;
	return -1;
}

uint64_t msgslot_map_get_next(const struct msgslot_map *map)
{
	return __atomic_load_n(&map->head->next, __ATOMIC_ACQUIRE);
}

void msgslot_map_free(struct msgslot_map *map)
{
	int error = errno;

	if (!map)
		return;
	munmap((void *)map->head, map->size);
	free(map);
	errno = error;
}
