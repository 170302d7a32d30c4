/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random arguments: mostly such that a call reaches deep into the module, now and then at a limit
 * or beyond it.
 *
 * A caller's n-th call follows from its seed and n alone, whatever the calls before returned: the
 * same seed makes the same calls. The exception is sequences, which cannot be guessed: they are
 * those that a recent call returned.
 */
#ifndef MSGSLOT_TESTS_FUZZ_ARGUMENTS_H
#define MSGSLOT_TESTS_FUZZ_ARGUMENTS_H

#include <limits.h>
#include <stdbool.h>

#include "slot.h"

enum {
	MINOR_FIRST = 230,
	MINORS = 6,
	FILES = 8, /* of a process */
	MEMORY = MSGSLOT_MESSAGE_MAX + 4096,
	EDGE = 1 << _IOC_SIZEBITS, /* one byte more than the largest struct of an ioctl */
};

/* A process: its threads share all of it. */
static struct {
	int files[FILES]; /* only nodes; -1 for none */
	int epoll, pipe[2], socket[2];
	int source;   /* a file of MEMORY bytes to copy from */
	char *memory; /* MEMORY bytes, an inaccessible page; missing pages come through @late */
	int late;
	char *read_only; /* one page */
} process;

struct caller {
	uint64_t seed, count;	   /* which call of which caller */
	uint64_t state;		   /* random numbers of the current call */
	bool forked;		   /* in a child, which forks no further */
	char *edge;		   /* EDGE bytes of its own, then an inaccessible page */
	volatile uint64_t *recent; /* a sequence that exists or existed */
};

static unsigned int below(struct caller *c, unsigned int limit)
{
	return random_below(&c->state, limit);
}

static bool one_in(struct caller *c, unsigned int n)
{
	return below(c, n) == 0;
}

static int a_file(struct caller *c)
{
	return __atomic_load_n(&process.files[below(c, FILES)], __ATOMIC_RELAXED);
}

static void file_keep(struct caller *c, int fd)
{
	if (fd >= 0)
		fd = __atomic_exchange_n(&process.files[below(c, FILES)], fd, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
}

static uint32_t an_id(struct caller *c)
{
	return one_in(c, 20) ? random_next(&c->state) : below(c, 4);
}

static size_t a_length(struct caller *c)
{
	const size_t edges[] = { 0, 128, 129, 256, 257, 4096, 4097, MEMORY, UINT32_MAX, SSIZE_MAX };

	switch (below(c, 32)) {
	case 0:
		return edges[below(c, sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return below(c, MEMORY);
	case 2 ... 5:
		return below(c, 65536);
	case 6 ... 12:
		return below(c, 4096);
	default:
		return 1 + below(c, 128);
	}
}

/* Memory for @length bytes, or too little of it, or none. */
static void *a_place(struct caller *c, size_t length)
{
	switch (below(c, 40)) {
	case 0:
		return NULL;
	case 1:
		return (void *)16;
	case 2:
		return process.read_only;
	case 3:
		/* Too little for a longer length. */
		return process.memory + MEMORY - 1 - below(c, 300);
	case 4 ... 12:
		return length < MEMORY ? process.memory + MEMORY - length : process.memory;
	default:
		return process.memory;
	}
}

static uint64_t a_sequence(struct caller *c)
{
	const uint64_t edges[] = { 0, 1, UINT64_MAX, INT64_MAX, UINT32_MAX };

	if (one_in(c, 10))
		return edges[below(c, sizeof(edges) / sizeof(edges[0]))];
	return *c->recent + below(c, 3) - below(c, 8) / 7;
}

static int64_t a_timeout(struct caller *c)
{
	const int64_t edges[] = { INT64_MAX, INT64_MIN, -2, 1 };

	switch (below(c, 16)) {
	case 0:
		return edges[below(c, sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return -1;
	case 2 ... 5:
		return below(c, 3000000);
	default:
		return 0;
	}
}

#endif
