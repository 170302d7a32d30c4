// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of a command.  See option.h. */
#include "option.h"

#include "arguments.h"
#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* The most options of one command, with --help and the end of the table. */
enum { OPTION_MAX = 24 };

/* What getopt_long() returns for a long option: this, and its place in the table. */
enum { OPTION_LONG = 256 };

const struct option_rule option_none[] = { { .name = NULL } };

static bool option_has_value(const struct option_rule *rule)
{
	return rule->number || rule->seconds || rule->text;
}

/* Stores the options in the two forms that getopt_long() takes; both arrays have OPTION_MAX. */
static void option_list(const struct option_rule *rules, char *letters, struct option *names)
{
	int i;

	letters += sprintf(letters, "+:h");
	for (i = 0; rules[i].name; i++) {
		bool value = option_has_value(&rules[i]);

		names[i] = (struct option){ rules[i].name, value, NULL, OPTION_LONG + i };
		if (rules[i].letter)
			letters += sprintf(letters, "%c%s", rules[i].letter, value ? ":" : "");
	}
	names[i] = (struct option){ "help", no_argument, NULL, 'h' };
	names[i + 1] = (struct option){ NULL, 0, NULL, 0 };
}

/* The rule for what getopt_long() returned; NULL for an error. */
static const struct option_rule *option_find(const struct option_rule *rules, int found)
{
	if (found >= OPTION_LONG)
		return &rules[found - OPTION_LONG];
	for (; rules->name; rules++)
		if (rules->letter && rules->letter == found)
			return rules;
	return NULL;
}

static int option_set(const struct option_rule *rule, const char *value)
{
	char what[40];

	if (rule->letter)
		snprintf(what, sizeof(what), "-%c", rule->letter);
	else
		snprintf(what, sizeof(what), "--%s", rule->name);
	if (rule->flag)
		*rule->flag = true;
	if (rule->call)
		rule->call();
	if (rule->text)
		*rule->text = value;
	if (rule->check)
		return rule->check(value);
	if (rule->number)
		return argument_number(what, value, rule->min, rule->max, rule->number);
	return rule->seconds ? argument_seconds(what, value, rule->seconds) : STATUS_DONE;
}

/* getopt_long() returned '?' or ':'. */
static int option_report(int found, int argc, char **argv)
{
	const char *word = optind <= argc ? argv[optind - 1] : "";

	if (found == ':')
		return report_usage("option '%s' needs an argument", word);
	if (!strncmp(word, "--", 2))
		return report_usage("bad option '%s'", word);
	return report_usage("bad option '-%c'", optopt);
}

int option_take(const struct option_rule *rules, int argc, char **argv, bool *help)
{
	struct option names[OPTION_MAX];
	char letters[3 + 2 * OPTION_MAX];
	int found, status = STATUS_DONE;

	*help = false;
	option_list(rules, letters, names);
	opterr = 0;
	while (!status && (found = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		const struct option_rule *rule = option_find(rules, found);

		if (found == 'h') {
			*help = true;
			break;
		}
		status = rule ? option_set(rule, optarg) : option_report(found, argc, argv);
	}
	return status;
}
