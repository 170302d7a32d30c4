// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pages of a mapped channel: they live as long as any piece of any copy of a mapping, and there
 * is nothing in them but messages of this channel.  map-charge.c: which user pays for them.
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
		own_slot_test(nothing_else_is_in_them),
		own_slot_test(two_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
