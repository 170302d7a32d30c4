/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mmap() of a channel: which processes map it, and how long its map lives.
 *
 * A channel has one map for all that map it.  The first mmap() makes it, gives it to the log, and
 * then copies what the log keeps; the last munmap() takes it away.
 *
 * Each mmap() has a struct mapping (mmap.c).  It counts its VMAs, which fork() and the splitting of
 * a VMA add to.  With the last VMA the mapping leaves the list of the map, under the log's lock;
 * with the last mapping the log lets go of the map.  @pages.refs counts the log and each writer
 * that fills a cell; the last one frees the map.  Each mapping holds the channel, and the last one
 * leaves its hold to the map.  A VMA has the file open, the file the slot and the module.
 *
 * The map is charged to a user that has it mapped: when that user's mapping goes, to another.
 *
 * Lock order: mm.mmap_lock, then all that follows msgslot_file.lock (log.h).
 */
#ifndef MSGSLOT_MMAP_H
#define MSGSLOT_MMAP_H

#include <linux/types.h>

struct file;
struct msgslot_buffer;
struct msgslot_map_pages;
struct vm_area_struct;

int msgslot_mmap(struct file *file, struct vm_area_struct *vma);

/*
 * After a long message was placed in a mapped log: copies it from @buffer into @map, puts both, and
 * wakes readers.
 */
void msgslot_mmap_fill(struct msgslot_map_pages *map, u64 sequence, u32 length,
		       struct msgslot_buffer *buffer);

#endif /* MSGSLOT_MMAP_H */
