// SPDX-License-Identifier: GPL-2.0-only
/* Slots: the table of minors, how they come and go, what they show in sysfs.  See slot.h. */
#include <linux/cdev.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "slot.h"

static DEFINE_SPINLOCK(slots_lock);
static DEFINE_MUTEX(slots_creation);

/*
 * What is known of a minor, under slots_lock.  A slot on its way out is not in the table any more, but its
 * name is still in sysfs: @leaving keeps the minor from being made anew until that is over.
 */
static struct {
	struct msgslot_slot *slot;
	bool destroyed;
	bool leaving;
} minors[MSGSLOT_SLOTS_MAX];

static dev_t first_devt;
/* The module's own slots are there, all of them.  Under slots_lock. */
static bool loaded;
/* No slot is made: before the module's own are, and at its end.  Under slots_creation. */
static bool closed = true;

static struct msgslot_slot *slot_of(struct device *dev)
{
	return container_of(dev, struct msgslot_slot, dev);
}

static void slot_release(struct device *dev)
{
	struct msgslot_slot *slot = slot_of(dev);

	msgslot_account_drain(&slot->account);
	msgslot_spares_free(&slot->spares);
	free_percpu(slot->stats);
	kfree(slot);
}

/* The settings that a mode comes with. */
static void slot_set_mode(struct msgslot_slot *slot, const struct msgslot_mode *mode)
{
	slot->mode = mode;
	slot->rules = mode->rules;
	msgslot_account_set_max_bytes(&slot->account, mode->max_bytes);
	msgslot_account_set_max_channels(&slot->account, mode->max_channels);
}

static struct class msgslot_class;

/* Whether a slot of that minor can be made: 0, -ENODEV, -EEXIST, -EBUSY. */
static int slot_may_come(unsigned int minor)
{
	int err = closed ? -ENODEV : 0;

	lockdep_assert_held(&slots_creation);
	spin_lock(&slots_lock);
	if (!err && minors[minor].slot)
		err = -EEXIST;
	else if (!err && minors[minor].leaving)
		err = -EBUSY;
	spin_unlock(&slots_lock);
	return err;
}

/* A slot in sysfs and in the table; also a node in /dev, where @with_node. */
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
	slot->dev.class = &msgslot_class;
	slot->dev.release = slot_release;
	/* A device without a number is one that devtmpfs and udev make no node for. */
	slot->dev.devt = with_node ? MKDEV(MAJOR(first_devt), minor) : 0;
	slot->minor = minor;
	get_random_bytes(slot->instance, sizeof(slot->instance));
	msgslot_account_init(&slot->account);
	slot_set_mode(slot, mode);
	msgslot_channels_init(&slot->channels);
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
	return 0;

err_put:
	put_device(&slot->dev);
	return err;
}

static int slot_create(unsigned int minor, const struct msgslot_mode *mode)
{
	int err;

	mutex_lock(&slots_creation);
	err = slot_create_locked(minor, mode, true);
	mutex_unlock(&slots_creation);
	return err;
}

static int slot_destroy(unsigned int minor)
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

	msgslot_channels_close(&slot->channels);
	lost = msgslot_channels_kill(&slot->channels, &slot->spares);
	this_cpu_sub(slot->stats->messages, lost);
	msgslot_waiters_wake_all(&slot->wait, MSGSLOT_EVENTS_GONE);
	device_unregister(&slot->dev);

	spin_lock(&slots_lock);
	minors[minor].leaving = false;
	spin_unlock(&slots_lock);
	return 0;
}

/* The slot of @minor, which is open once more; or NULL, and @destroyed tells whether there was one. */
static struct msgslot_slot *slot_open_existing(unsigned int minor, bool *destroyed)
{
	struct msgslot_slot *slot;

	spin_lock(&slots_lock);
	/* Whoever is early waits: a load that fails must not find a file open. */
	slot = loaded ? minors[minor].slot : NULL;
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
	/* A node made by hand, of a minor without a slot: it gets the one that course programs expect. */
	slot = slot_open_existing(minor, &destroyed);
	if (!slot && !destroyed && !closed) {
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

int msgslot_slot_clear(struct msgslot_slot *slot, u32 id, struct msgslot_share *share,
		       bool conditional, u64 expected, u64 *messages)
{
	struct msgslot_channel *channel;
	struct msgslot_holder holder;
	int err;

	*messages = 0;
	channel = msgslot_channel_find(&slot->channels, id, share, &holder);
	if (IS_ERR(channel))
		return PTR_ERR(channel);
	if (!channel)
		return conditional && expected ? -ESTALE : 0;
	err = msgslot_log_clear(&channel->log, &slot->spares, conditional, expected, messages);
	if (!err) {
		this_cpu_sub(slot->stats->messages, *messages);
		/* Where each file has a cursor, it counts what it lost when it comes to it. */
		if (slot->rules.cursor == MSGSLOT_CURSOR_OF_CHANNEL)
			this_cpu_add(slot->stats->dropped, *messages);
		msgslot_waiters_wake_all(&channel->waiters.writers, MSGSLOT_EVENTS_WRITABLE);
	}
	msgslot_channel_unhold(&slot->channels, channel, &holder);
	return err;
}

/*
 * Other processors count on meanwhile: a moment's truth of each.  So a message may be counted where it
 * went and not yet where it came, and there seem to be fewer than none.
 */
#define slot_sum_stats(slot, field)                                               \
	({                                                                        \
		s64 sum = 0;                                                      \
		int cpu;                                                          \
                                                                                  \
		for_each_possible_cpu(cpu)                                        \
			sum += READ_ONCE(per_cpu_ptr((slot)->stats, cpu)->field); \
		(u64) max_t(s64, sum, 0);                                         \
	})

void msgslot_slot_get_info(struct msgslot_slot *slot, struct msgslot_info *info)
{
	struct msgslot_usage limit, used;

	msgslot_account_get_limit(&slot->account, &limit);
	msgslot_account_get_used(&slot->account, &used);
	info->minor = slot->minor;
	info->mode = slot->mode->number;
	info->overflow = slot->rules.overflow;
	info->depth = slot->rules.depth;
	info->max_message = slot->rules.max_message;
	memcpy(info->instance, slot->instance, sizeof(info->instance));
	info->max_bytes = limit.bytes;
	info->bytes = used.bytes;
	info->max_channels = limit.channels;
	info->channels = used.channels;
	info->messages = slot_sum_stats(slot, messages);
	info->sent = slot_sum_stats(slot, sent);
	info->received = slot_sum_stats(slot, received);
	info->dropped = slot_sum_stats(slot, dropped);
}

/*
 * Changes a setting that calls rely on while they run: not while a file is open, nor while there is
 * a message that may not fit the new setting.  What is set already may always be set.
 */
static int slot_may_change_locked(struct msgslot_slot *slot, bool same)
{
	lockdep_assert_held(&slots_lock);
	return same || (!slot->opens && !slot_sum_stats(slot, messages)) ? 0 : -EBUSY;
}

static int slot_set_number_locked(struct msgslot_slot *slot, u32 *setting, u32 value, u32 max)
{
	int err = slot_may_change_locked(slot, *setting == value);

	if (!value || value > max)
		return -EINVAL;
	if (!err)
		*setting = value;
	return err;
}

static ssize_t mode_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", READ_ONCE(slot_of(dev)->mode)->name);
}

static ssize_t mode_store(struct device *dev, struct device_attribute *attr, const char *text,
			  size_t count)
{
	const struct msgslot_mode *mode = msgslot_mode_find(text);
	struct msgslot_slot *slot = slot_of(dev);
	int err;

	if (!mode)
		return -EINVAL;
	spin_lock(&slots_lock);
	err = slot_may_change_locked(slot, mode == slot->mode);
	if (!err && mode != slot->mode)
		slot_set_mode(slot, mode);
	spin_unlock(&slots_lock);
	return err ?: count;
}
static DEVICE_ATTR_RW(mode);

static ssize_t depth_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%u\n", READ_ONCE(slot_of(dev)->rules.depth));
}

static ssize_t depth_store(struct device *dev, struct device_attribute *attr, const char *text,
			   size_t count)
{
	struct msgslot_slot *slot = slot_of(dev);
	u32 value;
	int err = kstrtou32(text, 0, &value);

	if (err)
		return err;
	spin_lock(&slots_lock);
	err = slot_set_number_locked(slot, &slot->rules.depth, value, slot->mode->depth_max);
	spin_unlock(&slots_lock);
	return err ?: count;
}
static DEVICE_ATTR_RW(depth);

static ssize_t max_message_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%u\n", READ_ONCE(slot_of(dev)->rules.max_message));
}

static ssize_t max_message_store(struct device *dev, struct device_attribute *attr,
				 const char *text, size_t count)
{
	struct msgslot_slot *slot = slot_of(dev);
	u32 value;
	int err = kstrtou32(text, 0, &value);

	if (err)
		return err;
	spin_lock(&slots_lock);
	err = slot_set_number_locked(slot, &slot->rules.max_message, value, MSGSLOT_MESSAGE_MAX);
	spin_unlock(&slots_lock);
	return err ?: count;
}
static DEVICE_ATTR_RW(max_message);

/* What a full log does to a writer, by enum msgslot_overflow_number. */
static const char *const overflows[] = {
	[MSGSLOT_DROP] = MSGSLOT_OVERFLOW_DROP,
	[MSGSLOT_BLOCK] = MSGSLOT_OVERFLOW_BLOCK,
};

static ssize_t overflow_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", overflows[READ_ONCE(slot_of(dev)->rules.overflow)]);
}

static ssize_t overflow_store(struct device *dev, struct device_attribute *attr, const char *text,
			      size_t count)
{
	int value = __sysfs_match_string(overflows, ARRAY_SIZE(overflows), text);
	struct msgslot_slot *slot = slot_of(dev);
	bool same;
	int err;

	if (value < 0)
		return value;
	spin_lock(&slots_lock);
	same = slot->rules.overflow == value;
	err = slot_may_change_locked(slot, same);
	/* Only rooms have a choice. */
	if (!same && !msgslot_rules_can(&slot->rules, MSGSLOT_CAN_SET_OVERFLOW))
		err = -EINVAL;
	if (!err)
		slot->rules.overflow = value;
	spin_unlock(&slots_lock);
	return err ?: count;
}
static DEVICE_ATTR_RW(overflow);

static ssize_t max_bytes_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct msgslot_usage limit;

	msgslot_account_get_limit(&slot_of(dev)->account, &limit);
	return sysfs_emit(text, "%llu\n", limit.bytes);
}

static ssize_t max_bytes_store(struct device *dev, struct device_attribute *attr, const char *text,
			       size_t count)
{
	u64 value;
	int err = kstrtou64(text, 0, &value);

	if (!err)
		msgslot_account_set_max_bytes(&slot_of(dev)->account, value);
	return err ?: count;
}
static DEVICE_ATTR_RW(max_bytes);

static ssize_t max_channels_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct msgslot_usage limit;

	msgslot_account_get_limit(&slot_of(dev)->account, &limit);
	return sysfs_emit(text, "%llu\n", limit.channels);
}

static ssize_t max_channels_store(struct device *dev, struct device_attribute *attr,
				  const char *text, size_t count)
{
	u32 value;
	int err = kstrtou32(text, 0, &value);

	if (!err)
		msgslot_account_set_max_channels(&slot_of(dev)->account, value);
	return err ?: count;
}
static DEVICE_ATTR_RW(max_channels);

static ssize_t bytes_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct msgslot_usage used;

	msgslot_account_get_used(&slot_of(dev)->account, &used);
	return sysfs_emit(text, "%llu\n", used.bytes);
}
static DEVICE_ATTR_RO(bytes);

static ssize_t channels_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct msgslot_usage used;

	msgslot_account_get_used(&slot_of(dev)->account, &used);
	return sysfs_emit(text, "%llu\n", used.channels);
}
static DEVICE_ATTR_RO(channels);

#define SLOT_STATISTIC(name)                                                                      \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *text) \
	{                                                                                         \
		return sysfs_emit(text, "%llu\n", slot_sum_stats(slot_of(dev), name));            \
	}                                                                                         \
	static DEVICE_ATTR_RO(name)

SLOT_STATISTIC(messages);
SLOT_STATISTIC(sent);
SLOT_STATISTIC(received);
SLOT_STATISTIC(dropped);

static struct attribute *slot_attrs[] = {
	&dev_attr_mode.attr,
	&dev_attr_depth.attr,
	&dev_attr_max_message.attr,
	&dev_attr_overflow.attr,
	&dev_attr_max_bytes.attr,
	&dev_attr_max_channels.attr,
	&dev_attr_channels.attr,
	&dev_attr_messages.attr,
	&dev_attr_bytes.attr,
	&dev_attr_sent.attr,
	&dev_attr_received.attr,
	&dev_attr_dropped.attr,
	NULL,
};
ATTRIBUTE_GROUPS(slot);

/* A minor, decimal, that ends the text or is followed by a space; @text then stands behind it. */
static int parse_minor(char **text, unsigned int *minor)
{
	char *word = strsep(text, " ");
	int err = kstrtouint(word, 10, minor);

	if (err)
		return err;
	return *minor < MSGSLOT_SLOTS_MAX ? 0 : -EINVAL;
}

/* "MINOR MODE" */
static ssize_t create_write(const char *text, size_t count)
{
	const struct msgslot_mode *mode = NULL;
	char *copy, *rest;
	unsigned int minor;
	int err;

	copy = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = copy;
	err = parse_minor(&rest, &minor);
	if (!err && rest)
		mode = msgslot_mode_find(rest);
	kfree(copy);
	if (!err)
		err = mode ? slot_create(minor, mode) : -EINVAL;
	return err ?: count;
}
MSGSLOT_CLASS_ATTR_WO(create);

/* "MINOR" */
static ssize_t destroy_write(const char *text, size_t count)
{
	unsigned int minor;
	int err = kstrtouint(text, 10, &minor);

	if (!err)
		err = minor < MSGSLOT_SLOTS_MAX ? slot_destroy(minor) : -EINVAL;
	return err ?: count;
}
MSGSLOT_CLASS_ATTR_WO(destroy);

static struct attribute *msgslot_class_attrs[] = {
	&class_attr_create.attr,
	&class_attr_destroy.attr,
	NULL,
};
ATTRIBUTE_GROUPS(msgslot_class);

static struct class msgslot_class = {
	.name = KBUILD_MODNAME,
	.class_groups = msgslot_class_groups,
	.dev_groups = slot_groups,
};

int msgslot_slots_init(struct cdev *cdev, dev_t devt, const struct msgslot_mode *const *modes)
{
	unsigned int minor;
	int err;

	first_devt = devt;
	err = class_register(&msgslot_class);
	if (err)
		return err;
	/*
	 * In one: an open waits for all of them, and a writer of `create` comes after them or is refused.
	 * The device comes first: as soon as a slot's node is announced it may be opened.
	 */
	mutex_lock(&slots_creation);
	err = cdev_add(cdev, devt, MSGSLOT_SLOTS_MAX);
	if (err)
		goto err_class;
	closed = false;
	for (minor = 0; minor < MSGSLOT_SLOTS_MAX && !err; minor++)
		if (modes[minor])
			err = slot_create_locked(minor, modes[minor], true);
	closed = err;
	spin_lock(&slots_lock);
	loaded = !err;
	spin_unlock(&slots_lock);
	mutex_unlock(&slots_creation);
	if (err)
		msgslot_slots_exit(cdev);
	return err;

err_class:
	mutex_unlock(&slots_creation);
	class_unregister(&msgslot_class);
	return err;
}

void msgslot_slots_exit(struct cdev *cdev)
{
	unsigned int minor;

	cdev_del(cdev);
	mutex_lock(&slots_creation);
	closed = true;
	mutex_unlock(&slots_creation);
	for (minor = 0; minor < MSGSLOT_SLOTS_MAX; minor++)
		slot_destroy(minor);
	class_unregister(&msgslot_class);
}
