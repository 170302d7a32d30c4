/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding and starting the program of a command.
 */
#ifndef MSGSLOT_TOOLS_PROGRAM_H
#define MSGSLOT_TOOLS_PROGRAM_H

#include <limits.h>
#include <sys/types.h>

/*
 * Finds the program as a shell does, and checks that it can be run now: 0, with its path; or -1
 * with the errno that running it would have: ENOENT, EACCES, ELOOP, and those of paths, also for
 * the interpreter of a script.
 */
int program_find(const char *name, char path[PATH_MAX]);

/*
 * Starts the program at path, with input as its standard input and the default action for SIGPIPE:
 * its process, or -1 with errno.  A script without an interpreter line is run by sh, as a shell
 * does.
 */
pid_t program_start(const char *path, char **command, int input);

/*
 * The same, and waits for its end: its exit status, or 128 and the signal's number; -1 with errno
 * if it could not be started.
 */
int program_run(const char *path, char **command, int input);

#endif
