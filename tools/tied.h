/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command that runs while a message is tied to a slot, for `msgslot hold` and `msgslot tie`. */
#ifndef MSGSLOT_TOOLS_TIED_H
#define MSGSLOT_TOOLS_TIED_H

#include "slot.h"

#include <stdbool.h>

/**
 * struct tied - what is tied, and how the command runs
 * @slot: that the message is sent to
 * @message: the message
 * @will: follows it; NULL: nothing does
 * @how: how it is sent
 * @close: the command does not inherit the slot: so the message goes with this process
 */
struct tied {
	struct slot slot;
	const char *message;
	const char *will;
	struct msgslot_send_options how;
	bool close;
};

/* Opens the slot, and finds the program.  Reports; a status. */
int tied_open(struct tied *tied, const struct address *address, const char *program);

/* Sends the message: 0; or -1 with errno. */
int tied_send(struct tied *tied);

/* Runs the command: its exit status, or a status. */
int tied_run(struct tied *tied, char **command);

#endif
