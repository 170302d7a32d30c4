// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compare and set in `last` (MSGSLOT_SEND_IF): a caller that knows the newest message may replace
 * it.  Of many callers that know the same one, exactly one replaces it.
 */
#define _GNU_SOURCE
#include "ioctl.h"

/* Sends only if @expected is the newest; its number, or -1. */
static long long send_if(int fd, unsigned int channel, uint64_t expected, const void *message,
			 size_t length)
{
	struct msgslot_send send = send_of(channel, message, length);

	send.flags = MSGSLOT_SEND_IF;
	send.expected = expected;
	return ioctl(fd, MSGSLOT_SEND, &send) ? -1 : (long long)send.sequence;
}

static void only_the_newest_is_expected(void **state)
{
	const uint64_t stale[] = { 0, 1, 3, 4, 1ull << 32, 2 + (1ull << 32), UINT64_MAX };
	int fd = own_open(O_RDWR);
	size_t i;

	(void)state;
	for (i = 1; i < COUNT_OF(stale); i++)
		assert_fails(send_if(fd, 1, stale[i], "no", 2), ESTALE);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(send_if(fd, 1, 0, "first", 5), 1);
	assert_result(send_if(fd, 1, 1, "second", 6), 2);
	for (i = 0; i < COUNT_OF(stale); i++) {
		assert_fails(send_if(fd, 1, stale[i], "no", 2), ESTALE);
		assert_receives(fd, 1, 0, 0, 2, "second");
	}
	assert_result(slot_get(OWN, "sent"), 2);
	assert_result(slot_get(OWN, "dropped"), 0);
	/* A plain write() compares nothing, and all others notice it. */
	assert_result(slot_select(fd, 1), 0);
	assert_result(write(fd, "third", 5), 5);
	assert_fails(send_if(fd, 1, 2, "no", 2), ESTALE);
	assert_result(send_if(fd, 1, 3, "fourth", 6), 4);
	/* The same bytes are another message. */
	assert_result(send_if(fd, 1, 4, "fourth", 6), 5);
	assert_fails(send_if(fd, 1, 4, "fourth", 6), ESTALE);
}

static void an_empty_channel_is_0(void **state)
{
	int fd = own_open(O_RDWR), holder;

	(void)state;
	/* Held by a file, but empty. */
	holder = own_open_on(O_RDONLY, 1);
	assert_result(send_if(fd, 1, 0, "first", 5), 1);
	assert_result(clear_channel(fd, 1), 1);
	assert_fails(send_if(fd, 1, 1, "no", 2), ESTALE);
	assert_result(send_if(fd, 1, 0, "second", 6), 2);
	/* Forgotten, and come again. */
	assert_result(clear_channel(fd, 1), 1);
	assert_result(slot_select(holder, 9), 0);
	assert_fails(send_if(fd, 1, 2, "no", 2), ESTALE);
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(send_if(fd, 1, 0, "third", 5), 3);
}

static void errors_come_in_order(void **state)
{
	int fd = own_open(O_RDWR);

	(void)state;
	assert_result(send_if(fd, 1, 0, "kept", 4), 1);
	assert_fails(send_if(fd, 0, 7, null, 0), EINVAL);
	assert_fails(send_if(fd, 1, 7, null, 0), EMSGSIZE);
	assert_fails(send_if(fd, 1, 7, null, 4), EINVAL);
	assert_fails(send_if(fd, 1, 7, nowhere, 4), EFAULT);
	assert_fails(send_if(fd, 1, 7, "lost", 4), ESTALE);
	assert_receives(fd, 1, 0, 0, 1, "kept");
	/* Also where there is no message yet, before the limits; and nothing is kept for it. */
	assert_result(slot_select(fd, 2), 0);
	assert_fails(send_if(fd, 2, 7, "lost", 4), ESTALE);
	assert_result(slot_set(OWN, "max_bytes", slot_get(OWN, "bytes")), 0);
	assert_fails(send_if(fd, 2, 7, "lost", 4), ESTALE);
	assert_fails(send_if(fd, 2, 0, "lost", 4), ENOSPC);
	own_become("queue");
	fd = own_open(O_RDWR);
	assert_fails(send_if(fd, 1, 0, "text", 4), EOPNOTSUPP);
	own_become("broadcast");
	fd = own_open(O_RDWR);
	assert_fails(send_if(fd, 1, 0, "text", 4), EOPNOTSUPP);
	assert_fails(send_if(fd, 1, 0, null, 0), EOPNOTSUPP);
}

/* Threads and processes that count in one channel, each adding one to what it found. */
enum { COUNTERS = 6 };

static void *count(void *argument)
{
	long rounds = scaled(2000, 150), value;
	struct msgslot_recv recv;
	int fd = argument ? *(int *)argument : slot_open(OWN, O_RDWR);

	demand(fd >= 0);
	while (rounds) {
		recv = recv_of(1, 0, &value, sizeof(value));
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
		demand(recv.length == sizeof(value));
		/* Every message was one more than the one before, and so its number tells it. */
		demand(recv.sequence == (uint64_t)value + 1);
		value++;
		if (send_if(fd, 1, recv.sequence, &value, sizeof(value)) > 0)
			rounds--;
		else
			demand(errno == ESTALE);
	}
	return NULL;
}

static void no_increment_is_lost(void **state)
{
	long value = 0, rounds = scaled(2000, 150);
	pthread_t threads[COUNTERS / 2];
	pid_t children[COUNTERS / 2];
	int shared = own_open(O_RDWR), i;
	struct msgslot_recv recv;

	(void)state;
	assert_result(send_if(shared, 1, 0, &value, sizeof(value)), 1);
	for (i = 0; i < COUNTERS / 2; i++)
		children[i] = child_start(NULL, count, NULL);
	for (i = 0; i < COUNTERS / 2; i++)
		threads[i] = thread_start(count, i % 2 ? &shared : NULL);
	for (i = 0; i < COUNTERS / 2; i++)
		child_join(children[i]);
	for (i = 0; i < COUNTERS / 2; i++)
		thread_join(threads[i]);
	recv = recv_of(1, 0, &value, sizeof(value));
	assert_result(ioctl(shared, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(value, COUNTERS * rounds);
	assert_int_equal(recv.sequence, COUNTERS * rounds + 1);
	assert_result(slot_get(OWN, "sent"), COUNTERS * rounds + 1);
}

/*
 * A lock: its message is the pid of the holder.  A process that finds 0, or no message, writes its
 * own pid; the holder writes 0.  Outside of the slot a plain counter shows whether two processes
 * held it at once.
 */
struct lock {
	long turns;
	long holders;
};

static void *take_lock_often(void *argument)
{
	struct lock *lock = argument;
	long turns = scaled(100, 20);
	int fd = slot_open(OWN, O_RDWR);
	uint64_t newest = 0;
	pid_t me = getpid();

	demand(fd >= 0);
	while (turns) {
		pid_t holder = 0;
		struct msgslot_recv recv = recv_of(1, 0, &holder, sizeof(holder));
		long long mine;

		if (ioctl(fd, MSGSLOT_RECV, &recv) == 0)
			newest = recv.sequence;
		else
			demand(errno == EAGAIN && newest == 0);
		if (holder) {
			/* Taken: until there is news. */
			recv = recv_of(1, MSGSLOT_RECV_NEWER, &holder, sizeof(holder));
			recv.sequence = newest;
			recv.timeout = -1;
			demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
			continue;
		}
		mine = send_if(fd, 1, newest, &me, sizeof(me));
		if (mine < 0) {
			demand(errno == ESTALE);
			continue;
		}
		demand(__atomic_add_fetch(&lock->holders, 1, __ATOMIC_SEQ_CST) == 1);
		lock->turns++;
		turns--;
		demand(__atomic_sub_fetch(&lock->holders, 1, __ATOMIC_SEQ_CST) == 0);
		/* Nobody writes while it is held. */
		demand(send_if(fd, 1, mine, &(pid_t){ 0 }, sizeof(me)) == mine + 1);
	}
	return NULL;
}

static void one_holds_the_lock_at_a_time(void **state)
{
	struct lock *lock = shared_for_test(sizeof(*lock));
	pid_t children[4];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(children); i++)
		children[i] = child_start(NULL, take_lock_often, lock);
	for (i = 0; i < COUNT_OF(children); i++)
		child_join(children[i]);
	assert_int_equal(lock->turns, COUNT_OF(children) * scaled(100, 20));
	assert_int_equal(lock->holders, 0);
	munmap(lock, sizeof(*lock));
}

/* Of many writers that find nothing there, one is the first, on every channel. */
static void *be_the_first(void *argument)
{
	long channels = scaled(1000, 100), *won = argument, id;
	int fd = slot_open(OWN, O_RDWR);

	demand(fd >= 0);
	for (id = 1; id <= channels; id++)
		if (send_if(fd, id, 0, "I was", 5) == 1)
			++*won;
		else
			demand(errno == ESTALE);
	close(fd);
	return NULL;
}

static void one_is_the_first(void **state)
{
	long won[4] = { 0 }, channels = scaled(1000, 100);
	pthread_t threads[4];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(threads); i++)
		threads[i] = thread_start(be_the_first, &won[i]);
	for (i = 0; i < COUNT_OF(threads); i++)
		thread_join(threads[i]);
	assert_int_equal(won[0] + won[1] + won[2] + won[3], channels);
	assert_result(slot_get(OWN, "messages"), channels);
	assert_result(slot_get(OWN, "sent"), channels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(only_the_newest_is_expected),  own_slot_test(an_empty_channel_is_0),
		own_slot_test(errors_come_in_order),	     own_slot_test(no_increment_is_lost),
		own_slot_test(one_holds_the_lock_at_a_time), own_slot_test(one_is_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
