// SPDX-License-Identifier: GPL-2.0-or-later
/* The file of `dump` and `restore`.  See dumpfile.h.  A file that is read is not trusted. */
#include "dumpfile.h"

#include "checksum.h"

#include <endian.h>
#include <msgslot.h>
#include <string.h>

void dumpfile_swap_header(struct dumpfile_header *header)
{
	header->version = htole32(header->version);
	header->mode = htole32(header->mode);
	header->length = htole64(header->length);
	header->channels = htole64(header->channels);
	header->messages = htole64(header->messages);
	header->time = htole64(header->time);
	header->depth = htole32(header->depth);
	header->max_message = htole32(header->max_message);
	header->overflow = htole32(header->overflow);
	header->reserved = htole32(header->reserved);
}

void dumpfile_swap_message(struct dumpfile_message *message)
{
	message->channel = htole32(message->channel);
	message->length = htole32(message->length);
	message->sequence = htole64(message->sequence);
	message->time = htole64(message->time);
	message->pid = htole32(message->pid);
	message->uid = htole32(message->uid);
}

void dumpfile_add_checksum(struct text *file)
{
	uint32_t sum = htole32(checksum(file->bytes, file->length));

	text_bytes(file, &sum, sizeof(sum));
}

static void dumpfile_get_header(const struct text *file, struct dumpfile_header *header)
{
	memcpy(header, file->bytes, sizeof(*header));
	dumpfile_swap_header(header);
}

const char *dumpfile_check_begin(const struct text *file)
{
	static const size_t magic = sizeof(DUMPFILE_MAGIC) - 1;
	struct dumpfile_header header;
	size_t known = file->length < magic ? file->length : magic;

	if (known && memcmp(file->bytes, DUMPFILE_MAGIC, known))
		return "it is not a dump of a slot";
	if (file->length < sizeof(header))
		return NULL;
	dumpfile_get_header(file, &header);
	if (header.version != DUMPFILE_VERSION)
		return "it is of a version that this msgslot does not know";
	if (file->length > header.length)
		return "it is damaged: it is longer than it should be";
	return NULL;
}

const char *dumpfile_next(const struct text *file, size_t *at, struct dumpfile_message *message)
{
	size_t end = file->length - DUMPFILE_CHECKSUM;
	const char *bytes;

	if (end - *at < sizeof(*message))
		return NULL;
	memcpy(message, file->bytes + *at, sizeof(*message));
	dumpfile_swap_message(message);
	if (end - *at - sizeof(*message) < message->length)
		return NULL;
	bytes = file->bytes + *at + sizeof(*message);
	*at += sizeof(*message) + message->length;
	return bytes;
}

/* Whether a message may follow the one before (NULL: there is none). */
static bool dumpfile_is_in_order(const struct dumpfile_message *before,
				 const struct dumpfile_message *message, uint32_t mode)
{
	if (!message->length || message->length > MSGSLOT_MESSAGE_MAX || !message->sequence)
		return false;
	if (mode == MSGSLOT_LAST && !message->channel)
		return false;
	if (!before || before->channel < message->channel)
		return true;
	return before->channel == message->channel && mode != MSGSLOT_LAST &&
	       before->sequence < message->sequence;
}

/* The checksum finds damage; this finds files that dump cannot have written. */
static bool dumpfile_messages_fit(const struct text *file, const struct dumpfile_header *header,
				  struct dumpfile_needs *needs)
{
	struct dumpfile_message before, message;
	uint64_t messages = 0, in_this = 0;
	size_t at = sizeof(*header);

	*needs = (struct dumpfile_needs){ 0 };
	for (; dumpfile_next(file, &at, &message); messages++, before = message) {
		if (!dumpfile_is_in_order(messages ? &before : NULL, &message, header->mode))
			return false;
		if (!messages || before.channel != message.channel) {
			needs->channels++;
			in_this = 0;
		}
		in_this++;
		needs->bytes += message.length;
		if (needs->in_one < in_this)
			needs->in_one = in_this;
		if (needs->longest < message.length)
			needs->longest = message.length;
	}
	return at == file->length - DUMPFILE_CHECKSUM && messages == header->messages &&
	       needs->channels == header->channels;
}

const char *dumpfile_check(const struct text *file, struct dumpfile_header *header,
			   struct dumpfile_needs *needs)
{
	const char *wrong = dumpfile_check_begin(file);
	uint32_t sum;

	if (wrong)
		return wrong;
	if (file->length < sizeof(*header) + sizeof(sum))
		return "it is damaged: it ends too early";
	dumpfile_get_header(file, header);
	if (file->length < header->length)
		return "it is damaged: it ends too early";
	memcpy(&sum, file->bytes + file->length - sizeof(sum), sizeof(sum));
	if (le32toh(sum) != checksum(file->bytes, file->length - sizeof(sum)))
		return "it is damaged: the checksum is wrong";
	if (!msgslot_mode_get_name((int)header->mode) || header->reserved ||
	    !dumpfile_messages_fit(file, header, needs))
		return "it is malformed, although its checksum is right";
	return NULL;
}
