/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log that grows from ring to ring while readers without a lock look for its messages, and that
 * loses the older ring with the last message in it (src/log.h, src/ring.h).
 *
 * Stands for: log_install, log_drop_older_locked, msgslot_log_advance_locked,
 * msgslot_ring_free_drained, msgslot_log_first, msgslot_log_next, msgslot_peek_once.
 *
 * Holds: no reader looks at a ring that is freed, or that has no shape yet; and a message that it
 * finds is one that was placed, not older than what it looked for.  The cell's own version is
 * cell.pml's.
 *
 * RCU: a reader's section began after a grace period, and then has seen all that was stored before
 * that, and what it freed is gone; or before, and nothing is freed.
 */
#define WRITERS 2
#define PLACES 16
#define VERSIONS 8
#include "memory.inc"

#define LAST 6
#define RINGS 3
/* Ring 1 has one cell, 2 has two, 3 has four. */
#define cells(r) (1 << ((r) - 1))
#define NEXT 0
#define FIRST 1
#define RING 2
/* What is read of ring @r: 0 in memory that is not a ring yet. */
#define base(r) (2 + (r))
#define older(r) (5 + (r))
#define cell(r, s) (8 + cells(r) + (s) % cells(r))

/* As the writers know it, under the lock. */
byte first = 1, next = 1, ring, starts[RINGS + 1], before[RINGS + 1];
byte running = 2;
/* Rings that were handed to RCU, and what was seen then. */
bool unlinked[RINGS + 1];
byte seen_then[(RINGS + 1) * PLACES];

/* msgslot_ring_free_drained(). */
inline free_drained(r)
{
	unlinked[r] = true;
	m = 0;
	do
#ifndef VARIANT_A_RING_IS_FREED_AT_ONCE
	:: m < PLACES -> seen_then[(r) * PLACES + m] = known[of(w, m)]; m++
#endif
	:: else -> break
	od;
	m = 0
}

/* log_drop_older_locked(). */
inline drop_older(r)
{
	o = before[r];
	if
	:: o ->
		put(w, older(r), 0);
		before[r] = 0;
		free_drained(o)
	:: else
	fi
}

/* log_install(): the memory of the ring is its maker's alone until it is assigned. */
inline install(r)
{
	o = ring;
	starts[r] = next;
	put(w, base(r), next);
	if
	:: first < next && o ->
		before[r] = o;
		put(w, older(r), o);
		o = 0
	:: else
	fi;
#ifndef VARIANT_A_RING_IS_ASSIGNED_WITHOUT_RELEASE
	barrier(w);
#endif
	put(w, RING, r);
	ring = r;
	if
	:: o -> free_drained(o)
	:: else
	fi
}

proctype placer()
{
	byte m, o, w = 0;

	do
	:: next <= LAST ->
		lock(w);
		if
		:: !ring -> install(1)
		:: ring && ring < RINGS && next - higher(first, starts[ring]) >= cells(ring) ->
			install(ring + 1)
		:: else
		fi;
		/* Otherwise it is full. */
		if
		:: next - higher(first, starts[ring]) < cells(ring) ->
			put(w, cell(ring, next), next);
#ifndef VARIANT_NEXT_IS_NOT_RELEASED
			barrier(w);
#endif
			next++;
			put(w, NEXT, next)
		:: else
		fi;
		unlock(w)
	:: else -> break
	od;
	running--
}

/* Takes messages: msgslot_log_advance_slow_locked(). */
proctype taker()
{
	byte m, r, o, w = 1;

	do
	:: first < LAST ->
		lock(w);
		if
		:: first < next ->
			/* The ring of the message behind it: no ring is older than that. */
			r = ring;
			do
			:: first + 1 < starts[r] -> r = before[r]
			:: else -> break
			od;
			drop_older(r);
			first++;
			barrier(w);
			put(w, FIRST, first)
		:: else
		fi;
		unlock(w)
	:: else -> break
	od;
	running--
}

/* Whether the section began after the grace period of ring @r. */
inline begin_after(r)
{
	if
	:: unlinked[r] ->
		gone[r] = true;
		d_step {
			m = 0;
			do
			:: m < PLACES -> seen[m] = higher(seen[m], seen_then[(r) * PLACES + m]); m++
			:: else -> break
			od;
			m = 0
		}
	:: true
	fi
}

proctype reader()
{
	byte cursor, oldest, wanted, end_, r, starts_at, n, m;
	bool gone[RINGS + 1];

	running == 0;
	select (cursor : 0 .. LAST);
	begin_after(1);
	begin_after(2);
#ifdef VARIANT_THE_RING_IS_LOADED_FIRST
	load_acquire(r, RING);
#endif
	load_acquire(oldest, FIRST);
	wanted = higher(cursor, oldest);
	load_acquire(end_, NEXT);
	if
	:: wanted >= end_ -> goto done
	:: else
	fi;
#ifndef VARIANT_THE_RING_IS_LOADED_FIRST
	load_acquire(r, RING);
#endif
	do
	:: r ->
		assert(!gone[r]);
		load(starts_at, base(r));
		assert(starts_at);
		if
		:: wanted < starts_at -> load_acquire(r, older(r))
		:: else -> break
		fi
	:: else -> goto done
	od;
	load(n, cell(r, wanted));
	/* If there is one cell, the message in it is the oldest and the newest. */
	if
	:: n != wanted && (!n || r != 1) -> goto done
	:: else
	fi;
	assert(n >= wanted && n <= LAST);
done:
	skip
}

init
{
	atomic {
		first_value(FIRST, 1);
		first_value(NEXT, 1);
		run placer();
		run taker();
		run reader()
	}
}
