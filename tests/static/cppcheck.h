/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loops of the kernel's headers, which cppcheck does not read: it has to know that they set @at. */
#define list_for_each_entry(at, list, node) for (at = first(list); at; at = next(at))
