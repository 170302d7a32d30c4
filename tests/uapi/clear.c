// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSGSLOT_CLEAR: all messages of a channel go, their memory with them.  Numbers go on, waiting
 * writers write, readers in `broadcast` are told.
 */
#define _GNU_SOURCE
#include "ioctl.h"

static char long_text[65536];

/* Only if @newest is the newest; how many messages there were, or -1. */
static long long clear_if(int fd, unsigned int channel, uint64_t newest)
{
	struct msgslot_clear clear = { .channel = channel,
				       .flags = MSGSLOT_CLEAR_IF,
				       .sequence = newest };

	return ioctl(fd, MSGSLOT_CLEAR, &clear) ? -1 : (long long)clear.messages;
}

static void all_messages_go_and_numbers_go_on(void **state)
{
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd, other;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		other = own_open(O_WRONLY);
		for (i = 1; i <= 5; i++)
			assert_result(send_text(fd, 1, "text"), i);
		assert_result(send_text(fd, 2, "other"), 1);
		assert_result(clear_channel(other, 1), mode ? 5 : 1);
		assert_result(slot_get(OWN, "messages"), 1);
		assert_result(clear_channel(other, 1), 0);
		assert_receives_nothing(fd, 1, 0, 0, EAGAIN);
		assert_result(send_text(fd, 1, "next"), 6);
		assert_receives(fd, 1, 0, 0, 6, "next");
		/* What nobody holds is forgotten once it is empty, and numbers go on even so. */
		assert_result(clear_channel(other, 2), 1);
		assert_result(slot_get(OWN, "channels"), 1);
		assert_true(send_text(fd, 2, "again") > 1);
	}
}

/* A channel that is not there is empty, and stays away. */
static void nothing_to_clear(void **state)
{
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open(O_WRONLY);
		assert_result(slot_set(OWN, "max_channels", 0), 0);
		assert_result(clear_channel(fd, 5), 0);
		assert_result(clear_if(fd, 5, 0), 0);
		assert_fails(clear_if(fd, 5, 1), ESTALE);
		assert_result(clear_channel(fd, 4294967295u), 0);
		assert_result(slot_get(OWN, "channels"), 0);
	}
}

static void only_what_is_expected(void **state)
{
	const uint64_t stale[] = { 0, 1, 2, 4, 3 + (1ull << 32), UINT64_MAX };
	size_t mode, i;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		assert_result(clear_if(fd, 1, 0), 0);
		for (i = 1; i <= 3; i++)
			assert_result(send_text(fd, 1, "text"), i);
		for (i = 0; i < COUNT_OF(stale); i++)
			assert_fails(clear_if(fd, 1, stale[i]), ESTALE);
		assert_result(slot_get(OWN, "messages"), mode ? 3 : 1);
		assert_result(clear_if(fd, 1, 3), mode ? 3 : 1);
		/* Empty, whatever its last number was. */
		assert_fails(clear_if(fd, 1, 3), ESTALE);
		assert_result(clear_if(fd, 1, 0), 0);
	}
}

static void errors_come_in_order(void **state)
{
	struct msgslot_clear clear = { .flags = 1u << 31, .sequence = 9 }, *fixed;
	int fd = own_open(O_RDWR), reader = own_open(O_RDONLY);

	(void)state;
	assert_result(send_text(fd, 1, "stays"), 1);
	assert_fails(ioctl(reader, MSGSLOT_CLEAR, &clear), EINVAL);
	clear.flags = MSGSLOT_CLEAR_IF;
	assert_fails(ioctl(reader, MSGSLOT_CLEAR, &clear), EBADF);
	assert_fails(ioctl(fd, MSGSLOT_CLEAR, &clear), EINVAL);
	clear.channel = 1;
	assert_fails(ioctl(fd, MSGSLOT_CLEAR, &clear), ESTALE);
	/* Where the answer cannot be written nothing is cleared. */
	fixed = (void *)edge_new(sizeof(*fixed), PROT_READ | PROT_WRITE);
	*fixed = clear;
	fixed->flags = 0;
	assert_result(mprotect((void *)((uintptr_t)fixed & ~4095ul), 4096, PROT_READ), 0);
	assert_fails(ioctl(fd, MSGSLOT_CLEAR, fixed), EFAULT);
	edge_free((char *)fixed, sizeof(*fixed));
	assert_receives(fd, 1, 0, 0, 1, "stays");
	clear.sequence = 1;
	assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
	assert_int_equal(clear.messages, 1);
	assert_result(slot_destroy(OWN), 0);
	clear.flags = -1u;
	assert_fails(ioctl(reader, MSGSLOT_CLEAR, &clear), ENODEV);
	assert_result(slot_create(OWN, "last"), 0);
}

static void memory_returns(void **state)
{
	long count = scaled(200, 20), i;
	long long none;
	size_t mode;

	(void)state;
	bytes_fill(long_text, sizeof(long_text), 1);
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		struct msgslot_send send = send_of(1, long_text, sizeof(long_text));
		int fd;

		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", sizeof(long_text)), 0);
		fd = own_open(O_RDWR);
		none = slot_get(OWN, "bytes");
		for (i = 1; i <= count; i++) {
			send.channel = mode ? 1 : i;
			assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
		}
		assert_true(slot_get(OWN, "bytes") >= count * (long)sizeof(long_text));
		for (i = 1; i <= (mode ? 1 : count); i++)
			assert_result(clear_channel(fd, i), mode ? count : 1);
		assert_result(slot_get(OWN, "bytes"), none);
		assert_result(slot_get(OWN, "messages"), 0);
	}
}

/* Writers of both kinds, asleep before a full channel: all of them write, as there is space now. */
static void waiting_writers_write(void **state)
{
	const char *const full[] = { "queue", "broadcast" };
	enum { SLEEPERS = 4 };
	struct caller callers[SLEEPERS];
	struct msgslot_send send[SLEEPERS];
	struct msgslot_recv recv;
	char text[COURSE_MAX];
	int fd, reader, i;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(full); mode++) {
		own_become(full[mode]);
		assert_result(slot_set(OWN, "depth", SLEEPERS), 0);
		if (mode)
			assert_result(slot_put(OWN, "overflow", "block\n"), 0);
		reader = own_open_on(O_RDONLY, 1);
		fd = own_open_on(O_WRONLY, 1);
		for (i = 0; i < SLEEPERS; i++)
			assert_result(send_text(fd, 1, "old"), 1 + i);
		for (i = 0; i < SLEEPERS; i++) {
			send[i] = send_of(1, "newer", 5);
			send[i].timeout = -1;
			if (i % 2)
				caller_start(&callers[i], call_send, fd, &send[i]);
			else
				caller_start(&callers[i], call_write, fd, "newer");
		}
		assert_result(clear_channel(fd, 1), SLEEPERS);
		for (i = 0; i < SLEEPERS; i++)
			assert_result(caller_end(&callers[i]), i % 2 ? 0 : 5);
		for (i = 0; i < SLEEPERS; i++) {
			recv = recv_of(1, 0, text, sizeof(text));
			assert_result(ioctl(reader, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.sequence, SLEEPERS + 1 + i);
			assert_int_equal(recv.length, 5);
			assert_int_equal(recv.lost, mode ? SLEEPERS : 0);
		}
		assert_receives_nothing(reader, 1, 0, 0, EAGAIN);
	}
}

static void readers_of_a_broadcast_channel_are_told(void **state)
{
	int fd, plain, receiver, seen;
	struct msgslot_recv recv;
	char got[COURSE_MAX];
	int i;

	(void)state;
	own_become("broadcast");
	fd = own_open(O_WRONLY);
	plain = own_open_on(O_RDONLY, 1);
	receiver = own_open_on(O_RDONLY, 1);
	seen = own_open_on(O_RDONLY, 1);
	for (i = 1; i <= 3; i++) {
		assert_result(send_text(fd, 1, "text"), i);
		assert_result(read(seen, got, sizeof(got)), 4);
	}
	assert_result(clear_channel(fd, 1), 3);
	assert_fails(read(plain, got, sizeof(got)), ENOBUFS);
	assert_receives_nothing(plain, 1, 0, 0, EAGAIN);
	assert_result(send_text(fd, 1, "fourth"), 4);
	recv = assert_receives(plain, 1, 0, 0, 4, "fourth");
	assert_int_equal(recv.lost, 3);
	recv = assert_receives(receiver, 1, 0, 0, 4, "fourth");
	assert_int_equal(recv.lost, 3);
	/* A reader that had read them has lost nothing. */
	recv = assert_receives(seen, 1, 0, 0, 4, "fourth");
	assert_int_equal(recv.lost, 0);
	assert_result(slot_get(OWN, "dropped"), 6);
}

/* In `queue` a message that was cleared is one that nobody will get. */
static void the_figures_tell(void **state)
{
	int fd;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR);
	assert_result(send_text(fd, 1, "one"), 1);
	assert_result(send_text(fd, 1, "two"), 2);
	assert_result(send_text(fd, 1, "three"), 3);
	assert_receives(fd, 1, 0, 0, 1, "one");
	assert_result(clear_channel(fd, 1), 2);
	assert_result(slot_get(OWN, "sent"), 3);
	assert_result(slot_get(OWN, "received"), 1);
	assert_result(slot_get(OWN, "dropped"), 2);
	assert_result(slot_get(OWN, "messages"), 0);
}

/* Clearing is no message: a reader that waits for one goes on waiting. */
static void waiting_readers_wait_on(void **state)
{
	char got[COURSE_MAX];
	struct caller caller;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		struct msgslot_recv recv = recv_of(1, 0, got, sizeof(got));
		int fd;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		recv.timeout = -1;
		caller_start(&caller, call_recv, fd, &recv);
		assert_result(clear_channel(fd, 1), 0);
		caller_must_sleep(&caller);
		assert_result(send_text(fd, 1, "one"), 1);
		assert_result(caller_end(&caller), 0);
		assert_int_equal(recv.sequence, 1);
	}
}

/* Senders, takers and one clearing caller, all at once: each message goes one way, and no other. */
static volatile bool enough;

static void *send_many(void *unused)
{
	int fd = slot_open(OWN, O_WRONLY);
	long count = scaled(3000, 200), i;
	struct msgslot_send send;

	(void)unused;
	demand(fd >= 0);
	for (i = 0; i < count; i++) {
		send = send_of(1, long_text, 1 + i % 600);
		send.timeout = -1;
		demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
	}
	close(fd);
	return NULL;
}

static void *take_many(void *argument)
{
	int fd = slot_open(OWN, O_RDONLY);
	uint64_t newest = 0;
	char bytes[600];

	demand(fd >= 0);
	for (;;) {
		struct msgslot_recv recv = recv_of(1, 0, bytes, sizeof(bytes));
		bool last_round = enough;

		if (ioctl(fd, MSGSLOT_RECV, &recv) == 0) {
			demand(recv.sequence > newest);
			demand(!memcmp(bytes, long_text, recv.length));
			newest = recv.sequence;
			++*(long *)argument;
			continue;
		}
		demand(errno == EAGAIN);
		if (last_round)
			break;
		usleep(100);
	}
	close(fd);
	return NULL;
}

static void cleared_under_traffic(void **state)
{
	pthread_t senders[2], takers[2];
	long taken[2] = { 0 }, cleared = 0, rounds = scaled(200, 20);
	int fd, i;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 16), 0);
	bytes_fill(long_text, sizeof(long_text), 2);
	fd = own_open(O_WRONLY);
	enough = false;
	for (i = 0; i < 2; i++) {
		senders[i] = thread_start(send_many, NULL);
		takers[i] = thread_start(take_many, &taken[i]);
	}
	while (rounds--) {
		cleared += clear_channel(fd, 1);
		usleep(500);
	}
	for (i = 0; i < 2; i++)
		thread_join(senders[i]);
	enough = true;
	for (i = 0; i < 2; i++)
		thread_join(takers[i]);
	assert_int_equal(cleared + taken[0] + taken[1], 2 * scaled(3000, 200));
	assert_result(slot_get(OWN, "dropped"), cleared);
	assert_result(slot_get(OWN, "received"), taken[0] + taken[1]);
	assert_result(slot_get(OWN, "messages"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(all_messages_go_and_numbers_go_on),
		own_slot_test(nothing_to_clear),
		own_slot_test(only_what_is_expected),
		own_slot_test(errors_come_in_order),
		own_slot_test(memory_returns),
		own_slot_test(waiting_writers_write),
		own_slot_test(readers_of_a_broadcast_channel_are_told),
		own_slot_test(the_figures_tell),
		own_slot_test(waiting_readers_wait_on),
		own_slot_test(cleared_under_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
