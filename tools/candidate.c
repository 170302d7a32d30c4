// SPDX-License-Identifier: GPL-2.0-or-later
/* Candidates for the word that is to be completed.  See candidate.h. */
#include "candidate.h"

#include "command.h"
#include "stream.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <string.h>

static struct text candidate_text;

void candidate_offer(const char *word, const char *candidate, const char *about)
{
	if (strncmp(candidate, word, strlen(word)))
		return;
	text_visible(&candidate_text, candidate, strlen(candidate), "");
	if (about && *about) {
		text_string(&candidate_text, "\t");
		text_visible(&candidate_text, about, strlen(about), "");
	}
	text_string(&candidate_text, "\n");
}

void candidate_offer_commands(const char *word)
{
	for (const struct command *const *command = command_first(); *command; command++)
		if (!(*command)->own_name && (*command)->summary)
			candidate_offer(word, (*command)->name, (*command)->summary);
}

static void candidate_offer_names(const char *word)
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
		candidate_offer(word, candidate, about);
	}
	msgslot_names_close(names);
}

/* Without sysfs, as in a container, the nodes tell which slots exist. */
static void candidate_offer_nodes(const char *word)
{
	glob_t found;

	if (glob("/dev/msgslot[0-9]*", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		candidate_offer(word, found.gl_pathv[i] + strlen("/dev/msgslot"), NULL);
	globfree(&found);
}

void candidate_offer_slots(const char *word)
{
	char number[16], mode[32], about[64];
	int minor = -1;

	if (strchr(word, '/')) {
		candidate_offer_files();
		return;
	}
	while ((minor = msgslot_slot_next(minor)) >= 0) {
		snprintf(number, sizeof(number), "%d", minor);
		if (msgslot_attribute_get(minor, "mode", mode, sizeof(mode)) < 0)
			continue;
		snprintf(about, sizeof(about), "slot of mode %s", mode);
		candidate_offer(word, number, about);
	}
	if (errno == ENODEV || errno == EACCES)
		candidate_offer_nodes(word);
	candidate_offer_names(word);
}

/* Looks at the first few hundred channels only: more candidates are of no use. */
void candidate_offer_channels(const char *slot, const char *word)
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
		candidate_offer(word, number, about);
	}
	msgslot_walker_free(walker);
	msgslot_slot_close(handle);
}

void candidate_offer_modes(const char *word)
{
	static const char *const about[] = {
		[MSGSLOT_LAST] = "a value: the newest message stays",
		[MSGSLOT_QUEUE] = "work: each message is taken once",
		[MSGSLOT_BROADCAST] = "news: every reader receives every message",
	};

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		candidate_offer(word, setting_word(SETTING_MODE, (int)i), about[i]);
}

/* First the settings with words, a candidate for each word, then those with numbers. */
void candidate_offer_settings(const char *word, enum setting first)
{
	char candidate[64];
	const char *value;

	for (int i = first; i < SETTINGS; i++)
		for (int j = 0; (value = setting_word(i, j)); j++) {
			snprintf(candidate, sizeof(candidate), "%s=%s", setting_name(i), value);
			candidate_offer(word, candidate, NULL);
		}
	for (int i = first; i < SETTINGS; i++) {
		if (setting_word(i, 0))
			continue;
		snprintf(candidate, sizeof(candidate), "%s=", setting_name(i));
		candidate_offer(word, candidate, NULL);
	}
}

void candidate_offer_files(void)
{
	text_string(&candidate_text, ":files\n");
}

void candidate_offer_programs(void)
{
	text_string(&candidate_text, ":commands\n");
}

int candidate_print(void)
{
	int status = stream_print(&candidate_text);

	text_free(&candidate_text);
	return status;
}
