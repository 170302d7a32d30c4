/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Candidates for the word that is to be completed.  word is what was typed of it: a candidate
 * begins so.
 */
#ifndef MSGSLOT_TOOLS_CANDIDATE_H
#define MSGSLOT_TOOLS_CANDIDATE_H

#include "setting.h"

/* about is a description, or NULL. */
void candidate_offer(const char *word, const char *candidate, const char *about);

void candidate_offer_commands(const char *word);

/* Numbers of slots, and names of channels; paths, if the word has a slash. */
void candidate_offer_slots(const char *word);

/* Channels of the slot that hold a message. */
void candidate_offer_channels(const char *slot, const char *word);

void candidate_offer_modes(const char *word);

/* The settings from first on. */
void candidate_offer_settings(const char *word, enum setting first);

/* Files, or programs: the shell knows them better. */
void candidate_offer_files(void);
void candidate_offer_programs(void);

/* Prints a line for each: a status. */
int candidate_print(void);

#endif
