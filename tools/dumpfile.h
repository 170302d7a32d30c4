/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that `dump` writes and `restore` reads, version 1.  Numbers are little-endian; times are
 * nanoseconds of CLOCK_REALTIME.  msgslot-dump(1) documents it.
 *
 *	header		80 bytes
 *	message		32 bytes, and those of the message, as often as the header says
 *	checksum	CRC-32 of all before it, as gzip and zlib have it
 */
#ifndef MSGSLOT_TOOLS_DUMPFILE_H
#define MSGSLOT_TOOLS_DUMPFILE_H

#include "text.h"

#include <stdint.h>

#define DUMPFILE_MAGIC "msgslot\n"
enum { DUMPFILE_VERSION = 1 };

struct dumpfile_header {
	char magic[8];
	uint32_t version;
	uint32_t mode;
	uint64_t length; /* of the whole file */
	uint64_t channels;
	uint64_t messages;
	uint64_t time; /* of the dump */
	uint8_t instance[16];
	uint32_t depth;
	uint32_t max_message;
	uint32_t overflow;
	uint32_t reserved; /* 0 */
};

/* Messages are in the order of their channels, and of their numbers in these. */
struct dumpfile_message {
	uint32_t channel;
	uint32_t length;
	uint64_t sequence;
	uint64_t time; /* when it was sent */
	uint32_t pid;
	uint32_t uid;
};

_Static_assert(sizeof(struct dumpfile_header) == 80, "as documented");
_Static_assert(sizeof(struct dumpfile_message) == 32, "as documented");

enum { DUMPFILE_CHECKSUM = 4 };

/* What a slot must hold to take the messages of a file. */
struct dumpfile_needs {
	uint64_t channels;
	uint64_t bytes;	  /* of all messages, without the overhead of the kernel */
	uint64_t in_one;  /* messages of the fullest channel */
	uint32_t longest; /* length of the longest message */
};

/* Convert between the byte orders of the file and of the machine, either way. */
void dumpfile_swap_header(struct dumpfile_header *header);
void dumpfile_swap_message(struct dumpfile_message *message);

void dumpfile_add_checksum(struct text *file);

/*
 * The message at *at of a checked file, and its bytes; moves *at behind it.  NULL at the end.
 */
const char *dumpfile_next(const struct text *file, size_t *at, struct dumpfile_message *message);

/* Checks a whole file: what is wrong, as a text; or NULL, with header and needs stored. */
const char *dumpfile_check(const struct text *file, struct dumpfile_header *header,
			   struct dumpfile_needs *needs);

/* Checks the part of it that was read so far: what is wrong, or NULL. */
const char *dumpfile_check_begin(const struct text *file);

#endif
