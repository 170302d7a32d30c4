/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory whose pages come when the test brings them: a call that uses it sleeps until then. */
#ifndef MSGSLOT_TESTS_USERFAULT_H
#define MSGSLOT_TESTS_USERFAULT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Each access to a missing page of @size bytes at @memory is read from the file; or -1. */
static inline int userfault_open(void *memory, size_t size, int flags)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { .range = { (uintptr_t)memory, size },
					.mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | flags);

	if (fd < 0 || (!ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &area)))
		return fd;
	close(fd);
	return -1;
}

/* Brings pages of zeros.  One that is there already is left as it is. */
static inline bool userfault_bring(int fd, uintptr_t address, size_t size)
{
	struct uffdio_zeropage zero = { .range = { address, size } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &zero)) {
		/* The memory is just being changed, by a fork or otherwise. */
		if (errno != EAGAIN)
			return errno == EEXIST;
		if (zero.zeropage > 0) {
			zero.range.start += zero.zeropage;
			zero.range.len -= zero.zeropage;
		}
	}
	return true;
}

#endif
