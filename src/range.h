/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A range of channels that a file listens to: which message is the next one.
 *
 * Where the feed is a state, that is the head of the next channel that has a message, round by id,
 * or always of the lowest.
 *
 * Where the feed is news, a listener is a position in it, and walks its range by id where the feed
 * does not tell: in `last` once at the beginning, for what is there already; and after an overrun,
 * for what is kept of the messages whose entries are gone:
 *
 *	next			the next entry
 *	told			messages up to this time were told, or lost
 *	walk			the channel to be looked at, if there is a walk
 *	left			the messages of that channel that are left to be told
 *	until			the walk tells messages up to this time; the feed has the others,
 *				from position on
 *
 * Entries that are lost during a walk start the next one after it, never the same one again: so it
 * ends, and a listener always gets to the newest message of each channel.
 *
 * A call looks for what was placed before it began.  A walk that began after that has seen all of
 * it, and so have steps along the feed up to that time: however fast others are, a call makes one
 * walk, or the rest of one and another.
 *
 * Modelled in tests/model/feed.pml.
 */
#ifndef MSGSLOT_RANGE_H
#define MSGSLOT_RANGE_H

#include <linux/types.h>

#include "feed.h"
#include "peek.h"
#include "slot.h"

/**
 * struct msgslot_range - the channels
 * @slot: their slot, which the listener's file references
 * @first: the lowest id
 * @last: the highest id
 * @lowest: the lowest channel that has a message always comes first
 */
struct msgslot_range {
	struct msgslot_slot *slot;
	u32 first;
	u32 last;
	bool lowest;
};

/**
 * struct msgslot_position - where a listener is; see above
 * @next: in the feed
 * @told: a time
 * @walk: a channel; above the range: there is no walk; where the feed is a state, the last one that
 *	had a message
 * @left: messages of that channel; empty at 0: not looked at yet
 * @until: a time
 * @lost: messages that are gone, at least
 * @lost_told: how many of them read() told
 * @lost_seen: how many of them poll() does not report
 * @round: the channel to begin with, where the feed is a state
 */
struct msgslot_position {
	u64 next;
	u64 told;
	u64 walk;
	struct msgslot_log_range left;
	u64 until;
	u64 lost;
	u64 lost_told;
	u64 lost_seen;
	u32 round;
};

/**
 * struct msgslot_found - the message that a listener is to receive
 * @channel: its id
 * @moves: of the listener, as it was looked for
 * @began: the feed's time as the call began, or slept last: see above
 * @begin: where the feed is a state, the channel of the first message of a batch
 * @before: where the listener is before it; all that was skipped is behind
 * @after: where it is once the message is received
 */
struct msgslot_found {
	u32 channel;
	u64 moves;
	u64 began;
	u32 begin;
	struct msgslot_position before;
	struct msgslot_position after;
};

static inline struct msgslot_feed *msgslot_range_feed(const struct msgslot_range *range)
{
	return &range->slot->channels.feed;
}

/* Whether messages are taken from the channels: then the feed is a state. */
static inline bool msgslot_range_is_taken(const struct msgslot_range *range)
{
	return range->slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL;
}

/* The channel whose turn it is after @id. */
static inline u32 msgslot_range_round(const struct msgslot_range *range, u32 id)
{
	return id == range->last ? range->first : id + 1;
}

/* A call begins, or has slept: @found is for what was placed before. */
static inline void msgslot_range_begin_look(const struct msgslot_range *range,
					    struct msgslot_found *found)
{
	found->began = READ_ONCE(msgslot_range_feed(range)->time);
}

/* Where a new listener begins. */
struct msgslot_position msgslot_range_begin(const struct msgslot_range *range);
/*
 * Looks for the message at @found->before: 0, with it in @peek and @found; -EAGAIN: there is none;
 * 1 to look again, from @found->before, which has moved on.  msgslot_range_begin_look() precedes
 * the first look.  @peek->inline_buffer is the caller's; @peek->buffer is the caller's to put.
 */
int msgslot_range_peek(const struct msgslot_range *range, struct msgslot_found *found,
		       struct msgslot_peek *peek, size_t size);
/*
 * The same for the message behind @position, which was in @found->after, in one batch: 0; else
 * there is none, or a look from the listener's own position may find more.
 */
int msgslot_range_peek_next(const struct msgslot_range *range,
			    const struct msgslot_position *position, struct msgslot_found *found,
			    struct msgslot_peek *peek, size_t size);
#endif /* MSGSLOT_RANGE_H */
