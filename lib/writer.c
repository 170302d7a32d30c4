// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A writer: messages are collected, and sent many at a time.
 *
 * The kernel sends a batch from its beginning on, and says how many messages went.  So what is left
 * is always a batch, too.
 */
#include "internal.h"

#include <sys/ioctl.h>

/* @count messages are in @buffer from @start to @end, the first header at @start. */
struct msgslot_writer {
	struct msgslot *slot;
	int64_t timeout;
	char *buffer;
	size_t size;
	size_t start;
	size_t end;
	size_t count;
};

struct msgslot_writer *msgslot_writer_new(struct msgslot *slot, int64_t timeout, size_t size)
{
	struct msgslot_writer *writer;

	if (size > BATCH_SIZE_MAX || timeout < MSGSLOT_FOREVER) {
		errno = EINVAL;
		return NULL;
	}
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return NULL;
	writer->slot = slot;
	writer->timeout = timeout;
	if (batch_renew(&writer->buffer, &writer->size, size ? size : BATCH_SIZE)) {
		msgslot_writer_free(writer);
		return NULL;
	}
	return writer;
}

/* Forgets the first messages, which were sent. */
static void writer_advance(struct msgslot_writer *writer, size_t count)
{
	const struct msgslot_header *header;

	writer->count -= count;
	while (count--) {
		header = (const void *)(writer->buffer + writer->start);
		writer->start = batch_align(writer->start + header->size + header->length);
	}
	if (!writer->count)
		msgslot_writer_clear(writer);
}

int msgslot_writer_flush(struct msgslot_writer *writer)
{
	while (writer->count) {
		struct msgslot_send send = {
			.flags = MSGSLOT_SEND_MANY,
			.message = address_of(writer->buffer + writer->start),
			.length = length_cut(writer->end - writer->start),
			.timeout = writer->timeout,
		};
		int sent = ioctl(writer->slot->fd, MSGSLOT_SEND, &send);

		if (sent < 0)
			return -1;
		writer_advance(writer, (size_t)sent);
	}
	return 0;
}

int msgslot_writer_put(struct msgslot_writer *writer, uint32_t channel, const void *message,
		       size_t length)
{
	const struct msgslot_header header = {
		.size = sizeof(header),
		.length = length_cut(length),
		.channel = channel,
	};
	size_t at = batch_align(writer->end);

	if (!message || !length || length > writer->slot->max_message) {
		errno = message ? EMSGSIZE : EINVAL;
		return -1;
	}
	if (at > writer->size || writer->size - at < sizeof(header) + length) {
		if (msgslot_writer_flush(writer))
			return -1;
		at = 0;
		if (writer->size < sizeof(header) + length &&
		    batch_renew(&writer->buffer, &writer->size, sizeof(header) + length))
			return -1;
	}
	memcpy(writer->buffer + at, &header, sizeof(header));
	memcpy(writer->buffer + at + sizeof(header), message, length);
	writer->end = at + sizeof(header) + length;
	writer->count++;
	return 0;
}

size_t msgslot_writer_get_left(const struct msgslot_writer *writer)
{
	return writer->count;
}

const void *msgslot_writer_get_next(const struct msgslot_writer *writer, uint32_t *channel,
				    size_t *length)
{
	const struct msgslot_header *header = (const void *)(writer->buffer + writer->start);

	if (!writer->count)
		return NULL;
	*channel = header->channel;
	*length = header->length;
	return (const char *)header + header->size;
}

void msgslot_writer_clear(struct msgslot_writer *writer)
{
	writer->start = 0;
	writer->end = 0;
	writer->count = 0;
}

void msgslot_writer_free(struct msgslot_writer *writer)
{
	int saved = errno;

	if (writer)
		free(writer->buffer);
	free(writer);
	errno = saved;
}
