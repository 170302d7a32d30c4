/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of the tool `msgslot` share: the table's entry, error reports, arguments,
 * slots and standard streams.  One command is one file that defines one struct command; main.c
 * lists them.
 */
#ifndef MSGSLOT_TOOLS_H
#define MSGSLOT_TOOLS_H

#include <linux/msgslot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Exit codes of `msgslot`, an interface (msgslot(1)).  Course programs know only 0 and 1, so the
 * commands that have a name of their own give 1 for everything that is not 0.
 */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,  /* the system refused */
	STATUS_USAGE = 2,   /* the arguments make no sense: nothing was tried */
	STATUS_NOTHING = 3, /* all is well, but the channel holds no message */
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	const char *arguments;		   /* the line after the name in a usage text */
	const char *summary;		   /* one line for `msgslot --help` */
	const char *help;		   /* the rest for `msgslot COMMAND --help` */
	bool own_name;			   /* called by this name, not as `msgslot NAME` */
};

extern const struct command send_command;
extern const struct command recv_command;
extern const struct command help_command;
extern const struct command message_sender_command;
extern const struct command message_reader_command;

/* main.c: the table, ended by NULL. */
extern const struct command *const commands[];
const struct command *command_find(const char *name, bool own_name);

/* report.c: every message on standard error starts with the program's and the command's name. */
void report_start(const struct command *command);
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
int report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
int report_option(int argc, char **argv);
int report_help(const struct command *command);
int report_flush(void);

/* arguments.c */
bool argument_channel(const char *text, uint32_t *channel);
bool argument_slot(const char *text, char *path, size_t size, const char **slot);

/*
 * slot.c: a slot that is open with a channel selected, and names for reports.  Each function has
 * reported its failure when it returns -1.
 */
struct slot {
	int fd;
	const char *path;
	uint32_t channel;
	uintmax_t line; /* of standard input, for reports; 0: none */
};

int slot_open(struct slot *slot, const char *path, uint32_t channel, int access);
int slot_send(const struct slot *slot, const void *message, size_t length);
ssize_t slot_receive(const struct slot *slot, void *message, size_t size, bool *nothing);

/*
 * stream.c.  The buffer has room for the longest message there can be and one byte more: a newline
 * behind it, or the byte that shows the kernel that the input is too long.
 */
extern char stream_buffer[MSGSLOT_MESSAGE_MAX + 1];

int stream_guard(void);
ssize_t stream_read(void *bytes, size_t size);
int stream_write(const void *bytes, size_t length);

#endif
