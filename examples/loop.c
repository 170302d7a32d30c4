// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An event loop over standard input and a slot: sends each line of the input to a broadcast channel
 * and prints each message of that; ends with the input (a slot of mode `broadcast`).
 *
 *	cc loop.c -o loop $(pkg-config --cflags --libs libmsgslot)
 *	./loop 6 3		channel 3 of slot 6
 *
 * A slot that an event loop watches is opened with O_NONBLOCK, so that nothing but epoll_wait()
 * waits: a message that epoll_wait() reported may have been taken by another reader meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Prints all messages that are there; 0 when there are no more. */
static int hear(struct msgslot *slot, uint32_t channel)
{
	char text[4096];
	ssize_t length;

	for (;;) {
		length = msgslot_message_receive(slot, channel, text, sizeof(text));
		if (length < 0)
			return errno == EAGAIN ? 0 : -1;
		printf("%.*s\n", (int)length, text);
		if (fflush(stdout))
			return -1;
	}
}

/* Sends what was typed, up to the last newline; 1 at the end of input. */
static int say(struct msgslot *slot, uint32_t channel)
{
	static char typed[4096];
	static size_t length;
	ssize_t got = read(STDIN_FILENO, typed + length, sizeof(typed) - length);
	char *newline;

	if (got < 0)
		return -1;
	length += (size_t)got;
	while ((newline = memchr(typed, '\n', length)) || length == sizeof(typed) ||
	       (!got && length)) {
		size_t line = newline ? (size_t)(newline - typed) : length;
		size_t taken = line + (newline != NULL);

		if (line && msgslot_message_send(slot, channel, typed, line))
			return -1;
		length -= taken;
		memmove(typed, typed + taken, length);
	}
	return got == 0;
}

static int loop(struct msgslot *slot, uint32_t channel)
{
	struct epoll_event input = { .events = EPOLLIN, .data = { .fd = STDIN_FILENO } };
	struct epoll_event message = { .events = EPOLLIN,
				       .data = { .fd = msgslot_slot_get_fd(slot) } };
	int epoll = epoll_create1(EPOLL_CLOEXEC), result;

	if (msgslot_channel_select(slot, channel) || epoll < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, input.data.fd, &input) ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, message.data.fd, &message))
		return -1;
	do {
		struct epoll_event event;

		if (epoll_wait(epoll, &event, 1, -1) < 0)
			result = -1;
		else if (event.data.fd == STDIN_FILENO)
			result = say(slot, channel);
		else
			result = hear(slot, channel);
	} while (result == 0);
	/* The last messages, this process's own among them. */
	if (result == 1)
		result = hear(slot, channel);
	close(epoll);
	return result;
}

int main(int argc, char **argv)
{
	struct msgslot *slot;
	int result;

	if (argc != 3) {
		fprintf(stderr, "usage: %s SLOT CHANNEL\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDWR | O_NONBLOCK);
	result = slot ? loop(slot, (uint32_t)strtoul(argv[2], NULL, 10)) : -1;
	if (result)
		fprintf(stderr, "%s: slot %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return result != 0;
}
