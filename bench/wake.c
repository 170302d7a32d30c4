// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What it costs to wake who waits for a message: a round trip between two processes that both
 * sleep, and a publication that 32 processes sleep for, beside what else could wake them.
 */
#define _GNU_SOURCE
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "measure.h"

enum {
	QUEUE = 60,
	ROOM = 61,
	SLEEPERS = 32,
};

/* ---- there and back ---------------------------------------------------- */

/* Where a side sends, where it receives; the other side has them crosswise. */
struct ends {
	int out, in;
};

static struct ends here;
static struct msgslot_send outgoing = { .message = (uintptr_t)data,
					.length = SMALL,
					.timeout = -1 };
static struct msgslot_recv incoming = { .message = (uintptr_t)data, .size = SMALL, .timeout = -1 };

static long put_file(int fd)
{
	return write(fd, data, SMALL);
}

static long get_file(int fd)
{
	return read(fd, data, SMALL);
}

static long put_mq(int fd)
{
	return mq_send(fd, data, SMALL, 0) ? -1 : SMALL;
}

static long get_mq(int fd)
{
	return mq_receive(fd, data, SMALL, NULL);
}

/* For SEND and RECV the end is a channel, and the file starts on channel 0. */
static int message_file;

static long put_message(int channel)
{
	outgoing.channel = channel;
	return ioctl(message_file, MSGSLOT_SEND, &outgoing) ? -1 : SMALL;
}

static long get_message(int channel)
{
	incoming.channel = channel;
	return ioctl(message_file, MSGSLOT_RECV, &incoming) ? -1 : (long)incoming.length;
}

static long do_files(void)
{
	return put_file(here.out) == SMALL ? get_file(here.in) : -1;
}

static long do_mqs(void)
{
	return put_mq(here.out) == SMALL ? get_mq(here.in) : -1;
}

static long do_messages(void)
{
	return put_message(here.out) == SMALL ? get_message(here.in) : -1;
}

/* A child for as long as we live, or want it. */
static pid_t child_fork(void)
{
	pid_t child;

	fflush(stdout);
	child = need(fork(), "fork");
	if (!child)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

static void child_end(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void round_trip(struct call *call, struct ends mine, struct ends others, long (*put)(int),
		       long (*get)(int))
{
	pid_t child = child_fork();

	if (!child) {
		while (get(others.in) == SMALL && put(others.out) == SMALL)
			continue;
		_exit(1);
	}
	here = mine;
	measure(call);
	child_end(child);
}

static int mq_new(void)
{
	struct mq_attr limits = { .mq_maxmsg = 4, .mq_msgsize = SMALL };
	mqd_t mq = mq_open("/msgslot-bench", O_RDWR | O_CREAT, 0600, &limits);

	mq_unlink("/msgslot-bench");
	return need(mq, "mq_open");
}

/* What the four of them cost, by a policy of the scheduler. */
struct trips {
	int policy;
	struct call pipe, mq, queue, message;
};

/*
 * As processes are, who is woken may run at once, and answer before who woke it comes to sleep: so
 * sometimes one side never sleeps.  Batch processes do not push others aside: both sides always do.
 */
static struct trips ordinary = {
	.policy = SCHED_OTHER,
	.pipe = { "round trip: pipes", do_files, SMALL, 50, "12700", NULL, 0 },
	.mq = { "  POSIX mqs", do_mqs, SMALL, 50, "10450", NULL, 0 },
	.queue = { "  msgslot queue", do_files, SMALL, 50, "", NULL, 0 },
	.message = { "  msgslot queue, SEND and RECV", do_messages, SMALL, 50, "", NULL, 0 },
};
static struct trips batch = {
	.policy = SCHED_BATCH,
	.pipe = { "round trip, both always sleep: pipes", do_files, SMALL, 50, "", NULL, 0 },
	.mq = { "  POSIX mqs", do_mqs, SMALL, 50, "", NULL, 0 },
	.queue = { "  msgslot queue", do_files, SMALL, 50, "", NULL, 0 },
	.message = { "  msgslot queue, SEND and RECV", do_messages, SMALL, 50, "", NULL, 0 },
};

static void pair_close(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static void round_trips(struct trips *trips)
{
	int there[2], back[2], mq_there = mq_new(), mq_back = mq_new();
	struct sched_param none = { 0 };

	need(sched_setscheduler(0, trips->policy, &none), "sched_setscheduler");
	need(pipe(there), "pipe");
	need(pipe(back), "pipe");
	round_trip(&trips->pipe, (struct ends){ there[1], back[0] },
		   (struct ends){ back[1], there[0] }, put_file, get_file);
	round_trip(&trips->mq, (struct ends){ mq_there, mq_back },
		   (struct ends){ mq_back, mq_there }, put_mq, get_mq);

	/* Each side and direction has a file of its own, as if the processes were strangers. */
	slot_renew(QUEUE, "queue");
	there[0] = need(slot_open_on(QUEUE, O_RDONLY, 1), "our own slot");
	there[1] = need(slot_open_on(QUEUE, O_WRONLY, 1), "our own slot");
	back[0] = need(slot_open_on(QUEUE, O_RDONLY, 2), "our own slot");
	back[1] = need(slot_open_on(QUEUE, O_WRONLY, 2), "our own slot");
	round_trip(&trips->queue, (struct ends){ there[1], back[0] },
		   (struct ends){ back[1], there[0] }, put_file, get_file);

	message_file = need(slot_open(QUEUE, O_RDWR), "our own slot");
	round_trip(&trips->message, (struct ends){ 1, 2 }, (struct ends){ 2, 1 }, put_message,
		   get_message);
	close(message_file);
	pair_close(there);
	pair_close(back);
	slot_destroy(QUEUE);
}

/* ---- waking many ------------------------------------------------------- */

static struct {
	pid_t child[SLEEPERS];
	int file[SLEEPERS], writer;
	volatile long *heard; /* by each of them, in memory that is theirs and ours */
	long told;
} crowd;

static bool sleeps(pid_t pid)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	need(text_get(path, text, sizeof(text)), path);
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

/* We run before them all: to let them run, we sleep. */
static void all_asleep(void)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		while (crowd.heard[i] != crowd.told || !sleeps(crowd.child[i]))
			usleep(1000);
	crowd.told++;
}

static long do_eventfds(void)
{
	uint64_t one = 1;
	int i;

	for (i = 0; i < SLEEPERS; i++)
		if (write(crowd.file[i], &one, sizeof(one)) != sizeof(one))
			return -1;
	return SMALL;
}

static long do_publish(void)
{
	return write(crowd.writer, data, SMALL);
}

static struct call wake_eventfds = {
	"waking 32: 32 eventfd writes", do_eventfds, SMALL, 1, "65600", all_asleep, 0
};
static struct call wake_room = {
	"waking 32: one msgslot broadcast write", do_publish, SMALL, 1, "", all_asleep, 0
};

static void wake_many(struct call *call, size_t size)
{
	int i;

	crowd.told = 0;
	for (i = 0; i < SLEEPERS; i++) {
		crowd.heard[i] = 0;
		crowd.child[i] = child_fork();
		if (crowd.child[i])
			continue;
		while (read(crowd.file[i], data, size) > 0)
			crowd.heard[i]++;
		_exit(1);
	}
	measure(call);
	for (i = 0; i < SLEEPERS; i++)
		child_end(crowd.child[i]);
}

static void wakes(void)
{
	struct sched_param first = { .sched_priority = 1 };
	int i;

	crowd.heard = mmap(NULL, SLEEPERS * sizeof(*crowd.heard), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crowd.heard == MAP_FAILED)
		bail_out("mmap");
	/* The waker's cost alone: nobody it wakes may run before it sleeps. */
	need(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first), "SCHED_FIFO");

	for (i = 0; i < SLEEPERS; i++)
		crowd.file[i] = need(eventfd(0, 0), "eventfd");
	wake_many(&wake_eventfds, sizeof(uint64_t));

	slot_renew(ROOM, "broadcast");
	crowd.writer = need(slot_open(ROOM, O_WRONLY), "our own slot");
	for (i = 0; i < SLEEPERS; i++)
		crowd.file[i] = need(slot_open(ROOM, O_RDONLY), "our own slot");
	wake_many(&wake_room, SMALL);
}

int main(void)
{
	measure_begin(2);
	round_trips(&ordinary);
	round_trips(&batch);
	wakes();
	measure_end();

	judge("queue: sleeping round trip, as a share of pipes'",
	      ordinary.queue.insn / ordinary.pipe.insn, 1);
	judge("queue: the same where both always sleep", batch.queue.insn / batch.pipe.insn, 1);
	return failed != 0;
}
