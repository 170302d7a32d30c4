/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The open files of a slot, as /proc/PID/fdinfo tells of them. */
#ifndef MSGSLOT_TOOLS_FDINFO_H
#define MSGSLOT_TOOLS_FDINFO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { FDINFO_LEASES_MAX = 64 };

/**
 * struct fdinfo - an open file of a process
 * @pid: the process
 * @fd: its number for the file
 * @command: the name of the process, as the process or its user chose it
 * @listens: it listens to the channels from @first to @last
 * @selected: a channel is selected
 * @channel: that channel
 * @has_cursor: the file has a cursor there, and the fields below hold
 * @next: sequence of the message that it reads next
 * @behind: messages that it has not read yet
 * @lost: messages that went unread
 * @stalls: writers wait until this file has read
 * @has_leased: it leased messages some time
 * @leased: how many it has leased now
 * @listed: how many of these the kernel names
 * @leases: their channels and sequences
 */
struct fdinfo {
	pid_t pid;
	int fd;
	char command[32];
	bool listens;
	uint32_t first;
	uint32_t last;
	bool selected;
	uint32_t channel;
	bool has_cursor;
	uint64_t next;
	uint64_t behind;
	uint64_t lost;
	bool stalls;
	bool has_leased;
	uint64_t leased;
	unsigned int listed;
	struct fdinfo_lease {
		uint32_t channel;
		uint64_t sequence;
	} leases[FDINFO_LEASES_MAX];
};

/*
 * Calls each for the files of other processes that have this device open, in the order of /proc.
 * Processes that the caller may not look into are left out.  -1 with errno without /proc.
 */
int fdinfo_walk(dev_t device, void (*each)(const struct fdinfo *file, void *data), void *data);

#endif
