/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Batches, as the tests of this folder make and read them. */
#ifndef MSGSLOT_TESTS_BATCH_H
#define MSGSLOT_TESTS_BATCH_H

#include "listen.h"

enum { MANY = MSGSLOT_RECV_MANY, HEADER = MSGSLOT_HEADER_SIZE, BATCH_MAX = 65536 };

/* Messages on their way out, or as they came. */
struct batch {
	size_t size;
	_Alignas(8) unsigned char bytes[BATCH_MAX];
};

static inline size_t batch_align(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* The same message behind the others; its header, for the test to spoil. */
static inline struct msgslot_header *batch_add(struct batch *batch, unsigned int channel,
					       const void *message, size_t length)
{
	struct msgslot_header *header = (void *)(batch->bytes + batch->size);

	assert_true(batch->size + HEADER + length <= sizeof(batch->bytes));
	*header = (struct msgslot_header){ .size = HEADER, .length = length, .channel = channel };
	memcpy(header + 1, message, length);
	batch->size = batch_align(batch->size + HEADER + length);
	return header;
}

static inline struct msgslot_header *batch_add_text(struct batch *batch, unsigned int channel,
						    const char *text)
{
	return batch_add(batch, channel, text, strlen(text));
}

static inline struct msgslot_send batch_send_of(const struct batch *batch)
{
	return (struct msgslot_send){ .flags = MSGSLOT_SEND_MANY,
				      .message = (uintptr_t)batch->bytes,
				      .length = batch->size };
}

/* How many were sent without waiting, or -1. */
static inline int batch_send(int fd, const struct batch *batch)
{
	struct msgslot_send send = batch_send_of(batch);

	return ioctl(fd, MSGSLOT_SEND, &send);
}

/* The next header of @batch behind @header; the first one behind NULL; NULL behind the last. */
static inline const struct msgslot_header *batch_next(const struct batch *batch,
						      const struct msgslot_header *header)
{
	size_t at = 0;

	if (header)
		at = batch_align((const unsigned char *)header - batch->bytes + header->size +
				 header->length);
	return at < batch->size ? (const void *)(batch->bytes + at) : NULL;
}

/*
 * Receives without waiting into @size bytes what is written into @text: "CHANNEL.SEQUENCE:MESSAGE"
 * of each, with "-LOST" before the colon if any are lost; or the error's name.  Of a message only
 * its first 9 bytes.
 */
static inline const char *batch_receive(int fd, unsigned int channel, unsigned int flags,
					size_t size)
{
	static struct batch batch;
	static char text[BATCH_MAX];
	struct msgslot_recv recv = recv_of(channel, flags | MANY, batch.bytes, size);
	const struct msgslot_header *header = NULL;
	size_t end = 0;
	int count;

	memset(batch.bytes, 0xee, sizeof(batch.bytes));
	count = ioctl(fd, MSGSLOT_RECV, &recv);
	text[0] = '\0';
	if (count < 0) {
		snprintf(text, sizeof(text), "%s",
			 errno == EAGAIN ? "EAGAIN" :
			 errno == ENOSPC ? "ENOSPC" :
					   strerror(errno));
		if (errno == ENOSPC)
			snprintf(text, sizeof(text), "ENOSPC %u", recv.length);
		return text;
	}
	assert_int_equal(recv.channel, channel);
	assert_true(recv.length <= size);
	batch.size = recv.length;
	while ((header = batch_next(&batch, header))) {
		assert_int_equal(header->size, HEADER);
		assert_int_equal(header->flags, 0);
		assert_int_equal(header->pid, getpid());
		assert_int_equal(header->uid, getuid());
		assert_true(header->time > 0);
		end += sprintf(text + end, "%s%u.%llu", end ? " " : "", header->channel,
			       (unsigned long long)header->sequence);
		if (header->lost)
			end += sprintf(text + end, "-%llu", (unsigned long long)header->lost);
		end += sprintf(text + end, ":%.*s", (int)(header->length < 9 ? header->length : 9),
			       (const char *)(header + 1));
		assert_int_equal(header->sequence <= recv.sequence || flags & RANGE, 1);
		count--;
	}
	assert_int_equal(count, 0);
	/* No byte of any other message. */
	for (end = recv.length; end < sizeof(batch.bytes); end++)
		if (batch.bytes[end] != 0xee && batch.bytes[end])
			fail_msg("byte %zu of the buffer is %#x", end, batch.bytes[end]);
	return text;
}

/* One for batch_of(). */
struct message {
	unsigned int channel;
	const char *text;
};

/* The batch of a test. */
static __attribute__((unused)) struct batch batch;

/* A new batch of these messages. */
#define batch_of(...)                                                                      \
	({                                                                                 \
		const struct message messages_[] = { __VA_ARGS__ };                        \
		size_t i_;                                                                 \
                                                                                           \
		batch.size = 0;                                                            \
		for (i_ = 0; i_ < COUNT_OF(messages_); i_++)                               \
			batch_add_text(&batch, messages_[i_].channel, messages_[i_].text); \
		&batch;                                                                    \
	})

#define assert_gets(fd, channel, flags, text) \
	assert_string_equal(batch_receive(fd, channel, flags, BATCH_MAX), text)

#endif
