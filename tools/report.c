// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the tool says to people: errors, usage and help.  An error is two lines, what is wrong and what
 * to do about it, or one JSON object where the command's output is JSON.
 */
#include "tools.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command *running;
static bool as_json;

void report_start(const struct command *command)
{
	running = command;
}

void report_as_json(void)
{
	as_json = true;
}

static bool by_own_name(void)
{
	return running && running->own_name;
}

static void add_json(struct text *text, int status, const char *about, const char *todo,
		     const char *what)
{
	text_string(text, "{\"error\":");
	text_json(text, what, strlen(what));
	if (about) {
		text_string(text, ",\"about\":");
		text_json(text, about, strlen(about));
	}
	if (todo) {
		text_string(text, ",\"todo\":");
		text_json(text, todo, strlen(todo));
	}
	text_format(text, ",\"exit\":%d}\n", status);
}

/* What stands in arguments may be anything, and goes to a terminal. */
static void add_lines(struct text *text, const char *about, const char *todo, const char *what)
{
	text_string(text, by_own_name() ? running->name : "msgslot");
	text_string(text, ": ");
	if (about) {
		text_visible(text, about, strlen(about), "");
		text_string(text, ": ");
	}
	text_visible(text, what, strlen(what), "");
	text_string(text, "\n");
	if (todo) {
		text_string(text, todo);
		text_string(text, "\n");
	}
}

int report_error(enum status status, const char *about, const char *todo, const char *format, ...)
{
	int code = by_own_name() ? STATUS_FAILED : (int)status;
	struct text text = { 0 };
	char what[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);

	if (as_json)
		add_json(&text, code, about, todo, what);
	else
		add_lines(&text, about, todo, what);
	fwrite(text.bytes, 1, text.length, stderr);
	text_free(&text);
	return code;
}

int report_system(const char *about, int error)
{
	return report_error(STATUS_FAILED, about, NULL, "%s", strerror(error));
}

/* "Usage: msgslot send ...", without a newline. */
static void usage_line(char *line, size_t size, const struct command *command)
{
	snprintf(line, size, "Usage: %s%s %s", command->own_name ? "" : "msgslot ", command->name,
		 command->arguments);
}

int report_usage(const char *format, ...)
{
	char what[1024], usage[256] = "Try 'msgslot --help'.";
	const char *about = NULL;
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);

	if (running) {
		usage_line(usage, sizeof(usage), running);
		about = running->own_name ? NULL : running->name;
	}
	return report_error(STATUS_USAGE, about, usage, "%s", what);
}

int report_option(int letter, int argc, char **argv)
{
	const char *word = optind <= argc ? argv[optind - 1] : "";

	if (letter == ':')
		return report_usage("option '%s' needs an argument", word);
	if (!strncmp(word, "--", 2))
		return report_usage("bad option '%s'", word);
	return report_usage("bad option '-%c'", optopt);
}

int report_help(const struct command *command)
{
	char usage[256];

	usage_line(usage, sizeof(usage), command);
	printf("%s\n%s\n\n%s", usage, command->summary, command->help);
	return report_flush();
}

/* Help that nobody got to see is a failure, too. */
int report_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return report_system("standard output", errno);
	return STATUS_DONE;
}
