/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of `msgslot doctor`.  Each adds its findings. */
#ifndef MSGSLOT_TOOLS_DOCTOR_H
#define MSGSLOT_TOOLS_DOCTOR_H

/* doctor_module.c: the module, its file, the kernel's headers, signatures. */
void doctor_module(void);

/* doctor_nodes.c: the group, the udev rule, the nodes, and which of them the user may open. */
void doctor_nodes(void);

#endif
