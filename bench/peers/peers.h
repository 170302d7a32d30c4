/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peers side by side: what a message costs by every means that Linux has of passing one.
 *
 * A *means* opens a number of ends for messages of a size, puts a message at an end and gets it
 * there.  A *row* is one measurement, mostly of a means, at several points of its section's axis:
 * by the size of the message, or by the number of readers.  A *figure* is the result at one point.
 * A *bound* is a limit for one figure, or for one over another.  table.c lists all rows and bounds;
 * the other files measure and report them.
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
	ROWS_MAX = 128,
};

/* ---- what is measured: table.c ------------------------------------------------------------- */

enum kind {
	COST,	/* of a call: instructions, or nanoseconds */
	WEIGHT, /* bytes of the kernel's memory */
	TIMES,	/* as much as one does alone */
};

enum axis { BYTES, READERS, SLEEPERS, CHANNELS, KEPT, PROCESSORS };

/**
 * struct figure - the result at one point
 * @known: it was measured
 * @p50: the median, which is *the* figure; in kinds other than COST the only number
 * @p90: and so on, of the samples; a sample is the mean of a batch of calls
 * @p99: likewise
 * @max: likewise
 * @samples: how many
 * @calls: in each of them
 * @why: the reason why it could not be measured, or NULL if it was not asked for
 */
struct figure {
	bool known;
	double p50, p90, p99, max;
	long samples, calls;
	char *why;
};

/**
 * struct means - one way to pass a message; it owns its files, and is opened once at a time
 * @open: prepares a number of ends for messages of message_size bytes; else -1, after cannot()
 * @put: puts a message at an end; returns message_size, or it failed; NULL if there is no such call
 * @get: likewise
 * @both: puts a message at the first end and gets it there, with nothing in between
 * @close: called after @open, whatever that returned
 * @shared: a message that is put at one end is for all ends
 * @silent: a message that is put does not come back, so it cannot be compared
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
 * struct crowd - many objects that keep a message of 16 bytes, each with a number
 * @number: of the i-th object, from 1; all are different
 * @begin: prepares an empty crowd; else -1, after cannot()
 * @add: adds an object that keeps a message; likewise
 * @visit: finds an object, writes and reads; 0 on success
 * @end: removes all objects
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
 * struct row - one measurement
 * @section: rows of one section are in one table
 * @name: unique; names of msgslot's rows begin with "msgslot"
 * @points: of the section's axis: a bit each
 * @measure: measures at one point; else -1, after cannot()
 * @means: the means that is measured, or
 * @crowd: the crowd that is measured
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
 * struct bound - a limit that has to hold
 * @name: of the bound
 * @over: the row and point whose figure is judged, as a share of
 * @under: this one, or by itself if @under has no row
 * @must: the most that it may be; of TIMES the least
 * @stretch: a better value to aim at; 0: none
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

/* ---- results: figures.c -------------------------------------------------------------------- */

extern struct figure figures[ROWS_MAX][POINTS_MAX];

/* The figure at a place of the table; NULL if there is no such place. */
struct figure *figure_at(const struct place *place, const struct row **row);

/* Whether the row is of msgslot, and of no peer. */
bool row_is_ours(const struct row *row);

/* ---- what cannot be measured: problem.c ---------------------------------------------------- */

/* The row that is measured from now on, for bail_out(); or NULL. */
void problem_in(const struct row *row);

/* The reason that cannot() recorded last, for the caller to free; or NULL. */
char *problem_take(void);

/* Records why this cannot be measured here, and returns -1. */
__attribute__((format(printf, 1, 2))) int cannot(const char *why, ...);

/* The same for a call that failed, with errno. */
int cannot_call(const char *what);

/* An unexpected failure ends the run. */
__attribute__((noreturn)) void bail_out(const char *what);
int need(int result, const char *what);

/* ---- measuring: measure.c ------------------------------------------------------------------ */

extern long message_size;

/* The message to put, and the buffer to get one.  System V's calls have a type before the bytes. */
extern struct message {
	long type;
	char bytes[LONGEST];
} outgoing, incoming;

/**
 * struct call - a call that is repeated
 * @run: makes it once; its argument is 0
 * @answer: its result on success
 * @calls_max: in a batch, or 0
 * @before: called before a batch of so many calls, not counted; or NULL
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

/* Opens the row's means at a point and checks that a message passes. */
int means_open(const struct row *row, long at, int ends);

int measure_put(const struct row *row, long at, struct figure *figure);
int measure_get(const struct row *row, long at, struct figure *figure);
int measure_both(const struct row *row, long at, struct figure *figure);
int measure_publish(const struct row *row, long at, struct figure *figure);
int measure_take(const struct row *row, long at, struct figure *figure);
int measure_fan(const struct row *row, long at, struct figure *figure);

/* ---- many messages in one call: batches.c -------------------------------------------------- */

/* Their put and get are calls with many messages. */
extern const struct means queue_many, dgram_many;

int measure_put_many(const struct row *row, long at, struct figure *figure);
int measure_get_many(const struct row *row, long at, struct figure *figure);

/* ---- listeners: ranges.c ------------------------------------------------------------------- */

extern const struct means last_listened, last_listened_64, broadcast_range;
extern const struct means queue_lowest, queue_lowest_sent, mq_priorities;
extern const struct means one_listener, many_selected;

int weigh_waiting(const struct row *row, long at, struct figure *figure);

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

/* The files of an opening, for means that write to one and read from the other. */
extern int in_file[ENDS_MAX], out_file[ENDS_MAX];

void files_begin(void);
long file_put(int end);
long file_get(int end);
long file_both(int none);
void files_close(void);

extern const struct means getppid_floor, zero_floor, null_floor;
extern const struct means tmpfs, tmpfs_renamed, seqlock, eventfd_memory, eventfd_memory_each;

extern const struct means mq, sysv, pipes, packet_pipes, dgram, seqpacket, netlink;

/* Makes a slot, which the end of the run removes at the latest: its minor; -1 after cannot(). */
int slot_take(const char *mode);
void slot_give_back(int minor);

extern const struct means last, last_apart, last_message, last_mapped;
extern const struct means queue, queue_message, queue_message_held, queue_message_unheld;
extern const struct means queue_lease;
extern const struct means broadcast, broadcast_polled, broadcast_epolled, broadcast_told,
	broadcast_block, broadcast_message, broadcast_mapped;

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

/* No figure of msgslot may be more than 3 % above the one in the tables of a file. */
void recorded_compare(const char *path);

#endif
