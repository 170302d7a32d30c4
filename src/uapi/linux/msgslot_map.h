/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * msgslot: reading a channel without a system call.
 *
 * mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) of a file open for reading maps the selected
 * channel, in the modes `last` and `broadcast`: a head, and the messages that the channel keeps, in
 * cells.  Message S is in cell S mod @cells.  The mapping is of the channel selected then, whatever
 * the file selects later, and outlives the file.
 *
 * The head, of which there is always a page, tells the size: map a page first, and then @size
 * bytes.  The first mapping of a channel makes the pages, which count in the share of a user that
 * maps it; they go with the last.  Messages that are read here are not counted as received, and
 * poll() still reports what is newer than what the file last read.
 *
 * Errors of mmap(), in this order: EACCES (not open for reading, or PROT_WRITE and not open for
 * writing), ENODEV, EPERM (PROT_WRITE or PROT_EXEC), EINVAL (MAP_PRIVATE), EOPNOTSUPP (`queue`),
 * EINVAL (no channel is selected), those of MSG_SLOT_CHANNEL, ENOSPC (more than MSGSLOT_MAP_MAX
 * bytes, or than the slot has left), EDQUOT, ENOMEM, EINVAL (beyond @size).  mprotect() to write or
 * to execute is EACCES.
 */
#ifndef _UAPI_LINUX_MSGSLOT_MAP_H
#define _UAPI_LINUX_MSGSLOT_MAP_H

#include <linux/types.h>

#define MSGSLOT_MAP_MAX (16 * 1024 * 1024)
#define MSGSLOT_MAP_VERSION 1

/**
 * struct msgslot_map_head - what a mapping begins with
 * @version: MSGSLOT_MAP_VERSION
 * @gone: not 0 once the slot was destroyed; nothing changes any more
 * @cells: how many, a power of two above the slot's depth
 * @stride: bytes from one cell to the next
 * @offset: bytes from the head to the first cell
 * @max_message: longest message in bytes
 * @size: of the whole mapping in bytes, a multiple of the page size
 * @reserved: 0
 * @first: the number of the oldest message
 * @next: the number of the message to come; kept are @first to @next - 1, none where that is
 *	nothing
 *
 * Only @gone, @first and @next ever change.
 */
struct msgslot_map_head {
	__u32 version;
	__u32 gone;
	__u32 cells;
	__u32 stride;
	__u32 offset;
	__u32 max_message;
	__aligned_u64 size;
	__aligned_u64 reserved[4];
	__aligned_u64 first;
	__aligned_u64 next;
};

/**
 * struct msgslot_map_cell - a message in a mapping, whose bytes follow
 * @version: odd while the rest changes, and another number afterwards
 * @length: of the message in bytes
 * @sequence: its number
 * @time: when it was sent: CLOCK_BOOTTIME of the initial time namespace, in ns
 */
struct msgslot_map_cell {
	__u32 version;
	__u32 length;
	__aligned_u64 sequence;
	__aligned_u64 time;
};

#if !defined(__KERNEL__) && defined(__GNUC__)
#define MSGSLOT_MAP_RETRIES 8
/* Writers were always faster, or the one that writes is not running: read(), or try again. */
#define MSGSLOT_MAP_BUSY (-1)

/* One try of msgslot_map_copy(). */
static __inline__ __attribute__((__always_inline__)) long
msgslot_map_try(const struct msgslot_map_head *head, __u64 *sequence, void *buffer, __u64 size)
{
	const struct msgslot_map_cell *cell;
	__u64 wanted, first;
	__u32 version, length;

	/* In this order, or a message just replaced would be none. */
	first = __atomic_load_n(&head->first, __ATOMIC_ACQUIRE);
	wanted = *sequence > first ? *sequence : first;
	if (wanted >= __atomic_load_n(&head->next, __ATOMIC_ACQUIRE))
		return 0;
	cell = (const struct msgslot_map_cell *)((const char *)head + head->offset +
						 (wanted & (head->cells - 1)) * head->stride);
	/* An odd one is made even, so that it is another one afterwards whatever happens. */
	version = __atomic_load_n(&cell->version, __ATOMIC_ACQUIRE) & ~1u;
	if (__builtin_expect(__atomic_load_n(&cell->sequence, __ATOMIC_RELAXED) != wanted, 0))
		return MSGSLOT_MAP_BUSY;
	length = __atomic_load_n(&cell->length, __ATOMIC_RELAXED);
	if (__builtin_expect(length <= size, 1))
		__builtin_memcpy(buffer, cell + 1, length);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__builtin_expect(version != __atomic_load_n(&cell->version, __ATOMIC_RELAXED), 0))
		return MSGSLOT_MAP_BUSY;
	*sequence = wanted;
	return (long)length;
}

/* What is seldom needed stands apart, so that registers are left for what always is. */
static __attribute__((__noinline__, __unused__)) long
msgslot_map_retry(const struct msgslot_map_head *head, __u64 *sequence, void *buffer, __u64 size)
{
	long length = MSGSLOT_MAP_BUSY;
	int tries;

	for (tries = 1; tries < MSGSLOT_MAP_RETRIES && length == MSGSLOT_MAP_BUSY; tries++)
		length = msgslot_map_try(head, sequence, buffer, size);
	return length;
}

/*
 * Copies the oldest message from *@sequence on, if it has at most @size bytes, and stores its
 * number in *@sequence: its length, 0 if there is none, or MSGSLOT_MAP_BUSY.  Where the length is
 * above @size, or the answer is MSGSLOT_MAP_BUSY, the bytes of @buffer are unspecified.  In `last`,
 * a *@sequence of 0 is the newest message, and the number of the last one plus 1 a newer one; in
 * `broadcast`, more than the number of the last one plus 1 means that the difference was lost.
 */
static __inline__ long msgslot_map_copy(const struct msgslot_map_head *head, __u64 *sequence,
					void *buffer, __u64 size)
{
	long length = msgslot_map_try(head, sequence, buffer, size);

	if (__builtin_expect(length != MSGSLOT_MAP_BUSY, 1))
		return length;
	return msgslot_map_retry(head, sequence, buffer, size);
}
#endif

#endif /* _UAPI_LINUX_MSGSLOT_MAP_H */
