// SPDX-License-Identifier: GPL-2.0-only
/* The end of an open file.  See release.h. */
#include <linux/fs.h>

#include "file.h"
#include "release.h"
#include "send_tied.h"
#include "tied_lease.h"

int msgslot_release(struct inode *inode, struct file *file)
{
	struct msgslot_file *f = file->private_data;

	if (f->slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL)
		msgslot_tied_leases_end(&f->ties, f->slot);
	else
		msgslot_send_wills(f);
	msgslot_file_release(f);
	return 0;
}
