// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measurements with several processes: a round trip between two that sleep, waking many with one
 * message, and how much several do at once on processors of their own.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "peers.h"

/* ---- children -------------------------------------------------------------------------------- */

static pid_t child[ENDS_MAX];
static const struct means *now;

/* The children's reports, in memory that all processes share. */
static volatile long *told;

/* A child that ends with this process at the latest. */
static pid_t child_fork(int i)
{
	pid_t parent = getpid();

	if (!told) {
		told = mmap(NULL, ENDS_MAX * sizeof(*told), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (told == MAP_FAILED)
			bail_out("mmap");
	}
	told[i] = 0;
	fflush(NULL);
	child[i] = need(fork(), "fork");
	if (!child[i]) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return child[i];
}

static void children_end(int count)
{
	while (count) {
		kill(child[--count], SIGKILL);
		waitpid(child[count], NULL, 0);
	}
}

static int policy_set(int policy, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	return sched_setscheduler(0, policy, &param);
}

/* ---- there and back -------------------------------------------------------------------------- */

static long trip(int end)
{
	return now->put(end) == message_size ? now->get(end + 1) : -1;
}

/*
 * A process that is woken may run at once, and answer before the process that woke it goes to
 * sleep: so sometimes one side never sleeps.  Batch processes do not preempt others, and then both
 * sides always sleep.
 */
static int trips(const struct row *row, long at, struct figure *figure, int policy)
{
	if (means_open(row, at, 2))
		return -1;
	now = row->means;
	need(policy_set(policy, 0), "sched_setscheduler");
	if (!child_fork(0)) {
		while (now->get(0) == message_size && now->put(1) == message_size)
			continue;
		_exit(1);
	}
	measure(&(struct call){ .run = trip, .answer = message_size, .calls_max = 50 }, figure);
	children_end(1);
	need(policy_set(SCHED_OTHER, 0), "sched_setscheduler");
	now->close();
	return 0;
}

int measure_trip(const struct row *row, long at, struct figure *figure)
{
	return trips(row, at, figure, SCHED_OTHER);
}

int measure_batch_trip(const struct row *row, long at, struct figure *figure)
{
	return trips(row, at, figure, SCHED_BATCH);
}

/* ---- waking many ----------------------------------------------------------------------------- */

static int sleepers;
static long wakes;

static bool sleeps(pid_t pid)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	need(text_get(path, text, sizeof(text)), path);
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

/* This process runs before all of them: it sleeps to let them run. */
static void all_asleep(long calls)
{
	int i;

	for (i = 0; i < sleepers; i++)
		while (told[i] != wakes || !sleeps(child[i]))
			usleep(1000);
	wakes += calls;
}

static long wake(int first)
{
	int i, puts = now->shared ? 1 : sleepers;

	for (i = first; i < puts; i++)
		if (now->put(i) != message_size)
			return -1;
	return message_size;
}

int measure_wake(const struct row *row, long at, struct figure *figure)
{
	const struct call call = {
		.run = wake,
		.answer = SMALL,
		.calls_max = 1,
		.before = all_asleep,
	};
	int i;

	/* The waker's cost alone: no process that it wakes may run before it sleeps. */
	if (policy_set(SCHED_FIFO | SCHED_RESET_ON_FORK, 1))
		return cannot_call("SCHED_FIFO");
	if (means_open(row, at, (int)at)) {
		policy_set(SCHED_OTHER, 0);
		return -1;
	}
	now = row->means;
	sleepers = (int)at;
	wakes = 0;
	for (i = 0; i < sleepers; i++) {
		if (child_fork(i))
			continue;
		while (now->get(i) == message_size)
			told[i]++;
		_exit(1);
	}
	measure(&call, figure);
	children_end(sleepers);
	need(policy_set(SCHED_OTHER, 0), "sched_setscheduler");
	now->close();
	return 0;
}

/* ---- at once --------------------------------------------------------------------------------- */

enum { TRIES = 5, LOOK = 64 }; /* at the clock, every so many calls */

static const double together = 3e8;

static void work(int i, long (*call)(int), double from)
{
	long done = 0;
	cpu_set_t cpus;
	int turn;

	CPU_ZERO(&cpus);
	CPU_SET(i, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	while (clock_now() < from)
		continue;
	while (clock_now() < from + together) {
		for (turn = 0; turn < LOOK; turn++)
			if (call(i) != message_size)
				_exit(1);
		done += LOOK;
	}
	told[i] = done;
	_exit(0);
}

/* How many calls a number of processes make. */
static double throughput(long (*call)(int), int workers)
{
	double from = clock_now() + 1e8, sum = 0;
	int i, status;

	for (i = 0; i < workers; i++)
		if (!child_fork(i))
			work(i, call, from);
	for (i = 0; i < workers; i++) {
		if (waitpid(child[i], &status, 0) != child[i] || status)
			bail_out("a process at work");
		sum += told[i];
	}
	return sum;
}

/* The best of some tries, since other programs may run at the same time. */
static int at_once(const struct row *row, long at, struct figure *figure, long (*call)(int))
{
	double one = 0, all = 0, done;
	cpu_set_t cpus;
	int i;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return cannot_call("sched_getaffinity");
	for (i = 0; i < at; i++)
		if (!CPU_ISSET(i, &cpus))
			return cannot("there are not %ld processors", at);
	if (means_open(row, at, (int)at))
		return -1;
	for (i = 0; i < TRIES; i++) {
		done = throughput(call, 1);
		one = done > one ? done : one;
		done = throughput(call, (int)at);
		all = done > all ? done : all;
	}
	row->means->close();
	*figure = (struct figure){ .known = true, .p50 = all / one, .samples = TRIES };
	return 0;
}

int measure_gets_at_once(const struct row *row, long at, struct figure *figure)
{
	return at_once(row, at, figure, row->means->get);
}

int measure_puts_at_once(const struct row *row, long at, struct figure *figure)
{
	return at_once(row, at, figure, row->means->put);
}
