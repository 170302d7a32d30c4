// SPDX-License-Identifier: GPL-2.0-only
/* Cursors.  See cursor.h. */
#include <linux/errno.h>
#include <linux/spinlock.h>
#include <linux/msgslot.h>

#include "cursor.h"

/*
 * The count of cursors where @cursor is counted: at a message, or at the end.  A clear leaves it
 * before @first.
 */
static u32 *cursor_standing_locked(const struct msgslot_cursor *cursor, struct msgslot_log *log)
{
	const u64 at = max(cursor->stands, log->first);

	lockdep_assert_held(&log->lock);
	return at < log->next ? &msgslot_log_cell_locked(log, at)->standing : &log->at_end;
}

static void cursor_count_locked(struct msgslot_cursor *cursor, struct msgslot_log *log)
{
	cursor->stands = cursor->next;
	++*cursor_standing_locked(cursor, log);
}

static void cursor_discount_locked(const struct msgslot_cursor *cursor, struct msgslot_log *log)
{
	--*cursor_standing_locked(cursor, log);
}

void msgslot_cursor_join(struct msgslot_cursor *cursor, struct msgslot_log *log,
			 const struct msgslot_rules *rules, bool reads)
{
	spin_lock(&log->lock);
	WRITE_ONCE(cursor->next, rules->cursor == MSGSLOT_CURSOR_OF_FILE ? log->next : 0);
	cursor->offset = 0;
	cursor->reached = 0;
	cursor->lost = 0;
	cursor->counted = reads && rules->cursor == MSGSLOT_CURSOR_OF_FILE &&
			  rules->overflow == MSGSLOT_BLOCK;
	if (cursor->counted) {
		log->readers++;
		cursor_count_locked(cursor, log);
	}
	spin_unlock(&log->lock);
}

void msgslot_cursor_part(struct msgslot_cursor *cursor, struct msgslot_log *log)
{
	/* Only the file itself joins and parts, one at a time. */
	if (!cursor->counted)
		return;
	spin_lock(&log->lock);
	cursor_discount_locked(cursor, log);
	log->readers--;
	cursor->counted = false;
	spin_unlock(&log->lock);
}

void msgslot_cursor_follow(struct msgslot_cursor *cursor, struct msgslot_log *log)
{
	if (!cursor->counted)
		return;
	spin_lock(&log->lock);
	cursor_discount_locked(cursor, log);
	cursor_count_locked(cursor, log);
	spin_unlock(&log->lock);
}

int msgslot_cursor_seek(struct msgslot_cursor *cursor, struct msgslot_log *log, u32 whence,
			u64 sequence)
{
	int err = 0;

	spin_lock(&log->lock);
	switch (whence) {
	case MSGSLOT_SEEK_OLDEST:
		sequence = log->first;
		break;
	case MSGSLOT_SEEK_END:
		sequence = log->next;
		break;
	case MSGSLOT_SEEK_SEQUENCE:
		sequence = max(sequence, log->start);
		break;
	default:
		err = -EINVAL;
	}
	if (sequence > log->next)
		err = -EINVAL;
	if (!err) {
		if (cursor->counted)
			cursor_discount_locked(cursor, log);
		cursor->reached = max(cursor->reached, cursor->next);
		WRITE_ONCE(cursor->next, sequence);
		cursor->offset = 0;
		if (cursor->counted)
			cursor_count_locked(cursor, log);
	}
	spin_unlock(&log->lock);
	return err;
}
