/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of the tool.  One command is one file that defines one struct command; main.c lists
 * them in a table.
 */
#ifndef MSGSLOT_TOOLS_COMMAND_H
#define MSGSLOT_TOOLS_COMMAND_H

#include <stdbool.h>

/**
 * struct command - an entry of the table
 * @name: after `msgslot`, or the name of a program of its own
 * @run: gets the words behind the name and the options; returns a status
 * @options: that it takes; NULL: it has none, and no word is one
 * @arguments: the line after the name in a usage text
 * @summary: one line for `msgslot --help`; NULL: it is for programs, and not listed
 * @help: the rest for `msgslot COMMAND --help`
 * @own_name: called by this name, not as `msgslot NAME`
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const struct option_rule *options;
	const char *arguments;
	const char *summary;
	const char *help;
	bool own_name;
};

/* The commands, each in the file of its name; message_sender and message_reader in course.c. */
extern const struct command send_command;
extern const struct command recv_command;
extern const struct command watch_command;
extern const struct command chat_command;
extern const struct command hold_command;
extern const struct command tie_command;
extern const struct command list_command;
extern const struct command show_command;
extern const struct command clear_command;
extern const struct command create_command;
extern const struct command destroy_command;
extern const struct command set_command;
extern const struct command dump_command;
extern const struct command restore_command;
extern const struct command record_command;
extern const struct command play_command;
extern const struct command doctor_command;
extern const struct command version_command;
extern const struct command help_command;
extern const struct command complete_command;
extern const struct command message_sender_command;
extern const struct command message_reader_command;

/* Says which commands there are: a table that NULL ends. */
void command_use(const struct command *const *table);

/* The table, to be walked. */
const struct command *const *command_first(void);

/* NULL: there is no such command. */
const struct command *command_find(const char *name, bool own_name);

/* Reports that there is no such command, and one with a similar name, if any. */
int command_report_unknown(const char *name);

/* Takes the options behind the command's name, which is argv[0], and runs it: a status. */
int command_run(const struct command *command, int argc, char **argv);

/* Prints how the command is used: a status. */
int command_print_help(const struct command *command);

#endif
