/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that `record` writes and `play` reads, version 1.  Numbers are little-endian; times are
 * nanoseconds of CLOCK_REALTIME.  msgslot-record(1) documents it.
 *
 * It is a series of blocks, each with a header of 32 bytes.  The first says which channels of which
 * slots were recorded; the others have messages.  A block is written at once, so a file that still
 * grows, or ended with a power cut, can be read up to its last whole block.  The header has a
 * checksum of its own: so a length that is damaged is not taken for the end of such a file.
 */
#ifndef MSGSLOT_TOOLS_RECORDFILE_H
#define MSGSLOT_TOOLS_RECORDFILE_H

#include "text.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define RECORDFILE_MAGIC "msgslotR"
enum {
	RECORDFILE_VERSION = 1,
	RECORDFILE_SOURCES_MAX = 256,
	RECORDFILE_BLOCK = 65536, /* a block that is longer is written */
};

struct recordfile_block {
	char magic[8];
	uint32_t version;
	uint32_t length;	  /* of what follows */
	uint64_t number;	  /* from 0 on */
	uint32_t header_checksum; /* of all before it */
	uint32_t checksum;	  /* of what follows */
};

/* What was recorded: channels @first to @last of a slot.  Then comes the path of its node. */
struct recordfile_source {
	uint32_t minor;
	uint32_t mode;
	uint32_t first;
	uint32_t last;
	uint64_t time; /* when that began: values of `last` may be older */
	uint8_t instance[16];
	uint32_t max_message;
	uint32_t node_length;
};

/* Then come the bytes of the message. */
struct recordfile_message {
	uint32_t source; /* the how manieth it was recorded from, from 0 on */
	uint32_t channel;
	uint32_t length;
	uint32_t pid;
	uint32_t uid;
	uint32_t reserved; /* 0 */
	uint64_t sequence;
	uint64_t time; /* when it was sent */
	uint64_t lost; /* messages of the source, just before it */
};

_Static_assert(sizeof(struct recordfile_block) == 32, "as documented");
_Static_assert(sizeof(struct recordfile_source) == 48, "as documented");
_Static_assert(sizeof(struct recordfile_message) == 48, "as documented");

/* ---- writing --------------------------------------------------------------------------------- */

/* A block is begun, then filled, and then complete: to be written as it is. */
void recordfile_begin(struct text *block);
void recordfile_add_source(struct text *block, const struct recordfile_source *source,
			   const char *node);
void recordfile_add_message(struct text *block, const struct recordfile_message *message,
			    const void *bytes);
bool recordfile_is_empty(const struct text *block);
void recordfile_complete(struct text *block, uint64_t number);

/* ---- reading --------------------------------------------------------------------------------- */

struct recordfile_origin {
	struct recordfile_source source;
	char node[PATH_MAX];
};

/**
 * struct recordfile - a file that is read
 * @fd: its descriptor
 * @path: its name, for reports
 * @origins: the @count sources
 * @block: the block that is read; @at is where the next message is
 * @blocks: how many were read
 */
struct recordfile {
	int fd;
	const char *path;
	struct recordfile_origin *origins;
	uint32_t count;
	struct text block;
	size_t at;
	uint64_t blocks;
};

/* Opens the file ("-" is standard input) and reads its sources.  Reports; a status. */
int recordfile_open(struct recordfile *file, const char *path);

/*
 * Whether the next message is in a block that was not read yet.  To read that may take as long as
 * it takes to be written: first do what is to be done with the messages so far.
 */
bool recordfile_is_used_up(const struct recordfile *file);

/*
 * Stores the next message, and where its bytes are until the next call.  Reports and returns a
 * status: STATUS_NOTHING, without a report, at the end.
 */
int recordfile_next(struct recordfile *file, struct recordfile_message *message,
		    const char **bytes);

void recordfile_close(struct recordfile *file);

#endif
