// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot watch: run a command for each message of a channel, or of a range of channels.
 *
 * In mode `queue` a message is leased while its command runs, and taken when that has succeeded.
 * If the command fails the message comes back, so that this or another watch tries again; after
 * --retries it goes to the channel of --dead-letter, or stays leased until this watch ends.
 */
#define _GNU_SOURCE /* O_PATH */
#include "command.h"
#include "job.h"
#include "option.h"
#include "program.h"
#include "receiver.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 1024, RETRIES_DEFAULT = 3 };

/**
 * struct watch_jobs - the commands that run
 * @most: how many may run at a time
 * @running: how many run
 * @until_failure: the first that fails ends the watch
 * @leases: their messages are leased
 * @retries: how often a message comes back before it is put aside
 * @has_dead_letter: it goes to channel @dead_letter
 * @kept: a message is put aside, and stays leased
 * @list: their processes and messages; there may be other children, as of a replaced shell
 */
static struct watch_jobs {
	uint64_t most;
	uint64_t running;
	bool until_failure;
	bool leases;
	uint64_t retries;
	bool has_dead_letter;
	uint64_t dead_letter;
	bool kept;
	struct watch_job {
		pid_t pid;
		struct job job;
	} list[JOBS_MAX];
} watch_jobs = { .most = 1, .retries = RETRIES_DEFAULT };

static struct receiver watch_receiver = {
	.wait = true,
	.timeout = MSGSLOT_FOREVER,
	.max_age = -1,
	.lease = true,
};
static bool watch_sets_retries;

static const struct option_rule watch_options[] = {
	RECEIVER_OPTIONS(watch_receiver),
	{ .letter = 'e', .name = "errexit", .flag = &watch_jobs.until_failure },
	{ .letter = 'J', .name = "jobs", .number = &watch_jobs.most, .min = 1, .max = JOBS_MAX },
	{ .name = "retries",
	  .flag = &watch_sets_retries,
	  .number = &watch_jobs.retries,
	  .max = UINT32_MAX },
	{ .name = "dead-letter",
	  .flag = &watch_jobs.has_dead_letter,
	  .number = &watch_jobs.dead_letter,
	  .max = UINT32_MAX },
	{ .name = NULL },
};

/* ---- the end of commands --------------------------------------------------------------------- */

static volatile sig_atomic_t watch_child_ended;

static void watch_note_child(int signal)
{
	(void)signal;
	watch_child_ended = 1;
}

/*
 * The end of a command is waited for, also where SIGCHLD was ignored before.  With several at a
 * time it interrupts the wait for a message, and nothing else.
 */
static void watch_children(const struct watch_jobs *jobs, struct receiver *receiver,
			   sigset_t *while_waiting)
{
	struct sigaction action = {
		.sa_handler = jobs->most == 1 ? SIG_DFL : watch_note_child,
	};
	sigset_t child;

	sigaction(SIGCHLD, &action, NULL);
	if (jobs->most == 1)
		return;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, while_waiting);
	sigdelset(while_waiting, SIGCHLD);
	receiver->signals = while_waiting;
	receiver->interrupted = &watch_child_ended;
}

/* A message that failed too often leaves the line.  A status. */
static int watch_put_aside(struct watch_jobs *jobs, const struct slot *slot, const struct job *job)
{
	int status;

	if (jobs->has_dead_letter) {
		status = job_copy(slot, job, (uint32_t)jobs->dead_letter);
		if (!status)
			return job_done(slot, job);
	}
	jobs->kept = true;
	report_error(STATUS_FAILED, slot->node,
		     "It stays leased until this watch ends, and comes back then.",
		     "channel %" PRIu32 ": message %" PRIu64 " failed %" PRIu64 " time%s",
		     job->channel, job->sequence, job->delivered + 1,
		     text_plural(job->delivered + 1));
	return STATUS_DONE;
}

/* The command of a message ended with that result: what is to become of the message.  A status. */
static int watch_settle(struct watch_jobs *jobs, const struct slot *slot, const struct job *job,
			int result)
{
	if (!jobs->leases)
		return STATUS_DONE;
	if (!result)
		return job_done(slot, job);
	if (jobs->until_failure || job->delivered < jobs->retries)
		return job_return(slot, job);
	return watch_put_aside(jobs, slot, job);
}

/* The command that had this process, which runs no longer then; NULL: there is none. */
static const struct watch_job *watch_jobs_remove(struct watch_jobs *jobs, pid_t pid)
{
	static struct watch_job ended;

	for (uint64_t i = 0; i < jobs->running; i++)
		if (jobs->list[i].pid == pid) {
			ended = jobs->list[i];
			jobs->list[i] = jobs->list[--jobs->running];
			return &ended;
		}
	return NULL;
}

/*
 * Collects the commands that have ended; with wait, at least one.  A failure that counts: a status.
 */
static int watch_jobs_end(struct watch_jobs *jobs, const struct slot *slot, char **command,
			  bool wait)
{
	const struct watch_job *ended;
	int status = STATUS_DONE, settled, result;
	pid_t child;

	watch_child_ended = 0;
	while (jobs->running) {
		child = waitpid(-1, &result, wait ? 0 : WNOHANG);
		if (child < 0 && errno == EINTR)
			continue;
		if (child < 0) {
			jobs->running = 0;
			return report_system(command[0], errno);
		}
		if (!child)
			break;
		ended = watch_jobs_remove(jobs, child);
		if (!ended)
			continue;
		wait = false;
		settled = watch_settle(jobs, slot, &ended->job, result);
		if (result && jobs->until_failure && !status)
			status = job_report_end(command, result);
		status = status ? status : settled;
	}
	return status;
}

/* ---- messages -------------------------------------------------------------------------------- */

/*
 * Starts the command.  The message was received already, so if there is no memory or no process for
 * the command, or its file is being written, this tries again until that is over.
 */
static int watch_jobs_start(struct watch_jobs *jobs, const struct receiver *receiver,
			    char **command, int input, const struct msgslot_message *message)
{
	int status = STATUS_DONE;
	bool told = false;
	pid_t pid;

	while ((pid = program_start(receiver->program_path, command, input)) < 0) {
		if (errno != EAGAIN && errno != ENOMEM && errno != ETXTBSY)
			return report_system(command[0], errno);
		if (!told)
			report_system(command[0], errno);
		told = true;
		sleep(1);
		if (!status)
			status = watch_jobs_end(jobs, &receiver->slot, command, false);
	}
	jobs->list[jobs->running++] = (struct watch_job){
		.pid = pid,
		.job = { message->channel, message->sequence, message->delivered },
	};
	return status;
}

/* A message was received: its command starts, unless it failed too often before.  A status. */
static int watch_begin(struct watch_jobs *jobs, struct receiver *receiver, char **command,
		       int input, const char *bytes, const struct msgslot_message *message)
{
	const struct job job = { message->channel, message->sequence, message->delivered };
	int status;

	/* It came back once more because a watch died, perhaps of it. */
	if (jobs->leases && jobs->has_dead_letter && job.delivered > jobs->retries)
		return watch_put_aside(jobs, &receiver->slot, &job);
	status = job_prepare(&receiver->slot, input, bytes, message);
	return status ? status : watch_jobs_start(jobs, receiver, command, input, message);
}

static int watch_messages(struct receiver *receiver, char **command, struct watch_jobs *jobs)
{
	const struct slot *slot = &receiver->slot;
	struct msgslot_message message;
	int status = STATUS_DONE, input, last;
	const char *bytes;

	while (!status && (!receiver->count || receiver->received < receiver->count)) {
		input = job_input_new(slot);
		if (input < 0) {
			status = report_system("a file for the message", errno);
			break;
		}
		status = receiver_next(receiver, &bytes, &message);
		if (!status)
			status = watch_begin(jobs, receiver, command, input, bytes, &message);
		close(input);
		if (!status || status == STATUS_INTERRUPTED)
			status = watch_jobs_end(jobs, slot, command, jobs->running == jobs->most);
	}
	while (jobs->running) {
		last = watch_jobs_end(jobs, slot, command, true);
		status = status ? status : last;
	}
	if (!status && jobs->kept)
		status = STATUS_FAILED;
	return status ? status : receiver_status(receiver);
}

/* What only makes sense where messages are leased.  A status. */
static int watch_check_queue(const struct watch_jobs *jobs, const struct receiver *receiver,
			     bool settles)
{
	const char *option = settles		   ? "-p" :
			     watch_sets_retries	   ? "--retries" :
			     jobs->has_dead_letter ? "--dead-letter" :
						     NULL;

	if (jobs->leases || !option)
		return STATUS_DONE;
	return report_error(STATUS_USAGE, receiver->slot.node,
			    "In other modes no message is taken.", "%s is for mode queue", option);
}

static int watch_run(int argc, char **argv)
{
	struct receiver *receiver = &watch_receiver;
	struct watch_jobs *jobs = &watch_jobs;
	/* A lease is more than a look. */
	const bool settles = receiver->peek;
	struct address address;
	sigset_t while_waiting;
	int status;

	status = argument_address(argc, argv, CHANNEL_RANGE, &address);
	if (!status && argc <= address.words)
		status = report_usage("no command is given");
	if (!status && settles && receiver->newer)
		status = report_usage("-p takes one message after the other: it excludes --newer");
	receiver->peek = false;
	receiver->writes = jobs->has_dead_letter;
	if (!status)
		status = receiver_open(receiver, &address);
	if (status)
		return status;
	jobs->leases = msgslot_slot_get_mode(receiver->slot.handle) == MSGSLOT_QUEUE;
	status = watch_check_queue(jobs, receiver, settles);
	if (status)
		return status;
	receiver->program = argv[address.words];
	/* A closed standard output (stream_guard()) is not checked: the command does not print. */
	receiver->prints = !(fcntl(STDOUT_FILENO, F_GETFL) & O_PATH);
	jobs->until_failure = jobs->until_failure || settles;
	watch_children(jobs, receiver, &while_waiting);
	return watch_messages(receiver, argv + address.words, jobs);
}

const struct command watch_command = {
	.name = "watch",
	.run = watch_run,
	.options = watch_options,
	.arguments = "[OPTION]... SLOT CHANNEL COMMAND [ARGUMENT]...",
	.summary = "Run a command for each message of a channel, or of a range of channels.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both), or a range: 1-100, 0x10-, all\n"
		"  COMMAND            gets the message as its standard input, and MSGSLOT_NODE,\n"
		"                     _CHANNEL, _SEQUENCE, _PID, _UID, _USER, _TIME, _LENGTH,\n"
		"                     _LOST and _DELIVERED in its environment; a message leaves\n"
		"                     a queue when its command has succeeded\n"
		"  -e, --errexit      end when the command fails\n"
		"  -J, --jobs N       up to N commands at a time\n"
		"      --retries N    of a queue: try a message N times again (3)\n"
		"      --dead-letter CHANNEL  send it there then, instead of keeping it\n"
		"  -p, --peek         of a queue: -e\n"
		"      --lowest       of a range in a queue, the lowest channel with a message first\n"
		"      --newer S      only messages with a sequence above S\n"
		"      --max-age SEC  only messages that are not older\n"
		"      --max-length N leave a message that is longer than N bytes, and end\n"
		"  -W, --timeout SEC  wait no longer for a message; 0: not at all\n"
		"  -C, --count N      end after N messages\n"
		"  -h, --help         print this\n",
};
