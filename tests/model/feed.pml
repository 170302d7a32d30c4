/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first listener of a slot, whose writers did not know of it, and a feed that is overrun
 * (src/feed.h, src/range.h), in `broadcast`.
 *
 * Stands for: msgslot_feed_is_on, msgslot_feed_add_locked, feed_join, listener_settle,
 * msgslot_feed_get_end, msgslot_feed_read, msgslot_range_begin, range_walk_on, range_walk_into,
 * range_walk, range_look, range_follow, msgslot_log_find_range.
 *
 * Holds: what is placed once the listener has begun is received, once, and in the order of its
 * channel; or it went for a newer one, and a loss is told. The newest message of each channel is
 * received. No loss is told where there was none.
 */
#define CHANNELS 2
#define WRITERS 2
#define EACH 2
#define MESSAGES (WRITERS * EACH)
/* Entries of the feed. */
#define DEPTH 1

/* The clock, which may stand still. */
byte now = 1;

/* Each log keeps one message. */
bool locked[CHANNELS];
byte next[CHANNELS];
byte time[CHANNELS];
byte dropped[CHANNELS];

/* The feed. */
bool on;
byte feed_next, feed_time;
byte entry_time[DEPTH], entry_channel[DEPTH], entry_sequence[DEPTH];

/* Writers in an RCU section. */
bool section[WRITERS];
byte running = WRITERS;

/* What is known to the judge: messages that were placed after the listener had begun. */
bool begun;
bool announced[CHANNELS];
byte expected_from[CHANNELS];
byte received[CHANNELS];
byte lost, really_lost;

inline tick()
{
	if
	:: now++
	:: skip
	fi
}

proctype writer(byte w)
{
	byte n, c, t;
	bool is_on;

	do
	:: n < EACH ->
		select (c : 0 .. CHANNELS - 1);
		section[w] = true;
		is_on = on;
		atomic { !locked[c] -> locked[c] = true; tick() };
		/* msgslot_feed_add_locked(), under the lock of the feed. */
		atomic {
			if
			:: is_on ->
#ifdef VARIANT_THE_TIME_DOES_NOT_RISE
				t = now;
#else
				t = (now > feed_time -> now : feed_time + 1);
#endif
				feed_time = t;
				entry_time[feed_next % DEPTH] = t;
				entry_channel[feed_next % DEPTH] = c;
				entry_sequence[feed_next % DEPTH] = next[c];
				feed_next++;
				announced[c] = true
			:: else -> t = now
			fi
		};
		/* The message is stored. */
		atomic {
			if
			:: next[c] && is_on -> dropped[c] = time[c]
			:: else
			fi;
			if
			:: begun && next[c] > expected_from[c] && received[c] < next[c] ->
				really_lost++
			:: else
			fi;
			time[c] = t;
			announced[c] = false;
			next[c]++
		};
		atomic { locked[c] = false; section[w] = false; n++; c = 0; t = 0; is_on = false }
	:: else -> break
	od;
	running--
}

/* Message @s of channel @c: each once, in order. */
inline receive(c, s)
{
	assert(s >= received[c] && s >= expected_from[c]);
	received[c] = s + 1
}

/* msgslot_feed_get_end(). */
inline get_end()
{
	atomic {
		tick();
#ifndef VARIANT_THE_END_IS_THAT_OF_THE_FEED
		feed_time = (feed_time > now -> feed_time : now);
#endif
		position = feed_next;
		until = feed_time
	}
}

/* range_walk_into(), and range_walk() of what is found. */
inline look_into(c)
{
#ifndef VARIANT_A_WALK_DOES_NOT_LOCK
	!locked[c];
#endif
	atomic {
		if
		:: next[c] && time[c] > told && time[c] <= until -> receive(c, next[c] - 1)
		:: else
		fi;
		if
		:: dropped[c] > told && dropped[c] <= until -> lost++
		:: else
		fi
	}
}

proctype listener()
{
	byte position, until, told, c, s, t;
	bool waits_for[WRITERS], done;

	on = true;
#ifndef VARIANT_NO_GRACE_PERIOD
	atomic { waits_for[0] = section[0]; waits_for[1] = section[1] };
	do
	:: atomic { waits_for[0] && !section[0] -> waits_for[0] = false }
	:: atomic { waits_for[1] && !section[1] -> waits_for[1] = false }
	:: !waits_for[0] && !waits_for[1] -> break
	od;
#endif
	/* msgslot_range_begin(): what was placed before has at most that time. */
	atomic {
		get_end();
		told = until;
		begun = true;
		/* A message whose entry is there, but which is not stored yet, was placed before. */
		expected_from[0] = next[0] + announced[0];
		expected_from[1] = next[1] + announced[1];
		received[0] = expected_from[0];
		received[1] = expected_from[1]
	};
	do
	:: true ->
		done = running == 0;
		/* msgslot_feed_read(). */
		atomic {
			s = 255;
			t = 0;
			if
			:: feed_next - position > DEPTH -> t = 1
			:: feed_next - position <= DEPTH && position < feed_next ->
				told = entry_time[position % DEPTH];
				c = entry_channel[position % DEPTH];
				s = entry_sequence[position % DEPTH];
				position++
			:: else
			fi
		};
		if
		:: t ->
			get_end();
			look_into(0);
			look_into(1);
#ifndef VARIANT_A_WALK_TELLS_NO_TIME
			told = until
#endif
			skip
		:: !t && s != 255 ->
			/* range_look(). */
#ifndef VARIANT_AN_ENTRY_IS_NOT_WAITED_FOR
			if
			:: next[c] <= s -> !locked[c]
			:: else
			fi;
#endif
			atomic {
				if
				:: next[c] == s + 1 -> receive(c, s)
				:: else -> lost++
				fi
			}
		:: !t && s == 255 && done -> break
		:: !t && s == 255 && !done -> skip
		fi;
		atomic { s = 0; t = 0; c = 0 }
	od;
	/* All that is kept was received, and what is gone was told. */
	assert(next[0] <= expected_from[0] || received[0] == next[0]);
	assert(next[1] <= expected_from[1] || received[1] == next[1]);
	assert((lost > 0) == (really_lost > 0))
}

init
{
	atomic {
		run writer(0);
		run writer(1);
		run listener()
	}
}
