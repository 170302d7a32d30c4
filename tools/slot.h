/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open slot, and what its errors mean to the user. */
#ifndef MSGSLOT_TOOLS_SLOT_H
#define MSGSLOT_TOOLS_SLOT_H

#include "arguments.h"

#include <msgslot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct slot - an open slot, and a channel
 * @handle: the slot
 * @address: that it was opened by; it must outlive this
 * @node: of the address
 * @channel: that the calls are about; with a range, that of the last message
 * @line: of standard input, for reports; 0: none
 * @cut: standard input may have more of the message, for reports
 */
struct slot {
	struct msgslot *handle;
	const struct address *address;
	const char *node;
	uint32_t channel;
	uintmax_t line;
	bool cut;
};

/* Opens the address's slot; access is O_RDONLY, O_WRONLY or O_RDWR.  Reports; a status. */
int slot_open(struct slot *slot, const struct address *address, int access);

/* Selects the channel.  Reports; a status. */
int slot_select(struct slot *slot);

/*
 * Calls each for every channel of the slot, which is then slot->channel, in the order of the ids,
 * until that returns something else than 0.  Reports; a status.
 */
int slot_walk(struct slot *slot,
	      int (*each)(struct slot *slot, const struct msgslot_walk_detail *entry, void *data),
	      void *data);

/*
 * A send, or a receive, on the slot's channel failed: text and status for errno.  length is that of
 * the message, or 0.
 */
int slot_report_send(const struct slot *slot, size_t length, int error);
int slot_report_receive(const struct slot *slot, size_t length, int error);

/* Any other call on it failed. */
int slot_report(const struct slot *slot, int error);

#endif
