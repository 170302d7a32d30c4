/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by programs of many processes: one complaint for all of them, and a check of errors. */
#ifndef MSGSLOT_TESTS_JUDGE_H
#define MSGSLOT_TESTS_JUDGE_H

#include <stdarg.h>
#include <stdbool.h>

#include "slot.h"

/* Shared by all processes. */
static struct judge {
	int complained;
	char complaint[256];
} * judge;

static inline bool judge_begin(void)
{
	judge = shared_new(sizeof(*judge));
	return judge;
}

/* Only the first complaint is kept: it says most. */
static inline __attribute__((format(printf, 1, 2))) void complain(const char *format, ...)
{
	va_list arguments;

	if (__atomic_exchange_n(&judge->complained, 1, __ATOMIC_RELAXED))
		return;
	va_start(arguments, format);
	vsnprintf(judge->complaint, sizeof(judge->complaint), format, arguments);
	va_end(arguments);
}

/* After a call that failed: errno must be one of these. The last is 0. */
static inline void expect(const char *call, ...)
{
	int error = errno, promised;
	va_list errors;

	va_start(errors, call);
	while ((promised = va_arg(errors, int)))
		if (promised == error)
			break;
	va_end(errors);
	if (!promised)
		complain("%s: %s", call, strerror(error));
}

static inline int tap(int number, bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", number, what);
	return !good;
}

#endif
