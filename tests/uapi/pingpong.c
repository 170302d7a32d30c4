// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * As users of KEvents know it: events with an id, sent in one call and received in one call, first
 * in first out, each by one receiver, waiting in the kernel until then.  A ping-pong pair and its
 * kin, with ids for channels; nobody selects anything.
 */
#define _GNU_SOURCE
#include "queue.h"

struct event {
	uint32_t id;	/* the one it was sent to */
	uint32_t round; /* of the game */
};

/* Shared by the players: whose turn it is, told by nobody but the events. */
static long *turn;

static void *event_send(int fd, uint32_t id, uint32_t round, uint64_t *sequence)
{
	struct event event = { id, round };
	struct msgslot_send send = {
		.channel = id,
		.message = (uintptr_t)&event,
		.length = sizeof(event),
		.timeout = -1,
	};

	demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
	if (sequence)
		*sequence = send.sequence;
	return NULL;
}

static void *event_receive(int fd, uint32_t id, struct event *event, struct msgslot_recv *recv)
{
	*recv = queue_recv(id, 0, 0, event, sizeof(*event));
	recv->timeout = -1;
	demand(ioctl(fd, MSGSLOT_RECV, recv) == 0);
	demand(recv->length == sizeof(*event));
	demand(event->id == id);
	return NULL;
}

#define pass_on(call)                      \
	do {                               \
		void *complaint_ = (call); \
                                           \
		if (complaint_)            \
			return complaint_; \
	} while (0)

struct player {
	uint32_t from, to; /* the ids of events */
	long rounds;
	int players, place; /* how many are in the game; the first begins */
	long *turn;
	volatile pid_t sender; /* the sender's pid, if the player is to check it */
};

static void *play(void *argument)
{
	struct player *player = argument;
	int fd = slot_open(OWN, O_RDWR);
	uint64_t last = 0, time = 0, sent = 0, before = 0;
	struct msgslot_recv recv;
	struct event event;
	long round;

	demand(fd >= 0);
	for (round = 0; round < player->rounds; round++) {
		if (round || player->place) {
			pass_on(event_receive(fd, player->from, &event, &recv));
			/* Sent in the round before by the last of us, or in this one. */
			demand(event.round == round - !player->place);
			/*
			 * An id that nobody uses for a moment is forgotten; its numbers rise still.
			 */
			demand(recv.sequence > last);
			demand(recv.time >= time);
			demand(!player->sender || recv.pid == (uint32_t)player->sender);
			demand(recv.uid == 0 && recv.lost == 0);
			last = recv.sequence;
			time = recv.time;
		}
		/* Strictly in turn: nobody else has moved since, and nobody does before we send. */
		demand(*player->turn == round * player->players + player->place);
		++*player->turn;
		pass_on(event_send(fd, player->to, round, &sent));
		demand(sent > before);
		before = sent;
	}
	/* The last event of the game is for the player that began it. */
	if (!player->place) {
		pass_on(event_receive(fd, player->from, &event, &recv));
		demand(event.round == round - 1);
	}
	close(fd);
	return NULL;
}

static void a_pair_takes_turns(void **state)
{
	const long rounds = scaled(3000, 200);
	struct player *pair = shared_for_test(2 * sizeof(*pair));
	enum { PING = 1, PONG = 2 };
	pid_t children[2];

	(void)state;
	turn = shared_for_test(sizeof(*turn));
	pair[0] = (struct player){ PONG, PING, rounds, 2, 0, turn, 0 };
	pair[1] = (struct player){ PING, PONG, rounds, 2, 1, turn, 0 };
	/* The second waits for a while in the kernel before the first is there. */
	children[1] = child_start(NULL, play, &pair[1]);
	pair[0].sender = children[1];
	await(task_state(children[1]) == 'S');
	children[0] = child_start(NULL, play, &pair[0]);
	child_join(children[0]);
	child_join(children[1]);
	assert_int_equal(*turn, 2 * rounds);
	assert_result(slot_get(OWN, "sent"), 2 * rounds);
	assert_result(slot_get(OWN, "received"), 2 * rounds);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
	munmap(turn, sizeof(*turn));
	munmap(pair, 2 * sizeof(*pair));
}

static void three_in_a_ring(void **state)
{
	const long rounds = scaled(1500, 100);
	struct player ring[3];
	pid_t children[3];
	int i;

	(void)state;
	turn = shared_for_test(sizeof(*turn));
	for (i = 0; i < 3; i++) {
		ring[i] = (struct player){ 10 + i, 10 + (i + 1) % 3, rounds, 3, i, turn, 0 };
		children[i] = child_start(NULL, play, &ring[i]);
	}
	for (i = 0; i < 3; i++)
		child_join(children[i]);
	assert_int_equal(*turn, 3 * rounds);
	munmap(turn, sizeof(*turn));
}

/* Several pairs at once in one slot, their ids far apart and close together. */
static void pairs_do_not_disturb_each_other(void **state)
{
	const uint32_t ids[] = { 0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	const long rounds = scaled(800, 60);
	struct player players[8];
	pid_t children[8];
	long *turns;
	int i;

	(void)state;
	turns = shared_for_test(4 * sizeof(*turns));
	for (i = 0; i < 8; i++) {
		players[i] =
			(struct player){ ids[i ^ 1], ids[i], rounds, 2, i & 1, &turns[i / 2], 0 };
		children[i] = child_start(NULL, play, &players[i]);
	}
	for (i = 0; i < 8; i++)
		child_join(children[i]);
	for (i = 0; i < 4; i++)
		assert_int_equal(turns[i], 2 * rounds);
	assert_result(slot_get(OWN, "messages"), 0);
	munmap(turns, 4 * sizeof(*turns));
}

/* Sent when no receiver is there; the sender is long gone when a receiver comes. */
static void *send_some(void *unused)
{
	int fd = slot_open(OWN, O_WRONLY), i;

	(void)unused;
	demand(fd >= 0);
	for (i = 0; i < 300; i++)
		pass_on(event_send(fd, 40 + i % 3, i, NULL));
	return NULL;
}

static void *receive_them(void *unused)
{
	int fd = slot_open(OWN, O_RDONLY), id, i;
	struct msgslot_recv recv;
	struct event event;

	(void)unused;
	demand(fd >= 0);
	for (id = 42; id >= 40; id--) {
		for (i = id - 40; i < 300; i += 3) {
			pass_on(event_receive(fd, id, &event, &recv));
			demand(event.round == (uint32_t)i);
		}
		recv.timeout = 0;
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == -1 && errno == EAGAIN);
	}
	return NULL;
}

static void events_wait_in_the_kernel(void **state)
{
	(void)state;
	child_run(NULL, send_some, NULL);
	assert_result(slot_get(OWN, "messages"), 300);
	assert_result(slot_get(OWN, "channels"), 3);
	child_run(NULL, receive_them, NULL);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* One id, several receivers on it: each event goes to exactly one of them. */
enum { RECEIVERS = 4, EVENT = 5, LAST = 0xffffffff };

static unsigned char *taken_by;

static void *receive_share(void *argument)
{
	int fd = slot_open(OWN, O_RDONLY), me = (intptr_t)argument;
	struct msgslot_recv recv;
	struct event event;
	long last = -1;

	demand(fd >= 0);
	for (;;) {
		pass_on(event_receive(fd, EVENT, &event, &recv));
		if (event.round == LAST)
			return NULL;
		demand((long)event.round > last);
		last = event.round;
		demand(!__atomic_exchange_n(&taken_by[event.round], me, __ATOMIC_RELAXED));
	}
}

static void each_event_has_one_receiver(void **state)
{
	long count = scaled(4000, 300), i, shares[RECEIVERS + 1] = { 0 };
	pid_t children[RECEIVERS];
	int fd = own_open(O_WRONLY);

	(void)state;
	taken_by = shared_for_test(count);
	for (i = 0; i < RECEIVERS; i++)
		children[i] = child_start(NULL, receive_share, (void *)(intptr_t)(i + 1));
	/* All of them wait: the first events are one for each. */
	for (i = 0; i < RECEIVERS; i++)
		await(task_state(children[i]) == 'S');
	for (i = 0; i < count; i++)
		assert_null(event_send(fd, EVENT, i, NULL));
	for (i = 0; i < RECEIVERS; i++)
		assert_null(event_send(fd, EVENT, LAST, NULL));
	for (i = 0; i < RECEIVERS; i++)
		child_join(children[i]);
	for (i = 0; i < count; i++)
		shares[taken_by[i]]++;
	assert_int_equal(shares[0], 0);
	assert_result(slot_get(OWN, "received"), count + RECEIVERS);
	munmap(taken_by, count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(a_pair_takes_turns),
		queue_slot_test(three_in_a_ring),
		queue_slot_test(pairs_do_not_disturb_each_other),
		queue_slot_test(events_wait_in_the_kernel),
		queue_slot_test(each_event_has_one_receiver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
