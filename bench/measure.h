/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the bench programs: counting the instructions of a call, and judging the figure.
 *
 * Under icount the guest's CLOCK_MONOTONIC advances one nanosecond an instruction, so figures
 * repeat to the fourth digit on a busy machine.  A batch is short enough that many pass between
 * two timer ticks; the first batches warm up, and the median of the others counts.
 */
#ifndef MSGSLOT_BENCH_MEASURE_H
#define MSGSLOT_BENCH_MEASURE_H

#include <stdbool.h>

#include "slot.h"

enum {
	SMALL = 128,
	LONG = 64 * 1024,
	WARM = 5,
	BATCHES = 41,
};

static char data[LONG];

/**
 * struct call - something to be measured
 * @name: as it is printed
 * @run: makes the call once; its result is compared with @moved
 * @moved: the result of @run on success
 * @rounds: calls in a batch
 * @published: DESIGN's figure for it, section 8, or what its prototype took; or ""
 * @prepare: before each batch, not counted; or NULL
 * @insn: the result, for one call
 */
struct call {
	const char *name;
	long (*run)(void);
	long moved;
	int rounds;
	const char *published;
	void (*prepare)(void);
	double insn;
};

static inline void bail_out(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static inline int need(int result, const char *what)
{
	if (result < 0)
		bail_out(what);
	return result;
}

/* A new slot, whatever was there before. */
static inline void slot_renew(int minor, const char *mode)
{
	slot_destroy(minor);
	need(slot_create(minor, mode), "create a slot");
}

static inline int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static inline void measure(struct call *call)
{
	double batch[BATCHES];
	struct timespec from, to;
	int i, j;

	for (i = -WARM; i < BATCHES; i++) {
		if (call->prepare)
			call->prepare();
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (j = 0; j < call->rounds; j++)
			if (call->run() != call->moved)
				bail_out(call->name);
		clock_gettime(CLOCK_MONOTONIC, &to);
		if (i >= 0)
			batch[i] = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
	}
	qsort(batch, BATCHES, sizeof(batch[0]), by_size);
	call->insn = batch[BATCHES / 2] / call->rounds;
	printf("# %-44s %8.0f %10s\n", call->name, call->insn, call->published);
}

/* Begins the table, after the plan: so many figures will be judged. */
static inline void measure_begin(int judged)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", judged);
	printf("# %-44s %8s %10s\n", "insn a call, 128 bytes unless said", "now", "published");
}

/* Ends the table: without icount its figures are nanoseconds of an emulator, and mean nothing. */
static inline void measure_end(void)
{
	const char *icount = getenv("MSGSLOT_ICOUNT");

	if (icount && !strcmp(icount, "1"))
		return;
	printf("Bail out! these are nanoseconds, not instructions: use tests/vm/run --icount\n");
	exit(1);
}

static int judged, failed;

static inline void judge(const char *what, double value, double limit)
{
	int digits = limit < 10 ? 3 : 1;
	bool good = value <= limit;

	failed += !good;
	printf("%sok %d - %s: %.*f, at most %.*f\n", good ? "" : "not ", ++judged, what, digits,
	       value, digits, limit);
}

#endif
