// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that grows.  See text.h. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

void text_cut(struct text *text, size_t length)
{
	text->length -= length;
	memmove(text->bytes, text->bytes + length, text->length);
}

/* Where the next length bytes go.  Without memory the program ends. */
static char *text_reserve(struct text *text, size_t length)
{
	size_t capacity = text->capacity;

	if (length <= capacity - text->length)
		return text->bytes + text->length;
	while (length > capacity - text->length)
		capacity = capacity ? 2 * capacity : 4096;
	text->bytes = realloc(text->bytes, capacity);
	if (!text->bytes) {
		fputs("msgslot: Cannot allocate memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	text->capacity = capacity;
	return text->bytes + text->length;
}

void text_bytes(struct text *text, const void *bytes, size_t length)
{
	if (!length)
		return;
	memcpy(text_reserve(text, length), bytes, length);
	text->length += length;
}

void text_string(struct text *text, const char *string)
{
	text_bytes(text, string, strlen(string));
}

void text_format(struct text *text, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	if (length > 0) {
		vsnprintf(text_reserve(text, (size_t)length + 1), (size_t)length + 1, format,
			  again);
		text->length += (size_t)length;
	}
	va_end(again);
	va_end(arguments);
}

void text_hex(struct text *text, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *byte = bytes;
	char *to = text_reserve(text, 2 * length);

	for (size_t i = 0; i < length; i++) {
		*to++ = digits[byte[i] >> 4];
		*to++ = digits[byte[i] & 15];
	}
	text->length += 2 * length;
}

void text_base64(struct text *text, const void *bytes, size_t length)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *byte = bytes;
	char *to = text_reserve(text, (length + 2) / 3 * 4);

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		unsigned int group = (unsigned int)byte[i] << 16;

		group |= left > 1 ? (unsigned int)byte[i + 1] << 8 : 0;
		group |= left > 2 ? byte[i + 2] : 0;
		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		*to++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[group & 63] : '=';
	}
	text->length += (length + 2) / 3 * 4;
}

/*
 * The length of the character that the bytes begin with; 0 if they are not UTF-8: cut short, longer
 * than necessary, a surrogate, or above U+10FFFF.
 */
static size_t text_character(const unsigned char *byte, size_t length, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t size;

	if (byte[0] < 0x80)
		size = 1;
	else if (byte[0] >> 5 == 6)
		size = 2;
	else if (byte[0] >> 4 == 14)
		size = 3;
	else if (byte[0] >> 3 == 30)
		size = 4;
	else
		return 0;
	if (size > length)
		return 0;

	*code = size == 1 ? byte[0] : byte[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if (byte[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (byte[i] & 63);
	}
	if (*code < least[size] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return size;
}

/*
 * The control characters of ASCII; those above it, which some terminals obey; and those that change
 * the direction of writing, with which one text can look like another.
 */
static bool text_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

bool text_is_utf8(const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;
	size_t size;
	uint32_t code;

	for (; length; byte += size, length -= size) {
		size = text_character(byte, length, &code);
		if (!size)
			return false;
	}
	return true;
}

void text_visible(struct text *text, const void *bytes, size_t length, const char *keep)
{
	const unsigned char *byte = bytes;
	size_t size;
	uint32_t code;

	for (; length; byte += size, length -= size) {
		size = text_character(byte, length, &code);
		if (size &&
		    (!text_is_control(code) || (code && code < 0x80 && strchr(keep, (int)code)))) {
			text_bytes(text, byte, size);
			continue;
		}
		size = size ? size : 1;
		for (size_t i = 0; i < size; i++)
			text_format(text, "\\x%02x", byte[i]);
	}
}

void text_json(struct text *text, const void *bytes, size_t length)
{
	const unsigned char *byte = bytes;
	size_t size;
	uint32_t code;

	text_string(text, "\"");
	for (; length; byte += size, length -= size) {
		size = text_character(byte, length, &code);
		if (!size) {
			size = 1;
			text_string(text, "\\ufffd");
		} else if (code == '"' || code == '\\') {
			text_format(text, "\\%c", (char)code);
		} else if (code == '\n') {
			text_string(text, "\\n");
		} else if (text_is_control(code)) {
			text_format(text, "\\u%04x", code);
		} else {
			text_bytes(text, byte, size);
		}
	}
	text_string(text, "\"");
}
