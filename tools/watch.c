// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot watch: run a command for each message of a channel.  The message is the command's standard
 * input, what is known of it the environment.
 */
#define _GNU_SOURCE /* fallocate(), memfd_create(), O_PATH */
#include "program.h"
#include "receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 1024 };

static void set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	setenv(name, text, 1);
}

static void set_environment(const struct slot *slot, const struct msgslot_message *message)
{
	struct text time = { 0 };

	format_time(&time, message);
	text_bytes(&time, "", 1);
	setenv("MSGSLOT_TIME", time.bytes, 1);
	text_free(&time);
	setenv("MSGSLOT_NODE", slot->node, 1);
	setenv("MSGSLOT_USER", format_user(message->uid), 1);
	set_number("MSGSLOT_CHANNEL", slot->channel);
	set_number("MSGSLOT_SEQUENCE", message->sequence);
	set_number("MSGSLOT_PID", message->pid);
	set_number("MSGSLOT_UID", message->uid);
	set_number("MSGSLOT_LENGTH", message->length);
	set_number("MSGSLOT_LOST", message->lost);
}

/*
 * A file and no pipe: nobody has to wait for a command that does not read all of it.  It is made before a
 * message is taken, with memory for the longest.
 */
static int message_file(const struct slot *slot)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!fallocate(fd, 0, 0, (off_t)msgslot_slot_get_max_message(slot->handle)))
		return fd;
	close(fd);
	return -1;
}

static int message_put(int fd, const char *bytes, size_t length)
{
	ssize_t put;

	for (size_t done = 0; done < length; done += (size_t)put) {
		put = pwrite(fd, bytes + done, length - done, (off_t)done);
		if (put < 0)
			return -1;
	}
	return ftruncate(fd, (off_t)length);
}

static int report_end(char **command, int result)
{
	if (WIFEXITED(result))
		return report_error(STATUS_FAILED, command[0], NULL, "ended with %d",
				    WEXITSTATUS(result));
	return report_error(STATUS_FAILED, command[0], NULL, "was ended by signal %d",
			    WTERMSIG(result));
}

/**
 * struct jobs - the commands that run
 * @most: at a time
 * @running: how many do
 * @until_failure: one that fails is the end
 */
struct jobs {
	uint64_t most;
	uint64_t running;
	bool until_failure;
};

static volatile sig_atomic_t child_ended;

static void note_child(int signal)
{
	(void)signal;
	child_ended = 1;
}

/* A child's end interrupts the wait for a message, and nothing else. */
static void watch_children(struct receiver *receiver, sigset_t *while_waiting)
{
	struct sigaction action = { .sa_handler = note_child };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, while_waiting);
	sigdelset(while_waiting, SIGCHLD);
	sigaction(SIGCHLD, &action, NULL);
	receiver->signals = while_waiting;
	receiver->interrupted = &child_ended;
}

/* Waits for one command, and takes note of all that have ended; of a failure that counts, a status. */
static int jobs_end(struct jobs *jobs, char **command, bool wait)
{
	int status = STATUS_DONE, result;
	pid_t child;

	child_ended = 0;
	while (jobs->running) {
		child = waitpid(-1, &result, wait ? 0 : WNOHANG);
		if (child < 0 && errno == EINTR)
			continue;
		if (child <= 0)
			break;
		wait = false;
		jobs->running--;
		if (result && jobs->until_failure && !status)
			status = report_end(command, result);
	}
	return status;
}

/*
 * The message is taken: where there is no memory or no process for the command just now, it waits, and those
 * that have ended make room.
 */
static int jobs_start(struct jobs *jobs, const char *path, char **command, int input)
{
	int status = STATUS_DONE;
	bool told = false;

	while (program_start(path, command, input) < 0) {
		if (errno != EAGAIN && errno != ENOMEM)
			return report_system(command[0], errno);
		if (!told)
			report_system(command[0], errno);
		told = true;
		sleep(1);
		if (!status)
			status = jobs_end(jobs, command, false);
	}
	jobs->running++;
	return status;
}

static int watch(struct receiver *receiver, char **command, struct jobs *jobs)
{
	struct msgslot_message message;
	int status = STATUS_DONE, input, last;
	uint64_t n = 0;

	while (!status && (!receiver->count || n < receiver->count)) {
		input = message_file(&receiver->slot);
		if (input < 0) {
			status = report_system("a file for the message", errno);
			break;
		}
		status = receiver_next(receiver, stream_buffer, &message);
		if (!status) {
			n++;
			set_environment(&receiver->slot, &message);
			if (message_put(input, stream_buffer, message.length))
				status = report_system("the message as a file", errno);
			else
				status = jobs_start(jobs, receiver->program_path, command, input);
		}
		close(input);
		if (!status || status == STATUS_INTERRUPTED)
			status = jobs_end(jobs, command, jobs->running == jobs->most);
		if (!status && receiver->peek)
			status = receiver_take(receiver, &message);
	}
	while (jobs->running) {
		last = jobs_end(jobs, command, true);
		status = status ? status : last;
	}
	return status ? status : receiver_status(receiver);
}

static int watch_run(int argc, char **argv)
{
	static const struct option options[] = {
		RECEIVER_OPTIONS,
		{ "errexit", no_argument, NULL, 'e' },
		{ "jobs", required_argument, NULL, 'J' },
		{ NULL, 0, NULL, 0 },
	};
	struct receiver receiver = { .wait = true, .patience = MSGSLOT_FOREVER, .max_age = -1 };
	struct address address;
	int letter, status = STATUS_DONE;
	struct jobs jobs = { .most = 1 };
	sigset_t while_waiting;

	opterr = 0;
	while (!status && (letter = getopt_long(argc, argv, "+:" RECEIVER_LETTERS "eJ:", options,
						NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&watch_command);
		case 'e':
			jobs.until_failure = true;
			break;
		case 'J':
			status = argument_number("-J", optarg, 1, JOBS_MAX, &jobs.most);
			break;
		case '?':
		case ':':
			return report_option(letter, argc, argv);
		default:
			status = receiver_option(&receiver, letter, optarg);
		}
	}
	argc -= optind;
	argv += optind;
	if (!status)
		status = argument_address(argc, argv, CHANNEL_NEEDED, &address);
	if (!status && argc <= address.words)
		status = report_usage("no command is given");
	if (!status && receiver.peek && jobs.most > 1)
		status = report_usage("-p looks at one message at a time: -J excludes it");
	if (!status)
		status = receiver_open(&receiver, &address);
	if (status)
		return status;
	if (receiver.peek && msgslot_slot_get_mode(receiver.slot.handle) != MSGSLOT_QUEUE)
		return report_error(STATUS_USAGE, receiver.slot.node,
				    "In other modes a message is not taken away.",
				    "-p is for mode queue");
	receiver.program = argv[address.words];
	/* Where standard output was closed (stream_guard()) the command is not to print. */
	receiver.prints = !(fcntl(STDOUT_FILENO, F_GETFL) & O_PATH);
	/* A message is taken when its command succeeded; when not, that is the end. */
	jobs.until_failure = jobs.until_failure || receiver.peek;
	if (jobs.most > 1)
		watch_children(&receiver, &while_waiting);
	return watch(&receiver, argv + address.words, &jobs);
}

const struct command watch_command = {
	.name = "watch",
	.run = watch_run,
	.arguments = "[OPTION]... SLOT CHANNEL COMMAND [ARGUMENT]...",
	.summary = "Run a command for each message of a channel.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both)\n"
		"  COMMAND            gets the message as its standard input, and MSGSLOT_NODE,\n"
		"                     _CHANNEL, _SEQUENCE, _PID, _UID, _USER, _TIME, _LENGTH and\n"
		"                     _LOST in its environment\n"
		"  -e, --errexit      end when the command fails\n"
		"  -J, --jobs N       up to N commands at a time\n"
		"  -p, --peek         take a message out of a queue when the command succeeded;\n"
		"                     else leave it there, and end\n"
		"      --newer S      only messages with a sequence above S\n"
		"      --max-age SEC  only messages that are not older\n"
		"      --max-length N leave a message that is longer than N bytes, and end\n"
		"  -W, --timeout SEC  wait no longer for a message; 0: not at all\n"
		"  -C, --count N      end after N messages\n"
		"  -h, --help         print this\n",
};
