// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot watch: run a command for each message of a channel, or of a range of channels.  The
 * message is the command's standard input; its environment describes the message.
 */
#define _GNU_SOURCE /* fallocate(), memfd_create(), O_PATH */
#include "command.h"
#include "format.h"
#include "option.h"
#include "program.h"
#include "receiver.h"
#include "report.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 1024 };

/**
 * struct watch_jobs - the commands that run
 * @most: how many may run at a time
 * @running: how many run
 * @until_failure: the first that fails ends the watch
 * @pids: their processes; there may be other children, as of a shell that this replaced
 */
static struct watch_jobs {
	uint64_t most;
	uint64_t running;
	bool until_failure;
	pid_t pids[JOBS_MAX];
} watch_jobs = { .most = 1 };

static struct receiver watch_receiver = {
	.wait = true,
	.timeout = MSGSLOT_FOREVER,
	.max_age = -1,
};

static const struct option_rule watch_options[] = {
	RECEIVER_OPTIONS(watch_receiver),
	{ .letter = 'e', .name = "errexit", .flag = &watch_jobs.until_failure },
	{ .letter = 'J', .name = "jobs", .number = &watch_jobs.most, .min = 1, .max = JOBS_MAX },
	{ .name = NULL },
};

static void watch_set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	setenv(name, text, 1);
}

static void watch_set_environment(const struct slot *slot, const struct msgslot_message *message)
{
	struct text time = { 0 };

	format_time(&time, message);
	text_bytes(&time, "", 1);
	setenv("MSGSLOT_TIME", time.bytes, 1);
	text_free(&time);
	setenv("MSGSLOT_NODE", slot->node, 1);
	setenv("MSGSLOT_USER", format_user(message->uid), 1);
	watch_set_number("MSGSLOT_CHANNEL", message->channel);
	watch_set_number("MSGSLOT_SEQUENCE", message->sequence);
	watch_set_number("MSGSLOT_PID", message->pid);
	watch_set_number("MSGSLOT_UID", message->uid);
	watch_set_number("MSGSLOT_LENGTH", message->length);
	watch_set_number("MSGSLOT_LOST", message->lost);
}

/*
 * A file, not a pipe: a command need not read all of it, and no write waits.  It is made before a
 * message is taken, with memory for the longest one.
 */
static int watch_message_file(const struct slot *slot)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!fallocate(fd, 0, 0, (off_t)msgslot_slot_get_max_message(slot->handle)))
		return fd;
	close(fd);
	return -1;
}

static int watch_message_put(int fd, const char *bytes, size_t length)
{
	ssize_t put;

	for (size_t done = 0; done < length; done += (size_t)put) {
		put = pwrite(fd, bytes + done, length - done, (off_t)done);
		if (put < 0)
			return -1;
	}
	return ftruncate(fd, (off_t)length);
}

static int watch_report_end(char **command, int result)
{
	if (WIFEXITED(result))
		return report_error(STATUS_FAILED, command[0], NULL, "ended with %d",
				    WEXITSTATUS(result));
	return report_error(STATUS_FAILED, command[0], NULL, "was ended by signal %d",
			    WTERMSIG(result));
}

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

/* Whether the process is that of a command, which runs no longer then. */
static bool watch_jobs_remove(struct watch_jobs *jobs, pid_t pid)
{
	for (uint64_t i = 0; i < jobs->running; i++)
		if (jobs->pids[i] == pid) {
			jobs->pids[i] = jobs->pids[--jobs->running];
			return true;
		}
	return false;
}

/*
 * Collects the commands that have ended; with wait, at least one.  A failure that counts: a status.
 */
static int watch_jobs_end(struct watch_jobs *jobs, char **command, bool wait)
{
	int status = STATUS_DONE, result;
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
		if (!watch_jobs_remove(jobs, child))
			continue;
		wait = false;
		if (result && jobs->until_failure && !status)
			status = watch_report_end(command, result);
	}
	return status;
}

/*
 * Starts the command.  The message is taken already, so if there is no memory or no process for the
 * command, or its file is being written, this tries again until that is over.
 */
static int watch_jobs_start(struct watch_jobs *jobs, const char *path, char **command, int input)
{
	int status = STATUS_DONE;
	bool told = false;
	pid_t pid;

	while ((pid = program_start(path, command, input)) < 0) {
		if (errno != EAGAIN && errno != ENOMEM && errno != ETXTBSY)
			return report_system(command[0], errno);
		if (!told)
			report_system(command[0], errno);
		told = true;
		sleep(1);
		if (!status)
			status = watch_jobs_end(jobs, command, false);
	}
	jobs->pids[jobs->running++] = pid;
	return status;
}

static int watch_messages(struct receiver *receiver, char **command, struct watch_jobs *jobs)
{
	struct msgslot_message message;
	int status = STATUS_DONE, input, last;
	const char *bytes;

	while (!status && (!receiver->count || receiver->received < receiver->count)) {
		input = watch_message_file(&receiver->slot);
		if (input < 0) {
			status = report_system("a file for the message", errno);
			break;
		}
		status = receiver_next(receiver, &bytes, &message);
		if (!status) {
			watch_set_environment(&receiver->slot, &message);
			if (watch_message_put(input, bytes, message.length))
				status = report_system("the message as a file", errno);
			else
				status = watch_jobs_start(jobs, receiver->program_path, command,
							  input);
		}
		close(input);
		if (!status || status == STATUS_INTERRUPTED)
			status = watch_jobs_end(jobs, command, jobs->running == jobs->most);
		if (!status && receiver->peek)
			status = receiver_take(receiver, &message);
	}
	while (jobs->running) {
		last = watch_jobs_end(jobs, command, true);
		status = status ? status : last;
	}
	return status ? status : receiver_status(receiver);
}

static int watch_run(int argc, char **argv)
{
	struct receiver *receiver = &watch_receiver;
	struct watch_jobs *jobs = &watch_jobs;
	struct address address;
	sigset_t while_waiting;
	int status;

	status = argument_address(argc, argv, CHANNEL_RANGE, &address);
	if (!status && argc <= address.words)
		status = report_usage("no command is given");
	if (!status && receiver->peek && jobs->most > 1)
		status = report_usage("-p peeks at one message at a time: it excludes -J");
	if (!status && receiver->peek && receiver->newer)
		status = report_usage("-p takes one message after the other: it excludes --newer");
	receiver->settles = receiver->peek;
	if (!status)
		status = receiver_open(receiver, &address);
	if (status)
		return status;
	if (receiver->peek && msgslot_slot_get_mode(receiver->slot.handle) != MSGSLOT_QUEUE)
		return report_error(STATUS_USAGE, receiver->slot.node,
				    "In other modes no message is taken.", "-p is for mode queue");
	receiver->program = argv[address.words];
	/* A closed standard output (stream_guard()) is not checked: the command does not print. */
	receiver->prints = !(fcntl(STDOUT_FILENO, F_GETFL) & O_PATH);
	/* With -p a message is taken when its command succeeded; a failure ends the watch. */
	jobs->until_failure = jobs->until_failure || receiver->peek;
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
		"                     _CHANNEL, _SEQUENCE, _PID, _UID, _USER, _TIME, _LENGTH and\n"
		"                     _LOST in its environment\n"
		"  -e, --errexit      end when the command fails\n"
		"  -J, --jobs N       up to N commands at a time\n"
		"  -p, --peek         take a message out of a queue when the command succeeded;\n"
		"                     else leave it there, and end\n"
		"      --lowest       of a range in a queue, the lowest channel with a message first\n"
		"      --newer S      only messages with a sequence above S\n"
		"      --max-age SEC  only messages that are not older\n"
		"      --max-length N leave a message that is longer than N bytes, and end\n"
		"  -W, --timeout SEC  wait no longer for a message; 0: not at all\n"
		"  -C, --count N      end after N messages\n"
		"  -h, --help         print this\n",
};
