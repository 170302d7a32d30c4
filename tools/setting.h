/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of a slot: their names, and what their values can be. */
#ifndef MSGSLOT_TOOLS_SETTING_H
#define MSGSLOT_TOOLS_SETTING_H

#include <stdbool.h>

/* In the order in which they have to be set: a new mode resets all others. */
enum setting {
	SETTING_MODE,
	SETTING_DEPTH,
	SETTING_MAX_MESSAGE,
	SETTING_OVERFLOW,
	SETTING_MAX_BYTES,
	SETTING_MAX_CHANNELS,
	SETTINGS,
};

/* Its name, which is that of its attribute in sysfs; and what it can be, as a sentence. */
const char *setting_name(enum setting setting);
const char *setting_range(enum setting setting);

/* The words that it can be, from i = 0 on; NULL: there are no more, or it is a number. */
const char *setting_word(enum setting setting, int i);

bool setting_is_mode(const char *word);

/* The values of some settings, or all; "" is none. */
struct settings {
	char values[SETTINGS][32];
};

/* Words NAME=VALUE.  Reports what is wrong and returns a status. */
int setting_parse(int argc, char **argv, struct settings *wanted);

#endif
