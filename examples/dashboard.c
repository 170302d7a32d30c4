// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A dashboard: the newest value of each channel of a range, and then what changes (a slot of mode
 * `last`).  One open file hears all of them, and one system call fetches many.
 *
 *	cc dashboard.c -o dashboard $(pkg-config --cflags --libs libmsgslot)
 *	./dashboard 0 1 100	channels 1 to 100 of slot 0
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int show(struct msgslot *slot)
{
	const struct msgslot_receive_options range = { .flags = MSGSLOT_RECV_RANGE,
						       .timeout = MSGSLOT_FOREVER };
	struct msgslot_reader *reader = msgslot_reader_new(slot, 0, &range, 0);
	struct msgslot_message message;
	const void *value;
	ssize_t length;

	if (!reader)
		return -1;
	while ((length = msgslot_reader_next(reader, &value, &message, sizeof(message))) >= 0) {
		printf("%" PRIu32 ": %.*s\n", message.channel, (int)length, (const char *)value);
		/* The next call may wait. */
		if (!msgslot_reader_get_left(reader) && fflush(stdout))
			break;
	}
	msgslot_reader_free(reader);
	return -1;
}

int main(int argc, char **argv)
{
	struct msgslot *slot;

	if (argc != 4) {
		fprintf(stderr, "usage: %s SLOT FIRST LAST\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDONLY);
	if (!slot ||
	    msgslot_range_listen(slot, (uint32_t)strtoul(argv[2], NULL, 0),
				 (uint32_t)strtoul(argv[3], NULL, 0), 0) ||
	    show(slot))
		fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return 1;
}
