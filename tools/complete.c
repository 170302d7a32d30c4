// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot complete: candidates for the word at the cursor, for the completions of bash, zsh and
 * fish in completion/.  Its arguments are the words before the cursor; the last one, perhaps empty,
 * is to be completed.  Prints a line for each candidate, with a tab before its description; or one
 * line ":files" or ":commands", which the shell knows better.
 *
 * Options are taken from the help of the commands, so none can be forgotten here.
 */
#include "candidate.h"
#include "command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The words behind a command's options, in order.  SETTING and PROGRAM repeat. */
enum place {
	END,
	SLOT,
	CHANNEL,
	RANGE,
	RANGE_OR_FILE,
	MODE_OR_SLOT,
	MODE,
	SETTING,
	FILENAME,
	MESSAGE,
	PROGRAM,
	COMMAND,
};

/* The first that fits counts; @with: only behind that option. */
static const struct {
	const char *name;
	const char *with;
	enum place places[5];
} complete_grammars[] = {
	{ "send", NULL, { SLOT, CHANNEL } },
	{ "recv", "--lease", { SLOT, RANGE, PROGRAM } },
	{ "recv", NULL, { SLOT, RANGE } },
	{ "watch", NULL, { SLOT, RANGE, PROGRAM } },
	{ "chat", NULL, { SLOT, CHANNEL } },
	{ "hold", NULL, { SLOT, CHANNEL, PROGRAM } },
	{ "tie", NULL, { SLOT, CHANNEL, MESSAGE, PROGRAM } },
	{ "list", NULL, { END } },
	{ "show", NULL, { SLOT, RANGE } },
	{ "clear", NULL, { SLOT, RANGE } },
	{ "create", NULL, { MODE_OR_SLOT, SETTING } },
	{ "destroy", NULL, { SLOT } },
	{ "set", NULL, { SLOT, SETTING } },
	{ "dump", NULL, { SLOT, RANGE_OR_FILE, FILENAME } },
	{ "restore", NULL, { SLOT, FILENAME } },
	{ "record", NULL, { SLOT, RANGE, SLOT, RANGE } },
	{ "play", NULL, { FILENAME } },
	{ "doctor", NULL, { END } },
	{ "version", NULL, { END } },
	{ "help", NULL, { COMMAND } },
};

/*
 * ---- options -----------------------------------------------------------------------------------
 */

struct option_line {
	char letter;   /* '\0': it has none */
	char name[32]; /* with its minus signs */
	bool has_value;
	char about[128];
};

/* Parses a line of help that describes an option: "  -x, --name VALUE  what it does". */
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
			candidate_offer(word, option.name, option.about);
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

/*
 * ---- the words before --------------------------------------------------------------------------
 */

/*
 * Finds the place of the last word behind the options.  @NAME is a slot and a channel.  A mode may
 * stand in the place of a slot; then the settings begin.
 */
static void complete_offer_place(const enum place *places, int argc, char **argv)
{
	static const enum place behind_number[] = { MODE, SETTING, END };
	const char *word = argv[argc - 1];
	int at = 0, i;

	for (i = 0; i < argc - 1 && places[at] != END; i++) {
		if (places[at] == SLOT && argv[i][0] == '@' &&
		    (places[at + 1] == CHANNEL || places[at + 1] == RANGE))
			at += 2;
		else if (places[at] == RANGE_OR_FILE && !strchr("0123456789", argv[i][0]) &&
			 strcmp(argv[i], "all"))
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
	case MESSAGE:
		break;
	case SLOT:
		candidate_offer_slots(word);
		break;
	case RANGE:
		/* Once it is begun: numbers come first. */
		if (*word)
			candidate_offer(word, "all", "every channel");
		candidate_offer_channels(argv[argc - 2], word);
		break;
	case CHANNEL:
		candidate_offer_channels(argv[argc - 2], word);
		break;
	case MODE_OR_SLOT:
	case MODE:
		candidate_offer_modes(word);
		break;
	case SETTING:
		candidate_offer_settings(word, at > 0 && places[at - 1] == SLOT ? SETTING_MODE :
										  SETTING_DEPTH);
		break;
	case RANGE_OR_FILE:
	case FILENAME:
		candidate_offer_files();
		break;
	case PROGRAM:
		if (i < argc - 1)
			candidate_offer_files();
		else
			candidate_offer_programs();
		break;
	case COMMAND:
		candidate_offer_commands(word);
		break;
	}
}

static bool complete_has_option(int argc, char **argv, const char *option)
{
	for (int i = 0; option && i < argc; i++)
		if (!strcmp(argv[i], option))
			return true;
	return !option;
}

static void complete_words(int argc, char **argv)
{
	const struct command *command;
	int first = 1;

	if (argc < 2) {
		candidate_offer_commands(argc ? argv[0] : "");
		if (argc && argv[0][0] == '-') {
			candidate_offer(argv[0], "--help", "say what commands there are");
			candidate_offer(argv[0], "--version", "say the version");
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
		if (!strcmp(complete_grammars[i].name, command->name) &&
		    complete_has_option(first, argv, complete_grammars[i].with)) {
			complete_offer_place(complete_grammars[i].places, argc - first,
					     argv + first);
			return;
		}
}

static int complete_run(int argc, char **argv)
{
	complete_words(argc, argv);
	return candidate_print();
}

const struct command complete_command = {
	.name = "complete",
	.run = complete_run,
	.arguments = "[WORD]...",
	.help = "",
};
