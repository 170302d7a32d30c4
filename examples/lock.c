// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A lock that nobody can leave behind: runs a command while it holds the lock (a slot of mode
 * `last`).
 *
 *	cc lock.c -o lock $(pkg-config --cflags --libs libmsgslot)
 *	./lock 0 9 COMMAND [ARGUMENT]...
 *
 * The channel has a message, the process number of the lock's owner, as long as the lock is held.
 * It is tied to the open slot: so it goes when this process ends, in whatever way, and one of those
 * that wait then has the lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits until the channel has no message, and leaves one. */
static int take(struct msgslot *slot, uint32_t channel)
{
	const struct msgslot_send_options empty = {
		.flags = MSGSLOT_SEND_IF,
		.timeout = MSGSLOT_FOREVER,
	};
	char self[32];
	int length = snprintf(self, sizeof(self), "%ld", (long)getpid());

	return msgslot_tied_send(slot, channel, self, (size_t)length, &empty, NULL, 0, NULL);
}

static int run(char **command)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct msgslot *slot;
	int status = -1;

	if (argc < 4) {
		fprintf(stderr, "usage: %s SLOT CHANNEL COMMAND [ARGUMENT]...\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDWR);
	if (slot && !take(slot, (uint32_t)strtoul(argv[2], NULL, 10)))
		status = run(argv + 3);
	if (status < 0)
		fprintf(stderr, "%s: slot %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return status < 0 ? 1 : status;
}
