/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs about leases share: slot OWN as a queue, and the three calls of a lease.
 */
#ifndef MSGSLOT_TESTS_LEASE_H
#define MSGSLOT_TESTS_LEASE_H

#include "ioctl.h"

/* The most that is charged for the lease of a short message. */
#define LEASE_BYTES 512

static inline int lease_begin(void **state)
{
	(void)state;
	if (slot_exists(OWN))
		slot_destroy(OWN);
	return slot_create(OWN, MSGSLOT_MODE_QUEUE);
}

#define lease_test(test) cmocka_unit_test_setup_teardown(test, lease_begin, own_end)

/* Leases what must be message @number, that text, which came back @times before. */
#define assert_leases(fd, id, number, text, times)                                      \
	do {                                                                            \
		struct msgslot_recv leased_;                                            \
                                                                                        \
		leased_ = assert_receives(fd, id, MSGSLOT_RECV_LEASE, 0, number, text); \
		assert_int_equal(leased_.delivered, times);                             \
	} while (0)

/* Message @sequence of channel @id is done, or is to come back: 0 or -1. */
static inline int lease_end(int fd, unsigned int id, uint64_t sequence, unsigned int flag)
{
	struct msgslot_recv recv = { .channel = id, .flags = MSGSLOT_RECV_IF | flag };

	recv.sequence = sequence;
	return ioctl(fd, MSGSLOT_RECV, &recv);
}

static inline int lease_done(int fd, unsigned int id, uint64_t sequence)
{
	return lease_end(fd, id, sequence, MSGSLOT_RECV_DROP);
}

static inline int lease_return(int fd, unsigned int id, uint64_t sequence)
{
	return lease_end(fd, id, sequence, MSGSLOT_RECV_RETURN);
}

/* What WALK tells of channel @id. */
static inline struct msgslot_walk_detail lease_walk(int fd, unsigned int id)
{
	struct msgslot_walk_detail detail = { 0 };
	struct msgslot_walk walk = {
		.from = id,
		.entries = (uintptr_t)&detail,
		.count = 1,
		.entry_size = sizeof(detail),
	};

	assert_result(ioctl(fd, MSGSLOT_WALK, &walk), 0);
	if (!walk.count || detail.channel != id)
		memset(&detail, 0, sizeof(detail));
	return detail;
}

/* How many messages channel @id keeps, and how many of them are leased. */
#define assert_kept(fd, id, kept, away)                                  \
	do {                                                             \
		struct msgslot_walk_detail detail_ = lease_walk(fd, id); \
                                                                         \
		assert_int_equal(detail_.messages, kept);                \
		assert_int_equal(detail_.leased, away);                  \
	} while (0)

#endif
