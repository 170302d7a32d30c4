/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc/PID/fdinfo tells of an open file of a slot. */
#ifndef MSGSLOT_FDINFO_H
#define MSGSLOT_FDINFO_H

struct file;
struct seq_file;

void msgslot_fdinfo_show(struct seq_file *m, struct file *file);

#endif /* MSGSLOT_FDINFO_H */
