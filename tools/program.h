/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program of a command that is to be run.
 */
#ifndef MSGSLOT_TOOLS_PROGRAM_H
#define MSGSLOT_TOOLS_PROGRAM_H

#include <limits.h>
#include <sys/types.h>

/*
 * Finds the program as a shell does, and whether it could be run at this moment: 0, with its path; or -1 with
 * the errno that running it would have: ENOENT, EACCES, ELOOP and whatever a path can have, also of a
 * script's interpreter.
 */
int program_find(const char *name, char path[PATH_MAX]);

/*
 * Starts the program at path, with input as its standard input and SIGPIPE as it is usually: its process, or
 * -1 with errno.  A script without a first line that says by what is run by sh, as a shell does.
 */
pid_t program_start(const char *path, char **command, int input);

#endif
