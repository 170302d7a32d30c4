// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot: a table of commands, of which the first argument chooses one.  A command with a name of
 * its own is a program of its own: this file is compiled for it once more, with MSGSLOT_PROGRAM.
 * That program is the command under whatever name it is called.
 */
#include "command.h"
#include "report.h"
#include "stream.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* In the order in which they are listed. */
static const struct command *const main_commands[] = {
	&send_command,
	&recv_command,
	&watch_command,
	&chat_command,
	&hold_command,
	&tie_command,
	&list_command,
	&show_command,
	&clear_command,
	&create_command,
	&destroy_command,
	&set_command,
	&dump_command,
	&restore_command,
	&record_command,
	&play_command,
	&doctor_command,
	&version_command,
	&help_command,
	&complete_command,
	&message_sender_command,
	&message_reader_command,
	NULL,
};

#ifndef MSGSLOT_PROGRAM
static int main_version(void)
{
	printf("msgslot %s\n", MSGSLOT_VERSION);
	return stream_flush();
}
#endif

int main(int argc, char **argv)
{
	const struct command *command;

	/*
	 * A reader of the output that is gone is reported as an error, not a silent death by
	 * signal.
	 */
	signal(SIGPIPE, SIG_IGN);
	if (stream_guard())
		return STATUS_FAILED;
	command_use(main_commands);

#ifdef MSGSLOT_PROGRAM
	command = command_find(MSGSLOT_PROGRAM, true);
	/* Before Linux 5.18 a program can be started without argv[0]. */
	return command_run(command, argc < 1 ? 1 : argc, argv);
#else
	if (argc < 2)
		return report_usage("no command");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return command_run(&help_command, 1, argv + 1);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		return main_version();

	command = command_find(argv[1], false);
	if (!command)
		return command_report_unknown(argv[1]);
	return command_run(command, argc - 1, argv + 1);
#endif
}
