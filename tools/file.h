/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small files of the kernel, as of sysfs and proc. */
#ifndef MSGSLOT_TOOLS_FILE_H
#define MSGSLOT_TOOLS_FILE_H

#include <stddef.h>

/*
 * Stores the beginning of a file, at most size - 1 bytes, and a NUL.  Returns how many bytes; 0
 * with errno if it cannot be opened.
 */
size_t file_read_start(const char *path, char *text, size_t size);

#endif
