// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot show: what a slot is, my share of it, and its channels.  Needs only the node. */
#include "tools.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

/* "12 of 65536", or the JSON of it. */
static void add_use(struct text *text, bool json, const char *what, uint64_t used, uint64_t max)
{
	text_format(text,
		    json ? ",\"%s\":{\"used\":%" PRIu64 ",\"max\":%" PRIu64 "}" :
			   "  %-15s %" PRIu64 " of %" PRIu64 "\n",
		    what, used, max);
}

static void add_number(struct text *text, bool json, const char *what, uint64_t number)
{
	text_format(text, json ? ",\"%s\":%" PRIu64 : "  %-15s %" PRIu64 "\n", what, number);
}

static void add_word(struct text *text, bool json, const char *what, const char *word)
{
	text_format(text, json ? ",\"%s\":\"%s\"" : "  %-15s %s\n", what, word);
}

static void add_slot(struct text *text, bool json, const char *node,
		     const struct msgslot_info *info)
{
	struct text instance = { 0 };

	text_string(text, json ? "{\"node\":" : "");
	if (json)
		text_json(text, node, strlen(node));
	else
		text_format(text, "%s\n", node);
	add_number(text, json, "slot", info->minor);
	add_word(text, json, "mode", msgslot_mode_get_name((int)info->mode));
	add_number(text, json, "depth", info->depth);
	add_number(text, json, "max_message", info->max_message);
	add_word(text, json, "overflow", msgslot_overflow_get_name((int)info->overflow));
	text_hex(&instance, info->instance, sizeof(info->instance));
	text_bytes(&instance, "", 1);
	add_word(text, json, "instance", instance.bytes);
	text_free(&instance);
	add_use(text, json, "channels", info->channels, info->max_channels);
	add_use(text, json, "bytes", info->bytes, info->max_bytes);
	add_use(text, json, json ? "share_channels" : "my channels", info->share_channels,
		info->share_max_channels);
	add_use(text, json, json ? "share_bytes" : "my bytes", info->share_bytes,
		info->share_max_bytes);
	add_number(text, json, "messages", info->messages);
	add_number(text, json, "sent", info->sent);
	add_number(text, json, "received", info->received);
	add_number(text, json, "dropped", info->dropped);
	text_string(text, json ? ",\"channel_list\":[" : "");
}

static void add_channel(struct text *text, bool json, bool first,
			const struct msgslot_walk_entry *channel)
{
	uint64_t messages = channel->next - channel->first;

	if (json)
		text_format(text,
			    "%s{\"channel\":%" PRIu32 ",\"messages\":%" PRIu64 ",\"first\":%" PRIu64
			    ",\"next\":%" PRIu64 ",\"files\":%" PRIu32 "}",
			    first ? "" : ",", channel->channel, messages, (uint64_t)channel->first,
			    (uint64_t)channel->next, channel->files);
	else
		text_format(
			text,
			"%s%10" PRIu32 " %10" PRIu64 " %20" PRIu64 " %20" PRIu64 " %5" PRIu32 "\n",
			first ? "   CHANNEL   MESSAGES                FIRST                 NEXT FILES\n" :
				"",
			channel->channel, messages, (uint64_t)channel->first,
			(uint64_t)channel->next, channel->files);
}

/*
 * All channels, or the one that the address names.  In `queue` and `broadcast` a file that was opened
 * is on channel 0: our own hold is not worth telling, and neither is a channel that is there only by
 * it, as *only_ours says.
 */
static int add_channels(struct text *text, bool json, struct slot *slot,
			const struct address *address, bool *only_ours)
{
	struct msgslot_walker *walker = msgslot_walker_new(slot->handle);
	bool first = true, ours = msgslot_slot_get_mode(slot->handle) != MSGSLOT_LAST;
	struct msgslot_walk_entry entry;
	int found;

	*only_ours = false;
	if (!walker)
		return report_system(slot->node, errno);
	while ((found = msgslot_walker_next(walker, &entry, sizeof(entry))) > 0) {
		if (ours && entry.channel == 0 && entry.files) {
			entry.files--;
			*only_ours = !entry.files && entry.first == entry.next;
			if (*only_ours)
				continue;
		}
		if (address->has_channel && entry.channel != address->channel)
			continue;
		add_channel(text, json, first, &entry);
		first = false;
	}
	msgslot_walker_free(walker);
	return found < 0 ? slot_report(slot, errno) : STATUS_DONE;
}

static int show(const struct address *address, bool json)
{
	struct text text = { 0 }, channels = { 0 };
	struct msgslot_info info;
	struct slot slot;
	bool only_ours;
	int status = slot_open(&slot, address, O_RDONLY);

	if (status)
		return status;
	status = add_channels(&channels, json, &slot, address, &only_ours);
	if (!status && msgslot_info_get(slot.handle, &info, sizeof(info)))
		status = slot_report(&slot, errno);
	if (!status) {
		info.channels -= only_ours;
		info.share_channels -= only_ours;
		add_slot(&text, json, slot.node, &info);
		text_bytes(&text, channels.bytes, channels.length);
		text_string(&text, json ? "]}\n" : "");
		status = text_print(&text);
	}
	text_free(&channels);
	text_free(&text);
	return status;
}

static int show_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct address address;
	bool json = false;
	int letter, status;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:hj", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&show_command);
		case 'j':
			json = true;
			report_as_json();
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	status = argument_address(argc - optind, argv + optind, CHANNEL_OPTIONAL, &address);
	if (!status && argc - optind > address.words)
		status = report_usage("'%s' is too much", argv[optind + address.words]);
	return status ? status : show(&address, json);
}

const struct command show_command = {
	.name = "show",
	.run = show_run,
	.arguments = "[OPTION]... SLOT [CHANNEL]",
	.summary = "Say what a slot is, what is my share of it, and what channels it has.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     only this channel of it (@NAME stands for both)\n"
		"  -j, --json  print a JSON object\n"
		"  -h, --help  print this\n",
};
