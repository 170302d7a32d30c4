// SPDX-License-Identifier: LGPL-2.1-or-later
/* KEvents' functions over a slot of mode `queue`.  See kevents_lib.h. */
#define _GNU_SOURCE
#include "kevents_lib.h"
#include "kevents_usr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/msgslot.h>
#include <msgslot.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KEVENTS_NODE "/dev/kevents"

/* The slot, if it is one that each event can be taken from: the file alone, as the context has only that. */
static int open_queue(const char *name)
{
	struct msgslot *slot = msgslot_slot_open(name, O_RDWR);
	int file = -1;

	if (!slot)
		return -1;
	if (msgslot_slot_get_mode(slot) == MSGSLOT_QUEUE)
		file = fcntl(msgslot_slot_get_fd(slot), F_DUPFD_CLOEXEC, 0);
	else
		errno = EOPNOTSUPP;
	msgslot_slot_close(slot);
	return file;
}

/* Nodes are tried, not sysfs read, as a container may have only the one. */
static int open_lowest_queue(void)
{
	int minor, file, error = ENOENT;
	char number[16];

	for (minor = 0; minor < MSGSLOT_SLOTS_MAX; minor++) {
		snprintf(number, sizeof(number), "%d", minor);
		file = open_queue(number);
		if (file >= 0)
			return file;
		/* That a slot is closed to the caller says more than that there is none. */
		if (errno == EACCES || error == ENOENT)
			error = errno;
	}
	errno = error;
	return -1;
}

int ke_init(kevents_ctx *ctx)
{
	const char *node = secure_getenv("KEVENTS_NODE");

	if (!ctx)
		return NULLCTX;
	if (node && *node)
		ctx->file = open_queue(node);
	else if (access(KEVENTS_NODE, F_OK) == 0)
		ctx->file = open_queue(KEVENTS_NODE);
	else
		ctx->file = open_lowest_queue();
	return ctx->file >= 0 ? NOERR : FILEERR;
}

/* Of the event with this id, without waiting: 0, or -1. */
static int receive(const kevents_ctx *ctx, int id, uint32_t flags, char *bytes, size_t size)
{
	struct msgslot_recv recv = {
		.channel = (uint32_t)id,
		.flags = flags,
		.message = (uintptr_t)bytes,
		.size = (uint32_t)size,
	};

	return ioctl(ctx->file, MSGSLOT_RECV, &recv);
}

int ke_poll_event(kevents_ctx *ctx, int id)
{
	char byte;

	if (!ctx)
		return NULLCTX;
	/* Only whether there is one is asked: that it is longer than the buffer says so, too. */
	if (!receive(ctx, id, MSGSLOT_RECV_PEEK, &byte, sizeof(byte)) || errno == ENOSPC)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

int ke_send_event(kevents_ctx *ctx, int id, char *msg, int len)
{
	struct msgslot_send send = {
		.channel = (uint32_t)id,
		.message = (uintptr_t)msg,
		.length = (uint32_t)len,
	};

	if (!ctx)
		return NULLCTX;
	if (len > MSG_MAX)
		return MSGTOOLARGE;
	if (len < 0 && ctx->file >= 0) {
		errno = EINVAL;
		return -1;
	}
	return ioctl(ctx->file, MSGSLOT_SEND, &send);
}

int ke_get_event(kevents_ctx *ctx, int id, char *msg, int len)
{
	if (!ctx)
		return NULLCTX;
	if (len > MSG_MAX)
		return MSGTOOLARGE;
	if (len >= 0 && !receive(ctx, id, 0, msg, (size_t)len))
		return 0;
	/* As the original has it. */
	if (len < 0 || errno == ENOSPC)
		errno = ctx->file < 0 ? EBADF : EINVAL;
	return -1;
}

int ke_close(kevents_ctx *ctx)
{
	if (!ctx)
		return NULLCTX;
	if (ctx->file >= 0)
		close(ctx->file);
	ctx->file = -1;
	return 0;
}
