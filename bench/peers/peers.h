/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peers side by side: what a message costs by every means that Linux has of passing one.
 *
 * A *means* opens so many ends for messages of a size, puts a message at an end and gets it there.
 * A *row* is one thing measured, of a means as a rule, at several points of its section's axis: by the
 * size of the message, by how many read it.  A *figure* is what came out at one point.  A *bound* is
 * what one figure, or one over another, may come to.  table.c lists all rows and bounds; the rest is
 * how they are measured and told.
 *
 * Under icount the clock advances one nanosecond an instruction, and figures are instructions.
 * Anywhere else they are nanoseconds, and bounds are shown but not judged.
 */
#ifndef MSGSLOT_BENCH_PEERS_H
#define MSGSLOT_BENCH_PEERS_H

#include <stdbool.h>

#include "slot.h"

enum {
	SMALL = 128, /* bytes of a message, where nothing else is said */
	LONGEST = 64 * 1024,
	ENDS_MAX = 256,
	POINTS_MAX = 6,
};

/* ---- what is measured: table.c ------------------------------------------------------------- */

enum kind {
	COST,	/* of a call: instructions, or nanoseconds */
	WEIGHT, /* bytes of the kernel's memory */
	TIMES,	/* as much as one does alone */
};

enum axis { BYTES, READERS, SLEEPERS, CHANNELS, KEPT, PROCESSORS };

/**
 * struct figure - what came out at one point
 * @known: it was measured
 * @p50: the median, which is *the* figure; in kinds other than COST the only number
 * @p90: and so on, of the samples; a sample is the mean of a batch of calls
 * @p99: likewise
 * @max: likewise
 * @samples: how many
 * @calls: in each of them
 * @why: what kept it from being measured, or NULL where nobody wanted it
 */
struct figure {
	bool known;
	double p50, p90, p99, max;
	long samples, calls;
	char *why;
};

/**
 * struct means - one way to pass a message; its files and the like belong to it, one opening at a time
 * @open: readies so many ends for messages of message_size bytes; else -1, having said cannot()
 * @put: a message at an end; answers message_size, or something is wrong; NULL if there is no such
 * @get: likewise
 * @both: puts a message at the first end and gets it there, with nothing of ours in between
 * @close: after @open, whatever that answered
 * @shared: what is put at one end is for all
 * @silent: what is put does not come back, so nobody can see whether it does
 */
struct means {
	int (*open)(int ends);
	long (*put)(int end);
	long (*get)(int end);
	long (*both)(int none);
	void (*close)(void);
	bool shared, silent;
};

/**
 * struct crowd - many of something that keeps a message of 16 bytes, each with a number
 * @number: of the i-th, from 1; all are different
 * @begin: readies an empty one; else -1, having said cannot()
 * @add: one that keeps a message; likewise
 * @visit: finds one, writes and reads; 0 if that went well
 * @end: takes all away
 */
struct crowd {
	unsigned int (*number)(unsigned int i);
	int (*begin)(void);
	int (*add)(unsigned int number);
	long (*visit)(unsigned int number);
	void (*end)(void);
};

struct section {
	const char *title;
	enum kind kind;
	enum axis axis;
};

/**
 * struct row - one thing measured
 * @section: rows of one stand together
 * @name: of no other row; what is ours begins with "msgslot"
 * @points: of the section's axis: a bit each
 * @measure: does it at one point; else -1, having said cannot()
 * @means: of what, or
 * @crowd: of what
 */
struct row {
	const struct section *section;
	const char *name;
	unsigned int points;
	int (*measure)(const struct row *row, long at, struct figure *figure);
	const struct means *means;
	const struct crowd *crowd;
};

/**
 * struct bound - what has to hold
 * @name: of it
 * @over: the row and point whose figure is judged, as a share of
 * @under: this one, or by itself where that has no row
 * @must: the most it may be; of TIMES the least
 * @stretch: what it had better be; 0: no more than it must
 */
struct bound {
	const char *name;
	struct place {
		const char *row;
		long at;
	} over, under;
	double must, stretch;
};

extern const struct row rows[];
extern const struct bound bounds[];
extern const int rows_count, bounds_count;
extern const char *const axis_names[];
extern const long axis_points[][POINTS_MAX];

/* ---- the run: main.c ----------------------------------------------------------------------- */

extern struct figure figures[][POINTS_MAX];

/* The figure at a place of the table; NULL if there is no such place. */
struct figure *figure_at(const struct place *place, const struct row **row);

/* Of msgslot, and no peer? */
bool row_is_ours(const struct row *row);

/* Why this cannot be measured here, and -1. */
__attribute__((format(printf, 1, 2))) int cannot(const char *why, ...);

/* The same for a call that failed, with errno. */
int cannot_call(const char *what);

/* What goes wrong although it should not ends the run. */
__attribute__((noreturn)) void bail_out(const char *what);
int need(int result, const char *what);

/* ---- measuring: measure.c ------------------------------------------------------------------ */

extern long message_size;

/* What is put, and where what is got goes.  System V's calls want a type before the bytes. */
extern struct message {
	long type;
	char bytes[LONGEST];
} outgoing, incoming;

/**
 * struct call - what is called again and again
 * @run: once; gets 0
 * @answer: what it answers when all is well
 * @calls_max: in a batch, or 0
 * @before: a batch of so many calls, not counted; or NULL
 */
struct call {
	long (*run)(int end);
	long answer;
	long calls_max;
	void (*before)(long calls);
};

bool counts_instructions(void);
const char *kind_unit(enum kind kind);
double clock_now(void);
void measure(const struct call *call, struct figure *figure);

/* Opens the row's means at a point and sees whether a message comes through. */
int means_open(const struct row *row, long at, int ends);

int measure_put(const struct row *row, long at, struct figure *figure);
int measure_get(const struct row *row, long at, struct figure *figure);
int measure_both(const struct row *row, long at, struct figure *figure);
int measure_publish(const struct row *row, long at, struct figure *figure);
int measure_take(const struct row *row, long at, struct figure *figure);
int measure_fan(const struct row *row, long at, struct figure *figure);

/* ---- processes: processes.c ---------------------------------------------------------------- */

int measure_trip(const struct row *row, long at, struct figure *figure);
int measure_batch_trip(const struct row *row, long at, struct figure *figure);
int measure_wake(const struct row *row, long at, struct figure *figure);
int measure_gets_at_once(const struct row *row, long at, struct figure *figure);
int measure_puts_at_once(const struct row *row, long at, struct figure *figure);

/* ---- many, and what they weigh: scale.c, weight.c ------------------------------------------ */

extern const struct crowd channels_in_order, channels_at_random, files_in_order;

int measure_visit(const struct row *row, long at, struct figure *figure);
int weigh_crowd(const struct row *row, long at, struct figure *figure);
void crowd_end(void);

double memory_used(void);
int weigh_mq(const struct row *row, long at, struct figure *figure);
int weigh_sysv(const struct row *row, long at, struct figure *figure);
int weigh_queue(const struct row *row, long at, struct figure *figure);
int weigh_queue_small(const struct row *row, long at, struct figure *figure);
int weigh_queue_charge(const struct row *row, long at, struct figure *figure);

/* ---- means: files.c, queues.c, slots.c ----------------------------------------------------- */

/* The files of an opening, for means that write at one and read at the other. */
extern int in_file[ENDS_MAX], out_file[ENDS_MAX];

void files_begin(void);
long file_put(int end);
long file_get(int end);
long file_both(int none);
void files_close(void);

extern const struct means getppid_floor, zero_floor, null_floor;
extern const struct means tmpfs, tmpfs_renamed, seqlock, eventfd_memory, eventfd_memory_each;

extern const struct means mq, sysv, pipes, packet_pipes, dgram, seqpacket, netlink;

/* A slot of our own for as long as we run or want it: its minor; else -1, having said cannot(). */
int slot_take(const char *mode);
void slot_give_back(int minor);

extern const struct means last, last_apart, last_message, last_mapped;
extern const struct means queue, queue_message, queue_message_held, queue_message_unheld;
extern const struct means room, room_polled, room_epolled, room_block, room_message, room_mapped;

/* ---- telling it: report.c, recorded.c ------------------------------------------------------ */

void report_head(void);
void report_section(const struct section *section);
void report_row(int row);
void report_missing(void);
void report_bounds(void);
int report_json(const char *path);

/* A line of TAP. */
void judge(bool good, const char *what, ...) __attribute__((format(printf, 2, 3)));
extern int judged, failed;

/* Nothing of ours may cost more than 3 % above what the tables in a file have recorded. */
void recorded_compare(const char *path);

#endif
