/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a service or a container may be kept from, whatever groups it has. */
#ifndef MSGSLOT_TOOLS_SANDBOX_H
#define MSGSLOT_TOOLS_SANDBOX_H

#include <stdbool.h>
#include <sys/stat.h>

#define SANDBOX_TODO                                                           \
	"A service needs DeviceAllow=char-msgslot rw and no PrivateDevices=; " \
	"a container --device=/dev/msgslotN."

#define SANDBOX_TODO_SELINUX                                                      \
	"As root: ausearch -m AVC -ts recent shows what it refused; a container " \
	"may need --security-opt label=disable: see msgslot-recipes(7)."

/* Whether sysfs can be seen, which tells what slots there are. */
bool sandbox_has_sysfs(void);

/* Whether /dev has the machine's devices, or only those that were chosen for this process. */
bool sandbox_has_devices(void);

/* Whether the kernel has the module, as far as that can be seen. */
bool sandbox_has_module(void);

/* Whether the node can be opened: 0, or the errno of it.  Has no effect on the slot. */
int sandbox_try(const char *node);

/* Whether the owner, group and mode of the node let this process read and write. */
bool sandbox_mode_allows(const char *node, const struct stat *status);

/* What refuses, with that errno, a node whose mode allows it, and what to do about it. */
const char *sandbox_cause(int error, const char **todo);

#endif
