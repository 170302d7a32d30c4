// SPDX-License-Identifier: GPL-2.0-or-later
/* Part of sanitized commands: memory that a process keeps to its end is no leak. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
