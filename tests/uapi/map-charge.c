// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a mapped channel are charged: to a user that has them mapped, within that user's
 * share, and to the memory cgroup.
 */
#define _GNU_SOURCE
#include <sys/eventfd.h>

#include "cgroup.h"
#include "map.h"

/* A user cannot have more than its share of the slot, however it maps, clears and maps again. */
static void *map_all_i_can(void *unused)
{
	struct msgslot_info info;
	int fd, count;

	(void)unused;
	for (count = 0;; count++) {
		fd = slot_open_on(OWN, O_RDWR, 100 + count);
		demand(fd >= 0);
		if (map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0) == (void *)-1)
			break;
		demand(send_text(fd, 100 + count, "text") > 0);
		demand(clear_channel(fd, 100 + count) == 1);
		close(fd);
	}
	demand(errno == EDQUOT);
	demand(count > 1);
	demand(ioctl(fd, MSGSLOT_INFO, &info) == 0);
	demand(info.share_bytes <= info.share_max_bytes);
	return NULL;
}

static void the_mapper_pays(void **state)
{
	int fd, i;

	(void)state;
	own_become("broadcast");
	fd = own_open_on(O_RDWR, 1);
	for (i = 0; i < 3; i++) {
		child_run("member", map_all_i_can, NULL);
		assert_result(slot_get(OWN, "bytes"), 0);
		assert_result(slot_get(OWN, "channels"), 1);
	}
	/* All callers that map a channel share one charge.  The slot's limit is for every user. */
	for (i = 0; i < 10; i++)
		(void)map_of(fd);
	assert_result(slot_get(OWN, "bytes"), map_size(fd));
	assert_result(slot_set(OWN, "max_bytes", map_size(fd) + 100), 0);
	fd = own_open_on(O_RDWR, 2);
	assert_fails((long)map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0), ENOSPC);
}

/* ---- shares ---------------------------------------------------------------- */

/* Pipes between a test and its children: they tell how far each of them is. */
/*
 * An eventfd: a pipe would take a page for what is written, of a child whose memory cgroup may be
 * full, and the kernel answers that with a kill.
 */
static int told, ending[2];

static void tell(void)
{
	(void)eventfd_write(told, 1);
}

static void wait_for_one(void)
{
	assert_result(eventfd_read(told, &(eventfd_t){ 0 }), 0);
}

/* Until the test closes its end. */
static void wait_for_the_end(void)
{
	char byte;

	close(ending[1]);
	(void)!read(ending[0], &byte, 1);
}

static void pipes_new(void)
{
	told = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	assert_works(told);
	assert_result(pipe(ending), 0);
}

static void pipes_close(void)
{
	close(told);
	close(ending[0]);
}

/* As much as the user may have and no more: half of what the others have left. */
static void *map_and_stay(void *first)
{
	struct msgslot_info info;
	unsigned int id = (uintptr_t)first;
	size_t size = 0;
	int fd = -1;

	for (;; id++) {
		fd = slot_open_on(OWN, O_RDONLY, id);
		demand(fd >= 0);
		if (map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0) == (void *)-1)
			break;
		size = size ?: map_size(fd);
		close(fd);
	}
	demand(errno == EDQUOT);
	demand(size && ioctl(fd, MSGSLOT_INFO, &info) == 0);
	demand(info.share_bytes <= info.share_max_bytes);
	demand(info.share_bytes + size > info.share_max_bytes);
	demand(info.share_bytes >= size && info.share_bytes % size == 0);
	tell();
	wait_for_the_end();
	return NULL;
}

static void every_user_has_a_share(void **state)
{
	long long limit, first, second;
	pid_t children[2];
	size_t size;
	int fd, id;

	(void)state;
	own_become("broadcast");
	limit = slot_get(OWN, "max_bytes");
	pipes_new();
	children[0] = child_start("member", map_and_stay, (void *)1000);
	wait_for_one();
	first = slot_get(OWN, "bytes");
	assert_in_range(first, limit / 4, limit / 2);
	children[1] = child_start("member2", map_and_stay, (void *)2000);
	wait_for_one();
	second = slot_get(OWN, "bytes") - first;
	assert_in_range(second, (limit - first) / 4, (limit - first) / 2);
	/* Root: to the slot's limit. */
	size = map_size(own_open_on(O_RDONLY, 1));
	for (id = 1;; id++) {
		fd = own_open_on(O_RDONLY, id);
		if (map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0) == (void *)-1)
			break;
	}
	assert_int_equal(errno, ENOSPC);
	assert_in_range(slot_get(OWN, "bytes"), limit - size, limit);
	close(ending[1]);
	child_join(children[0]);
	child_join(children[1]);
	pipes_close();
	assert_result(slot_get(OWN, "bytes"), (id - 1) * size);
}

/* The user that mapped first pays.  When that user has gone, one that still maps pays. */
static void *map_and_go(void *unused)
{
	int fd = slot_open_on(OWN, O_RDONLY, 5);

	(void)unused;
	demand(fd >= 0);
	demand(map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0) != (void *)-1);
	tell();
	wait_for_the_end();
	return NULL;
}

static void a_user_that_has_it_pays(void **state)
{
	const struct msgslot_map_head *head;
	pid_t child;
	int fd;

	(void)state;
	pipes_new();
	child = child_start("member", map_and_go, NULL);
	wait_for_one();
	fd = own_open_on(O_RDONLY, 5);
	head = map_of(fd);
	assert_int_equal(info_of(fd).bytes, head->size);
	close(ending[1]);
	child_join(child);
	pipes_close();
	assert_int_equal(info_of(fd).bytes, head->size);
	assert_int_equal(info_of(fd).share_bytes, head->size);
	unmap(head);
	assert_int_equal(info_of(fd).bytes, 0);
}

/* In a small memory cgroup: ENOMEM, nobody is killed, and it is the group that pays. */
enum { GROUP_MIB = 12 };

static void *map_all_of_a_group(void *unused)
{
	int fd, id;

	(void)unused;
	demand(group_enter() == 0);
	for (id = 1;; id++) {
		fd = slot_open_on(OWN, O_RDONLY, id);
		demand(fd >= 0);
		if (map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0) == (void *)-1)
			break;
		close(fd);
	}
	demand(errno == ENOMEM);
	demand(id > 2 && id <= GROUP_MIB / 2);
	tell();
	wait_for_the_end();
	return NULL;
}

static void memory_cgroups_pay(void **state)
{
	long long used;
	pid_t child;
	int waits;

	(void)state;
	own_become("broadcast");
	group_begin(GROUP_MIB * MIB);
	pipes_new();
	child = child_start(NULL, map_all_of_a_group, NULL);
	wait_for_one();
	used = slot_get(OWN, "bytes");
	assert_true(used >= GROUP_MIB / 2 * MIB);
	assert_true(group_get("memory.current", NULL) >= used);
	/* A process outside the group is not limited by it. */
	unmap(map_of(own_open_on(O_RDONLY, 100)));
	close(ending[1]);
	child_join(child);
	pipes_close();
	assert_result(group_get("memory.events", "oom_kill "), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
	for (waits = 0; group_get("memory.current", NULL) > 4 * MIB && waits < 300; waits++)
		usleep(100000);
	assert_in_range(group_get("memory.current", NULL), 0, 4 * MIB);
	group_end();
}

/* ---- nothing else is in them ------------------------------------------------ */

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(the_mapper_pays),
		own_slot_test(every_user_has_a_share),
		own_slot_test(a_user_that_has_it_pays),
		own_slot_test(memory_cgroups_pay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
