/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A map: a copy of a channel's log in pages that users map read-only.
 *
 * struct msgslot_map_head in the uAPI header says what is in the pages and how it is read.  There
 * is nothing else in them: no lock, pointer, pid or uid, and no byte that was not a message of this
 * channel, or zero.
 *
 * This file knows the pages and nothing of the log.  All functions whose name ends in _locked are
 * called with the lock of the log that the map belongs to.
 *
 * A writer never waits for a map.  A message claims its cell when it is placed: from then on the
 * cell has the message's number and an odd version, and a reader finds it busy.  A short message is
 * copied under the lock.  A long one may be a megabyte, which is not copied under a spinlock: its
 * writer fills the cell afterwards.  While one writer fills a cell, no other writes to its bytes.
 * A message that comes to the cell meanwhile only claims it; the writer that fills sees that at its
 * end, and copies that message in place of publishing its own:
 *
 *	writer of S, long			writer of S + cells
 *	log.lock: place S, claim, filling
 *	copy S
 *						log.lock: place, claim; it is being filled: leave it
 *	log.lock: claimed by another?
 *	  copy that one, or publish
 *
 * What the head says follows: first and next move when a message is published, so a reader of
 * `last` finds the old message or the new one, and never none.  A message that is published makes
 * all before it visible, even if they are still being copied: such a cell is busy.  The head's
 * first is only ever set to the log's, so what was cleared does not come back.  There are more
 * cells than the depth: a new message is not copied over one that is kept.
 *
 * Modelled in tests/model/map.pml.
 */
#ifndef MSGSLOT_MAP_H
#define MSGSLOT_MAP_H

#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/msgslot_map.h>

struct msgslot_rules;
struct msgslot_share;

/**
 * struct msgslot_map_pages - the pages of a map
 * @refs: the log, and each writer that fills a cell
 * @head: the pages; written under the log's lock, but for the bytes of a cell that is being filled
 * @filling: a bit for each cell that is being filled; under the log's lock
 * @size: of the pages, in bytes, as charged
 * @share: of the user that is charged, until the map is freed; under the log's lock
 */
struct msgslot_map_pages {
	refcount_t refs;
	struct msgslot_map_head *head;
	unsigned long *filling;
	size_t size;
	struct msgslot_share *share;
};

/*
 * How large the map of a channel is, in bytes, a multiple of the page size; may be above
 * MSGSLOT_MAP_MAX.
 */
u64 msgslot_map_size(const struct msgslot_rules *rules);
/* Empty pages of that size, with one reference: 0 or -ENOMEM.  Sleeps. */
int msgslot_map_alloc(struct msgslot_map_pages *map, const struct msgslot_rules *rules);
/* Frees the pages.  May be repeated. */
void msgslot_map_free(struct msgslot_map_pages *map);

/*
 * The map belongs to a log now, which keeps the messages @first to @next - 1: a cell that was not
 * filled yet is busy.
 */
void msgslot_map_start_locked(struct msgslot_map_pages *map, u64 first, u64 next);
/* Whether the cell of @sequence was claimed for that message, or a newer one. */
bool msgslot_map_has_locked(const struct msgslot_map_pages *map, u64 sequence);
/*
 * The log keeps the message @sequence, and @first is its oldest.  @bytes: of a short message, which
 * is in its cell then; NULL: of a long one.  True: the caller is to fill the cell of that one, by
 * msgslot_map_copy() and msgslot_map_filled_locked().  False: nothing is left to do.
 */
bool msgslot_map_place_locked(struct msgslot_map_pages *map, u64 sequence, u64 time, u32 length,
			      const void *bytes, u64 first);
/* Copies a long message into its cell.  Without the lock. */
void msgslot_map_copy(struct msgslot_map_pages *map, u64 sequence, const void *bytes, u32 length);
/* The copy is complete: 0, and readers find it; or the message that claimed the cell meanwhile. */
u64 msgslot_map_filled_locked(struct msgslot_map_pages *map, u64 sequence, u64 first);
/* The log begins with @first now; @gone: and gets no message any more. */
void msgslot_map_advance_locked(struct msgslot_map_pages *map, u64 first, bool gone);

#endif /* MSGSLOT_MAP_H */
