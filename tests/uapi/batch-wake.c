// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A call that was woken for a message, and returns a batch without that one, leaves no other call
 * asleep that could have it.
 */
#define _GNU_SOURCE
#include "batch.h"
#include "lease.h"
#include "own-as.h"

enum { LONG = 60000, LONGS = 14, SIZE = 1 << 20, TAKEN = 6, OTHER = 5 };

/* What a batch is copied to, and what is given back as soon as its first two messages are there. */
static struct {
	char buffer[SIZE];
	int holder;
	uint64_t leased;
	volatile bool over;
	bool given_back;
} overtaken;

static unsigned int copied_channel(int index)
{
	const volatile struct msgslot_header *header =
		(const void *)(overtaken.buffer + index * batch_align(sizeof(*header) + 1));

	return header->channel;
}

static void *give_back(void *argument)
{
	(void)argument;
	while (!overtaken.over && (copied_channel(0) != OTHER || copied_channel(1) != TAKEN))
		;
	overtaken.given_back = !lease_return(overtaken.holder, TAKEN, overtaken.leased);
	return NULL;
}

/* One message of each of two channels, and then long ones: so the copy takes its time. */
static void send_batch(int fd)
{
	static char bytes[SIZE];
	struct msgslot_header header = { .size = sizeof(header) };
	struct msgslot_send send;
	size_t at = 0;
	int i;

	for (i = 0; i < LONGS + 2; i++) {
		header.length = i < 2 ? 1 : LONG;
		header.channel = !i ? TAKEN : i == 1 ? OTHER : TAKEN + 1;
		memcpy(bytes + at, &header, sizeof(header));
		at += batch_align(sizeof(header) + header.length);
	}
	send = send_of(0, bytes, at);
	send.flags = MSGSLOT_SEND_MANY;
	assert_result(ioctl(fd, MSGSLOT_SEND, &send), LONGS + 2);
}

static void a_batch_that_is_overtaken_once(void)
{
	int fd = own_open_as("member", O_RDWR | O_NONBLOCK), taker, heard[2], i, count;
	struct msgslot_recv batch, recv[2];
	struct caller caller, callers[2];
	char got[2][8];
	pthread_t giver;

	overtaken.holder = own_open_as("member2", O_RDWR | O_NONBLOCK);
	overtaken.over = false;
	memset(overtaken.buffer, 0, sizeof(overtaken.buffer));
	for (i = OTHER; i <= TAKEN + 1; i++)
		clear_channel(fd, i);
	overtaken.leased = send_text(fd, TAKEN, "x");
	assert_receives(overtaken.holder, TAKEN, MSGSLOT_RECV_LEASE, 0, overtaken.leased, "x");
	/* The first that sleeps is the first that is woken. */
	taker = own_open_as("member2", O_RDWR);
	assert_result(listen_to(taker, 0, 99, 0), 0);
	batch = recv_of(0, RANGE | MANY, overtaken.buffer, SIZE);
	batch.timeout = -1;
	caller_start(&caller, call_recv, taker, &batch);
	for (i = 0; i < 2; i++) {
		heard[i] = own_open_as("member", O_RDWR);
		assert_result(listen_to(heard[i], TAKEN, TAKEN, 0), 0);
		recv[i] = recv_of(0, RANGE, got[i], sizeof(got[i]));
		recv[i].timeout = -1;
		caller_start(&callers[i], call_recv, heard[i], &recv[i]);
	}
	giver = thread_start(give_back, NULL);
	send_batch(fd);
	count = caller_end(&caller);
	assert_true(count > 0);
	overtaken.over = true;
	thread_join(giver);
	/* Two messages of that channel are there, but for those that the batch has. */
	assert_true(overtaken.given_back);
	for (i = 0; i < count && i < 3; i++)
		if (copied_channel(i) == TAKEN)
			assert_works(send_text(fd, TAKEN, "y"));
	for (i = 0; i < 2; i++)
		assert_result(caller_end(&callers[i]), 0);
	for (i = 0; i < 2; i++)
		own_close(heard[i]);
	own_close(taker);
	own_close(overtaken.holder);
	own_close(fd);
}

static void a_batch_that_is_overtaken(void **state)
{
	int rounds = scaled(60, 8);

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "max_message", 65536), 0);
	while (rounds--)
		a_batch_that_is_overtaken_once();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_batch_that_is_overtaken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
