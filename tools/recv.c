// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot recv: print the messages of a channel, or of a range of channels; or hand one to a
 * command that has it leased.
 */
#include "command.h"
#include "format.h"
#include "job.h"
#include "option.h"
#include "print.h"
#include "program.h"
#include "receiver.h"
#include "report.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static struct receiver recv_receiver = {
	.timeout = MSGSLOT_FOREVER,
	.max_age = -1,
	.prints = true,
	.batches = true,
};
static bool recv_follows;
static struct print recv_print;
static struct text recv_text;

static const struct option_rule recv_options[] = {
	RECEIVER_OPTIONS(recv_receiver),
	{ .letter = 'w', .name = "wait", .flag = &recv_receiver.wait },
	{ .letter = 'a', .name = "all", .flag = &recv_receiver.all },
	{ .letter = 'f', .name = "follow", .flag = &recv_follows },
	{ .name = "lease", .flag = &recv_receiver.lease },
	PRINT_OPTIONS(recv_print),
	{ .name = NULL },
};

/* Prints a message, together with those that were received with it. */
static int recv_print_message(const struct receiver *receiver,
			      const struct msgslot_message *message, const char *bytes)
{
	size_t before = recv_text.length;

	print_add(&recv_text, &recv_print, message, bytes);
	return print_write(&recv_text, before, !receiver_has_more(receiver));
}

/* What is to be printed before it is printed first. */
static int recv_report_loss(const struct receiver *receiver, uint64_t lost)
{
	int status = stream_print(&recv_text);

	report_error(STATUS_LOST, receiver->slot.node, NULL,
		     "channel %u: %" PRIu64 " message%s lost before %s could be received",
		     receiver->slot.channel, lost, text_plural(lost), lost == 1 ? "it" : "they");
	return status;
}

static int recv_messages(struct receiver *receiver)
{
	struct msgslot_message message;
	uint64_t lost = 0;
	const char *bytes;
	int status;

	while (!receiver->count || receiver->received < receiver->count) {
		status = receiver_next(receiver, &bytes, &message);
		if (status == STATUS_NOTHING && receiver->all)
			break;
		if (!status && receiver->lost > lost && !recv_print.json)
			status = recv_report_loss(receiver, receiver->lost - lost);
		lost = receiver->lost;
		if (!status)
			status = recv_print_message(receiver, &message, bytes);
		if (status)
			return status;
	}
	status = stream_print(&recv_text);
	return status ? status : receiver_status(receiver);
}

/* ---- with a lease ---------------------------------------------------------------------------- */

/* One message: taken when its command has succeeded; else it comes back. */
static int recv_lease(struct receiver *receiver, char **command)
{
	const struct slot *slot = &receiver->slot;
	struct msgslot_message message;
	int status, settled, input = job_input_new(slot);
	const char *bytes;
	struct job job;

	if (input < 0)
		return report_system("a file for the message", errno);
	status = receiver_next(receiver, &bytes, &message);
	if (status)
		return status;
	status = job_prepare(slot, input, bytes, &message);
	if (!status)
		status = program_run(receiver->program_path, command, input);
	if (status < 0)
		status = report_system(command[0], errno);
	close(input);
	job = (struct job){ message.channel, message.sequence, message.delivered };
	settled = status ? job_return(slot, &job) : job_done(slot, &job);
	return status ? status : settled;
}

static int recv_run_lease(struct receiver *receiver, int argc, char **argv)
{
	struct address address;
	int status, first;

	if (receiver->all || recv_follows || receiver->count || receiver->peek || receiver->newer)
		return report_usage("--lease is for one message: it excludes -a, -C, -f, -p and "
				    "--newer");
	status = argument_address(argc, argv, CHANNEL_RANGE, &address);
	if (status)
		return status;
	first = address.words;
	/* The end of options may be said here, too. */
	first += first < argc && !strcmp(argv[first], "--");
	if (first >= argc)
		return report_usage("no command is given: --lease needs one");
	receiver->program = argv[first];
	receiver->prints = false;
	receiver->batches = false;
	status = receiver_open(receiver, &address);
	if (status)
		return status;
	if (msgslot_slot_get_mode(receiver->slot.handle) != MSGSLOT_QUEUE)
		return report_error(STATUS_USAGE, receiver->slot.node,
				    "In other modes no message is taken.",
				    "--lease is for mode queue");
	return recv_lease(receiver, argv + first);
}

static int recv_run(int argc, char **argv)
{
	struct receiver *receiver = &recv_receiver;
	struct address address;
	int status;

	if (receiver->lease)
		return recv_run_lease(receiver, argc, argv);
	if (receiver->all && (recv_follows || receiver->wait || receiver->timeout >= 0))
		return report_usage("-a does not wait: it excludes -f, -w and -W");
	status = print_begin(&recv_print);
	if (!status)
		status = argument_only_address(argc, argv, CHANNEL_RANGE, &address);
	if (status)
		return status;

	if (receiver->all)
		receiver->timeout = 0;
	else if (recv_follows)
		receiver->wait = true;
	/* As head does: "recv -f | head -n 1". */
	stream_may_end = recv_follows;
	status = receiver_open(receiver, &address);
	/* Of a range of `last` it is all that is there. */
	if (!receiver->all && !recv_follows && !receiver->count)
		receiver->count = 1;
	if (!status && receiver->peek && address.is_range && receiver->count != 1 &&
	    !receiver->all && msgslot_slot_get_mode(receiver->slot.handle) == MSGSLOT_QUEUE)
		status = report_usage("-p on a range is for one message, or with -a for all");
	if (!status)
		status = recv_messages(receiver);
	text_free(&recv_text);
	return status;
}

const struct command recv_command = {
	.name = "recv",
	.run = recv_run,
	.options = recv_options,
	.arguments = "[OPTION]... SLOT CHANNEL [COMMAND [ARGUMENT]...]",
	.summary = "Print messages of a channel of a slot, or of a range of channels.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both), or a range: 1-100, 0x10-, all\n"
		"  -w, --wait         wait for a message in mode last, too\n"
		"      --newer S      only messages with a sequence above S\n"
		"      --max-age SEC  only messages that are not older\n"
		"      --max-length N leave a message that is longer than N bytes, and end\n"
		"  -W, --timeout SEC  wait no longer for a message; 0: not at all\n"
		"  -C, --count N      receive N messages\n"
		"  -a, --all          receive all messages that are kept, and end\n"
		"  -f, --follow       receive messages as they come, without end\n"
		"  -p, --peek         leave them in a queue\n"
		"      --lease        run COMMAND with one message of a queue as its standard input,\n"
		"                     and take the message when that has succeeded\n"
		"      --lowest       of a range in a queue, the lowest channel with a message first\n"
		"  -F, --format TEXT  print TEXT with these fields: %{payload} %{hex} %{channel}\n"
		"                     %{sequence} %{pid} %{uid} %{user} %{time} %{age} %{length} %{lost}\n"
		"  -j, --json         print a JSON object for each, one a line\n"
		"  -N, --no-newline   no newline behind a message\n"
		"  -0, --null         a NUL byte behind each message, instead of a newline\n"
		"  -h, --help         print this\n",
};
