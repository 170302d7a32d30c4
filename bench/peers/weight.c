// SPDX-License-Identifier: GPL-2.0-or-later
/* What a kept message costs the kernel, in bytes of its memory. */
#define _GNU_SOURCE
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>

#include "peers.h"

static double memory_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtod(line + strlen(name), NULL) * 1024 : 0;
}

/*
 * The memory that the kernel has allocated for itself, small and large, and for files in memory,
 * after it has freed what it frees late (kvfree_rcu() collects for five seconds).  It is not
 * derived from free memory, as a processor keeps pages that are neither.  Reading stat_refresh adds
 * up the counts of each processor.
 */
double memory_used(void)
{
	static char text[8192];

	sleep(6);
	text_get("/proc/sys/vm/stat_refresh", text, sizeof(text));
	need(text_get("/proc/meminfo", text, sizeof(text)), "/proc/meminfo");
	return memory_line(text, "\nSlab:") + memory_line(text, "\nVmallocUsed:") +
	       memory_line(text, "\nShmem:");
}

/* So many kept messages of SMALL bytes. */
static int weigh(long count, long (*keep)(void), struct figure *figure)
{
	double before = memory_used();
	long i;

	for (i = 0; i < count; i++)
		if (keep())
			return cannot_call("one more message");
	*figure = (struct figure){
		.known = true,
		.p50 = (memory_used() - before) / count,
		.samples = 1,
	};
	return 0;
}

static int file = -1, result;

static long keep_mq(void)
{
	return mq_send(file, outgoing.bytes, SMALL, 0);
}

int weigh_mq(const struct row *row, long at, struct figure *figure)
{
	struct mq_attr limits = { .mq_maxmsg = at, .mq_msgsize = SMALL };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit before;
	char name[64];

	(void)row;
	need(getrlimit(RLIMIT_MSGQUEUE, &before), "RLIMIT_MSGQUEUE");
	if (setrlimit(RLIMIT_MSGQUEUE, &none))
		return cannot_call("RLIMIT_MSGQUEUE");
	snprintf(name, sizeof(name), "/msgslot-peers-%d", getpid());
	file = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &limits);
	need(setrlimit(RLIMIT_MSGQUEUE, &before), "RLIMIT_MSGQUEUE");
	if (file < 0)
		return cannot_call("mq_open");
	mq_unlink(name);
	result = weigh(at, keep_mq, figure);
	mq_close(file);
	return result;
}

static long keep_sysv(void)
{
	return msgsnd(file, &outgoing, SMALL, IPC_NOWAIT);
}

int weigh_sysv(const struct row *row, long at, struct figure *figure)
{
	struct msqid_ds limits;

	(void)row;
	file = msgget(IPC_PRIVATE, 0600);
	if (file < 0)
		return cannot_call("msgget");
	result = msgctl(file, IPC_STAT, &limits);
	limits.msg_qbytes = at * SMALL;
	if (result || msgctl(file, IPC_SET, &limits))
		result = cannot_call("msg_qbytes");
	else
		result = weigh(at, keep_sysv, figure);
	msgctl(file, IPC_RMID, NULL);
	return result;
}

static long keep_queue(void)
{
	return write(file, outgoing.bytes, SMALL) == SMALL ? 0 : -1;
}

/* @charged: not the memory they take, but what the slot is charged for them. */
static int weigh_slot(long at, int max_message, bool charged, struct figure *figure)
{
	int minor = slot_take(MSGSLOT_MODE_QUEUE);

	if (minor < 0)
		return -1;
	need(slot_set(minor, "depth", at), "depth");
	need(slot_set(minor, "max_message", max_message), "max_message");
	file = need(slot_open(minor, O_RDWR | O_NONBLOCK), "our own slot");
	result = weigh(at, keep_queue, figure);
	if (charged)
		figure->p50 = (double)slot_get(minor, "bytes") / at;
	close(file);
	slot_give_back(minor);
	return result;
}

int weigh_queue(const struct row *row, long at, struct figure *figure)
{
	(void)row;
	return weigh_slot(at, MSGSLOT_QUEUE_MESSAGE_DEFAULT, false, figure);
}

int weigh_queue_small(const struct row *row, long at, struct figure *figure)
{
	(void)row;
	return weigh_slot(at, SMALL, false, figure);
}

int weigh_queue_charge(const struct row *row, long at, struct figure *figure)
{
	(void)row;
	return weigh_slot(at, SMALL, true, figure);
}
