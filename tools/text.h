/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that grows, and the forms in which the bytes of a message are shown.  The bytes come from
 * other users: no form lets them move a terminal's cursor or end a JSON string.
 */
#ifndef MSGSLOT_TOOLS_TEXT_H
#define MSGSLOT_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero is an empty one. */
struct text {
	char *bytes;
	size_t length;
	size_t capacity;
};

/* The ending of a noun behind a number. */
static inline const char *text_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/*
 * A word that the library has for a number of the module's, or NULL where a newer module has more.
 */
static inline const char *text_known(const char *word)
{
	return word ? word : "unknown";
}

void text_free(struct text *text);

/* Removes the first bytes. */
void text_cut(struct text *text, size_t length);

void text_bytes(struct text *text, const void *bytes, size_t length);
void text_string(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_hex(struct text *text, const void *bytes, size_t length);
void text_base64(struct text *text, const void *bytes, size_t length);

/*
 * Safe for a terminal: control characters, and bytes that are not UTF-8, become \xNN.  The bytes in
 * keep stay as they are.
 */
void text_visible(struct text *text, const void *bytes, size_t length, const char *keep);

/* A JSON string, quoted.  What is not UTF-8 becomes U+FFFD: ask text_is_utf8() first. */
void text_json(struct text *text, const void *bytes, size_t length);
bool text_is_utf8(const void *bytes, size_t length);

#endif
