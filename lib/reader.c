// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A reader: messages are received many at a time, and handed out one by one.
 *
 * A message that does not fit into the buffer stays where it is, and the kernel tells its length:
 * so the buffer grows before anything is taken.
 */
#include "internal.h"

#include <sys/ioctl.h>

/* @next is where the header of the next of @left messages is. */
struct msgslot_reader {
	int fd;
	uint32_t channel;
	uint32_t flags;
	int64_t timeout;
	uint64_t sequence;
	char *buffer;
	size_t size;
	size_t next;
	size_t left;
};

struct msgslot_reader *msgslot_reader_new(struct msgslot *slot, uint32_t channel,
					  const struct msgslot_receive_options *options,
					  size_t size)
{
	uint32_t flags = options ? options->flags : 0;
	struct msgslot_reader *reader;

	if (size > BATCH_SIZE_MAX ||
	    (flags != 0 && flags != MSGSLOT_RECV_RANGE && flags != MSGSLOT_RECV_NEWER &&
	     flags != (MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK))) {
		errno = EINVAL;
		return NULL;
	}
	if (slot->mode == MSGSLOT_LAST && !(flags & MSGSLOT_RECV_RANGE))
		flags |= MSGSLOT_RECV_NEWER;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return NULL;
	reader->fd = slot->fd;
	reader->channel = flags & MSGSLOT_RECV_RANGE ? 0 : channel;
	reader->flags = flags | MSGSLOT_RECV_MANY;
	reader->timeout = options ? options->timeout : MSGSLOT_FOREVER;
	reader->sequence = options ? options->sequence : 0;
	if (batch_renew(&reader->buffer, &reader->size, size ? size : BATCH_SIZE)) {
		msgslot_reader_free(reader);
		return NULL;
	}
	return reader;
}

static int reader_fetch(struct msgslot_reader *reader)
{
	struct msgslot_recv recv;
	int count;

	do {
		recv = (struct msgslot_recv){
			.channel = reader->channel,
			.flags = reader->flags,
			.message = address_of(reader->buffer),
			.size = length_cut(reader->size),
			.timeout = reader->timeout,
			.sequence = reader->flags & MSGSLOT_RECV_NEWER ? reader->sequence : 0,
		};
		count = ioctl(reader->fd, MSGSLOT_RECV, &recv);
		/* ENOSPC is also a full slot: then there is no message, and no length. */
		if (count < 0 && (errno != ENOSPC || recv.length <= reader->size))
			return -1;
	} while (count < 0 && !batch_renew(&reader->buffer, &reader->size, recv.length));

	if (count < 0)
		return -1;
	reader->sequence = recv.sequence;
	reader->next = 0;
	reader->left = (size_t)count;
	return 0;
}

ssize_t msgslot_reader_next(struct msgslot_reader *reader, const void **bytes,
			    struct msgslot_message *message, size_t message_size)
{
	const struct msgslot_header *header;
	struct msgslot_message known;

	if (result_check(message, message_size, MESSAGE_LEAST))
		return -1;
	if (!reader->left && reader_fetch(reader))
		return -1;
	header = (const void *)(reader->buffer + reader->next);
	*bytes = (const char *)header + header->size;
	reader->next = batch_align(reader->next + header->size + header->length);
	reader->left--;
	if (message) {
		memset(&known, 0, sizeof(known));
		known.sequence = header->sequence;
		known.time = header->time;
		known.lost = header->lost;
		known.length = header->length;
		known.pid = header->pid;
		known.uid = header->uid;
		known.channel = header->channel;
		result_store(message, message_size, &known, sizeof(known));
	}
	return header->length;
}

size_t msgslot_reader_get_left(const struct msgslot_reader *reader)
{
	return reader->left;
}

void msgslot_reader_free(struct msgslot_reader *reader)
{
	int saved = errno;

	if (reader)
		free(reader->buffer);
	free(reader);
	errno = saved;
}
