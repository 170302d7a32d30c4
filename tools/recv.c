// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot recv: print the messages of a channel, or of a range of channels. */
#include "command.h"
#include "format.h"
#include "option.h"
#include "receiver.h"
#include "report.h"
#include "stream.h"
#include "text.h"

#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

static struct receiver recv_receiver = {
	.timeout = MSGSLOT_FOREVER,
	.max_age = -1,
	.prints = true,
	.batches = true,
};
static const char *recv_format; /* of -F, or NULL */
static bool recv_json;
static bool recv_no_newline;
static bool recv_nul;
static bool recv_terminal; /* standard output is one */
static struct text recv_text;

static const struct option_rule recv_options[] = {
	RECEIVER_OPTIONS(recv_receiver),
	{ .letter = 'w', .name = "wait", .flag = &recv_receiver.wait },
	{ .letter = 'a', .name = "all", .flag = &recv_receiver.all },
	{ .letter = 'f', .name = "follow", .flag = &recv_receiver.follows },
	{ .letter = 'F', .name = "format", .text = &recv_format, .check = format_check },
	{ .letter = 'j', .name = "json", .flag = &recv_json, .call = report_as_json },
	{ .letter = 'N', .name = "no-newline", .flag = &recv_no_newline },
	{ .letter = '0', .name = "null", .flag = &recv_nul },
	{ .name = NULL },
};

static void recv_add(struct text *text, const struct msgslot_message *message, const char *bytes)
{
	size_t start = text->length;

	if (recv_json)
		format_json(text, message, bytes);
	else if (recv_format)
		format_message(text, recv_format, message, bytes, recv_terminal);
	else if (recv_terminal)
		text_visible(text, bytes, message->length, "\n\t");
	else
		text_bytes(text, bytes, message->length);
	if (recv_nul)
		text_bytes(text, "", 1);
	else if (!recv_no_newline &&
		 (text->length == start || text->bytes[text->length - 1] != '\n'))
		text_string(text, "\n");
}

/*
 * Prints a message; while more are there that were received with it, keeps it for the same write().
 * A pipe takes up to PIPE_BUF bytes of a write() together: so no message that is not longer is
 * mixed with the output of other processes.
 */
static int recv_print(const struct receiver *receiver, const struct msgslot_message *message,
		      const char *bytes)
{
	struct text *text = &recv_text;
	size_t before = text->length;

	recv_add(text, message, bytes);
	if (before && text->length > PIPE_BUF) {
		if (stream_write(text->bytes, before))
			return STATUS_FAILED;
		text_cut(text, before);
	}
	return receiver_has_more(receiver) ? STATUS_DONE : stream_print(text);
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
		if (!status && receiver->lost > lost && !recv_json)
			status = recv_report_loss(receiver, receiver->lost - lost);
		lost = receiver->lost;
		if (!status)
			status = recv_print(receiver, &message, bytes);
		if (status)
			return status;
	}
	status = stream_print(&recv_text);
	return status ? status : receiver_status(receiver);
}

static int recv_run(int argc, char **argv)
{
	struct receiver *receiver = &recv_receiver;
	struct address address;
	int status;

	if (receiver->all && (receiver->follows || receiver->wait || receiver->timeout >= 0))
		return report_usage("-a does not wait: it excludes -f, -w and -W");
	if (recv_json && recv_format)
		return report_usage("-j and -F exclude each other");
	status = argument_only_address(argc, argv, CHANNEL_RANGE, &address);
	if (status)
		return status;

	if (receiver->all)
		receiver->timeout = 0;
	else if (receiver->follows)
		receiver->wait = true;
	recv_terminal = isatty(STDOUT_FILENO);
	status = receiver_open(receiver, &address);
	/* Of a range of `last` it is all that is there. */
	if (!receiver->all && !receiver->follows && !receiver->count)
		receiver->count = 1;
	if (!status && receiver->peek && address.is_range && receiver->count != 1 && !receiver->all)
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
	.arguments = "[OPTION]... SLOT CHANNEL",
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
		"      --lowest       of a range in a queue, the lowest channel with a message first\n"
		"  -F, --format TEXT  print TEXT with these fields: %{payload} %{hex} %{channel}\n"
		"                     %{sequence} %{pid} %{uid} %{user} %{time} %{age} %{length} %{lost}\n"
		"  -j, --json         print a JSON object for each, one a line\n"
		"  -N, --no-newline   no newline behind a message\n"
		"  -0, --null         a NUL byte behind each message, instead of a newline\n"
		"  -h, --help         print this\n",
};
