// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What one user's memory does to another: a cgroup that is short of it, or a page that does not
 * come, keeps nobody else waiting.
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "ioctl.h"
#include "late.h"
#include "map.h"

enum { OTHER = OWN + 1 };

/* ---- a user that is short of memory ---------------------------------------------------- */

/* Every charge of the group sleeps. */
static void throttled_begin(void)
{
	group_begin(512l * MIB);
	assert_result(text_put("cgroup/small/memory.high", "1M"), 0);
}

static void *map_all(void *unused)
{
	int fd = slot_open_on(OWN, O_RDONLY, 1);

	(void)unused;
	demand(fd >= 0);
	demand(group_enter() == 0);
	for (;;) {
		void *map = map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0);

		demand(map != (void *)-1);
		munmap(map, getpagesize());
	}
}

static void *grow_all(void *unused)
{
	int fd = slot_open_on(OWN, O_WRONLY | O_NONBLOCK, 1);

	(void)unused;
	demand(fd >= 0);
	demand(group_enter() == 0);
	for (;;)
		if (write(fd, text, 200) < 0)
			demand(errno == EAGAIN || errno == ENOSPC);
}

/*
 * While the throttled child runs, the longest call of another process takes less than a second;
 * on a slow machine, less than ten.
 */
static void others_go_on(void *(*what)(void *), const char *mode, int depth)
{
	double began, longest = 0, until;
	pid_t child;
	int fd, other, status;
	void *map;

	own_become(mode);
	if (depth)
		assert_result(slot_set(OWN, "depth", depth), 0);
	assert_result(slot_create(OTHER, "last"), 0);
	assert_result(nodes_settle(), 0);
	throttled_begin();
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	other = slot_open_on(OTHER, O_RDWR, 1);
	assert_works(other);
	child = child_start(NULL, what, NULL);
	for (until = seconds_now() + paced(4, 10); seconds_now() < until;) {
		began = seconds_now();
		map = map_try(other, getpagesize(), PROT_READ, MAP_SHARED, 0);
		assert_true(map != (void *)-1);
		munmap(map, getpagesize());
		(void)!write(fd, "x", 1);
		(void)!write(other, "x", 1);
		if (seconds_now() - began > longest)
			longest = seconds_now() - began;
		usleep(1000);
	}
	/* It dies at once, too: nothing that it waits for is beyond a signal's reach. */
	began = seconds_now();
	kill(child, SIGKILL);
	assert_result(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	if (seconds_now() - began > longest)
		longest = seconds_now() - began;
	printf("# %s: the longest call %.3f s\n", mode, longest);
	close(other);
	assert_result(slot_destroy(OTHER), 0);
	assert_result(own_end(NULL), 0);
	group_end();
	assert_true(longest < paced(1, 10));
}

static void a_throttled_mapper(void **state)
{
	(void)state;
	others_go_on(map_all, "broadcast", 1024);
}

static void a_throttled_writer(void **state)
{
	(void)state;
	others_go_on(grow_all, "queue", MSGSLOT_DEPTH_MAX);
}

/* ---- a writer that is woken, and whose page does not come --------------------------------- */

enum { LONG = 2 * PAGE };

static void the_next_writer_is_woken(void **state)
{
	static char whole[LONG];
	struct caller first, second;
	int fd, one, two, i;
	struct late late = { .uffd = -1 };

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 4), 0);
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	one = own_open_on(O_WRONLY, 1);
	two = own_open_on(O_WRONLY, 1);
	memset(whole, 'w', LONG - 1);
	for (i = 0; i < 4; i++)
		assert_result(write(fd, whole, LONG - 1), LONG - 1);
	/* Nor is there memory for another one. */
	assert_result(slot_set(OWN, "max_bytes", slot_get(OWN, "bytes")), 0);

	assert_no_complaint(late_new(&late, LONG));
	late_come(&late);
	memset(late.pages, 'l', LONG - 1);
	caller_start(&first, call_write, one, late.pages);
	caller_start(&second, call_write, two, whole);
	/* The first one's second page goes while it sleeps. */
	assert_result(madvise(late.pages + PAGE, PAGE, MADV_DONTNEED), 0);
	assert_result(read(fd, got, sizeof(got)), LONG - 1);
	/* Whichever is first, the second one gets through. */
	assert_result(caller_end(&second), LONG - 1);
	for (i = 0; i < 3; i++)
		assert_result(read(fd, got, sizeof(got)), LONG - 1);
	assert_result(read(fd, got, sizeof(got)), LONG - 1);
	late_come(&late);
	(void)caller_end(&first);
	late_free(&late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_throttled_mapper),
		own_slot_test(a_throttled_writer),
		own_slot_test(the_next_writer_is_woken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
