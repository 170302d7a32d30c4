// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot list: list the slots, which sysfs shows to every user, and what the user may do. */
#include "arguments.h"
#include "command.h"
#include "option.h"
#include "report.h"
#include "report_errno.h"
#include "setting.h"
#include "stream.h"

#include <errno.h>
#include <msgslot.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool list_json;

static const struct option_rule list_options[] = {
	{ .letter = 'j', .name = "json", .flag = &list_json, .call = report_as_json },
	{ .name = NULL },
};

/* The columns: all settings but the limits of the slot, then these. */
static const char *const list_counters[] = { "channels", "messages", "bytes" };
enum {
	LIST_SETTINGS = SETTING_MAX_BYTES,
	LIST_ATTRIBUTES = LIST_SETTINGS + sizeof(list_counters) / sizeof(list_counters[0])
};

static const char *list_attribute(int i)
{
	return i < LIST_SETTINGS ? setting_name(i) : list_counters[i - LIST_SETTINGS];
}

struct list_row {
	int minor;
	char node[32];
	const char *access;
	char values[LIST_ATTRIBUTES][32];
};

/* False if the slot was destroyed meanwhile. */
static bool list_read_row(struct list_row *row, int minor)
{
	bool reads, writes;

	row->minor = minor;
	snprintf(row->node, sizeof(row->node), "/dev/msgslot%d", minor);
	reads = !access(row->node, R_OK);
	writes = !access(row->node, W_OK);
	row->access = reads ? writes ? "rw" : "r" : writes ? "w" : "-";
	for (int i = 0; i < LIST_ATTRIBUTES; i++)
		if (msgslot_attribute_get(minor, list_attribute(i), row->values[i],
					  sizeof(row->values[i])) < 0)
			return false;
	return true;
}

static void list_add_row(struct text *text, const struct list_row *row)
{
	text_format(text, "%4d %-9s", row->minor, row->values[0]);
	for (int i = 1; i < LIST_ATTRIBUTES; i++)
		text_format(text, " %11s", row->values[i]);
	text_format(text, " %-6s %s\n", row->access, row->node);
}

/* Words are quoted.  Neither words nor numbers have bytes that JSON would escape. */
static void list_add_json(struct text *text, const struct list_row *row)
{
	text_format(text, "{\"slot\":%d", row->minor);
	for (int i = 0; i < LIST_ATTRIBUTES; i++) {
		bool number = row->values[i][0] >= '0' && row->values[i][0] <= '9';
		const char *quote = number ? "" : "\"";

		text_format(text, ",\"%s\":%s%s%s", list_attribute(i), quote, row->values[i],
			    quote);
	}
	text_format(text, ",\"access\":\"%s\",\"node\":\"%s\"}\n", row->access, row->node);
}

static int list_slots(void)
{
	struct text text = { 0 };
	struct list_row row;
	int minor = -1, status;

	if (!list_json) {
		text_string(&text, "SLOT MODE     ");
		text_format(&text, " %11s %11s %11s %11s %11s %11s ACCESS NODE\n", "DEPTH",
			    "MAX_MESSAGE", "OVERFLOW", "CHANNELS", "MESSAGES", "BYTES");
	}
	while ((minor = msgslot_slot_next(minor)) >= 0) {
		if (!list_read_row(&row, minor))
			continue;
		if (list_json)
			list_add_json(&text, &row);
		else
			list_add_row(&text, &row);
	}
	status = errno == ENOENT ? stream_print(&text) : report_sysfs(NULL, errno);
	text_free(&text);
	return status;
}

static int list_run(int argc, char **argv)
{
	int status = argument_end(argc, argv, 0);

	return status ? status : list_slots();
}

const struct command list_command = {
	.name = "list",
	.run = list_run,
	.options = list_options,
	.arguments = "[OPTION]...",
	.summary = "Say what slots there are.",
	.help = "  -j, --json  print a JSON object for each, one a line\n"
		"  -h, --help  print this\n"
		"\n"
		"ACCESS is what you may do with the node: r, w, rw or -.\n",
};
