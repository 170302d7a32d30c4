// SPDX-License-Identifier: GPL-2.0-or-later
/* Measuring a call, and the figures of a means. */
#define _GNU_SOURCE
#include "peers.h"

enum {
	PUBLISHED_MAX = 50, /* fewer than a broadcast channel keeps: no reader loses a message */
	SAMPLES_MAX = 2000,
};

long message_size;
struct message outgoing = { .type = 1 }, incoming;

/*
 * Counted in instructions, a batch is so short that many batches pass between two ticks of the
 * timer, which the median then does not show.  Counted in nanoseconds, it is long enough for the
 * clock's resolution, and there are as many batches as half a second holds.
 */
struct pace {
	int warm, samples;
	double batch, at_most;
};
static const struct pace counting = { .warm = 5, .samples = 41, .batch = 300e3, .at_most = 1e18 };
static const struct pace timing = {
	.warm = 50, .samples = SAMPLES_MAX, .batch = 1e3, .at_most = 5e8
};

bool counts_instructions(void)
{
	const char *icount = getenv("MSGSLOT_ICOUNT");

	return icount && !strcmp(icount, "1");
}

const char *kind_unit(enum kind kind)
{
	static const char *const units[] = { [WEIGHT] = "bytes", [TIMES] = "times" };

	if (kind != COST)
		return units[kind];
	return counts_instructions() ? "instructions" : "nanoseconds";
}

double clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* The cost of reading the clock. */
static double clock_cost(void)
{
	static double least = -1;
	double from, taken;
	int i;

	for (i = 0; least < 0 || i < 100; i++) {
		from = clock_now();
		taken = clock_now() - from;
		if (least < 0 || taken < least)
			least = taken;
	}
	return least;
}

static double batch_run(const struct call *call, long calls)
{
	double from, taken;
	long i;

	if (call->before)
		call->before(calls);
	from = clock_now();
	for (i = 0; i < calls; i++)
		if (call->run(0) != call->answer)
			bail_out("a call that answers something else");
	taken = clock_now() - from - clock_cost();
	return taken > 0 ? taken : 0;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void measure(const struct call *call, struct figure *figure)
{
	const struct pace *pace = counts_instructions() ? &counting : &timing;
	double sample[SAMPLES_MAX], one = 0, began;
	long calls, calls_max = call->calls_max ? call->calls_max : 500;
	int i;

	for (i = 0; i < pace->warm; i++)
		one = batch_run(call, 1);
	calls = one > 0 ? (long)(pace->batch / one) : calls_max;
	calls = calls < 1 ? 1 : calls > calls_max ? calls_max : calls;
	for (i = 0; i < pace->warm; i++)
		batch_run(call, calls);

	began = clock_now();
	i = 0;
	do
		sample[i++] = batch_run(call, calls) / calls;
	while (i < pace->samples && (i < 10 || clock_now() - began < pace->at_most));
	qsort(sample, i, sizeof(sample[0]), by_size);
	*figure = (struct figure){
		.known = true,
		.p50 = sample[i / 2],
		.p90 = sample[i * 9 / 10],
		.p99 = sample[i * 99 / 100],
		.max = sample[i - 1],
		.samples = i,
		.calls = calls,
	};
}

/* ---- of a means ---------------------------------------------------------------------------- */

/* The one that is open. */
static const struct means *now;
static int ends_open;

/* A means that does nothing would look cheap: checks that a message passes. */
static void see_it_work(int ends)
{
	int i;

	if (now->silent)
		return;
	for (i = 0; i < ends; i++) {
		memset(incoming.bytes, 0, message_size);
		if (!(i && now->shared) && now->put(i) != message_size)
			bail_out("put");
		if (now->get(i) != message_size)
			bail_out("get");
		if (memcmp(incoming.bytes, outgoing.bytes, message_size)) {
			errno = EBADMSG;
			bail_out("what was put and what was got");
		}
	}
}

int means_open(const struct row *row, long at, int ends)
{
	long i;

	message_size = row->section->axis == BYTES ? at : SMALL;
	for (i = 0; i < message_size; i++)
		outgoing.bytes[i] = (char)(i * 7 + ends + 1);
	now = row->means;
	ends_open = ends;
	if (now->open(ends)) {
		now->close();
		return -1;
	}
	see_it_work(ends);
	return 0;
}

static int measure_call(const struct row *row, long at, const struct call *call,
			struct figure *figure)
{
	int ends = row->section->axis == READERS ? (int)at : 1;
	struct call sized = *call;

	if (means_open(row, at, ends))
		return -1;
	sized.answer = message_size;
	measure(&sized, figure);
	now->close();
	return 0;
}

int measure_put(const struct row *row, long at, struct figure *figure)
{
	return measure_call(row, at, &(struct call){ .run = row->means->put }, figure);
}

int measure_get(const struct row *row, long at, struct figure *figure)
{
	return measure_call(row, at, &(struct call){ .run = row->means->get }, figure);
}

int measure_both(const struct row *row, long at, struct figure *figure)
{
	return measure_call(row, at, &(struct call){ .run = row->means->both }, figure);
}

/* To all readers, which do not read. */
static long unread;

static long publish(int first)
{
	int i;

	unread++;
	if (now->shared)
		return now->put(first);
	for (i = first; i < ends_open; i++)
		if (now->put(i) != message_size)
			return -1;
	return message_size;
}

/* A reader that missed a message would make publishing look cheap. */
static void all_read_but(int first)
{
	long each;
	int i;

	for (i = first; i < ends_open; i++)
		for (each = 0; each < unread; each++)
			if (now->get(i) != message_size)
				bail_out("a reader that does not get it all");
	unread = 0;
}

static void before_publish(long calls)
{
	(void)calls;
	all_read_but(0);
}

int measure_publish(const struct row *row, long at, struct figure *figure)
{
	const struct call call = {
		.run = publish,
		.calls_max = PUBLISHED_MAX,
		.before = before_publish,
	};

	unread = 0;
	return measure_call(row, at, &call, figure);
}

/* The first end reads what all ends can read. */
static void before_take(long calls)
{
	all_read_but(1);
	while (unread < calls)
		if (publish(0) != message_size)
			bail_out("publish");
}

int measure_take(const struct row *row, long at, struct figure *figure)
{
	const struct call call = {
		.run = row->means->get,
		.calls_max = PUBLISHED_MAX,
		.before = before_take,
	};

	unread = 0;
	return measure_call(row, at, &call, figure);
}

static long fan(int first)
{
	int i;

	if (publish(first) != message_size)
		return -1;
	for (i = first; i < ends_open; i++)
		if (now->get(i) != message_size)
			return -1;
	return message_size;
}

int measure_fan(const struct row *row, long at, struct figure *figure)
{
	return measure_call(row, at, &(struct call){ .run = fan }, figure);
}
