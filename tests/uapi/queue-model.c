// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls on a queue, each answer held against a model of a few lines: every call by which a
 * message gets in or out or is looked at, right and wrong ones, on slots of random shape.
 */
#define _GNU_SOURCE
#include "queue.h"

enum { CHANNELS = 4, DEEPEST = 200, LONGEST = 70000 };

/* The model: message S of a channel has lengths[S % DEEPEST] bytes, which follow from id and S. */
struct model {
	int fd;
	uint32_t id;
	uint64_t first, next;
	uint32_t lengths[DEEPEST];
};

static struct model channels[CHANNELS];
static uint64_t seed, depth, longest, sent, received, dropped;
static char in[LONGEST + 1], want[LONGEST], got[LONGEST + 1];
static int anyone; /* a file that has something else selected */

static uint32_t chance(uint32_t below)
{
	return random_below(&seed, below);
}

static uint64_t bytes_seed(const struct model *m, uint64_t sequence)
{
	return sequence << 8 | (m->id & 0xff);
}

static void assert_message(const struct model *m, uint64_t sequence, const char *bytes)
{
	uint32_t length = m->lengths[sequence % DEEPEST];

	bytes_fill(want, length, bytes_seed(m, sequence));
	if (memcmp(bytes, want, length))
		fail_msg("message %llu of channel %u is not what was sent",
			 (unsigned long long)sequence, m->id);
}

static void do_send(struct model *m)
{
	/* Mostly short ones; the wrong lengths are 0 and one too many. */
	uint32_t length = chance(longest < 300 || chance(4) ? (longest < 300 ? longest + 2 : 300) :
							      longest + 2);
	char *bytes = chance(8) ? in : chance(2) ? null : nowhere;
	bool by_call = chance(2);
	struct msgslot_send send = send_of(m->id, bytes, length);
	ssize_t result;
	int error = 0;

	bytes_fill(in, length, bytes_seed(m, m->next));
	if (!length || length > longest)
		error = EMSGSIZE;
	else if (!bytes)
		error = EINVAL;
	else if (bytes == nowhere)
		error = EFAULT;
	else if (m->next - m->first == depth)
		error = EAGAIN;
	errno = 0;
	result = by_call ? ioctl(anyone, MSGSLOT_SEND, &send) : write(m->fd, bytes, length);
	assert_int_equal(result, error ? -1 : by_call ? 0 : (ssize_t)length);
	assert_int_equal(errno, error);
	if (error)
		return;
	if (by_call)
		assert_int_equal(send.sequence, m->next);
	m->lengths[m->next++ % DEEPEST] = length;
	sent++;
}

/* What a reader with such a buffer is told of a message. */
static int buffer_error(uint32_t length, const char *bytes, uint32_t size)
{
	if (size < length)
		return ENOSPC;
	if (!bytes)
		return EINVAL;
	return bytes == nowhere ? EFAULT : 0;
}

static uint32_t any_size(uint32_t length)
{
	switch (chance(6)) {
	case 0:
		return length ? length - 1 : 0;
	case 1:
		return length;
	case 2:
		return chance(LONGEST);
	default:
		return LONGEST;
	}
}

static void do_read(struct model *m)
{
	uint32_t length = m->lengths[m->first % DEEPEST], size = any_size(length);
	char *bytes = chance(8) ? got : chance(2) ? null : nowhere;
	int error = m->first == m->next ? EAGAIN : buffer_error(length, bytes, size);

	got[length] = '!';
	errno = 0;
	assert_int_equal(read(m->fd, bytes, size), error ? -1 : (ssize_t)length);
	assert_int_equal(errno, error);
	if (error)
		return;
	assert_int_equal(got[length], '!');
	assert_message(m, m->first++, got);
	received++;
}

static void do_recv(struct model *m)
{
	const uint32_t kinds[] = {
		0,
		MSGSLOT_RECV_PEEK,
		MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER,
		MSGSLOT_RECV_IF,
		MSGSLOT_RECV_IF | MSGSLOT_RECV_PEEK,
		MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP,
		MSGSLOT_RECV_NEWER,
		MSGSLOT_RECV_DROP,
	};
	uint32_t flags = kinds[chance(8)], length, size;
	char *bytes = chance(8) ? got : chance(2) ? null : nowhere;
	uint64_t given = 0, which = m->first;
	struct msgslot_recv recv;
	int error = 0;

	if (flags & MSGSLOT_RECV_NEWER)
		given = chance(m->next + 3);
	else if (flags & MSGSLOT_RECV_IF)
		given = chance(3) ? m->first : m->first + chance(4) - 1;
	if (flags & MSGSLOT_RECV_NEWER && given >= which)
		which = given + 1;
	length = m->lengths[which % DEEPEST];
	size = any_size(length);
	if (flags == MSGSLOT_RECV_NEWER)
		error = EOPNOTSUPP;
	else if (flags == MSGSLOT_RECV_DROP)
		error = EINVAL;
	else if (flags & MSGSLOT_RECV_IF && (m->first == m->next || given != m->first))
		error = ESTALE;
	else if (which >= m->next)
		error = EAGAIN;
	else if (!(flags & MSGSLOT_RECV_DROP))
		error = buffer_error(length, bytes, size);

	recv = queue_recv(m->id, flags, given, bytes, size);
	errno = 0;
	assert_int_equal(ioctl(anyone, MSGSLOT_RECV, &recv), error ? -1 : 0);
	assert_int_equal(errno, error);
	if (!error || error == ENOSPC) {
		assert_int_equal(recv.length, length);
		assert_int_equal(recv.sequence, which);
	}
	if (error)
		return;
	assert_int_equal(recv.lost, given && flags & MSGSLOT_RECV_NEWER ? which - given - 1 : 0);
	assert_int_equal(recv.pid, getpid());
	if (!(flags & MSGSLOT_RECV_DROP))
		assert_message(m, which, got);
	if (!(flags & MSGSLOT_RECV_PEEK)) {
		m->first++;
		received++;
	}
}

static void do_clear(struct model *m)
{
	uint64_t newest = m->first == m->next ? 0 : m->next - 1;
	struct msgslot_clear clear = {
		.channel = m->id,
		.flags = chance(2) ? MSGSLOT_CLEAR_IF : 0,
		.sequence = chance(2) ? newest : newest + 1,
	};

	if (clear.flags && clear.sequence != newest) {
		assert_fails(ioctl(anyone, MSGSLOT_CLEAR, &clear), ESTALE);
		return;
	}
	assert_result(ioctl(anyone, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, m->next - m->first);
	dropped += m->next - m->first;
	m->first = m->next;
}

static void check_poll(const struct model *m)
{
	struct pollfd one = { .fd = m->fd, .events = POLLIN | POLLOUT | POLLPRI };
	int wanted = 0;

	if (m->next > m->first)
		wanted |= POLLIN;
	if (m->next - m->first < depth)
		wanted |= POLLOUT;
	assert_works(poll(&one, 1, 0));
	assert_int_equal(one.revents, wanted);
}

static void check_slot(void)
{
	struct msgslot_walk_entry entries[CHANNELS + 2];
	struct msgslot_walk walk = {
		.entries = (uintptr_t)entries,
		.count = CHANNELS + 2,
	};
	uint64_t messages = 0;
	int i, j;

	assert_result(ioctl(anyone, MSGSLOT_WALK, &walk), 0);
	/* Ours, and the one that the other file has selected. */
	assert_int_equal(walk.count, CHANNELS + 1);
	for (i = 0; i < CHANNELS; i++) {
		for (j = 0; entries[j].channel != channels[i].id; j++)
			assert_true(j < CHANNELS);
		assert_int_equal(entries[j].first, channels[i].first);
		assert_int_equal(entries[j].next, channels[i].next);
		assert_int_equal(entries[j].files, 1);
		messages += channels[i].next - channels[i].first;
	}
	assert_result(slot_get(OWN, "messages"), messages);
	assert_result(slot_get(OWN, "sent"), sent);
	assert_result(slot_get(OWN, "received"), received);
	assert_result(slot_get(OWN, "dropped"), dropped);
	if (!messages)
		return;
	assert_true(slot_get(OWN, "bytes") > 0);
}

static void run_against_the_model(long steps)
{
	const uint32_t ids[CHANNELS] = { 0, 7, 0x80000005, 0xffffffff };
	const uint32_t depths[] = { 1, 2, 3, 5, 8, 13, 100, DEEPEST };
	const uint32_t lengths[] = { 16, 256, 300, 5000, LONGEST };
	int i, balance = 4;

	depth = depths[chance(8)];
	longest = lengths[chance(5)];
	printf("# depth %u, messages up to %u\n", (uint32_t)depth, (uint32_t)longest);
	assert_result(slot_set(OWN, "depth", depth), 0);
	assert_result(slot_set(OWN, "max_message", longest), 0);
	sent = received = dropped = 0;
	anyone = own_open_on(O_RDWR | O_NONBLOCK, 1000);
	for (i = 0; i < CHANNELS; i++)
		channels[i] = (struct model){
			.fd = own_open_on(O_RDWR | O_NONBLOCK, ids[i]),
			.id = ids[i],
			.first = 1,
			.next = 1,
		};
	while (steps--) {
		struct model *m = &channels[chance(CHANNELS)];
		uint32_t kind = chance(8);

		/* For a while more goes in than out, then the other way round. */
		if (!chance(100))
			balance = 1 + chance(6);
		if (kind < (uint32_t)balance)
			do_send(m);
		else if (kind < 7)
			chance(2) ? do_read(m) : do_recv(m);
		else if (!chance(30))
			do_clear(m);
		check_poll(m);
		if (!chance(64))
			check_slot();
	}
	check_slot();
}

static void random_calls(void **state)
{
	long slots = scaled(12, 4), i;

	seed = seed_get();
	for (i = 0; i < slots; i++) {
		run_against_the_model(scaled(6000, 500));
		assert_int_equal(own_end(state), 0);
		assert_int_equal(queue_begin(state), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(random_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
