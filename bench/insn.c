// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a message costs, in instructions, beside what else could carry it.
 *
 * Under icount the guest's CLOCK_MONOTONIC advances one nanosecond an instruction, so figures
 * repeat to the fourth digit on a busy machine.  A batch is short enough that many pass between
 * two timer ticks, and the cheapest batch counts.
 */
#define _GNU_SOURCE
#include <mqueue.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>

#include "slot.h"

enum {
	SMALL = 128,
	LONG = 64 * 1024,
	LONG_MINOR = 63, /* our own slot: it gets another max_message */
	BATCHES = 40,
};

static struct {
	int zero, null, file, pipe[2], pair[2], sysv, small, big;
	mqd_t mq;
} fd;

static char data[LONG];
static struct {
	long type;
	char text[SMALL];
} sysv_message = { .type = 1 };

static long do_getppid(void)
{
	return getppid() >= 0 ? SMALL : -1;
}
static long do_zero(void)
{
	return read(fd.zero, data, SMALL);
}
static long do_null(void)
{
	return write(fd.null, data, SMALL);
}
static long do_pread(void)
{
	return pread(fd.file, data, SMALL, 0);
}
static long do_pwrite(void)
{
	return pwrite(fd.file, data, SMALL, 0);
}
static long do_write(void)
{
	return write(fd.small, data, SMALL);
}
static long do_read(void)
{
	return read(fd.small, data, SMALL);
}

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

static long do_long_file(void)
{
	return pwrite(fd.file, data, LONG, 0) == LONG ? pread(fd.file, data, LONG, 0) : -1;
}

static long do_long_slot(void)
{
	return write(fd.big, data, LONG) == LONG ? read(fd.big, data, LONG) : -1;
}

struct call {
	const char *name;
	long (*run)(void);
	long moved;	       /* what run() answers when all is well */
	int rounds;	       /* in a batch */
	const char *published; /* DESIGN, section 8 (and 2 for our own) */
	double insn;
};

enum { SLOT_WRITE = 9, SLOT_READ, FILE_LONG, SLOT_LONG };

static struct call calls[] = {
	{ "getppid, the floor of a call", do_getppid, SMALL, 500, "338", 0 },
	{ "read /dev/zero", do_zero, SMALL, 500, "682", 0 },
	{ "write /dev/null (copies nothing)", do_null, SMALL, 500, "591", 0 },
	{ "tmpfs pread", do_pread, SMALL, 500, "1305", 0 },
	{ "tmpfs pwrite", do_pwrite, SMALL, 500, "1693", 0 },
	{ "pipe write + read", do_pipe, SMALL, 250, "2385", 0 },
	{ "POSIX mq send + receive", do_mq, SMALL, 250, "2678", 0 },
	{ "SysV send + receive", do_sysv, SMALL, 250, "2393", 0 },
	{ "unix seqpacket write + read", do_seqpacket, SMALL, 250, "4467", 0 },
	[SLOT_WRITE] = { "msgslot last write", do_write, SMALL, 500, "905", 0 },
	[SLOT_READ] = { "msgslot last read", do_read, SMALL, 500, "821", 0 },
	[FILE_LONG] = { "tmpfs pwrite + pread, 64 KiB", do_long_file, LONG, 20, "36700", 0 },
	[SLOT_LONG] = { "msgslot write + read, 64 KiB", do_long_slot, LONG, 20, "19600", 0 },
};

static void bail_out(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static int need(int result, const char *what)
{
	if (result < 0)
		bail_out(what);
	return result;
}

static void open_all(void)
{
	struct mq_attr limits = { .mq_maxmsg = 4, .mq_msgsize = SMALL };

	fd.zero = need(open("/dev/zero", O_RDONLY), "/dev/zero");
	fd.null = need(open("/dev/null", O_WRONLY), "/dev/null");
	fd.file = need(memfd_create("bench", 0), "memfd_create");
	need(ftruncate(fd.file, LONG), "ftruncate");
	need(pipe(fd.pipe), "pipe");
	need(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd.pair), "socketpair");
	fd.sysv = need(msgget(IPC_PRIVATE, 0600), "msgget");
	fd.mq = need(mq_open("/msgslot-bench", O_RDWR | O_CREAT, 0600, &limits), "mq_open");
	mq_unlink("/msgslot-bench");

	fd.small = need(slot_open_on(0, O_RDWR, 1), "/dev/msgslot0");
	slot_destroy(LONG_MINOR);
	need(slot_create(LONG_MINOR, "last"), "create a slot");
	need(slot_set(LONG_MINOR, "max_message", LONG), "max_message");
	fd.big = need(slot_open_on(LONG_MINOR, O_RDWR, 1), "our own slot");
	need(write(fd.small, data, SMALL), "write");
}

static void close_all(void)
{
	msgctl(fd.sysv, IPC_RMID, NULL);
	slot_destroy(LONG_MINOR);
}

static void measure(struct call *call)
{
	struct timespec from, to;
	double batch;
	int i, j;

	call->insn = 1e18;
	for (i = 0; i < BATCHES; i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		for (j = 0; j < call->rounds; j++)
			if (call->run() != call->moved)
				bail_out(call->name);
		clock_gettime(CLOCK_MONOTONIC, &to);
		batch = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
		/* The first batches only warm up. */
		if (i >= BATCHES / 8 && batch / call->rounds < call->insn)
			call->insn = batch / call->rounds;
	}
}

static bool judge(int number, const char *what, double value, double limit)
{
	bool good = value <= limit;

	printf("%sok %d - %s: %.*f, at most %.*f\n", good ? "" : "not ", number, what,
	       limit < 10 ? 3 : 0, value, limit < 10 ? 1 : 0, limit);
	return good;
}

int main(void)
{
	const char *icount = getenv("MSGSLOT_ICOUNT");
	bool good = true;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	open_all();
	printf("1..3\n");
	printf("# %-36s %8s %10s\n", "insn a call, 128 bytes unless said", "now", "published");
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		measure(&calls[i]);
		printf("# %-36s %8.0f %10s\n", calls[i].name, calls[i].insn, calls[i].published);
	}
	close_all();

	if (!icount || strcmp(icount, "1")) {
		printf("Bail out! these are nanoseconds, not instructions: use tests/vm/run --icount\n");
		return 1;
	}
	good &= judge(1, "write of 128 bytes", calls[SLOT_WRITE].insn, 950);
	good &= judge(2, "read of 128 bytes", calls[SLOT_READ].insn, 860);
	good &= judge(3, "64 KiB write + read, as a share of tmpfs",
		      calls[SLOT_LONG].insn / calls[FILE_LONG].insn, 0.7);
	return good ? 0 : 1;
}
