/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slot OWN of check.h, through the library.  What a failed test leaves open goes with the process.
 */
#ifndef MSGSLOT_TESTS_LIBRARY_H
#define MSGSLOT_TESTS_LIBRARY_H

#include <msgslot.h>

#include "check.h"

#define OWN_NAME "200"

#define assert_open_fails(call, wanted)                                               \
	do {                                                                          \
		const void *opened_;                                                  \
		int errno_;                                                           \
                                                                                      \
		errno = 0;                                                            \
		opened_ = (call);                                                     \
		errno_ = errno;                                                       \
		if (opened_)                                                          \
			fail_msg("%s is not an error", #call);                        \
		if (errno_ != (wanted))                                               \
			fail_msg("%s: %s, not %s", #call, strerror(errno_), #wanted); \
	} while (0)

static inline struct msgslot *open_or_fail(const char *name, int flags)
{
	struct msgslot *slot = msgslot_slot_open(name, flags);

	if (!slot)
		fail_msg("slot %s: %s", name, strerror(errno));
	return slot;
}

/* Our slot, open in a mode; others may have it open in the same mode. */
static inline struct msgslot *own_slot(const char *mode, int flags)
{
	assert_works(slot_put(OWN, "mode", mode));
	return open_or_fail(OWN_NAME, flags);
}

static inline struct msgslot_reader *reader_or_fail(struct msgslot *slot, uint32_t channel,
						    const struct msgslot_receive_options *options,
						    size_t size)
{
	struct msgslot_reader *reader = msgslot_reader_new(slot, channel, options, size);

	if (!reader)
		fail_msg("a reader: %s", strerror(errno));
	return reader;
}

static inline struct msgslot_writer *writer_or_fail(struct msgslot *slot, int64_t timeout,
						    size_t size)
{
	struct msgslot_writer *writer = msgslot_writer_new(slot, timeout, size);

	if (!writer)
		fail_msg("a writer: %s", strerror(errno));
	return writer;
}

static inline void send_text(struct msgslot *slot, uint32_t channel, const char *text)
{
	assert_result(msgslot_message_send(slot, channel, text, strlen(text)), 0);
}

/* What a channel gives next, as text; without waiting for it. */
static inline void assert_next(struct msgslot *slot, uint32_t channel, const char *text)
{
	const struct msgslot_receive_options at_once = { .timeout = 0 };
	char got[256];
	ssize_t length = msgslot_message_receive_with(slot, channel, got, sizeof(got) - 1, &at_once,
						      NULL, 0);

	assert_works(length);
	got[length < 0 ? 0 : length] = '\0';
	assert_string_equal(got, text);
}

static inline void assert_nothing(struct msgslot *slot, uint32_t channel)
{
	const struct msgslot_receive_options at_once = { .timeout = 0 };
	char byte;

	assert_fails(msgslot_message_receive_with(slot, channel, &byte, 1, &at_once, NULL, 0),
		     EAGAIN);
}

/* Whether a thread of this process sleeps, by and by: it is given all the time it wants. */
static inline void assert_sleeps(pid_t thread)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)getpid(), (int)thread);
	for (;;) {
		assert_works(text_get(path, text, sizeof(text)));
		state = strrchr(text, ')');
		assert_non_null(state);
		if (state[2] == 'S')
			return;
		usleep(1000);
	}
}

#endif
