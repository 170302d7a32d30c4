// SPDX-License-Identifier: GPL-2.0-or-later
/* Small files of the kernel.  See file.h. */
#include "file.h"

#include <stdio.h>

size_t file_read_start(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;

	if (file) {
		length = fread(text, 1, size - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	return length;
}
