// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much a queue may hold: the slot's bytes and channels, each user's share of them, the memory
 * cgroup of the sender.  Over a limit a write fails, and what waits goes on waiting in order.
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "own-as.h"
#include "queue.h"

enum { MIB = 1024 * 1024, LONG = 4000, SHORT = 64, NEVER_SO_MANY = 100000 };

static void defaults_are_as_published(void **state)
{
	char text[16];

	(void)state;
	assert_result(slot_get(OWN, "depth"), 1024);
	assert_result(slot_get(OWN, "max_message"), 4096);
	assert_result(slot_get(OWN, "max_bytes"), 64 * MIB);
	assert_result(slot_get(OWN, "max_channels"), 65536);
	assert_works(text_get(SLOT_CLASS "/msgslot200/mode", text, sizeof(text)));
	assert_string_equal(text, "queue\n");
	assert_works(text_get(SLOT_CLASS "/msgslot200/overflow", text, sizeof(text)));
	assert_string_equal(text, "block\n");
	assert_result(slot_put(OWN, "overflow", "block\n"), 0);
	assert_fails(slot_put(OWN, "overflow", "drop\n"), EINVAL);
}

static void depth_changes_only_at_rest(void **state)
{
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", 7), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	assert_fails(slot_set(OWN, "depth", 8), EBUSY);
	assert_result(slot_set(OWN, "depth", 7), 0);
	put_number(fd, 1);
	close(fd);
	own.count--;
	assert_fails(slot_set(OWN, "depth", 8), EBUSY);
	assert_result(slot_set(OWN, "depth", 7), 0);
	fd = slot_open(OWN, O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_next_number(fd, 1);
	close(fd);
	assert_result(slot_set(OWN, "depth", 8), 0);
	assert_result(slot_get(OWN, "depth"), 8);
}

/* Sends messages 0, 1, ... of that length until one fails; how many came through. */
static int64_t fill(int fd, size_t length)
{
	char bytes[LONG];
	int64_t count;

	for (count = 0; count < NEVER_SO_MANY; count++) {
		message_fill(bytes, length, count);
		if (write(fd, bytes, length) != (ssize_t)length)
			break;
	}
	return count;
}

static void drain(int fd, size_t length, int64_t count)
{
	char bytes[LONG];
	int64_t number;

	for (number = 0; number < count; number++) {
		assert_result(read(fd, bytes, sizeof(bytes)), length);
		assert_int_equal(message_number(bytes, length), number);
	}
	assert_nothing(fd);
}

static void slot_holds_so_many_bytes(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	long long held;
	int64_t count;
	int fd, i;

	(void)state;
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	for (i = 0; i < 2; i++) {
		fd = own_open_on(O_RDWR | O_NONBLOCK, i);
		count = fill(fd, lengths[i]);
		assert_int_equal(errno, ENOSPC);
		assert_in_range(count, 100, NEVER_SO_MANY - 1);
		held = slot_get(OWN, "bytes");
		assert_in_range(held, MIB / 8, MIB);
		assert_result(slot_get(OWN, "messages"), count);
		/* A failed one changes nothing, however often and however it fails. */
		assert_fails(write(fd, nowhere, LONG), EFAULT);
		assert_fails(write(fd, (char[LONG]){ 0 }, LONG), ENOSPC);
		assert_result(slot_get(OWN, "messages"), count);
		drain(fd, lengths[i], count);
		/* All of it is there again. */
		assert_int_equal(fill(fd, lengths[i]), count);
		drain(fd, lengths[i], count);
		close(fd);
		own.count--;
		assert_result(slot_get(OWN, "bytes"), 0);
	}
}

/* In steady state nothing is charged: where one is taken, one of its size fits. */
static void a_full_slot_still_works(void **state)
{
	uint64_t in = 0, out = 0;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", 5), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	while (in < 5)
		put_number(fd, in++);
	for (; out < 100; out++) {
		/* A few times round, and it is as large as it gets. */
		if (out == 20)
			assert_result(slot_set(OWN, "max_bytes", 1), 0);
		assert_next_number(fd, out);
		put_number(fd, in++);
	}
	assert_result(slot_select(fd, 1), 0);
	assert_fails(write(fd, "more", 4), ENOSPC);
	assert_result(slot_select(fd, 0), 0);
	for (; out < in; out++)
		assert_next_number(fd, out);
}

static void slot_has_so_many_channels(void **state)
{
	uint32_t selected = 1;
	int one, two, three;

	(void)state;
	one = own_open_on(O_RDWR | O_NONBLOCK, 1);
	two = own_open_on(O_RDWR | O_NONBLOCK, 2);
	assert_result(slot_set(OWN, "max_channels", 2), 0);
	/* A file opens all the same; what it would begin on is refused when it is needed. */
	three = own_open(O_RDWR | O_NONBLOCK);
	assert_result(ioctl(three, MSGSLOT_GET_CHANNEL, &selected), 0);
	assert_int_equal(selected, 0);
	assert_fails(write(three, "three", 5), ENOSPC);
	assert_fails(read(three, (char[8]){ 0 }, 8), ENOSPC);
	assert_fails(slot_select(three, 3), ENOSPC);
	assert_fails(queue_send(three, 3, "three", 5), ENOSPC);
	/* What is there already is everyone's. */
	put_number(one, 1);
	assert_result(slot_select(three, 1), 0);
	assert_next_number(three, 1);
	assert_result(slot_select(two, 1), 0);
	assert_result(slot_select(three, 0), 0);
	put_number(three, 3);
	assert_next_number(three, 3);
}

/* A user in the group sends until it may not; then another user can still send. */
struct sender {
	uint32_t id;
	int64_t count; /* out */
};

static void *send_a_share(void *argument)
{
	struct sender *sender = argument;
	int fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, sender->id);
	char bytes[SHORT];
	int64_t i;

	demand(fd >= 0);
	sender->count = fill(fd, SHORT);
	demand(errno == EDQUOT);
	demand(write(fd, "again", 5) == -1 && errno == EDQUOT);
	/* With half of it taken, one out and one in needs no share. */
	for (i = 0; i <= sender->count / 2; i++)
		demand(read(fd, bytes, SHORT) == SHORT);
	for (i = 0; i < sender->count; i++) {
		message_fill(bytes, SHORT, i);
		demand(write(fd, bytes, SHORT) == SHORT);
		demand(read(fd, bytes, SHORT) == SHORT);
	}
	return NULL;
}

static void one_user_does_not_take_it_all(void **state)
{
	struct sender *sender = shared_for_test(sizeof(*sender));
	int64_t first[2];
	char bytes[SHORT];
	int fd, round;

	(void)state;
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	for (round = 0; round < 2; round++) {
		sender->id = 1;
		child_run("member", send_a_share, sender);
		first[round] = sender->count;
		assert_in_range(sender->count, 200, NEVER_SO_MANY - 1);
		assert_in_range(slot_get(OWN, "bytes"), MIB / 16, MIB / 2);
		sender->id = 2;
		child_run("member2", send_a_share, sender);
		assert_in_range(sender->count, 100, first[round]);
		assert_in_range(slot_get(OWN, "bytes"), MIB / 8, MIB * 3 / 4);
		/* Taking them gives the share back, whichever user takes them. */
		fd = own_open_on(O_RDONLY | O_NONBLOCK, 1);
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
		assert_int_equal(errno, EAGAIN);
		assert_result(slot_select(fd, 2), 0);
		while (read(fd, bytes, sizeof(bytes)) > 0)
			;
		assert_int_equal(errno, EAGAIN);
		close(fd);
		own.count--;
		assert_result(slot_get(OWN, "bytes"), 0);
	}
	assert_int_equal(first[0], first[1]);
	munmap(sender, sizeof(*sender));
}

/* The share is that of the user that opened the file, whichever process holds it now. */
static void *use_what_was_passed(void *argument)
{
	int fd = *(int *)argument;

	/* Root opened it: to the slot's limit. */
	fill(fd, SHORT);
	demand(errno == ENOSPC);
	return NULL;
}

static void a_passed_file_is_charged_to_its_opener(void **state)
{
	int64_t count;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	fd = own_open_as("member", O_RDWR | O_NONBLOCK);
	assert_result(slot_select(fd, 1), 0);
	count = fill(fd, SHORT);
	assert_int_equal(errno, EDQUOT);
	assert_in_range(slot_get(OWN, "bytes"), MIB / 8, MIB / 2);
	drain(fd, SHORT, count);
	own_close(fd);

	fd = own_open_on(O_RDWR | O_NONBLOCK, 2);
	child_run("outsider", use_what_was_passed, &fd);
	assert_true(slot_get(OWN, "messages") > count);
}

/* A sender in a small memory cgroup is told so, is not killed, and what it sent is there. */
enum { GROUP_MIB = 24 };

static void *fill_a_group(void *argument)
{
	int fd = slot_open_on(OWN, O_RDWR | O_NONBLOCK, 1);
	int64_t *count = argument;

	demand(fd >= 0);
	demand(group_enter() == 0);
	*count = fill(fd, LONG);
	demand(errno == ENOMEM);
	demand(*count > GROUP_MIB * MIB / LONG / 8);
	demand(*count < GROUP_MIB * MIB / LONG);
	return NULL;
}

static void memory_cgroups_pay(void **state)
{
	int64_t *count = shared_for_test(sizeof(*count));
	int fd;

	(void)state;
	group_begin(GROUP_MIB * MIB);

	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	assert_result(slot_set(OWN, "max_bytes", 4 * GROUP_MIB * MIB), 0);
	child_run(NULL, fill_a_group, count);
	assert_result(group_get("memory.events", "oom_kill "), 0);

	/* A process that is not in the group takes them all, and sends without its limit. */
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	drain(fd, LONG, *count);
	put_number(fd, 1);
	assert_next_number(fd, 1);
	assert_int_equal(own_end(state), 0);
	group_end();
	munmap(count, sizeof(*count));
}

/* A message that does not fit leaves nothing behind, also no ring that was made for it. */
static void what_is_refused_leaves_nothing(void **state)
{
	static char text[LONG];
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "max_bytes", 600), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	assert_fails(write(fd, text, 300), ENOSPC);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_fails(write(fd, text, LONG), ENOSPC);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(write(fd, text, 10), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(what_is_refused_leaves_nothing),
		queue_slot_test(defaults_are_as_published),
		queue_slot_test(depth_changes_only_at_rest),
		queue_slot_test(slot_holds_so_many_bytes),
		queue_slot_test(a_full_slot_still_works),
		queue_slot_test(slot_has_so_many_channels),
		queue_slot_test(one_user_does_not_take_it_all),
		queue_slot_test(a_passed_file_is_charged_to_its_opener),
		queue_slot_test(memory_cgroups_pay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
