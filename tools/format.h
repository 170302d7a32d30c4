/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A message in words: the fields of -F, and JSON. */
#ifndef MSGSLOT_TOOLS_FORMAT_H
#define MSGSLOT_TOOLS_FORMAT_H

#include "text.h"

#include <msgslot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When it was sent, in UTC; how long ago, in nanoseconds. */
void format_time(struct text *text, const struct msgslot_message *message);
int64_t format_age(const struct msgslot_message *message);

/* The name of the user, or the number if there is no account.  Lives until the next call. */
const char *format_user(uint32_t uid);

/* Whether the text of -F is well-formed.  Reports and returns a status. */
int format_check(const char *format);

/* bytes are those of the message; visible: the text is for a terminal. */
void format_message(struct text *text, const char *format, const struct msgslot_message *message,
		    const char *bytes, bool visible);
void format_json(struct text *text, const struct msgslot_message *message, const char *bytes);

/* Bytes for a terminal, on one line: only a newline at their end is kept. */
void format_line(struct text *text, const char *bytes, size_t length);

#endif
