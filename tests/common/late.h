/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory whose pages come only when the test says so (userfaultfd), to stop a call half way. */
#ifndef MSGSLOT_TESTS_LATE_H
#define MSGSLOT_TESTS_LATE_H

#include <poll.h>
#include <sys/mman.h>

#include "check.h"
#include "userfault.h"

enum { PAGE = 4096 };

/**
 * struct late - memory whose pages come late
 * @uffd: reports each page that is accessed
 * @pages: the first page is present, late_come() brings the others
 * @size: in bytes
 */
struct late {
	int uffd;
	char *pages;
	size_t size;
};

/* NULL, or what went wrong. */
static inline void *late_new(struct late *late, size_t size)
{
	late->size = size;
	late->pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	demand(late->pages != MAP_FAILED);
	late->pages[0] = 0;
	late->uffd = userfault_open(late->pages + PAGE, size - PAGE, O_NONBLOCK);
	demand(late->uffd >= 0);
	return NULL;
}

static inline void *late_await_fault(struct late *late)
{
	struct pollfd one = { .fd = late->uffd, .events = POLLIN };
	struct uffd_msg message;

	demand(poll(&one, 1, paced(100000, 1000000)) == 1);
	demand(read(late->uffd, &message, sizeof(message)) == sizeof(message));
	demand(message.event == UFFD_EVENT_PAGEFAULT);
	return NULL;
}

static inline void late_come(struct late *late)
{
	assert_true(userfault_bring(late->uffd, (uintptr_t)late->pages + PAGE, late->size - PAGE));
}

/* A caller that still waits for a page gets zeros. */
static inline void late_free(struct late *late)
{
	close(late->uffd);
	munmap(late->pages, late->size);
}

#define assert_no_complaint(call)                                         \
	do {                                                              \
		const char *complaint_ = (call);                          \
                                                                          \
		if (complaint_)                                           \
			fail_msg("%s (%s)", complaint_, strerror(errno)); \
	} while (0)

#endif
