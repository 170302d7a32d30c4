// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot complete: what could stand where the cursor is, for the completions of bash, zsh and fish
 * in completion/.  Its arguments are the words before the cursor; the last, perhaps empty, is the one
 * to be completed.  Prints a line for each candidate, a tab before what is said about it; or, as the
 * only line, ":files" or ":commands", which the shell knows better.
 *
 * Options are those of the commands' own help, so nothing can be forgotten here.
 */
#include "command.h"
#include "setting.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What comes behind a command's options, in order; the last goes on for ever if it is '*'. */
enum place {
	END,
	SLOT,
	CHANNEL,
	MODE_OR_SLOT,
	MODE,
	SETTING,
	FILENAME,
	PROGRAM,
	COMMAND,
};

static const struct {
	const char *name;
	enum place places[4];
} complete_grammars[] = {
	{ "send", { SLOT, CHANNEL } },
	{ "recv", { SLOT, CHANNEL } },
	{ "watch", { SLOT, CHANNEL, PROGRAM } },
	{ "chat", { SLOT, CHANNEL } },
	{ "list", { END } },
	{ "show", { SLOT, CHANNEL } },
	{ "clear", { SLOT, CHANNEL } },
	{ "create", { MODE_OR_SLOT, SETTING } },
	{ "destroy", { SLOT } },
	{ "set", { SLOT, SETTING } },
	{ "dump", { SLOT, FILENAME } },
	{ "restore", { SLOT, FILENAME } },
	{ "doctor", { END } },
	{ "version", { END } },
	{ "help", { COMMAND } },
};

static struct text complete_candidates;

/* word is what was typed of it; only what begins so is a candidate. */
static void complete_offer(const char *word, const char *candidate, const char *about)
{
	if (strncmp(candidate, word, strlen(word)))
		return;
	text_visible(&complete_candidates, candidate, strlen(candidate), "");
	if (about && *about) {
		text_string(&complete_candidates, "\t");
		text_visible(&complete_candidates, about, strlen(about), "");
	}
	text_string(&complete_candidates, "\n");
}

static void complete_offer_commands(const char *word)
{
	for (const struct command *const *command = command_first(); *command; command++)
		if (!(*command)->own_name && (*command)->summary)
			complete_offer(word, (*command)->name, (*command)->summary);
}

/* ---- options ----------------------------------------------------------------------------------- */

struct option_line {
	char letter;   /* '\0': it has none */
	char name[32]; /* with its minus signs */
	bool has_value;
	char about[128];
};

/* A line of help that describes an option: "  -x, --name VALUE  what it does". */
static bool complete_parse_option(const char *line, struct option_line *option)
{
	size_t end = strcspn(line, "\n"), name;
	const char *at = line + strspn(line, " ");

	*option = (struct option_line){ 0 };
	if (at[0] != '-')
		return false;
	if (at[1] != '-') {
		option->letter = at[1];
		at += 2 + strspn(at + 2, ", ");
	}
	name = strcspn(at, " \n");
	if (strncmp(at, "--", 2) || name >= sizeof(option->name))
		return false;
	memcpy(option->name, at, name);
	at += name;
	option->has_value = at[0] == ' ' && at[1] != ' ';
	if (option->has_value)
		at += 1 + strcspn(at + 1, " \n");
	at += strspn(at, " ");
	snprintf(option->about, sizeof(option->about), "%.*s", (int)(line + end - at), at);
	return true;
}

static const char *complete_next_line(const char *line)
{
	line = strchr(line, '\n');
	return line ? line + 1 : NULL;
}

static void complete_offer_options(const struct command *command, const char *word)
{
	struct option_line option;

	for (const char *line = command->help; line && *line; line = complete_next_line(line))
		if (complete_parse_option(line, &option))
			complete_offer(word, option.name, option.about);
}

/* Whether an option word takes the next one as its value. */
static bool complete_wants_next(const struct command *command, const char *word)
{
	char last = word[strlen(word) - 1];
	struct option_line option;

	for (const char *line = command->help; line && *line; line = complete_next_line(line)) {
		if (!complete_parse_option(line, &option) || !option.has_value)
			continue;
		if (word[1] == '-' ? !strcmp(word, option.name) : option.letter == last)
			return true;
	}
	return false;
}

/* ---- slots, channels, names -------------------------------------------------------------------- */

static void complete_offer_names(const char *word)
{
	struct msgslot_names *names = word[0] == '@' || !*word ? msgslot_names_open() : NULL;
	struct msgslot_name name;
	int found;

	while (names && (found = msgslot_names_next(names, &name, sizeof(name), NULL, 0)) != 0) {
		char candidate[80], about[320];

		if (found < 0)
			continue;
		snprintf(candidate, sizeof(candidate), "@%s", name.name);
		snprintf(about, sizeof(about), "slot %s, channel %" PRIu32, name.slot,
			 name.channel);
		complete_offer(word, candidate, about);
	}
	msgslot_names_close(names);
}

/* Where sysfs is not to be seen, as in a container, the nodes say which slots there are. */
static void complete_offer_nodes(const char *word)
{
	glob_t found;

	if (glob("/dev/msgslot[0-9]*", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		complete_offer(word, found.gl_pathv[i] + strlen("/dev/msgslot"), NULL);
	globfree(&found);
}

static void complete_offer_slots(const char *word)
{
	char number[16], mode[32], about[64];
	int minor = -1;

	if (strchr(word, '/')) {
		text_string(&complete_candidates, ":files\n");
		return;
	}
	while ((minor = msgslot_slot_next(minor)) >= 0) {
		snprintf(number, sizeof(number), "%d", minor);
		if (msgslot_attribute_get(minor, "mode", mode, sizeof(mode)) < 0)
			continue;
		snprintf(about, sizeof(about), "slot of mode %s", mode);
		complete_offer(word, number, about);
	}
	if (errno == ENODEV || errno == EACCES)
		complete_offer_nodes(word);
	complete_offer_names(word);
}

/* The channels that hold a message; the first few hundred are enough to look at. */
static void complete_offer_channels(const char *slot, const char *word)
{
	struct msgslot *handle = slot[0] == '@' ? NULL :
						  msgslot_slot_open(slot, O_WRONLY | O_NONBLOCK);
	struct msgslot_walker *walker = handle ? msgslot_walker_new(handle) : NULL;
	struct msgslot_walk_entry entry;
	char number[16], about[64];

	for (int count = 0;
	     walker && count < 500 && msgslot_walker_next(walker, &entry, sizeof(entry)) > 0;
	     count++) {
		if (entry.first == entry.next)
			continue;
		snprintf(number, sizeof(number), "%" PRIu32, entry.channel);
		snprintf(about, sizeof(about), "%" PRIu64 " messages",
			 (uint64_t)(entry.next - entry.first));
		complete_offer(word, number, about);
	}
	msgslot_walker_free(walker);
	msgslot_slot_close(handle);
}

static void complete_offer_modes(const char *word)
{
	static const char *const about[] = {
		[MSGSLOT_LAST] = "a value: the newest message stays",
		[MSGSLOT_QUEUE] = "work: each message is taken once",
		[MSGSLOT_BROADCAST] = "news: everybody hears every message",
	};

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		complete_offer(word, setting_word(SETTING_MODE, (int)i), about[i]);
}

/* From a setting on: first those that are words, with each of them, then those that are numbers. */
static void complete_offer_settings(const char *word, enum setting first)
{
	char candidate[64];
	const char *value;

	for (int i = first; i < SETTINGS; i++)
		for (int j = 0; (value = setting_word(i, j)); j++) {
			snprintf(candidate, sizeof(candidate), "%s=%s", setting_name(i), value);
			complete_offer(word, candidate, NULL);
		}
	for (int i = first; i < SETTINGS; i++) {
		if (setting_word(i, 0))
			continue;
		snprintf(candidate, sizeof(candidate), "%s=", setting_name(i));
		complete_offer(word, candidate, NULL);
	}
}

/* ---- the words before -------------------------------------------------------------------------- */

/*
 * Words behind the options: which place is the last of them in?  @NAME is a slot and a channel; a
 * mode is where a slot might be, and then the settings begin.
 */
static void complete_offer_place(const enum place *places, int argc, char **argv)
{
	static const enum place behind_number[] = { MODE, SETTING, END };
	const char *word = argv[argc - 1];
	int at = 0, i;

	for (i = 0; i < argc - 1 && places[at] != END; i++) {
		if (places[at] == SLOT && argv[i][0] == '@' && places[at + 1] == CHANNEL)
			at += 2;
		else if (places[at] == MODE_OR_SLOT && argv[i][strspn(argv[i], "0123456789")])
			at++;
		else if (places[at] == MODE_OR_SLOT)
			places = behind_number;
		else if (places[at] != SETTING && places[at] != PROGRAM)
			at++;
		else
			break;
	}
	switch (places[at]) {
	case END:
		break;
	case SLOT:
		complete_offer_slots(word);
		break;
	case CHANNEL:
		complete_offer_channels(argv[argc - 2], word);
		break;
	case MODE_OR_SLOT:
	case MODE:
		complete_offer_modes(word);
		break;
	case SETTING:
		complete_offer_settings(word, at > 0 && places[at - 1] == SLOT ? SETTING_MODE :
										 SETTING_DEPTH);
		break;
	case FILENAME:
		text_string(&complete_candidates, ":files\n");
		break;
	case PROGRAM:
		text_string(&complete_candidates, i < argc - 1 ? ":files\n" : ":commands\n");
		break;
	case COMMAND:
		complete_offer_commands(word);
		break;
	}
}

static void complete_words(int argc, char **argv)
{
	const struct command *command;
	int first = 1;

	if (argc < 2) {
		complete_offer_commands(argc ? argv[0] : "");
		if (argc && argv[0][0] == '-') {
			complete_offer(argv[0], "--help", "say what commands there are");
			complete_offer(argv[0], "--version", "say the version");
		}
		return;
	}
	command = command_find(argv[0], false);
	if (!command)
		return;
	for (; first < argc - 1 && argv[first][0] == '-' && argv[first][1]; first++) {
		if (!strcmp(argv[first], "--")) {
			first++;
			break;
		}
		if (complete_wants_next(command, argv[first]) && ++first == argc - 1)
			return;
	}
	if (argv[argc - 1][0] == '-' && first == argc - 1) {
		complete_offer_options(command, argv[argc - 1]);
		return;
	}
	for (size_t i = 0; i < sizeof(complete_grammars) / sizeof(complete_grammars[0]); i++)
		if (!strcmp(complete_grammars[i].name, command->name))
			complete_offer_place(complete_grammars[i].places, argc - first,
					     argv + first);
}

static int complete_run(int argc, char **argv)
{
	int status;

	complete_words(argc, argv);
	status = stream_print(&complete_candidates);
	text_free(&complete_candidates);
	return status;
}

const struct command complete_command = {
	.name = "complete",
	.run = complete_run,
	.arguments = "[WORD]...",
	.help = "",
};
