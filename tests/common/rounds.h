/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads that do something at about the same time, once in each round. */
#ifndef MSGSLOT_TESTS_ROUNDS_H
#define MSGSLOT_TESTS_ROUNDS_H

#include <sched.h>

#include "check.h"

/**
 * struct rounds - shared by the two threads
 * @fd: the file that both use
 * @count: the number of rounds
 * @step: what the other thread does in each round; returns NULL or a complaint
 * @began: rounds that the first thread began
 * @ended: rounds that the other thread ended
 */
struct rounds {
	int fd;
	long count;
	void *(*step)(int fd);
	long began;
	long ended;
};

/* The other thread. */
static inline void *rounds_run(void *argument)
{
	struct rounds *rounds = argument;
	void *complaint;
	long i;

	for (i = 1; i <= rounds->count; i++) {
		while (__atomic_load_n(&rounds->began, __ATOMIC_ACQUIRE) < i)
			sched_yield();
		complaint = rounds->step(rounds->fd);
		if (complaint)
			return complaint;
		__atomic_store_n(&rounds->ended, i, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Round @i begins; this thread is behind by less than @most iterations of a loop. */
static inline void rounds_begin(struct rounds *rounds, long i, uint64_t *seed, unsigned int most)
{
	volatile long spin;

	__atomic_store_n(&rounds->began, i, __ATOMIC_RELEASE);
	for (spin = random_below(seed, most); spin > 0; spin--)
		;
}

static inline void rounds_end(struct rounds *rounds, long i)
{
	while (__atomic_load_n(&rounds->ended, __ATOMIC_ACQUIRE) < i)
		sched_yield();
}

#endif
