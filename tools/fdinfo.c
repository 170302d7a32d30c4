// SPDX-License-Identifier: GPL-2.0-or-later
/* Open files of other processes.  See fdinfo.h. */
#include "fdinfo.h"

#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line "msgslot-NAME:<tab>VALUE" of the text; its value, or NULL. */
static const char *fdinfo_value(const char *text, const char *name)
{
	char key[64];
	const char *line;

	snprintf(key, sizeof(key), "\nmsgslot-%s:\t", name);
	line = strstr(text, key);
	return line ? line + strlen(key) : NULL;
}

static bool fdinfo_number(const char *text, const char *name, uint64_t *number)
{
	const char *value = fdinfo_value(text, name);

	if (value)
		*number = strtoull(value, NULL, 10);
	return value != NULL;
}

static void fdinfo_parse_leases(const char *text, struct fdinfo *file)
{
	struct fdinfo_lease *lease = file->leases;

	file->has_leased = fdinfo_number(text, "leases", &file->leased);
	while (file->listed < FDINFO_LEASES_MAX && (text = fdinfo_value(text, "lease")) &&
	       sscanf(text, "%" SCNu32 " %" SCNu64, &lease->channel, &lease->sequence) == 2) {
		file->listed++;
		lease++;
	}
}

static void fdinfo_parse(const char *text, struct fdinfo *file)
{
	const char *stalls = fdinfo_value(text, "holds-up-writers");
	const char *range = fdinfo_value(text, "listens");
	uint64_t channel = 0;

	file->listens = range &&
			sscanf(range, "%" SCNu32 "-%" SCNu32, &file->first, &file->last) == 2;
	file->selected = fdinfo_number(text, "channel", &channel);
	file->channel = (uint32_t)channel;
	file->has_cursor = fdinfo_number(text, "next", &file->next) &&
			   fdinfo_number(text, "behind", &file->behind) &&
			   fdinfo_number(text, "lost", &file->lost);
	file->stalls = stalls && !strncmp(stalls, "yes", 3);
	fdinfo_parse_leases(text, file);
}

/* The number that a name in /proc is, or 0. */
static int fdinfo_name_number(const char *name)
{
	return name[strspn(name, "0123456789")] ? 0 : atoi(name);
}

static void fdinfo_walk_process(pid_t pid, dev_t device,
				void (*each)(const struct fdinfo *file, void *data), void *data)
{
	const struct dirent *entry;
	char path[64], text[4096];
	struct stat node;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		struct fdinfo file = { .pid = pid };

		if (entry->d_name[0] == '.' || fstatat(dirfd(folder), entry->d_name, &node, 0) ||
		    !S_ISCHR(node.st_mode) || node.st_rdev != device)
			continue;
		file.fd = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		file_read_start(path, file.command, sizeof(file.command));
		file.command[strcspn(file.command, "\n")] = '\0';
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, file.fd);
		if (!file_read_start(path, text, sizeof(text)))
			continue;
		fdinfo_parse(text, &file);
		each(&file, data);
	}
	if (folder)
		closedir(folder);
}

int fdinfo_walk(dev_t device, void (*each)(const struct fdinfo *file, void *data), void *data)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	pid_t pid;

	if (!processes)
		return -1;
	while ((entry = readdir(processes))) {
		pid = fdinfo_name_number(entry->d_name);
		if (pid && pid != getpid())
			fdinfo_walk_process(pid, device, each, data);
	}
	closedir(processes);
	return 0;
}
