/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command that gets a message, for `msgslot watch` and `msgslot recv --lease`: the message is its
 * standard input, and its environment describes the message.  In mode `queue` the message is leased
 * to the slot meanwhile.
 */
#ifndef MSGSLOT_TOOLS_JOB_H
#define MSGSLOT_TOOLS_JOB_H

#include "slot.h"

#include <stdint.h>

/**
 * struct job - the message of a command
 * @channel: of the message
 * @sequence: its number
 * @delivered: how often it came back before
 */
struct job {
	uint32_t channel;
	uint64_t sequence;
	uint64_t delivered;
};

/*
 * A file for a message, made before that is received, with memory for the longest one: a
 * descriptor, or -1 with errno.
 */
int job_input_new(const struct slot *slot);

/* Puts the message into the file and the environment.  A status. */
int job_prepare(const struct slot *slot, int input, const char *bytes,
		const struct msgslot_message *message);

/* Reports that the command ended with result, as waitpid() told it: STATUS_FAILED. */
int job_report_end(char **command, int result);

/* The lease of the message ends: the job is done, or comes back.  A status. */
int job_done(const struct slot *slot, const struct job *job);
int job_return(const struct slot *slot, const struct job *job);

/* Sends a leased message to another channel of the slot, without waiting.  A status. */
int job_copy(const struct slot *slot, const struct job *job, uint32_t to);

#endif
