/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A failed call changes nothing, whichever allocation or copy inside it was the one that failed:
 * what the programs that hold the module to that share.
 *
 * Each call is made again and again: first its first allocation fails, then its second, and so on
 * until it comes through.  Kernels with fault injection (the debug kernel) do that; on the others
 * every call comes through at once, and what it should have done is held to all the same.
 */
#ifndef MSGSLOT_TESTS_NO_MEMORY_H
#define MSGSLOT_TESTS_NO_MEMORY_H

#include "check.h"

enum { SHORT = 100, LONG = 60000, DEPTH = 8, TOO_MANY = 5000, CHANNELS_SEEN = 64 };

static int faults = -1; /* this thread's fail-nth */
static int came;	/* that many faults did */

static inline int faults_setup(void **state)
{
	/*
	 * Also where the allocation could have waited, or is of a page, and not a word in the log.
	 */
	const char *const settings[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },	    { "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" }, { "fail_page_alloc/verbose", "0" },
		{ "fail_page_alloc/min-order", "0" },	    { "fail_usercopy/verbose", "0" },
	};
	char path[128];
	size_t i;

	(void)state;
	faults = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (faults < 0)
		return errno == ENOENT ? 0 : -1;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (text_put(path, settings[i][1]))
			return -1;
	}
	return 0;
}

static inline int faults_teardown(void **state)
{
	(void)state;
	printf("# %d faults came\n", came);
	if (faults < 0)
		return 0;
	close(faults);
	return came ? 0 : -1;
}

static inline void fault_set(int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", n);

	if (faults < 0)
		return;
	/* To call a pending fault off can be what it hits: then it is gone, too. */
	while (pwrite(faults, text, length, 0) < 0)
		assert_int_equal(errno, EFAULT);
}

static inline int fault_get(void)
{
	char text[16] = "";

	return pread(faults, text, sizeof(text) - 1, 0) < 0 ? -1 : atoi(text);
}

static inline bool fault_came(void)
{
	/* As above: a fault in the asking is none in the call before. */
	return faults >= 0 && fault_get() == 0;
}

/*
 * Makes the call with its n-th step failing; whether there was such a step.  A fault need not mean
 * an error: some allocations have another way.  Without a fault the call may fail with an error
 * that is due, if one is (else 0).
 */
#define with_fault_or(n, result, due, call)                                               \
	({                                                                                \
		bool came_;                                                               \
		int error_;                                                               \
                                                                                          \
		assert_true((n) < TOO_MANY);                                              \
		fault_set(n);                                                             \
		(result) = (call);                                                        \
		error_ = errno;                                                           \
		came += came_ = fault_came();                                             \
		fault_set(0);                                                             \
		if ((result) < 0 && error_ != (due) &&                                    \
		    (!came_ || (error_ != ENOMEM && error_ != EFAULT)))                   \
			fail_msg("%s, step %d: %s", #call, n, strerror(error_));          \
		if ((due) && !came_ && (result) >= 0)                                     \
			fail_msg("%s is %lld, not an error", #call, (long long)(result)); \
		errno = error_;                                                           \
		came_;                                                                    \
	})

#define with_fault(n, result, call) with_fault_or(n, result, 0, call)

/* ---- slots of every kind ------------------------------------------------- */

static const struct kind {
	const char *mode, *overflow;
	bool last, queue, broadcast;
} kinds[] = {
	{ "last", "drop", .last = true },
	{ "queue", "block", .queue = true },
	{ "broadcast", "drop", .broadcast = true },
	{ "broadcast", "block", .broadcast = true },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Slot OWN, empty, and so small that logs grow and get full. */
static inline void kind_begin(const struct kind *kind)
{
	assert_result(slot_destroy(OWN), 0);
	assert_result(slot_create(OWN, kind->mode), 0);
	assert_result(slot_put(OWN, "overflow", kind->overflow), 0);
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	if (!kind->last)
		assert_result(slot_set(OWN, "depth", DEPTH), 0);
}

/* All that a slot tells of itself, but its memory: a failed call may keep some for the next one. */
struct snapshot {
	struct msgslot_info info;
	struct msgslot_walk_entry entries[CHANNELS_SEEN];
	uint32_t count;
};

/* Through any file of the slot. */
static inline struct snapshot snapshot_take(int fd)
{
	struct snapshot s = { .count = 0 };
	struct msgslot_walk walk = { .entries = (uintptr_t)s.entries, .count = CHANNELS_SEEN };

	assert_result(ioctl(fd, MSGSLOT_INFO, &s.info), 0);
	assert_result(ioctl(fd, MSGSLOT_WALK, &walk), 0);
	assert_int_equal(walk.from, 1LL << 32);
	s.count = walk.count;
	return s;
}

static inline void assert_unchanged(int fd, const struct snapshot *was)
{
	struct snapshot is = snapshot_take(fd);

	assert_int_equal(is.info.messages, was->info.messages);
	assert_int_equal(is.info.channels, was->info.channels);
	assert_int_equal(is.info.share_channels, was->info.share_channels);
	assert_int_equal(is.info.sent, was->info.sent);
	assert_int_equal(is.info.received, was->info.received);
	assert_int_equal(is.info.dropped, was->info.dropped);
	assert_int_equal(is.count, was->count);
	assert_memory_equal(is.entries, was->entries, is.count * sizeof(is.entries[0]));
}

static inline uint64_t clear(int fd, uint32_t id)
{
	struct msgslot_clear c = { .channel = id };

	assert_result(ioctl(fd, MSGSLOT_CLEAR, &c), 0);
	return c.messages;
}

/* Takes what is left, closes the file, and sees everything go. */
static inline void kind_end(int fd)
{
	struct snapshot s = snapshot_take(fd);
	uint32_t i;
	int tries;

	for (i = 0; i < s.count; i++)
		clear(fd, s.entries[i].channel);
	close(fd);
	/* Memory may go a grace period later. */
	for (tries = 0; slot_get(OWN, "bytes") && tries < 1000; tries++)
		usleep(10000);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
}

/* ---- messages that can be told apart ------------------------------------- */

static char bytes[LONG], got[LONG];

static inline const char *message(size_t length, unsigned int number)
{
	bytes_fill(bytes, length, number);
	return bytes;
}

/* The next message of the file's channel is this one; it is read. */
static inline void assert_next(int fd, size_t length, unsigned int number)
{
	assert_result(read(fd, got, sizeof(got)), (ssize_t)length);
	assert_memory_equal(got, message(length, number), length);
}

#endif
