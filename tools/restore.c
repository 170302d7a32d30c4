// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot restore: send the messages of a file that `dump` wrote.  The whole file, and the limits
 * of the slot, are checked before the first message is sent.
 */
#include "command.h"
#include "dumpfile.h"
#include "option.h"
#include "report.h"
#include "slot.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool restore_adds;
static bool restore_dry_run;
static bool restore_verbose;

static const struct option_rule restore_options[] = {
	{ .letter = 'a', .name = "add", .flag = &restore_adds },
	{ .letter = 'n', .name = "dry-run", .flag = &restore_dry_run },
	{ .letter = 'v', .name = "verbose", .flag = &restore_verbose },
	{ .name = NULL },
};

/*
 * ---- the file ----------------------------------------------------------------------------------
 */

static int restore_report_wrong(const char *path, const char *wrong)
{
	return report_error(STATUS_FAILED, path, "Nothing was sent.", "%s", wrong);
}

/**
 * struct restore_seen - how far a file that is being read was looked at
 * @at: where the next message begins
 * @messages: how many there were
 * @before: the last of them
 */
struct restore_seen {
	size_t at;
	uint64_t messages;
	struct dumpfile_message before;
};

static bool restore_may_follow(const struct restore_seen *seen,
			       const struct dumpfile_message *message)
{
	const struct dumpfile_message *before = &seen->before;

	if (!message->length || message->length > MSGSLOT_MESSAGE_MAX)
		return false;
	return !seen->messages || message->channel > before->channel ||
	       (message->channel == before->channel && message->sequence > before->sequence);
}

/*
 * What is wrong with the messages so far; or NULL.  Else a file would be read up to the length that
 * it says it has, which may be more than fits into memory.  If all of it is there, it is checked as
 * a whole.
 */
static const char *restore_check_messages(const struct text *file, struct restore_seen *seen)
{
	struct dumpfile_message message;
	struct dumpfile_header header;

	if (file->length < sizeof(header))
		return NULL;
	memcpy(&header, file->bytes, sizeof(header));
	dumpfile_swap_header(&header);
	while (file->length < header.length && file->length - seen->at >= sizeof(message)) {
		memcpy(&message, file->bytes + seen->at, sizeof(message));
		dumpfile_swap_message(&message);
		if (seen->messages == header.messages || !restore_may_follow(seen, &message))
			return "it is damaged: it has what cannot be a message";
		if (file->length - seen->at - sizeof(message) < message.length)
			break;
		seen->at += sizeof(message) + message.length;
		seen->messages++;
		seen->before = message;
	}
	return NULL;
}

static int restore_read_all(int fd, const char *path, struct text *file)
{
	struct restore_seen seen = { .at = sizeof(struct dumpfile_header) };
	const char *wrong = NULL;
	char part[65536];
	ssize_t got;

	do {
		got = stream_read_from(fd, part, sizeof(part));
		if (got > 0) {
			text_bytes(file, part, (size_t)got);
			wrong = dumpfile_check_begin(file);
			if (!wrong)
				wrong = restore_check_messages(file, &seen);
		}
	} while (!wrong && got > 0);
	if (wrong)
		return restore_report_wrong(path, wrong);
	return got < 0 ? report_system(path, errno) : STATUS_DONE;
}

static int restore_read_file(const char *path, struct text *file)
{
	int fd, status;

	if (!strcmp(path, "-"))
		return restore_read_all(STDIN_FILENO, "standard input", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return report_system(path, errno);
	status = restore_read_all(fd, path, file);
	close(fd);
	return status;
}

/*
 * ---- the slot ----------------------------------------------------------------------------------
 */

/* Whether a dump of this slot could be such a file. */
static int restore_check_slot(const struct slot *slot, const struct dumpfile_header *header,
			      const struct dumpfile_needs *needs, const struct msgslot_info *info)
{
	char todo[128];

	if (header->mode != info->mode)
		return report_error(STATUS_FAILED, slot->node,
				    "Take a slot of the same mode; 'msgslot list' names them.",
				    "the slot is of mode %s, and the dump of mode %s",
				    text_known(msgslot_mode_get_name((int)info->mode)),
				    msgslot_mode_get_name((int)header->mode));
	if (needs->longest > info->max_message) {
		snprintf(todo, sizeof(todo),
			 "As root: msgslot set %" PRIu32 " max_message=%" PRIu32, info->minor,
			 needs->longest);
		return report_error(STATUS_LENGTH, slot->node, todo,
				    "the dump has a message of %" PRIu32
				    " bytes, and max_message is %" PRIu32,
				    needs->longest, info->max_message);
	}
	if (needs->in_one > info->depth) {
		snprintf(todo, sizeof(todo), "As root: msgslot set %" PRIu32 " depth=%" PRIu64,
			 info->minor, needs->in_one);
		return report_error(STATUS_FULL, slot->node, todo,
				    "the dump has a channel of %" PRIu64
				    " messages, and depth is %" PRIu32,
				    needs->in_one, info->depth);
	}
	return STATUS_DONE;
}

/* Whether the messages fit: a dump that certainly does not is not begun. */
static int restore_check_limits(const struct slot *slot, const struct dumpfile_needs *needs,
				const struct msgslot_info *info)
{
	bool slot_full = needs->channels > info->max_channels || needs->bytes > info->max_bytes;

	if (needs->channels <= info->share_max_channels && needs->bytes <= info->share_max_bytes)
		return STATUS_DONE;
	return report_error(
		STATUS_FULL, slot->node,
		slot_full ? "As root: 'msgslot set' raises max_channels and max_bytes." :
			    "Run it as root, which has no share.",
		"the dump has %" PRIu64 " channels and %" PRIu64 " bytes of messages, more than %s",
		needs->channels, needs->bytes,
		slot_full ? "the slot takes" : "your share of the slot");
}

/*
 * Messages that the slot keeps would come before those of the dump.  The user has to ask for that.
 */
static int restore_check_empty(const struct slot *slot, const struct msgslot_info *info)
{
	if (!info->messages)
		return STATUS_DONE;
	return report_error(STATUS_FAILED, slot->node,
			    "Clear it first ('msgslot clear -a'), or add to them with --add.",
			    "the slot is in use: it keeps %" PRIu64 " message%s",
			    (uint64_t)info->messages, text_plural(info->messages));
}

static int restore_report_part(struct slot *slot, size_t length, uint64_t done, uint64_t messages,
			       int error)
{
	int status;

	if (error == EAGAIN)
		status = report_error(STATUS_FULL, slot->node,
				      "Receive its messages, or clear it ('msgslot clear').",
				      "channel %" PRIu32 ": the channel is full", slot->channel);
	else
		status = slot_report_send(slot, length, error);
	fprintf(stderr, "%" PRIu64 " of %" PRIu64 " message%s were sent before that.\n", done,
		messages, text_plural(messages));
	return status;
}

/*
 * In mode last a channel that has a message keeps it: it is newer than the one in the dump, and
 * counts in *newer.
 */
static int restore_send_all(struct slot *slot, const struct text *file,
			    const struct dumpfile_header *header, uint64_t *newer)
{
	bool last = header->mode == MSGSLOT_LAST;
	struct msgslot_send_options options = { .flags = last ? MSGSLOT_SEND_IF : 0 };
	struct dumpfile_message message;
	size_t at = sizeof(*header);
	const char *bytes;
	uint64_t done = 0;

	while ((bytes = dumpfile_next(file, &at, &message))) {
		slot->channel = message.channel;
		if (!msgslot_message_send_with(slot->handle, message.channel, bytes, message.length,
					       &options, NULL))
			done++;
		else if (last && errno == ESTALE)
			++*newer;
		else
			return restore_report_part(slot, message.length, done, header->messages,
						   errno);
	}
	return STATUS_DONE;
}

static int restore_slot(const struct address *address, const char *path)
{
	struct dumpfile_header header = { 0 };
	struct dumpfile_needs needs;
	struct msgslot_info info;
	struct text file = { 0 };
	uint64_t newer = 0;
	struct slot slot;
	const char *wrong;
	int status = restore_read_file(path, &file);

	if (!status) {
		wrong = dumpfile_check(&file, &header, &needs);
		if (wrong)
			status = restore_report_wrong(strcmp(path, "-") ? path : "standard input",
						      wrong);
	}
	if (!status)
		status = slot_open(&slot, address, O_WRONLY);
	if (!status && msgslot_info_get(slot.handle, &info, sizeof(info)))
		status = slot_report(&slot, errno);
	if (!status)
		status = restore_check_slot(&slot, &header, &needs, &info);
	if (!status)
		status = restore_check_limits(&slot, &needs, &info);
	if (!status && !restore_adds)
		status = restore_check_empty(&slot, &info);
	if (!status && !restore_dry_run)
		status = restore_send_all(&slot, &file, &header, &newer);
	if (!status && (restore_verbose || restore_dry_run)) {
		printf("%s: %" PRIu64 " message%s on %" PRIu64 " channel%s%s\n", slot.node,
		       header.messages - newer, text_plural(header.messages - newer),
		       header.channels, text_plural(header.channels),
		       restore_dry_run ? ", none sent" : "");
		if (newer)
			printf("%s: %" PRIu64 " channel%s kept a newer message\n", slot.node, newer,
			       text_plural(newer));
		status = stream_flush();
	}
	text_free(&file);
	return status;
}

static int restore_run(int argc, char **argv)
{
	struct address address;
	int status = argument_address(argc, argv, CHANNEL_NONE, &address);

	if (!status && argc < 2)
		status = report_usage("no file is given");
	if (!status)
		status = argument_end(argc, argv, 2);
	return status ? status : restore_slot(&address, argv[1]);
}

const struct command restore_command = {
	.name = "restore",
	.run = restore_run,
	.options = restore_options,
	.arguments = "[OPTION]... SLOT { FILE | - }",
	.summary = "Send all messages of a file that 'msgslot dump' wrote.",
	.help = "  SLOT           a number N for /dev/msgslotN, or the path of a device node\n"
		"  FILE           the file; '-' is standard input\n"
		"  -a, --add      also to a slot that keeps messages; in mode last these stay\n"
		"  -n, --dry-run  check everything, and send nothing\n"
		"  -v, --verbose  say how many messages and channels there were\n"
		"  -h, --help     print this\n",
};
