// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot doctor: why does it not work here, and what is to be done?  Looks, and changes nothing. */
#include "doctor.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct text findings;
static unsigned int faults;

static void add_line(const char *kind, const char *format, va_list arguments)
{
	char what[1024];

	vsnprintf(what, sizeof(what), format, arguments);
	text_format(&findings, "%-6s", kind);
	text_visible(&findings, what, strlen(what), "");
	text_string(&findings, "\n");
}

void doctor_well(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_line("ok", format, arguments);
	va_end(arguments);
}

void doctor_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_line("note", format, arguments);
	va_end(arguments);
}

void doctor_wrong(const char *todo, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_line("WRONG", format, arguments);
	va_end(arguments);
	text_string(&findings, "      ");
	text_visible(&findings, todo, strlen(todo), "");
	text_string(&findings, "\n");
	faults++;
}

/* Every line of both files of names. */
static void doctor_names(void)
{
	struct msgslot_names *names = msgslot_names_open();
	struct msgslot_place place;
	struct msgslot_name name;
	unsigned int count = 0;
	int found;

	if (!names) {
		doctor_wrong("See the error.", "names of channels: %s", strerror(errno));
		return;
	}
	while ((found = msgslot_names_next(names, &name, sizeof(name), &place, sizeof(place))) !=
	       0) {
		if (found > 0)
			count++;
		else if (errno == EBADMSG)
			doctor_wrong("A line is 'name slot channel # comment', or empty.",
				     "%s:%u: the line is malformed", place.file, place.line);
		else
			doctor_wrong("Make it readable, or remove it.", "%s: %s", place.file,
				     strerror(errno));
	}
	msgslot_names_close(names);
	doctor_well("names of channels: %u", count);
}

static int doctor_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter, status;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (letter == 'h')
			return report_help(&doctor_command);
		return report_option(letter, argc, argv);
	}
	if (optind < argc)
		return report_usage("'%s' is too much", argv[optind]);

	doctor_well("this is msgslot " MSGSLOT_VERSION);
	doctor_module();
	doctor_nodes();
	doctor_names();

	status = text_print(&findings);
	text_free(&findings);
	if (!status && faults)
		status = STATUS_FAILED;
	return status;
}

const struct command doctor_command = {
	.name = "doctor",
	.run = doctor_run,
	.arguments = "[-h]",
	.summary = "Look for what is missing or wrong, and say what to do about it.",
	.help = "  -h, --help  print this\n"
		"\n"
		"Each line is 'ok', a 'note', or what is WRONG, with what to do in the next line.\n"
		"The exit code is 0 when nothing is wrong, else 1.\n",
};
