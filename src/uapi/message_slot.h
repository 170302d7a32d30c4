/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The header by the name that course handouts have for it: MSG_SLOT_CHANNEL, the command by which
 * an open file selects its channel.  For more, see linux/msgslot.h.
 */
#ifndef MESSAGE_SLOT_H
#define MESSAGE_SLOT_H

#include <linux/msgslot.h>

#endif /* MESSAGE_SLOT_H */
