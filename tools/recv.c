// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot recv: print the messages of a channel. */
#include "command.h"
#include "format.h"
#include "option.h"
#include "receiver.h"
#include "report.h"
#include "stream.h"
#include "text.h"

#include <inttypes.h>
#include <unistd.h>

static struct receiver recv_receiver = {
	.timeout = MSGSLOT_FOREVER,
	.max_age = -1,
	.prints = true,
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

/* One write() a message, so that the output of several processes does not mix. */
static int recv_print(uint32_t channel, const struct msgslot_message *message, char *bytes)
{
	size_t length = message->length;
	bool newline = !recv_no_newline;
	struct text *text = &recv_text;

	if (recv_json) {
		format_json(text, channel, message, bytes);
	} else if (recv_format) {
		format_message(text, recv_format, channel, message, bytes, recv_terminal);
	} else if (recv_terminal) {
		text_visible(text, bytes, length, "\n\t");
	} else {
		/* Unchanged; the buffer is one byte longer than the longest message. */
		if (recv_nul)
			bytes[length++] = '\0';
		else if (newline && bytes[length - 1] != '\n')
			bytes[length++] = '\n';
		return stream_write(bytes, length) ? STATUS_FAILED : STATUS_DONE;
	}
	if (recv_nul)
		text_bytes(text, "", 1);
	else if (newline && (!text->length || text->bytes[text->length - 1] != '\n'))
		text_string(text, "\n");
	return stream_print(text);
}

static void recv_report_loss(const struct receiver *receiver, uint64_t lost)
{
	report_error(STATUS_LOST, receiver->slot.node, NULL,
		     "channel %u: %" PRIu64 " message%s lost before %s could be received",
		     receiver->slot.channel, lost, text_plural(lost), lost == 1 ? "it" : "they");
}

static int recv_messages(struct receiver *receiver)
{
	struct msgslot_message message;
	uint64_t lost = 0;
	int status;

	for (uint64_t n = 0; !receiver->count || n < receiver->count; n++) {
		status = receiver_next(receiver, stream_buffer, &message);
		if (status == STATUS_NOTHING && receiver->all)
			break;
		if (status)
			return status;
		if (receiver->lost > lost && !recv_json)
			recv_report_loss(receiver, receiver->lost - lost);
		lost = receiver->lost;
		status = recv_print(receiver->slot.channel, &message, stream_buffer);
		if (status)
			return status;
	}
	return receiver_status(receiver);
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
	status = argument_only_address(argc, argv, CHANNEL_NEEDED, &address);
	if (status)
		return status;

	if (receiver->all)
		receiver->timeout = 0;
	else if (receiver->follows)
		receiver->wait = true;
	else if (!receiver->count)
		receiver->count = 1;
	recv_terminal = isatty(STDOUT_FILENO);
	status = receiver_open(receiver, &address);
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
	.summary = "Print messages of a channel of a slot.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both)\n"
		"  -w, --wait         wait for a message in mode last, too\n"
		"      --newer S      only messages with a sequence above S\n"
		"      --max-age SEC  only messages that are not older\n"
		"      --max-length N leave a message that is longer than N bytes, and end\n"
		"  -W, --timeout SEC  wait no longer for a message; 0: not at all\n"
		"  -C, --count N      receive N messages\n"
		"  -a, --all          receive all messages that are kept, and end\n"
		"  -f, --follow       receive messages as they come, without end\n"
		"  -p, --peek         leave them in a queue\n"
		"  -F, --format TEXT  print TEXT with these fields: %{payload} %{hex} %{channel}\n"
		"                     %{sequence} %{pid} %{uid} %{user} %{time} %{age} %{length} %{lost}\n"
		"  -j, --json         print a JSON object for each, one a line\n"
		"  -N, --no-newline   no newline behind a message\n"
		"  -0, --null         a NUL byte behind each message, instead of a newline\n"
		"  -h, --help         print this\n",
};
