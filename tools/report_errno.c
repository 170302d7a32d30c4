// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reports of an errno of opening or making a slot.  See report_errno.h.  Groups and accounts are
 * looked up only here, after a failure, because a lookup is slow.
 */
#include "report_errno.h"

#include "group.h"
#include "report.h"
#include "sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCTOR "'msgslot doctor' says what is missing and what to do."

/* Finds out why this user may not open the node. */
static int report_denied(const char *node, int error)
{
	static const char root[] = "Run it as root, or have udev give the node a group: " DOCTOR;
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group;
	const char *refusal, *remedy;
	char todo[256], name[64];
	struct stat status;

	if (stat(node, &status))
		return report_error(STATUS_PERMISSION, node, "A folder above it is closed to you.",
				    "%s", strerror(errno));
	refusal = sandbox_refusal(node, error, &remedy);
	if (refusal)
		return report_error(STATUS_PERMISSION, node, remedy, "%s", refusal);
	group = getgrgid(status.st_gid);
	if (!group || !status.st_gid || (status.st_mode & 0060) != 0060)
		return report_error(STATUS_PERMISSION, node, root,
				    "Permission denied: it is only for root");

	snprintf(name, sizeof(name), "%u", (unsigned int)geteuid());
	switch (group_membership(status.st_gid, user)) {
	case OUTSIDE:
		snprintf(todo, sizeof(todo),
			 "As root: usermod -aG %s %s; it counts from the next login on.",
			 group->gr_name, user ? user->pw_name : name);
		return report_error(STATUS_PERMISSION, node, todo,
				    "Permission denied: you are not in the group %s",
				    group->gr_name);
	case SINCE_LOGIN:
		snprintf(todo, sizeof(todo), "Log in again, or begin a shell with: newgrp %s",
			 group->gr_name);
		return report_error(
			STATUS_PERMISSION, node, todo,
			"Permission denied: you are in the group %s, but this login is older than that",
			group->gr_name);
	case NOW:
		break;
	}
	return report_error(STATUS_PERMISSION, node, DOCTOR, "Permission denied");
}

/* If the module is loaded and only this slot is missing, doctor has nothing to find. */
static const char *report_todo_slots(const char *node)
{
	const char *name = strrchr(node, '/');
	char path[256];

	name = name ? name + 1 : node;
	snprintf(path, sizeof(path), "/sys/class/msgslot/%s", name);
	if (access("/sys/class/msgslot", F_OK) || (*name && !access(path, F_OK)))
		return DOCTOR;
	return "'msgslot list' says what slots there are; as root, 'msgslot create' makes one.";
}

int report_open(const char *node, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return report_denied(node, error);
	case ENOENT:
	case ENOTDIR:
		return report_error(STATUS_NO_SLOT, node, report_todo_slots(node),
				    "there is no such node");
	case ENXIO:
		return report_error(STATUS_NO_SLOT, node, report_todo_slots(node),
				    "there is no such slot, or no module msgslot");
	case ENODEV:
		return report_error(STATUS_NO_SLOT, node,
				    "'msgslot list' says what slots there are.",
				    "the slot was destroyed");
	case ENOTTY:
		return report_error(STATUS_NO_SLOT, node,
				    "Slots are /dev/msgslot0 and so on; 'msgslot list' names them.",
				    "this is not a slot");
	}
	return report_system(node, error);
}

int report_sysfs(const char *about, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return report_error(STATUS_PERMISSION, about, "Run it as root, as with sudo.",
				    "Permission denied: this needs root");
	case ENODEV:
		if (!sandbox_has_sysfs())
			return report_error(
				STATUS_NO_SLOT, about,
				"Where a slot has a node here, send and recv work with it.",
				"there is no /sys here, which tells what slots there are");
		return report_error(STATUS_NO_SLOT, about, "As root: modprobe msgslot; " DOCTOR,
				    "the module msgslot is not loaded");
	case ENXIO:
		return report_error(STATUS_NO_SLOT, about,
				    "'msgslot list' says what slots there are.",
				    "there is no such slot");
	}
	return report_system(about, error);
}
