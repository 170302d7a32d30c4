// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of all rows, and the list of all bounds. */
#define _GNU_SOURCE
#include "peers.h"

const char *const axis_names[] = {
	[BYTES] = "bytes",	 [READERS] = "readers", [SLEEPERS] = "sleepers",
	[CHANNELS] = "channels", [KEPT] = "messages",	[PROCESSORS] = "processors",
};

const long axis_points[][POINTS_MAX] = {
	[BYTES] = { 8, SMALL, 1024, 4096, LONGEST },
	[READERS] = { 1, 4, 16, 64, 256 },
	[SLEEPERS] = { 1, 8, 32 },
	[CHANNELS] = { 2, 1000, 100000, 1000000 },
	[KEPT] = { 65536 },
	[PROCESSORS] = { 2 },
};

/* Points of an axis, for rows that do not have them all. */
enum {
	ALL = ~0u,
	ONLY_128 = 1 << 1, /* of BYTES */
	ONLY_64 = 1 << 3,  /* of READERS */
	ONE_AND_64 = 1 | ONLY_64,
	TO_100000 = 7, /* of CHANNELS */
	ONLY_100000 = 1 << 2,
	MILLION = 1 << 3,
};

static const struct section floors = { "Floors", COST, BYTES };
static const struct section values = { "A value that stays", COST, BYTES };
static const struct section jobs = { "A message in and out again", COST, BYTES };
static const struct section batched = { "A message of a call with 64", COST, BYTES };
static const struct section listening = { "One publishes, each of many reads", COST, READERS };
static const struct section hearing = { "What a listener reads", COST, BYTES };
static const struct section trips = { "There and back between two that sleep", COST, BYTES };
static const struct section waking = { "Waking all who wait: what the waker pays", COST, SLEEPERS };
static const struct section many = { "Select, write and read, one of many", COST, CHANNELS };
static const struct section heap = { "Memory for each that keeps 16 bytes", WEIGHT, CHANNELS };
static const struct section kept = { "Memory for each kept message of 128", WEIGHT, KEPT };
static const struct section ranked = { "The most urgent of 32 priorities", COST, BYTES };
static const struct section of_many = { "One of 10 000: send, epoll, receive", COST, BYTES };
static const struct section waited = { "Memory for each of 10 000 that are waited for", WEIGHT,
				       BYTES };
static const struct section at_once = { "Several at once, as a multiple of one", TIMES,
					PROCESSORS };

/* Measured once: a module of a course, which writes to the kernel's log in every call. */
static int measured_once(const struct row *row, long at, struct figure *figure)
{
	(void)row;
	(void)at;
	if (!counts_instructions())
		return cannot("it was only ever counted in instructions");
	*figure = (struct figure){ .known = true, .p50 = 14400 };
	return 0;
}

#define M(x) .means = &(x)
#define C(x) .crowd = &(x)
#define ALONE .means = NULL

const struct row rows[] = {
	{ &floors, "getppid", ONLY_128, measure_get, M(getppid_floor) },
	{ &floors, "read /dev/zero", ALL, measure_get, M(zero_floor) },
	{ &floors, "write /dev/null, which copies nothing", ALL, measure_put, M(null_floor) },

	{ &values, "msgslot last: read", ALL, measure_get, M(last) },
	{ &values, "msgslot last: RECV", ALL, measure_get, M(last_message) },
	{ &values, "msgslot last: mapped read", ALL, measure_get, M(last_mapped) },
	{ &values, "tmpfs: pread", ALL, measure_get, M(tmpfs) },
	{ &values, "tmpfs: open, read, close", ALL, measure_get, M(tmpfs_renamed) },
	{ &values, "seqlock in shared memory: read", ALL, measure_get, M(seqlock) },
	{ &values, "msgslot last: write", ALL, measure_put, M(last) },
	{ &values, "msgslot last: SEND", ALL, measure_put, M(last_message) },
	{ &values, "msgslot last: write, channel mapped", ALL, measure_put, M(last_mapped) },
	{ &values, "msgslot last: write, one listens", ONLY_128, measure_put, M(last_listened) },
	{ &values, "msgslot last: write, 64 listen", ONLY_128, measure_put, M(last_listened_64) },
	{ &values, "tmpfs: pwrite", ALL, measure_put, M(tmpfs) },
	{ &values, "tmpfs: open, write, close, rename", ALL, measure_put, M(tmpfs_renamed) },
	{ &values, "seqlock in shared memory: write", ALL, measure_put, M(seqlock) },
	{ &values, "msgslot last: write + read", ALL, measure_both, M(last) },
	{ &values, "tmpfs: pwrite + pread", ALL, measure_both, M(tmpfs) },
	{ &values, "a module full of printk (kept, not run)", ONLY_128, measured_once, ALONE },

	{ &jobs, "msgslot queue: write + read", ALL, measure_both, M(queue) },
	{ &jobs, "msgslot queue: SEND + RECV", ALL, measure_both, M(queue_message) },
	{ &jobs, "msgslot queue: same, a channel others hold", ONLY_128, measure_both,
	  M(queue_message_held) },
	{ &jobs, "msgslot queue: same, one that comes and goes", ONLY_128, measure_both,
	  M(queue_message_unheld) },
	{ &jobs, "POSIX mq: send + receive", ALL, measure_both, M(mq) },
	{ &jobs, "System V queue: send + receive", ALL, measure_both, M(sysv) },
	{ &jobs, "pipe: write + read", ALL, measure_both, M(pipes) },
	{ &jobs, "O_DIRECT pipe: write + read", ALL, measure_both, M(packet_pipes) },
	{ &jobs, "unix dgram: write + read", ALL, measure_both, M(dgram) },
	{ &jobs, "unix seqpacket: write + read", ALL, measure_both, M(seqpacket) },
	{ &jobs, "eventfd + shared memory: write + read", ALL, measure_both, M(eventfd_memory) },

	{ &batched, "msgslot queue: SEND, many", ONLY_128, measure_put_many, M(queue_many) },
	{ &batched, "msgslot queue: RECV, many", ONLY_128, measure_get_many, M(queue_many) },
	{ &batched, "unix dgram: sendmmsg", ONLY_128, measure_put_many, M(dgram_many) },
	{ &batched, "unix dgram: recvmmsg", ONLY_128, measure_get_many, M(dgram_many) },

	{ &listening, "msgslot broadcast: write", ALL, measure_publish, M(broadcast) },
	{ &listening, "msgslot broadcast: write, all have polled", ONLY_64, measure_publish,
	  M(broadcast_polled) },
	{ &listening, "msgslot broadcast: write, all have left epoll", ONLY_64, measure_publish,
	  M(broadcast_epolled) },
	{ &listening, "msgslot broadcast: write, overflow=block", ONLY_64, measure_publish,
	  M(broadcast_block) },
	{ &listening, "msgslot broadcast: read", ONE_AND_64, measure_take, M(broadcast) },
	{ &listening, "msgslot broadcast: write, all read", ALL, measure_fan, M(broadcast) },
	{ &listening, "msgslot broadcast: write, all read mapped", ALL, measure_fan,
	  M(broadcast_mapped) },
	{ &listening, "netlink multicast: send, all receive", ALL, measure_fan, M(netlink) },
	{ &listening, "POSIX mqs: send to all, all receive", ALL, measure_fan, M(mq) },
	{ &listening, "pipes: write to all, all read", ALL, measure_fan, M(pipes) },
	{ &listening, "unix dgrams: write to all, all read", ALL, measure_fan, M(dgram) },
	{ &listening, "eventfds + shared memory: the same", ALL, measure_fan, M(eventfd_memory) },

	{ &hearing, "msgslot broadcast: a plain read", ALL, measure_take, M(broadcast) },
	{ &hearing, "msgslot broadcast: RECV", ALL, measure_take, M(broadcast_message) },
	{ &hearing, "msgslot broadcast: RECV of a range", ONLY_128, measure_take,
	  M(broadcast_range) },
	{ &hearing, "msgslot broadcast: mapped read", ALL, measure_take, M(broadcast_mapped) },
	{ &hearing, "netlink multicast: receive", ONLY_128, measure_take, M(netlink) },

	{ &trips, "msgslot queues", ONLY_128, measure_trip, M(queue) },
	{ &trips, "msgslot queues, by SEND and RECV", ONLY_128, measure_trip, M(queue_message) },
	{ &trips, "pipes", ONLY_128, measure_trip, M(pipes) },
	{ &trips, "POSIX mqs", ONLY_128, measure_trip, M(mq) },
	{ &trips, "System V queues", ONLY_128, measure_trip, M(sysv) },
	{ &trips, "unix seqpackets", ONLY_128, measure_trip, M(seqpacket) },
	{ &trips, "eventfds + shared memory", ONLY_128, measure_trip, M(eventfd_memory_each) },
	{ &trips, "msgslot queues, both always sleep", ONLY_128, measure_batch_trip, M(queue) },
	{ &trips, "msgslot queues, by SEND and RECV, likewise", ONLY_128, measure_batch_trip,
	  M(queue_message) },
	{ &trips, "pipes, both always sleep", ONLY_128, measure_batch_trip, M(pipes) },
	{ &trips, "POSIX mqs, both always sleep", ONLY_128, measure_batch_trip, M(mq) },

	{ &waking, "msgslot broadcast: one write", ALL, measure_wake, M(broadcast) },
	{ &waking, "netlink multicast: one send", ALL, measure_wake, M(netlink) },
	{ &waking, "eventfds: a write each", ALL, measure_wake, M(eventfd_memory) },
	{ &waking, "pipes: a write each", ALL, measure_wake, M(pipes) },
	{ &waking, "POSIX mqs: a send each", ALL, measure_wake, M(mq) },

	{ &many, "msgslot last, ids in order", ALL, measure_visit, C(channels_in_order) },
	{ &many, "msgslot last, random ids", ALL, measure_visit, C(channels_at_random) },
	{ &many, "tmpfs: open, pwrite, pread, close", TO_100000, measure_visit, C(files_in_order) },

	{ &heap, "msgslot last, ids in order: a channel", MILLION, weigh_crowd,
	  C(channels_in_order) },
	{ &heap, "msgslot last, random ids: a channel", MILLION, weigh_crowd,
	  C(channels_at_random) },
	{ &heap, "tmpfs: a file", ONLY_100000, weigh_crowd, C(files_in_order) },

	{ &kept, "POSIX mq", ALL, weigh_mq, ALONE },
	{ &kept, "System V queue", ALL, weigh_sysv, ALONE },
	{ &kept, "msgslot queue", ALL, weigh_queue, ALONE },
	{ &kept, "msgslot queue, max_message 128", ALL, weigh_queue_small, ALONE },
	{ &kept, "msgslot queue, max_message 128: charged", ALL, weigh_queue_charge, ALONE },

	{ &ranked, "msgslot queue: write + RECV of the lowest", ONLY_128, measure_both,
	  M(queue_lowest) },
	{ &ranked, "msgslot queue: SEND + RECV of the lowest", ONLY_128, measure_both,
	  M(queue_lowest_sent) },
	{ &ranked, "POSIX mq: send + receive, by priority", ONLY_128, measure_both,
	  M(mq_priorities) },

	{ &of_many, "msgslot last: one file that listens", ONLY_128, measure_both,
	  M(one_listener) },
	{ &of_many, "msgslot last: 10 000 files", ONLY_128, measure_both, M(many_selected) },

	{ &waited, "msgslot last: by one file that listens", ONLY_128, weigh_waiting,
	  M(one_listener) },
	{ &waited, "msgslot last: by 10 000 files", ONLY_128, weigh_waiting, M(many_selected) },

	{ &at_once, "callers of getppid", ALL, measure_gets_at_once, M(getppid_floor) },
	{ &at_once, "msgslot last: readers of one channel", ALL, measure_gets_at_once, M(last) },
	{ &at_once, "msgslot last: mapped readers of one channel", ALL, measure_gets_at_once,
	  M(last_mapped) },
	{ &at_once, "msgslot last: writers of a channel each", ALL, measure_puts_at_once,
	  M(last_apart) },
	{ &at_once, "msgslot last: the same, one listens", ALL, measure_puts_at_once,
	  M(last_listened) },
	{ &at_once, "tmpfs: readers of one file", ALL, measure_gets_at_once, M(tmpfs) },
};
const int rows_count = sizeof(rows) / sizeof(rows[0]);

/* Mostly shares of another figure, so that a faster kernel cannot hide a loss. */
const struct bound bounds[] = {
	{ "last: read over read /dev/zero",
	  { "msgslot last: read", SMALL },
	  { "read /dev/zero", SMALL },
	  1.22,
	  1.18 },
	{ "last: write over write /dev/null",
	  { "msgslot last: write", SMALL },
	  { "write /dev/null, which copies nothing", SMALL },
	  1.6,
	  1.5 },
	{ "last: read, in instructions", { "msgslot last: read", SMALL }, { 0 }, 860, 0 },
	{ "last: write, in instructions", { "msgslot last: write", SMALL }, { 0 }, 950, 0 },
	{ "last: mapped read over seqlock read",
	  { "msgslot last: mapped read", SMALL },
	  { "seqlock in shared memory: read", SMALL },
	  2,
	  1.7 },
	{ "broadcast: mapped read over seqlock read",
	  { "msgslot broadcast: mapped read", SMALL },
	  { "seqlock in shared memory: read", SMALL },
	  3,
	  2.2 },
	{ "last: mapped read over read",
	  { "msgslot last: mapped read", SMALL },
	  { "msgslot last: read", SMALL },
	  1. / 9,
	  1. / 13 },
	{ "last: write + read over tmpfs, 4 KiB",
	  { "msgslot last: write + read", 4096 },
	  { "tmpfs: pwrite + pread", 4096 },
	  0.8,
	  0.7 },
	{ "last: write + read over tmpfs, 64 KiB",
	  { "msgslot last: write + read", LONGEST },
	  { "tmpfs: pwrite + pread", LONGEST },
	  0.7,
	  0.55 },
	{ "last: write + read over a module full of printk",
	  { "msgslot last: write + read", SMALL },
	  { "a module full of printk (kept, not run)", SMALL },
	  1. / 7,
	  1. / 8 },

	{ "queue: write + read over POSIX mq",
	  { "msgslot queue: write + read", SMALL },
	  { "POSIX mq: send + receive", SMALL },
	  0.68,
	  0.65 },
	{ "queue: write + read over pipe",
	  { "msgslot queue: write + read", SMALL },
	  { "pipe: write + read", SMALL },
	  0.77,
	  0.73 },
	{ "queue: write + read, in instructions",
	  { "msgslot queue: write + read", SMALL },
	  { 0 },
	  1900,
	  0 },
	{ "queue: SEND + RECV, in instructions",
	  { "msgslot queue: SEND + RECV", SMALL },
	  { 0 },
	  2250,
	  0 },
	{ "queue: SEND of many, in instructions",
	  { "msgslot queue: SEND, many", SMALL },
	  { 0 },
	  450,
	  300 },
	{ "queue: RECV of many, in instructions",
	  { "msgslot queue: RECV, many", SMALL },
	  { 0 },
	  350,
	  220 },
	{ "queue: SEND of many over sendmmsg",
	  { "msgslot queue: SEND, many", SMALL },
	  { "unix dgram: sendmmsg", SMALL },
	  0.2,
	  0.12 },
	{ "queue: RECV of many over recvmmsg",
	  { "msgslot queue: RECV, many", SMALL },
	  { "unix dgram: recvmmsg", SMALL },
	  0.2,
	  0.12 },
	{ "queue: sleeping round trip over pipes",
	  { "msgslot queues", SMALL },
	  { "pipes", SMALL },
	  0.92,
	  0.82 },
	{ "queue: sleeping round trip over POSIX mqs",
	  { "msgslot queues", SMALL },
	  { "POSIX mqs", SMALL },
	  1.1,
	  0.98 },
	{ "queue: round trip over pipes, both always sleep",
	  { "msgslot queues, both always sleep", SMALL },
	  { "pipes, both always sleep", SMALL },
	  1,
	  0.92 },

	{ "broadcast: write to 64 awake over to 1",
	  { "msgslot broadcast: write", 64 },
	  { "msgslot broadcast: write", 1 },
	  1.02,
	  1 },
	{ "broadcast: the same where all have polled",
	  { "msgslot broadcast: write, all have polled", 64 },
	  { "msgslot broadcast: write", 1 },
	  1.05,
	  0 },
	{ "broadcast: the same where all have left an epoll",
	  { "msgslot broadcast: write, all have left epoll", 64 },
	  { "msgslot broadcast: write", 1 },
	  1.05,
	  0 },
	{ "broadcast: read, in instructions", { "msgslot broadcast: read", 64 }, { 0 }, 960, 0 },
	{ "last: memory, a listener over files",
	  { "msgslot last: by one file that listens", SMALL },
	  { "msgslot last: by 10 000 files", SMALL },
	  0.01,
	  0 },
	{ "broadcast: write, 64 reads over 64 POSIX mqs",
	  { "msgslot broadcast: write, all read", 64 },
	  { "POSIX mqs: send to all, all receive", 64 },
	  0.37,
	  0.34 },
	{ "broadcast: write, 64 mapped reads over 64 POSIX mqs",
	  { "msgslot broadcast: write, all read mapped", 64 },
	  { "POSIX mqs: send to all, all receive", 64 },
	  0.04,
	  0.03 },
	{ "broadcast: waking 32 over 32 eventfd writes",
	  { "msgslot broadcast: one write", 32 },
	  { "eventfds: a write each", 32 },
	  0.75,
	  0.68 },

	{ "last: among 1 000 000 channels over among 2",
	  { "msgslot last, ids in order", 1000000 },
	  { "msgslot last, ids in order", 2 },
	  1.3,
	  1.1 },
	{ "last: bytes a channel that keeps 16",
	  { "msgslot last, ids in order: a channel", 1000000 },
	  { 0 },
	  384,
	  256 },

	{ "last: two readers on two processors",
	  { "msgslot last: readers of one channel", 2 },
	  { 0 },
	  1.5,
	  1.9 },
	{ "last: two writers on two processors",
	  { "msgslot last: writers of a channel each", 2 },
	  { 0 },
	  1.5,
	  1.9 },
	{ "last: two writers on two processors, one listens",
	  { "msgslot last: the same, one listens", 2 },
	  { 0 },
	  1.3,
	  1.6 },
};
const int bounds_count = sizeof(bounds) / sizeof(bounds[0]);
