/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ioctls among the calls of calls.h: each command with random arguments. */
#ifndef MSGSLOT_TESTS_FUZZ_COMMANDS_H
#define MSGSLOT_TESTS_FUZZ_COMMANDS_H

#include "calls.h"

/*
 * With the struct at random memory, or just before an inaccessible page, or partly in it. Returns 0
 * for a call that works only if the kernel had @argument.
 */
static long command_some(struct caller *c, unsigned long command, void *argument, size_t size)
{
	char *place = c->edge + EDGE - size;
	int fd = a_file(c);
	long result;

	switch (below(c, 60)) {
	case 0:
		return ioctl(fd, command, a_place(c, size)) < 0 ? -1 : 1;
	case 1:
		memcpy(place + 1, argument, size - 1);
		return ioctl(fd, command, place + 1);
	case 2 ... 10:
		memcpy(place, argument, size);
		result = ioctl(fd, command, place);
		memcpy(argument, place, size);
		return result;
	default:
		return ioctl(fd, command, argument);
	}
}

/* The same of a command that returns nothing else. */
static long command(struct caller *c, unsigned long command, void *argument, size_t size)
{
	long result = command_some(c, command, argument, size);

	if (result > 1)
		complain("ioctl is %ld", result);
	return result;
}

static uint32_t some_flags(struct caller *c, uint32_t known)
{
	return one_in(c, 50) ? random_next(&c->state) : random_next(&c->state) & known;
}

static long call_send(struct caller *c)
{
	struct msgslot_send s = {
		.channel = an_id(c),
		.flags = one_in(c, 4) ? some_flags(c, MSGSLOT_SEND_IF | MSGSLOT_SEND_TIED) : 0,
		.length = a_length(c),
		.will_length = one_in(c, 8) ? a_length(c) : 0,
		.timeout = a_timeout(c),
		.expected = a_sequence(c),
	};
	long result;

	s.message = (uintptr_t)a_place(c, s.length);
	s.will = (uintptr_t)a_place(c, s.will_length);
	if (s.will_length && one_in(c, 2))
		s.flags |= MSGSLOT_SEND_TIED;
	result = command(c, MSGSLOT_SEND, &s, sizeof(s));
	if (result == 0 && !s.sequence)
		complain("a message without a sequence was sent");
	if (result == 0)
		*c->recent = s.sequence;
	return result;
}

static long call_recv(struct caller *c)
{
	struct msgslot_recv r = {
		.channel = an_id(c),
		.size = one_in(c, 4) ? a_length(c) : MEMORY,
		.timeout = a_timeout(c),
		.sequence = a_sequence(c),
	};
	uint32_t size;
	long result;

	if (one_in(c, 2))
		r.flags = some_flags(c, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER | MSGSLOT_RECV_IF |
						MSGSLOT_RECV_DROP | MSGSLOT_RECV_RANGE |
						MSGSLOT_RECV_LEASE | MSGSLOT_RECV_RETURN);
	else if (one_in(c, 3))
		r.flags = MSGSLOT_RECV_RANGE;
	else if (one_in(c, 3))
		r.flags = MSGSLOT_RECV_LEASE;
	else if (one_in(c, 4))
		r.flags = MSGSLOT_RECV_IF |
			  (one_in(c, 2) ? MSGSLOT_RECV_DROP : MSGSLOT_RECV_RETURN);
	r.message = (uintptr_t)(r.size == MEMORY ? process.memory : a_place(c, r.size));
	size = r.size;
	result = command(c, MSGSLOT_RECV, &r, sizeof(r));
	if (result == 0 && !(r.flags & (MSGSLOT_RECV_DROP | MSGSLOT_RECV_RETURN)) &&
	    (!r.length || r.length > size))
		complain("a message of %u bytes was received into %u", r.length, size);
	if (result == 0 && !r.sequence)
		complain("a message without a sequence was received");
	if (result == 0)
		*c->recent = r.sequence;
	return result;
}

/* Other threads may change the headers at any moment. */
static long call_send_many(struct caller *c)
{
	struct msgslot_send s = { .flags = MSGSLOT_SEND_MANY, .timeout = a_timeout(c) };
	char *batch = process.memory + below(c, MEMORY / 2);
	unsigned int count = 1 + below(c, 20), i;
	size_t at = 0;

	for (i = 0; i < count; i++) {
		const struct msgslot_header header = {
			.size = one_in(c, 100) ? random_next(&c->state) : sizeof(header),
			.length = one_in(c, 50) ? a_length(c) : 1 + below(c, 400),
			.channel = an_id(c),
			.flags = one_in(c, 100),
		};

		if (at + sizeof(header) + header.length > MEMORY / 2)
			break;
		memcpy(batch + at, &header, sizeof(header));
		at = (at + sizeof(header) + header.length + 7) & ~7ul;
	}
	s.message = (uintptr_t)batch;
	s.length = at - (one_in(c, 20) ? below(c, 100) : 0);
	return at_most("a batch", command_some(c, MSGSLOT_SEND, &s, sizeof(s)), MEMORY / 48);
}

static long call_recv_many(struct caller *c)
{
	struct msgslot_recv r = {
		.channel = an_id(c),
		.flags = MSGSLOT_RECV_MANY,
		.size = one_in(c, 4) ? a_length(c) : MEMORY,
		.timeout = a_timeout(c),
		.sequence = a_sequence(c),
	};
	uint32_t size = r.size;
	long result;

	if (one_in(c, 2))
		r.flags |= some_flags(c, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER);
	else if (one_in(c, 2))
		r.flags |= MSGSLOT_RECV_RANGE;
	r.message = (uintptr_t)(r.size == MEMORY ? process.memory : a_place(c, r.size));
	result = command_some(c, MSGSLOT_RECV, &r, sizeof(r));
	if (result > 1 &&
	    (r.length > size || r.length < result * (long)sizeof(struct msgslot_header)))
		complain("%ld messages took %u of %u bytes", result, r.length, size);
	return result;
}

static long call_seek(struct caller *c)
{
	struct msgslot_seek s = {
		.whence = below(c, 10) ? below(c, 3) : random_next(&c->state),
		.reserved = one_in(c, 50),
		.sequence = a_sequence(c),
	};

	return command(c, MSGSLOT_SEEK, &s, sizeof(s));
}

static long call_listen(struct caller *c)
{
	struct msgslot_listen s = {
		.first = one_in(c, 2) ? 0 : an_id(c),
		.last = one_in(c, 2) ? UINT32_MAX : an_id(c),
		.flags = one_in(c, 4) ? some_flags(c, MSGSLOT_LISTEN_LOWEST) : 0,
		.reserved = one_in(c, 50),
	};

	return command(c, MSGSLOT_LISTEN, &s, sizeof(s));
}

static long call_clear(struct caller *c)
{
	struct msgslot_clear s = {
		.channel = an_id(c),
		.flags = one_in(c, 2) ? some_flags(c, MSGSLOT_CLEAR_IF) : 0,
		.sequence = a_sequence(c),
	};

	return command(c, MSGSLOT_CLEAR, &s, sizeof(s));
}

static long call_info(struct caller *c)
{
	struct msgslot_info info;

	return command(c, MSGSLOT_INFO, &info, sizeof(info));
}

static long call_walk(struct caller *c)
{
	struct msgslot_walk_detail entries[8];
	struct msgslot_walk walk = {
		.from = one_in(c, 8) ? a_sequence(c) : an_id(c),
		.entries = (uintptr_t)entries,
		.count = below(c, 9),
		.entry_size = one_in(c, 2) ? 0 : sizeof(entries[0]),
	};

	if (one_in(c, 50))
		walk.entry_size = random_next(&c->state);
	if (walk.entry_size > sizeof(entries[0]) || one_in(c, 8)) {
		walk.count = a_length(c);
		walk.entries = (uintptr_t)a_place(c, MSGSLOT_WALK_MAX * MSGSLOT_WALK_ENTRY_MAX);
	}
	return command(c, MSGSLOT_WALK, &walk, sizeof(walk));
}

static long call_get_channel(struct caller *c)
{
	uint32_t id;

	return command(c, MSGSLOT_GET_CHANNEL, &id, sizeof(id));
}

/* Sizes smaller and larger than any struct of the kernel, and unknown commands. */
static long call_odd_ioctl(struct caller *c)
{
	const unsigned int types[] = { MSGSLOT_IOC_TYPE, MSGSLOT_IOC_TYPE_OLD, 'f', 'T' };
	unsigned int type = one_in(c, 8) ? types[below(c, 4)] : MSGSLOT_IOC_TYPE;
	unsigned int size = one_in(c, 4) ? below(c, 1 << _IOC_SIZEBITS) : below(c, 256);
	char *place = c->edge + EDGE - size;
	unsigned int direction = below(c, 4), number = below(c, 12);
	int fd = a_file(c);

	if (one_in(c, 2))
		memset(place, 0, size);
	return ioctl(fd, _IOC(direction, type, number, size), place);
}

#endif
