// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A loop that looks for a newer setting between one piece of work and the next.  The channel is
 * mapped: to look costs no system call, so even a tight loop can afford it (a slot of mode `last`).
 *
 *	cc setting.c -o setting $(pkg-config --cflags --libs libmsgslot)
 *	./setting 0 5		prints the setting on channel 5, then every newer one it sees
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgslot.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Your work goes here. */
static void work_a_little(void)
{
	fflush(stdout);
	poll(NULL, 0, 1);
}

static int work(struct msgslot_map *map, char *setting, size_t size)
{
	uint64_t number = 0;
	ssize_t length;

	for (;; work_a_little()) {
		length = msgslot_map_read(map, &number, setting, size);
		if (length >= 0)
			printf("setting %" PRIu64 ": %.*s\n", number++, (int)length, setting);
		else if (errno != EAGAIN && errno != EBUSY)
			return -1;
	}
}

int main(int argc, char **argv)
{
	struct msgslot_map *map = NULL;
	struct msgslot *slot;
	char *setting = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: %s SLOT CHANNEL\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDONLY);
	if (slot && !msgslot_channel_select(slot, (uint32_t)strtoul(argv[2], NULL, 10)))
		map = msgslot_map_new(slot);
	if (map)
		setting = malloc(msgslot_slot_get_max_message(slot));
	/* work() returns only after an error. */
	if (!setting || work(map, setting, msgslot_slot_get_max_message(slot)))
		fprintf(stderr, "%s: slot %s: %s\n", argv[0], argv[1], strerror(errno));
	free(setting);
	msgslot_map_free(map);
	msgslot_slot_close(slot);
	return 1;
}
