/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small memory cgroup for a child to enter: cgroup/small in the test's own directory. */
#ifndef MSGSLOT_TESTS_CGROUP_H
#define MSGSLOT_TESTS_CGROUP_H

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "check.h"

/* @limit in bytes. */
static inline void group_begin(long limit)
{
	char text[32];

	assert_result(mkdir("cgroup", 0700), 0);
	assert_result(mount("none", "cgroup", "cgroup2", 0, NULL), 0);
	/* A test that failed left its own behind, and is no reason to fail. */
	rmdir("cgroup/small");
	/* The controller may be enabled already. */
	assert_result(text_put("cgroup/cgroup.subtree_control", "+memory"), 0);
	assert_result(mkdir("cgroup/small", 0700), 0);
	snprintf(text, sizeof(text), "%ld", limit);
	assert_result(text_put("cgroup/small/memory.max", text), 0);
}

/* No process is in the group any more. */
static inline void group_end(void)
{
	assert_result(rmdir("cgroup/small"), 0);
	assert_result(umount("cgroup"), 0);
	assert_result(rmdir("cgroup"), 0);
}

/*
 * For the child: 0, or -1. All memory that the child has is locked before it enters the group: the
 * kernel answers a fault in a full group with a kill, whichever process filled the group. For the
 * same reason the child must not open files or write to pipes afterwards, when the group may be
 * full. Since 7.2 a worker frees the memory of a failed vmalloc() later, so a group can stay
 * completely full for a while.
 */
static inline int group_enter(void)
{
	char pid[16];

	if (mlockall(MCL_CURRENT))
		return -1;
	snprintf(pid, sizeof(pid), "%d", getpid());
	return text_put("cgroup/small/cgroup.procs", pid);
}

/* The number in the file @attribute; if @key is not NULL, the number behind it. */
static inline long long group_get(const char *attribute, const char *key)
{
	char path[64], all[4096], *at = all;

	snprintf(path, sizeof(path), "cgroup/small/%s", attribute);
	assert_works(text_get(path, all, sizeof(all)));
	if (key) {
		at = strstr(all, key);
		assert_non_null(at);
		at += strlen(key);
	}
	return strtoll(at, NULL, 10);
}

#endif
