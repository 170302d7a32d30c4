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

/*
 * Opens a slot of mode `queue`.  Returns only its descriptor, as the context has no more members.
 */
static int kevents_open(const char *name)
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

/* Tries the nodes and does not read sysfs: a container may have nodes only. */
static int kevents_open_lowest(void)
{
	int minor, file, error = ENOENT;
	char number[16];

	for (minor = 0; minor < MSGSLOT_SLOTS_MAX; minor++) {
		snprintf(number, sizeof(number), "%d", minor);
		file = kevents_open(number);
		if (file >= 0)
			return file;
		/* EACCES of one slot says more than ENOENT of the others. */
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
		ctx->file = kevents_open(node);
	else if (access(KEVENTS_NODE, F_OK) == 0)
		ctx->file = kevents_open(KEVENTS_NODE);
	else
		ctx->file = kevents_open_lowest();
	return ctx->file >= 0 ? NOERR : FILEERR;
}

/* Receives an event with this id, without waiting: 0, or -1. */
static int kevents_receive(const kevents_ctx *ctx, int id, uint32_t flags, char *bytes, size_t size)
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
	/* An event that is longer than the buffer is there, too. */
	if (!kevents_receive(ctx, id, MSGSLOT_RECV_PEEK, &byte, sizeof(byte)) || errno == ENOSPC)
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
	if (len >= 0 && !kevents_receive(ctx, id, 0, msg, (size_t)len))
		return 0;
	/* The errno of the original library. */
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
