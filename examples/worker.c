// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker that loses no job, one of as many as wanted (a slot of mode `queue`).
 *
 *	cc worker.c -o worker $(pkg-config --cflags --libs libmsgslot)
 *	./worker 4 7 ./command		runs ./command JOB for each job of channel 7
 *
 * A job is leased while it is done: no other worker gets it, and it leaves the queue when it is
 * done.  If the command fails, or the worker dies, even by kill -9, the job comes back at once, and
 * the next worker gets it.  So a job may be done twice, and must allow that.
 */
#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A job that came back so often is told, and given up. */
enum { TRIES = 3 };

/* Whether the command succeeded; -1 if it could not be run. */
static int run(char *command, char *job)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		char *const words[] = { command, job, NULL };

		execvp(command, words);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -1;
	return status == 0;
}

static int work(struct msgslot *slot, uint32_t channel, char *command)
{
	const struct msgslot_receive_options lease = {
		.flags = MSGSLOT_RECV_LEASE,
		.timeout = MSGSLOT_FOREVER,
	};
	size_t size = msgslot_slot_get_max_message(slot);
	struct msgslot_message message;
	char *job = malloc(size + 1);
	int done = 0, err = 0;
	ssize_t length;

	if (!job)
		return -1;
	while (done >= 0 && !err) {
		length = msgslot_message_receive_with(slot, channel, job, size, &lease, &message,
						      sizeof(message));
		if (length < 0)
			break;
		job[length] = '\0';
		done = run(command, job);
		if (done == 0 && message.delivered + 1 >= TRIES)
			fprintf(stderr, "job '%s' failed %d times and is given up\n", job, TRIES);
		if (done == 0 && message.delivered + 1 < TRIES)
			err = msgslot_lease_return(slot, channel, message.sequence);
		else if (done >= 0)
			err = msgslot_lease_done(slot, channel, message.sequence);
	}
	free(job);
	return -1;
}

int main(int argc, char **argv)
{
	struct msgslot *slot;

	if (argc != 4) {
		fprintf(stderr, "usage: %s SLOT CHANNEL COMMAND\n", argv[0]);
		return 2;
	}
	slot = msgslot_slot_open(argv[1], O_RDWR);
	/* work() returns only after an error. */
	if (!slot || work(slot, (uint32_t)strtoul(argv[2], NULL, 10), argv[3]))
		fprintf(stderr, "%s: slot %s: %s\n", argv[0], argv[1], strerror(errno));
	msgslot_slot_close(slot);
	return 1;
}
