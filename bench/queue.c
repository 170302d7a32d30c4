// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What carrying a message in mode `queue` costs while nobody sleeps, and what keeping one costs
 * the kernel, beside the queues that were there before.
 */
#define _GNU_SOURCE
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "measure.h"

enum {
	MINOR = 60,
	KEPT = 65536, /* messages, when they are weighed: the most that a POSIX queue can hold */
	HELD = 7,     /* a channel that another file has selected */
	UNHELD = 8,   /* one that nobody has, so it comes and goes with its message */
};

static struct {
	int queue, holder, pipe[2], pair[2], sysv;
	mqd_t mq;
} fd;

static struct {
	long type;
	char text[SMALL];
} sysv_message = { .type = 1 };

static struct msgslot_send outgoing = {
	.message = (uintptr_t)data,
	.length = SMALL,
	.timeout = -1,
};
static struct msgslot_recv incoming = {
	.message = (uintptr_t)data,
	.size = SMALL,
	.timeout = -1,
};

static long do_pipe(void)
{
	return write(fd.pipe[1], data, SMALL) == SMALL ? read(fd.pipe[0], data, SMALL) : -1;
}

static long do_mq(void)
{
	return mq_send(fd.mq, data, SMALL, 0) == 0 ? mq_receive(fd.mq, data, SMALL, NULL) : -1;
}

static long do_sysv(void)
{
	if (msgsnd(fd.sysv, &sysv_message, SMALL, 0))
		return -1;
	return msgrcv(fd.sysv, &sysv_message, SMALL, 0, 0);
}

static long do_seqpacket(void)
{
	return write(fd.pair[0], data, SMALL) == SMALL ? read(fd.pair[1], data, SMALL) : -1;
}

static long do_queue(void)
{
	return write(fd.queue, data, SMALL) == SMALL ? read(fd.queue, data, SMALL) : -1;
}

static long do_message(void)
{
	if (ioctl(fd.queue, MSGSLOT_SEND, &outgoing) || ioctl(fd.queue, MSGSLOT_RECV, &incoming))
		return -1;
	return incoming.length;
}

static struct call peers[] = {
	{ "pipe write + read", do_pipe, SMALL, 200, "2385", NULL, 0 },
	{ "POSIX mq send + receive", do_mq, SMALL, 200, "2678", NULL, 0 },
	{ "SysV send + receive", do_sysv, SMALL, 200, "2393", NULL, 0 },
	{ "unix seqpacket write + read", do_seqpacket, SMALL, 200, "4467", NULL, 0 },
};

static struct call plain = { "msgslot queue write + read", do_queue, SMALL, 200, "1772", NULL, 0 };
static struct call full = {
	"msgslot queue SEND + RECV, all fields", do_message, SMALL, 200, "2017", NULL, 0
};
static struct call held = {
	"  on a channel that another file selected", do_message, SMALL, 200, "", NULL, 0
};
static struct call unheld = {
	"  on a channel that comes and goes", do_message, SMALL, 200, "", NULL, 0
};

/* The figure is for everything RECV has to say: it must have said it. */
static void measure_message(struct call *call, uint32_t channel)
{
	outgoing.channel = channel;
	incoming.channel = channel;
	measure(call);
	if (!outgoing.sequence || incoming.sequence != outgoing.sequence || !incoming.time ||
	    incoming.lost || incoming.pid != (uint32_t)getpid() || incoming.uid != getuid()) {
		errno = EPROTO;
		bail_out("RECV is not complete");
	}
}

static void open_all(void)
{
	struct mq_attr limits = { .mq_maxmsg = 4, .mq_msgsize = SMALL };

	need(pipe(fd.pipe), "pipe");
	need(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd.pair), "socketpair");
	fd.sysv = need(msgget(IPC_PRIVATE, 0600), "msgget");
	fd.mq = need(mq_open("/msgslot-bench", O_RDWR | O_CREAT, 0600, &limits), "mq_open");
	mq_unlink("/msgslot-bench");
	slot_renew(MINOR, "queue");
	fd.queue = need(slot_open(MINOR, O_RDWR), "our own slot");
	fd.holder = need(slot_open_on(MINOR, O_RDWR, HELD), "our own slot");
}

static void close_all(void)
{
	close(fd.queue);
	close(fd.holder);
	mq_close(fd.mq);
	msgctl(fd.sysv, IPC_RMID, NULL);
	slot_destroy(MINOR);
}

/* ---- what a kept message weighs ---------------------------------------- */

static double memory_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtod(line + strlen(name), NULL) * 1024 : 0;
}

/*
 * What the kernel has allocated for itself, small and large, once it has freed what it frees late
 * (kvfree_rcu() collects for five seconds).  Not what is free: a processor keeps pages aside that
 * are neither.  Reading stat_refresh adds up what each processor has counted.
 */
static double memory_used(void)
{
	static char text[8192];

	sleep(6);
	text_get("/proc/sys/vm/stat_refresh", text, sizeof(text));
	need(text_get("/proc/meminfo", text, sizeof(text)), "/proc/meminfo");
	return memory_line(text, "\nSUnreclaim:") + memory_line(text, "\nVmallocUsed:");
}

static long keep_queue(void)
{
	return write(fd.queue, data, SMALL) == SMALL ? 0 : -1;
}

static long keep_mq(void)
{
	return mq_send(fd.mq, data, SMALL, 0);
}

static long keep_sysv(void)
{
	return msgsnd(fd.sysv, &sysv_message, SMALL, IPC_NOWAIT);
}

static void weigh(const char *name, long (*keep)(void))
{
	double before = memory_used();
	int i;

	for (i = 0; i < KEPT; i++)
		if (keep())
			bail_out(name);
	printf("# %-44s %8.0f\n", name, (memory_used() - before) / KEPT);
}

static void weigh_queue(const char *name, int max_message)
{
	slot_renew(MINOR, "queue");
	need(slot_set(MINOR, "depth", KEPT), "depth");
	need(slot_set(MINOR, "max_message", max_message), "max_message");
	fd.queue = need(slot_open(MINOR, O_RDWR | O_NONBLOCK), "our own slot");
	weigh(name, keep_queue);
	printf("# %-44s %8.0f\n", "  of which the slot is charged",
	       (double)slot_get(MINOR, "bytes") / KEPT);
	close(fd.queue);
	slot_destroy(MINOR);
}

static void weigh_mq(void)
{
	struct mq_attr limits = { .mq_maxmsg = KEPT, .mq_msgsize = SMALL };
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	need(setrlimit(RLIMIT_MSGQUEUE, &none), "RLIMIT_MSGQUEUE");
	fd.mq = need(mq_open("/msgslot-bench", O_RDWR | O_CREAT, 0600, &limits), "mq_open");
	mq_unlink("/msgslot-bench");
	weigh("POSIX mq", keep_mq);
	mq_close(fd.mq);
}

static void weigh_sysv(void)
{
	struct msqid_ds limits;

	fd.sysv = need(msgget(IPC_PRIVATE, 0600), "msgget");
	need(msgctl(fd.sysv, IPC_STAT, &limits), "IPC_STAT");
	limits.msg_qbytes = KEPT * SMALL;
	need(msgctl(fd.sysv, IPC_SET, &limits), "IPC_SET");
	weigh("SysV", keep_sysv);
	msgctl(fd.sysv, IPC_RMID, NULL);
}

int main(void)
{
	size_t i;

	open_all();
	measure_begin(2);
	for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		measure(&peers[i]);
	measure(&plain);
	measure_message(&full, 0);
	measure_message(&held, HELD);
	measure_message(&unheld, UNHELD);
	close_all();

	printf("# %-44s %8s\n", "bytes of the kernel's for a kept message of 128", "now");
	weigh_mq();
	weigh_sysv();
	weigh_queue("msgslot queue", MSGSLOT_QUEUE_MESSAGE_DEFAULT);
	weigh_queue("msgslot queue, max_message 128", SMALL);
	measure_end();

	judge("queue: write + read", plain.insn, 1900);
	judge("queue: SEND + RECV", full.insn, 2250);
	return failed != 0;
}
