/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader without a lock, and a writer that fills the cells of a ring that keeps as many messages:
 * the barriers of the version, and of first and next (src/log.h, "Locking").
 *
 * Stands for: place_store_locked, msgslot_log_first, msgslot_log_next, msgslot_peek_once.
 *
 * Holds: what a reader takes for a message is one, whole, and of the number that it looked for, or
 * in a single cell of a later one; and a log that has a message is never taken for empty.
 *
 * The release of next has no variant: a reader that sees the number before the message finds an odd
 * version, or another number, and looks again.
 *
 * Run: CELLS=1 CELLS=2
 */
#define WRITERS 1
#define PLACES 8
#define VERSIONS 8
#include "memory.inc"

#define LAST 4
#define version(c) (c)
#define number(c) (CELLS + (c))
#define bytes(c) (2 * CELLS + (c))
#define NEXT (3 * CELLS)
#define FIRST (3 * CELLS + 1)

/* msgslot_place(), under the lock. */
active proctype writer()
{
	byte s = 2, c, v[CELLS], m;

	/* Message 1 is there. */
	v[1 % CELLS] = 2;
	first_value(version(1 % CELLS), 2);
	first_value(number(1 % CELLS), 1);
	first_value(bytes(1 % CELLS), 1);
	first_value(NEXT, 2);
	first_value(FIRST, 1);
	do
	:: s <= LAST ->
		c = s % CELLS;
		v[c] = v[c] + 1;
		put(0, version(c), v[c]);
#ifndef VARIANT_NO_BARRIER_AFTER_ODD
		barrier(0);
#endif
		put(0, number(c), s);
		put(0, bytes(c), s);
#ifndef VARIANT_NO_BARRIER_BEFORE_EVEN
		barrier(0);
#endif
		v[c] = v[c] + 1;
		put(0, version(c), v[c]);
		barrier(0);
#ifdef VARIANT_FIRST_BEFORE_NEXT
		put(0, FIRST, s + 1 - CELLS);
		barrier(0);
		put(0, NEXT, s + 1);
#else
		put(0, NEXT, s + 1);
#ifndef VARIANT_FIRST_IS_NOT_RELEASED
		barrier(0);
#endif
		put(0, FIRST, s + 1 - CELLS);
#endif
		s++
	:: else -> break
	od;
	run reader()
}

proctype reader()
{
	byte cursor, first, next, c, before, after, n, text, m;

	select (cursor : 0 .. LAST);
#ifdef VARIANT_NEXT_IS_LOADED_FIRST
	load_acquire(next, NEXT);
	load_acquire(first, FIRST);
#else
#ifdef VARIANT_FIRST_IS_NOT_ACQUIRED
	load(first, FIRST);
#else
	load_acquire(first, FIRST);
#endif
	load_acquire(next, NEXT);
#endif
	assert(first < next);
	/* The message that is wanted: msgslot_peek_once()'s sequence. */
	first = higher(first, cursor);
	if
	:: first >= next -> goto done
	:: else
	fi;
	c = first % CELLS;
	load(before, version(c));
#ifndef VARIANT_NO_BARRIER_AFTER_VERSION
	acquire();
#endif
	load(n, number(c));
	load(text, bytes(c));
#ifndef VARIANT_NO_BARRIER_BEFORE_RETRY
	acquire();
#endif
	load(after, version(c));
	/* raw_seqcount_begin() makes an odd one even, which never compares equal. */
#ifdef VARIANT_AN_ODD_VERSION_WILL_DO
	if
	:: after != before -> goto done
#else
	if
	:: after != before || before % 2 -> goto done
#endif
	:: else
	fi;
#ifndef VARIANT_THE_NUMBER_IS_NOT_COMPARED
	if
	:: CELLS != 1 && n != first -> goto done
	:: else
	fi;
#endif
	assert(text == n && n >= first && (CELLS == 1 || n == first));
done:
	skip
}
