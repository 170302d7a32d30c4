// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writers of short and of long messages on a mapped channel at once: they go into the map by two
 * different ways, which must not get into each other's.
 */
#define _GNU_SOURCE
#include "map.h"

enum { CHANNEL = 5, WRITERS = 3, LONG = 3000, DEPTH = 64 };

/* What a message begins with; the rest of it is @fill all over. */
struct stamp {
	unsigned short writer, length;
	unsigned int count;
	unsigned char fill;
};

static struct {
	const struct msgslot_map_head *head;
	volatile bool stop;
	long count;
} race;

/* Checks a message; what each writer sent last is never newer than what it sends next. */
static void *check_whole(const unsigned char *bytes, long length, unsigned int *newest)
{
	struct stamp stamp;
	long i;

	demand(length >= (long)sizeof(stamp));
	memcpy(&stamp, bytes, sizeof(stamp));
	demand(stamp.length == length && stamp.writer < WRITERS);
	for (i = sizeof(stamp); i < length; i++)
		demand(bytes[i] == stamp.fill);
	demand(stamp.count >= newest[stamp.writer]);
	newest[stamp.writer] = stamp.count;
	return NULL;
}

static void *read_in_order(void *unused)
{
	void *complaint = NULL;
	unsigned int newest[WRITERS] = { 0 };
	unsigned char bytes[LONG];
	__u64 cursor = 0, before = 0;
	long length;

	(void)unused;
	while (!race.stop && !complaint) {
		length = msgslot_map_copy(race.head, &cursor, bytes, sizeof(bytes));
		if (length <= 0)
			continue;
		demand(cursor >= before);
		complaint = check_whole(bytes, length, newest);
		before = ++cursor;
	}
	return complaint;
}

/* The first writes short messages, the last long ones, and the others now this, now that. */
static void *write_stamped(void *argument)
{
	unsigned short writer = (unsigned short)(uintptr_t)argument;
	struct stamp stamp = { .writer = writer };
	uint64_t dice = writer + 1;
	unsigned char bytes[LONG];
	int fd = slot_open_on(OWN, O_WRONLY, CHANNEL);
	bool is_long;

	demand(fd >= 0);
	for (stamp.count = 1; stamp.count <= race.count; stamp.count++) {
		is_long = writer == WRITERS - 1 || (writer && random_below(&dice, 2));
		stamp.fill = (unsigned char)random_below(&dice, 256);
		stamp.length = (unsigned short)(is_long ? 257 + random_below(&dice, LONG - 257) :
							  sizeof(stamp) + random_below(&dice, 200));
		memset(bytes, stamp.fill, stamp.length);
		memcpy(bytes, &stamp, sizeof(stamp));
		demand(write(fd, bytes, stamp.length) == stamp.length);
	}
	close(fd);
	return NULL;
}

/* Afterwards the map keeps what the channel does, message by message. */
static void compare(int fd)
{
	unsigned char mapped[LONG], kept[LONG];
	struct msgslot_recv recv;
	__u64 cursor = 0;
	long length;

	for (;;) {
		recv = recv_of(CHANNEL, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, kept, sizeof(kept));
		recv.sequence = cursor ? cursor - 1 : 0;
		length = msgslot_map_copy(race.head, &cursor, mapped, sizeof(mapped));
		if (!length)
			break;
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(cursor, recv.sequence);
		assert_int_equal(length, recv.length);
		assert_memory_equal(mapped, kept, length);
		cursor++;
	}
	assert_int_equal(cursor, race.head->next);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EAGAIN);
}

static void short_beside_long(void **state)
{
	const char *const modes[] = { MSGSLOT_MODE_LAST, MSGSLOT_MODE_BROADCAST };
	pthread_t writers[WRITERS], reader;
	size_t mode, i;
	int fd;

	(void)state;
	race.count = scaled(20000, 500);
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		if (mode)
			assert_result(slot_set(OWN, "depth", DEPTH), 0);
		assert_result(slot_set(OWN, "max_message", LONG), 0);
		assert_result(nodes_settle(), 0);
		fd = own_open_on(O_RDWR, CHANNEL);
		race.head = map_of(fd);
		race.stop = false;
		reader = thread_start(read_in_order, NULL);
		for (i = 0; i < WRITERS; i++)
			writers[i] = thread_start(write_stamped, (void *)i);
		for (i = 0; i < WRITERS; i++)
			thread_join(writers[i]);
		race.stop = true;
		thread_join(reader);
		compare(fd);
		unmap(race.head);
		close(fd);
		own.count--;
	}
}

static void *map_again_and_again(void *unused)
{
	int fd = slot_open_on(OWN, O_RDWR, CHANNEL);

	(void)unused;
	demand(fd >= 0);
	while (!race.stop)
		unmap(map_of(fd));
	close(fd);
	return NULL;
}

/* A map that another process has just made, and is filling, has the message, or is busy. */
static void mapped_while_it_is_filled(void **state)
{
	enum { MIB = 1024 * 1024 };
	long rounds = scaled(3000, 200);
	const struct msgslot_map_head *head;
	static char text[MIB], got[64];
	pthread_t mapper;
	__u64 sequence;
	int fd;

	(void)state;
	own_become("last");
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	fd = own_open_on(O_RDWR, CHANNEL);
	assert_result(write(fd, text, MIB), MIB);
	race.stop = false;
	mapper = thread_start(map_again_and_again, NULL);
	while (rounds--) {
		head = map_of(fd);
		sequence = 0;
		assert_true(msgslot_map_copy(head, &sequence, got, sizeof(got)) != 0);
		assert_int_equal(head->next - head->first, 1);
		unmap(head);
	}
	race.stop = true;
	thread_join(mapper);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(short_beside_long),
		own_slot_test(mapped_while_it_is_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
