/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading without a system call: a copy of a channel's log in pages that users map read-only.
 *
 * While a channel is mapped, every message that is placed in its log is also put into a cell of the
 * map; struct msgslot_map_head in the uAPI header tells what is in the pages and how it is read.
 * There is nothing else in them: no lock, pointer, pid or uid, and no byte that was not a message of
 * this channel, or zero.
 *
 * A channel has one map, for all who map it.  The first mmap() makes it and is charged, copies what
 * the log keeps, and gives it to the log; the last munmap() takes it away again.
 *
 * Writers
 * -------
 * A short message is put into the map under the log's lock, with its placing.  A long one may have a
 * megabyte, which nobody copies under a spinlock: so it is put there under @lock, a mutex, as what the
 * log keeps is when it gets the map.  msgslot_log_place() refuses who has not got the lock of the map
 * that the log has if his message is long, or if somebody has that lock; he takes it then and starts
 * again.  So of those who write to the map
 *
 *  - two long ones are one after the other, by @lock;
 *  - a short one finds @lock free, under the log's lock.  Who takes it afterwards has to come to
 *    the log's lock, too, before he writes to the map; who gave it back had that lock when he was
 *    through.  So the short one is wholly before the one and wholly after the other.
 *
 *	writer of a long message		msgslot_log_clear()
 *	@lock
 *	log.lock: place S, first		log.lock: first = next, also the map's
 *	copy to the cell of S
 *	map: next = S + 1
 *	log.lock: the map's first = the log's
 *	@lock given back
 *
 * The map's first follows next, so that a reader of `last` finds the old message or the new one, and
 * never none; it is only ever set to the log's, under the log's lock, so what was cleared does not
 * come back.  Cells are more than the depth: a new message is not copied over one that is kept.
 *
 * The bytes that are copied stay: other writers wait, and what a clear or the end of the slot frees
 * goes after a grace period, while the copy is made in an RCU section.
 *
 * Lifetime
 * --------
 * @mappings counts the areas (one mmap(), more by fork() and where an area is cut in pieces).  With
 * the last one the log lets go of the map under the log's lock, and the hold of the channel is given
 * back.  @refs counts the log and each writer at work; the last one frees.  An area has the file
 * open, the file the slot and the module.
 *
 * Lock order: mm.mmap_lock, maps_lock (in map.c), msgslot_map.lock, msgslot_log.lock.  Under
 * msgslot_map.lock no user memory is touched.
 */
#ifndef MSGSLOT_MAP_H
#define MSGSLOT_MAP_H

#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/msgslot.h>

#include "account.h"

struct msgslot_cell;
struct msgslot_channel;
struct msgslot_log;
struct msgslot_slot;

/**
 * struct msgslot_map - the pages of a mapped channel
 * @lock: whoever writes to the pages, but for what is written under the log's lock: short messages,
 *	and the head's @first and @gone
 * @refs: the log, and writers at work
 * @mappings: areas of user memory
 * @head: the pages
 * @size: of them in bytes, as charged
 * @share: who is charged
 * @slot: whose channel it is; outlives the areas
 * @channel: has a hold for all areas together
 */
struct msgslot_map {
	struct mutex lock;
	refcount_t refs;
	refcount_t mappings;
	struct msgslot_map_head *head;
	size_t size;
	struct msgslot_share *share;
	struct msgslot_slot *slot;
	struct msgslot_channel *channel;
};

int msgslot_mmap(struct file *file, struct vm_area_struct *area);

/* The map of @log with a reference and its lock, or NULL.  Sleeps. */
struct msgslot_map *msgslot_map_lock(struct msgslot_log *log);
/* Gives both back.  Takes NULL. */
void msgslot_map_unlock(struct msgslot_map *map);
/* Puts a message into its cell.  The caller has the lock, and is in an RCU section for @bytes. */
void msgslot_map_put(struct msgslot_map *map, u64 sequence, u64 time, u32 length, const u8 *bytes);
/* The same for the short message in @cell, under the log's lock, while nobody has the map's. */
void msgslot_map_put_locked(struct msgslot_log *log, const struct msgslot_cell *cell);

#endif /* MSGSLOT_MAP_H */
