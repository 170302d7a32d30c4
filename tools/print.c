// SPDX-License-Identifier: GPL-2.0-or-later
/* A message on standard output.  See print.h. */
#include "print.h"

#include "format.h"
#include "report.h"
#include "stream.h"

#include <limits.h>
#include <unistd.h>

int print_begin(struct print *print)
{
	if (print->json && print->format)
		return report_usage("-j and -F exclude each other");
	print->terminal = isatty(STDOUT_FILENO);
	return STATUS_DONE;
}

void print_add(struct text *text, const struct print *print, const struct msgslot_message *message,
	       const char *bytes)
{
	size_t start = text->length;

	if (print->json)
		format_json(text, message, bytes);
	else if (print->format)
		format_message(text, print->format, message, bytes, print->terminal);
	else if (print->terminal)
		text_visible(text, bytes, message->length, "\n\t");
	else
		text_bytes(text, bytes, message->length);
	if (print->nul)
		text_bytes(text, "", 1);
	else if (!print->no_newline &&
		 (text->length == start || text->bytes[text->length - 1] != '\n'))
		text_string(text, "\n");
}

/*
 * A pipe takes up to PIPE_BUF bytes of a write() together: so no message that is not longer is
 * mixed with the output of other processes.
 */
int print_write(struct text *text, size_t before, bool is_end)
{
	if (before && text->length > PIPE_BUF) {
		if (stream_write(text->bytes, before))
			return STATUS_FAILED;
		text_cut(text, before);
	}
	return is_end ? stream_print(text) : STATUS_DONE;
}
