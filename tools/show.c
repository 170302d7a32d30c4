// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot show: settings and counters of a slot, the user's share, its channels, its open files. */
#include "command.h"
#include "fdinfo.h"
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
#include <sys/stat.h>

static bool show_json;
static bool show_verbose;

static const struct option_rule show_options[] = {
	{ .letter = 'j', .name = "json", .flag = &show_json, .call = report_as_json },
	{ .letter = 'v', .name = "verbose", .flag = &show_verbose },
	{ .name = NULL },
};

/* "12 of 65536", or as JSON. */
static void show_add_use(struct text *text, const char *what, uint64_t used, uint64_t max)
{
	text_format(text,
		    show_json ? ",\"%s\":{\"used\":%" PRIu64 ",\"max\":%" PRIu64 "}" :
				"  %-15s %" PRIu64 " of %" PRIu64 "\n",
		    what, used, max);
}

static void show_add_number(struct text *text, const char *what, uint64_t number)
{
	text_format(text, show_json ? ",\"%s\":%" PRIu64 : "  %-15s %" PRIu64 "\n", what, number);
}

static void show_add_word(struct text *text, const char *what, const char *word)
{
	text_format(text, show_json ? ",\"%s\":\"%s\"" : "  %-15s %s\n", what, word);
}

static void show_add_slot(struct text *text, const char *node, const struct msgslot_info *info)
{
	struct text instance = { 0 };

	text_string(text, show_json ? "{\"node\":" : "");
	if (show_json)
		text_json(text, node, strlen(node));
	else
		text_format(text, "%s\n", node);
	show_add_number(text, "slot", info->minor);
	show_add_word(text, "mode", text_known(msgslot_mode_get_name((int)info->mode)));
	show_add_number(text, "depth", info->depth);
	show_add_number(text, "max_message", info->max_message);
	show_add_word(text, "overflow", text_known(msgslot_overflow_get_name((int)info->overflow)));
	text_hex(&instance, info->instance, sizeof(info->instance));
	text_bytes(&instance, "", 1);
	show_add_word(text, "instance", instance.bytes);
	text_free(&instance);
	show_add_use(text, "channels", info->channels, info->max_channels);
	show_add_use(text, "bytes", info->bytes, info->max_bytes);
	show_add_use(text, show_json ? "share_channels" : "my channels", info->share_channels,
		     info->share_max_channels);
	show_add_use(text, show_json ? "share_bytes" : "my bytes", info->share_bytes,
		     info->share_max_bytes);
	show_add_number(text, "messages", info->messages);
	if (info->mode == MSGSLOT_QUEUE)
		show_add_number(text, "leased", info->leased);
	show_add_number(text, "sent", info->sent);
	show_add_number(text, "received", info->received);
	show_add_number(text, "dropped", info->dropped);
	text_string(text, show_json ? ",\"channel_list\":[" : "");
}

static void show_add_channel(struct text *text, bool first,
			     const struct msgslot_walk_detail *channel)
{
	if (show_json)
		text_format(text,
			    "%s{\"channel\":%" PRIu32 ",\"messages\":%" PRIu32 ",\"first\":%" PRIu64
			    ",\"next\":%" PRIu64 ",\"files\":%" PRIu32 ",\"leased\":%" PRIu32 "}",
			    first ? "" : ",", channel->channel, channel->messages,
			    (uint64_t)channel->first, (uint64_t)channel->next, channel->files,
			    channel->leased);
	else
		text_format(
			text,
			"%s%10" PRIu32 " %10" PRIu32 " %20" PRIu64 " %20" PRIu64 " %5" PRIu32 "\n",
			first ? "   CHANNEL   MESSAGES                FIRST                 NEXT FILES\n" :
				"",
			channel->channel, channel->messages, (uint64_t)channel->first,
			(uint64_t)channel->next, channel->files);
}

/**
 * struct show_channels - the walk over the channels
 * @text: gets a line for each
 * @own_hold: this program's file holds channel 0, as in `queue` and `broadcast`
 * @only_own: channel 0 is there only because of that hold
 * @any: a channel was shown
 */
struct show_channels {
	struct text text;
	bool own_hold;
	bool only_own;
	bool any;
};

/* Shows a channel.  The hold of this program's own file does not count. */
static int show_each(struct slot *slot, const struct msgslot_walk_detail *entry, void *data)
{
	struct show_channels *channels = data;
	struct msgslot_walk_detail channel = *entry;

	if (channels->own_hold && channel.channel == 0 && channel.files) {
		channel.files--;
		channels->only_own = !channel.files && !channel.messages;
		if (channels->only_own)
			return STATUS_DONE;
	}
	if (!address_has(slot->address, channel.channel))
		return STATUS_DONE;
	show_add_channel(&channels->text, !channels->any, &channel);
	channels->any = true;
	return STATUS_DONE;
}

/**
 * struct show_files - the walk over the open files
 * @text: gets a line for each
 * @slot: whose address says which channels to show
 * @any: a file was shown
 */
struct show_files {
	struct text text;
	const struct slot *slot;
	bool any;
};

static bool show_wants_file(const struct slot *slot, const struct fdinfo *file)
{
	if (!slot->address->has_channel)
		return true;
	if (file->listens && file->first <= slot->address->last &&
	    file->last >= slot->address->channel)
		return true;
	for (unsigned int i = 0; i < file->listed; i++)
		if (address_has(slot->address, file->leases[i].channel))
			return true;
	return !file->listens && file->selected && address_has(slot->address, file->channel);
}

static void show_add_file_json(struct text *text, bool first, const struct fdinfo *file)
{
	text_format(text, "%s{\"pid\":%d,\"fd\":%d,\"command\":", first ? "" : ",", (int)file->pid,
		    file->fd);
	text_json(text, file->command, strlen(file->command));
	if (file->selected)
		text_format(text, ",\"channel\":%" PRIu32, file->channel);
	if (file->listens)
		text_format(text, ",\"listens\":{\"first\":%" PRIu32 ",\"last\":%" PRIu32 "}",
			    file->first, file->last);
	if (file->has_cursor)
		text_format(text,
			    ",\"next\":%" PRIu64 ",\"behind\":%" PRIu64 ",\"lost\":%" PRIu64
			    ",\"holds_up_writers\":%s",
			    file->next, file->behind, file->lost, file->stalls ? "true" : "false");
	if (file->has_leased)
		text_format(text, ",\"leased\":%" PRIu64 ",\"leases\":[", file->leased);
	for (unsigned int i = 0; i < file->listed; i++)
		text_format(text, "%s{\"channel\":%" PRIu32 ",\"sequence\":%" PRIu64 "}",
			    i ? "," : "", file->leases[i].channel, file->leases[i].sequence);
	text_string(text, file->has_leased ? "]}" : "}");
}

/* "5", "1-100", or "-": neither. */
static const char *show_channels_of(const struct fdinfo *file)
{
	static char channels[32];

	if (file->listens)
		snprintf(channels, sizeof(channels), "%" PRIu32 "-%" PRIu32, file->first,
			 file->last);
	else if (file->selected)
		snprintf(channels, sizeof(channels), "%" PRIu32, file->channel);
	return file->listens || file->selected ? channels : "-";
}

static void show_add_file_line(struct text *text, bool first, const struct fdinfo *file)
{
	if (first)
		text_string(
			text,
			"       PID    FD    CHANNEL     BEHIND       LOST WRITERS     LEASED COMMAND\n");
	text_format(text, "%10d %5d %10s ", (int)file->pid, file->fd, show_channels_of(file));
	if (file->has_cursor)
		text_format(text, "%10" PRIu64 " %10" PRIu64 " %-7s ", file->behind, file->lost,
			    file->stalls ? "wait" : "-");
	else
		text_format(text, "%10s %10s %-7s ", "-", "-", "-");
	if (file->has_leased)
		text_format(text, "%10" PRIu64 " ", file->leased);
	else
		text_format(text, "%10s ", "-");
	text_visible(text, file->command, strlen(file->command), "");
	text_string(text, "\n");
}

static void show_each_file(const struct fdinfo *file, void *data)
{
	struct show_files *files = data;

	if (!show_wants_file(files->slot, file))
		return;
	if (show_json)
		show_add_file_json(&files->text, !files->any, file);
	else
		show_add_file_line(&files->text, !files->any, file);
	files->any = true;
}

/* Adds what is open of the slot, where the processes may be looked into.  Reports; a status. */
static int show_add_files(struct text *text, const struct slot *slot)
{
	struct show_files files = { .slot = slot };
	int status = STATUS_DONE;
	struct stat node;

	if (fstat(msgslot_slot_get_fd(slot->handle), &node) ||
	    fdinfo_walk(node.st_rdev, show_each_file, &files))
		status = report_system("/proc", errno);
	text_string(text, show_json ? ",\"file_list\":[" : "");
	text_bytes(text, files.text.bytes, files.text.length);
	text_string(text, show_json ? "]" : "");
	text_free(&files.text);
	return status;
}

static int show_slot(const struct address *address)
{
	struct show_channels channels = { 0 };
	struct text text = { 0 };
	struct msgslot_info info;
	struct slot slot;
	int status = slot_open(&slot, address, O_RDONLY);

	if (status)
		return status;
	channels.own_hold = msgslot_slot_get_mode(slot.handle) != MSGSLOT_LAST;
	status = slot_walk(&slot, show_each, &channels);
	if (!status && msgslot_info_get(slot.handle, &info, sizeof(info)))
		status = slot_report(&slot, errno);
	if (!status) {
		info.channels -= channels.only_own;
		info.share_channels -= channels.only_own;
		show_add_slot(&text, slot.node, &info);
		text_bytes(&text, channels.text.bytes, channels.text.length);
		text_string(&text, show_json ? "]" : "");
		if (show_verbose)
			status = show_add_files(&text, &slot);
		text_string(&text, show_json ? "}\n" : "");
	}
	if (!status)
		status = stream_print(&text);
	text_free(&channels.text);
	text_free(&text);
	return status;
}

static int show_run(int argc, char **argv)
{
	struct address address;
	int status = argument_only_address(argc, argv, RANGE_OPTIONAL, &address);

	return status ? status : show_slot(&address);
}

const struct command show_command = {
	.name = "show",
	.run = show_run,
	.options = show_options,
	.arguments = "[OPTION]... SLOT [CHANNEL]",
	.summary =
		"Say what a slot is, what is the caller's share of it, and what channels it has.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     only this channel of it (@NAME stands for both), or a range:\n"
		"              1-100, 0x10-\n"
		"  -v, --verbose\n"
		"              list the open files, too, and which of them writers wait for\n"
		"  -j, --json  print a JSON object\n"
		"  -h, --help  print this\n",
};
