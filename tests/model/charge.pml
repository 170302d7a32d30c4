/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is charged for a ring and for its channel, as messages of three users come and go, and files
 * that hold the channel (src/log.c, "Which user is charged for a ring"; src/account.h).
 *
 * Stands for: msgslot_log_charge_locked, log_charge_ring_locked, msgslot_log_note_sender_locked,
 * log_pass_ring_on_locked, msgslot_log_advance_slow_locked, msgslot_cursor_take_locked,
 * msgslot_log_hold, msgslot_log_unhold, msgslot_charge_move, msgslot_share_get_of,
 * msgslot_share_put.
 *
 * Holds: the ring is charged to one user, that has a message in it, or, where it is empty, is
 * charged for the channel; and the channel to a holder, or without one to a user with a message.
 * A share is there as long as anything refers to it, and what the slot counts is what its users
 * hold.  Without memory for a share a charge stays where it is, until a message leaves again.
 *
 * All of it is under the lock of the log: each call is one step.
 */
#define USERS 3
#define CELLS 2
#define LAST 6
#define NONE USERS

/* Shares: references, and what is charged. */
byte refs[USERS], rings[USERS], channels[USERS];
byte slot_rings, slot_channels;

byte first = 1, next = 1;
byte sender[CELLS], payer[CELLS];
byte ring_user = NONE, newest_of_user, channel_user = NONE;
byte holders[USERS];
bool unheld, dead;
/* A charge may be a former user's, as there was no memory. */
bool behind;

inline add(u, r, c)
{
	rings[u] = rings[u] + r;
	channels[u] = channels[u] + c;
	slot_rings = slot_rings + r;
	slot_channels = slot_channels + c;
	refs[u]++
}

inline subtract(u, r, c)
{
	assert(refs[u] && rings[u] >= r && channels[u] >= c);
	rings[u] = rings[u] - r;
	channels[u] = channels[u] - c;
	slot_rings = slot_rings - r;
	slot_channels = slot_channels - c;
	refs[u]--
}

inline move(from, to, r, c)
{
	assert(refs[to]);
#ifdef VARIANT_A_MOVE_SUBTRACTS_TWICE
	subtract(from, r, c);
#endif
	add(to, r, c);
	subtract(from, r, c)
}

/* msgslot_log_charge_locked(). */
inline charge_log(u)
{
	if
	:: ring_user != NONE && first == next && ring_user != u ->
		move(ring_user, u, 1, 0);
		ring_user = u
	:: else
	fi;
	if
	:: channel_user != u ->
		move(channel_user, u, 0, 1);
		channel_user = u
	:: else
	fi
}

/* log_charge_ring_locked(). */
inline charge_ring(u, s)
{
	if
	:: unheld -> charge_log(u)
	:: else
	fi;
	if
	:: ring_user != u -> move(ring_user, u, 1, 0)
	:: else
	fi;
	ring_user = u;
	newest_of_user = s
}

/* log_pass_ring_on_locked(): message @f is the oldest then. */
inline pass_ring_on(f)
{
	if
	:: (f) == next -> skip
	:: (f) != next && newest_of_user >= (f) ->
		if
		:: unheld -> charge_log(ring_user)
		:: else
		fi
	:: (f) != next && newest_of_user < (f) ->
		u2 = payer[(f) % CELLS];
		assert(u2 != NONE && u2 == sender[(f) % CELLS]);
		/* A share that is not there takes memory. */
		if
		:: true ->
			refs[u2]++;
			charge_ring(u2, f);
			refs[u2]--;
			behind = false
		:: !refs[u2] -> behind = true
		fi
	fi
}

/* What is to be so after each step. */
inline check()
{
	assert(slot_rings == (ring_user != NONE) && slot_channels == (channel_user != NONE));
	m = 0;
	do
	:: m < USERS ->
		assert(refs[m] == (ring_user == m) + (channel_user == m) + holders[m]);
		assert(rings[m] == (ring_user == m) && channels[m] == (channel_user == m));
		m++
	:: else -> break
	od;
	m = 0;
	if
	:: dead || behind || ring_user == NONE -> skip
	:: else ->
		if
		:: first == next && !unheld -> assert(ring_user == channel_user)
		:: first == next && unheld -> skip
		:: else ->
			found = false;
			m = first;
			do
			:: m < next -> found = found || sender[m % CELLS] == ring_user; m++
			:: else -> break
			od;
			m = 0;
			assert(found)
		fi
	fi;
	if
	:: dead || behind -> skip
	:: !dead && !behind && !unheld -> assert(holders[channel_user])
	:: else ->
		found = false;
		m = first;
		do
		:: m < next -> found = found || sender[m % CELLS] == channel_user; m++
		:: else -> break
		od;
		m = 0;
		assert(found)
	fi
}

active proctype calls()
{
	byte u, u2, m, c;
	bool found;

	/* User 0 makes the channel. */
	holders[0] = 1;
	refs[0] = 1;
	channel_user = 0;
	add(0, 0, 1);
	do
	/* A user selects; of several one is charged. */
	:: atomic { !dead ->
		select (u : 0 .. USERS - 1);
		if
		:: holders[u] == 0 ->
			holders[u] = 1;
			refs[u]++;
			if
			:: unheld ->
				unheld = false;
				charge_log(u)
			:: else
			fi;
			check()
		:: else
		fi }
	/* And another, or none: msgslot_channel_unhold(). */
	:: atomic { !dead ->
		select (u : 0 .. USERS - 1);
		if
		:: holders[u] ->
			holders[u] = 0;
			if
			:: channel_user == u && (holders[0] || holders[1] || holders[2]) ->
				u2 = (holders[0] -> 0 : (holders[1] -> 1 : 2));
#ifndef VARIANT_THE_CHANNEL_STAYS_WITH_ONE_THAT_LEFT
				charge_log(u2)
#endif
			:: holders[0] + holders[1] + holders[2] == 0 && first == next ->
				dead = true;
				if
				:: ring_user != NONE -> subtract(ring_user, 1, 0); ring_user = NONE
				:: else
				fi;
				subtract(channel_user, 0, 1);
				channel_user = NONE
			:: holders[0] + holders[1] + holders[2] == 0 && first < next ->
				unheld = true;
				charge_log(ring_user)
			:: else
			fi;
			refs[u]--;
			check()
		:: else
		fi }
	/* A user, who is no holder perhaps, sends: msgslot_place(), in `last` or `queue`. */
	:: atomic { !dead && next <= LAST ->
		select (u : 0 .. USERS - 1);
		refs[u]++;
		if
		:: ring_user == NONE ->
			/* log_install(). */
			ring_user = u;
			newest_of_user = 0;
			add(u, 1, 0);
			if
			:: unheld -> charge_log(u)
			:: else
			fi
		:: else
		fi;
		c = next % CELLS;
		m = (next - first == CELLS -> first + 1 : first);
		sender[c] = u;
		payer[c] = NONE;
		if
		:: ring_user != u ->
			if
			:: newest_of_user < m -> charge_ring(u, next)
#ifndef VARIANT_THE_SENDER_IS_NOT_RECORDED
			:: newest_of_user >= m -> payer[c] = u
#else
			:: else
#endif
			fi
		:: else -> newest_of_user = next
		fi;
		first = m;
		m = 0;
		next++;
		refs[u]--;
		check() }
	/* A reader takes the oldest. */
	:: atomic { !dead && first < next ->
		if
		:: (first + 1 == next -> ring_user != channel_user : newest_of_user <= first) ->
#ifndef VARIANT_A_TAKE_PASSES_NOTHING_ON
			pass_ring_on(first + 1);
#endif
			if
			:: first + 1 == next && !unheld && ring_user != channel_user ->
				charge_ring(channel_user, 0)
			:: else
			fi
		:: else
		fi;
		first++;
		if
		:: unheld && first == next ->
			/* msgslot_channel_forget(). */
			dead = true;
			subtract(ring_user, 1, 0);
			ring_user = NONE;
			subtract(channel_user, 0, 1);
			channel_user = NONE
		:: else
		fi;
		check() }
	:: break
	od
}
