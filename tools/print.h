/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message on standard output, as the options of `recv` and `record --show` say. */
#ifndef MSGSLOT_TOOLS_PRINT_H
#define MSGSLOT_TOOLS_PRINT_H

#include "text.h"

#include <msgslot.h>
#include <stdbool.h>

/**
 * struct print - how messages are printed
 * @format: of -F; or NULL
 * @json: -j
 * @no_newline: -N
 * @nul: -0
 * @terminal: standard output is one
 */
struct print {
	const char *format;
	bool json;
	bool no_newline;
	bool nul;
	bool terminal;
};

/* clang-format off */
#define PRINT_OPTIONS(print)                                                                 \
	{ .letter = 'F', .name = "format", .text = &(print).format, .check = format_check }, \
	{ .letter = 'j', .name = "json", .flag = &(print).json, .call = report_as_json },    \
	{ .letter = 'N', .name = "no-newline", .flag = &(print).no_newline },                \
	{ .letter = '0', .name = "null", .flag = &(print).nul }
/* clang-format on */

/* Checks the options, and looks at standard output.  Reports; a status. */
int print_begin(struct print *print);

void print_add(struct text *text, const struct print *print, const struct msgslot_message *message,
	       const char *bytes);

/*
 * Writes the text if that is its end; else keeps it for the same write(), unless it is longer than
 * a pipe takes at once: then what it had @before goes.  Reports; a status.
 */
int print_write(struct text *text, size_t before, bool is_end);

#endif
