/* SPDX-License-Identifier: GPL-2.0-only */
/* MSGSLOT_SEND of a message that is tied to the file (tied_value.h), and the end of such a tie. */
#ifndef MSGSLOT_SEND_TIED_H
#define MSGSLOT_SEND_TIED_H

#include <linux/msgslot.h>

struct msgslot_deadline;
struct msgslot_file;

/* As msgslot_send(), for MSGSLOT_SEND_TIED. */
long msgslot_send_tied(struct msgslot_file *f, struct msgslot_send __user *user,
		       const struct msgslot_send *args, const struct msgslot_deadline *deadline);
/* The file ends: its messages go, or their wills take their places.  Sleeps. */
void msgslot_send_wills(struct msgslot_file *f);

#endif /* MSGSLOT_SEND_TIED_H */
