/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two kinds of writers of a map, and a reader that has it mapped (src/map.h): a short message is
 * copied under the lock, a long one is not, and its cell may be claimed by another meanwhile.
 *
 * Stands for: map_claim_locked, map_publish_locked, map_show_locked, msgslot_map_place_locked,
 * msgslot_map_copy, msgslot_map_filled_locked, msgslot_place_fill_map, msgslot_map_try.
 *
 * Holds, in `last`: what a reader takes for a message is one, whole, and of the number that it
 * looked for; there always is one; and in the end the newest is found.
 */
#define WRITERS 2
#define PLACES 10
#define VERSIONS 12
#include "memory.inc"

#define CELLS 2
#define LAST 4
#define cell_of(s) ((s) % CELLS)
#define version(c) (c)
#define number(c) (2 + (c))
#define left(c) (4 + (c))
#define right(c) (6 + (c))
#define FIRST 8
#define NEXT 9

byte running;
byte sent = 1;

/* The pages as writers know them, under the lock. */
byte versions[CELLS], claimed[CELLS];
bool filling[CELLS];
byte first = 1, next = 2;

/* The log keeps one message: @sent. */
inline tell(s)
{
	if
	:: next <= s ->
		next = s + 1;
		barrier(w);
		put(w, NEXT, next)
	:: else
	fi;
#ifdef VARIANT_FIRST_GOES_BEYOND_WHAT_IS_PUBLISHED
	first = sent;
#else
	first = higher(first, (sent < next - 1 -> sent : next - 1));
#endif
#ifndef VARIANT_FIRST_IS_NOT_RELEASED
	barrier(w);
#endif
	put(w, FIRST, first)
}

inline publish(s)
{
#ifndef VARIANT_THE_VERSION_IS_NOT_RELEASED
	barrier(w);
#endif
	versions[cell_of(s)]++;
	put(w, version(cell_of(s)), versions[cell_of(s)]);
	tell(s)
}

inline claim(s)
{
	if
	:: versions[cell_of(s)] % 2 == 0 -> versions[cell_of(s)]++
	:: else
	fi;
	put(w, version(cell_of(s)), versions[cell_of(s)]);
#ifndef VARIANT_NO_BARRIER_AFTER_ODD
	barrier(w);
#endif
	claimed[cell_of(s)] = s;
	put(w, number(cell_of(s)), s)
}

inline copy(s)
{
	put(w, left(cell_of(s)), s);
	put(w, right(cell_of(s)), s)
}

/* msgslot_map_place_locked(); what is returned is in @to_fill, or 0. */
inline place_in_map(s, is_long)
{
	claim(s);
	to_fill = 0;
	if
#ifndef VARIANT_A_CELL_IS_WRITTEN_WHILE_IT_IS_FILLED
	:: filling[cell_of(s)] ->
		tell(s)
#endif
	:: else ->
		if
		:: is_long ->
			filling[cell_of(s)] = true;
			to_fill = s
		:: else ->
			copy(s);
			publish(s)
		fi
	fi
}

proctype writer(byte w)
{
	byte s, to_fill, m;
	bool is_long;

	do
	:: sent < LAST ->
		lock(w);
		if
		:: sent < LAST ->
			sent++;
			s = sent;
			if
			:: is_long = true
			:: is_long = false
			fi;
			place_in_map(s, is_long)
		:: else
		fi;
		unlock(w);
		do
		:: to_fill ->
			copy(to_fill);
			lock(w);
			s = to_fill;
			filling[cell_of(s)] = false;
			to_fill = 0;
#ifdef VARIANT_THE_FILLER_DOES_NOT_LOOK
			publish(s);
#else
			if
			:: claimed[cell_of(s)] == s -> publish(s)
			:: claimed[cell_of(s)] != s && claimed[cell_of(s)] == sent ->
#ifndef VARIANT_THE_FILLER_LEAVES_IT
				s = claimed[cell_of(s)];
				place_in_map(s, true)
#endif
			:: else
			fi;
#endif
			unlock(w)
		:: else -> break
		od
	:: else -> break
	od;
	running--
}

/* msgslot_map_try(). */
inline look()
{
	load_acquire(oldest, FIRST);
	wanted = higher(cursor, oldest);
	load_acquire(newest_, NEXT);
	assert(oldest < newest_);
	found = 0;
	if
	:: wanted < newest_ ->
#ifdef VARIANT_THE_VERSION_IS_NOT_ACQUIRED
		load(before, version(cell_of(wanted)));
#else
		load_acquire(before, version(cell_of(wanted)));
#endif
		load(n, number(cell_of(wanted)));
		load(l, left(cell_of(wanted)));
		load(r, right(cell_of(wanted)));
#ifndef VARIANT_NO_FENCE_BEFORE_THE_LAST_LOAD
		acquire();
#endif
		load(after, version(cell_of(wanted)));
		if
#ifdef VARIANT_THE_READER_DOES_NOT_LOOK_AGAIN
		:: before % 2 == 0 && n == wanted ->
#else
		:: before % 2 == 0 && after == before && n == wanted ->
#endif
			assert(l == wanted && r == wanted);
			found = wanted
		:: else
		fi
	:: else
	fi
}

proctype reader()
{
	byte cursor, oldest, wanted, newest_, before, after, n, l, r, found, m;

	running == 0;
	select (cursor : 0 .. LAST);
	look();
	/* Once more, when all was seen. */
	m = 0;
	do
	:: m < PLACES -> seen[m] = newest[m]; m++
	:: else -> break
	od;
	m = 0;
	cursor = 0;
	look();
	assert(found == LAST)
}

init
{
	atomic {
		running = 2;
		first_value(version(1), 2);
		versions[1] = 2;
		claimed[1] = 1;
		first_value(number(1), 1);
		first_value(left(1), 1);
		first_value(right(1), 1);
		first_value(FIRST, 1);
		first_value(NEXT, 2);
		run writer(0);
		run writer(1);
		run reader()
	}
}
