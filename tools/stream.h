/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard input and output, as bytes.  A failure is reported. */
#ifndef MSGSLOT_TOOLS_STREAM_H
#define MSGSLOT_TOOLS_STREAM_H

#include "text.h"

#include <linux/msgslot.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * As long as the longest message, and one byte more: a newline behind the message, or the byte that
 * shows the kernel that the input is too long.
 */
extern char stream_buffer[MSGSLOT_MESSAGE_MAX + 1];

/* To be called before anything is opened: keeps a closed standard stream from being reused. */
int stream_guard(void);

/* Some bytes of standard input; 0 at its end; -1 after a report. */
ssize_t stream_read(void *bytes, size_t size);

/* All bytes, in one write() if the other end allows it; -1 after a report. */
int stream_write(const void *bytes, size_t length);

/* Writes the text and empties it: a status. */
int stream_print(struct text *text);

/* Ends output by stdio: a status. */
int stream_flush(void);

#endif
