/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * msgslot doctor: what an examination is made of.  Each looks at one thing and says a line about it:
 * that it is well, that it is worth knowing, or that it is wrong and what to do.
 */
#ifndef MSGSLOT_TOOLS_DOCTOR_H
#define MSGSLOT_TOOLS_DOCTOR_H

#include "tools.h"

void doctor_well(const char *format, ...) __attribute__((format(printf, 1, 2)));
void doctor_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void doctor_wrong(const char *todo, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* doctor_module.c: the module, its file, the kernel's headers, signatures, the major number. */
void doctor_module(void);

/* doctor_nodes.c: the group, the udev rule, the nodes, and what of them the user may open. */
void doctor_nodes(void);

#endif
