/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small memory cgroup, for a child to enter: cgroup/small in the test's own directory. */
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
	/* There already, or not yet: both are fine. */
	assert_result(text_put("cgroup/cgroup.subtree_control", "+memory"), 0);
	assert_result(mkdir("cgroup/small", 0700), 0);
	snprintf(text, sizeof(text), "%ld", limit);
	assert_result(text_put("cgroup/small/memory.max", text), 0);
}

/* Nobody is in it any more. */
static inline void group_end(void)
{
	assert_result(rmdir("cgroup/small"), 0);
	assert_result(umount("cgroup"), 0);
	assert_result(rmdir("cgroup"), 0);
}

/*
 * For the child: 0, or -1. What it has is all in memory before it enters: a fault that finds the group
 * full is answered by the kernel with a kill, whoever filled it. So it must not open files afterwards
 * either, when the group may be full. Newer kernels (7.2) give back what a failed vmalloc had got only
 * later, by a worker, so that a group is full to the brim for a while.
 */
static inline int group_enter(void)
{
	char pid[16];

	if (mlockall(MCL_CURRENT))
		return -1;
	snprintf(pid, sizeof(pid), "%d", getpid());
	return text_put("cgroup/small/cgroup.procs", pid);
}

/* The number that the file @attribute holds, behind @key if that is not NULL. */
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
