/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports of an errno of opening or making a slot: what it means, and what the user can do. */
#ifndef MSGSLOT_TOOLS_REPORT_ERRNO_H
#define MSGSLOT_TOOLS_REPORT_ERRNO_H

/* The node could not be opened as a slot, or selected: a status. */
int report_open(const char *node, int error);

/* Creating, destroying or setting a slot by sysfs failed; about is its node, or NULL.  A status. */
int report_sysfs(const char *about, int error);

#endif
