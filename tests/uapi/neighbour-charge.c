// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A user is charged for what that user keeps alive, and for nothing else: channels, maps and rings
 * move to another when the user that was charged leaves.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include "map.h"
#include "own-as.h"

/* One user goes from channel to channel, and another user keeps each of them. */
static void channels_are_charged_to_holders(void **state)
{
	enum { CHANNELS = 150 };
	struct msgslot_info info;
	int first, id;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 256), 0);
	first = own_open_as("member", O_RDWR);
	for (id = 1; id <= CHANNELS; id++) {
		assert_result(slot_select(first, id), 0);
		own_open_on(O_RDWR, id);
	}
	assert_result(ioctl(first, MSGSLOT_INFO, &info), 0);
	assert_in_range(info.share_channels, 0, 1);
	assert_result(slot_get(OWN, "channels"), CHANNELS);
}

/* The user that mapped first unmaps; then the other user that has it mapped is charged. */
static void a_map_is_charged_to_a_user_that_has_it(void **state)
{
	const struct msgslot_map_head *one, *two;
	struct msgslot_info info;
	int first, second;

	(void)state;
	first = own_open_as("member", O_RDWR);
	second = own_open_as("member2", O_RDWR);
	assert_result(slot_select(first, 1), 0);
	assert_result(slot_select(second, 1), 0);
	one = map_of(first);
	two = map_of(second);
	info = info_of(first);
	assert_int_equal(info.share_bytes, two->size);
	unmap(one);
	info = info_of(first);
	assert_int_equal(info.share_bytes, 0);
	info = info_of(second);
	assert_int_equal(info.share_bytes, two->size);
	unmap(two);
	info = info_of(second);
	assert_int_equal(info.share_bytes, 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* A ring that one user made large is the other's when only that one's messages are in it. */
static void a_ring_is_charged_to_whose_messages_it_has(void **state)
{
	int first, second, i;

	(void)state;
	own_become("queue");
	first = own_open_as("member", O_RDWR | O_NONBLOCK);
	second = own_open_as("member2", O_RDWR | O_NONBLOCK);
	for (i = 0; i < 100; i++)
		assert_result(write(first, "first", 5), 5);
	assert_true(info_of(first).share_bytes > 0);
	assert_result(write(second, "second", 6), 6);
	/* Even if nobody writes any more, and the other one has no file there. */
	own_close(second);
	for (i = 0; i < 100; i++)
		assert_result(read(first, got, sizeof(got)), 5);
	assert_int_equal(info_of(first).share_bytes, 0);
	second = own_open_as("member2", O_RDWR | O_NONBLOCK);
	assert_true(info_of(second).share_bytes > 0);
	assert_int_equal(info_of(second).share_bytes, slot_get(OWN, "bytes"));
}

/*
 * In whatever order they come and go: a user is charged for nothing without a message in the queue.
 */
static void a_user_without_message_is_charged_for_nothing(void **state)
{
	enum { USERS = 3, DEPTH = 64 };
	unsigned int sender[DEPTH], of[USERS] = { 0 }, first = 0, next = 0, user, i;
	uint64_t seed;
	int fds[USERS];
	size_t length;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", DEPTH), 0);
	fds[0] = own_open_as("member", O_RDWR | O_NONBLOCK);
	fds[1] = own_open_as("member2", O_RDWR | O_NONBLOCK);
	fds[2] = own_open(O_RDWR | O_NONBLOCK);
	seed = seed_get();
	for (i = 0; i < reduced(20000, 3000, size_is_quick() ? 1500 : 5000); i++) {
		/* It grows to the brim and is emptied, more or less, in turns. */
		if (next - first < DEPTH && random_below(&seed, 8) < (i / 200 % 2 ? 3 : 5)) {
			user = random_below(&seed, USERS);
			length = random_below(&seed, 4) ? random_below(&seed, 200) + 1 :
							  random_below(&seed, 3000) + 1;
			assert_result(write(fds[user], got, length), length);
			sender[next++ % DEPTH] = user;
			of[user]++;
		} else if (first < next) {
			assert_true(read(fds[0], got, sizeof(got)) > 0);
			of[sender[first++ % DEPTH]]--;
		}
		for (user = 0; user < USERS && first < next; user++)
			if (!of[user])
				assert_int_equal(info_of(fds[user]).share_bytes, 0);
	}
}

/*
 * An empty ring is kept for the channel's sake.  It is charged to the users that have the channel,
 * not to a user that only sent there.
 */
static void an_empty_ring_is_charged_to_a_holder(void **state)
{
	int sender, holder, id;
	struct msgslot_send send;

	(void)state;
	own_become("queue");
	sender = own_open_as("member", O_RDWR | O_NONBLOCK);
	for (id = 1; id <= 20; id++) {
		holder = own_open_as("member2", O_RDWR | O_NONBLOCK);
		assert_result(slot_select(holder, id), 0);
		send = send_of(id, "answer", 6);
		assert_result(ioctl(sender, MSGSLOT_SEND, &send), 0);
		assert_result(read(holder, got, sizeof(got)), 6);
		assert_int_equal(info_of(sender).share_bytes, 0);
	}
	assert_int_equal(info_of(holder).share_bytes, slot_get(OWN, "bytes"));
	/* The previous holder no longer has the channel. */
	assert_result(slot_select(sender, 20), 0);
	own_close(holder);
	holder = own_open_as("member2", O_RDWR);
	assert_true(info_of(sender).share_bytes > 0);
	assert_int_equal(info_of(sender).share_bytes + info_of(holder).share_bytes,
			 slot_get(OWN, "bytes"));
}

static void assert_channels(int first, int second, int third, uint32_t a, uint32_t b, uint32_t c)
{
	assert_int_equal(info_of(first).share_channels, a);
	assert_int_equal(info_of(second).share_channels, b);
	assert_int_equal(info_of(third).share_channels, c);
}

/*
 * A channel that no file has selected is charged to a user that has messages in it.  A channel that
 * is selected is charged to one of its files.
 */
static void a_channel_goes_with_messages_and_files(void **state)
{
	int first, second, third;
	struct msgslot_send send;
	struct msgslot_recv recv;

	(void)state;
	own_become("queue");
	first = own_open_as("member", O_RDWR | O_NONBLOCK);
	second = own_open_as("member2", O_RDWR | O_NONBLOCK);
	third = own_open(O_RDWR | O_NONBLOCK);
	send = send_of(5, "message", 7);
	recv = recv_of(5, 0, got, sizeof(got));
	assert_result(ioctl(first, MSGSLOT_SEND, &send), 0);
	assert_result(ioctl(first, MSGSLOT_SEND, &send), 0);
	assert_result(ioctl(third, MSGSLOT_RECV, &recv), 0);
	assert_result(ioctl(second, MSGSLOT_SEND, &send), 0);
	assert_channels(first, second, third, 1, 0, 0);
	/* The first user's last message goes, and the other one's keeps the channel. */
	assert_result(ioctl(third, MSGSLOT_RECV, &recv), 0);
	assert_channels(first, second, third, 0, 1, 0);
	assert_result(slot_select(third, 5), 0);
	assert_channels(first, second, third, 0, 0, 1);
	assert_result(slot_select(first, 5), 0);
	assert_result(slot_select(third, 6), 0);
	assert_channels(first, second, third, 1, 0, 1);
	assert_result(slot_select(first, 6), 0);
	assert_channels(first, second, third, 0, 1, 1);
	while (ioctl(third, MSGSLOT_RECV, &recv) == 0)
		continue;
	assert_int_equal(errno, EAGAIN);
	assert_channels(first, second, third, 0, 0, 1);
	assert_result(slot_get(OWN, "channels"), 1);
}

/* A map keeps its channel, though no file has it selected. */
static void a_channel_goes_with_its_maps(void **state)
{
	const struct msgslot_map_head *one, *two;
	int first, second, third;

	(void)state;
	first = own_open_as("member", O_RDWR);
	second = own_open_as("member2", O_RDWR);
	third = own_open(O_RDWR);
	assert_result(slot_select(first, 1), 0);
	assert_result(slot_select(second, 1), 0);
	one = map_of(first);
	two = map_of(second);
	assert_channels(first, second, third, 1, 0, 0);
	assert_result(slot_select(second, 2), 0);
	assert_result(slot_select(first, 2), 0);
	assert_result(slot_get(OWN, "channels"), 2);
	unmap(one);
	assert_channels(first, second, third, 0, 2, 0);
	unmap(two);
	assert_channels(first, second, third, 0, 1, 0);
	assert_result(slot_get(OWN, "channels"), 1);
}

static void *wait_on_another_channel(void *argument)
{
	struct msgslot_recv recv = recv_of(7, 0, got, sizeof(got));

	recv.timeout = -1;
	demand(ioctl(*(int *)argument, MSGSLOT_RECV, &recv) == 0);
	return NULL;
}

/* So does a call that waits on a channel which its file has not selected. */
static void a_channel_goes_with_a_call_that_waits(void **state)
{
	struct msgslot_send send;
	int first, second, third;
	pthread_t thread;

	(void)state;
	own_become("queue");
	first = own_open_as("member", O_RDWR);
	second = own_open_as("member2", O_RDWR);
	third = own_open(O_RDWR);
	assert_result(slot_select(first, 7), 0);
	thread = thread_start(wait_on_another_channel, &second);
	await(slot_get(OWN, "channels") == 1);
	usleep(paced(100000, 1000000));
	assert_result(slot_select(first, 8), 0);
	assert_channels(first, second, third, 1, 1, 0);
	send = send_of(7, "message", 7);
	assert_result(ioctl(third, MSGSLOT_SEND, &send), 0);
	thread_join(thread);
	assert_channels(first, second, third, 1, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(channels_are_charged_to_holders),
		own_slot_test(a_map_is_charged_to_a_user_that_has_it),
		own_slot_test(a_ring_is_charged_to_whose_messages_it_has),
		own_slot_test(a_user_without_message_is_charged_for_nothing),
		own_slot_test(an_empty_ring_is_charged_to_a_holder),
		own_slot_test(a_channel_goes_with_messages_and_files),
		own_slot_test(a_channel_goes_with_its_maps),
		own_slot_test(a_channel_goes_with_a_call_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
