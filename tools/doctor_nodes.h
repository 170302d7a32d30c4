/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The group, the udev rule, the nodes, and which of them the user may open: part of `msgslot
 * doctor`.
 */
#ifndef MSGSLOT_TOOLS_DOCTOR_NODES_H
#define MSGSLOT_TOOLS_DOCTOR_NODES_H

/* Adds its findings. */
void doctor_nodes(void);

#endif
