/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libmsgslot: message slots from C.
 *
 *	struct msgslot *slot = msgslot_slot_open("0", O_RDWR);
 *
 *	if (!slot || msgslot_message_send(slot, 5, "hello", 5) < 0)
 *		perror("slot 0");
 *
 * <linux/msgslot.h>, which this header includes, says what slots, channels, messages and sequences
 * are, and has the numbers: modes, flags, limits.  Every function is one system call or a few.
 * msgslot_slot_get_fd() gives the descriptor for everything that takes one: read(), write(),
 * poll(), epoll, io_uring, an event loop.  A page of section 3 of the manual describes each.
 *
 * Units: lengths and sizes are bytes, times and timeouts nanoseconds.  A timeout counts from the
 * call on; MSGSLOT_FOREVER has no end; 0 never waits (EAGAIN); any other ends with ETIMEDOUT.  On a
 * slot opened with O_NONBLOCK every timeout is 0.
 *
 * Errors: a function that fails returns -1, or NULL, and sets errno.  The kernel's errno is passed
 * on unchanged.  Every function may fail with ENODEV: the slot was destroyed.  A failed call
 * changes nothing but the bytes of a receive buffer.  EINTR: a signal ended a finite wait.
 *
 * Structs that a function fills may get new members at their end in later versions.  So the size of
 * the caller's struct is always the next argument: sizeof(*pointer), or anything where the pointer
 * is NULL.  The library stores no more than that, and makes 0 the members that it does not know.
 * So a program runs with an older and with a newer library than it was compiled for.  A size below
 * that of the first release is EINVAL, and nothing has happened.
 *
 * Lifetimes: an object that an _open() or _new() returned lives until its _close() or _free().
 * These take NULL and leave errno as it is.  Nothing else has to be freed.
 *
 * Threads: there is no global state.  A struct msgslot never changes once it is open, so any number
 * of threads may use one at the same time, until one of them closes it.  The selected channel and,
 * in mode `broadcast`, the cursor belong to the open file: a select or a read by one thread or,
 * after fork(), by one process is a select or a read for all of them.  A walker and an open list of
 * names are for one thread at a time; so are a reader and a writer.
 */
#ifndef MSGSLOT_H
#define MSGSLOT_H

#include <linux/msgslot.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* The version of the library that runs, as "0.1.0".  Never NULL, never freed. */
const char *msgslot_version_get(void);

/* ---- a slot: open.c -------------------------------------------------------------------------- */

/* An open slot. */
struct msgslot;

/*
 * Opens a slot.  slot is a number in decimal digits ("0" is /dev/msgslot0), "@NAME" for what
 * msgslot_name_find() finds, or else a path.  "@NAME" also selects the channel of that name;
 * msgslot_channel_get() tells its number.
 *
 * flags are O_RDONLY, O_WRONLY or O_RDWR, and O_NONBLOCK; O_CLOEXEC is always set.
 *
 * Errors: EINVAL (other flags, an empty slot, a number above 255, a malformed name), ENOTTY (the
 * file is not a slot), those of open(), EACCES and ENOENT before all, ENXIO (the slot was
 * destroyed), ENOMEM; with "@NAME" those of msgslot_name_find() and msgslot_channel_select().
 */
struct msgslot *msgslot_slot_open(const char *slot, int flags);

/*
 * Makes a struct msgslot of a descriptor that was opened elsewhere, inherited, or received through
 * a socket.  The struct owns the descriptor from then on; after a failed call it stays the
 * caller's.  Errors: EBADF, ENOTTY (not a slot), ENODEV, ENOMEM.
 */
struct msgslot *msgslot_slot_adopt(int fd);

/* Closes the slot and its descriptor.  Takes NULL. */
void msgslot_slot_close(struct msgslot *slot);

/* The descriptor.  The slot owns it: it must not be closed. */
int msgslot_slot_get_fd(const struct msgslot *slot);

/*
 * The slot's number, 0 to 255; its mode, one of enum msgslot_mode_number; the length of its longest
 * message.  None of them can change while a slot is open, so these are no system calls.
 */
int msgslot_slot_get_minor(const struct msgslot *slot);
int msgslot_slot_get_mode(const struct msgslot *slot);
size_t msgslot_slot_get_max_message(const struct msgslot *slot);

/* ---- channels: channel.c, wait.c ------------------------------------------------------------- */

/*
 * Selects the channel that read(), write(), poll() and msgslot_channel_wait() mean from now on.  In
 * mode `broadcast` the file joins the channel at its end.  Errors: EINVAL (channel 0 in mode
 * `last`), ENOSPC (the slot has max_channels channels), EDQUOT (the user's share of them is used
 * up), ENOMEM.
 */
int msgslot_channel_select(struct msgslot *slot, uint32_t channel);

/* Stores the selected channel.  Errors: EINVAL (none is selected). */
int msgslot_channel_get(struct msgslot *slot, uint32_t *channel);

/*
 * Moves the cursor of a `broadcast` slot on the selected channel: to the oldest message kept
 * (MSGSLOT_SEEK_OLDEST), behind the newest (MSGSLOT_SEEK_END), or to the message numbered *sequence
 * (MSGSLOT_SEEK_SEQUENCE).  Stores the number of the message that comes next in *sequence, which
 * may be NULL but for MSGSLOT_SEEK_SEQUENCE.
 * Errors: EBADF (not open for reading), EOPNOTSUPP (another mode), EINVAL (unknown whence; a
 * sequence above the one to come).
 */
int msgslot_channel_seek(struct msgslot *slot, enum msgslot_whence whence, uint64_t *sequence);

/*
 * Removes all messages from any channel, selected or not, and stores their number in *messages.
 * With newest, only if the newest of them is numbered *newest (0: only if there is none).  Either
 * pointer may be NULL.
 * Errors: EBADF (not open for writing), EINVAL (channel 0 in mode `last`), ESTALE (*newest is not
 * the newest).
 */
int msgslot_channel_clear(struct msgslot *slot, uint32_t channel, const uint64_t *newest,
			  uint64_t *messages);

/*
 * Waits until the selected channel can be read (POLLIN) or written (POLLOUT); events is one of
 * these of <poll.h>, or both.  Returns those that hold, or 0 when the timeout ended.  O_NONBLOCK
 * does not shorten it.  In mode `last`, POLLIN is a message newer than the last one received.
 * Errors: ENODEV, EINTR (whatever the timeout), EINVAL (a timeout below -1, no or other events),
 * ENOMEM.
 */
int msgslot_channel_wait(struct msgslot *slot, int events, int64_t timeout);

/*
 * Listens to the channels from first to last, both included, also to those that come later.  flags
 * are 0 or MSGSLOT_LISTEN_LOWEST (`queue`: always the lowest channel that has a message).  From
 * then on read(), POLLIN, msgslot_channel_wait(), and receives with MSGSLOT_RECV_RANGE mean these
 * channels; sends and POLLOUT the selected one.  The next msgslot_channel_select() ends it, another
 * call replaces it.  See struct msgslot_listen.
 *
 * Errors: EBADF (not open for reading), EOPNOTSUPP (MSGSLOT_LISTEN_LOWEST in another mode), EINVAL
 * (first is above last; only channel 0, in mode `last`; other flags), ENOSPC, EDQUOT, ENOMEM,
 * EINTR.
 */
int msgslot_range_listen(struct msgslot *slot, uint32_t first, uint32_t last, uint32_t flags);

/* A walk over the channels of a slot in the order of their ids.  The slot must stay open. */
struct msgslot_walker;
/* Begins one at the lowest channel.  Errors: ENOMEM. */
struct msgslot_walker *msgslot_walker_new(struct msgslot *slot);

/* The lowest channel from this id on is the next one. */
void msgslot_walker_seek(struct msgslot_walker *walker, uint32_t channel);

/*
 * Stores the next channel in a struct msgslot_walk_entry, or in a struct msgslot_walk_detail, which
 * begins with the same members: as size says.  Returns 1, or 0 when there are no more.
 * Channels that exist from the first call to the last come exactly once, unless the walk is moved.
 * Errors: EINVAL (size), ENOMEM.
 */
int msgslot_walker_next(struct msgslot_walker *walker, void *channel, size_t size);

void msgslot_walker_free(struct msgslot_walker *walker); /* takes NULL */

/* ---- messages: send.c, receive.c ------------------------------------------------------------- */

#define MSGSLOT_FOREVER ((int64_t)-1)
#define MSGSLOT_SECOND ((int64_t)1000000000)

/*
 * Sends one message to any channel, selected or not.  Waits while the channel is full, unless the
 * slot is O_NONBLOCK.  Errors: EBADF (not open for writing), EINVAL (channel 0 in mode `last`;
 * message is NULL), EMSGSIZE (length is 0 or above msgslot_slot_get_max_message()), EFAULT, EAGAIN
 * (full), ENOSPC (the slot has no bytes or no channel left), EDQUOT (the user's share of the slot
 * is used up), ENOMEM.
 */
int msgslot_message_send(struct msgslot *slot, uint32_t channel, const void *message,
			 size_t length);

/*
 * How to send.  Later versions may add members, which only new flags make the library look at.  A
 * flag that the library does not know is EINVAL, whatever the kernel knows.
 */
struct msgslot_send_options {
	uint32_t flags;	   /* 0 or MSGSLOT_SEND_IF */
	int64_t timeout;   /* how long to wait while the channel is full, or until it is empty */
	uint64_t expected; /* MSGSLOT_SEND_IF: the number of the newest message; 0: there is none */
};

/*
 * The same with options (NULL: as msgslot_message_send()).  Stores the message's number in
 * *sequence, which may be NULL.  MSGSLOT_SEND_IF compares and sets, in mode `last`: of several
 * senders the first one succeeds, and the others get ESTALE.
 * Errors besides: EOPNOTSUPP (MSGSLOT_SEND_IF in another mode), ESTALE, ETIMEDOUT, EINTR, EINVAL
 * (unknown flags, a timeout below -1).
 */
int msgslot_message_send_with(struct msgslot *slot, uint32_t channel, const void *message,
			      size_t length, const struct msgslot_send_options *options,
			      uint64_t *sequence);

/*
 * Receives one message from a channel into a buffer of size bytes and returns its length.
 *
 *	last		a copy of the newest; EAGAIN at once if there is none
 *	queue		takes the oldest; waits for one, unless the slot is O_NONBLOCK
 *	broadcast	the oldest that this slot has not received on the channel, which must be
 *			selected; waits for one, unless the slot is O_NONBLOCK
 *
 * A message that is longer than the buffer stays where it is (ENOSPC).
 * msgslot_slot_get_max_message() bytes are always enough.  Errors: EBADF (not open for reading),
 * EINVAL (channel 0 in mode `last`; not the selected channel in `broadcast`; buffer is NULL),
 * EAGAIN (there is no message), ENOSPC, EFAULT, and, where the call has to create a channel to wait
 * on, ENOSPC, EDQUOT and ENOMEM as msgslot_channel_select().
 */
ssize_t msgslot_message_receive(struct msgslot *slot, uint32_t channel, void *buffer, size_t size);

/* How to receive; may grow as struct msgslot_send_options may. */
struct msgslot_receive_options {
	uint32_t flags;	   /* MSGSLOT_RECV_PEEK, _NEWER, _IF, _DROP, _RANGE: <linux/msgslot.h> */
	int64_t timeout;   /* how long to wait for a message, in mode `last` too */
	uint64_t sequence; /* MSGSLOT_RECV_NEWER: above which; MSGSLOT_RECV_IF: which */
};

/* What is known of a received message. */
struct msgslot_message {
	uint64_t sequence;  /* its number in the channel */
	uint64_t time;	    /* when it was sent, on CLOCK_BOOTTIME */
	uint64_t lost;	    /* messages that went unread: see struct msgslot_recv */
	size_t length;	    /* of all of it */
	uint32_t pid;	    /* of the sending process; 0 where it has no number here */
	uint32_t uid;	    /* of the user that opened the file it was sent through */
	uint32_t channel;   /* that it was sent to */
	uint64_t delivered; /* with MSGSLOT_RECV_LEASE: how often it was leased, and came back */
};

/*
 * The same with options (NULL: as msgslot_message_receive()).  Stores what is known of the message
 * in *message, which may be NULL.  When it fails with ENOSPC because the buffer is too short, it
 * stores the members sequence, length and channel, and makes the others 0.
 *
 *	MSGSLOT_RECV_PEEK	leave the message, and the cursor
 *	MSGSLOT_RECV_NEWER	the oldest kept above options->sequence; `queue`: only to peek
 *	MSGSLOT_RECV_IF		`queue`: take the message if it is the oldest and has this number
 *	MSGSLOT_RECV_DROP	with _IF: do not copy it; buffer and size are not looked at, and the
 *				length is returned
 *	MSGSLOT_RECV_RANGE	from those of msgslot_range_listen(); alone, or with _PEEK or _LEASE
 *	MSGSLOT_RECV_LEASE	`queue`: lease the message; alone, or with _IF or _RANGE
 *
 * Errors besides: EOPNOTSUPP (a flag that the mode does not have), ESTALE (MSGSLOT_RECV_IF: the
 * oldest is another, or there is none), ETIMEDOUT, EINTR, EINVAL (unknown flags, flags that exclude
 * each other, MSGSLOT_RECV_RANGE without a range, a timeout below -1, message_size).
 */
ssize_t msgslot_message_receive_with(struct msgslot *slot, uint32_t channel, void *buffer,
				     size_t size, const struct msgslot_receive_options *options,
				     struct msgslot_message *message, size_t message_size);

/* ---- what goes with the slot: lease.c, send.c ------------------------------------------------ */

/*
 * What is received with MSGSLOT_RECV_LEASE is hidden from other readers until it is done, or comes
 * back: by msgslot_lease_return(), or as the slot is closed, also by the end of the process.
 * Errors: ESTALE (the slot has not leased that message, or it was cleared).
 */
int msgslot_lease_done(struct msgslot *slot, uint32_t channel, uint64_t sequence);
int msgslot_lease_return(struct msgslot *slot, uint32_t channel, uint64_t sequence);

/*
 * `last`: sends a message that goes as the slot is closed, also by the end of the process, if it is
 * the newest then; a will whose length is not 0 follows it.  Errors: as of a send.
 */
int msgslot_tied_send(struct msgslot *slot, uint32_t channel, const void *message, size_t length,
		      const struct msgslot_send_options *options, const void *will,
		      size_t will_length, uint64_t *sequence);

/* ---- many messages in a system call: reader.c, writer.c -------------------------------------- */

/*
 * A reader receives as many messages as fit into its buffer, and hands them out one by one:
 *
 *	while ((length = msgslot_reader_next(reader, &bytes, &message, sizeof(message))) > 0)
 *		use(message.channel, bytes, length);
 *
 * In `queue` these messages are taken: those that were not handed out are lost with the reader.
 */
struct msgslot_reader;

/*
 * Begins to read a channel or, with MSGSLOT_RECV_RANGE, those of msgslot_range_listen().  size is
 * that of its buffer, in bytes, and so of what one system call receives, at most 1 GiB; 0 stands
 * for 64 KiB.  A longer message makes the buffer longer.  The slot must stay open.
 *
 * options may be NULL: each message as it comes, waiting without an end.  Their flags are 0,
 * MSGSLOT_RECV_RANGE, or MSGSLOT_RECV_NEWER with or without MSGSLOT_RECV_PEEK (messages above
 * options->sequence, and then above the last that was received).  In mode `last` a reader of one
 * channel always reads newer messages only.  Errors: EINVAL (other flags, size), ENOMEM.
 */
struct msgslot_reader *msgslot_reader_new(struct msgslot *slot, uint32_t channel,
					  const struct msgslot_receive_options *options,
					  size_t size);

/*
 * The next message: returns its length and stores where its bytes are, which stay there until the
 * next call; and, where message is not NULL, what is known of it.  It calls the kernel, and waits,
 * only when all that was received has been handed out.
 * Errors: those of msgslot_message_receive_with() but ENOSPC of a buffer; ENOMEM.
 */
ssize_t msgslot_reader_next(struct msgslot_reader *reader, const void **bytes,
			    struct msgslot_message *message, size_t message_size);

/* How many messages were received and not handed out yet: poll() does not tell of them. */
size_t msgslot_reader_get_left(const struct msgslot_reader *reader);

/* Takes NULL. */
void msgslot_reader_free(struct msgslot_reader *reader);

/*
 * A writer collects messages to any channels, and sends them in their order, as many as fit into
 * its buffer with one system call.
 */
struct msgslot_writer;

/*
 * size is of the buffer, in bytes, at most 1 GiB; 0 stands for 64 KiB.  A longer message makes it
 * longer.  timeout is how long a flush waits each time a channel is full, see above.  The slot must
 * stay open.  Errors: EINVAL (size; a timeout below -1), ENOMEM.
 */
struct msgslot_writer *msgslot_writer_new(struct msgslot *slot, int64_t timeout, size_t size);

/*
 * Adds a message; before it, flushes if the buffer has no place for it.  After an error it was not
 * added.  Errors: EMSGSIZE (length is 0 or above msgslot_slot_get_max_message()), EINVAL (message
 * is NULL), ENOMEM, and those of msgslot_writer_flush().
 */
int msgslot_writer_put(struct msgslot_writer *writer, uint32_t channel, const void *message,
		       size_t length);

/*
 * Sends all that the writer has.  After an error the messages from the one that failed on are still
 * there, so that another flush goes on with it.  Errors: those of msgslot_message_send_with().
 */
int msgslot_writer_flush(struct msgslot_writer *writer);

/* How many messages it has that were not sent. */
size_t msgslot_writer_get_left(const struct msgslot_writer *writer);

/*
 * The first of them, which failed if a flush did: where its bytes are until the next call, its
 * channel and its length.  NULL: there is none.
 */
const void *msgslot_writer_get_next(const struct msgslot_writer *writer, uint32_t *channel,
				    size_t *length);

/* Forgets the messages that were not sent. */
void msgslot_writer_clear(struct msgslot_writer *writer);

/* Sends nothing: what was not flushed is lost.  Takes NULL. */
void msgslot_writer_free(struct msgslot_writer *writer);

/* ---- reading without a system call: map.c ---------------------------------------------------- */

/* A mapped channel.  Any number of threads may read from one at the same time. */
struct msgslot_map;

/*
 * Maps the selected channel of a slot that is open for reading, in the modes `last` and
 * `broadcast`.  A later select does not change it, and it may outlive the slot.  The memory, more
 * than depth messages, counts in the user's share.
 * Errors: EACCES (not open for reading), ENODEV, EOPNOTSUPP (mode `queue`), EINVAL (no channel is
 * selected), ENOSPC (more than MSGSLOT_MAP_MAX bytes, or than the slot has left), EDQUOT, ENOMEM,
 * ENOSYS (the kernel's maps are of a version that this library does not know).
 */
struct msgslot_map *msgslot_map_new(struct msgslot *slot);

/*
 * Copies the oldest message from number *sequence on into a buffer of size bytes, returns its
 * length and stores its number in *sequence.  With 0, or where sequence is NULL, it is the newest
 * message in `last`, and the oldest that is kept in `broadcast`.  For the next one call it with 1
 * more; where it then comes back as S, S - *sequence messages were lost (`broadcast`) or replaced
 * (`last`).  Errors: EAGAIN (there is none), ENOSPC (it is longer than size; *sequence says which),
 * EBUSY (writers were quicker: call again, or msgslot_message_receive()), ENODEV (there is none,
 * and the slot was destroyed).  After a failure the buffer is unspecified.
 */
ssize_t msgslot_map_read(struct msgslot_map *map, uint64_t *sequence, void *buffer, size_t size);

/* The number of the message to come: where a reader begins that wants later messages only. */
uint64_t msgslot_map_get_next(const struct msgslot_map *map);

/* Takes NULL. */
void msgslot_map_free(struct msgslot_map *map);

/* ---- what the slot is: info.c ---------------------------------------------------------------- */

/*
 * Stores mode, limits, the caller's share, counters, the instance: see struct msgslot_info.
 * Members that the kernel does not know are 0.  Errors: EINVAL (size; info is NULL).
 */
int msgslot_info_get(struct msgslot *slot, struct msgslot_info *info, size_t size);

/* "last", "queue" or "broadcast"; "drop" or "block".  NULL (EINVAL) for other numbers. */
const char *msgslot_mode_get_name(int mode);
const char *msgslot_overflow_get_name(int overflow);

/* ---- names of channels: name.c --------------------------------------------------------------- */

/*
 * A name stands for a slot and a channel, as a name in /etc/services does for a port.  The user's
 * own file, $XDG_CONFIG_HOME/msgslot/channels or else ~/.config/msgslot/channels, is searched
 * before /etc/msgslot/channels; within a file, the first line wins.  A line is
 *
 *	name slot channel	# comment
 *
 * name: a letter, then letters, digits, '_', '-', '.', at most 63 characters in all.  slot: a
 * number from 0 to 255, or a path that begins with '/'.  channel: a number from 0 to 4294967295,
 * decimal, or hexadecimal after 0x.  Lines may be empty, and have at most 1023 bytes.
 */
struct msgslot_name {
	char name[64];
	char slot[256]; /* for msgslot_slot_open() */
	uint32_t channel;
};

/* A line of a file, from 1; 0 is the file as a whole. */
struct msgslot_place {
	char file[4096];
	unsigned int line;
};

/*
 * Looks up a name, with or without '@' before it.  Stores the line that the answer comes from in
 * *place, which may be NULL.
 *
 * Errors: EINVAL (not a possible name; a size), ENOENT (no such name), EBADMSG (the line at place
 * is malformed, and begins with the name; or no line has the name, and this is the first malformed
 * one, which may have been meant), and what keeps the file at place from being read.  A file that
 * does not exist is no error.
 */
int msgslot_name_find(const char *name, struct msgslot_name *found, size_t found_size,
		      struct msgslot_place *place, size_t place_size);

/* All names, the user's first.  Errors: ENOMEM. */
struct msgslot_names;
struct msgslot_names *msgslot_names_open(void);

/*
 * Stores the next name and, where place is not NULL, its line.  Returns 1, or 0 when there are no
 * more.  Errors: EINVAL (a size), EBADMSG (the line at place is malformed; name->name is its first
 * word if that is a possible name, else empty), and what keeps the file at place from being read.
 * After the last two the next call goes on behind the line or the file.
 */
int msgslot_names_next(struct msgslot_names *names, struct msgslot_name *name, size_t name_size,
		       struct msgslot_place *place, size_t place_size);

/* Takes NULL. */
void msgslot_names_close(struct msgslot_names *names);

/*
 * ---- making slots: manage.c --------------------------------------------------------------------
 *
 * These work on sysfs, not on an open slot.  Only root may change anything.  A change lasts until
 * the module is unloaded.  Errors of all: ENODEV (the module is not loaded), EINVAL (a number that
 * is not from 0 to 255), EACCES.
 */

/*
 * Creates a slot; mode is MSGSLOT_MODE_LAST, _QUEUE or _BROADCAST.  A minor below 0 stands for the
 * lowest free number.  Returns the minor.  The node is there at once, but has its group only when
 * udev has run.  Errors: EINVAL (unknown mode), EEXIST, EBUSY (the slot that had this number is not
 * gone yet), ENOSPC (no number is free), ENOMEM.
 */
int msgslot_slot_create(int minor, const char *mode);

/* Destroys a slot with all messages; its open files get ENODEV.  Errors: ENXIO (no such slot). */
int msgslot_slot_destroy(int minor);

/* The lowest slot above after (-1: of all).  Errors: ENOENT (there is none). */
int msgslot_slot_next(int after);

/*
 * Sets an attribute: mode, depth, max_message, overflow, max_bytes, max_channels.  Errors: ENXIO
 * (no such slot), EINVAL and ERANGE (unknown attribute, or not this value), EBUSY (not while the
 * slot is open or keeps a message), EACCES (a counter).
 */
int msgslot_attribute_set(int minor, const char *attribute, const char *value);

/*
 * Stores one of these or a counter (channels, messages, bytes, sent, received, dropped) as text,
 * with a NUL at its end.  Returns its length.  Errors: ENXIO, EINVAL (unknown attribute), ENOSPC
 * (value is too short; 32 bytes are enough).
 */
ssize_t msgslot_attribute_get(int minor, const char *attribute, char *value, size_t size);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif /* MSGSLOT_H */
