/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `create`, `destroy` and `set` share.  They change a running module by sysfs, which is all
 * forgotten when the module unloads; so each of them says what would make the change stay.
 */
#ifndef MSGSLOT_TOOLS_ADMIN_H
#define MSGSLOT_TOOLS_ADMIN_H

#include "arguments.h"
#include "setting.h"

#include <stdbool.h>

/* SLOT, as a number: of a node that is there, or that would be. */
int admin_slot(const struct address *address, int *minor);

/* Sets all that is wanted, or nothing. */
int admin_apply(int minor, const struct settings *wanted);

/* Whether the module makes that slot when it is loaded, as it was this time. */
bool admin_comes_with_module(int minor);

/* On standard error: text, and the lines for modprobe.d and, with settings, for udev. */
void admin_hint_slots(const char *text);
void admin_hint_settings(int minor, const struct settings *settings);

#endif
