/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * msgslot: message slots for Linux, the interface to user space.
 *
 * A *slot* is one device node, /dev/msgslotN, with one mode and one set of limits.  A *channel* is
 * a log of messages inside a slot, named by a 32-bit id.  A *message* is 1 to max_message bytes,
 * any bytes.  An open file selects a channel; one write() leaves one message there, one read()
 * fetches one message, whole or not at all.
 *
 *	int fd = open("/dev/msgslot0", O_RDWR);
 *
 *	ioctl(fd, MSG_SLOT_CHANNEL, 5);
 *	write(fd, "hello", 5);
 *	length = read(fd, buffer, sizeof(buffer));
 *
 * Every message has a number in its channel, its *sequence*: from 1, rising, never used twice while
 * the slot lives.  A channel keeps its last `depth` messages.  The slot's mode says what a read
 * does:
 *
 *	last		fetches a copy of the newest message and leaves it; a write replaces it
 *	queue		takes the oldest message, once for all readers; a write waits while
 *			`depth` messages are kept
 *	broadcast	fetches the oldest message that this open file has not seen; a write
 *			replaces the oldest message (overflow=drop), or waits until every reader has
 *			read it (overflow=block)
 *
 * In `last` a file must select a channel before it reads or writes, and 0 is none.  In `queue` and
 * `broadcast` it starts on channel 0.  In `broadcast` a file joins a channel at its end when it
 * selects it, hears what it writes itself, and a plain read() may take a message in pieces, as from
 * a pipe; a plain write() of more than max_message bytes takes that many.
 *
 * MSGSLOT_SEND and MSGSLOT_RECV do the same on any channel in one call, and tell a message's
 * sequence, sender, time, and what was lost.
 *
 * Errors of MSG_SLOT_CHANNEL, in the order they are looked for:
 *	ENODEV	the slot was destroyed
 *	EINVAL	unknown command; id 0 in mode `last`
 *	ENOSPC	the slot has max_channels channels
 *	EDQUOT	the user that opened the file holds its share of the slot's channels
 *	ENOMEM	no memory, or the caller's memory cgroup is full
 *
 * Errors of write():
 *	ENODEV	the slot was destroyed
 *	EINVAL	no channel is selected
 *	EMSGSIZE the length is 0, or above the slot's max_message and the mode is not `broadcast`
 *	EINVAL	the buffer is NULL
 *	EFAULT	the buffer cannot be read
 *	EAGAIN	the channel is full and the file is O_NONBLOCK
 *	ENOSPC	the slot's max_bytes are in use
 *	EDQUOT	the user that opened the file holds its share of the slot's bytes
 *	ENOMEM	no memory, or the caller's memory cgroup is full
 *
 * Errors of read():
 *	ENODEV	the slot was destroyed
 *	EINVAL	no channel is selected
 *	ENOBUFS	`broadcast`: messages were dropped before this file read them; told once
 *	EAGAIN	there is no message, and the mode is `last` or the file O_NONBLOCK
 *	ENOSPC	the buffer is shorter than the message (not in `broadcast`)
 *	EINVAL	the buffer is NULL
 *	EFAULT	the buffer cannot be written
 *
 * In `queue` and `broadcast` a file that has selected nothing selects channel 0 when it first
 * reads, writes or polls; in `broadcast` one that is open for reading does so as it is opened.
 * That may be refused, as any selection: open() and poll() succeed all the same, and read() and
 * write() try again and have the errors of MSG_SLOT_CHANNEL.
 *
 * A failed call changes nothing: messages that were there still are.  After a read() the buffer has
 * nothing of a message beyond what the call returns, unless clearing that would have to wait for a
 * page.  readv(), writev() and io_uring give EFAULT where read() and write() give EINVAL for NULL.
 *
 * poll(): POLLIN, where in `last` there is a message newer than the last one this file read, and
 * else where a read() would not wait; POLLOUT, where a write() would not wait; POLLHUP and POLLERR,
 * where the slot was destroyed.
 *
 * lseek(), pread() and pwrite() are ESPIPE, splice() is EINVAL.  sendfile() to a slot sends a short
 * file as a message, and is EMSGSIZE where that would cut it.  open() of a destroyed slot is ENXIO.
 */
#ifndef _UAPI_LINUX_MSGSLOT_H
#define _UAPI_LINUX_MSGSLOT_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/msgslot_info.h>

/* The ioctl type, shared with the course programs this interface grew from. */
#define MSGSLOT_IOC_TYPE 235

/*
 * Select the channel that read(), write() and poll() of this open file mean from now on, also for
 * all that share the file by fork() or dup().  The argument is the id itself, not a pointer;
 * it is cut to 32 bits.  Works on files opened read-only and write-only.  The channel exists for as
 * long as a file has it selected or it holds a message.  A call that sleeps goes on with the
 * channel it began on.
 */
#define MSG_SLOT_CHANNEL _IOW(MSGSLOT_IOC_TYPE, 0, unsigned int)

/*
 * Other encodings of the same command, in use in programs that exist; accepted alike: number 0 of
 * both types with any direction (_IO, _IOR, _IOW, _IOWR) and the size of nothing, an int or a long;
 * and two bare numbers.
 */
#define MSGSLOT_IOC_TYPE_OLD 240
#define MSG_SLOT_CHANNEL_LONG _IOW(MSGSLOT_IOC_TYPE, 0, unsigned long)
#define MSG_SLOT_CHANNEL_OLD _IOW(MSGSLOT_IOC_TYPE_OLD, 0, unsigned int)
#define MSG_SLOT_CHANNEL_OLD_LONG _IOW(MSGSLOT_IOC_TYPE_OLD, 0, unsigned long)
#define MSG_SLOT_CHANNEL_1 1
#define MSG_SLOT_CHANNEL_3 3

/* How many slots there can be: minors 0 to MSGSLOT_SLOTS_MAX - 1. */
#define MSGSLOT_SLOTS_MAX 256

/* The largest value of a slot's max_message, in bytes; what it is unless set. */
#define MSGSLOT_MESSAGE_MAX (1024 * 1024)
#define MSGSLOT_LAST_MESSAGE_DEFAULT 128
#define MSGSLOT_QUEUE_MESSAGE_DEFAULT 4096
#define MSGSLOT_BROADCAST_MESSAGE_DEFAULT 4096

/* The largest value of a slot's depth, in messages, but in `last`, which keeps one. */
#define MSGSLOT_DEPTH_MAX 65536
#define MSGSLOT_FEED_DEPTH_DEFAULT 1024
#define MSGSLOT_FEED_DEPTH_MAX 1048576

/* Modes of a slot, as sysfs spells them and as struct msgslot_info numbers them. */
#define MSGSLOT_MODE_LAST "last"
#define MSGSLOT_MODE_QUEUE "queue"
#define MSGSLOT_MODE_BROADCAST "broadcast"

enum msgslot_mode_number {
	MSGSLOT_LAST = 0,
	MSGSLOT_QUEUE = 1,
	MSGSLOT_BROADCAST = 2,
};

/*
 * What a full channel does to a writer, as sysfs spells it and as struct msgslot_info numbers it.
 */
#define MSGSLOT_OVERFLOW_DROP "drop"
#define MSGSLOT_OVERFLOW_BLOCK "block"

enum msgslot_overflow_number {
	MSGSLOT_DROP = 0,
	MSGSLOT_BLOCK = 1,
};

/*
 * The commands below take a pointer to a struct whose size is part of the command's number.  Later
 * versions may add fields at a struct's end.  A kernel takes a struct that is longer than it knows
 * if what it does not know is zero (else E2BIG; MSGSLOT_INFO, where all comes out, makes it zero);
 * one that is shorter than it ever was is EINVAL.
 * Errors of all of them, looked for first and in this order:
 *	ENODEV	the slot was destroyed
 *	EINVAL	unknown command, or a struct too short for it
 *	EFAULT	the struct cannot be read
 *	E2BIG	the struct is longer than the kernel's, and what is over is not zero
 *	EINVAL	unknown flag, flags that exclude each other, non-zero reserved field, timeout
 *		below -1
 * and where the struct cannot be written, EFAULT, with nothing done.
 *
 * A timeout is in nanoseconds of CLOCK_MONOTONIC from the call on.  0 waits not at all (EAGAIN).
 * -1 waits for ever; a signal whose handler restarts calls does not end it.  Any other ends by
 * ETIMEDOUT, or by EINTR on a signal that is handled; one that is not, as SIGSTOP with SIGCONT, and
 * a suspend do not end it.  The time that is left is in @remaining then, and a call with the same
 * struct waits no longer than that; any other end makes it 0 again.  On an O_NONBLOCK file every
 * timeout is 0.
 */

/**
 * struct msgslot_header - before each message of a batch (MSGSLOT_SEND_MANY, MSGSLOT_RECV_MANY)
 * @size: of this header, in bytes, a multiple of 8, at least MSGSLOT_HEADER_SIZE: the message
 *	follows it; later versions may add fields at the end
 * @length: of the message, in bytes
 * @channel: its id
 * @flags: 0
 * @sequence: with what follows, as in struct msgslot_recv of a message received alone
 *
 * The next header begins at the first multiple of 8 bytes behind the message, counted from where
 * the batch begins.  A send looks at the first four fields only: so what was received can be sent
 * as it is.
 */
struct msgslot_header {
	__u32 size;
	__u32 length;
	__u32 channel;
	__u32 flags;
	__aligned_u64 sequence;
	__aligned_u64 time;
	__aligned_u64 lost;
	__u32 pid;
	__u32 uid;
};

#define MSGSLOT_HEADER_SIZE 48

/* The id of the channel that reads and writes mean.  EINVAL in `last` if none is selected. */
#define MSGSLOT_GET_CHANNEL _IOR(MSGSLOT_IOC_TYPE, 2, __u32)

/**
 * struct msgslot_send - sends one message to any channel (MSGSLOT_SEND)
 * @channel: in: the id, whatever the file has selected
 * @flags: in: MSGSLOT_SEND_*
 * @message: in: address of the message
 * @length: in: of the message, in bytes
 * @will_length: in, with MSGSLOT_SEND_TIED: of the will, in bytes; 0: there is none
 * @timeout: in: how long to wait while the channel is full; with MSGSLOT_SEND_IF and an @expected
 *	of 0, until it is empty
 * @expected: in: with MSGSLOT_SEND_IF
 * @sequence: out: the number of the message; as it was where the call fails
 * @remaining: in, out: 0; what is left of @timeout where a call ended with EINTR
 * @will: in: address of the will
 *
 * The file must be open for writing (EBADF).  Errors then, besides those of all commands, in this
 * order: EOPNOTSUPP (MSGSLOT_SEND_IF in another mode than `last`), EINVAL (channel 0 in `last`),
 * those of write() from EMSGSIZE on, with ESTALE, ETIMEDOUT and EINTR beside EAGAIN, and those of
 * MSG_SLOT_CHANNEL from ENOSPC on.
 */
struct msgslot_send {
	__u32 channel;
	__u32 flags;
	__aligned_u64 message;
	__u32 length;
	__u32 will_length;
	__s64 timeout;
	__aligned_u64 expected;
	__aligned_u64 sequence;
	__s64 remaining;
	__aligned_u64 will;
};

/*
 * Compare and set, in `last`: send only if @expected is the number of the newest message, or is 0
 * and the channel holds none; else ESTALE.  With 0 and a timeout the call waits until the channel
 * is empty; of several that wait, one is woken then.
 */
#define MSGSLOT_SEND_IF (1u << 0)

/*
 * `last`: the message stays only as long as this open file.  When the file ends, in whatever way,
 * and the message still is the newest of its channel, it goes, as by MSGSLOT_CLEAR; or, if there is
 * a will, that is sent in its place, as a message of the same sender: it is kept and charged from
 * this call on, and never refused then.  A newer message, of any sender, ends the tie.
 *
 * Errors besides: EOPNOTSUPP in other modes; of the will, EMSGSIZE, EINVAL and EFAULT as of the
 * message, after those of the message.
 */
#define MSGSLOT_SEND_TIED (1u << 2)

/*
 * Send a batch: @message has messages one after the other, each behind a struct msgslot_header, and
 * @length is the size of all; @channel is 0, as each header has its own.  They are sent in order,
 * each as if alone: others may send between them.  The call waits for the first only, and ends with
 * the first that would wait or fail; the number of messages sent is its return value, and @sequence
 * the number of the last.  If that is the first message, the call fails as if it had been sent
 * alone; also with EINVAL, if a header has flags, another @size than it may have, or does not fit
 * into @length with its message.
 */
#define MSGSLOT_SEND_MANY (1u << 1)

#define MSGSLOT_SEND _IOWR(MSGSLOT_IOC_TYPE, 3, struct msgslot_send)

/**
 * struct msgslot_recv - receives one message from any channel (MSGSLOT_RECV)
 * @channel: in: the id, whatever the file has selected
 * @flags: in: MSGSLOT_RECV_*
 * @message: in: address of the buffer
 * @size: in: of the buffer, in bytes
 * @length: out: of the whole message, in bytes, also where @size is less (ENOSPC)
 * @timeout: in: how long to wait for a message; in `last` too
 * @sequence: in: with MSGSLOT_RECV_NEWER and MSGSLOT_RECV_IF; out: the message's number
 * @time: out: when it was sent, CLOCK_BOOTTIME in nanoseconds
 * @lost: out: in `broadcast`, how many messages were dropped before this file read them, since it
 *	joined the channel; with MSGSLOT_RECV_NEWER, in every mode, how many between @sequence (if
 *	not 0) and this message went unread, unless the channel was forgotten meanwhile; else 0
 * @pid: out: the sending process, as the receiver's pid namespace numbers it; 0 where it does not
 * @uid: out: the user that opened the file it was sent through, as the receiver's user namespace
 *	numbers that user
 * @remaining: in, out: 0; what is left of @timeout where a call ended with EINTR
 * @delivered: out, with MSGSLOT_RECV_LEASE alone: how often the message was leased before, and came
 *	back
 *
 * A message comes whole, or stays.  The file must be open for reading (EBADF).  Errors then,
 * besides those of all commands, in this order: EOPNOTSUPP (MSGSLOT_RECV_IF, or
 * MSGSLOT_RECV_NEWER without MSGSLOT_RECV_PEEK in `queue`, wrong for the mode), EINVAL (channel 0
 * in `last`; neither selected nor MSGSLOT_RECV_NEWER in `broadcast`), ESTALE, EAGAIN, ETIMEDOUT,
 * EINTR, those of read() from ENOSPC on, and, where a channel must be made to wait on, those of
 * MSG_SLOT_CHANNEL from ENOSPC on.  It never fails with ENOBUFS.
 */
struct msgslot_recv {
	__u32 channel;
	__u32 flags;
	__aligned_u64 message;
	__u32 size;
	__u32 length;
	__s64 timeout;
	__aligned_u64 sequence;
	__aligned_u64 time;
	__aligned_u64 lost;
	__u32 pid;
	__u32 uid;
	__s64 remaining;
	__aligned_u64 delivered;
};

/*
 * Leave everything as it is: `queue` keeps the message, no cursor moves, poll() still tells of it.
 */
#define MSGSLOT_RECV_PEEK (1u << 0)
/*
 * The oldest kept message whose number is above @sequence: the caller keeps the cursor, the file's
 * own does not move.  In `last`, the newest message once it is newer.  In `queue` only with
 * MSGSLOT_RECV_PEEK (a look at what waits, and at what is leased).  In `broadcast`, also on a
 * channel that is not selected.
 */
#define MSGSLOT_RECV_NEWER (1u << 1)
/* `queue`: take the message only if it is the head and its number is @sequence; else ESTALE. */
#define MSGSLOT_RECV_IF (1u << 2)
/*
 * With MSGSLOT_RECV_IF: do not copy it, only take it; or, of a message that this file has leased,
 * it is done.  @message and @size are not looked at.
 */
#define MSGSLOT_RECV_DROP (1u << 3)

/*
 * The next message of the range that the file listens to (MSGSLOT_LISTEN), else EINVAL; @channel
 * comes out.  Alone, or with MSGSLOT_RECV_PEEK.  @lost is how many messages of the range this file
 * did not get, at least.
 */
#define MSGSLOT_RECV_RANGE (1u << 4)

/*
 * Receive a batch: as many messages as there are and fit into @size, at least one, each behind a
 * struct msgslot_header; their number is the call's return value.  The call waits for the first
 * only.  @length is how much of the buffer they take or, with ENOSPC, what the first one would
 * take; @sequence is the number of the last; the headers tell the rest.  With MSGSLOT_RECV_PEEK,
 * MSGSLOT_RECV_NEWER and MSGSLOT_RECV_RANGE.
 *
 * The messages of one channel follow each other without a gap, but for what was lost.  Of a range
 * in `queue`, those of a channel come together, and then those of the next.  From queues at most 16
 * messages of more than 256 bytes come at once, and of at most 16 channels.  A call that fails, as
 * by a page of the buffer that is missing, takes none.
 */
#define MSGSLOT_RECV_MANY (1u << 5)

/*
 * `queue`: lease the message instead of taking it.  Other readers do not find it, and it counts as
 * kept, until it is done (MSGSLOT_RECV_IF and MSGSLOT_RECV_DROP, by this open file) or comes back:
 * by MSGSLOT_RECV_RETURN, or at the end of the open file, however that comes: its last descriptor
 * is closed, or its last process exits or is killed.  What comes back is received before all newer
 * messages, in the order of their numbers.  MSGSLOT_CLEAR and the end of the slot end leases, too.
 * Alone, or with MSGSLOT_RECV_IF, MSGSLOT_RECV_RANGE or MSGSLOT_RECV_MANY, which leases at most 16
 * messages.
 *
 * Errors besides: EOPNOTSUPP in other modes; EDQUOT where the user holds its share of the slot's
 * bytes, and the file has leased something already, or another file of the user has by this rule;
 * ENOMEM.
 */
#define MSGSLOT_RECV_LEASE (1u << 6)
/*
 * With MSGSLOT_RECV_IF: message @sequence, which this file has leased, comes back; else ESTALE.
 * @message and @size are not looked at.
 */
#define MSGSLOT_RECV_RETURN (1u << 7)

#define MSGSLOT_RECV _IOWR(MSGSLOT_IOC_TYPE, 4, struct msgslot_recv)

/**
 * struct msgslot_seek - moves the cursor of a `broadcast` file on its channel (MSGSLOT_SEEK)
 * @whence: in: where to
 * @reserved: 0
 * @sequence: in: with MSGSLOT_SEEK_SEQUENCE; out: the number of the message that comes next
 *
 * Seeking to a message that is no longer kept is seeking to a loss: the next read tells it.  A read
 * that sleeps is not woken by it; the message that wakes it finds the new cursor.  The file must be
 * open for reading (EBADF).  Errors then: EOPNOTSUPP in other modes; EINVAL for an unknown @whence,
 * or a message above the one to come.
 */
struct msgslot_seek {
	__u32 whence;
	__u32 reserved;
	__aligned_u64 sequence;
};

enum msgslot_whence {
	MSGSLOT_SEEK_OLDEST = 0,   /* the oldest message kept */
	MSGSLOT_SEEK_END = 1,	   /* the message to come, where a file joins */
	MSGSLOT_SEEK_SEQUENCE = 2, /* the message numbered @sequence */
};

#define MSGSLOT_SEEK _IOWR(MSGSLOT_IOC_TYPE, 5, struct msgslot_seek)

/**
 * struct msgslot_clear - takes all messages from a channel (MSGSLOT_CLEAR)
 * @channel: in: the id, whatever the file has selected
 * @flags: in: MSGSLOT_CLEAR_IF
 * @sequence: in: with MSGSLOT_CLEAR_IF, the number of the newest message; else ESTALE
 * @messages: out: how many there were
 *
 * The file must be open for writing (EBADF).  Numbers go on where they were.  Waiting writers are
 * woken.  Readers of a `broadcast` channel are told what they lost.  Errors: EINVAL (channel 0 in
 * `last`), ESTALE.
 */
struct msgslot_clear {
	__u32 channel;
	__u32 flags;
	__aligned_u64 sequence;
	__aligned_u64 messages;
};

#define MSGSLOT_CLEAR_IF (1u << 0)

#define MSGSLOT_CLEAR _IOWR(MSGSLOT_IOC_TYPE, 6, struct msgslot_clear)

/**
 * struct msgslot_listen - makes a file hear a range of channels (MSGSLOT_LISTEN)
 * @first: in: the lowest id
 * @last: in: the highest id
 * @flags: in: MSGSLOT_LISTEN_*
 * @reserved: 0
 *
 * From then on read(), POLLIN and MSGSLOT_RECV_RANGE mean these channels, also those that come
 * later; writes and POLLOUT mean the channel that the file has selected.  MSG_SLOT_CHANNEL ends it,
 * another MSGSLOT_LISTEN replaces it, and a receive that sleeps goes on with what the file reads
 * then.
 *
 *	last		the newest message of each channel, first of those that are there already;
 *			a message that is replaced before it was received is not told
 *	queue		takes messages of the channels in turn
 *	broadcast	every message from then on
 *
 * Messages of one channel come in their order.  A file that listens never makes a writer wait: in
 * `broadcast` it loses messages, and is told, as with `overflow` set to `drop`; a read is never a
 * piece of a message.
 *
 * The file must be open for reading (EBADF).  Errors then, besides those of all commands, in this
 * order: EOPNOTSUPP (MSGSLOT_LISTEN_LOWEST in another mode than `queue`), EINVAL (no channel of the
 * range can be there: only 0 in `last`), ENOSPC, EDQUOT, ENOMEM, EINTR.  EINVAL also for @first
 * above @last.
 */
struct msgslot_listen {
	__u32 first;
	__u32 last;
	__u32 flags;
	__u32 reserved;
};

/* `queue`: always the channel with the lowest id that has a message: ids are priorities. */
#define MSGSLOT_LISTEN_LOWEST (1u << 0)

#define MSGSLOT_LISTEN _IOW(MSGSLOT_IOC_TYPE, 9, struct msgslot_listen)

#endif /* _UAPI_LINUX_MSGSLOT_H */
