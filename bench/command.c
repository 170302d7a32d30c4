// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the command costs: a command that sends or receives a message, from fork to exit, beside
 * cat of a file of that size; and a message of a stream, beside the system calls that it takes.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include "measure.h"

enum { LAST = 210, QUEUE = 211, STREAM = 1000 };

static char file[] = "/tmp/a-file-of-128-bytes", message[SMALL + 1];
static posix_spawn_file_actions_t quiet;
static int queue, reader, null;

/* Its exit code must be 0. */
static long process(char *const arguments[])
{
	char *const environment[] = { NULL };
	pid_t child;
	int status;

	if (posix_spawnp(&child, arguments[0], &quiet, NULL, arguments, environment) ||
	    waitpid(child, &status, 0) != child)
		return -1;
	return status;
}

static long do_cat(void)
{
	return process((char *[]){ "cat", file, NULL });
}

static long do_send(void)
{
	return process((char *[]){ "msgslot", "send", "210", "5", message, NULL });
}

static long do_recv(void)
{
	return process((char *[]){ "msgslot", "recv", "210", "5", NULL });
}

static long do_recv_all(void)
{
	return process((char *[]){ "msgslot", "recv", "-C", "1000", "211", "0", NULL });
}

static long do_recv_one(void)
{
	return process((char *[]){ "msgslot", "recv", "-C", "1", "211", "0", NULL });
}

/* As the command does: with a closed pipe for output it takes no message. */
static long do_calls(void)
{
	struct pollfd output = { .fd = null };
	struct msgslot_recv recv;
	int i;

	for (i = 0; i < STREAM; i++) {
		memset(&recv, 0, sizeof(recv));
		recv.message = (uintptr_t)data;
		recv.size = sizeof(data);
		if (poll(&output, 1, 0) < 0 || ioctl(reader, MSGSLOT_RECV, &recv) ||
		    write(null, data, recv.length) != SMALL)
			return -1;
	}
	return 0;
}

static void fill(void)
{
	char rest[SMALL];
	int i;

	while (read(queue, rest, sizeof(rest)) > 0)
		continue;
	/* One message is left: freeing an empty ring that large would count in the next figure. */
	for (i = 0; i <= STREAM; i++)
		need(write(queue, message, SMALL), "fill the queue");
}

static struct call cat = { "cat FILE", do_cat, 0, 1, "", NULL, 0 };
static struct call send = { "msgslot send SLOT CHANNEL MESSAGE", do_send, 0, 1, "", NULL, 0 };
static struct call recv_once = { "msgslot recv SLOT CHANNEL", do_recv, 0, 1, "", NULL, 0 };
static struct call recv_one = { "msgslot recv -C 1, from a queue", do_recv_one, 0, 1, "", fill, 0 };
static struct call recv_all = {
	"msgslot recv -C 1000, from a queue", do_recv_all, 0, 1, "", fill, 0
};
static struct call calls = { "poll, RECV and write, a thousand times", do_calls, 0, 1, "", fill, 0 };

int main(void)
{
	int fd;

	memset(message, 'm', SMALL);
	slot_renew(LAST, "last");
	slot_renew(QUEUE, "queue");
	need(nodes_settle(), "the nodes");
	queue = need(slot_open(QUEUE, O_RDWR | O_NONBLOCK), "our own slot");
	/* It selects nothing, like the command while there are messages. */
	reader = need(slot_open(QUEUE, O_RDONLY | O_NONBLOCK), "our own slot");
	null = need(open("/dev/null", O_WRONLY), "/dev/null");
	fd = need(open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600), file);
	need(write(fd, message, SMALL), file);
	close(fd);
	if (posix_spawn_file_actions_init(&quiet) ||
	    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0))
		bail_out("posix_spawn_file_actions");

	measure_begin(3);
	measure(&cat);
	measure(&send);
	measure(&recv_once);
	measure(&recv_one);
	measure(&recv_all);
	measure(&calls);
	measure_end();
	unlink(file);
	slot_destroy(LAST);
	slot_destroy(QUEUE);

	judge("msgslot send, as a share of cat", send.insn / cat.insn, 1.3);
	judge("msgslot recv, as a share of cat", recv_once.insn / cat.insn, 1.3);
	judge("a message of a stream, as a share of its system calls",
	      (recv_all.insn - recv_one.insn) / (STREAM - 1) / (calls.insn / STREAM), 1.1);
	return failed != 0;
}
