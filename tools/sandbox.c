// SPDX-License-Identifier: GPL-2.0-or-later
/* What a service or a container can see of the machine.  See sandbox.h. */
#define _GNU_SOURCE /* O_CLOEXEC, AT_EACCESS */
#include "sandbox.h"

#include "file.h"
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SANDBOX_TODO_SELINUX                                                      \
	"As root: ausearch -m AVC -ts recent shows what it refused; a container " \
	"may need --security-opt label=disable: see msgslot-recipes(7)."

bool sandbox_has_sysfs(void)
{
	return !access("/sys/class", F_OK);
}

/* The last line for a mount point counts; the type stands behind a lone minus sign. */
bool sandbox_has_devices(void)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char line[4096], place[4096], *kind;
	bool found = true;

	while (mounts && fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %*s %*s %*s %4095s", place) != 1 || strcmp(place, "/dev"))
			continue;
		kind = strstr(line, " - ");
		found = kind && !strncmp(kind + 3, "devtmpfs ", 9);
	}
	if (mounts)
		fclose(mounts);
	return found;
}

unsigned int sandbox_find_major(void)
{
	FILE *devices = fopen("/proc/devices", "re");
	unsigned int number, found = 0;
	char line[128], name[64];

	while (devices && !found && fgets(line, sizeof(line), devices))
		if (sscanf(line, "%u %63s", &number, name) == 2 && !strcmp(name, "msgslot"))
			found = number;
	if (devices)
		fclose(devices);
	return found;
}

bool sandbox_has_module(void)
{
	return sandbox_has_sysfs() ? !access("/sys/module/msgslot", F_OK) :
				     sandbox_find_major() != 0;
}

int sandbox_try(const char *node)
{
	/* Not for reading, because a reader joins a broadcast channel. */
	int fd = open(node, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Whether the owner, group and mode of the node let this process read and write. */
static bool sandbox_mode_allows(const char *node, const struct stat *status)
{
	mode_t wanted = 0006;

	if (!faccessat(AT_FDCWD, node, R_OK | W_OK, AT_EACCESS))
		return true;
	/* faccessat() asks SELinux, too: look at the mode itself. */
	if (status->st_uid == geteuid())
		wanted = 0600;
	else if (group_membership(status->st_gid, NULL) == NOW)
		wanted = 0060;
	return (status->st_mode & wanted) == wanted;
}

/*
 * Whether SELinux enforces.  Containers hide that; there the context of the process tells,
 * user:role:type:level.  AppArmor has its mode in parentheses in that file.
 */
static bool sandbox_has_selinux(void)
{
	const char *colon;
	char line[256];

	if (file_read_start("/sys/fs/selinux/enforce", line, sizeof(line)))
		return line[0] == '1';
	file_read_start("/proc/self/attr/current", line, sizeof(line));
	colon = strchr(line, ':');
	return colon && strchr(colon + 1, ':') && !strchr(line, '(');
}

const char *sandbox_refusal(const char *node, int error, const char **todo)
{
	const char *cause = "a device policy, or where it is mounted";
	static char text[160];
	struct stat status;

	if ((error != EPERM && error != EACCES) || stat(node, &status))
		return NULL;
	/* EPERM comes after group and mode allowed it. */
	if (error == EACCES && !sandbox_mode_allows(node, &status))
		return NULL;
	*todo = SANDBOX_TODO;
	if (error == EACCES && sandbox_has_selinux()) {
		*todo = SANDBOX_TODO_SELINUX;
		cause = "SELinux, most likely";
	}
	snprintf(text, sizeof(text), "%s, though its group and mode allow it: %s", strerror(error),
		 cause);
	return text;
}
