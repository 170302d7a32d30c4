/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The attributes of the class (`create`, `destroy`) and of its slots, by groups; msgslot(4) tells
 * of them.
 */
#ifndef MSGSLOT_SYSFS_H
#define MSGSLOT_SYSFS_H

struct attribute_group;

extern const struct attribute_group *msgslot_sysfs_class_groups[];
extern const struct attribute_group *msgslot_sysfs_slot_groups[];

#endif /* MSGSLOT_SYSFS_H */
