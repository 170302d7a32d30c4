/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service or a container cannot see or do, whatever groups it has. */
#ifndef MSGSLOT_TOOLS_SANDBOX_H
#define MSGSLOT_TOOLS_SANDBOX_H

#include <stdbool.h>

#define SANDBOX_TODO                                                           \
	"A service needs DeviceAllow=char-msgslot rw and no PrivateDevices=; " \
	"a container --device=/dev/msgslotN."

/* Whether sysfs can be seen, which lists the slots. */
bool sandbox_has_sysfs(void);

/* Whether /dev has all devices of the machine, or only those chosen for this process. */
bool sandbox_has_devices(void);

/* The major number of slots, also where sysfs cannot be seen; 0: there is no module. */
unsigned int sandbox_find_major(void);

/* Whether the module is loaded, as far as that can be seen. */
bool sandbox_has_module(void);

/* Opens and closes the node: 0, or errno.  This has no effect on the slot. */
int sandbox_try(const char *node);

/*
 * Whether something else refuses, with that errno, a node whose group and mode allow it: what, and
 * what to do about it.  NULL: nothing else does.  The text lives until the next call.
 */
const char *sandbox_refusal(const char *node, int error, const char **todo);

#endif
