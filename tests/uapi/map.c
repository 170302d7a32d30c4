// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mapped channel: what a writer writes is there, whole, for readers that make no system call; and
 * nothing but that, for nobody but those who may read, for no longer than it should.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "map.h"

enum { KIB = 1024, MIB = 1024 * KIB };

static char text[MIB], got[MIB];

/* Of a message that is there: text, number. */
#define assert_maps(head, from, number, wanted)                                      \
	do {                                                                         \
		__u64 sequence_ = (from);                                            \
		long length_ = msgslot_map_copy(head, &sequence_, got, sizeof(got)); \
                                                                                     \
		assert_int_equal(length_, strlen(wanted));                           \
		assert_memory_equal(got, wanted, strlen(wanted));                    \
		assert_int_equal(sequence_, number);                                 \
	} while (0)

#define assert_maps_nothing(head, from) \
	assert_int_equal(msgslot_map_copy(head, &(__u64){ from }, got, sizeof(got)), 0)

static void last(void **state)
{
	const struct msgslot_map_head *early, *late;
	int fd = own_open_on(O_RDWR, 5);

	(void)state;
	early = map_of(fd);
	assert_int_equal(early->version, MSGSLOT_MAP_VERSION);
	assert_int_equal(early->max_message, COURSE_MAX);
	assert_maps_nothing(early, 0);
	assert_result(write(fd, "one", 3), 3);
	assert_maps(early, 0, 1, "one");
	assert_maps_nothing(early, 2);
	assert_result(write(fd, "number two", 10), 10);
	assert_maps(early, 2, 2, "number two");
	assert_maps(early, 0, 2, "number two");
	/* Whoever comes later finds what was there before. */
	late = map_of(own_open_on(O_RDONLY, 5));
	assert_maps(late, 0, 2, "number two");
	assert_result(send_text(fd, 5, "three"), 3);
	assert_maps(late, 0, 3, "three");
	assert_maps(early, 0, 3, "three");
	/* A reader with too little room is told how much he needs. */
	assert_int_equal(msgslot_map_copy(early, &(__u64){ 0 }, got, 4), 5);
	/* Reading so counts nowhere, and the file is behind. */
	assert_result(slot_get(OWN, "received"), 0);
	assert_int_equal(ready(fd), POLLIN | POLLOUT);
	unmap(early);
	unmap(late);
}

static void broadcast(void **state)
{
	const struct msgslot_map_head *head;
	__u64 cursor, lost;
	char wanted[32];
	int fd, i;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "depth", 5), 0);
	fd = own_open(O_RDWR);
	assert_result(send_text(fd, 0, "before"), 1);
	head = map_of(fd);
	assert_maps(head, 0, 1, "before");
	cursor = head->next;
	assert_int_equal(cursor, 2);
	for (i = 2; i <= 5; i++) {
		snprintf(wanted, sizeof(wanted), "message %d", i);
		assert_result(send_text(fd, 0, wanted), i);
		assert_maps(head, cursor, i, wanted);
		cursor++;
	}
	assert_maps(head, 0, 1, "before");
	assert_maps_nothing(head, cursor);
	/* Behind by more than the depth: the next one that is there, and its number says the loss. */
	for (; i <= 20; i++)
		assert_result(send_text(fd, 0, "more"), i);
	lost = cursor;
	assert_int_equal(msgslot_map_copy(head, &cursor, got, sizeof(got)), 4);
	assert_int_equal(cursor, 16);
	assert_int_equal(cursor - lost, 10);
	unmap(head);
}

static void long_messages(void **state)
{
	const struct msgslot_map_head *head;
	const size_t lengths[] = { 257, 65536, 1, MIB, 4096, 256, MIB - 1, 128 };
	struct msgslot_send send;
	struct msgslot_recv recv;
	__u64 sequence;
	size_t i;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	assert_result(nodes_settle(), 0);
	fd = own_open_on(O_RDWR, 5);
	bytes_fill(text, sizeof(text), 1);
	head = map_of(fd);
	for (i = 0; i < COUNT_OF(lengths); i++) {
		send = send_of(5, text + i, lengths[i] - (lengths[i] == MIB ? i : 0));
		assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
		sequence = 0;
		assert_int_equal(msgslot_map_copy(head, &sequence, got, sizeof(got)), send.length);
		assert_memory_equal(got, text + i, send.length);
		assert_int_equal(sequence, send.sequence);
		recv = recv_of(5, 0, got, sizeof(got));
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(map_cell(head, sequence)->time, recv.time);
		/* A new one fetches it from where it is kept. */
		unmap(head);
		head = map_of(fd);
		sequence = 0;
		assert_int_equal(msgslot_map_copy(head, &sequence, got, sizeof(got)), send.length);
		assert_memory_equal(got, text + i, send.length);
		assert_int_equal(map_cell(head, sequence)->time, recv.time);
	}
	unmap(head);
	assert_result(clear_channel(fd, 5), 1);
}

static void *map_try(int fd, size_t size, int protection, int flags, long long at)
{
	void *address = mmap(NULL, size, protection, flags, fd, at);

	return address == MAP_FAILED ? (void *)-1 : address;
}

static void who_may_not(void **state)
{
	int reads = own_open_on(O_RDONLY, 5), writes = own_open_on(O_WRONLY, 5);
	int both = own_open_on(O_RDWR, 5), page = getpagesize(), fd;
	size_t size;

	(void)state;
	assert_fails((long)map_try(writes, page, PROT_READ, MAP_SHARED, 0), EACCES);
	assert_fails((long)map_try(reads, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(both, page, PROT_WRITE, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), EPERM);
	assert_fails((long)map_try(own_open(O_RDWR), page, PROT_READ, MAP_SHARED, 0), EINVAL);
	size = map_size(both);
	assert_fails((long)map_try(both, size + 1, PROT_READ, MAP_SHARED, 0), EINVAL);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_SHARED, size), EINVAL);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_SHARED, 1ll << 62), EINVAL);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_destroy(OWN), 0);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_SHARED, 0), ENODEV);

	assert_result(slot_create(OWN, "queue"), 0);
	assert_fails((long)map_try(own_open(O_RDWR), page, PROT_READ, MAP_SHARED, 0), EOPNOTSUPP);
	own_become("broadcast");
	assert_result(slot_set(OWN, "max_message", 64 * KIB), 0);
	assert_result(slot_set(OWN, "depth", 256), 0);
	assert_result(nodes_settle(), 0);
	fd = own_open(O_RDWR);
	assert_fails((long)map_try(fd, page, PROT_READ, MAP_SHARED, 0), ENOSPC);
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* Not by any road. */
static void never_writable(void **state)
{
	const int accesses[] = { O_RDONLY, O_RDWR };
	int page = getpagesize(), memory = open("/proc/self/mem", O_RDWR);
	struct msgslot_map_head *head;
	char before[128];
	size_t i;

	(void)state;
	assert_works(memory);
	for (i = 0; i < COUNT_OF(accesses); i++) {
		head = (void *)map_of(own_open_on(accesses[i], 5));
		memcpy(before, head, sizeof(before));
		assert_fails(mprotect(head, page, PROT_READ | PROT_WRITE), EACCES);
		assert_fails(mprotect(head, page, PROT_READ | PROT_EXEC), EACCES);
		assert_result(mprotect(head, page, PROT_NONE), 0);
		assert_fails(mprotect(head, page, PROT_WRITE), EACCES);
		assert_result(mprotect(head, page, PROT_READ), 0);
		/* Larger, or a second time. */
		assert_fails((long)mremap(head, head->size, 2 * head->size, MREMAP_MAYMOVE),
			     EFAULT);
		assert_fails((long)mremap(head, 0, page, MREMAP_MAYMOVE), EFAULT);
		/* What a debugger does, and a system call that was told to write there. */
		assert_true(pwrite(memory, "x", 1, (off_t)(uintptr_t)head) < 0);
		assert_fails(read(open("/dev/zero", O_RDONLY), head, 1), EFAULT);
		assert_fails(madvise(head, page, MADV_DONTNEED), EINVAL);
		assert_memory_equal(before, head, sizeof(before));
		unmap(head);
	}
	close(memory);
}

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
		/* The number is somebody else's now, and this is not his. */
		assert_result(slot_create(OWN, "last"), 0);
		assert_result(send_text(own_open(O_WRONLY), 5, "anew"), 1);
		assert_maps_nothing(head, 0);
		unmap(head);
	}
}

/* A user cannot have more than his share of the slot, however he maps, clears and maps again. */
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
	/* Once for all who map a channel; and the slot's limit is everybody's. */
	for (i = 0; i < 10; i++)
		(void)map_of(fd);
	assert_result(slot_get(OWN, "bytes"), map_size(fd));
	assert_result(slot_set(OWN, "max_bytes", map_size(fd) + 100), 0);
	fd = own_open_on(O_RDWR, 2);
	assert_fails((long)map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0), ENOSPC);
}

/* Every byte of a message is the low byte of its number, and its length follows from that. */
static size_t length_of(__u64 number, size_t most)
{
	return number * 2654435761u % most + 1;
}

static struct {
	const struct msgslot_map_head *head;
	size_t most;
	volatile bool stop;
} race;

static void *read_whole(void *unused)
{
	__u64 cursor = 0, before = 0;
	long length, i, whole = 0;
	char *bytes = malloc(race.most);

	(void)unused;
	demand(bytes);
	while (!race.stop || !whole) {
		cursor = before;
		length = msgslot_map_copy(race.head, &cursor, bytes, race.most);
		if (length <= 0)
			continue;
		demand(cursor >= before);
		demand((size_t)length == length_of(cursor, race.most));
		for (i = 0; i < length; i++)
			demand(bytes[i] == (char)cursor);
		before = cursor;
		whole++;
	}
	free(bytes);
	return NULL;
}

static void *map_again_and_again(void *fd)
{
	const struct msgslot_map_head *head;
	size_t size = race.head->size;

	while (!race.stop) {
		head = map_try(*(int *)fd, size, PROT_READ, MAP_SHARED, 0);
		demand(head != (void *)-1);
		demand(head->version == MSGSLOT_MAP_VERSION);
		munmap((void *)head, size);
	}
	return NULL;
}

/* Writers of both kinds, who learn the number only afterwards: one at a time, as the bytes say it. */
static void *write_numbers(void *argument)
{
	long count = *(long *)argument;
	char *bytes = malloc(race.most);
	int fd = slot_open_on(OWN, O_WRONLY, 5);
	__u64 number;

	demand(bytes && fd >= 0);
	for (number = race.head->next ? race.head->next : 1; count--; number++) {
		memset(bytes, (char)number, race.most);
		demand(write(fd, bytes, length_of(number, race.most)) > 0);
	}
	close(fd);
	free(bytes);
	return NULL;
}

static void readers_see_whole_messages(void **state)
{
	const size_t most[] = { COURSE_MAX, 3000 };
	pthread_t readers[2], mapper;
	long count = scaled(100000, 2000);
	size_t mode, i, j;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode += 2) {
		for (i = 0; i < COUNT_OF(most); i++) {
			own_become(modes[mode]);
			assert_result(slot_set(OWN, "max_message", most[i]), 0);
			assert_result(nodes_settle(), 0);
			fd = own_open_on(O_RDWR, 5);
			race.head = map_of(fd);
			race.most = most[i];
			race.stop = false;
			for (j = 0; j < COUNT_OF(readers); j++)
				readers[j] = thread_start(read_whole, NULL);
			mapper = thread_start(map_again_and_again, &fd);
			thread_join(thread_start(write_numbers, &count));
			race.stop = true;
			for (j = 0; j < COUNT_OF(readers); j++)
				thread_join(readers[j]);
			thread_join(mapper);
			unmap(race.head);
		}
	}
}

/* Mapped while others write: from then on the mapping has it all, and in the right order. */
static void *write_until_stopped(void *unused)
{
	int fd = slot_open_on(OWN, O_WRONLY, 5);

	(void)unused;
	demand(fd >= 0);
	while (!race.stop)
		demand(write(fd, text, 300) == 300);
	close(fd);
	return NULL;
}

static void mapped_under_writers(void **state)
{
	int rounds = scaled(300, 20), fd;
	const struct msgslot_map_head *head;
	struct msgslot_recv recv;
	pthread_t writers[2];
	__u64 cursor;
	size_t i;

	(void)state;
	own_become("broadcast");
	fd = own_open_on(O_RDONLY, 5);
	race.stop = false;
	for (i = 0; i < COUNT_OF(writers); i++)
		writers[i] = thread_start(write_until_stopped, NULL);
	while (rounds--) {
		head = map_of(fd);
		recv = recv_of(5, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, got, sizeof(got));
		if (!ioctl(fd, MSGSLOT_RECV, &recv))
			assert_true(head->next > recv.sequence);
		cursor = 0;
		assert_true(msgslot_map_copy(head, &cursor, got, sizeof(got)) != 0 || !head->next);
		unmap(head);
	}
	race.stop = true;
	for (i = 0; i < COUNT_OF(writers); i++)
		thread_join(writers[i]);
	head = map_of(fd);
	recv = recv_of(5, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, got, sizeof(got));
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	for (cursor = 0; msgslot_map_copy(head, &cursor, got, sizeof(got)) > 0; cursor++)
		assert_true(cursor >= recv.sequence);
	assert_int_equal(cursor, recv.sequence + 256);
	assert_int_equal(cursor, head->next);
	unmap(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(last),
		own_slot_test(broadcast),
		own_slot_test(long_messages),
		own_slot_test(who_may_not),
		own_slot_test(never_writable),
		own_slot_test(lifetime),
		own_slot_test(a_mapping_keeps_the_module),
		own_slot_test(clear_and_destroy),
		own_slot_test(the_mapper_pays),
		own_slot_test(readers_see_whole_messages),
		own_slot_test(mapped_under_writers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
