/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Readers that sleep for a message of a queue, and writers that sleep for space in it: each event
 * wakes one, and one that leaves without what woke it wakes the next (src/wait.h).
 *
 * Stands for: msgslot_wait_begin, wait_once, wait_wake, msgslot_wait_message, msgslot_wait_space,
 * msgslot_channel_wake_reader, msgslot_channel_wake_writers, msgslot_log_add_writer,
 * msgslot_log_remove_writer, msgslot_log_may_drop_or_request_locked, msgslot_cursor_take_locked,
 * receiver_wake_next, sender_wake_next.
 *
 * Holds: when nothing moves any more, no reader sleeps while there is a message, and no writer while
 * there is space.
 *
 * The barriers are those of a store and a load behind it: where one is taken out, the load comes
 * first.
 */
#define TASKS 4
#define READERS 2
#define DEPTH 1
#define is_reader(t) ((t) < READERS)

#define RUNS 0
#define SLEEPS 1
#define GONE 2
/* In a fault, which may last. */
#define STUCK 3

byte state[TASKS];
bool signalled[TASKS];
/* The one that has a deadline, which may be over at any time. */
byte hurried = TASKS;

/* Two wait queues, of readers and of writers: who stands where; 0 is no task, else its number + 1. */
#define queue_of(t) (is_reader(t) -> 0 : TASKS)
byte queue[2 * TASKS];

/* The log: messages in it, as everyone sees. */
byte messages;
bool once;
byte waiting;

/* __add_wait_queue_entry_tail_exclusive(), and the state of the task. */
inline enter(t)
{
	d_step {
		m = queue_of(t);
		do
		:: queue[m] -> m++
		:: else -> break
		od;
		queue[m] = t + 1;
		state[t] = SLEEPS;
		m = 0
	}
}

inline remove_at(n, base)
{
	m = n;
	do
	:: m < base + TASKS - 1 -> queue[m] = queue[m + 1]; m++
	:: else -> break
	od;
	queue[base + TASKS - 1] = 0;
	m = 0
}

/* finish_wait(). */
inline leave_queue(t)
{
	d_step {
		state[t] = RUNS;
		n = queue_of(t);
		do
		:: n < queue_of(t) + TASKS && queue[n] != t + 1 -> n++
		:: else -> break
		od;
		if
		:: n < queue_of(t) + TASKS -> remove_at(n, queue_of(t))
		:: else
		fi;
		n = 0
	}
}

/* __wake_up() of one, under the lock of the queue that begins at @base. */
inline wake_one(base)
{
	d_step {
		do
		:: queue[base] == 0 -> break
		:: else ->
			n = queue[base] - 1;
			remove_at(base, base);
			if
			:: state[n] == SLEEPS -> state[n] = RUNS; break
			:: else
			fi
		od;
		n = 0
	}
}

inline wake_reader()
{
	wake_one(0)
}

inline wake_writer()
{
	wake_one(TASKS)
}

#define has (messages > 0)
#define writable (messages < DEPTH)

/* msgslot_wait_message(), msgslot_wait_space(): @holds says what ends the wait. */
inline wait(t, holds)
{
	err = false;
#ifdef VARIANT_NO_BARRIER_AFTER_ENTERING
	there = holds;
	enter(t);
#else
	enter(t);
	there = holds;
#endif
	if
	:: there -> skip
	:: !there && signalled[t] -> err = true
	:: !there && !signalled[t] ->
end_asleep:
		if
		:: state[t] != SLEEPS
		:: state[t] == SLEEPS && t == hurried -> state[t] = RUNS; err = !(holds)
		fi
	fi;
	there = false;
	leave_queue(t)
}

/* receiver_wake_next(). */
inline wake_next_reader()
{
#ifndef VARIANT_A_READER_THAT_LEAVES_WAKES_NOBODY
	if
	:: slept && has -> wake_reader()
	:: else
	fi
#endif
	skip
}

proctype reader(byte t)
{
	byte m, n, requests;
	bool slept, err, there, taken;

	do
	:: has ->
		/* It copies: a page may be missing, and is waited for. */
		if
		:: true
		:: true ->
#ifndef VARIANT_A_FAULT_WAKES_NOBODY
			wake_next_reader();
#endif
			state[t] = STUCK;
			break
		fi;
		/* msgslot_cursor_take_locked(). */
		atomic {
			if
			:: messages > 0 ->
				messages--;
				requests = once + 2 * waiting;
				once = false;
				taken = true
			:: else
			fi
		};
		if
		:: taken && requests ->
#ifndef VARIANT_A_TAKE_WAKES_NOBODY
			wake_writer();
#endif
			requests = 0
		:: else -> requests = 0
		fi;
		if
		:: taken -> break
		:: else
		fi
	:: else ->
		slept = true;
		wait(t, has);
		if
		:: err -> wake_next_reader(); break
		:: !err && signalled[t] && !has -> wake_next_reader(); break
		:: else
		fi
	od;
	if
	:: state[t] != STUCK -> state[t] = GONE
	:: else
	fi
}

/* Under the lock of the log: whether there is space; if not, that is asked for. */
inline look_for_space()
{
	atomic {
		space = writable;
		once = once || !space
	}
}

proctype writer(byte t)
{
	byte m, n;
	bool slept, err, there, space;

	do
	:: true ->
		/* msgslot_place(), and the wake-up behind it. */
#ifdef VARIANT_NO_BARRIER_AFTER_PLACING
		there = queue[0];
#endif
		atomic {
			look_for_space();
			messages = messages + space
		};
		if
		:: space ->
#ifdef VARIANT_NO_BARRIER_AFTER_PLACING
			if
			:: there -> wake_reader()
			:: else
			fi;
			there = false;
#else
			wake_reader();
#endif
			break
		:: else
		fi;
		slept = true;
#ifndef VARIANT_A_WRITER_IS_NOT_COUNTED
		waiting++;
#endif
		wait(t, writable);
#ifndef VARIANT_A_WRITER_IS_NOT_COUNTED
		waiting--;
#endif
		if
		:: err ->
#ifndef VARIANT_A_WRITER_THAT_LEAVES_WAKES_NOBODY
			if
			:: slept && writable -> wake_writer()
			:: else
			fi;
#endif
			break
		:: else
		fi
	od;
	state[t] = GONE
}

/* A signal comes to one of them, or to none. */
proctype signal(byte t)
{
	atomic {
		signalled[t] = true;
		if
		:: state[t] == SLEEPS -> state[t] = RUNS
		:: else
		fi
	}
}

/* When nothing moves any more. */
proctype judge()
{
	byte t;

	timeout;
	do
	:: t < TASKS ->
		assert(!(is_reader(t) && state[t] == SLEEPS && has));
		assert(!(!is_reader(t) && state[t] == SLEEPS && writable));
		t++
	:: else -> break
	od
}

init
{
	byte t;

	atomic {
		select (messages : 0 .. DEPTH);
		select (hurried : 0 .. TASKS);
		select (t : 0 .. TASKS - 1);
		run reader(0);
		run reader(1);
		run writer(2);
		run writer(3);
		run signal(t);
		run judge();
		t = 0
	}
}
