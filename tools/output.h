/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a recording goes: a new file, or a pipe, which may take nothing for a while. */
#ifndef MSGSLOT_TOOLS_OUTPUT_H
#define MSGSLOT_TOOLS_OUTPUT_H

#include "text.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct output - where a recording goes
 * @path: its name, for reports
 * @fd: its descriptor
 * @is_regular: it takes a block at once; else, as a pipe, it may take nothing for a while
 * @signals: a descriptor that can be read when a signal ends the recording
 * @end: when the recording ends, on CLOCK_MONOTONIC; 0: a signal came
 * @failed: a block was not written
 */
struct output {
	const char *path;
	int fd;
	bool is_regular;
	int signals;
	int64_t end;
	bool failed;
};

/*
 * Opens the file: one that is new, or a pipe or device, or "-", which is standard output.  To open
 * a pipe waits for its reader: with this signal mask.  Reports; a status.
 */
int output_create(struct output *output, const sigset_t *mask);

/*
 * Writes a complete block.  While a pipe takes nothing this waits, but from the end of the
 * recording on not for long.  Reports; a status.
 */
int output_write(struct output *output, const struct text *block);

#endif
