/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Standard input and output, as bytes.  A failure is reported. */
#ifndef MSGSLOT_TOOLS_STREAM_H
#define MSGSLOT_TOOLS_STREAM_H

#include "text.h"

#include <linux/msgslot.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the buffer takes besides a message: the channel before it, a blank, and one byte more. */
enum { STREAM_SPARE = 32 };

/* For the longest message; the byte more shows the slot that the input is too long. */
extern char stream_buffer[MSGSLOT_MESSAGE_MAX + STREAM_SPARE];

/* The reader of standard output ends when it has enough: that is not reported. */
extern bool stream_may_end;

/* To be called before anything is opened: keeps a closed standard stream from being reused. */
int stream_guard(void);

/* Some bytes of fd, waited for; 0 at its end; -1 with errno, and no report. */
ssize_t stream_read_from(int fd, void *bytes, size_t size);

/* Some bytes of standard input; 0 at its end; -1 after a report. */
ssize_t stream_read(void *bytes, size_t size);

/* All bytes to fd, in one write() if the other end allows it; -1 with errno, and no report. */
int stream_write_to(int fd, const void *bytes, size_t length);

/* The same to standard output; -1 after a report. */
int stream_write(const void *bytes, size_t length);

/* Writes the text and empties it: a status. */
int stream_print(struct text *text);

/* Ends output by stdio: a status. */
int stream_flush(void);

#endif
