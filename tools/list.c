// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot list: which slots there are, as sysfs tells everybody, and which of them I may use. */
#include "tools.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const attributes[] = { "mode",     "depth",	  "max_message", "overflow",
					  "channels", "messages", "bytes" };
enum { ATTRIBUTES = sizeof(attributes) / sizeof(attributes[0]) };

struct row {
	int minor;
	char node[32];
	const char *access;
	char values[ATTRIBUTES][32];
};

/* False where the slot went while it was looked at. */
static bool read_row(struct row *row, int minor)
{
	bool reads, writes;

	row->minor = minor;
	snprintf(row->node, sizeof(row->node), "/dev/msgslot%d", minor);
	reads = !access(row->node, R_OK);
	writes = !access(row->node, W_OK);
	row->access = reads ? writes ? "rw" : "r" : writes ? "w" : "-";
	for (int i = 0; i < ATTRIBUTES; i++)
		if (msgslot_attribute_get(minor, attributes[i], row->values[i],
					  sizeof(row->values[i])) < 0)
			return false;
	return true;
}

static void add_row(struct text *text, const struct row *row)
{
	text_format(text, "%4d %-9s", row->minor, row->values[0]);
	for (int i = 1; i < ATTRIBUTES; i++)
		text_format(text, " %11s", row->values[i]);
	text_format(text, " %-6s %s\n", row->access, row->node);
}

/* Numbers are numbers, and words are quoted; neither has a byte that JSON minds. */
static void add_json(struct text *text, const struct row *row)
{
	text_format(text, "{\"slot\":%d", row->minor);
	for (int i = 0; i < ATTRIBUTES; i++) {
		bool number = row->values[i][0] >= '0' && row->values[i][0] <= '9';
		const char *quote = number ? "" : "\"";

		text_format(text, ",\"%s\":%s%s%s", attributes[i], quote, row->values[i], quote);
	}
	text_format(text, ",\"access\":\"%s\",\"node\":\"%s\"}\n", row->access, row->node);
}

static int list(bool json)
{
	struct text text = { 0 };
	struct row row;
	int minor = -1, status;

	if (!json) {
		text_string(&text, "SLOT MODE     ");
		text_format(&text, " %11s %11s %11s %11s %11s %11s ACCESS NODE\n", "DEPTH",
			    "MAX_MESSAGE", "OVERFLOW", "CHANNELS", "MESSAGES", "BYTES");
	}
	while ((minor = msgslot_slot_next(minor)) >= 0) {
		if (!read_row(&row, minor))
			continue;
		if (json)
			add_json(&text, &row);
		else
			add_row(&text, &row);
	}
	status = errno == ENOENT ? text_print(&text) : report_sysfs(NULL, errno);
	text_free(&text);
	return status;
}

static int list_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false;
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:hj", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			return report_help(&list_command);
		case 'j':
			json = true;
			report_as_json();
			break;
		default:
			return report_option(letter, argc, argv);
		}
	}
	if (optind < argc)
		return report_usage("'%s' is too much", argv[optind]);
	return list(json);
}

const struct command list_command = {
	.name = "list",
	.run = list_run,
	.arguments = "[OPTION]...",
	.summary = "Say what slots there are.",
	.help = "  -j, --json  print a JSON object for each, one a line\n"
		"  -h, --help  print this\n"
		"\n"
		"ACCESS is what you may do with the node: r, w, rw or -.\n",
};
