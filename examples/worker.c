// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker that loses no job: a job leaves the queue only when it is done (a slot of mode `queue`).
 *
 *	./worker 4 7 ./command		runs ./command JOB for each job of channel 7
 *
 * The worker peeks at a job, does it, and then drops it, if it still is the oldest.  If the worker
 * dies before the job is done, the job is still there.  So a job may be done twice, and must allow
 * that.  This is for one worker on a channel: several would peek at the same job.  They take their
 * jobs with msgslot_message_receive() instead, and do each at most once.
 */
#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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
	if (status) {
		fprintf(stderr, "job '%s' failed and stays\n", job);
		errno = ECANCELED;
		return -1;
	}
	return 0;
}

static int work(struct msgslot *slot, uint32_t channel, char *command)
{
	const struct msgslot_receive_options peek = {
		.flags = MSGSLOT_RECV_PEEK,
		.timeout = MSGSLOT_FOREVER,
	};
	struct msgslot_receive_options drop = { .flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP };
	size_t size = msgslot_slot_get_max_message(slot);
	struct msgslot_message message;
	char *job = malloc(size + 1);
	ssize_t length;

	if (!job)
		return -1;
	while ((length = msgslot_message_receive_with(slot, channel, job, size, &peek, &message,
						      sizeof(message))) >= 0) {
		job[length] = '\0';
		if (run(command, job))
			break;
		drop.sequence = message.sequence;
		if (msgslot_message_receive_with(slot, channel, NULL, 0, &drop, NULL, 0) < 0)
			break;
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
