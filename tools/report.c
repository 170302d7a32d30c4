// SPDX-License-Identifier: GPL-2.0-or-later
/* What the tool says to people: errors, usage and help. */
#include "tools.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command *running;

void report_start(const struct command *command)
{
	running = command;
}

static void print_error(const char *format, va_list arguments)
{
	if (!running)
		fputs("msgslot: ", stderr);
	else if (running->own_name)
		fprintf(stderr, "%s: ", running->name);
	else
		fprintf(stderr, "msgslot: %s: ", running->name);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

static void print_usage(FILE *stream, const struct command *command)
{
	fprintf(stream, "Usage: %s%s %s\n", command->own_name ? "" : "msgslot ", command->name,
		command->arguments);
}

int report_failure(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_error(format, arguments);
	va_end(arguments);
	return STATUS_FAILED;
}

int report_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_error(format, arguments);
	va_end(arguments);

	if (!running)
		fputs("Try 'msgslot --help'.\n", stderr);
	else
		print_usage(stderr, running);
	return running && running->own_name ? STATUS_FAILED : STATUS_USAGE;
}

/* After getopt_long() said '?': which option was it? */
int report_option(int argc, char **argv)
{
	const char *word = optind <= argc ? argv[optind - 1] : "";

	if (!strncmp(word, "--", 2))
		return report_usage("bad option '%s'", word);
	return report_usage("bad option '-%c'", optopt);
}

int report_help(const struct command *command)
{
	print_usage(stdout, command);
	printf("%s\n\n%s", command->summary, command->help);
	return report_flush();
}

/* Help that nobody got to see is a failure, too. */
int report_flush(void)
{
	if (fflush(stdout) || ferror(stdout))
		return report_failure("standard output: %s", strerror(errno));
	return STATUS_DONE;
}
