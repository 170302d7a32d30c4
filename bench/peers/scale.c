// SPDX-License-Identifier: GPL-2.0-or-later
/* What it costs to find one object among many, and how much memory each of them takes. */
#define _GNU_SOURCE
#include <sys/stat.h>

#include "peers.h"

enum {
	KEEPS = 16,    /* bytes, each of them */
	MANY = 100000, /* enough of them to be weighed */
};

/* The crowd stays from row to row and grows, as making a million takes time. */
static struct {
	const struct crowd *crowd;
	long count;
	double empty;
} now;

/* The memory of one object, at every size that is large enough: for later rows. */
static struct {
	const struct crowd *crowd;
	long count;
	double weight;
} weighed[8];
static int weighings;

void crowd_end(void)
{
	if (now.crowd)
		now.crowd->end();
	now.crowd = NULL;
}

static int crowd_begin(const struct crowd *crowd)
{
	crowd_end();
	now.crowd = crowd;
	now.count = 0;
	if (crowd->begin()) {
		crowd_end();
		return -1;
	}
	now.empty = memory_used();
	return 0;
}

static void crowd_weigh(void)
{
	if (now.count < MANY || weighings == sizeof(weighed) / sizeof(weighed[0]))
		return;
	weighed[weighings].crowd = now.crowd;
	weighed[weighings].count = now.count;
	weighed[weighings++].weight = (memory_used() - now.empty) / now.count;
}

/* Exactly so many.  They are weighed before any is visited. */
static int crowd_grow(const struct crowd *crowd, long count)
{
	if ((now.crowd != crowd || now.count > count) && crowd_begin(crowd))
		return -1;
	if (now.count == count)
		return 0;
	for (; now.count < count; now.count++) {
		if (crowd->add(crowd->number((unsigned int)now.count + 1))) {
			crowd_end();
			return -1;
		}
	}
	crowd_weigh();
	return 0;
}

static int find_weight(const struct crowd *crowd, long count)
{
	int i;

	for (i = 0; i < weighings; i++)
		if (weighed[i].crowd == crowd && weighed[i].count == count)
			return i;
	return -1;
}

int weigh_crowd(const struct row *row, long at, struct figure *figure)
{
	int found = find_weight(row->crowd, at);

	if (found < 0 && crowd_grow(row->crowd, at))
		return -1;
	found = find_weight(row->crowd, at);
	if (found < 0)
		return cannot("too few to be weighed");
	*figure = (struct figure){ .known = true, .p50 = weighed[found].weight, .samples = 1 };
	return 0;
}

static uint64_t visitor = 1;

static long visit(int end)
{
	unsigned int i = 1 + random_below(&visitor, (unsigned int)now.count);

	(void)end;
	return now.crowd->visit(now.crowd->number(i));
}

int measure_visit(const struct row *row, long at, struct figure *figure)
{
	if (crowd_grow(row->crowd, at))
		return -1;
	measure(&(struct call){ .run = visit, .answer = 0 }, figure);
	return 0;
}

/* ---- channels -------------------------------------------------------------------------------- */

static int minor = -1, file = -1;

static unsigned int in_order(unsigned int i)
{
	return i;
}

/* Every step can be undone, so different numbers stay different, and only 0 becomes 0. */
static unsigned int at_random(unsigned int i)
{
	i ^= i >> 16;
	i *= 0x85ebca6bu;
	i ^= i >> 13;
	i *= 0xc2b2ae35u;
	i ^= i >> 16;
	return i;
}

static int channels_begin(void)
{
	minor = slot_take(MSGSLOT_MODE_LAST);
	if (minor < 0)
		return -1;
	need(slot_set(minor, "max_bytes", 1ull << 40), "max_bytes");
	file = need(slot_open(minor, O_RDWR), "our own slot");
	return 0;
}

static int channels_add(unsigned int number)
{
	if (slot_select(file, number) || write(file, outgoing.bytes, KEEPS) != KEEPS)
		return cannot_call("one more channel");
	return 0;
}

static long channels_visit(unsigned int number)
{
	if (slot_select(file, number) || write(file, outgoing.bytes, KEEPS) != KEEPS)
		return -1;
	return read(file, incoming.bytes, KEEPS) == KEEPS ? 0 : -1;
}

static void channels_end(void)
{
	if (file >= 0)
		close(file);
	file = -1;
	slot_give_back(minor);
	minor = -1;
}

const struct crowd channels_in_order = { .number = in_order,
					 .begin = channels_begin,
					 .add = channels_add,
					 .visit = channels_visit,
					 .end = channels_end };
const struct crowd channels_at_random = { .number = at_random,
					  .begin = channels_begin,
					  .add = channels_add,
					  .visit = channels_visit,
					  .end = channels_end };

/* ---- files in tmpfs -------------------------------------------------------------------------- */

static char folder[64];
static long files;

static const char *path_of(unsigned int number)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%u", folder, number);
	return path;
}

static int files_start(void)
{
	files = 0;
	snprintf(folder, sizeof(folder), "/dev/shm/msgslot-peers-%d.d", getpid());
	return mkdir(folder, 0700) ? cannot_call("a folder in /dev/shm") : 0;
}

static int files_add(unsigned int number)
{
	int fd = open(path_of(number), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	long put;

	if (fd < 0)
		return cannot_call("one more file");
	files++;
	put = write(fd, outgoing.bytes, KEEPS);
	close(fd);
	return put == KEEPS ? 0 : cannot_call("write to one more file");
}

static long files_visit(unsigned int number)
{
	int fd = open(path_of(number), O_RDWR | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return -1;
	good = pwrite(fd, outgoing.bytes, KEEPS, 0) == KEEPS &&
	       pread(fd, incoming.bytes, KEEPS, 0) == KEEPS;
	close(fd);
	return good ? 0 : -1;
}

static void files_end(void)
{
	for (; files; files--)
		unlink(path_of((unsigned int)files));
	rmdir(folder);
}

const struct crowd files_in_order = { .number = in_order,
				      .begin = files_start,
				      .add = files_add,
				      .visit = files_visit,
				      .end = files_end };
