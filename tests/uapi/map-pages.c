// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a mapped channel: they live as long as any piece of any copy of a mapping, some user
 * pays for them all that time, and there is nothing in them but messages of this channel.
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "map.h"

static void *read_as_child(void *argument)
{
	const struct msgslot_map_head *head = argument;

	demand(msgslot_map_copy(head, &(__u64){ 0 }, got, sizeof(got)) == 3);
	demand(munmap((void *)head, head->size) == 0);
	return NULL;
}

/* The pages live as long as any piece of any copy of the mapping. */
static void lifetime(void **state)
{
	int page = getpagesize(), writer, fd;
	const struct msgslot_map_head *head;
	long long used;
	char *moved;

	(void)state;
	assert_result(slot_set(OWN, "max_message", 64 * KIB), 0);
	assert_result(nodes_settle(), 0);
	writer = own_open_on(O_WRONLY, 5);
	fd = slot_open_on(OWN, O_RDONLY, 5);
	head = map_of(fd);
	used = slot_get(OWN, "bytes");
	assert_int_equal(used, head->size);
	/* Not the file's any more: it selects another, and is closed. */
	assert_result(slot_select(fd, 6), 0);
	close(fd);
	assert_result(write(writer, "one", 3), 3);
	assert_maps(head, 0, 1, "one");
	child_run(NULL, read_as_child, (void *)head);
	assert_maps(head, 0, 1, "one");
	/* Moved, and all but the first page cut off. */
	moved = mmap(NULL, head->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(moved, MAP_FAILED);
	assert_ptr_equal(mremap((void *)head, head->size, head->size, MREMAP_MAYMOVE | MREMAP_FIXED,
				moved),
			 moved);
	head = (const void *)moved;
	assert_maps(head, 0, 1, "one");
	assert_result(munmap(moved + page, head->size - page), 0);
	assert_int_equal(head->next, 2);
	assert_true(slot_get(OWN, "bytes") > used);
	assert_result(write(writer, "two", 3), 3);
	assert_int_equal(head->next, 3);
	assert_result(munmap(moved, page), 0);
	assert_result(clear_channel(writer, 5), 1);
	assert_result(slot_get(OWN, "bytes"), 0);
}

static long references(void)
{
	char number[32];

	assert_works(text_get("/sys/module/msgslot/refcnt", number, sizeof(number)));
	return atol(number);
}

static void a_mapping_keeps_the_module(void **state)
{
	long before = references();
	int fd = slot_open_on(OWN, O_RDONLY, 5);
	const struct msgslot_map_head *head = map_of(fd);

	(void)state;
	close(fd);
	assert_true(references() > before);
	assert_fails(module_unload(), EWOULDBLOCK);
	unmap(head);
	assert_int_equal(references(), before);
}

static void clear_and_destroy(void **state)
{
	const struct msgslot_map_head *head;
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode += 2) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 5);
		head = map_of(fd);
		assert_result(write(fd, "one", 3), 3);
		assert_result(clear_channel(fd, 5), 1);
		assert_maps_nothing(head, 0);
		assert_result(write(fd, "two", 3), 3);
		assert_maps(head, 0, 2, "two");
		assert_int_equal(head->gone, 0);
		assert_result(slot_destroy(OWN), 0);
		assert_int_not_equal(head->gone, 0);
		assert_maps_nothing(head, 0);
		assert_fails(write(fd, "lost", 4), ENODEV);
		while (own.count > 0)
			close(own.files[--own.count]);
		/* The minor number is another slot's now, and this mapping is not of that slot. */
		assert_result(slot_create(OWN, "last"), 0);
		assert_result(send_text(own_open(O_WRONLY), 5, "anew"), 1);
		assert_maps_nothing(head, 0);
		unmap(head);
	}
}

/* The slot goes, and then its mapping by pieces: a copy in a child, a hole, the ends. */
static void *unmap_by_pieces(void *argument)
{
	const int page = getpagesize();
	char *at = argument;

	demand(munmap(at + page, page) == 0);
	demand(((struct msgslot_map_head *)at)->gone);
	demand(at[2 * page] == 0);
	demand(munmap(at, page) == 0);
	demand(at[2 * page] == 0);
	return NULL;
}

static void pieces_of_what_is_gone(void **state)
{
	const struct msgslot_map_head *head;
	size_t size;
	char *at;
	int fd;

	(void)state;
	own_become("broadcast");
	assert_result(nodes_settle(), 0);
	fd = slot_open_on(OWN, O_RDONLY, 5);
	assert_works(fd);
	head = map_of(fd);
	at = (char *)head;
	size = head->size;
	close(fd);
	assert_result(slot_destroy(OWN), 0);
	child_run(NULL, unmap_by_pieces, at);
	assert_int_not_equal(head->gone, 0);
	assert_result(munmap(at + getpagesize(), getpagesize()), 0);
	child_run(NULL, unmap_by_pieces, at);
	assert_result(munmap(at + 2 * getpagesize(), size - 2 * getpagesize()), 0);
	assert_int_not_equal(head->gone, 0);
	assert_result(munmap(at, getpagesize()), 0);
}

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
static int told[2], ending[2];

static void tell(void)
{
	(void)!write(told[1], "t", 1);
}

static void wait_for_one(void)
{
	char byte;

	assert_result(read(told[0], &byte, 1), 1);
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
	assert_result(pipe(told), 0);
	assert_result(pipe(ending), 0);
}

static void pipes_close(void)
{
	close(told[0]);
	close(told[1]);
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

enum { OTHER = OWN + 1 };

/*
 * Leaves bytes behind in pages that the next may get: of messages elsewhere, and of an old mapping.
 */
static void leave_dirt_behind(void)
{
	static char dirt[MIB];
	int fd = slot_open(OTHER, O_RDWR), id;

	assert_works(fd);
	memset(dirt, 0x5a, sizeof(dirt));
	for (id = 1; id <= scaled(3, 2); id++) {
		assert_result(slot_select(fd, id), 0);
		assert_result(write(fd, dirt, MIB), MIB);
		unmap(map_of(fd));
		assert_result(clear_channel(fd, id), 1);
	}
	close(fd);
}

/* A new mapping of the file's channel: zeros, but for its head and the messages that are kept. */
static void assert_nothing_else(int fd, __u64 kept)
{
	const struct msgslot_map_head *head;
	__u64 sequence, i, size;
	struct msgslot_map_cell *cell;
	char *copy;

	leave_dirt_behind();
	head = map_of(fd);
	size = head->size;
	assert_int_equal(head->next - head->first, kept);
	copy = malloc(size);
	assert_non_null(copy);
	memcpy(copy, head, size);
	for (i = 0; i < COUNT_OF(head->reserved); i++)
		assert_int_equal(head->reserved[i], 0);
	for (sequence = head->first; sequence < head->next; sequence++) {
		cell = (void *)(copy +
				((const char *)map_cell(head, sequence) - (const char *)head));
		assert_int_equal(cell->sequence, sequence);
		assert_in_range(cell->length, 1, head->max_message);
		memset(cell, 0, sizeof(*cell) + cell->length);
	}
	memset(copy, 0, sizeof(*head));
	for (i = 0; i < size; i++)
		if (copy[i])
			fail_msg("byte %llu of %llu is %#x", i, size, (unsigned char)copy[i]);
	free(copy);
	unmap(head);
}

static void nothing_else_is_in_them(void **state)
{
	const struct msgslot_map_head *head;
	size_t mode, kept;
	int fd, i;

	(void)state;
	bytes_fill(text, sizeof(text), 1);
	assert_result(slot_create(OTHER, "last"), 0);
	assert_result(slot_set(OTHER, "max_message", MIB), 0);
	assert_result(nodes_settle(), 0);
	for (mode = 0; mode < COUNT_OF(modes); mode += 2) {
		own_become(modes[mode]);
		/* The last cell ends within a page. */
		assert_result(slot_set(OWN, "max_message", 5000), 0);
		if (mode)
			assert_result(slot_set(OWN, "depth", 5), 0);
		assert_result(nodes_settle(), 0);
		fd = own_open_on(O_RDWR, 5);
		assert_nothing_else(fd, 0);
		for (i = 0, kept = 0; i < 20; i++) {
			assert_result(write(fd, text, 5000 - 250 * i), 5000 - 250 * i);
			kept = !mode ? 1 : kept < 5 ? kept + 1 : 5;
			if (i % 4 == 0)
				assert_nothing_else(fd, kept);
		}
		/* Cleared while it is mapped: what comes is none of it. */
		head = map_of(fd);
		assert_result(clear_channel(fd, 5), kept);
		unmap(head);
		assert_nothing_else(fd, 0);
		assert_result(write(fd, "text", 4), 4);
		assert_nothing_else(fd, 1);
		assert_result(clear_channel(fd, 5), 1);
		/* Forgotten, and another one. */
		assert_result(slot_select(fd, 6), 0);
		assert_nothing_else(fd, 0);
		assert_result(slot_select(fd, 5), 0);
		assert_nothing_else(fd, 0);
		assert_result(write(fd, "text", 4), 4);
		assert_nothing_else(fd, 1);
	}
	assert_result(slot_destroy(OTHER), 0);
}

/* Two processes come and go: neither looks at what the other one freed. */
static void *map_and_unmap(void *unused)
{
	const int rounds = scaled(20000, 1000);
	int fd = slot_open_on(OWN, O_RDONLY, 5), i;
	void *head;

	(void)unused;
	demand(fd >= 0);
	for (i = 0; i < rounds; i++) {
		head = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		demand(head != MAP_FAILED);
		demand(munmap(head, 4096) == 0);
	}
	return NULL;
}

static void two_come_and_go(void **state)
{
	pid_t children[2];
	size_t i;

	(void)state;
	assert_result(slot_set(OWN, "max_message", 64), 0);
	for (i = 0; i < COUNT_OF(children); i++)
		children[i] = child_start(NULL, map_and_unmap, NULL);
	for (i = 0; i < COUNT_OF(children); i++)
		child_join(children[i]);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(lifetime),
		own_slot_test(a_mapping_keeps_the_module),
		own_slot_test(clear_and_destroy),
		own_slot_test(pieces_of_what_is_gone),
		own_slot_test(the_mapper_pays),
		own_slot_test(every_user_has_a_share),
		own_slot_test(a_user_that_has_it_pays),
		own_slot_test(memory_cgroups_pay),
		own_slot_test(nothing_else_is_in_them),
		own_slot_test(two_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
