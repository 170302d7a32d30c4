/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading without a system call: a copy of a channel's log in pages that users map read-only.
 *
 * While a channel is mapped, every message that is placed in its log is also put into a cell of the
 * map; struct msgslot_map_head in the uAPI header tells what is in the pages and how it is read.
 * There is nothing else in them: no lock, pointer, pid or uid, and no byte that was not a message of
 * this channel, or zero.
 *
 * A channel has one map, for all who map it.  The first mmap() makes it, gives it to the log and then
 * copies what the log keeps; the last munmap() takes it away again.
 *
 * Writers
 * -------
 * Nobody waits for a map.  A message claims its cell under the log's lock, with its placing: the cell has
 * its number then and an odd version, and readers find it busy.  A short message is copied under the
 * lock, too.  A long one may have a megabyte, which nobody copies under a spinlock: its writer fills the
 * cell afterwards, from the message's buffer, of which it has a reference.  While a cell is being filled
 * nobody else writes to its bytes.  If another message comes to it meanwhile, that one just claims it;
 * the writer at work sees that in the end, and copies that message instead of publishing its own.
 *
 *	writer of S, long			writer of S + cells
 *	log.lock: place S, claim, filling
 *	copy S
 *						log.lock: place, claim; it is being filled: leave it
 *	log.lock: claimed by another?
 *	  copy that one, or publish
 *
 * A writer does that a few times only, for others may be faster.  A message that is left so stays busy in
 * the map, and is read by call.
 *
 * What the map's head tells follows: first and next move when a message is published, so a reader of
 * `last` finds the old one or the new one, and never none; a message that is published makes all before
 * it visible, even if they are still being copied.  The map's first is only ever set to the log's, under
 * the log's lock, so what was cleared does not come back.  Cells are more than the depth: a new message
 * is not copied over one that is kept.
 *
 * Lifetime
 * --------
 * Each mmap() has a struct mapping (map.c); it counts its areas, which become more by fork() and where an
 * area is cut in pieces.  With the last one it leaves the map's list, under the log's lock; with the last
 * of these the log lets go of the map.  @refs counts the log and each writer at work; the last one frees
 * the map.  Each mapping holds the channel, and the last one leaves its hold to the map.  An area has the
 * file open, the file the slot and the module.
 *
 * The map is charged to one who has it mapped: when that one leaves, to another.
 *
 * Lock order: mm.mmap_lock, then all that follows msgslot_file.lock (log.h).
 */
#ifndef MSGSLOT_MAP_H
#define MSGSLOT_MAP_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/msgslot.h>

#include "account.h"

struct msgslot_buffer;
struct msgslot_cell;
struct msgslot_channel;
struct msgslot_log;
struct msgslot_slot;

/**
 * struct msgslot_map - the pages of a mapped channel
 * @refs: the log, and writers at work
 * @mappings: of all who map it; under the log's lock
 * @head: the pages; written under the log's lock, but for the bytes of a cell that is being filled
 * @filling: a bit for each cell that is; under the log's lock
 * @size: of the pages in bytes, as charged
 * @share: who is charged, until the map is freed; under the log's lock
 * @slot: whose channel it is; outlives the areas
 * @channel: held by each mapping, and by @holder after the last
 * @holder: holds the channel for writers at work
 */
struct msgslot_map {
	refcount_t refs;
	struct hlist_head mappings;
	struct msgslot_map_head *head;
	unsigned long *filling;
	size_t size;
	struct msgslot_share *share;
	struct msgslot_slot *slot;
	struct msgslot_channel *channel;
	struct msgslot_holder holder;
};

int msgslot_mmap(struct file *file, struct vm_area_struct *area);

/*
 * The message in @cell was placed in @log, which has a map.  NULL, or the caller is to call
 * msgslot_map_fill() without the lock, with what comes back and the cell's buffer, which has a reference
 * for that.
 */
struct msgslot_map *msgslot_map_place_locked(struct msgslot_log *log,
					     const struct msgslot_cell *cell);
/* Fills the cell of a long message, and gives back the buffer's reference, but not the map's. */
void msgslot_map_fill(struct msgslot_map *map, u64 sequence, u32 length,
		      struct msgslot_buffer *buffer);
void msgslot_map_put(struct msgslot_map *map);

/* The map, if there is one, is told which is the oldest message; @gone: and that there will be no other. */
void msgslot_map_tell_locked(struct msgslot_log *log, bool gone);

#endif /* MSGSLOT_MAP_H */
