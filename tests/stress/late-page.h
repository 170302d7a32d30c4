/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A page for messages that comes late, again and again: a thread of the process hands it out
 * (userfaultfd), after a moment.  A call that copies a message there sleeps in a page fault.
 */
#ifndef MSGSLOT_TESTS_LATE_PAGE_H
#define MSGSLOT_TESTS_LATE_PAGE_H

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "judge.h"
#include "userfault.h"

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
		__atomic_add_fetch(late_page.accesses, 1, __ATOMIC_RELAXED);
		usleep(random_below(&seed, 3000));
		if (!userfault_bring(late_page.uffd,
				     message.arg.pagefault.address & ~(LATE_PAGE - 1ull),
				     LATE_PAGE))
			complain("UFFDIO_ZEROPAGE: %s", strerror(errno));
	}
	return NULL;
}

/* Such a page, or NULL; with NULL for @accesses a page like any other. */
static inline void *late_page_new(long *accesses)
{
	void *page =
		mmap(NULL, LATE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigset_t all, before;
	pthread_t thread;

	if (page == MAP_FAILED)
		return NULL;
	if (!accesses)
		return page;
	late_page.uffd = userfault_open(page, LATE_PAGE, 0);
	if (late_page.uffd < 0)
		return NULL;
	late_page.accesses = accesses;
	/* The signals are for the thread that receives. */
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
