// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `broadcast` against a model of it: random calls on a few files and channels, one after the other,
 * and the answer to each is known beforehand.  With many depths, and both kinds of overflow.
 */
#define _GNU_SOURCE
#include "broadcast.h"

enum { FILES = 5, CHANNELS = 3, KEPT = 512, LONGEST = 700 };

/* What is kept is numbered from first to next - 1. */
static struct channel {
	uint64_t birth, first, next;
	uint64_t words[KEPT]; /* of message S in S modulo KEPT: its length and its bytes follow */
} channels[CHANNELS];

static struct reader {
	int fd; /* 0: not open */
	int access;
	unsigned int id;
	uint64_t cursor, lost;
	uint64_t reached; /* the cursor before it was set back: what is before that is not lost */
	size_t done;	  /* of the message at the cursor, in pieces */
	bool untold;	  /* RECV noted a loss, and had no message to tell it with */
} readers[FILES];

static unsigned int depth;
static bool blocks;
static uint64_t seed;
static long long sent, dropped, received;
static char bytes[LONGEST], got[2 * LONGEST];

static size_t length_of(const struct channel *channel, uint64_t sequence)
{
	return channel->words[sequence % KEPT] % LONGEST + 1;
}

static void assert_got(const struct channel *channel, uint64_t sequence, size_t from, size_t length)
{
	bytes_fill(bytes, length_of(channel, sequence), channel->words[sequence % KEPT]);
	assert_memory_equal(got, bytes + from, length);
}

static bool reads(const struct reader *reader)
{
	return reader->access != O_WRONLY;
}

static bool writes(const struct reader *reader)
{
	return reader->access != O_RDONLY;
}

static bool is_full(unsigned int id)
{
	const struct channel *channel = &channels[id];
	int i;

	if (!blocks || channel->next - channel->first < depth)
		return false;
	for (i = 0; i < FILES; i++)
		if (readers[i].fd && reads(&readers[i]) && readers[i].id == id &&
		    readers[i].cursor <= channel->first)
			return true;
	return false;
}

/* Notes what went before the reader saw it; whether there was such. */
static bool loses(struct reader *reader)
{
	const struct channel *channel = &channels[reader->id];
	uint64_t from = reader->cursor > reader->reached ? reader->cursor : reader->reached;

	if (reader->cursor >= channel->first)
		return false;
	reader->lost += channel->first - reader->cursor;
	if (from < channel->first)
		dropped += channel->first - from;
	reader->cursor = channel->first;
	reader->done = 0;
	return true;
}

static void joins(struct reader *reader, unsigned int id)
{
	reader->id = id;
	reader->cursor = channels[id].next;
	reader->reached = 0;
	reader->lost = 0;
	reader->done = 0;
	reader->untold = false;
}

static void do_open_or_close(struct reader *reader)
{
	static const int accesses[] = { O_RDONLY, O_WRONLY, O_RDWR };

	if (reader->fd) {
		own_close(reader->fd);
		joins(reader, 0);
		reader->fd = 0;
		return;
	}
	reader->access = accesses[random_below(&seed, 3)];
	reader->fd = own_open(reader->access | O_NONBLOCK);
	joins(reader, 0);
}

static void do_select(struct reader *reader)
{
	unsigned int id = random_below(&seed, CHANNELS);

	assert_result(slot_select(reader->fd, id), 0);
	if (id != reader->id) {
		joins(reader, id);
	} else if (reader->done) {
		/* Should it have gone meanwhile: what one drops is not lost. */
		reader->cursor++;
		reader->done = 0;
	}
}

static void do_write(struct reader *reader, bool by_send)
{
	unsigned int id = by_send ? random_below(&seed, CHANNELS) : reader->id;
	struct channel *channel = &channels[id];
	uint64_t word = random_next(&seed);
	size_t length = word % LONGEST + 1;
	struct msgslot_send send = send_of(id, bytes, length);

	bytes_fill(bytes, length, word);
	if (!writes(reader)) {
		assert_fails(write(reader->fd, bytes, length), EBADF);
		assert_fails(ioctl(reader->fd, MSGSLOT_SEND, &send), EBADF);
		return;
	}
	if (is_full(id)) {
		if (by_send)
			assert_fails(ioctl(reader->fd, MSGSLOT_SEND, &send), EAGAIN);
		else
			assert_fails(write(reader->fd, bytes, length), EAGAIN);
		return;
	}
	if (by_send) {
		assert_result(ioctl(reader->fd, MSGSLOT_SEND, &send), 0);
		assert_int_equal(send.sequence, channel->next);
	} else {
		assert_result(write(reader->fd, bytes, length), (ssize_t)length);
	}
	channel->words[channel->next++ % KEPT] = word;
	if (channel->next - channel->first > depth)
		channel->first++;
	sent++;
}

static void do_read(struct reader *reader)
{
	struct channel *channel = &channels[reader->id];
	size_t size = 1 + random_below(&seed, LONGEST + 50), length;

	if (!reads(reader)) {
		assert_fails(read(reader->fd, got, size), EBADF);
	} else if (loses(reader) || (reader->untold && reader->cursor < channel->next)) {
		assert_fails(read(reader->fd, got, size), ENOBUFS);
		reader->untold = false;
	} else if (reader->cursor == channel->next) {
		assert_fails(read(reader->fd, got, size), EAGAIN);
	} else {
		length = length_of(channel, reader->cursor);
		if (size > length - reader->done)
			size = length - reader->done;
		else if (size < length - reader->done && random_below(&seed, 2))
			assert_fails(read(reader->fd, nowhere, size), EFAULT);
		assert_result(read(reader->fd, got, size), (ssize_t)size);
		assert_got(channel, reader->cursor, reader->done, size);
		reader->done += size;
		if (reader->done == length) {
			reader->done = 0;
			reader->cursor++;
			received++;
		}
	}
}

static void do_recv(struct reader *reader)
{
	struct channel *channel = &channels[reader->id];
	struct msgslot_recv recv = recv_into(reader->id, got, LONGEST);
	bool peek = random_below(&seed, 3) == 0;
	struct reader after = *reader;
	long long dropped_before = dropped;

	if (peek)
		recv.flags = MSGSLOT_RECV_PEEK;
	if (!reads(reader)) {
		assert_fails(ioctl(reader->fd, MSGSLOT_RECV, &recv), EBADF);
		return;
	}
	after.untold |= loses(&after);
	if (after.cursor < channel->next && random_below(&seed, 4) == 0) {
		recv.size = random_below(&seed, length_of(channel, after.cursor));
		assert_fails(ioctl(reader->fd, MSGSLOT_RECV, &recv), ENOSPC);
		assert_int_equal(recv.length, length_of(channel, after.cursor));
		assert_int_equal(recv.sequence, after.cursor);
	} else if (after.cursor == channel->next) {
		assert_fails(ioctl(reader->fd, MSGSLOT_RECV, &recv), EAGAIN);
		/* With no message to tell the loss with, it is noted all the same. */
		if (!peek) {
			*reader = after;
			return;
		}
	} else {
		assert_result(ioctl(reader->fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(recv.sequence, after.cursor);
		assert_int_equal(recv.length, length_of(channel, after.cursor));
		assert_int_equal(recv.lost, after.lost);
		assert_int_equal(recv.pid, getpid());
		assert_int_equal(recv.uid, getuid());
		assert_got(channel, after.cursor, 0, recv.length);
		after.cursor++;
		after.done = 0;
		after.untold = false;
		if (!peek) {
			*reader = after;
			received++;
			return;
		}
	}
	/* A look and a failed copy leave everything as it is, also a loss that is to be told. */
	dropped = dropped_before;
}

static void do_newer(struct reader *reader)
{
	unsigned int id = random_below(&seed, CHANNELS);
	const struct channel *channel = &channels[id];
	struct msgslot_recv recv = recv_into(id, got, LONGEST);
	bool peek = random_below(&seed, 2);
	uint64_t from = channel->first + random_below(&seed, 10), next;

	if (!reads(reader))
		return;
	from -= from < 5 ? from : 5;
	recv.sequence = from;
	recv.flags = MSGSLOT_RECV_NEWER | (peek ? MSGSLOT_RECV_PEEK : 0);
	next = from < channel->first ? channel->first : from + 1;
	if (next >= channel->next) {
		assert_fails(ioctl(reader->fd, MSGSLOT_RECV, &recv), EAGAIN);
		return;
	}
	assert_result(ioctl(reader->fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.sequence, next);
	assert_int_equal(recv.length, length_of(channel, next));
	assert_int_equal(recv.lost, from ? next - from - 1 : 0);
	assert_got(channel, next, 0, recv.length);
	received += !peek;
}

static void do_seek(struct reader *reader)
{
	const struct channel *channel = &channels[reader->id];
	struct msgslot_seek seek = { .whence = random_below(&seed, 3) };
	uint64_t to;

	if (!reads(reader)) {
		assert_fails(ioctl(reader->fd, MSGSLOT_SEEK, &seek), EBADF);
		return;
	}
	to = seek.whence == MSGSLOT_SEEK_OLDEST ? channel->first : channel->next;
	if (seek.whence == MSGSLOT_SEEK_SEQUENCE) {
		to = channel->first + random_below(&seed, depth + 8);
		to -= to < 4 ? to : 4;
		seek.sequence = to;
		if (to > channel->next) {
			assert_fails(ioctl(reader->fd, MSGSLOT_SEEK, &seek), EINVAL);
			return;
		}
		/* There is no 0, and no loss of it. */
		if (to < channel->birth)
			to = channel->birth;
	}
	assert_result(ioctl(reader->fd, MSGSLOT_SEEK, &seek), 0);
	if (to >= channel->first)
		assert_int_equal(seek.sequence, to);
	if (reader->cursor > reader->reached)
		reader->reached = reader->cursor;
	reader->cursor = to;
	reader->done = 0;
	reader->untold = false;
}

static void do_clear(struct reader *reader)
{
	struct msgslot_clear clear = { .channel = random_below(&seed, CHANNELS) };
	struct channel *channel = &channels[clear.channel];
	uint64_t newest = channel->next == channel->first ? 0 : channel->next - 1;

	if (!writes(reader)) {
		assert_fails(ioctl(reader->fd, MSGSLOT_CLEAR, &clear), EBADF);
		return;
	}
	if (random_below(&seed, 2)) {
		clear.flags = MSGSLOT_CLEAR_IF;
		clear.sequence = newest + 1;
		assert_fails(ioctl(reader->fd, MSGSLOT_CLEAR, &clear), ESTALE);
		clear.sequence = newest;
	}
	assert_result(ioctl(reader->fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, channel->next - channel->first);
	channel->first = channel->next;
}

static void check_files(void)
{
	int i, wanted;

	for (i = 0; i < FILES; i++) {
		const struct reader *reader = &readers[i];

		if (!reader->fd)
			continue;
		wanted = 0;
		if (reads(reader) && reader->cursor < channels[reader->id].next)
			wanted |= POLLIN;
		if (writes(reader) && !is_full(reader->id))
			wanted |= POLLOUT;
		/* Of what a file was not opened for, poll() may say what it likes. */
		assert_int_equal(ready(reader->fd) & ((reads(reader) ? POLLIN : 0) |
						      (writes(reader) ? POLLOUT : 0)),
				 wanted);
	}
}

static void check_slot(int keeper)
{
	struct msgslot_walk_entry entries[CHANNELS + 1];
	struct msgslot_walk walk = { .entries = (uintptr_t)entries, .count = CHANNELS + 1 };
	long long messages = 0;
	int i;

	assert_result(ioctl(keeper, MSGSLOT_WALK, &walk), 0);
	assert_int_equal(walk.count, CHANNELS);
	assert_int_equal(walk.from, 1ull << 32);
	for (i = 0; i < CHANNELS; i++) {
		assert_int_equal(entries[i].channel, i);
		assert_int_equal(entries[i].first, channels[i].first);
		assert_int_equal(entries[i].next, channels[i].next);
		messages += channels[i].next - channels[i].first;
	}
	assert_result(slot_get(OWN, "messages"), messages);
	assert_result(slot_get(OWN, "sent"), sent);
	assert_result(slot_get(OWN, "dropped"), dropped);
	assert_result(slot_get(OWN, "received"), received);
}

static void do_something(void)
{
	struct reader *reader = &readers[random_below(&seed, FILES)];
	unsigned int what = random_below(&seed, 40);

	if (!reader->fd || what == 0)
		do_open_or_close(reader);
	else if (what < 3)
		do_select(reader);
	else if (what < 12)
		do_write(reader, false);
	else if (what < 16)
		do_write(reader, true);
	else if (what < 28)
		do_read(reader);
	else if (what < 34)
		do_recv(reader);
	else if (what < 37)
		do_newer(reader);
	else if (what < 39)
		do_seek(reader);
	else
		do_clear(reader);
}

static void run_the_model(bool block)
{
	long runs = scaled(40, 6), steps = 800, step;
	int keepers[CHANNELS], i;

	seed = seed_get();
	blocks = block;
	while (runs--) {
		void *state = NULL;

		assert_int_equal(own_end(&state), 0);
		assert_int_equal(broadcast_begin(&state), 0);
		memset(readers, 0, sizeof(readers));
		sent = dropped = received = 0;
		depth = 1 + random_below(&seed, random_below(&seed, 4) ? 12 : 200);
		assert_result(slot_set(OWN, "depth", depth), 0);
		assert_result(slot_put(OWN, "overflow", blocks ? "block" : "drop"), 0);
		/* Files that hold the channels, so that none is forgotten.  They read nothing. */
		for (i = 0; i < CHANNELS; i++) {
			keepers[i] = own_open_on(O_WRONLY, i);
			channels[i].birth = channels[i].first = channels[i].next = 1;
		}
		for (step = 0; step < steps; step++) {
			do_something();
			check_files();
			if (step % 50 == 0)
				check_slot(keepers[0]);
		}
		check_slot(keepers[0]);
	}
}

static void where_overflow_drops(void **state)
{
	(void)state;
	run_the_model(false);
}

static void where_overflow_blocks(void **state)
{
	(void)state;
	run_the_model(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(where_overflow_drops),
		broadcast_test(where_overflow_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
