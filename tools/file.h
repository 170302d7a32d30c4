/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files of the kernel, as of sysfs and proc; and the names of files. */
#ifndef MSGSLOT_TOOLS_FILE_H
#define MSGSLOT_TOOLS_FILE_H

#include <stddef.h>

/*
 * Stores the beginning of a file, at most size - 1 bytes, and a NUL.  Returns how many bytes; 0
 * with errno if it cannot be opened.
 */
size_t file_read_start(const char *path, char *text, size_t size);

/* Makes sure that the name of a file, which is new there, is on the disk: 0, or -1 with errno. */
int file_sync_name(const char *path);

#endif
