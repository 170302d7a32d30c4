// SPDX-License-Identifier: GPL-2.0-or-later
/* A command that gets a message.  See job.h. */
#define _GNU_SOURCE /* fallocate(), memfd_create() */
#include "job.h"

#include "format.h"
#include "report.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a message as a command's input ---------------------------------------------------------- */

/* A file, not a pipe: a command need not read all of it, and no write waits. */
int job_input_new(const struct slot *slot)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!fallocate(fd, 0, 0, (off_t)msgslot_slot_get_max_message(slot->handle)))
		return fd;
	close(fd);
	return -1;
}

static int job_input_put(int fd, const char *bytes, size_t length)
{
	ssize_t put;

	for (size_t done = 0; done < length; done += (size_t)put) {
		put = pwrite(fd, bytes + done, length - done, (off_t)done);
		if (put < 0)
			return -1;
	}
	return ftruncate(fd, (off_t)length);
}

static void job_set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	setenv(name, text, 1);
}

static void job_set_environment(const struct slot *slot, const struct msgslot_message *message)
{
	struct text time = { 0 };

	format_time(&time, message);
	text_bytes(&time, "", 1);
	setenv("MSGSLOT_TIME", time.bytes, 1);
	text_free(&time);
	setenv("MSGSLOT_NODE", slot->node, 1);
	setenv("MSGSLOT_USER", format_user(message->uid), 1);
	job_set_number("MSGSLOT_CHANNEL", message->channel);
	job_set_number("MSGSLOT_SEQUENCE", message->sequence);
	job_set_number("MSGSLOT_PID", message->pid);
	job_set_number("MSGSLOT_UID", message->uid);
	job_set_number("MSGSLOT_LENGTH", message->length);
	job_set_number("MSGSLOT_LOST", message->lost);
	job_set_number("MSGSLOT_DELIVERED", message->delivered);
}

int job_prepare(const struct slot *slot, int input, const char *bytes,
		const struct msgslot_message *message)
{
	job_set_environment(slot, message);
	if (!job_input_put(input, bytes, message->length))
		return STATUS_DONE;
	return report_system("the message as a file", errno);
}

int job_report_end(char **command, int result)
{
	if (WIFEXITED(result))
		return report_error(STATUS_FAILED, command[0], NULL, "ended with %d",
				    WEXITSTATUS(result));
	return report_error(STATUS_FAILED, command[0], NULL, "was ended by signal %d",
			    WTERMSIG(result));
}

/* ---- its lease ------------------------------------------------------------------------------- */

/* A message that was cleared meanwhile is gone, which is no failure of the command. */
static int job_status(const struct slot *slot, int result)
{
	return !result || errno == ESTALE ? STATUS_DONE : slot_report(slot, errno);
}

int job_done(const struct slot *slot, const struct job *job)
{
	return job_status(slot, msgslot_lease_done(slot->handle, job->channel, job->sequence));
}

int job_return(const struct slot *slot, const struct job *job)
{
	return job_status(slot, msgslot_lease_return(slot->handle, job->channel, job->sequence));
}

int job_copy(const struct slot *slot, const struct job *job, uint32_t to)
{
	const struct msgslot_receive_options look = {
		.flags = MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER,
		.sequence = job->sequence - 1,
	};
	const struct msgslot_send_options now = { .timeout = 0 };
	struct msgslot_message message;
	struct slot other = *slot;
	ssize_t length = msgslot_message_receive_with(slot->handle, job->channel, stream_buffer,
						      MSGSLOT_MESSAGE_MAX, &look, &message,
						      sizeof(message));

	/* It was cleared, and so there is nothing to send. */
	if (length < 0 && errno == EAGAIN)
		return STATUS_DONE;
	if (length < 0)
		return slot_report(slot, errno);
	if (message.sequence != job->sequence)
		return STATUS_DONE;
	if (!msgslot_message_send_with(slot->handle, to, stream_buffer, (size_t)length, &now, NULL))
		return STATUS_DONE;
	other.channel = to;
	return slot_report_send(&other, (size_t)length, errno);
}
