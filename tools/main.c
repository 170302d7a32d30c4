// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot: one program, a table of commands, chosen by the first argument.  A command with a name of its own
 * is a program of its own, which this file is compiled for once more, with MSGSLOT_PROGRAM; it is that command
 * whatever it is called.
 */
#include "tools.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* In the order in which they are listed. */
const struct command *const commands[] = {
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

const struct command *command_find(const char *name, bool own_name)
{
	for (const struct command *const *command = commands; *command; command++)
		if ((*command)->own_name == own_name && !strcmp((*command)->name, name))
			return *command;
	return NULL;
}

/* How many letters to write, leave out, change or swap with the next to make one of the other. */
static int distance(const char *one, const char *other)
{
	int best, change;

	if (!*one || !*other)
		return (int)strlen(*one ? one : other);
	if (*one == *other)
		return distance(one + 1, other + 1);
	best = distance(one + 1, other);
	change = distance(one, other + 1);
	best = change < best ? change : best;
	change = distance(one + 1, other + 1);
	best = change < best ? change : best;
	if (one[1] && one[0] == other[1] && one[1] == other[0]) {
		change = distance(one + 2, other + 2);
		best = change < best ? change : best;
	}
	return best + 1;
}

int report_no_command(const char *name)
{
	const char *close = NULL;
	int best = 3, this;

	/* All of them are short. */
	for (const struct command *const *command = commands; *command; command++) {
		if (strlen(name) > 10 || (*command)->own_name || !(*command)->summary)
			continue;
		this = distance(name, (*command)->name);
		if (this < best && this < (int)strlen(name)) {
			best = this;
			close = (*command)->name;
		}
	}
	if (!close)
		return report_usage("there is no command '%s'", name);
	return report_usage("there is no command '%s'; is it '%s'?", name, close);
}

static int command_run(const struct command *command, int argc, char **argv)
{
	report_start(command);
	return command->run(argc, argv);
}

#ifndef MSGSLOT_PROGRAM
static int version(void)
{
	printf("msgslot %s\n", MSGSLOT_VERSION);
	return report_flush();
}
#endif

int main(int argc, char **argv)
{
	const struct command *command;

	/* A reader that went away is an error to report, not a signal to die from in silence. */
	signal(SIGPIPE, SIG_IGN);
	if (stream_guard())
		return STATUS_FAILED;

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
		return version();

	command = command_find(argv[1], false);
	if (!command)
		return report_no_command(argv[1]);
	return command_run(command, argc - 1, argv + 1);
#endif
}
