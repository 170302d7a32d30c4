/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slots under the random calls: created, destroyed and configured through sysfs at random, and
 * checked at the end.
 */
#ifndef MSGSLOT_TESTS_FUZZ_SLOTS_H
#define MSGSLOT_TESTS_FUZZ_SLOTS_H

#include <stdbool.h>

#include "slot.h"

#include "arguments.h"

struct slots_counts {
	long created, destroyed, configured;
};

static const char *const slots_attributes[] = {
	"mode",	 "depth",    "max_message", "overflow", "max_bytes", "max_channels",
	"bytes", "channels", "messages",    "sent",	"received",  "dropped",
};

/* Whether the last call failed otherwise than promised. */
static bool slots_surprised(int result)
{
	return result && errno != EINVAL && errno != ERANGE && errno != EBUSY && errno != EEXIST &&
	       errno != ENODEV && errno != ENOENT && errno != EACCES;
}

static const char *slots_create(uint64_t *seed, int minor, struct slots_counts *counts)
{
	const char *const modes[] = { "last", "queue", "broadcast", "broadcast" };
	const char *const malformed[] = {
		"",	   "230",      "230 ",		"last",	      "256 last",
		"-1 last", "230 Last", "230 last last", "230 queue,", "99999999999 last"
	};
	int result;

	if (random_below(seed, 8) == 0)
		result = text_put(SLOT_CLASS "/create", malformed[random_below(seed, 10)]);
	else
		result = slot_create(minor, modes[random_below(seed, 4)]);
	if (slots_surprised(result))
		return "create";
	if (result)
		return NULL;
	counts->created++;
	/* Mostly small, so that the slot's limits are reached and the machine's memory is not. */
	if (random_below(seed, 8))
		slot_set(minor, "max_bytes", 1 << 20);
	if (random_below(seed, 2))
		slot_set(minor, "depth", 1 + random_below(seed, 6));
	if (random_below(seed, 2))
		slot_set(minor, "max_message", 1 << random_below(seed, 21));
	if (random_below(seed, 2))
		slot_put(minor, "overflow", "block");
	return NULL;
}

static const char *slots_configure(uint64_t *seed, int minor, struct slots_counts *counts)
{
	const char *const values[] = { "0",	    "1",	 "2",
				       "7",	    "128",	 "4096",
				       "last",	    "queue",	 "drop",
				       "block",	    "broadcast", "1048576",
				       "",	    "-1",	 "1048577",
				       "x",	    "65537",	 "\n",
				       "1 2",	    "0x10",	 "99999999999999999999",
				       "4294967297" };
	const char *attribute = slots_attributes[random_below(seed, 12)];
	int result = slot_put(minor, attribute, values[random_below(seed, 22)]);

	if (slots_surprised(result))
		return attribute;
	counts->configured += result == 0;
	return NULL;
}

/* Changes something; returns what went wrong, or NULL. */
static const char *slots_change(uint64_t *seed, struct slots_counts *counts)
{
	int minor = MINOR_FIRST + random_below(seed, MINORS), result;

	switch (random_below(seed, 16)) {
	case 0 ... 3:
		return slots_create(seed, minor, counts);
	case 4:
		result = slot_destroy(minor);
		if (slots_surprised(result))
			return "destroy";
		counts->destroyed += result == 0;
		return NULL;
	case 5 ... 9:
		return slots_configure(seed, minor, counts);
	default:
		slot_get(minor, slots_attributes[random_below(seed, 12)]);
		return NULL;
	}
}

/* Clears every channel. */
static bool slots_clear(int minor)
{
	static struct msgslot_walk_detail entries[MSGSLOT_WALK_MAX];
	struct msgslot_walk walk = { .entries = (uintptr_t)entries,
				     .entry_size = sizeof(*entries) };
	int fd = slot_open(minor, O_RDWR);
	bool cleared = fd >= 0;
	uint32_t i;

	while (cleared && walk.from <= UINT32_MAX) {
		walk.count = MSGSLOT_WALK_MAX;
		cleared = ioctl(fd, MSGSLOT_WALK, &walk) == 0;
		for (i = 0; cleared && i < walk.count; i++) {
			struct msgslot_clear clear = { .channel = entries[i].channel };

			cleared = ioctl(fd, MSGSLOT_CLEAR, &clear) == 0 &&
				  clear.messages == entries[i].messages;
		}
	}
	if (fd >= 0)
		close(fd);
	return cleared;
}

static bool slots_are_clean(void)
{
	const char *const counts[] = { "messages", "channels", "bytes" };
	bool clean = true;
	int minor, i, tries;

	for (minor = MINOR_FIRST; minor < MINOR_FIRST + MINORS; minor++) {
		if (!slot_exists(minor))
			continue;
		if (!slots_clear(minor)) {
			printf("# slot %d cannot be cleared: %s\n", minor, strerror(errno));
			clean = false;
		}
		for (i = 0; i < 3; i++) {
			/* Memory may be freed a grace period later. */
			for (tries = 0; slot_get(minor, counts[i]) && tries < 500; tries++)
				usleep(20000);
			if (slot_get(minor, counts[i])) {
				printf("# slot %d: %lld %s are left\n", minor,
				       slot_get(minor, counts[i]), counts[i]);
				clean = false;
			}
		}
		if (slot_destroy(minor)) {
			printf("# slot %d cannot be destroyed: %s\n", minor, strerror(errno));
			clean = false;
		}
	}
	return clean;
}

#endif
