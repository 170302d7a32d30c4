// SPDX-License-Identifier: GPL-2.0-or-later
/* The settings of a slot.  See setting.h. */
#include "setting.h"

#include "report.h"

#include <msgslot.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	const char *range;
} setting_table[SETTINGS] = {
	{ "mode", "mode is last, queue or broadcast." },
	{ "depth", "depth is 1 to 65536 messages, and 1 in mode last." },
	{ "max_message", "max_message is 1 to 1048576 bytes." },
	{ "overflow",
	  "overflow is drop in mode last, block in queue, drop or block in broadcast." },
	{ "max_bytes", "max_bytes is a number of bytes." },
	{ "max_channels", "max_channels is a number of channels." },
};

const char *setting_name(enum setting setting)
{
	return setting_table[setting].name;
}

const char *setting_range(enum setting setting)
{
	return setting_table[setting].range;
}

const char *setting_word(enum setting setting, int i)
{
	switch (setting) {
	case SETTING_MODE:
		return msgslot_mode_get_name(i);
	case SETTING_OVERFLOW:
		return msgslot_overflow_get_name(i);
	default:
		return NULL;
	}
}

bool setting_is_mode(const char *word)
{
	const char *mode;

	for (int i = 0; (mode = setting_word(SETTING_MODE, i)); i++)
		if (!strcmp(word, mode))
			return true;
	return false;
}

static int setting_parse_one(const char *word, struct settings *wanted)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : 0;

	for (int i = 0; equals && i < SETTINGS; i++) {
		const char *name = setting_name(i);

		if (strlen(name) != length || strncmp(word, name, length))
			continue;
		if (wanted->values[i][0])
			return report_usage("%s is given twice", name);
		if (!equals[1] || strlen(equals + 1) >= sizeof(wanted->values[i]) ||
		    equals[1 + strspn(equals + 1, "abcdefghijklmnopqrstuvwxyz0123456789")])
			return report_usage("'%s': %s", word, setting_range(i));
		strcpy(wanted->values[i], equals + 1);
		return STATUS_DONE;
	}
	return report_usage("'%s' is not mode=, depth=, max_message=, overflow=, max_bytes= or "
			    "max_channels= and a value",
			    word);
}

int setting_parse(int argc, char **argv, struct settings *wanted)
{
	int status = STATUS_DONE;

	for (int i = 0; i < argc && !status; i++)
		status = setting_parse_one(argv[i], wanted);
	return status;
}
