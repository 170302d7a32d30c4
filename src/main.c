// SPDX-License-Identifier: GPL-2.0-only
/* The module: its parameters, its class and file operations, how it comes and goes. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/msgslot.h>

#include "buffer.h"
#include "fdinfo.h"
#include "file.h"
#include "ioctl.h"
#include "mmap.h"
#include "mode.h"
#include "receive.h"
#include "receive_flags.h"
#include "release.h"
#include "send.h"
#include "slot.h"
#include "sysfs.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static char *slots = "last:4,queue:2,broadcast:2";
module_param(slots, charp, 0444);
MODULE_PARM_DESC(
	slots,
	"slots to make, MODE:COUNT[,MODE:COUNT]...; may be empty (last:4,queue:2,broadcast:2)");

static unsigned int major;
module_param(major, uint, 0444);
MODULE_PARM_DESC(major, "major number; 0: the kernel picks one, and it is shown here (0)");

static struct class msgslot_class = {
	.name = KBUILD_MODNAME,
	.class_groups = msgslot_sysfs_class_groups,
	.dev_groups = msgslot_sysfs_slot_groups,
};

static const struct file_operations msgslot_file_operations = {
	.owner = THIS_MODULE,
	.open = msgslot_file_open,
	.release = msgslot_release,
	.read = msgslot_read,
	.write = msgslot_write,
	.read_iter = msgslot_read_iter,
	.write_iter = msgslot_write_iter,
	.splice_write = msgslot_splice_write,
	.poll = msgslot_file_poll,
	.show_fdinfo = msgslot_fdinfo_show,
	.mmap = msgslot_mmap,
	.unlocked_ioctl = msgslot_ioctl,
	.compat_ioctl = msgslot_compat_ioctl,
};

static struct cdev msgslot_cdev;

/* One MODE:COUNT of the parameter: the next COUNT minors from *@next on get that mode. */
static int parse_range(char *range, const struct msgslot_mode **modes, unsigned int *next)
{
	const struct msgslot_mode *mode;
	char *count = range, *name = strsep(&count, ":");
	unsigned int n;

	mode = msgslot_mode_find(name);
	if (!mode) {
		pr_err("slots=%s: no mode is called \"%s\"\n", slots, name);
		return -EINVAL;
	}
	if (!count || kstrtouint(count, 10, &n) || !n) {
		pr_err("slots=%s: no number of slots after \"%s\"\n", slots, name);
		return -EINVAL;
	}
	if (n > MSGSLOT_SLOTS_MAX - *next) {
		pr_err("slots=%s: more than %d slots\n", slots, MSGSLOT_SLOTS_MAX);
		return -EINVAL;
	}
	while (n--)
		modes[(*next)++] = mode;
	return 0;
}

/* Fills @modes, one for each minor, NULL where none is to be. */
static int parse_slots(const struct msgslot_mode **modes)
{
	char *copy, *rest, *range;
	unsigned int next = 0;
	int err = 0;

	/* An empty parameter is one that asks for nothing, not for a mode without a name. */
	if (!*slots)
		return 0;
	copy = kstrdup(slots, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = copy;
	while (!err && (range = strsep(&rest, ",")))
		err = parse_range(range, modes, &next);
	kfree(copy);
	return err;
}

static int register_major(dev_t *devt)
{
	int err;

	*devt = MKDEV(major, 0);
	if (!major)
		err = alloc_chrdev_region(devt, 0, MSGSLOT_SLOTS_MAX, KBUILD_MODNAME);
	/* The kernel's own limit is in no header. */
	else if (major >= 512)
		err = -EINVAL;
	else
		err = register_chrdev_region(*devt, MSGSLOT_SLOTS_MAX, KBUILD_MODNAME);
	if (err)
		pr_err("major=%u: cannot be had: error %d\n", major, err);
	else
		major = MAJOR(*devt);
	return err;
}

static int __init msgslot_init(void)
{
	const struct msgslot_mode **modes;
	dev_t devt;
	int err;

	msgslot_receive_flags_init();
	modes = kcalloc(MSGSLOT_SLOTS_MAX, sizeof(*modes), GFP_KERNEL);
	if (!modes)
		return -ENOMEM;
	err = parse_slots(modes);
	if (err)
		goto out;
	err = msgslot_buffers_init();
	if (err)
		goto out;
	err = register_major(&devt);
	if (err)
		goto err_buffers;
	cdev_init(&msgslot_cdev, &msgslot_file_operations);
	msgslot_cdev.owner = THIS_MODULE;
	/* Last: from here on files can be open, so nothing after it may fail. */
	err = msgslot_slots_init(&msgslot_class, &msgslot_cdev, devt, modes);
	if (!err)
		goto out;

	/*
	 * A process may be in an open that fails.  An unload waits for that, a load that fails does
	 * not: so it is waited for here; the load itself counts as one.
	 */
	while (module_refcount(THIS_MODULE) > 1)
		msleep(1);
	unregister_chrdev_region(devt, MSGSLOT_SLOTS_MAX);
err_buffers:
	msgslot_buffers_exit();
out:
	kfree(modes);
	return err;
}

/* No file is open: an open file holds the module. */
static void __exit msgslot_exit(void)
{
	dev_t devt = msgslot_cdev.dev;

	msgslot_slots_exit(&msgslot_cdev);
	unregister_chrdev_region(devt, MSGSLOT_SLOTS_MAX);
	msgslot_buffers_exit();
	/* The last of the callbacks may be at its end. */
	rcu_barrier();
}

module_init(msgslot_init);
module_exit(msgslot_exit);
MODULE_DESCRIPTION("Message slots: channels that keep messages");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
