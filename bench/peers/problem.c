// SPDX-License-Identifier: GPL-2.0-or-later
/* What cannot be measured here, and what ends the run. */
#define _GNU_SOURCE
#include <stdarg.h>

#include "peers.h"

static const struct row *current;
static char *why_not;

void problem_in(const struct row *row)
{
	current = row;
}

char *problem_take(void)
{
	char *why = why_not;

	why_not = NULL;
	return why;
}

int cannot(const char *why, ...)
{
	va_list list;

	free(why_not);
	va_start(list, why);
	if (vasprintf(&why_not, why, list) < 0)
		why_not = NULL;
	va_end(list);
	return -1;
}

int cannot_call(const char *what)
{
	return cannot("%s: %s", what, strerror(errno));
}

void bail_out(const char *what)
{
	printf("Bail out! %s: %s: %s\n", current ? current->name : "peers", what, strerror(errno));
	exit(1);
}

int need(int result, const char *what)
{
	if (result < 0)
		bail_out(what);
	return result;
}
