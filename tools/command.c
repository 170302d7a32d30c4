// SPDX-License-Identifier: GPL-2.0-or-later
/* The commands of the tool.  See command.h. */
#include "command.h"

#include "option.h"
#include "report.h"
#include "stream.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct command *const *command_table;

void command_use(const struct command *const *table)
{
	command_table = table;
}

const struct command *const *command_first(void)
{
	return command_table;
}

const struct command *command_find(const char *name, bool own_name)
{
	for (const struct command *const *command = command_table; *command; command++)
		if ((*command)->own_name == own_name && !strcmp((*command)->name, name))
			return *command;
	return NULL;
}

/* How many letters to add, remove, change or swap with the next to turn one into the other. */
static int command_distance(const char *one, const char *other)
{
	int best, change;

	if (!*one || !*other)
		return (int)strlen(*one ? one : other);
	if (*one == *other)
		return command_distance(one + 1, other + 1);
	best = command_distance(one + 1, other);
	change = command_distance(one, other + 1);
	best = change < best ? change : best;
	change = command_distance(one + 1, other + 1);
	best = change < best ? change : best;
	if (one[1] && one[0] == other[1] && one[1] == other[0]) {
		change = command_distance(one + 2, other + 2);
		best = change < best ? change : best;
	}
	return best + 1;
}

int command_report_unknown(const char *name)
{
	const char *close = NULL;
	int best = 3, this;

	/* The names are short, and a long word is close to none of them. */
	for (const struct command *const *command = command_table; *command; command++) {
		if (strlen(name) > 10 || (*command)->own_name || !(*command)->summary)
			continue;
		this = command_distance(name, (*command)->name);
		if (this < best && this < (int)strlen(name)) {
			best = this;
			close = (*command)->name;
		}
	}
	if (!close)
		return report_usage("there is no command '%s'", name);
	return report_usage("there is no command '%s'; is it '%s'?", name, close);
}

/* "Usage: msgslot send ...", without a newline. */
static void command_usage(const struct command *command, char *line, size_t size)
{
	snprintf(line, size, "Usage: %s%s %s", command->own_name ? "" : "msgslot ", command->name,
		 command->arguments);
}

int command_print_help(const struct command *command)
{
	char usage[256];

	command_usage(command, usage, sizeof(usage));
	printf("%s\n%s\n\n%s", usage, command->summary, command->help);
	return stream_flush();
}

int command_run(const struct command *command, int argc, char **argv)
{
	static char usage[256];
	bool help;
	int status;

	command_usage(command, usage, sizeof(usage));
	report_start(&(struct report_start){
		.program = command->own_name ? command->name : "msgslot",
		.command = command->own_name ? NULL : command->name,
		.usage = usage,
		.one_code = command->own_name,
	});
	if (!command->options)
		return command->run(argc - 1, argv + 1);
	status = option_take(command->options, argc, argv, &help);
	if (status)
		return status;
	if (help)
		return command_print_help(command);
	return command->run(argc - optind, argv + optind);
}
