// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mapped channel: what a writer writes is there, whole, for readers that make no system call.
 * map-access.c tests which callers may map.  map-pages.c tests how long the pages stay and which
 * user pays for them.
 */
#define _GNU_SOURCE
#include "map.h"

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
	/* A reader that comes later finds what was there before. */
	late = map_of(own_open_on(O_RDONLY, 5));
	assert_maps(late, 0, 2, "number two");
	assert_result(send_text(fd, 5, "three"), 3);
	assert_maps(late, 0, 3, "three");
	assert_maps(early, 0, 3, "three");
	/* A reader with too small a buffer is told how much it needs. */
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
	/*
	 * Behind by more than the depth: the next one that is there, and its number says the loss.
	 */
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

/* As large as can be: with messages of one byte more it would be above 16 MiB. */
static void the_largest(void **state)
{
	enum { DEPTH = 255, MAX = 65448 };
	const struct msgslot_map_head *head;
	__u64 sequence;
	long i;
	int fd;

	(void)state;
	own_become("broadcast");
	assert_result(slot_set(OWN, "depth", DEPTH), 0);
	assert_result(slot_set(OWN, "max_message", MAX + 1), 0);
	fd = slot_open(OWN, O_RDWR);
	assert_works(fd);
	assert_fails((long)map_try(fd, getpagesize(), PROT_READ, MAP_SHARED, 0), ENOSPC);
	close(fd);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_set(OWN, "max_message", MAX), 0);
	assert_result(nodes_settle(), 0);
	fd = own_open(O_RDWR);
	head = map_of(fd);
	assert_in_range(head->size, MSGSLOT_MAP_MAX - 16 * KIB, MSGSLOT_MAP_MAX);
	assert_true(head->offset + (__u64)head->cells * head->stride <= head->size);
	for (i = 1; i <= DEPTH + 10; i++) {
		bytes_fill(text, MAX, i);
		assert_result(write(fd, text, MAX), MAX);
	}
	for (sequence = 0, i = 11; i <= DEPTH + 10; i++, sequence++) {
		assert_int_equal(msgslot_map_copy(head, &sequence, got, sizeof(got)), MAX);
		assert_int_equal(sequence, i);
		bytes_fill(text, MAX, i);
		assert_memory_equal(got, text, MAX);
	}
	assert_int_equal(sequence, head->next);
	unmap(head);
}

/*
 * Where a cell is never at rest, or never the right one, a reader is told so, and does not try on.
 */
static void retries_are_bounded(void **state)
{
	union {
		struct msgslot_map_head head;
		char bytes[1024];
	} made = { .head = { .version = MSGSLOT_MAP_VERSION,
			     .cells = 2,
			     .stride = 64,
			     .offset = 128,
			     .max_message = 40,
			     .size = sizeof(made),
			     .first = 6,
			     .next = 8 } };
	struct msgslot_map_cell *cell = (void *)map_cell(&made.head, 7);
	__u64 sequence = 7;

	(void)state;
	*cell = (struct msgslot_map_cell){ .version = 3, .length = 4, .sequence = 7 };
	memcpy(cell + 1, "text", 4);
	assert_int_equal(msgslot_map_copy(&made.head, &sequence, got, 40), MSGSLOT_MAP_BUSY);
	assert_int_equal(sequence, 7);
	cell->version = 4;
	assert_int_equal(msgslot_map_copy(&made.head, &sequence, got, 40), 4);
	cell->sequence = 9;
	assert_int_equal(msgslot_map_copy(&made.head, &sequence, got, 40), MSGSLOT_MAP_BUSY);
	/* Of what does not fit only the length is looked at. */
	cell->sequence = 7;
	cell->length = 41;
	got[40] = '!';
	assert_int_equal(msgslot_map_copy(&made.head, &sequence, got, 40), 41);
	assert_int_equal(got[40], '!');
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

/*
 * Writers of both kinds, which learn the number only afterwards: one at a time, as the bytes say
 * the number.
 */
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
	bool empty;
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
		/* Looked at first: the writers may begin in between. */
		empty = head->first == head->next;
		cursor = 0;
		assert_true(msgslot_map_copy(head, &cursor, got, sizeof(got)) != 0 || empty);
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

/*
 * Writers of all sorts, which clear now and then: every message is whole, none comes twice or goes
 * back, and in the end the mapping has what the log has.
 */
struct said {
	__u64 seed;
	__u64 sum;
	unsigned char bytes[];
};

static __u64 sum_of(const struct said *said, size_t length)
{
	__u64 sum = said->seed * 31 + length;
	size_t i;

	for (i = sizeof(*said); i < length; i++)
		sum = sum * 31 + said->bytes[i - sizeof(*said)];
	return sum;
}

static void *write_and_clear(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	long count = scaled(5000, 200);
	int fd = slot_open_on(OWN, O_RDWR, 5);
	struct said *said = malloc(4096);
	struct msgslot_send send;
	size_t length;

	demand(said && fd >= 0);
	while (count--) {
		length = sizeof(*said) + random_below(&seed, random_below(&seed, 2) ? 200 : 3000);
		said->seed = seed;
		memset(said->bytes, (int)seed, length - sizeof(*said));
		said->sum = sum_of(said, length);
		send = send_of(5, said, length);
		if (random_below(&seed, 2))
			demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		else
			demand(write(fd, said, length) == (ssize_t)length);
		if (random_below(&seed, 16) == 0)
			demand(clear_channel(fd, 5) >= 0);
	}
	close(fd);
	free(said);
	return NULL;
}

static void *read_what_was_said(void *unused)
{
	struct said *said = malloc(4096);
	__u64 next = 0, sequence;
	long length, heard = 0;

	(void)unused;
	demand(said);
	while (!race.stop || !heard) {
		sequence = next;
		length = msgslot_map_copy(race.head, &sequence, said, 4096);
		if (length <= 0)
			continue;
		demand(sequence >= next);
		demand((size_t)length >= sizeof(*said) && said->sum == sum_of(said, length));
		next = sequence + 1;
		heard++;
	}
	free(said);
	return NULL;
}

static void writers_that_clear(void **state)
{
	pthread_t writers[3], readers[2];
	struct said end = { .seed = 1 };
	struct msgslot_recv recv;
	__u64 sequence, before;
	size_t mode, i;
	long length;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode += 2) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", 4096), 0);
		assert_result(nodes_settle(), 0);
		fd = own_open_on(O_RDWR, 5);
		race.head = map_of(fd);
		race.stop = false;
		for (i = 0; i < COUNT_OF(readers); i++)
			readers[i] = thread_start(read_what_was_said, NULL);
		for (i = 0; i < COUNT_OF(writers); i++)
			writers[i] = thread_start(write_and_clear, (void *)(uintptr_t)(77 + i));
		for (i = 0; i < COUNT_OF(writers); i++)
			thread_join(writers[i]);
		/* Readers that found nothing but cleared channels have this one. */
		end.sum = sum_of(&end, sizeof(end));
		assert_result(write(fd, &end, sizeof(end)), sizeof(end));
		before = race.head->next;
		sequence = 0;
		for (i = 0; (length = msgslot_map_copy(race.head, &sequence, got, 4096)) > 0; i++) {
			recv = recv_of(5, MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER, text, 4096);
			recv.sequence = sequence - 1;
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.sequence, sequence);
			assert_int_equal(recv.length, length);
			assert_memory_equal(got, text, length);
			sequence++;
		}
		assert_int_equal(sequence, before);
		assert_int_equal(i, slot_get(OWN, "messages"));
		race.stop = true;
		for (i = 0; i < COUNT_OF(readers); i++)
			thread_join(readers[i]);
		unmap(race.head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(last),
		own_slot_test(broadcast),
		own_slot_test(long_messages),
		own_slot_test(the_largest),
		own_slot_test(retries_are_bounded),
		own_slot_test(readers_see_whole_messages),
		own_slot_test(mapped_under_writers),
		own_slot_test(writers_that_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
