// SPDX-License-Identifier: GPL-2.0-only
/* What /proc/PID/fdinfo tells of an open file of a slot.  msgslot(4) has the lines. */
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "fdinfo.h"
#include "file.h"
#include "tied_lease.h"
#include "tied_value.h"

static void fdinfo_show_listener(struct seq_file *m, struct msgslot_file *f)
{
	struct msgslot_listener *listener = msgslot_file_get_listener(f);
	struct msgslot_position position;

	if (!listener)
		return;
	spin_lock(&listener->lock);
	position = listener->position;
	spin_unlock(&listener->lock);
	seq_printf(m, "msgslot-listens:\t%u-%u\n", listener->range.first, listener->range.last);
	if (f->slot->rules.cursor == MSGSLOT_CURSOR_OF_FILE)
		seq_printf(m, "msgslot-lost:\t%llu\n", position.lost);
	msgslot_listener_put(listener);
}

/* Of more ties only the number is told. */
#define FDINFO_TIES 64

/* What the file holds in channels: messages that it has leased, or that go with it. */
static void fdinfo_show_ties(struct seq_file *m, struct msgslot_file *f)
{
	const bool leases = f->slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL;
	struct msgslot_message_name *names;
	u32 i, n;

	if (!READ_ONCE(f->ties.used))
		return;
	if (leases)
		seq_printf(m, "msgslot-leases:\t%u\n", READ_ONCE(f->ties.count));
	names = kmalloc_array(FDINFO_TIES, sizeof(*names), GFP_KERNEL);
	if (!names)
		return;
	n = leases ? msgslot_tied_leases_list(&f->ties, names, FDINFO_TIES) :
		     msgslot_tied_values_list(&f->ties, names, FDINFO_TIES);
	for (i = 0; i < n; i++)
		seq_printf(m, "msgslot-%s:\t%u %llu\n", leases ? "lease" : "tied", names[i].channel,
			   names[i].sequence);
	kfree(names);
}

void msgslot_fdinfo_show(struct seq_file *m, struct file *file)
{
	struct msgslot_file *f = file->private_data;
	const struct msgslot_rules *rules = &f->slot->rules;
	struct msgslot_cursor cursor = {};
	struct msgslot_channel *channel;
	u64 first = 0, next = 0;
	u32 id = 0, waiting = 0;
	bool selected, reads, stalls;

	rcu_read_lock();
	spin_lock(&f->lock);
	channel = rcu_dereference_protected(f->channel, lockdep_is_held(&f->lock));
	reads = rcu_access_pointer(f->reading);
	selected = channel;
	if (channel) {
		id = channel->log.id;
		cursor = f->cursor;
		first = msgslot_log_first(&channel->log);
		next = msgslot_log_next(&channel->log);
		waiting = msgslot_log_writers(&channel->log);
	}
	spin_unlock(&f->lock);
	rcu_read_unlock();

	seq_printf(m, "msgslot-slot:\t%u\n", f->slot->minor);
	seq_printf(m, "msgslot-mode:\t%s\n", f->slot->mode->name);
	fdinfo_show_listener(m, f);
	fdinfo_show_ties(m, f);
	if (!selected)
		return;
	seq_printf(m, "msgslot-channel:\t%u\n", id);
	seq_printf(m, "msgslot-messages:\t%llu\n", next - min(first, next));
	seq_printf(m, "msgslot-writers-waiting:\t%u\n", waiting);
	if (rules->cursor != MSGSLOT_CURSOR_OF_FILE || !(file->f_mode & FMODE_READ) || !reads)
		return;
	stalls = cursor.counted && waiting && cursor.next <= first;
	seq_printf(m, "msgslot-next:\t%llu\n", cursor.next);
	seq_printf(m, "msgslot-behind:\t%llu\n", next - min(cursor.next, next));
	seq_printf(m, "msgslot-lost:\t%llu\n", cursor.lost);
	seq_printf(m, "msgslot-holds-up-writers:\t%s\n", stalls ? "yes" : "no");
}
