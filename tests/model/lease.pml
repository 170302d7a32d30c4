/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a channel lives whose messages files have leased: src/channel.c and src/tied_lease.c.
 *
 * Stands for: msgslot_channel_hold, msgslot_channel_find, msgslot_channel_unhold,
 * msgslot_channel_forget, msgslot_channels_kill, msgslot_log_unhold, msgslot_log_kill,
 * msgslot_log_clear, msgslot_tied_lease_take, msgslot_tied_lease_end_locked,
 * msgslot_tied_lease_end, msgslot_tied_leases_end, msgslot_tied_leases_free_void.
 *
 * Holds: a channel is freed once, when no call, file or lease has it, and no RCU section found it;
 * and in the end none is left that has neither a holder nor a message.
 *
 * What is done under one lock is one step.  RCU is the number of sections under way: memory is
 * freed where there is none.
 */
#define CHANNELS 2
#define NONE 255

typedef channel {
	bool made;
	bool in_tree;
	bool dead;
	bool forgotten;
	bool freed;
	bool unheld;
	bool has_leases;
	byte holds;
	byte ring;
	byte returned;
	byte away
};

channel c[CHANNELS];
byte made;
byte sections;
bool gone;

/* The lease of each of two files: where, or NONE; and whether its message was cleared. */
byte tie[2] = NONE;
bool cleared[2];
byte running;

#define used(i) assert(!c[i].freed)

/* The channel of the tree, or NONE. */
inline lookup(i)
{
	if
	:: c[0].in_tree -> i = 0
	:: !c[0].in_tree && c[1].in_tree -> i = 1
	:: else -> i = NONE
	fi
}

/* Under the lock of the channels: channel_forget_locked(), and the caller frees it. */
inline forget_locked(i)
{
	used(i);
	if
	:: c[i].holds -> skip
#ifdef VARIANT_LEASES_DO_NOT_COUNT
	:: !c[i].holds && (c[i].ring || c[i].returned) -> c[i].unheld = true
#else
	:: !c[i].holds && (c[i].ring || c[i].returned || c[i].away) -> c[i].unheld = true
#endif
	:: else ->
		c[i].dead = true;
		c[i].has_leases = false;
		c[i].in_tree = false;
		assert(!c[i].forgotten);
		c[i].forgotten = true
	fi
}

inline forget(i)
{
	atomic {
		used(i);
		if
#ifndef VARIANT_FORGOTTEN_IS_NOT_ASKED
		:: c[i].forgotten -> skip
#endif
		:: else -> forget_locked(i)
		fi
	}
}

inline unhold(i)
{
	atomic {
		used(i);
		c[i].holds--;
		if
		:: !c[i].holds -> forget_locked(i)
		:: else
		fi
	}
}

inline find(i)
{
	atomic {
		lookup(i);
		if
		:: i != NONE -> c[i].holds++; c[i].unheld = false
		:: else
		fi
	}
}

/* As a file that selects: it is made where there is none. */
inline hold(i)
{
	atomic {
		lookup(i);
		if
		:: i == NONE && !gone && made < CHANNELS ->
			i = made;
			made++;
			c[i].made = true;
			c[i].in_tree = true
		:: else
		fi;
		if
		:: i != NONE -> c[i].holds++; c[i].unheld = false
		:: else
		fi
	}
}

/* ---- leases ---------------------------------------------------------------------------------- */

/* msgslot_tied_lease_take(): of the ring, or of what came back. */
inline take(f, i)
{
	atomic {
		used(i);
		if
#ifndef VARIANT_TAKE_DOES_NOT_ASK_FOR_DEAD
		:: c[i].dead -> skip
#endif
		:: else ->
			c[i].has_leases = true;
			if
			:: c[i].returned -> c[i].returned--; c[i].away++; tie[f] = i; cleared[f] = false
			:: !c[i].returned && c[i].ring -> c[i].ring--; c[i].away++; tie[f] = i;
				cleared[f] = false
			:: else
			fi
		fi
	}
}

/* msgslot_tied_lease_end_locked(). */
inline end_locked(f, i, comes_back, unheld)
{
	used(i);
	unheld = c[i].unheld;
	tie[f] = NONE;
	c[i].away--;
	if
	:: !c[i].dead && !cleared[f] && comes_back -> c[i].returned++
	:: else
	fi
}

proctype file(byte f)
{
	byte i, rounds;
	bool unheld, ended;

	/* A call leases, and another ends that, by the id of the channel. */
	atomic { sections++; lookup(i) };
	if
	:: i != NONE -> take(f, i)
	:: else
	fi;
	sections--;
	if
	:: true ->
		atomic { sections++; lookup(i) };
		ended = false;
		if
		:: i != NONE ->
			atomic {
				used(i);
				if
				:: tie[f] == i && !c[i].dead && !cleared[f] ->
					end_locked(f, i, false, unheld);
					ended = true
				:: else
				fi
			};
#ifdef VARIANT_FORGET_AFTER_THE_SECTION
			sections--;
#endif
			if
			:: ended && unheld -> forget(i)
			:: else
			fi
#ifdef VARIANT_FORGET_AFTER_THE_SECTION
			;
			sections++
#endif
		:: else
		fi;
		sections--
	:: true
	fi;
	/* The file's end. */
	do
	:: atomic {
		sections++;
		i = tie[f];
		if
		:: i == NONE -> sections--; break
		:: else
		fi
	   };
	   ended = false;
	   atomic {
		used(i);
		if
		:: tie[f] == i -> end_locked(f, i, true, unheld); ended = true
		:: else
		fi
	   };
#ifndef VARIANT_THE_END_FORGETS_NOTHING
	   if
	   :: ended && unheld -> forget(i)
	   :: else
	   fi;
#endif
	   sections--
	od;
	running--
}

/* ---- others ---------------------------------------------------------------------------------- */

/* A file selects, sends, and selects away. */
proctype sender()
{
	byte i, n;

	do
	:: n < 2 ->
		hold(i);
		if
		:: i != NONE ->
			atomic {
				used(i);
				if
				:: !c[i].dead && c[i].ring < 2 -> c[i].ring++
				:: else
				fi
			};
			unhold(i)
		:: else
		fi;
		n++
	:: else -> break
	od;
	running--
}

/* A reader that is no holder takes a message. */
proctype reader()
{
	byte i;
	bool took;

	atomic { sections++; lookup(i) };
	if
	:: i != NONE ->
		atomic {
			used(i);
			if
			:: c[i].returned -> c[i].returned--; took = true
			:: !c[i].returned && c[i].ring -> c[i].ring--; took = true
			:: else
			fi
		};
		if
		:: took -> forget(i)
		:: else
		fi
	:: else
	fi;
	sections--;
	running--
}

inline clear_locked(i)
{
	c[i].ring = 0;
	c[i].returned = 0;
	cleared[0] = cleared[0] || tie[0] == i;
	cleared[1] = cleared[1] || tie[1] == i
}

proctype clearer()
{
	byte i, f;

	find(i);
	if
	:: i != NONE ->
		atomic { used(i); clear_locked(i) };
		do
		:: f < 2 ->
			atomic {
				used(i);
				if
				:: tie[f] == i && cleared[f] -> tie[f] = NONE; c[i].away--
				:: else
				fi
			};
			f++
		:: else -> break
		od;
		unhold(i)
	:: else
	fi;
	running--
}

proctype destroyer()
{
	byte i;

	gone = true;
	do
	:: atomic {
		lookup(i);
		if
		:: i == NONE -> break
		:: else -> c[i].holds++; c[i].in_tree = false
		fi
	   };
	   atomic { used(i); c[i].dead = true; clear_locked(i) };
	   atomic {
		used(i);
		c[i].holds--;
		forget_locked(i)
	   }
	od;
	running--
}

/* Frees what is forgotten, once no section is under way. */
active proctype grace()
{
end:
	do
	:: atomic { c[0].forgotten && !c[0].freed && !sections ->
		assert(!c[0].has_leases && !c[0].holds && tie[0] != 0 && tie[1] != 0);
		c[0].freed = true }
	:: atomic { c[1].forgotten && !c[1].freed && !sections ->
		assert(!c[1].has_leases && !c[1].holds && tie[0] != 1 && tie[1] != 1);
		c[1].freed = true }
	od
}

#define left(i) (c[i].made && !c[i].forgotten && !c[i].ring && !c[i].returned)

init
{
	atomic {
		running = 4;
		run file(0);
		run sender();
		/* Any two of the others. */
		if
		:: run reader(); run clearer()
		:: run reader(); run destroyer()
		:: run reader(); run file(1)
		:: run clearer(); run destroyer()
		:: run clearer(); run file(1)
		:: run destroyer(); run file(1)
		fi
	};
	running == 0;
	assert(!left(0) && !left(1) && !c[0].holds && !c[1].holds && !c[0].away && !c[1].away)
}
