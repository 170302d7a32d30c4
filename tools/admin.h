/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions of `create`, `destroy` and `set`.  They change a running module by sysfs.  Such a
 * change is lost when the module is unloaded, so each of them prints the lines that make it
 * permanent.
 */
#ifndef MSGSLOT_TOOLS_ADMIN_H
#define MSGSLOT_TOOLS_ADMIN_H

#include "arguments.h"
#include "setting.h"

#include <stdbool.h>

/* The number of SLOT, whose node need not exist.  Reports and returns a status. */
int admin_slot(const struct address *address, int *minor);

/* Sets all of them, or none.  Reports and returns a status. */
int admin_apply(int minor, const struct settings *wanted);

/* Whether the module creates that slot when it is loaded with its current parameters. */
bool admin_comes_with_module(int minor);

/* Print on standard error: text and the lines for modprobe.d; the line for udev. */
void admin_hint_slots(const char *text);
void admin_hint_settings(int minor, const struct settings *settings);

#endif
