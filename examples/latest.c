// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The latest value: one process publishes it, any number follow it (a slot of mode `last`).
 *
 *	cc latest.c -o latest $(pkg-config --cflags --libs libmsgslot)
 *	./latest 0 5 21.5	leaves 21.5 on channel 5
 *	./latest 0 5		prints the current value, then every newer one
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int follow(struct msgslot *slot, uint32_t channel)
{
	/* Newer than 0 is any message; then, newer than the one that was printed. */
	struct msgslot_receive_options newer = {
		.flags = MSGSLOT_RECV_NEWER,
		.timeout = MSGSLOT_FOREVER,
	};
	size_t size = msgslot_slot_get_max_message(slot);
	struct msgslot_message message;
	char *value = malloc(size);
	ssize_t length;

	if (!value)
		return -1;
	while ((length = msgslot_message_receive_with(slot, channel, value, size, &newer, &message,
						      sizeof(message))) >= 0) {
		printf("%.*s", (int)length, value);
		if (message.lost)
			printf("\t(%" PRIu64 " between went unread)", message.lost);
		putchar('\n');
		if (fflush(stdout))
			break;
		newer.sequence = message.sequence;
	}
	free(value);
	return -1;
}

int main(int argc, char **argv)
{
	struct msgslot *slot;
	uint32_t channel;
	int result;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: %s SLOT CHANNEL [VALUE]\n", argv[0]);
		return 2;
	}
	channel = (uint32_t)strtoul(argv[2], NULL, 10);
	slot = msgslot_slot_open(argv[1], argc == 4 ? O_WRONLY : O_RDONLY);
	if (!slot)
		result = -1;
	else if (argc == 4)
		result = msgslot_message_send(slot, channel, argv[3], strlen(argv[3]));
	else
		result = follow(slot, channel);
	if (result < 0)
		fprintf(stderr, "%s: slot %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return result < 0;
}
