// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What poll() says of a file that listens is what a receive does next: after any messages, clears,
 * takes and losses, in the range and beside it, whatever the file heard before.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "listen.h"

enum { CHANNELS = 8, FIRST = 3, LAST = 6, LONG = 300 };

static char got[LONG];

static bool is_readable(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	int count = poll(&one, 1, 0);

	assert_true(count == 0 || count == 1);
	return count;
}

/* A receive finds what poll() promised, or tells a loss; and poll() promises what there is. */
static void assert_told(int fd, bool looks, bool may_lose)
{
	struct msgslot_recv recv = recv_of(0, RANGE | (looks ? MSGSLOT_RECV_PEEK : 0), got, LONG);
	bool readable = is_readable(fd);
	int result = ioctl(fd, MSGSLOT_RECV, &recv);
	int waiting = 0;

	if (result == 0) {
		assert_true(readable);
		assert_in_range(recv.channel, FIRST, LAST);
		return;
	}
	assert_int_equal(errno, EAGAIN);
	assert_true(!readable || may_lose);
	/* A look leaves the loss to be told; else it is told with the next message. */
	assert_int_equal(is_readable(fd), readable && looks);
	if (!looks)
		assert_fails(read(fd, got, LONG), EAGAIN);
	assert_result(ioctl(fd, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
}

static void poll_is_as_good_as_a_receive(void **state)
{
	uint64_t seed = seed_get();
	size_t mode;
	long round;
	int fd, other, step;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", LONG), 0);
		assert_result(slot_set(OWN, "feed_depth", 16), 0);
		if (mode == 2)
			assert_result(slot_set(OWN, "depth", 2), 0);
		for (round = 0; round < scaled(400, 60); round++) {
			other = own_open(O_RDWR | O_NONBLOCK);
			fd = own_open_listening(O_RDONLY | O_NONBLOCK, FIRST, LAST);
			for (step = 0; step < 60; step++) {
				unsigned int id = 1 + random_next(&seed) % CHANNELS;
				struct msgslot_send send =
					send_of(id, got, random_next(&seed) % 4 ? 9 : LONG);
				struct msgslot_clear clear = { .channel = id };
				struct msgslot_recv recv = recv_of(id, 0, got, LONG);

				switch (random_next(&seed) % 8) {
				case 0:
					assert_result(ioctl(other, MSGSLOT_CLEAR, &clear), 0);
					break;
				case 1:
					if (mode == 1)
						(void)ioctl(other, MSGSLOT_RECV, &recv);
					break;
				case 2:
				case 3:
					assert_told(fd, random_next(&seed) % 2, mode == 2);
					break;
				default:
					assert_result(ioctl(other, MSGSLOT_SEND, &send), 0);
				}
			}
			assert_told(fd, false, mode == 2);
			close(fd);
			close(other);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { own_slot_test(poll_is_as_good_as_a_receive) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
