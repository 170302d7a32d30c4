// SPDX-License-Identifier: GPL-2.0-or-later
/* What `msgslot doctor` finds.  See finding.h. */
#include "finding.h"

#include "report.h"
#include "stream.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct text finding_lines;
static unsigned int finding_faults;

static void finding_add(const char *kind, const char *format, va_list arguments)
{
	char what[1024];

	vsnprintf(what, sizeof(what), format, arguments);
	text_format(&finding_lines, "%-6s", kind);
	text_visible(&finding_lines, what, strlen(what), "");
	text_string(&finding_lines, "\n");
}

void finding_well(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	finding_add("ok", format, arguments);
	va_end(arguments);
}

void finding_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	finding_add("note", format, arguments);
	va_end(arguments);
}

void finding_wrong(const char *todo, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	finding_add("WRONG", format, arguments);
	va_end(arguments);
	text_string(&finding_lines, "      ");
	text_visible(&finding_lines, todo, strlen(todo), "");
	text_string(&finding_lines, "\n");
	finding_faults++;
}

int finding_print(void)
{
	int status = stream_print(&finding_lines);

	text_free(&finding_lines);
	return !status && finding_faults ? STATUS_FAILED : status;
}
