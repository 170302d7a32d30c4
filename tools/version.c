// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot version: versions of the tool, its library, and the module, which a slot tells. */
#include "arguments.h"
#include "command.h"
#include "option.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <msgslot.h>
#include <stdio.h>
#include <string.h>

/*
 * Any node will do, as a container may have only one.  If none can be opened, stores the error of
 * the first that exists; ENOENT if none exists.
 */
static bool version_ask_module(struct msgslot_info *info, int *error)
{
	bool answered = false;

	*error = ENOENT;
	for (int minor = 0; minor < MSGSLOT_SLOTS_MAX && !answered; minor++) {
		struct msgslot *slot;
		char number[16];

		snprintf(number, sizeof(number), "%d", minor);
		slot = msgslot_slot_open(number, O_RDONLY | O_NONBLOCK);
		if (!slot && *error == ENOENT)
			*error = errno;
		answered = slot && !msgslot_info_get(slot, info, sizeof(*info));
		msgslot_slot_close(slot);
	}
	return answered;
}

static int version_run(int argc, char **argv)
{
	int status = argument_end(argc, argv, 0), error;
	struct msgslot_info info;

	if (status)
		return status;
	printf("msgslot %s\n", MSGSLOT_VERSION);
	printf("libmsgslot %s\n", msgslot_version_get());
	if (version_ask_module(&info, &error))
		printf("module ABI %u (this msgslot knows %d)\n", info.version,
		       MSGSLOT_ABI_VERSION);
	else
		printf("module ABI unknown: %s (this msgslot knows %d)\n",
		       error == ENOENT ? "there is no slot" : strerror(error), MSGSLOT_ABI_VERSION);
	return stream_flush();
}

const struct command version_command = {
	.name = "version",
	.run = version_run,
	.options = option_none,
	.arguments = "[-h]",
	.summary = "Say the versions of the tool, the library and the module's ABI.",
	.help = "  -h, --help  print this\n",
};
