// SPDX-License-Identifier: GPL-2.0-or-later
/* The file of `record` and `play`.  See recordfile.h.  A file that is read is not trusted. */
#include "recordfile.h"

#include "checksum.h"
#include "report.h"
#include "stream.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A block has no more than one message behind RECORDFILE_BLOCK bytes, or all sources. */
enum { RECORDFILE_BLOCK_MAX = RECORDFILE_BLOCK + MSGSLOT_MESSAGE_MAX + 128 };

_Static_assert(sizeof(struct recordfile_source) + PATH_MAX <=
		       RECORDFILE_BLOCK_MAX / RECORDFILE_SOURCES_MAX,
	       "all sources fit into a block");

/*
 * ---- writing -----------------------------------------------------------------------------------
 */

void recordfile_begin(struct text *block)
{
	static const struct recordfile_block header;

	block->length = 0;
	text_bytes(block, &header, sizeof(header));
}

bool recordfile_is_empty(const struct text *block)
{
	return block->length == sizeof(struct recordfile_block);
}

/* Converts between the byte orders of the file and of the machine, either way. */
static void recordfile_swap_source(struct recordfile_source *source)
{
	source->minor = htole32(source->minor);
	source->mode = htole32(source->mode);
	source->first = htole32(source->first);
	source->last = htole32(source->last);
	source->time = htole64(source->time);
	source->max_message = htole32(source->max_message);
	source->node_length = htole32(source->node_length);
}

static void recordfile_swap_message(struct recordfile_message *message)
{
	message->source = htole32(message->source);
	message->channel = htole32(message->channel);
	message->length = htole32(message->length);
	message->pid = htole32(message->pid);
	message->uid = htole32(message->uid);
	message->sequence = htole64(message->sequence);
	message->time = htole64(message->time);
	message->lost = htole64(message->lost);
}

void recordfile_add_source(struct text *block, const struct recordfile_source *source,
			   const char *node)
{
	struct recordfile_source stored = *source;

	stored.node_length = (uint32_t)strlen(node);
	recordfile_swap_source(&stored);
	text_bytes(block, &stored, sizeof(stored));
	text_string(block, node);
}

void recordfile_add_message(struct text *block, const struct recordfile_message *message,
			    const void *bytes)
{
	struct recordfile_message stored = *message;

	recordfile_swap_message(&stored);
	text_bytes(block, &stored, sizeof(stored));
	text_bytes(block, bytes, message->length);
}

static uint32_t recordfile_checksum_header(const struct recordfile_block *header)
{
	return checksum(header, offsetof(struct recordfile_block, header_checksum));
}

/* Of what follows the header. */
static uint32_t recordfile_checksum_rest(const struct text *block)
{
	const size_t header = sizeof(struct recordfile_block);

	return checksum(block->bytes + header, block->length - header);
}

void recordfile_complete(struct text *block, uint64_t number)
{
	struct recordfile_block header = {
		.version = htole32(RECORDFILE_VERSION),
		.length = htole32((uint32_t)(block->length - sizeof(header))),
		.number = htole64(number),
	};

	memcpy(header.magic, RECORDFILE_MAGIC, sizeof(header.magic));
	header.header_checksum = htole32(recordfile_checksum_header(&header));
	header.checksum = htole32(recordfile_checksum_rest(block));
	memcpy(block->bytes, &header, sizeof(header));
}

/*
 * ---- reading -----------------------------------------------------------------------------------
 */

static int recordfile_report(const struct recordfile *file, const char *wrong)
{
	return report_error(STATUS_FAILED, file->path, "All that was before it was read.",
			    "block %" PRIu64 ": %s", file->blocks, wrong);
}

/* What it has is wrong, of the block that was read last. */
static int recordfile_report_malformed(struct recordfile *file)
{
	file->blocks--;
	return recordfile_report(file, "it is malformed, although its checksum is right");
}

/* Reads so many bytes behind the block's: how many there were; -1 after a report. */
static ssize_t recordfile_read(struct recordfile *file, size_t length)
{
	size_t before = file->block.length;
	char part[65536];
	ssize_t got = 1;

	while (got && file->block.length - before < length) {
		size_t left = length - (file->block.length - before);

		got = stream_read_from(file->fd, part, left < sizeof(part) ? left : sizeof(part));
		if (got < 0) {
			report_system(file->path, errno);
			return -1;
		}
		text_bytes(&file->block, part, (size_t)got);
	}
	return (ssize_t)(file->block.length - before);
}

/* Reads a block and checks it: a status. */
static int recordfile_read_block(struct recordfile *file)
{
	struct recordfile_block header;
	ssize_t got;

	file->block.length = 0;
	file->at = sizeof(header);
	got = recordfile_read(file, sizeof(header));
	if (got < 0)
		return STATUS_FAILED;
	if (got && memcmp(file->block.bytes, RECORDFILE_MAGIC,
			  (size_t)got < sizeof(header.magic) ? (size_t)got : sizeof(header.magic)))
		return file->blocks ? recordfile_report(file, "it is damaged") :
				      report_error(STATUS_FAILED, file->path, NULL,
						   "it is not a file of msgslot record");
	/* Here it ends, within a block if that is being written, or was when the power went. */
	if ((size_t)got < sizeof(header))
		return STATUS_NOTHING;
	memcpy(&header, file->block.bytes, sizeof(header));
	if (le32toh(header.version) != RECORDFILE_VERSION)
		return recordfile_report(file,
					 "it is of a version that this msgslot does not know");
	if (recordfile_checksum_header(&header) != le32toh(header.header_checksum))
		return recordfile_report(file,
					 "it is damaged: the checksum of its header is wrong");
	if (le32toh(header.length) > RECORDFILE_BLOCK_MAX)
		return recordfile_report(file, "it is damaged: it is too long");
	got = recordfile_read(file, le32toh(header.length));
	if (got < 0)
		return STATUS_FAILED;
	if ((size_t)got < le32toh(header.length))
		return STATUS_NOTHING;
	if (recordfile_checksum_rest(&file->block) != le32toh(header.checksum))
		return recordfile_report(file, "it is damaged: the checksum is wrong");
	if (le64toh(header.number) != file->blocks)
		return recordfile_report(file, "it is not the one that follows");
	file->blocks++;
	return STATUS_DONE;
}

/* Takes bytes off the block; NULL: it has not so many. */
static const char *recordfile_take(struct recordfile *file, size_t length)
{
	const char *bytes = file->block.bytes + file->at;

	if (file->block.length - file->at < length)
		return NULL;
	file->at += length;
	return bytes;
}

static int recordfile_read_sources(struct recordfile *file)
{
	struct recordfile_origin *origin;
	const char *bytes;
	int status = recordfile_read_block(file);

	if (status == STATUS_NOTHING)
		return report_error(STATUS_FAILED, file->path, NULL,
				    "it is empty, or ends within its first block");
	while (!status && file->at < file->block.length) {
		origin = reallocarray(file->origins, file->count + 1, sizeof(*origin));
		if (!origin)
			return report_system(file->path, errno);
		file->origins = origin;
		origin += file->count;
		bytes = recordfile_take(file, sizeof(origin->source));
		if (bytes) {
			memcpy(&origin->source, bytes, sizeof(origin->source));
			recordfile_swap_source(&origin->source);
			bytes = recordfile_take(file, origin->source.node_length);
		}
		if (!bytes || origin->source.node_length >= sizeof(origin->node) ||
		    file->count == RECORDFILE_SOURCES_MAX)
			return recordfile_report_malformed(file);
		memcpy(origin->node, bytes, origin->source.node_length);
		origin->node[origin->source.node_length] = '\0';
		file->count++;
	}
	return status;
}

int recordfile_open(struct recordfile *file, const char *path)
{
	bool is_input = !strcmp(path, "-");

	*file = (struct recordfile){
		.fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC),
		.path = is_input ? "standard input" : path,
	};
	if (file->fd < 0)
		return report_system(path, errno);
	return recordfile_read_sources(file);
}

bool recordfile_is_used_up(const struct recordfile *file)
{
	return file->at == file->block.length;
}

int recordfile_next(struct recordfile *file, struct recordfile_message *message, const char **bytes)
{
	const char *stored;
	int status = STATUS_DONE;

	while (!status && recordfile_is_used_up(file))
		status = recordfile_read_block(file);
	if (status)
		return status;
	*bytes = NULL;
	stored = recordfile_take(file, sizeof(*message));
	if (stored) {
		memcpy(message, stored, sizeof(*message));
		recordfile_swap_message(message);
		*bytes = recordfile_take(file, message->length);
	}
	if (!*bytes || message->source >= file->count || !message->length ||
	    message->length > MSGSLOT_MESSAGE_MAX)
		return recordfile_report_malformed(file);
	return STATUS_DONE;
}

void recordfile_close(struct recordfile *file)
{
	if (file->fd > STDERR_FILENO)
		close(file->fd);
	free(file->origins);
	text_free(&file->block);
}
