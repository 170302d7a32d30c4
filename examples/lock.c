// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A lock by compare-and-set: runs a command while it holds the lock (a slot of mode `last`).
 *
 *	./lock 0 9 COMMAND [ARGUMENT]...
 *
 * The channel holds "free" or the process number of the lock's owner.  A process takes the lock by
 * replacing "free", or nothing, by its own number, if that is still the newest message: of all that
 * try, the kernel lets one succeed.  It gives the lock back by sending "free", never by clearing.
 * An owner that dies leaves the lock taken, with its number on the channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stores the sequence of the message that took the lock. */
static int take(struct msgslot *slot, uint32_t channel, uint64_t *ours)
{
	struct msgslot_receive_options newer = { .flags = MSGSLOT_RECV_NEWER, .timeout = 0 };
	struct msgslot_send_options set = { .flags = MSGSLOT_SEND_IF };
	char holder[32], self[32];
	int length = snprintf(self, sizeof(self), "%ld", (long)getpid());

	for (;;) {
		struct msgslot_message message = { .sequence = 0 };
		ssize_t got = msgslot_message_receive_with(slot, channel, holder, sizeof(holder),
							   &newer, &message, sizeof(message));

		if (got < 0 && errno != EAGAIN)
			return -1;
		if (got < 0 || (got == 4 && !memcmp(holder, "free", 4))) {
			set.expected = message.sequence;
			if (!msgslot_message_send_with(slot, channel, self, (size_t)length, &set,
						       ours))
				return 0;
			if (errno != ESTALE)
				return -1;
			/* Another process was faster: receive its message. */
			newer.sequence = 0;
			newer.timeout = 0;
			continue;
		}
		newer.sequence = message.sequence;
		newer.timeout = MSGSLOT_FOREVER;
	}
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
	struct msgslot_send_options back = { .flags = MSGSLOT_SEND_IF };
	struct msgslot *slot;
	uint32_t channel;
	int status = -1;

	if (argc < 4) {
		fprintf(stderr, "usage: %s SLOT CHANNEL COMMAND [ARGUMENT]...\n", argv[0]);
		return 2;
	}
	channel = (uint32_t)strtoul(argv[2], NULL, 10);
	slot = msgslot_slot_open(argv[1], O_RDWR);
	if (slot && !take(slot, channel, &back.expected)) {
		status = run(argv + 3);
		/* Only if the lock is still this process's. */
		if (msgslot_message_send_with(slot, channel, "free", 4, &back, NULL))
			status = -1;
	}
	if (status < 0)
		fprintf(stderr, "%s: slot %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return status < 0 ? 1 : status;
}
