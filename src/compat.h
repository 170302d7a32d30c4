/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels that msgslot builds for, 5.10 to 7.2.  No file of the module
 * looks at the kernel's version, as distributions bring changes to older ones: the kernel's own
 * types are asked, and its headers (Kbuild).
 */
#ifndef MSGSLOT_COMPAT_H
#define MSGSLOT_COMPAT_H

#include <linux/compiler.h>
#include <linux/device/class.h>
#include <linux/mm.h>

/* Sequences are read in one piece without a lock. */
#ifndef CONFIG_64BIT
#error "msgslot needs a 64-bit kernel"
#endif

/*
 * For a large variable whose every byte is written before it is read: kernels that clear the stack
 * on entry (CONFIG_INIT_STACK_ALL_ZERO) would write it twice, which a short read() or write()
 * feels.
 */
#if __has_attribute(__uninitialized__)
#define msgslot_uninitialized __attribute__((__uninitialized__))
#else
#define msgslot_uninitialized
#endif

/*
 * A class attribute that is only written, by NAME_write(text, count).  Whether what the kernel
 * passes besides is const, the type of the member tells.
 */
#define MSGSLOT_CLASS_ATTR_WO(_name)                                                             \
	static ssize_t _name##_store(struct class *class, struct class_attribute *attr,          \
				     const char *text, size_t count)                             \
	{                                                                                        \
		return _name##_write(text, count);                                               \
	}                                                                                        \
	static ssize_t _name##_store_const(const struct class *class,                            \
					   const struct class_attribute *attr, const char *text, \
					   size_t count)                                         \
	{                                                                                        \
		return _name##_write(text, count);                                               \
	}                                                                                        \
	static struct class_attribute class_attr_##_name = {                                     \
		.attr = { .name = #_name, .mode = 0200 },                                        \
		.store = __builtin_choose_expr(                                                  \
			__builtin_types_compatible_p(                                            \
				typeof(((struct class_attribute *)NULL)->store),                 \
				typeof(&_name##_store_const)),                                   \
			_name##_store_const, _name##_store),                                     \
	}

/*
 * For good: never writable nor executable, not whatever mprotect() is told; no larger, in no core
 * dump, and of frames that have no reference counts.  Where a function changes flags they are
 * const.
 */
static inline void msgslot_vma_seal(struct vm_area_struct *vma)
{
	const unsigned long set = VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
	const unsigned long clear = VM_MAYWRITE | VM_MAYEXEC;

#ifdef MSGSLOT_HAS_VM_FLAGS_MOD
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags & ~clear) | set;
#endif
}

#endif /* MSGSLOT_COMPAT_H */
