/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that `dump` writes and `restore` reads, version 1.  Numbers are little-endian; times are
 * nanoseconds of CLOCK_REALTIME.  msgslot-dump(1) describes it for everyone else.
 *
 *	header		80 bytes
 *	message		32 bytes, and the message's own, as often as the header says
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

/* What a slot must have room for, to take what a file holds. */
struct dumpfile_needs {
	uint64_t channels;
	uint64_t bytes;	  /* of all messages, without what the kernel puts around them */
	uint64_t in_one;  /* most messages of one channel */
	uint32_t longest; /* message */
};

/* Between the file's byte order and the machine's; both ways are the same. */
void dumpfile_swap_header(struct dumpfile_header *header);
void dumpfile_swap_message(struct dumpfile_message *message);

void dumpfile_add_checksum(struct text *file);

/*
 * The message at *at of a whole file that was checked, with its bytes; moves *at behind it.  NULL at
 * the end.
 */
const char *dumpfile_next(const struct text *file, size_t *at, struct dumpfile_message *message);

/* All of a file that can be wrong, as a text; NULL where it is sound: header and needs are stored. */
const char *dumpfile_check(const struct text *file, struct dumpfile_header *header,
			   struct dumpfile_needs *needs);

/* The same for as much of it as was read so far: is it worth reading on? */
const char *dumpfile_check_begin(const struct text *file);

#endif
