// SPDX-License-Identifier: GPL-2.0-only
/* Slots: the table of minors, how slots come and go, their settings.  See slot.h. */
#include <linux/cdev.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/msgslot.h>

#include "slot.h"

static DEFINE_SPINLOCK(slots_lock);
static DEFINE_MUTEX(slots_creation);

/*
 * The minors, under slots_lock.  A slot that is being destroyed is not in the table any more, but
 * its name is still in sysfs: @leaving keeps the minor from being made again until that is over.
 */
static struct {
	struct msgslot_slot *slot;
	bool destroyed;
	bool leaving;
} minors[MSGSLOT_SLOTS_MAX];

static struct class *slots_class;
static dev_t slots_devt;
/* The slots of the module's parameter are there, all of them.  Under slots_lock. */
static bool slots_loaded;
/*
 * No slot can be made: before those of the parameter, and at the module's end.  Under
 * slots_creation.
 */
static bool slots_closed = true;

static void slot_release(struct device *dev)
{
	struct msgslot_slot *slot = msgslot_slot_of(dev);

	msgslot_account_drain(&slot->account);
	msgslot_spares_free(&slot->spares);
	free_percpu(slot->stats);
	kfree(slot);
}

/* The settings that a mode comes with. */
static void slot_set_mode(struct msgslot_slot *slot, const struct msgslot_mode *mode)
{
	WRITE_ONCE(slot->mode, mode);
	slot->rules = mode->rules;
	msgslot_account_set_max_bytes(&slot->account, mode->max_bytes);
	msgslot_account_set_max_channels(&slot->account, mode->max_channels);
}

/* Whether a slot of that minor can be made: 0, -ENODEV, -EEXIST, -EBUSY. */
static int slot_may_come(unsigned int minor)
{
	int err = slots_closed ? -ENODEV : 0;

	lockdep_assert_held(&slots_creation);
	spin_lock(&slots_lock);
	if (!err && minors[minor].slot)
		err = -EEXIST;
	else if (!err && minors[minor].leaving)
		err = -EBUSY;
	spin_unlock(&slots_lock);
	return err;
}

/* Makes a slot in sysfs and in the table; also a node in /dev, if @with_node. */
static int slot_create_locked(unsigned int minor, const struct msgslot_mode *mode, bool with_node)
{
	struct msgslot_slot *slot;
	int err = slot_may_come(minor);

	if (err)
		return err;

	slot = kzalloc(sizeof(*slot), GFP_KERNEL);
	if (!slot)
		return -ENOMEM;
	device_initialize(&slot->dev);
	slot->dev.class = slots_class;
	slot->dev.release = slot_release;
	/* devtmpfs and udev make no node for a device without a number. */
	slot->dev.devt = with_node ? MKDEV(MAJOR(slots_devt), minor) : 0;
	slot->minor = minor;
	get_random_bytes(slot->instance, sizeof(slot->instance));
	msgslot_account_init(&slot->account);
	slot_set_mode(slot, mode);
	msgslot_channels_init(&slot->channels, minor);
	init_waitqueue_head(&slot->wait);
	err = -ENOMEM;
	slot->stats = alloc_percpu(struct msgslot_stats);
	if (!slot->stats)
		goto err_put;
	err = dev_set_name(&slot->dev, KBUILD_MODNAME "%u", minor);
	if (err)
		goto err_put;
	err = device_add(&slot->dev);
	if (err)
		goto err_put;
	spin_lock(&slots_lock);
	minors[minor].slot = slot;
	minors[minor].destroyed = false;
	spin_unlock(&slots_lock);
	trace_msgslot_slot(minor, true);
	return 0;

err_put:
	put_device(&slot->dev);
	return err;
}

int msgslot_slot_create(unsigned int minor, const struct msgslot_mode *mode)
{
	int err;

	mutex_lock(&slots_creation);
	err = slot_create_locked(minor, mode, true);
	mutex_unlock(&slots_creation);
	return err;
}

int msgslot_slot_destroy(unsigned int minor)
{
	struct msgslot_slot *slot;
	u64 lost;

	spin_lock(&slots_lock);
	slot = minors[minor].slot;
	if (slot) {
		minors[minor].slot = NULL;
		minors[minor].destroyed = true;
		minors[minor].leaving = true;
	}
	spin_unlock(&slots_lock);
	if (!slot)
		return -ENODEV;

	trace_msgslot_slot(minor, false);
	msgslot_channels_close(&slot->channels);
	lost = msgslot_channels_kill(&slot->channels, &slot->spares);
	this_cpu_sub(slot->stats->messages, lost);
	msgslot_waiters_wake_all(&slot->wait, MSGSLOT_EVENTS_GONE);
	msgslot_feed_wake_all(&slot->channels.feed);
	device_unregister(&slot->dev);

	spin_lock(&slots_lock);
	minors[minor].leaving = false;
	spin_unlock(&slots_lock);
	return 0;
}

/* Opens the slot of @minor; or NULL, and *@destroyed tells whether there was one. */
static struct msgslot_slot *slot_open_existing(unsigned int minor, bool *destroyed)
{
	struct msgslot_slot *slot;

	spin_lock(&slots_lock);
	/* An early open waits: a load that fails must not find a file open. */
	slot = slots_loaded ? minors[minor].slot : NULL;
	*destroyed = minors[minor].destroyed;
	if (slot) {
		slot->opens++;
		get_device(&slot->dev);
	}
	spin_unlock(&slots_lock);
	return slot;
}

struct msgslot_slot *msgslot_slot_open(unsigned int minor)
{
	struct msgslot_slot *slot;
	bool destroyed;
	int err = 0;

	slot = slot_open_existing(minor, &destroyed);
	if (slot)
		return slot;
	if (mutex_lock_killable(&slots_creation))
		return ERR_PTR(-EINTR);
	/*
	 * A node made by hand, of a minor without a slot: a slot as course programs expect it is
	 * made.
	 */
	slot = slot_open_existing(minor, &destroyed);
	if (!slot && !destroyed && !slots_closed) {
		err = slot_create_locked(minor, msgslot_mode_find(MSGSLOT_MODE_LAST), false);
		if (!err)
			slot = slot_open_existing(minor, &destroyed);
	}
	mutex_unlock(&slots_creation);
	return slot ?: ERR_PTR(err ?: -ENXIO);
}

void msgslot_slot_close(struct msgslot_slot *slot)
{
	spin_lock(&slots_lock);
	slot->opens--;
	spin_unlock(&slots_lock);
	put_device(&slot->dev);
}

/*
 * Other processors count on meanwhile.  A message may be counted where it left and not yet where it
 * came: the sum is below 0 then, and 0 is told.
 */
#define slot_sum_stats(slot, field)                                               \
	({                                                                        \
		s64 sum = 0;                                                      \
		int cpu;                                                          \
                                                                                  \
		for_each_possible_cpu(cpu)                                        \
			sum += READ_ONCE(per_cpu_ptr((slot)->stats, cpu)->field); \
		max_t(s64, sum, 0);                                               \
	})

void msgslot_slot_get_info(struct msgslot_slot *slot, struct msgslot_info *info)
{
	struct msgslot_usage limit, used;

	msgslot_account_get_limit(&slot->account, &limit);
	msgslot_account_get_used(&slot->account, &used);
	info->minor = slot->minor;
	info->mode = READ_ONCE(slot->mode)->number;
	info->overflow = READ_ONCE(slot->rules.overflow);
	info->depth = READ_ONCE(slot->rules.depth);
	info->max_message = READ_ONCE(slot->rules.max_message);
	memcpy(info->instance, slot->instance, sizeof(info->instance));
	info->max_bytes = limit.bytes;
	info->bytes = used.bytes;
	info->max_channels = limit.channels;
	info->channels = used.channels;
	info->messages = slot_sum_stats(slot, messages);
	info->sent = slot_sum_stats(slot, sent);
	info->received = slot_sum_stats(slot, received);
	info->dropped = slot_sum_stats(slot, dropped);
	info->listeners = READ_ONCE(slot->channels.feed.listeners);
	info->feed_depth = READ_ONCE(slot->channels.feed.depth);
	info->leased = slot_sum_stats(slot, leased);
}

/*
 * Calls rely on the settings while they run: so these change only while no file is open and no
 * message is kept that might not fit.  A setting may always be set to what it is.
 */
static int slot_may_change_locked(struct msgslot_slot *slot, bool same)
{
	lockdep_assert_held(&slots_lock);
	return same || (!slot->opens && !slot_sum_stats(slot, messages)) ? 0 : -EBUSY;
}

int msgslot_slot_set_mode(struct msgslot_slot *slot, const struct msgslot_mode *mode)
{
	int err;

	spin_lock(&slots_lock);
	err = slot_may_change_locked(slot, mode == slot->mode);
	if (!err && mode != slot->mode)
		slot_set_mode(slot, mode);
	spin_unlock(&slots_lock);
	return err;
}

static int slot_set_number_locked(struct msgslot_slot *slot, u32 *setting, u32 value, u32 max)
{
	int err = slot_may_change_locked(slot, *setting == value);

	if (!value || value > max)
		return -EINVAL;
	if (!err)
		WRITE_ONCE(*setting, value);
	return err;
}

int msgslot_slot_set_depth(struct msgslot_slot *slot, u32 depth)
{
	int err;

	spin_lock(&slots_lock);
	err = slot_set_number_locked(slot, &slot->rules.depth, depth, slot->mode->depth_max);
	spin_unlock(&slots_lock);
	return err;
}

int msgslot_slot_set_max_message(struct msgslot_slot *slot, u32 max_message)
{
	int err;

	spin_lock(&slots_lock);
	err = slot_set_number_locked(slot, &slot->rules.max_message, max_message,
				     MSGSLOT_MESSAGE_MAX);
	spin_unlock(&slots_lock);
	return err;
}

int msgslot_slot_set_overflow(struct msgslot_slot *slot, u32 overflow)
{
	bool same;
	int err;

	spin_lock(&slots_lock);
	same = slot->rules.overflow == overflow;
	err = slot_may_change_locked(slot, same);
	if (!same && !msgslot_rules_can(&slot->rules, MSGSLOT_CAN_SET_OVERFLOW))
		err = -EINVAL;
	if (!err)
		WRITE_ONCE(slot->rules.overflow, overflow);
	spin_unlock(&slots_lock);
	return err;
}

int msgslot_slots_init(struct class *class, struct cdev *cdev, dev_t devt,
		       const struct msgslot_mode *const *modes)
{
	unsigned int minor;
	int err;

	slots_class = class;
	slots_devt = devt;
	err = class_register(class);
	if (err)
		return err;
	/*
	 * All in one: an open waits for all of them, and a write to `create` comes after them or is
	 * refused.  The device comes first: a node can be opened as soon as it is announced.
	 */
	mutex_lock(&slots_creation);
	err = cdev_add(cdev, devt, MSGSLOT_SLOTS_MAX);
	if (err)
		goto err_class;
	slots_closed = false;
	for (minor = 0; minor < MSGSLOT_SLOTS_MAX && !err; minor++)
		if (modes[minor])
			err = slot_create_locked(minor, modes[minor], true);
	slots_closed = err;
	spin_lock(&slots_lock);
	slots_loaded = !err;
	spin_unlock(&slots_lock);
	mutex_unlock(&slots_creation);
	if (err)
		msgslot_slots_exit(cdev);
	return err;

err_class:
	mutex_unlock(&slots_creation);
	class_unregister(slots_class);
	return err;
}

void msgslot_slots_exit(struct cdev *cdev)
{
	unsigned int minor;

	cdev_del(cdev);
	mutex_lock(&slots_creation);
	slots_closed = true;
	mutex_unlock(&slots_creation);
	for (minor = 0; minor < MSGSLOT_SLOTS_MAX; minor++)
		msgslot_slot_destroy(minor);
	class_unregister(slots_class);
}
