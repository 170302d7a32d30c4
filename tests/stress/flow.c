// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages flow through a `queue`, a blocking and a dropping `broadcast` slot, with every
 * disturbance: full logs, timeouts, signals, short buffers, invalid pointers, processes that are
 * stopped or killed, or wait for a page of their own, channels that are cleared, other slots that
 * are created and destroyed under sleepers, attempts to unload the module.
 *
 * Held throughout (flow.h): every message that is sent to the queue is taken exactly once, and each
 * reader takes messages in order. In broadcast every reader gets every message in order, or is told
 * how many it lost. A message that a call reports as not sent never arrives. At the end the slot's
 * counters agree.
 *
 * MSGSLOT_SECONDS is the duration (10; on a busy machine it is longer, until everything happened
 * once). MSGSLOT_SEED repeats the random choices, but not their interleaving.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "flow.h"

enum {
	MINOR = 210, /* of the queue; then block and drop */
	GUEST = 214, /* slots that are created and destroyed */
	GUESTS = 3,
	WRITERS_AT_ONCE = 2,
	READERS_AT_ONCE = 3,
	TOURISTS = 2, /* processes that sleep in such slots */
	MEMBERS = KINDS * (WRITERS_AT_ONCE + READERS_AT_ONCE) + TOURISTS,
};

enum role { WRITER, READER, TOURIST };

static struct member {
	enum kind kind;
	enum role role;
	uint32_t writer;
	pid_t pid;
} members[MEMBERS];

static uint64_t seed;

/* Of the current round. */
static int control[KINDS];
static uint32_t writers[KINDS];
static bool writer_killed[KINDS][WRITERS];
static uint64_t cleared[KINDS];
static int takers_killed;
static pid_t stopped;

/* Of the whole run. */
static int rounds, kills_of[3], stops, clears, unloads_refused;

/* Sleeps in a slot until the slot is destroyed. */
static void tourist_run(uint64_t state)
{
	char bytes[64] = "a message";
	struct pollfd one;
	int fd, result;

	while (!round->readers_stop && !judge->complained) {
		struct msgslot_recv r = { .channel = 1,
					  .message = (uintptr_t)bytes,
					  .size = sizeof(bytes),
					  .timeout = -1 };

		fd = slot_open(GUEST + random_below(&state, GUESTS), O_RDWR);
		if (fd < 0) {
			expect("open", ENOENT, ENXIO, 0);
			usleep(1000);
			continue;
		}
		if (slot_select(fd, 1))
			expect("select", ENODEV, 0);
		one = (struct pollfd){ .fd = fd, .events = POLLIN };
		switch (random_below(&state, 4)) {
		case 0:
			result = ioctl(fd, MSGSLOT_RECV, &r);
			break;
		case 1:
			/* In `last` a writer never waits, so it repeats. */
			while ((result = write(fd, bytes, 9)) == 9 && !round->readers_stop)
				usleep(random_below(&state, 1000));
			break;
		case 2:
			result = poll(&one, 1, -1);
			if (result == 1 && one.revents & POLLHUP) {
				happens(gone);
				if (write(fd, bytes, 9) != -1 || errno != ENODEV)
					complain("POLLHUP, but the slot is there");
			}
			happens(polls);
			break;
		default:
			result = read(fd, bytes, sizeof(bytes));
		}
		if (result < 0) {
			expect("a sleeper", ENODEV, EINTR, EAGAIN, 0);
			if (errno == ENODEV)
				happens(gone);
		}
		close(fd);
	}
	_exit(0);
}

static void noticed(int signal)
{
	(void)signal;
}

static void member_start(struct member *m)
{
	uint64_t state = random_next(&seed);

	if (m->role == WRITER) {
		if (writers[m->kind] == WRITERS) {
			m->pid = 0;
			return;
		}
		m->writer = writers[m->kind]++;
	}
	m->pid = fork();
	if (m->pid)
		return;
	if (m->role == TOURIST)
		tourist_run(state);
	if (m->role == WRITER)
		writer_run(m->kind, MINOR + m->kind, m->writer, state);
	if (m->kind == QUEUE)
		taker_run(MINOR + m->kind, state);
	listener_run(m->kind, MINOR + m->kind, state);
}

/* Forgets the members that ended; returns how many of @role are left. */
static int members_left(enum role role)
{
	int i, status, left = 0;

	for (i = 0; i < MEMBERS; i++) {
		if (members[i].pid && waitpid(members[i].pid, &status, WNOHANG) == members[i].pid) {
			members[i].pid = 0;
			if (status)
				complain("a process ended with status %#x", status);
		}
		left += members[i].pid && members[i].role == role;
	}
	return left;
}

static void members_rouse(void)
{
	int i;

	for (i = 0; i < MEMBERS; i++)
		if (members[i].pid)
			kill(members[i].pid, SIGUSR1);
}

static void member_kill(struct member *m)
{
	kill(m->pid, SIGKILL);
	waitpid(m->pid, NULL, 0);
	kills_of[m->role]++;
	if (m->role == WRITER)
		writer_killed[m->kind][m->writer] = true;
	if (m->role == READER && m->kind == QUEUE)
		takers_killed++;
	member_start(m);
}

static void clear(enum kind kind)
{
	struct msgslot_clear c = { .channel = random_below(&seed, CHANNELS) };

	__atomic_add_fetch(&round->clears[kind][c.channel], 1, __ATOMIC_SEQ_CST);
	if (ioctl(control[kind], MSGSLOT_CLEAR, &c))
		complain("CLEAR: %s", strerror(errno));
	cleared[kind] += c.messages;
	clears++;
}

/* Makes one disturbance. */
static void disturb(void)
{
	struct member *m = &members[random_below(&seed, MEMBERS)];
	int guest = GUEST + random_below(&seed, GUESTS);

	if (stopped) {
		kill(stopped, SIGCONT);
		stopped = 0;
	}
	switch (random_below(&seed, 8)) {
	case 0:
		if (m->pid)
			member_kill(m);
		break;
	case 1:
		if (m->pid && kill(m->pid, SIGSTOP) == 0)
			stopped = m->pid;
		stops += stopped != 0;
		break;
	case 2:
		members_rouse();
		break;
	case 3:
		if (random_below(&seed, 3) == 0)
			clear(random_below(&seed, KINDS));
		break;
	case 4 ... 5:
		if (slot_create(guest, random_below(&seed, 3) ? "queue" : "last") == 0)
			slot_set(guest, "depth", 1 + random_below(&seed, 3));
		else
			expect("create", EEXIST, 0);
		break;
	case 6:
		if (slot_destroy(guest))
			expect("destroy", ENODEV, 0);
		break;
	default:
		if (module_unload() == 0)
			complain("the module was unloaded under open files");
		else
			expect("unload", EWOULDBLOCK, EBUSY, 0);
		unloads_refused++;
	}
}

static bool wait_until(const char *what, bool (*done)(void))
{
	double deadline = seconds_now() + paced(60, 600);

	while (!done()) {
		if (judge->complained)
			return false;
		if (seconds_now() > deadline) {
			complain("still waiting: %s", what);
			return false;
		}
		members_rouse();
		usleep(paced(5000, 50000));
	}
	return true;
}

static bool writers_ended(void)
{
	return members_left(WRITER) == 0;
}

static bool readers_ended(void)
{
	return members_left(READER) + members_left(TOURIST) == 0;
}

static bool queue_empty(void)
{
	return slot_get(MINOR, "messages") == 0;
}

/* Accounts for every message of the queue. */
static void account_queue(void)
{
	uint32_t writer, channel, number, sent;
	uint64_t missing = 0;

	for (writer = 0; writer < writers[QUEUE]; writer++)
		for (channel = 0; channel < CHANNELS; channel++) {
			sent = round->sent[QUEUE][writer][channel];
			for (number = 0; number < sent; number++)
				missing += !round->taken[writer][channel][number];
			/* It is not known whether the last call of a killed writer succeeded. */
			number += writer_killed[QUEUE][writer];
			for (; number < NUMBERS; number++)
				if (round->taken[writer][channel][number])
					complain("message %u of writer %u was taken, %u were sent",
						 number, writer, sent);
		}
	/* Nor whether a killed reader had taken a message. */
	if (missing > cleared[QUEUE] + takers_killed)
		complain("%llu messages are missing, %llu were cleared, %d readers killed",
			 (unsigned long long)missing, (unsigned long long)cleared[QUEUE],
			 takers_killed);
	if (slot_get(MINOR, "dropped") != (long long)cleared[QUEUE])
		complain("%lld dropped, %llu cleared", slot_get(MINOR, "dropped"),
			 (unsigned long long)cleared[QUEUE]);
	if (slot_get(MINOR, "sent") != slot_get(MINOR, "received") + slot_get(MINOR, "dropped"))
		complain("%lld sent, %lld received, %lld dropped", slot_get(MINOR, "sent"),
			 slot_get(MINOR, "received"), slot_get(MINOR, "dropped"));
}

static void account_sent(enum kind kind)
{
	long long sent = 0, unknown = 0, told = slot_get(MINOR + kind, "sent");
	uint32_t writer, channel;

	for (writer = 0; writer < writers[kind]; writer++) {
		unknown += writer_killed[kind][writer];
		for (channel = 0; channel < CHANNELS; channel++)
			sent += round->sent[kind][writer][channel];
	}
	if (told < sent || told > sent + unknown)
		complain("%s %s: %lld to %lld were sent, the slot says %lld", kind_modes[kind],
			 kind_overflows[kind], sent, sent + unknown, told);
}

static bool slots_begin(void)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		if (slot_create(MINOR + kind, kind_modes[kind]) ||
		    slot_put(MINOR + kind, "overflow", kind_overflows[kind]) ||
		    slot_set(MINOR + kind, "depth", 1 + random_below(&seed, 12)))
			return false;
		/* Write-only: otherwise it would be a reader that never reads. */
		control[kind] = slot_open(MINOR + kind, O_WRONLY);
		if (control[kind] < 0)
			return false;
	}
	return true;
}

static void slots_end(void)
{
	int kind, guest;

	for (kind = 0; kind < KINDS; kind++) {
		account_sent(kind);
		close(control[kind]);
		if (slot_destroy(MINOR + kind))
			complain("destroy: %s", strerror(errno));
	}
	for (guest = GUEST; guest < GUEST + GUESTS; guest++)
		slot_destroy(guest);
	if (module_restore())
		complain("the module does not unload: %s", strerror(errno));
}

static void round_run(double seconds)
{
	double until = seconds_now() + seconds;
	int i;

	memset(round, 0, sizeof(*round));
	memset(writers, 0, sizeof(writers));
	memset(writer_killed, 0, sizeof(writer_killed));
	memset(cleared, 0, sizeof(cleared));
	takers_killed = 0;
	if (!slots_begin()) {
		complain("making slots: %s", strerror(errno));
		return;
	}
	for (i = 0; i < MEMBERS; i++) {
		members[i].kind = i % KINDS;
		members[i].role = i < KINDS * WRITERS_AT_ONCE ? WRITER :
				  i < MEMBERS - TOURISTS      ? READER :
								TOURIST;
		member_start(&members[i]);
	}
	while (seconds_now() < until && !judge->complained) {
		usleep(paced(10000, 50000));
		disturb();
		members_left(WRITER);
	}
	if (stopped)
		kill(stopped, SIGCONT);
	stopped = 0;
	round->writers_stop = true;
	if (wait_until("writers", writers_ended) && wait_until("the queue", queue_empty)) {
		round->readers_stop = true;
		if (wait_until("readers", readers_ended))
			account_queue();
	}
	for (i = 0; i < MEMBERS; i++)
		if (members[i].pid) {
			kill(members[i].pid, SIGKILL);
			waitpid(members[i].pid, NULL, 0);
			members[i].pid = 0;
		}
	slots_end();
	rounds++;
}

static bool everything_happened(void)
{
	const long *count = (const long *)happened;
	size_t i;

	for (i = 0; i < sizeof(*happened) / sizeof(*count); i++)
		if (!count[i])
			return false;
	return kills_of[WRITER] && kills_of[READER] && stops && clears && unloads_refused;
}

int main(void)
{
	const char *wanted = getenv("MSGSLOT_SECONDS");
	double seconds = wanted && atof(wanted) > 0 ? atof(wanted) : 10, until;
	const struct sigaction interrupts = { .sa_handler = noticed };
	int failed = 0;

	seed = seed_get();
	/* Set before the fork: a child may get the signal before it does anything. */
	sigaction(SIGUSR1, &interrupts, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	round = shared_new(sizeof(*round));
	happened = shared_new(sizeof(*happened));
	if (!round || !happened || !judge_begin() || module_restore()) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	until = seconds_now() + seconds;
	do
		round_run(seconds < 3 ? seconds : paced(3, 10));
	while (!judge->complained &&
	       (seconds_now() < until || (!everything_happened() && seconds_now() < until + 240)));

	printf("# rounds %d, written %ld, SENT %ld, read %ld, RECEIVED %ld, peeked %ld, forwarded %ld, "
	       "replayed %ld\n",
	       rounds, happened->writes, happened->sends, happened->reads, happened->recvs,
	       happened->peeked, happened->forwarded, happened->replays);
	printf("# losses told %ld, refused %ld, timed out %ld, interrupted %ld, seeks %ld, polls %ld, "
	       "woken by the slot's end %ld\n",
	       happened->told, happened->refused, happened->timeouts, happened->interrupts,
	       happened->seeks, happened->polls, happened->gone);
	printf("# killed: writers %d, readers %d; stopped %d, cleared %d, unloading refused %d, late "
	       "pages %ld\n",
	       kills_of[WRITER], kills_of[READER], stops, clears, unloads_refused, happened->late);
	printf("1..3\n");
	if (judge->complained)
		printf("# %s\n", judge->complaint);
	failed +=
		tap(1, !judge->complained, "messages arrive once, in order, or their loss is told");
	failed += tap(2, everything_happened(), "everything happened at least once");
	failed += tap(3, module_is_loaded() && slot_exists(3) && !slot_exists(MINOR),
		      "the module is back as it was");
	return failed != 0;
}
