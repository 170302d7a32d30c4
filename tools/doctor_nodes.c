// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot doctor: the nodes in /dev, their group, and whether the user is in it. */
#include "doctor_nodes.h"

#include "finding.h"
#include "group.h"
#include "sandbox.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <msgslot.h>
#include <number.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define GROUP "msgslot"
#define RULE "60-msgslot.rules"
#define TRIGGER "As root: udevadm trigger --action=add --subsystem-match=msgslot"

/* Counts of the nodes of slots. */
static struct {
	unsigned int slots;
	unsigned int opened;
	unsigned int withheld;
} doctor_seen;

static void doctor_check_group(void)
{
	const struct passwd *user = getpwuid(geteuid());
	const struct group *group = getgrnam(GROUP);
	char todo[256], name[32];
	enum membership in;

	if (!group) {
		finding_wrong("As root: systemd-sysusers msgslot.conf, or groupadd --system " GROUP,
			      "there is no group " GROUP);
		return;
	}
	finding_well("the group " GROUP " is there, number %u", (unsigned int)group->gr_gid);

	if (!geteuid()) {
		finding_well("you are root");
		return;
	}
	snprintf(name, sizeof(name), "%u", (unsigned int)geteuid());
	in = group_membership(group->gr_gid, user);
	if (in != NOW && doctor_seen.opened == doctor_seen.slots) {
		/* In a user namespace groups have other numbers, or none. */
		finding_well("you can open every slot");
		return;
	}
	switch (in) {
	case NOW:
		finding_well("you are in the group " GROUP);
		break;
	case SINCE_LOGIN:
		finding_wrong("Log in again, or begin a shell with: newgrp " GROUP,
			      "you are in the group " GROUP ", but this login is older than that");
		break;
	case OUTSIDE:
		snprintf(todo, sizeof(todo),
			 "As root: usermod -aG " GROUP " %s; it counts from the next login on.",
			 user ? user->pw_name : name);
		finding_wrong(todo, "you are not in the group " GROUP);
		break;
	}
}

static void doctor_check_rule(void)
{
	static const char *const folders[] = { "/etc", "/run", "/usr/local/lib", "/usr/lib",
					       "/lib" };
	char path[64];
	struct stat status;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/udev/rules.d/" RULE, folders[i]);
		if (stat(path, &status))
			continue;
		/* An empty file, or a link to /dev/null, hides those of the folders below. */
		if (status.st_size)
			finding_well("the udev rule is there: %s", path);
		else
			finding_note("the udev rule is turned off: %s", path);
		return;
	}
	finding_wrong("Install the package again; then, as root: udevadm control --reload; udevadm "
		      "trigger --action=add --subsystem-match=msgslot",
		      "there is no udev rule " RULE);
}

/* How to make a missing node, or one whose place something else has taken. */
static void doctor_todo_node(const char *node, bool remove, unsigned int major_number,
			     unsigned int minor_number, char *todo, size_t size)
{
	snprintf(todo, size, "As root: %s%s%smknod -m 660 %s c %u %u && chgrp " GROUP " %s",
		 remove ? "rm " : "", remove ? node : "", remove ? " && " : "", node, major_number,
		 minor_number, node);
}

static void doctor_check_access(const char *node, const struct stat *status)
{
	const struct group *group = getgrgid(status->st_gid);
	bool for_group = (status->st_mode & 0060) == 0060;

	if (status->st_mode & 0006) {
		finding_note("%s is open to every user (mode %04o)", node, status->st_mode & 07777);
	} else if (!status->st_gid || !for_group) {
		finding_wrong(TRIGGER "; and see the rules in /etc/udev/rules.d",
			      "%s is only for root (group %s, mode %04o)", node,
			      group ? group->gr_name : "?", status->st_mode & 07777);
	} else {
		finding_well("%s is for the group %s (mode %04o)", node,
			     group ? group->gr_name : "?", status->st_mode & 07777);
	}
}

static void doctor_check_open(const char *node)
{
	const int error = sandbox_try(node);
	const char *refusal, *todo;

	if (!error) {
		doctor_seen.opened++;
		return;
	}
	refusal = sandbox_refusal(node, error, &todo);
	if (refusal)
		finding_wrong(todo, "%s: %s", node, refusal);
}

/* Checks the node of a slot that sysfs shows. */
static void doctor_check_slot(int minor_number)
{
	char node[32], numbers[32], todo[256];
	unsigned int major_number, own_minor;
	struct stat status;
	int error;

	snprintf(node, sizeof(node), "/dev/msgslot%d", minor_number);
	/*
	 * A slot that exists only through a hand-made node has no number in sysfs, and no other
	 * node.
	 */
	if (msgslot_attribute_get(minor_number, "dev", numbers, sizeof(numbers)) < 0 ||
	    sscanf(numbers, "%u:%u", &major_number, &own_minor) != 2)
		return;
	doctor_seen.slots++;
	error = stat(node, &status) ? errno : 0;
	if (error && !sandbox_has_devices()) {
		doctor_seen.withheld++;
	} else if (error) {
		doctor_todo_node(node, false, major_number, own_minor, todo, sizeof(todo));
		finding_wrong(todo, "%s: %s, but the slot is there", node, strerror(error));
	} else if (!S_ISCHR(status.st_mode)) {
		doctor_todo_node(node, true, major_number, own_minor, todo, sizeof(todo));
		finding_wrong(todo, "%s is a plain file or folder in the place of the node", node);
	} else if (status.st_rdev != makedev(major_number, own_minor)) {
		doctor_todo_node(node, true, major_number, own_minor, todo, sizeof(todo));
		finding_wrong(todo, "%s is the node of another device (%u:%u instead of %u:%u)",
			      node, major(status.st_rdev), minor(status.st_rdev), major_number,
			      own_minor);
	} else {
		doctor_check_access(node, &status);
		doctor_check_open(node);
	}
}

/* Without sysfs the slots are known by their nodes only. */
static void doctor_check_nodes(void)
{
	char node[32];

	finding_note("there is no /sys here, and slots are seen by their nodes alone");
	for (int i = 0; i < MSGSLOT_SLOTS_MAX; i++) {
		snprintf(node, sizeof(node), "/dev/msgslot%d", i);
		if (access(node, F_OK))
			continue;
		doctor_seen.slots++;
		doctor_check_open(node);
	}
	if (!doctor_seen.slots)
		finding_wrong(SANDBOX_TODO, "there is no node of a slot in /dev");
}

/* Files with the name of a slot that does not exist: echo makes one when there is no node. */
static void doctor_check_strays(void)
{
	struct dirent *entry;
	DIR *dev = opendir("/dev");

	while (dev && (entry = readdir(dev))) {
		char node[300], folder[300], todo[350];
		struct stat status;
		uint64_t number;

		if (strncmp(entry->d_name, "msgslot", 7) ||
		    !msgslot_number_parse(entry->d_name + 7, false, MSGSLOT_SLOTS_MAX - 1, &number))
			continue;
		snprintf(node, sizeof(node), "/dev/%s", entry->d_name);
		snprintf(folder, sizeof(folder), "/sys/class/msgslot/%s", entry->d_name);
		if (!access(folder, F_OK) || stat(node, &status))
			continue;
		snprintf(todo, sizeof(todo), "As root: rm %s%s",
			 S_ISDIR(status.st_mode) ? "-r " : "", node);
		if (!S_ISCHR(status.st_mode))
			finding_wrong(todo,
				      "%s is a plain file or folder, and there is no such slot",
				      node);
		else if (!access("/sys/class/msgslot", F_OK))
			finding_note("%s is a node, but there is no such slot yet", node);
	}
	if (dev)
		closedir(dev);
}

void doctor_nodes(void)
{
	int minor_number = -1;

	if (!sandbox_has_sysfs()) {
		doctor_check_nodes();
	} else {
		while ((minor_number = msgslot_slot_next(minor_number)) >= 0)
			doctor_check_slot(minor_number);
		if (!doctor_seen.slots && errno == ENOENT)
			finding_wrong(
				"As root: msgslot create MODE; and see 'options msgslot slots=' in "
				"/etc/modprobe.d",
				"there is no slot");
		doctor_check_strays();
	}
	if (doctor_seen.withheld && doctor_seen.withheld == doctor_seen.slots)
		finding_wrong(SANDBOX_TODO,
			      "this /dev is not the machine's, and has no node of its %u slot%s",
			      doctor_seen.slots, text_plural(doctor_seen.slots));
	else if (doctor_seen.withheld)
		finding_note("this /dev is not the machine's: %u more slot%s no node here",
			     doctor_seen.withheld, doctor_seen.withheld == 1 ? " has" : "s have");
	/* In a sandbox the groups and rules of the machine do not count. */
	if (sandbox_has_devices() && sandbox_has_sysfs()) {
		doctor_check_group();
		doctor_check_rule();
	} else if (doctor_seen.opened) {
		finding_well("you can open %u slot%s", doctor_seen.opened,
			     text_plural(doctor_seen.opened));
	}
}
