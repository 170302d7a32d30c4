// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding and starting a program.  program_find() is called before a message is taken for the
 * program: a message that is taken and cannot be delivered would be lost.
 */
#define _GNU_SOURCE /* AT_EACCESS, strchrnul() */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PROGRAM_LINE_MAX = 256,	 /* that the kernel reads of a script's first line, in bytes */
	PROGRAM_SCRIPTS_MAX = 5, /* how many scripts may be each other's interpreters */
};

extern char **environ;

/* The interpreter that a script names in its first line, as a part of line; or NULL. */
static char *program_interpreter(const char *path, char line[PROGRAM_LINE_MAX + 1])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *name;
	ssize_t n;

	/* A program that cannot be read is not a script. */
	if (fd < 0)
		return NULL;
	n = read(fd, line, PROGRAM_LINE_MAX);
	close(fd);
	if (n < 2 || memcmp(line, "#!", 2) != 0)
		return NULL;
	line[n] = '\0';
	name = line + 2 + strspn(line + 2, " \t");
	name[strcspn(name, " \t\n")] = '\0';
	return name;
}

static int program_check(const char *path, int scripts)
{
	char line[PROGRAM_LINE_MAX + 1], *interpreter;
	struct stat file;

	if (stat(path, &file))
		return -1;
	if (!S_ISREG(file.st_mode)) {
		errno = EACCES;
		return -1;
	}
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		return -1;
	interpreter = program_interpreter(path, line);
	if (!interpreter)
		return 0;
	if (scripts == PROGRAM_SCRIPTS_MAX) {
		errno = ELOOP;
		return -1;
	}
	return program_check(interpreter, scripts + 1);
}

int program_find(const char *name, char path[PATH_MAX])
{
	const char *folder = getenv("PATH"), *end;
	int error = ENOENT;

	if (strchr(name, '/')) {
		if (snprintf(path, PATH_MAX, "%s", name) < PATH_MAX)
			return program_check(path, 0);
		errno = ENAMETOOLONG;
		return -1;
	}
	for (folder = folder ? folder : "/bin:/usr/bin";; folder = end + 1) {
		end = strchrnul(folder, ':');
		/* An empty folder is the current one. */
		snprintf(path, PATH_MAX, "%.*s%s%s", (int)(end - folder), folder,
			 end == folder ? "" : "/", name);
		if (!program_check(path, 0))
			return 0;
		/* As a shell does: EACCES counts if no other folder has the program. */
		if (errno == EACCES)
			error = errno;
		if (!*end)
			break;
	}
	errno = error;
	return -1;
}

/* As execvp() does for a script without an interpreter: sh gets the path and the arguments. */
static pid_t program_start_by_shell(const char *path, char **command,
				    const posix_spawn_file_actions_t *actions,
				    const posix_spawnattr_t *attributes)
{
	size_t words = 0;
	char **argv;
	pid_t child;

	while (command[words])
		words++;
	argv = calloc(words + 2, sizeof(*argv));
	if (!argv)
		return -1;
	argv[0] = "sh";
	argv[1] = (char *)path;
	memcpy(argv + 2, command + 1, words * sizeof(*argv));
	errno = posix_spawn(&child, "/bin/sh", actions, attributes, argv, environ);
	free(argv);
	return errno ? -1 : child;
}

pid_t program_start(const char *path, char **command, int input)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t pipe, mask;
	pid_t child;

	/* main() ignores SIGPIPE for the tool, not for the command. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &pipe);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigdelset(&mask, SIGCHLD);
	posix_spawnattr_setsigmask(&attributes, &mask);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	errno = posix_spawn(&child, path, &actions, &attributes, command, environ);
	if (errno)
		child = errno == ENOEXEC ?
				program_start_by_shell(path, command, &actions, &attributes) :
				-1;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return child;
}

int program_run(const char *path, char **command, int input)
{
	pid_t child;
	int result;

	/* The end of a child is wanted, also where it was ignored before. */
	signal(SIGCHLD, SIG_DFL);
	child = program_start(path, command, input);
	if (child < 0)
		return -1;
	while (waitpid(child, &result, 0) != child)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(result) ? WEXITSTATUS(result) : 128 + WTERMSIG(result);
}
