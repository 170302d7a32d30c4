// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot hold: run a command while it has a lock, which is a channel of mode `last`.  The lock is
 * taken where the channel has no message, by one that is tied to the open slot: so it is free again
 * when the command has ended, in whatever way.
 */
#include "command.h"
#include "option.h"
#include "report.h"
#include "slot.h"
#include "stream.h"
#include "text.h"
#include "tied.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct tied hold_tied = {
	.how = { .flags = MSGSLOT_SEND_IF, .timeout = MSGSLOT_FOREVER },
};
static bool hold_waits_not;

static const struct option_rule hold_options[] = {
	{ .letter = 'n', .name = "nonblock", .flag = &hold_waits_not },
	{ .letter = 'W', .name = "timeout", .seconds = &hold_tied.how.timeout },
	{ .letter = 'm', .name = "message", .text = &hold_tied.message },
	{ .letter = 'o', .name = "close", .flag = &hold_tied.close },
	{ .name = NULL },
};

/* The lock was not had: which message has it. */
static int hold_report_busy(const struct slot *slot)
{
	const struct msgslot_receive_options now = { .timeout = 0 };
	struct text text = { 0 };
	ssize_t length = msgslot_message_receive_with(slot->handle, slot->channel, stream_buffer,
						      MSGSLOT_MESSAGE_MAX, &now, NULL, 0);

	if (length > 0)
		text_visible(&text, stream_buffer, (size_t)length, "");
	text_bytes(&text, "", 1);
	report_error(STATUS_FAILED, slot->node, NULL, "channel %u is held%s%s", slot->channel,
		     length > 0 ? ": " : "", text.bytes);
	text_free(&text);
	return STATUS_FAILED;
}

static int hold_run(int argc, char **argv)
{
	struct tied *tied = &hold_tied;
	struct address address;
	char self[24];
	int status = argument_address(argc, argv, CHANNEL_ONE, &address);

	if (!status && argc <= address.words)
		status = report_usage("no command is given");
	if (!status && hold_waits_not)
		tied->how.timeout = 0;
	if (!status)
		status = tied_open(tied, &address, argv[address.words]);
	if (status)
		return status;
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	if (!tied->message)
		tied->message = self;
	if (!tied_send(tied))
		return tied_run(tied, argv + address.words);
	if (errno == ESTALE || errno == ETIMEDOUT)
		return hold_report_busy(&tied->slot);
	return slot_report_send(&tied->slot, strlen(tied->message), errno);
}

const struct command hold_command = {
	.name = "hold",
	.run = hold_run,
	.options = hold_options,
	.arguments = "[OPTION]... SLOT CHANNEL COMMAND [ARGUMENT]...",
	.summary = "Run a command while it holds a lock.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, decimal or 0x and hexadecimal digits\n"
		"                     (@NAME stands for both): the lock\n"
		"  COMMAND            is run once the channel has no message, and has one until\n"
		"                     the command has ended\n"
		"  -n, --nonblock     end with 1, instead of waiting, if the lock is held\n"
		"  -W, --timeout SEC  end with 1 if it still is held then\n"
		"  -m, --message TEXT what the channel says meanwhile (the process number)\n"
		"  -o, --close        COMMAND does not inherit the lock: it is free when this\n"
		"                     process has ended\n"
		"  -h, --help         print this\n",
};
