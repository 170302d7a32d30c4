// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A command that runs while a message is tied to a slot.  See tied.h.
 *
 * The command inherits the open slot, and so do its children: the message goes when the last of
 * them has ended, also where this process was killed before.
 */
#include "tied.h"

#include "program.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static char tied_path[PATH_MAX];

int tied_open(struct tied *tied, const struct address *address, const char *program)
{
	int status = slot_open(&tied->slot, address, O_RDWR), fd;

	if (status)
		return status;
	if (msgslot_slot_get_mode(tied->slot.handle) != MSGSLOT_LAST)
		return report_error(STATUS_USAGE, tied->slot.node,
				    "In other modes a message does not go with its sender.",
				    "the slot's mode is not last");
	if (program_find(program, tied_path))
		return report_system(program, errno);
	fd = msgslot_slot_get_fd(tied->slot.handle);
	if (!tied->close && fcntl(fd, F_SETFD, 0))
		return report_system(tied->slot.node, errno);
	return STATUS_DONE;
}

int tied_send(struct tied *tied)
{
	const struct slot *slot = &tied->slot;
	int result;

	do
		result = msgslot_tied_send(slot->handle, slot->channel, tied->message,
					   strlen(tied->message), &tied->how, tied->will,
					   tied->will ? strlen(tied->will) : 0, NULL);
	while (result < 0 && errno == EINTR);
	return result;
}

int tied_run(struct tied *tied, char **command)
{
	int status = program_run(tied_path, command, STDIN_FILENO);

	(void)tied;
	return status < 0 ? report_system(command[0], errno) : status;
}
