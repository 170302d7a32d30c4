// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot recv: print the messages of a channel. */
#include "receiver.h"

#include <getopt.h>
#include <inttypes.h>
#include <unistd.h>

/* How a message is printed, and what stands behind it. */
struct printer {
	const char *format;
	bool json;
	bool newline; /* unless there is one */
	bool nul;
	bool visible; /* standard output is a terminal */
	struct text text;
};

/* In one write, so that messages of several processes do not mix in one pipe or file. */
static int print(struct printer *printer, uint32_t channel, const struct msgslot_message *message,
		 char *bytes)
{
	size_t length = message->length;
	struct text *text = &printer->text;

	if (printer->json) {
		format_json(text, channel, message, bytes);
	} else if (printer->format) {
		format_message(text, printer->format, channel, message, bytes, printer->visible);
	} else if (printer->visible) {
		text_visible(text, bytes, length, "\n\t");
	} else {
		/* As it is; the buffer has room for the byte behind it. */
		if (printer->nul)
			bytes[length++] = '\0';
		else if (printer->newline && bytes[length - 1] != '\n')
			bytes[length++] = '\n';
		return stream_write(bytes, length) ? STATUS_FAILED : STATUS_DONE;
	}
	if (printer->nul)
		text_bytes(text, "", 1);
	else if (printer->newline && (!text->length || text->bytes[text->length - 1] != '\n'))
		text_string(text, "\n");
	return text_print(text);
}

static void tell_loss(const struct receiver *receiver, uint64_t lost)
{
	report_error(STATUS_LOST, receiver->slot.node, NULL,
		     "channel %u: %" PRIu64 " message%s went before %s could be received",
		     receiver->slot.channel, lost, lost == 1 ? "" : "s", lost == 1 ? "it" : "they");
}

static int receive_all(struct receiver *receiver, struct printer *printer)
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
		if (receiver->lost > lost && !printer->json)
			tell_loss(receiver, receiver->lost - lost);
		lost = receiver->lost;
		status = print(printer, receiver->slot.channel, &message, stream_buffer);
		if (status)
			return status;
	}
	return receiver_status(receiver);
}

static int recv_run(int argc, char **argv)
{
	static const struct option options[] = {
		RECEIVER_OPTIONS,
		{ "wait", no_argument, NULL, 'w' },
		{ "all", no_argument, NULL, 'a' },
		{ "follow", no_argument, NULL, 'f' },
		{ "format", required_argument, NULL, 'F' },
		{ "json", no_argument, NULL, 'j' },
		{ "no-newline", no_argument, NULL, 'N' },
		{ "null", no_argument, NULL, '0' },
		{ NULL, 0, NULL, 0 },
	};
	struct receiver receiver = { .patience = MSGSLOT_FOREVER, .max_age = -1, .prints = true };
	struct printer printer = { .newline = true };
	struct address address;
	int letter, status = STATUS_DONE;
	bool follow = false;

	opterr = 0;
	while (!status && (letter = getopt_long(argc, argv, "+:" RECEIVER_LETTERS "wafF:jN0",
						options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&recv_command);
		case 'w':
			receiver.wait = true;
			break;
		case 'a':
			receiver.all = true;
			break;
		case 'f':
			follow = receiver.follows = true;
			break;
		case 'F':
			printer.format = optarg;
			status = format_check(optarg);
			break;
		case 'j':
			printer.json = true;
			report_as_json();
			break;
		case 'N':
			printer.newline = false;
			break;
		case '0':
			printer.nul = true;
			break;
		case '?':
		case ':':
			return report_option(letter, argc, argv);
		default:
			status = receiver_option(&receiver, letter, optarg);
		}
	}
	if (!status && receiver.all && (follow || receiver.wait || receiver.patience >= 0))
		status = report_usage("-a waits for nothing: -f, -w and -W exclude it");
	if (!status && printer.json && printer.format)
		status = report_usage("-j and -F exclude each other");
	if (!status)
		status = argument_address(argc - optind, argv + optind, CHANNEL_NEEDED, &address);
	if (!status && argc - optind > address.words)
		status = report_usage("'%s' is too much", argv[optind + address.words]);
	if (status)
		return status;

	if (receiver.all)
		receiver.patience = 0;
	else if (follow)
		receiver.wait = true;
	else if (!receiver.count)
		receiver.count = 1;
	printer.visible = isatty(STDOUT_FILENO);
	status = receiver_open(&receiver, &address);
	if (!status)
		status = receive_all(&receiver, &printer);
	text_free(&printer.text);
	return status;
}

const struct command recv_command = {
	.name = "recv",
	.run = recv_run,
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
