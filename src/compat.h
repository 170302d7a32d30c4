/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that msgslot builds for, 5.10 to 7.2.  No other file of the
 * module looks at the kernel's version.
 */
#ifndef MSGSLOT_COMPAT_H
#define MSGSLOT_COMPAT_H

#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/version.h>

/* Sequences are read in one piece without a lock. */
#ifndef CONFIG_64BIT
#error "msgslot needs a 64-bit kernel"
#endif

/*
 * For a large variable whose every byte is written before it is read: kernels that clear the stack
 * on entry (CONFIG_INIT_STACK_ALL_ZERO) would write it twice, which a short read() or write() feels.
 */
#if __has_attribute(__uninitialized__)
#define msgslot_uninitialized __attribute__((__uninitialized__))
#else
#define msgslot_uninitialized
#endif

/* 6.4 made the arguments of class attributes const. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define msgslot_class_const const
#else
#define msgslot_class_const
#endif

/*
 * For good: never writable nor executable, not whatever mprotect() is told; no larger, in no core
 * dump, and of frames that have no reference counts.  Flags are changed by functions since 6.3.
 */
static inline void msgslot_area_seal(struct vm_area_struct *area)
{
	const unsigned long set = VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	const unsigned long clear = VM_MAYWRITE | VM_MAYEXEC;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(area, set, clear);
#else
	area->vm_flags = (area->vm_flags & ~clear) | set;
#endif
}

#endif /* MSGSLOT_COMPAT_H */
