/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * msgslot: what a slot is, and which channels it has.
 *
 * <linux/msgslot.h> includes this.  Both commands are for any open file of a slot.
 */
#ifndef _UAPI_LINUX_MSGSLOT_INFO_H
#define _UAPI_LINUX_MSGSLOT_INFO_H

#include <linux/types.h>

/* struct msgslot_info.version: rises with what this header gains. */
#define MSGSLOT_ABI_VERSION 1

/**
 * struct msgslot_info - what the slot is (MSGSLOT_INFO); all of it comes out
 * @version: MSGSLOT_ABI_VERSION of the kernel
 * @minor: of the slot
 * @mode: enum msgslot_mode_number
 * @overflow: enum msgslot_overflow_number
 * @depth: messages that a channel keeps
 * @max_message: longest message, in bytes
 * @instance: random, new with every creation: with channel and sequence it names a message for ever
 * @max_bytes: what the slot may hold, in bytes
 * @bytes: what it holds
 * @max_channels: how many channels it may have
 * @channels: how many it has
 * @share_max_bytes: what the user that opened the file could hold at this moment; with
 *	CAP_SYS_RESOURCE, as much as the slot can
 * @share_bytes: what that user holds
 * @share_max_channels: as @share_max_bytes, in channels
 * @share_channels: how many of the channels count as that user's
 * @messages: how many are kept
 * @sent: how many were ever sent
 * @received: how many were handed to readers, counting each reader
 * @dropped: how many were dropped before a reader they were meant for saw them, counting
 *	each reader
 * @listeners: how many open files listen to a range of channels
 * @feed_depth: how many messages of the slot such a file may be behind before it looks for them
 *	channel by channel; a change counts from the next first listener on
 * @leased: how many of the messages kept are leased (MSGSLOT_RECV_LEASE)
 */
struct msgslot_info {
	__u32 version;
	__u32 minor;
	__u32 mode;
	__u32 overflow;
	__u32 depth;
	__u32 max_message;
	__u8 instance[16];
	__aligned_u64 max_bytes;
	__aligned_u64 bytes;
	__aligned_u64 max_channels;
	__aligned_u64 channels;
	__aligned_u64 share_max_bytes;
	__aligned_u64 share_bytes;
	__aligned_u64 share_max_channels;
	__aligned_u64 share_channels;
	__aligned_u64 messages;
	__aligned_u64 sent;
	__aligned_u64 received;
	__aligned_u64 dropped;
	__u32 listeners;
	__u32 feed_depth;
	__aligned_u64 leased;
};

#define MSGSLOT_INFO _IOR(MSGSLOT_IOC_TYPE, 7, struct msgslot_info)

/**
 * struct msgslot_walk_entry - one channel
 * @channel: its id
 * @files: how many open files, mappings and calls under way hold it, and how many files listen to
 *	it: one that does both counts twice
 * @first: the number of its oldest message that was never leased
 * @next: the number of its message to come: it keeps @next - @first messages, and those that are
 *	leased or came back
 */
struct msgslot_walk_entry {
	__u32 channel;
	__u32 files;
	__aligned_u64 first;
	__aligned_u64 next;
};

/**
 * struct msgslot_walk_detail - one channel, where @entry_size asks for more
 * @channel: as in struct msgslot_walk_entry
 * @files: likewise
 * @first: likewise
 * @next: likewise
 * @messages: how many messages it keeps in all
 * @leased: how many of them are leased (MSGSLOT_RECV_LEASE); in `last`, 1 if the message goes with
 *	the end of a file (MSGSLOT_SEND_TIED)
 *
 * Later versions may add fields at the end.
 */
struct msgslot_walk_detail {
	__u32 channel;
	__u32 files;
	__aligned_u64 first;
	__aligned_u64 next;
	__u32 messages;
	__u32 leased;
};

/**
 * struct msgslot_walk - lists the channels of a slot in the order of their ids (MSGSLOT_WALK)
 * @from: in: the lowest id to list; out: where to go on, 2^32 when there are no more
 * @entries: in: address of an array of struct msgslot_walk_entry, or of @entry_size bytes each
 * @count: in: its length; more than MSGSLOT_WALK_MAX are not filled in one call; out: how many are
 * @entry_size: in: of struct msgslot_walk_detail, in bytes; 0: of struct msgslot_walk_entry
 *
 * Channels that are there from the first call to the last are listed exactly once.  Errors: EINVAL
 * for a @from above 2^32, a @count of 0, or an @entry_size that is not 0, nor a multiple of 8 from
 * 24 to MSGSLOT_WALK_ENTRY_MAX; EFAULT; ENOMEM.
 */
struct msgslot_walk {
	__aligned_u64 from;
	__aligned_u64 entries;
	__u32 count;
	__u32 entry_size;
};

#define MSGSLOT_WALK_MAX 256
#define MSGSLOT_WALK_ENTRY_MAX 256

#define MSGSLOT_WALK _IOWR(MSGSLOT_IOC_TYPE, 8, struct msgslot_walk)

#endif /* _UAPI_LINUX_MSGSLOT_INFO_H */
