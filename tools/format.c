// SPDX-License-Identifier: GPL-2.0-or-later
/* A message in words.  See format.h. */
#include "format.h"

#include "clock.h"
#include "report.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum field {
	FIELD_PAYLOAD,
	FIELD_HEX,
	FIELD_CHANNEL,
	FIELD_SEQUENCE,
	FIELD_PID,
	FIELD_UID,
	FIELD_USER,
	FIELD_TIME,
	FIELD_AGE,
	FIELD_LENGTH,
	FIELD_LOST,
	FIELDS
};

static const char *const format_names[FIELDS] = {
	[FIELD_PAYLOAD] = "payload",   [FIELD_HEX] = "hex",   [FIELD_CHANNEL] = "channel",
	[FIELD_SEQUENCE] = "sequence", [FIELD_PID] = "pid",   [FIELD_UID] = "uid",
	[FIELD_USER] = "user",	       [FIELD_TIME] = "time", [FIELD_AGE] = "age",
	[FIELD_LENGTH] = "length",     [FIELD_LOST] = "lost",
};

/* Times of a file that is not trusted may be any numbers: differences wrap. */
int64_t format_age(const struct msgslot_message *message)
{
	return (int64_t)((uint64_t)clock_now(CLOCK_BOOTTIME) - message->time);
}

void format_time(struct text *text, const struct msgslot_message *message)
{
	uint64_t now = (uint64_t)clock_now(CLOCK_REALTIME);
	int64_t sent = (int64_t)(now - (uint64_t)format_age(message));
	time_t seconds = (time_t)(sent / MSGSLOT_SECOND);
	int64_t part = sent % MSGSLOT_SECOND;
	char date[64] = "";
	struct tm parts;

	/* Before 1970, too, the part counts from the second before it. */
	if (part < 0) {
		part += MSGSLOT_SECOND;
		seconds--;
	}
	if (gmtime_r(&seconds, &parts))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	text_format(text, "%s.%06dZ", date, (int)(part / 1000));
}

const char *format_user(uint32_t uid)
{
	static char name[64];
	static uint32_t known;
	const struct passwd *user;

	/* A lookup of an account is slow, and one sender often sends several messages. */
	if (*name && known == uid)
		return name;
	user = getpwuid(uid);
	if (user)
		snprintf(name, sizeof(name), "%s", user->pw_name);
	else
		snprintf(name, sizeof(name), "%" PRIu32, uid);
	known = uid;
	return name;
}

static void format_add_age(struct text *text, const struct msgslot_message *message)
{
	int64_t age = format_age(message) / 1000;
	uint64_t size = age < 0 ? -(uint64_t)age : (uint64_t)age;

	/* Below 0 where a clock was set back, or the message came with a file. */
	text_format(text, "%s%" PRIu64 ".%06d", age < 0 ? "-" : "", size / 1000000,
		    (int)(size % 1000000));
}

static void format_add_field(struct text *text, enum field field,
			     const struct msgslot_message *message, const char *bytes, bool visible)
{
	switch (field) {
	case FIELD_PAYLOAD:
		if (visible)
			format_line(text, bytes, message->length);
		else
			text_bytes(text, bytes, message->length);
		break;
	case FIELD_HEX:
		text_hex(text, bytes, message->length);
		break;
	case FIELD_CHANNEL:
		text_format(text, "%" PRIu32, message->channel);
		break;
	case FIELD_SEQUENCE:
		text_format(text, "%" PRIu64, message->sequence);
		break;
	case FIELD_PID:
		text_format(text, "%" PRIu32, message->pid);
		break;
	case FIELD_UID:
		text_format(text, "%" PRIu32, message->uid);
		break;
	case FIELD_USER:
		text_string(text, format_user(message->uid));
		break;
	case FIELD_TIME:
		format_time(text, message);
		break;
	case FIELD_AGE:
		format_add_age(text, message);
		break;
	case FIELD_LENGTH:
		text_format(text, "%zu", message->length);
		break;
	case FIELD_LOST:
		text_format(text, "%" PRIu64, message->lost);
		break;
	case FIELDS:
		break;
	}
}

/* The field that *at names in braces; moves *at behind it.  FIELDS: it names none. */
static enum field format_parse_field(const char **at)
{
	const char *name = *at + 1, *end = **at == '{' ? strchr(name, '}') : NULL;
	size_t length = end ? (size_t)(end - name) : 0;

	for (int field = 0; end && field < FIELDS; field++) {
		if (strlen(format_names[field]) != length ||
		    strncmp(name, format_names[field], length))
			continue;
		*at = end + 1;
		return field;
	}
	return FIELDS;
}

/* The byte that a backslash before *at stands for; moves *at behind it.  -1: it stands for none. */
static int format_parse_escape(const char **at)
{
	static const char letters[] = "ntr0\\", bytes[] = "\n\t\r\0\\";
	const char *letter = **at ? strchr(letters, **at) : NULL;

	if (!letter)
		return -1;
	(*at)++;
	return (unsigned char)bytes[letter - letters];
}

int format_check(const char *format)
{
	while (*format) {
		const char *at = format++;

		if (*at == '%' && *format == '%')
			format++;
		else if (*at == '%' && format_parse_field(&format) == FIELDS)
			return report_usage("-F: no field begins with '%.24s'", at);
		else if (*at == '\\' && format_parse_escape(&format) < 0)
			return report_usage("-F: '%.2s' is none of \\n \\t \\r \\0 \\\\", at);
	}
	return STATUS_DONE;
}

void format_message(struct text *text, const char *format, const struct msgslot_message *message,
		    const char *bytes, bool visible)
{
	while (*format) {
		char byte = *format++;

		if (byte == '%' && *format != '%') {
			format_add_field(text, format_parse_field(&format), message, bytes,
					 visible);
			continue;
		}
		if (byte == '%')
			format++;
		else if (byte == '\\')
			byte = (char)format_parse_escape(&format);
		text_bytes(text, &byte, 1);
	}
}

void format_json(struct text *text, const struct msgslot_message *message, const char *bytes)
{
	const char *user = format_user(message->uid);

	text_format(text,
		    "{\"channel\":%" PRIu32 ",\"sequence\":%" PRIu64 ",\"pid\":%" PRIu32
		    ",\"uid\":%" PRIu32 ",\"user\":",
		    message->channel, message->sequence, message->pid, message->uid);
	text_json(text, user, strlen(user));
	text_string(text, ",\"time\":\"");
	format_time(text, message);
	text_string(text, "\",\"age\":");
	format_add_age(text, message);
	text_format(text, ",\"length\":%zu,\"lost\":%" PRIu64, message->length, message->lost);
	if (text_is_utf8(bytes, message->length)) {
		text_string(text, ",\"payload\":");
		text_json(text, bytes, message->length);
	} else {
		text_string(text, ",\"payload_base64\":\"");
		text_base64(text, bytes, message->length);
		text_string(text, "\"");
	}
	text_string(text, "}");
}

void format_line(struct text *text, const char *bytes, size_t length)
{
	bool newline = length && bytes[length - 1] == '\n';

	text_visible(text, bytes, length - newline, "\t");
	if (newline)
		text_string(text, "\n");
}
