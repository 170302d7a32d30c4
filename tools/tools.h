/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the commands of the tool `msgslot` share: the table's entry, errors, arguments, slots and
 * standard streams.  One command is one file that defines one struct command; main.c lists them.
 */
#ifndef MSGSLOT_TOOLS_H
#define MSGSLOT_TOOLS_H

#include <msgslot.h>
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
	STATUS_FAILED = 1,  /* anything that has no number of its own */
	STATUS_USAGE = 2,   /* the arguments make no sense */
	STATUS_NOTHING = 3, /* all is well, but there is no message, and waiting was not wanted */
	STATUS_TIMEOUT = 4, /* waited as long as -W said */
	STATUS_NO_SLOT = 5, /* no such slot, not a slot, no module */
	STATUS_PERMISSION = 6, /* not allowed */
	STATUS_LENGTH = 7,     /* the message is too long or empty */
	STATUS_FULL = 8,       /* the channel or slot is full, or the user's share used up */
	STATUS_STALE = 9,      /* compare-and-set: somebody else was quicker */
	STATUS_LOST = 10,      /* messages were delivered, but others went unread */
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name; gives a status */
	const char *arguments;		   /* the line after the name in a usage text */
	const char *summary;		   /* one line for `msgslot --help`; NULL: not for people */
	const char *help;		   /* the rest for `msgslot COMMAND --help` */
	bool own_name;			   /* called by this name, not as `msgslot NAME` */
};

extern const struct command send_command;
extern const struct command recv_command;
extern const struct command watch_command;
extern const struct command chat_command;
extern const struct command list_command;
extern const struct command show_command;
extern const struct command clear_command;
extern const struct command dump_command;
extern const struct command restore_command;
extern const struct command create_command;
extern const struct command destroy_command;
extern const struct command set_command;
extern const struct command doctor_command;
extern const struct command version_command;
extern const struct command help_command;
extern const struct command complete_command;
extern const struct command message_sender_command;
extern const struct command message_reader_command;

/* main.c: the table, ended by NULL. */
extern const struct command *const commands[];
const struct command *command_find(const char *name, bool own_name);
/* There is no such command, but perhaps one that is called almost so.  Reports; a status. */
int report_no_command(const char *name);

/* ---- report.c: everything on standard error ---------------------------------------------------- */

void report_start(const struct command *command);

/* Errors are JSON objects from now on. */
void report_as_json(void);

/*
 * "msgslot: ABOUT: TEXT", and in the next line todo, what to do about it.  about is a node or a
 * file; it and todo may be NULL.  Returns status, so that a command can return what this returns.
 */
int report_error(enum status status, const char *about, const char *todo, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Arguments that make no sense: says how the command is used.  Returns STATUS_USAGE. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* After getopt_long() said '?' or ':', with opterr 0 and an option string that begins "+:". */
int report_option(int letter, int argc, char **argv);

/* For -h. */
int report_help(const struct command *command);

/* Ends a command that used stdio: STATUS_DONE, or standard output failed. */
int report_flush(void);

/* A failure of the system that has no text of its own: ABOUT: strerror(error).  STATUS_FAILED. */
int report_system(const char *about, int error);

/* ---- report_errno.c: errno to text and exit code ----------------------------------------------- */

/* The node could not be opened as a slot, or selected. */
int report_open(const char *node, int error);

/* Creating, destroying or setting a slot by sysfs failed; about is the slot's node, or NULL. */
int report_sysfs(const char *about, int error);

/* Whether the process, or only the user's next login, has the group. */
struct passwd;
enum membership { OUTSIDE, SINCE_LOGIN, NOW };
enum membership membership(gid_t group, const struct passwd *user);

/* ---- arguments.c: all of them report what is wrong and return a status, 0 if nothing ------------ */

/* An option's number: what is its name in the report. */
int argument_number(const char *what, const char *text, uint64_t min, uint64_t max,
		    uint64_t *number);

/* Seconds with up to nine decimals, as nanoseconds. */
int argument_seconds(const char *what, const char *text, int64_t *nanoseconds);

int argument_channel(const char *text, uint32_t *channel);

/* SLOT and CHANNEL, or @NAME for both. */
struct address {
	const char *node;
	uint32_t channel;
	bool has_channel;
	int words;	/* how many arguments it took: 1 or 2 */
	char path[256]; /* where node points unless it is an argument itself */
};

enum channel_wanted { CHANNEL_NONE, CHANNEL_OPTIONAL, CHANNEL_NEEDED };

/*
 * The address that argv (argc words, options behind us) begins with.  With CHANNEL_NONE only SLOT is
 * taken, and of @NAME the slot; with CHANNEL_OPTIONAL a second word is the channel, if there is one.
 */
int argument_address(int argc, char **argv, enum channel_wanted wanted, struct address *address);

/* ---- slot.c: a slot that is open, and what its errors mean -------------------------------------- */

struct slot {
	struct msgslot *handle;
	const char *node; /* of the address, which must outlive this */
	uint32_t channel;
	uintmax_t line; /* of standard input, for reports; 0: none */
	bool cut;	/* standard input may have more of the message, for reports */
};

/* Opens the address's slot; access is O_RDONLY, O_WRONLY or O_RDWR.  Reports and returns a status. */
int slot_open(struct slot *slot, const struct address *address, int access);

/* Selects the channel. */
int slot_select(struct slot *slot);

/* A send, or a receive, on the slot's channel failed: text and status for errno. */
int slot_report_send(const struct slot *slot, size_t length, int error);
int slot_report_receive(const struct slot *slot, size_t length, int error);

/* Another call on it failed. */
int slot_report(const struct slot *slot, int error);

/* ---- text.c: text that grows --------------------------------------------------------------------- */

struct text {
	char *bytes;
	size_t length;
	size_t room;
};

/* What one more of something is written with. */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

void text_free(struct text *text);
void text_bytes(struct text *text, const void *bytes, size_t length);
void text_string(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_hex(struct text *text, const void *bytes, size_t length);
void text_base64(struct text *text, const void *bytes, size_t length);

/* Safe for a terminal: control bytes and what is no UTF-8 as \xNN; keep are bytes left as they are. */
void text_visible(struct text *text, const void *bytes, size_t length, const char *keep);

/* As a JSON string, quoted.  What is no UTF-8 becomes U+FFFD: ask text_is_utf8() first. */
void text_json(struct text *text, const void *bytes, size_t length);
bool text_is_utf8(const void *bytes, size_t length);

/* In one write to standard output, emptied.  Reports and returns a status. */
int text_print(struct text *text);

/* ---- stream.c: standard input and output, as bytes ----------------------------------------------- */

/* Room for the longest message there can be and one byte more: a newline behind it, or the byte that
 * shows the kernel that the input is too long. */
extern char stream_buffer[MSGSLOT_MESSAGE_MAX + 1];

int stream_guard(void);
ssize_t stream_read(void *bytes, size_t size);
int stream_write(const void *bytes, size_t length);

#endif
