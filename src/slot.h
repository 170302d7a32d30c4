/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A slot: one minor, one mode, one set of limits, the channels, one folder in sysfs.
 *
 * A slot is made by the module's parameter, by the class attribute `create`, or when a node that
 * was made by hand for a minor without a slot is opened; that last kind gets no node of its own.
 * It goes by the class attribute `destroy` and with the module.
 *
 * A slot that goes is marked gone first; from then on every call returns ENODEV.  Its channels end,
 * waiters are woken, and open() of the minor returns ENXIO.  The slot itself is freed with its last
 * open file.  The module cannot be unloaded while a file is open, because the file refers to it.
 *
 * Two locks (slot.c): slots_lock, a spinlock, guards the table of minors, the number of open files
 * of each slot, and the settings that change only while there are none.  Every open and close takes
 * it, for a few instructions.  slots_creation, a mutex, is for making slots, which allocates, and
 * for the open of a minor that has no slot (yet).  Neither is held while a device is unregistered,
 * because that waits for attributes, whose writers take the first.  Order: slots_creation,
 * slots_lock, all others.
 */
#ifndef MSGSLOT_SLOT_H
#define MSGSLOT_SLOT_H

#include <linux/device.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "account.h"
#include "channel.h"
#include "mode.h"

/**
 * struct msgslot_stats - what a slot counts, a set for each processor
 * @sent: messages placed
 * @received: messages handed to readers
 * @dropped: messages that were dropped before a reader they were meant for saw them
 * @messages: messages kept; only the sum over all processors means anything
 * @leased: those of them that files have leased; likewise
 */
struct msgslot_stats {
	u64 sent;
	u64 received;
	u64 dropped;
	u64 messages;
	u64 leased;
};

/**
 * struct msgslot_slot - a slot
 * @dev: the device; its reference count is the slot's
 * @minor: never changes
 * @opens: open files; under slots_lock
 * @mode: under slots_lock, and constant while a file is open or a message is kept
 * @rules: as @mode
 * @instance: random, of this creation; never changes
 * @account: limits and use; has its own lock
 * @spares: buffers for long messages; changed without a lock
 * @stats: counted without a lock
 * @channels: have their own lock
 * @wait: relays of the files that poll and have no channel selected
 */
struct msgslot_slot {
	struct device dev;
	unsigned int minor;
	unsigned int opens;
	const struct msgslot_mode *mode;
	struct msgslot_rules rules;
	u8 instance[16];
	struct msgslot_account account;
	struct msgslot_spares spares;
	struct msgslot_stats __percpu *stats;
	struct msgslot_channels channels;
	wait_queue_head_t wait;
};

struct cdev;
struct msgslot_info;

static inline struct msgslot_slot *msgslot_slot_of(struct device *dev)
{
	return container_of(dev, struct msgslot_slot, dev);
}

/*
 * Makes the class, @cdev, which answers the nodes of slots, and slots of the given modes (NULL: no
 * slot of that minor), with nodes of @devt's major.  All of it or nothing.
 */
int msgslot_slots_init(struct class *class, struct cdev *cdev, dev_t devt,
		       const struct msgslot_mode *const *modes);
/* Destroys @cdev, all slots and the class.  No file is open any more. */
void msgslot_slots_exit(struct cdev *cdev);

/* Make and destroy one slot: 0; -EEXIST, -EBUSY (its name is still in sysfs), -ENODEV, -ENOMEM. */
int msgslot_slot_create(unsigned int minor, const struct msgslot_mode *mode);
int msgslot_slot_destroy(unsigned int minor);

/* The slot of @minor for an open file, or ERR_PTR: -ENXIO if it was destroyed, -ENOMEM. */
struct msgslot_slot *msgslot_slot_open(unsigned int minor);
void msgslot_slot_close(struct msgslot_slot *slot);

static inline bool msgslot_slot_is_gone(const struct msgslot_slot *slot)
{
	/* data_race(): a plain test is an instruction less, and the flag is set once. */
	return data_race(slot->channels.gone);
}

/*
 * Settings: 0; -EINVAL: not such a value, or not in this mode; -EBUSY: a file is open, or a message
 * is kept.
 */
int msgslot_slot_set_mode(struct msgslot_slot *slot, const struct msgslot_mode *mode);
int msgslot_slot_set_depth(struct msgslot_slot *slot, u32 depth);
int msgslot_slot_set_max_message(struct msgslot_slot *slot, u32 max_message);
int msgslot_slot_set_overflow(struct msgslot_slot *slot, u32 overflow);

/* All of @info that does not depend on the caller. */
void msgslot_slot_get_info(struct msgslot_slot *slot, struct msgslot_info *info);

#endif /* MSGSLOT_SLOT_H */
