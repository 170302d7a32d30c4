// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill -9 of readers and writers, at any point and again and again: what was sent is taken once,
 * whichever process dies.
 *
 * Each process keeps its accounts in memory that outlives it.  A reader has its messages copied
 * right into them, each behind the last one.  A dead reader certainly took what it had counted.
 * It may have taken the entry behind that: either that message was taken by the dead reader, or it
 * was copied but not taken.
 */
#define _GNU_SOURCE
#include "queue.h"

enum { MOST = 2000, LONG = 5000, WRITERS = 3, READERS = 3, CREW = WRITERS + READERS, DEPTH = 6 };

/* Entries and, behind them, a long message's tail: zeroes. */
struct life {
	volatile uint32_t done;
	bool writes;
	uint64_t numbers[MOST + LONG / 8];
};

static struct life *lives;
static long lives_count;

static void *write_for_life(void *argument)
{
	struct life *life = argument;
	uint64_t number[LONG / 8] = { 0 }, who = life - lives;
	int fd = slot_open(OWN, O_WRONLY);
	struct msgslot_send send = {
		.message = (uintptr_t)number,
		.length = LONG,
		.timeout = -1,
	};

	demand(fd >= 0);
	while (life->done < MOST) {
		number[0] = (who + 1) << 32 | life->done;
		if (life->done % 8 == 7)
			demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		else
			demand(write(fd, number, 8) == 8);
		life->done++;
	}
	for (;;)
		pause();
}

static void *read_for_life(void *argument)
{
	struct life *life = argument;
	int fd = slot_open(OWN, O_RDONLY);
	struct msgslot_recv recv;

	demand(fd >= 0);
	while (life->done < MOST) {
		recv = queue_recv(0, 0, 0, &life->numbers[life->done], LONG);
		recv.timeout = -1;
		if (life->done % 2)
			demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
		else
			demand(read(fd, &life->numbers[life->done], LONG) >= 8);
		life->done++;
	}
	for (;;)
		pause();
}

static pid_t life_start(bool writes)
{
	struct life *life = &lives[lives_count++];

	life->writes = writes;
	return child_start(NULL, writes ? write_for_life : read_for_life, life);
}

static void life_end(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	assert_result(waitpid(child, &status, 0), child);
	/* It did not end by itself, with a complaint. */
	assert_true(WIFSIGNALED(status));
}

/* How often each message was taken, for certain and perhaps. */
static uint8_t (*certain)[MOST + 1], (*perhaps)[MOST + 1];

static void count_entry(uint64_t number, uint8_t (*counts)[MOST + 1], long last[])
{
	long who = (number >> 32) - 1, index = number & 0xffffffff;

	assert_in_range(who, 0, lives_count - 1);
	assert_true(lives[who].writes);
	/* The message that the writer was about to send may be there, no later one. */
	assert_in_range(index, 0, lives[who].done);
	counts[who][index]++;
	/* Each writer's come to each reader in their order. */
	assert_true(index > last[who]);
	last[who] = index;
}

static void settle_accounts(void)
{
	long who, index, i, sent = 0, *last = malloc(lives_count * sizeof(*last));

	assert_non_null(last);
	for (i = 0; i < lives_count; i++) {
		if (lives[i].writes)
			continue;
		for (who = 0; who < lives_count; who++)
			last[who] = -1;
		for (index = 0; index < lives[i].done; index++)
			count_entry(lives[i].numbers[index], certain, last);
		if (lives[i].done < MOST && lives[i].numbers[index])
			count_entry(lives[i].numbers[index], perhaps, last);
	}
	for (who = 0; who < lives_count; who++) {
		if (!lives[who].writes)
			continue;
		for (index = 0; index <= lives[who].done; index++) {
			int sure = certain[who][index], maybe = perhaps[who][index];

			if (sure > 1 || (index < lives[who].done && !sure && !maybe))
				fail_msg(
					"message %ld of life %ld was taken %d times, and perhaps %d",
					index, who, sure, maybe);
			sent += sure || maybe;
		}
	}
	printf("# %ld messages among %ld lives\n", sent, lives_count);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "sent"), sent);
	assert_result(slot_get(OWN, "received"), sent);
	free(last);
}

static void killed_at_any_point(void **state)
{
	long rounds = scaled(250, 30), most = rounds + CREW + 1, i;
	uint64_t seed = seed_get();
	pid_t crew[CREW], last;
	uint32_t who;

	(void)state;
	assert_result(slot_set(OWN, "depth", DEPTH), 0);
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	lives = shared_for_test(most * sizeof(*lives));
	certain = calloc(most, sizeof(*certain));
	perhaps = calloc(most, sizeof(*perhaps));
	assert_true(certain && perhaps);
	for (i = 0; i < CREW; i++)
		crew[i] = life_start(i < WRITERS);
	for (i = 0; i < rounds; i++) {
		usleep(random_below(&seed, paced(4000, 40000)));
		who = random_below(&seed, CREW);
		life_end(crew[who]);
		crew[who] = life_start(who < WRITERS);
	}
	for (i = 0; i < WRITERS; i++)
		life_end(crew[i]);
	/* What is left is for the readers, for a fresh one at the latest. */
	last = life_start(false);
	await(slot_get(OWN, "messages") == 0);
	for (; i < CREW; i++)
		life_end(crew[i]);
	life_end(last);
	settle_accounts();
	free(certain);
	free(perhaps);
	munmap(lives, most * sizeof(*lives));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(killed_at_any_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
