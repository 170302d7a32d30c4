// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot help: list the commands, or print how to use one. */
#include "command.h"
#include "report.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

static void help_print_commands(bool own_name)
{
	for (const struct command *const *command = command_first(); *command; command++)
		if ((*command)->own_name == own_name && (*command)->summary)
			printf("  %-15s %s\n", (*command)->name, (*command)->summary);
}

static int help_run(int argc, char **argv)
{
	const struct command *command;

	if (argc > 1)
		return report_usage("one command at a time, %d given", argc);
	if (argc == 1 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")))
		return command_print_help(&help_command);
	if (argc == 1) {
		command = command_find(argv[0], false);
		if (!command)
			command = command_find(argv[0], true);
		return command ? command_print_help(command) : command_report_unknown(argv[0]);
	}

	printf("Usage: msgslot COMMAND [ARGUMENT...]\n"
	       "       msgslot --help | --version\n"
	       "Messages on numbered channels of a message slot, /dev/msgslotN.\n\n");
	help_print_commands(false);
	printf("\nPrograms of the exercise \"message slots\", which many universities set in their\n"
	       "operating-systems courses:\n");
	help_print_commands(true);
	printf("\n'msgslot COMMAND --help' says how to use a command, msgslot(1) says it all.\n"
	       "Exit codes: 0 done, 1 failed, 2 wrong arguments, 3 nothing there, 4 timed out,\n"
	       "5 no such slot or module, 6 not permitted, 7 too long or empty, 8 full or share\n"
	       "used up, 9 compare-and-set lost, 10 delivered, but messages were lost.\n");
	return stream_flush();
}

const struct command help_command = {
	.name = "help",
	.run = help_run,
	.arguments = "[COMMAND]",
	.summary = "Say what commands there are, or how to use one.",
	.help = "  COMMAND  the name of a command\n",
};
