// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A reader: messages are received many at a time, and handed out one by one.
 *
 * A message that does not fit into a batch stays where it is, and the kernel tells its length: it
 * is received alone then, in a buffer that has grown before anything is taken.  So a batch never
 * takes more than the caller wanted, however long the messages before it were.
 */
#include "internal.h"

#include <sys/ioctl.h>

/*
 * @batch: bytes that a batch may take of the @size in @buffer.  @next is where the header of the
 * next of @left messages is.
 */
struct msgslot_reader {
	int fd;
	uint32_t channel;
	uint32_t flags;
	int64_t timeout;
	uint64_t sequence;
	char *buffer;
	size_t size;
	size_t batch;
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
	reader->batch = size ? size : BATCH_SIZE;
	if (batch_renew(&reader->buffer, &reader->size, reader->batch)) {
		msgslot_reader_free(reader);
		return NULL;
	}
	return reader;
}

static int reader_receive(const struct msgslot_reader *reader, struct msgslot_recv *recv,
			  uint32_t flags, char *message, size_t size)
{
	*recv = (struct msgslot_recv){
		.channel = reader->channel,
		.flags = flags,
		.message = address_of(message),
		.size = length_cut(size),
		.timeout = reader->timeout,
		.sequence = flags & MSGSLOT_RECV_NEWER ? reader->sequence : 0,
	};
	return ioctl(reader->fd, MSGSLOT_RECV, recv);
}

/* One message, of about @length bytes: it may be another by now.  1, or -1. */
static int reader_fetch_one(struct msgslot_reader *reader, struct msgslot_recv *recv, size_t length)
{
	struct msgslot_header *header;

	do {
		if (sizeof(*header) + length > reader->size &&
		    batch_renew(&reader->buffer, &reader->size, sizeof(*header) + length))
			return -1;
		header = (void *)reader->buffer;
		if (!reader_receive(reader, recv, reader->flags & ~MSGSLOT_RECV_MANY,
				    reader->buffer + sizeof(*header), length)) {
			*header = (struct msgslot_header){
				.size = sizeof(*header),
				.length = recv->length,
				.channel = recv->channel,
				.sequence = recv->sequence,
				.time = recv->time,
				.lost = recv->lost,
				.pid = recv->pid,
				.uid = recv->uid,
			};
			return 1;
		}
		/* ENOSPC is also a full slot: then there is no message, and no length. */
		if (errno != ENOSPC || recv->length <= length)
			return -1;
		length = recv->length;
	} while (true);
}

static int reader_fetch(struct msgslot_reader *reader)
{
	struct msgslot_recv recv;
	int count;

	count = reader_receive(reader, &recv, reader->flags, reader->buffer, reader->batch);
	if (count < 0 && errno == ENOSPC && recv.length > reader->batch)
		count = reader_fetch_one(reader, &recv,
					 recv.length - sizeof(struct msgslot_header));
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
