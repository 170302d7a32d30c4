// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot: one program, a table of commands, chosen by the first argument.  A command with a name of its own
 * is a program of its own, which this file is compiled for once more, with MSGSLOT_PROGRAM; it is that command
 * whatever it is called.
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
	&list_command,
	&show_command,
	&clear_command,
	&create_command,
	&destroy_command,
	&set_command,
	&dump_command,
	&restore_command,
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

	/* A reader that went away is an error to report, not a signal to die from in silence. */
	signal(SIGPIPE, SIG_IGN);
	if (stream_guard())
		return STATUS_FAILED;
	command_use(main_commands);

#ifdef MSGSLOT_PROGRAM
	command = command_find(MSGSLOT_PROGRAM, true);
	/* Before Linux 5.18 a program can be started without even its own name. */
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
