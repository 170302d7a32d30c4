// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A listener on a broadcast channel: prints each message with its sender, and how many were missed
 * (a slot of mode `broadcast`).
 *
 *	cc listen.c -o listen $(pkg-config --cflags --libs libmsgslot)
 *	./listen @lounge	the slot and channel of that name in /etc/msgslot/channels
 *	./listen 6		channel 0 of slot 6
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int listen_in(struct msgslot *slot)
{
	size_t size = msgslot_slot_get_max_message(slot);
	struct msgslot_message message;
	char *text = malloc(size);
	uint64_t lost = 0;
	uint32_t channel;
	ssize_t length;

	/* A name selects its channel.  With a number or a path it is the first one: 0. */
	if (!text || msgslot_channel_get(slot, &channel))
		goto out;
	fprintf(stderr, "listening on channel %" PRIu32 "\n", channel);
	while ((length = msgslot_message_receive_with(slot, channel, text, size, NULL, &message,
						      sizeof(message))) >= 0) {
		/* The kernel counts from the moment of joining. */
		if (message.lost != lost)
			printf("(%" PRIu64 " missed)\n", message.lost - lost);
		lost = message.lost;
		printf("user %" PRIu32 ", process %" PRIu32 ": %.*s\n", message.uid, message.pid,
		       (int)length, text);
		if (fflush(stdout))
			break;
	}
out:
	free(text);
	return -1;
}

int main(int argc, char **argv)
{
	struct msgslot *slot;

	if (argc != 2) {
		fprintf(stderr, "usage: %s @NAME | SLOT\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDONLY);
	if (!slot || listen_in(slot))
		fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return 1;
}
