// SPDX-License-Identifier: LGPL-2.1-or-later
/* KEvents' functions over a slot of mode `queue`.  See kevents_lib.h. */
#define _GNU_SOURCE
#include "kevents_lib.h"
#include "kevents_usr.h"

#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdlib.h>
#include <unistd.h>

#define KEVENTS_NODE "/dev/kevents"

/* The slot, if it is one that each event can be taken from. */
static struct msgslot *open_queue(const char *name)
{
	struct msgslot *slot = msgslot_open(name, O_RDWR);

	if (slot && msgslot_mode(slot) != MSGSLOT_QUEUE) {
		msgslot_close(slot);
		slot = NULL;
		errno = EOPNOTSUPP;
	}
	return slot;
}

/* Nodes are tried, not sysfs read, as a container may have only the one. */
static struct msgslot *open_lowest_queue(void)
{
	int minor, error = ENOENT;
	struct msgslot *slot;
	char number[16];

	for (minor = 0; minor < MSGSLOT_SLOTS_MAX; minor++) {
		snprintf(number, sizeof(number), "%d", minor);
		slot = open_queue(number);
		if (slot)
			return slot;
		/* That a slot is closed to the caller says more than that there is none. */
		if (errno == EACCES || error == ENOENT)
			error = errno;
	}
	errno = error;
	return NULL;
}

int ke_init(kevents_ctx *ctx)
{
	const char *node = secure_getenv("KEVENTS_NODE");

	if (!ctx)
		return NULLCTX;
	if (node && *node)
		ctx->slot = open_queue(node);
	else if (access(KEVENTS_NODE, F_OK) == 0)
		ctx->slot = open_queue(KEVENTS_NODE);
	else
		ctx->slot = open_lowest_queue();
	ctx->file = ctx->slot ? msgslot_fd(ctx->slot) : -1;
	return ctx->slot ? NOERR : FILEERR;
}

static int is_closed(const kevents_ctx *ctx)
{
	if (ctx->slot)
		return 0;
	errno = EBADF;
	return 1;
}

int ke_poll_event(kevents_ctx *ctx, int id)
{
	const struct msgslot_receive_options peek = { .flags = MSGSLOT_RECV_PEEK };
	char byte;

	if (!ctx)
		return NULLCTX;
	if (is_closed(ctx))
		return -1;
	/* Only whether there is one is asked: that it is longer than the buffer says so, too. */
	if (msgslot_message_receive(ctx->slot, (uint32_t)id, &byte, sizeof(byte), &peek, NULL) >= 0)
		return 1;
	if (errno == ENOSPC)
		return 1;
	return errno == EAGAIN ? 0 : -1;
}

int ke_send_event(kevents_ctx *ctx, int id, char *msg, int len)
{
	const struct msgslot_send_options at_once = { .timeout = 0 };

	if (!ctx)
		return NULLCTX;
	if (len > MSG_MAX)
		return MSGTOOLARGE;
	if (is_closed(ctx))
		return -1;
	if (len < 0) {
		errno = EINVAL;
		return -1;
	}
	return msgslot_message_send(ctx->slot, (uint32_t)id, msg, (size_t)len, &at_once, NULL);
}

int ke_get_event(kevents_ctx *ctx, int id, char *msg, int len)
{
	const struct msgslot_receive_options at_once = { .timeout = 0 };

	if (!ctx)
		return NULLCTX;
	if (len > MSG_MAX)
		return MSGTOOLARGE;
	if (is_closed(ctx))
		return -1;
	if (len >= 0 &&
	    msgslot_message_receive(ctx->slot, (uint32_t)id, msg, (size_t)len, &at_once, NULL) >= 0)
		return 0;
	/* As the original has it. */
	if (len < 0 || errno == ENOSPC)
		errno = EINVAL;
	return -1;
}

int ke_close(kevents_ctx *ctx)
{
	if (!ctx)
		return NULLCTX;
	msgslot_close(ctx->slot);
	ctx->slot = NULL;
	ctx->file = -1;
	return 0;
}
