// SPDX-License-Identifier: GPL-2.0-or-later
/* Errors, on standard error.  See report.h. */
#include "report.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct report_start report_running = {
	.program = "msgslot",
	.usage = "Try 'msgslot --help'.",
};
static bool report_json;

void report_start(const struct report_start *start)
{
	report_running = *start;
}

void report_as_json(void)
{
	report_json = true;
}

static void report_add_json(struct text *text, int status, const char *about, const char *todo,
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

/* Arguments may have any bytes, and a terminal obeys some. */
static void report_add_lines(struct text *text, const char *about, const char *todo,
			     const char *what)
{
	text_string(text, report_running.program);
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
	int code = report_running.one_code ? STATUS_FAILED : (int)status;
	struct text text = { 0 };
	char what[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);

	if (report_json)
		report_add_json(&text, code, about, todo, what);
	else
		report_add_lines(&text, about, todo, what);
	fwrite(text.bytes, 1, text.length, stderr);
	text_free(&text);
	return code;
}

int report_usage(const char *format, ...)
{
	char what[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return report_error(STATUS_USAGE, report_running.command, report_running.usage, "%s", what);
}

int report_system(const char *about, int error)
{
	return report_error(STATUS_FAILED, about, NULL, "%s", strerror(error));
}
