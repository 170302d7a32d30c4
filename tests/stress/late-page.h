/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page for messages that comes late, again and again: a thread of the process hands it out
 * (userfaultfd), after a moment.  A call that copies a message there sleeps in a page fault.
 */
#ifndef MSGSLOT_TESTS_LATE_PAGE_H
#define MSGSLOT_TESTS_LATE_PAGE_H

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "judge.h"

enum { LATE_PAGE = 4096 };

/* The one of a process: it tells of accesses, which are counted. */
static struct {
	int uffd;
	long *accesses;
} late_page;

static inline void *late_page_serve(void *unused)
{
	uint64_t seed = (uintptr_t)pthread_self();
	struct uffd_msg message;

	(void)unused;
	while (read(late_page.uffd, &message, sizeof(message)) == sizeof(message)) {
		struct uffdio_zeropage zero = {
			.range = { message.arg.pagefault.address & ~(LATE_PAGE - 1ull), LATE_PAGE },
		};

		__atomic_add_fetch(late_page.accesses, 1, __ATOMIC_RELAXED);
		usleep(random_below(&seed, 3000));
		if (ioctl(late_page.uffd, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST &&
		    errno != EAGAIN)
			complain("UFFDIO_ZEROPAGE: %s", strerror(errno));
	}
	return NULL;
}

/* Such a page, or NULL; with NULL for @accesses a page like any other. */
static inline void *late_page_new(long *accesses)
{
	const bool is_late = accesses != NULL;
	int uffd = is_late ? syscall(SYS_userfaultfd, O_CLOEXEC) : -1;
	void *page =
		mmap(NULL, LATE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register area = {
		.range = { (uintptr_t)page, LATE_PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	sigset_t all, before;
	pthread_t thread;

	if (page == MAP_FAILED)
		return NULL;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &area))
		return is_late ? NULL : page;
	/* The signals are for the thread that receives. */
	late_page.uffd = uffd;
	late_page.accesses = accesses;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, late_page_serve, NULL))
		page = NULL;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return page;
}

/* The next access has to wait for it. */
static inline void late_page_drop(void *page)
{
	if (madvise(page, LATE_PAGE, MADV_DONTNEED))
		complain("madvise: %s", strerror(errno));
}

#endif
