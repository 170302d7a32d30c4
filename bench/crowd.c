// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What other users cost: a call in a `broadcast` channel that blocks, with 20 000 files on it or
 * with 2; and a message while 4 000 writers are asleep, or one, or none.  An eighth of them at
 * quick size.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include "measure.h"

enum {
	BROADCAST = 212,
	QUEUE = 213,
	CHANNEL = 1,
	DEPTH = 64,
	FEW = 2,
	FILES = 20000,
	STACK = 64 * 1024,
};

static int files[FILES], many_files, many_sleepers, reader, writer, queue, sleepers;

/* ---- many files ------------------------------------------------------------- */

static long do_read(void)
{
	char message[SMALL];

	return read(reader, message, sizeof(message));
}

static long do_poll(void)
{
	struct pollfd file = { .fd = writer, .events = POLLOUT };

	return poll(&file, 1, 0);
}

static long do_write(void)
{
	return write(writer, data, SMALL);
}

static long do_come_and_go(void)
{
	int fd = slot_open_on(BROADCAST, O_RDONLY | O_NONBLOCK, CHANNEL);

	return fd < 0 ? -1 : close(fd);
}

/* No message is left to read, so there is space. */
static void empty(void)
{
	struct msgslot_clear clear = { .channel = CHANNEL };

	need(ioctl(writer, MSGSLOT_CLEAR, &clear), "clear");
}

/* The other files have read nothing yet. */
static void rewind_reader(void)
{
	struct msgslot_seek seek = { .whence = MSGSLOT_SEEK_OLDEST };

	need(ioctl(reader, MSGSLOT_SEEK, &seek), "seek");
}

/**
 * struct figures - what is measured with each number of files
 * @write: a message is placed
 * @refused: a write that would have to wait
 * @read: of a message that other files have yet to read
 * @poll: of a full channel
 * @come_and_go: open, select and close
 */
struct figures {
	struct call write, refused, read, poll, come_and_go;
};

static struct figures with_few = {
	{ "write, 2 files", do_write, SMALL, DEPTH, "", empty, 0 },
	{ "write that is refused, 2 files", do_write, -1, 50, "", NULL, 0 },
	{ "read, 2 files", do_read, SMALL, DEPTH, "", rewind_reader, 0 },
	{ "poll, 2 files", do_poll, 0, 50, "", NULL, 0 },
	{ "open, select and close, 2 files", do_come_and_go, 0, 10, "", NULL, 0 },
};
static struct figures with_many = {
	{ "write, many files", do_write, SMALL, DEPTH, "", empty, 0 },
	{ "write that is refused, many files", do_write, -1, 50, "", NULL, 0 },
	{ "read, many files", do_read, SMALL, DEPTH, "", rewind_reader, 0 },
	{ "poll, many files", do_poll, 0, 50, "", NULL, 0 },
	{ "open, select and close, many files", do_come_and_go, 0, 10, "", NULL, 0 },
};

/* The channel is full after the writes, and a file that has not read yet keeps it full. */
static void measure_figures(struct figures *figures)
{
	measure(&figures->write);
	measure(&figures->refused);
	measure(&figures->read);
	measure(&figures->poll);
	measure(&figures->come_and_go);
}

static void open_files(int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		files[i] = need(slot_open_on(BROADCAST, O_RDONLY | O_NONBLOCK, CHANNEL),
				"one of many files");
}

/* ---- many writers asleep ---------------------------------------------------- */

static void *write_for_ever(void *unused)
{
	(void)unused;
	while (write(queue, data, SMALL) == SMALL)
		continue;
	return NULL;
}

/* The writers are asleep once the channel is full and each has had its turn. */
static void writers_begin(int count)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
	for (; sleepers < count; sleepers++) {
		errno = pthread_create(&thread, &small, write_for_ever, NULL);
		if (errno)
			bail_out("a writer");
	}
	usleep(100000);
}

/* One message is taken, one writer wakes and sends the next: both sleep in between. */
static long do_take(void)
{
	char message[SMALL];

	return read(queue, message, sizeof(message));
}

static struct call one_writer = {
	"take a message, 1 writer asleep", do_take, SMALL, 50, "", NULL, 0
};
static struct call many_writers = {
	"take a message, many writers asleep", do_take, SMALL, 50, "", NULL, 0
};

/* In `broadcast` no writer wakes for a message that another file has yet to read. */
static struct call read_alone = {
	"read, no writer asleep", do_read, SMALL, DEPTH, "", rewind_reader, 0
};
static struct call read_beside = {
	"read, many writers asleep", do_read, SMALL, DEPTH, "", rewind_reader, 0
};

static void measure_many_files(void)
{
	slot_renew(BROADCAST, "broadcast");
	need(slot_put(BROADCAST, "overflow", "block\n"), "overflow");
	need(slot_set(BROADCAST, "depth", DEPTH), "depth");
	writer = need(slot_open_on(BROADCAST, O_WRONLY | O_NONBLOCK, CHANNEL), "the writer");
	reader = need(slot_open_on(BROADCAST, O_RDONLY | O_NONBLOCK, CHANNEL), "the reader");
	open_files(0, FEW - 1);
	measure_figures(&with_few);
	open_files(FEW - 1, many_files - 1);
	measure_figures(&with_many);
}

static void measure_many_writers(void)
{
	slot_renew(QUEUE, "queue");
	need(slot_set(QUEUE, "depth", 1), "depth");
	queue = need(slot_open_on(QUEUE, O_RDWR, CHANNEL), "the queue");
	writers_begin(1);
	measure(&one_writer);
	writers_begin(many_sleepers);
	measure(&many_writers);
	slot_destroy(QUEUE);

	/* The `broadcast` part cannot use the same threads: they end with the slot. */
	usleep(100000);
	sleepers = 0;
	measure(&read_alone);
	queue = need(slot_open_on(BROADCAST, O_WRONLY, CHANNEL), "the broadcast channel");
	writers_begin(many_sleepers);
	measure(&read_beside);
}

static double share(const struct call *many, const struct call *few)
{
	return many->insn / few->insn;
}

int main(void)
{
	const struct rlimit limit = { FILES + 100, FILES + 100 };

	need(setrlimit(RLIMIT_NOFILE, &limit), "open so many files");
	many_files = scaled(FILES, 1000);
	many_sleepers = scaled(4000, 500);
	measure_begin(7);
	measure_many_files();
	measure_many_writers();
	measure_end();
	printf("# many: %d files, %d writers\n", many_files, many_sleepers);
	slot_destroy(BROADCAST);

	judge("a write, many files by 2", share(&with_many.write, &with_few.write), 1.1);
	judge("a refused write, many files by 2", share(&with_many.refused, &with_few.refused),
	      1.1);
	judge("a read, many files by 2", share(&with_many.read, &with_few.read), 1.1);
	judge("a poll, many files by 2", share(&with_many.poll, &with_few.poll), 1.1);
	judge("to come and go, many files by 2",
	      share(&with_many.come_and_go, &with_few.come_and_go), 1.1);
	judge("to take a message, many writers asleep by 1", share(&many_writers, &one_writer),
	      1.1);
	judge("a read, many writers asleep by none", share(&read_beside, &read_alone), 1.1);
	return failed != 0;
}
