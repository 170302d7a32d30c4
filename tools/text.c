// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text that grows, and the forms in which a message's bytes are shown.  Bytes come from other people:
 * none of these forms lets them move a terminal's cursor or end a JSON string.
 */
#include "tools.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

/* A place for so many bytes more.  Without memory there is nothing left to be done. */
static char *text_room(struct text *text, size_t length)
{
	size_t room = text->room;

	if (length <= room - text->length)
		return text->bytes + text->length;
	while (length > room - text->length)
		room = room ? 2 * room : 4096;
	text->bytes = realloc(text->bytes, room);
	if (!text->bytes) {
		fputs("msgslot: Cannot allocate memory\n", stderr);
		exit(STATUS_FAILED);
	}
	text->room = room;
	return text->bytes + text->length;
}

void text_bytes(struct text *text, const void *bytes, size_t length)
{
	if (!length)
		return;
	memcpy(text_room(text, length), bytes, length);
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
		vsnprintf(text_room(text, (size_t)length + 1), (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
	va_end(arguments);
}

void text_hex(struct text *text, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *byte = bytes;
	char *to = text_room(text, 2 * length);

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
	char *to = text_room(text, (length + 2) / 3 * 4);

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
 * The length of the character that the bytes begin with, 0 if that is no UTF-8: cut short, longer than
 * need be, a surrogate, or above U+10FFFF.
 */
static size_t character(const unsigned char *byte, size_t length, uint32_t *code)
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

/* Also the control characters above ASCII, which some terminals obey, and those that turn the
 * direction of writing, by which a text can look like another. */
static bool is_control(uint32_t code)
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
		size = character(byte, length, &code);
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
		size = character(byte, length, &code);
		if (size &&
		    (!is_control(code) || (code && code < 0x80 && strchr(keep, (int)code)))) {
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
		size = character(byte, length, &code);
		if (!size) {
			size = 1;
			text_string(text, "\\ufffd");
		} else if (code == '"' || code == '\\') {
			text_format(text, "\\%c", (char)code);
		} else if (code == '\n') {
			text_string(text, "\\n");
		} else if (is_control(code)) {
			text_format(text, "\\u%04x", code);
		} else {
			text_bytes(text, byte, size);
		}
	}
	text_string(text, "\"");
}

int text_print(struct text *text)
{
	int failed = stream_write(text->bytes, text->length);

	text->length = 0;
	return failed ? STATUS_FAILED : STATUS_DONE;
}
