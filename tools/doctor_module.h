/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module, its file, the kernel's headers, signatures: part of `msgslot doctor`. */
#ifndef MSGSLOT_TOOLS_DOCTOR_MODULE_H
#define MSGSLOT_TOOLS_DOCTOR_MODULE_H

/* Adds its findings. */
void doctor_module(void);

#endif
