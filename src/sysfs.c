// SPDX-License-Identifier: GPL-2.0-only
/* What sysfs shows of slots and of their class, and what can be written there. */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/msgslot.h>

#include "compat.h"
#include "mode.h"
#include "slot.h"
#include "sysfs.h"

/* ---- of a slot: MSGSLOT_INFO in text --------------------------------------------------------- */

#define SYSFS_SLOT_SHOW(_name)                                                                     \
	static ssize_t _name##_show(struct device *dev, struct device_attribute *attr, char *text) \
	{                                                                                          \
		struct msgslot_info info = {};                                                     \
                                                                                                   \
		msgslot_slot_get_info(msgslot_slot_of(dev), &info);                                \
		return sysfs_emit(text, "%llu\n", (unsigned long long)info._name);                 \
	}

#define SYSFS_SLOT_RO(_name)   \
	SYSFS_SLOT_SHOW(_name) \
	static DEVICE_ATTR_RO(_name)

/* _set(slot, value): 0 or an error. */
#define SYSFS_SLOT_RW(_name, _type, _set)                                               \
	SYSFS_SLOT_SHOW(_name)                                                          \
	static ssize_t _name##_store(struct device *dev, struct device_attribute *attr, \
				     const char *text, size_t count)                    \
	{                                                                               \
		_type value;                                                            \
		int err = kstrto##_type(text, 0, &value);                               \
                                                                                        \
		return err ?: _set(msgslot_slot_of(dev), value) ?: count;               \
	}                                                                               \
	static DEVICE_ATTR_RW(_name)

static int sysfs_set_max_bytes(struct msgslot_slot *slot, u64 bytes)
{
	msgslot_account_set_max_bytes(&slot->account, bytes);
	return 0;
}

static int sysfs_set_max_channels(struct msgslot_slot *slot, u32 channels)
{
	msgslot_account_set_max_channels(&slot->account, channels);
	return 0;
}

static int sysfs_set_feed_depth(struct msgslot_slot *slot, u32 depth)
{
	if (!depth || depth > MSGSLOT_FEED_DEPTH_MAX)
		return -EINVAL;
	msgslot_feed_set_depth(&slot->channels.feed, depth);
	return 0;
}

SYSFS_SLOT_RW(depth, u32, msgslot_slot_set_depth);
SYSFS_SLOT_RW(max_message, u32, msgslot_slot_set_max_message);
SYSFS_SLOT_RW(max_bytes, u64, sysfs_set_max_bytes);
SYSFS_SLOT_RW(max_channels, u32, sysfs_set_max_channels);
SYSFS_SLOT_RW(feed_depth, u32, sysfs_set_feed_depth);
SYSFS_SLOT_RO(listeners);
SYSFS_SLOT_RO(channels);
SYSFS_SLOT_RO(messages);
SYSFS_SLOT_RO(leased);
SYSFS_SLOT_RO(bytes);
SYSFS_SLOT_RO(sent);
SYSFS_SLOT_RO(received);
SYSFS_SLOT_RO(dropped);

static ssize_t mode_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return sysfs_emit(text, "%s\n", READ_ONCE(msgslot_slot_of(dev)->mode)->name);
}

static ssize_t mode_store(struct device *dev, struct device_attribute *attr, const char *text,
			  size_t count)
{
	const struct msgslot_mode *mode = msgslot_mode_find(text);

	if (!mode)
		return -EINVAL;
	return msgslot_slot_set_mode(msgslot_slot_of(dev), mode) ?: count;
}
static DEVICE_ATTR_RW(mode);

/* By enum msgslot_overflow_number. */
static const char *const sysfs_overflows[] = {
	[MSGSLOT_DROP] = MSGSLOT_OVERFLOW_DROP,
	[MSGSLOT_BLOCK] = MSGSLOT_OVERFLOW_BLOCK,
};

static ssize_t overflow_show(struct device *dev, struct device_attribute *attr, char *text)
{
	const struct msgslot_slot *slot = msgslot_slot_of(dev);

	return sysfs_emit(text, "%s\n", sysfs_overflows[READ_ONCE(slot->rules.overflow)]);
}

static ssize_t overflow_store(struct device *dev, struct device_attribute *attr, const char *text,
			      size_t count)
{
	int value = __sysfs_match_string(sysfs_overflows, ARRAY_SIZE(sysfs_overflows), text);

	if (value < 0)
		return value;
	return msgslot_slot_set_overflow(msgslot_slot_of(dev), value) ?: count;
}
static DEVICE_ATTR_RW(overflow);

/* clang-format off */
static struct attribute *sysfs_slot_attrs[] = {
	&dev_attr_mode.attr,
	&dev_attr_depth.attr,
	&dev_attr_max_message.attr,
	&dev_attr_overflow.attr,
	&dev_attr_max_bytes.attr,
	&dev_attr_max_channels.attr,
	&dev_attr_feed_depth.attr,
	&dev_attr_listeners.attr,
	&dev_attr_channels.attr,
	&dev_attr_messages.attr,
	&dev_attr_leased.attr,
	&dev_attr_bytes.attr,
	&dev_attr_sent.attr,
	&dev_attr_received.attr,
	&dev_attr_dropped.attr,
	NULL,
};

/* clang-format on */

static const struct attribute_group sysfs_slot_group = { .attrs = sysfs_slot_attrs };
const struct attribute_group *msgslot_sysfs_slot_groups[] = { &sysfs_slot_group, NULL };

/* ---- of the class ---------------------------------------------------------------------------- */

/* A minor, decimal, at the end of @text or followed by a space; *@text is what follows then. */
static int sysfs_parse_minor(char **text, unsigned int *minor)
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
	err = sysfs_parse_minor(&rest, &minor);
	if (!err && rest)
		mode = msgslot_mode_find(rest);
	kfree(copy);
	if (!err)
		err = mode ? msgslot_slot_create(minor, mode) : -EINVAL;
	return err ?: count;
}
MSGSLOT_CLASS_ATTR_WO(create);

/* "MINOR" */
static ssize_t destroy_write(const char *text, size_t count)
{
	unsigned int minor;
	int err = kstrtouint(text, 10, &minor);

	if (!err)
		err = minor < MSGSLOT_SLOTS_MAX ? msgslot_slot_destroy(minor) : -EINVAL;
	return err ?: count;
}
MSGSLOT_CLASS_ATTR_WO(destroy);

static struct attribute *sysfs_class_attrs[] = {
	&class_attr_create.attr,
	&class_attr_destroy.attr,
	NULL,
};

static const struct attribute_group sysfs_class_group = { .attrs = sysfs_class_attrs };
const struct attribute_group *msgslot_sysfs_class_groups[] = { &sysfs_class_group, NULL };
