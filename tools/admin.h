/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `create`, `destroy` and `set` share.  They change a running module by sysfs, which is all
 * forgotten when the module unloads; so each of them says what would make the change stay.
 */
#ifndef MSGSLOT_TOOLS_ADMIN_H
#define MSGSLOT_TOOLS_ADMIN_H

#include "arguments.h"

#include <stdbool.h>

/* In the order in which they have to be set: a new mode resets all others. */
enum setting { SETTING_MODE, DEPTH, MAX_MESSAGE, OVERFLOW, MAX_BYTES, MAX_CHANNELS, SETTINGS };

extern const char *const setting_names[SETTINGS];

/* The values of some settings, or all; "" is none. */
struct settings {
	char values[SETTINGS][32];
};

/* SLOT, as a number: of a node that is there, or that would be. */
int admin_slot(const struct address *address, int *minor);

/* Words NAME=VALUE.  These two report what is wrong and return a status. */
int admin_parse(int argc, char **argv, struct settings *wanted);

/* Sets all that is wanted, or nothing. */
int admin_apply(int minor, const struct settings *wanted);

/* Whether the module makes that slot when it is loaded, as it was this time. */
bool admin_comes_with_module(int minor);

/* On standard error: text, and the lines for modprobe.d and, with settings, for udev. */
void admin_hint_slots(const char *text);
void admin_hint_settings(int minor, const struct settings *settings);

#endif
