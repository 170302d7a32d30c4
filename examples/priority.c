// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Jobs with priorities: of channels 0 to 31 always the lowest one that has a job (a slot of mode
 * `queue`).  Any number of these share the jobs: each is taken once.
 *
 *	cc priority.c -o priority $(pkg-config --cflags --libs libmsgslot)
 *	./priority 4		and for instance: msgslot send 4 0 urgent; msgslot send 4 31 later
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRIORITIES = 32 };

static int work(struct msgslot *slot)
{
	const struct msgslot_receive_options range = { .flags = MSGSLOT_RECV_RANGE,
						       .timeout = MSGSLOT_FOREVER };
	size_t size = msgslot_slot_get_max_message(slot);
	struct msgslot_message message;
	char *job = malloc(size);
	ssize_t length;

	if (!job)
		return -1;
	while ((length = msgslot_message_receive_with(slot, 0, job, size, &range, &message,
						      sizeof(message))) >= 0) {
		printf("priority %" PRIu32 ": %.*s\n", message.channel, (int)length, job);
		if (fflush(stdout))
			break;
	}
	free(job);
	return -1;
}

int main(int argc, char **argv)
{
	struct msgslot *slot;

	if (argc != 2) {
		fprintf(stderr, "usage: %s SLOT\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDONLY);
	if (!slot || msgslot_range_listen(slot, 0, PRIORITIES - 1, MSGSLOT_LISTEN_LOWEST) ||
	    work(slot))
		fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return 1;
}
