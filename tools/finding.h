/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `msgslot doctor` finds: a line for each thing that it examined.  The thing is well, or worth
 * knowing, or wrong, with what to do in the next line.
 */
#ifndef MSGSLOT_TOOLS_FINDING_H
#define MSGSLOT_TOOLS_FINDING_H

void finding_well(const char *format, ...) __attribute__((format(printf, 1, 2)));
void finding_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void finding_wrong(const char *todo, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints all of them.  STATUS_FAILED where something is wrong. */
int finding_print(void);

#endif
