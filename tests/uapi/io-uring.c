// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same calls through io_uring: a second user of the iterators, of RWF_NOWAIT and of the wait
 * queue in the open file, which it may hold longer than any channel lives.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "ioctl.h"
#include "uring.h"

static void read_and_write(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1), none = own_open(O_RDWR | O_NONBLOCK);
	char text[COURSE_MAX + 1] = "", got[COURSE_MAX];
	struct iovec out[] = { { "in ", 3 }, { "parts", 5 } },
		     in[] = { { got, 4 }, { got + 4, 4 } };

	(void)state;
	assert_int_equal(ring_call(IORING_OP_READ, none, got, sizeof(got)), -EINVAL);
	assert_int_equal(ring_call(IORING_OP_WRITE, none, got, 1), -EINVAL);
	submit_with(RWF_NOWAIT, IORING_OP_READ, fd, got, sizeof(got), 1000);
	assert_int_equal(completion(1000), -EAGAIN);
	assert_int_equal(ring_call(IORING_OP_WRITE, fd, "message", 7), 7);
	assert_holds(1, "message", 7);
	assert_int_equal(ring_call(IORING_OP_READ, fd, got, sizeof(got)), 7);
	assert_memory_equal(got, "message", 7);
	assert_int_equal(ring_call(IORING_OP_READ, fd, got, 6), -ENOSPC);
	assert_int_equal(ring_call(IORING_OP_READ, fd, nowhere, 7), -EFAULT);
	assert_int_equal(ring_call(IORING_OP_WRITE, fd, text, sizeof(text)), -EMSGSIZE);
	assert_int_equal(ring_call(IORING_OP_WRITE, fd, nowhere, 7), -EFAULT);
	assert_holds(1, "message", 7);
	assert_int_equal(ring_call(IORING_OP_WRITEV, fd, out, 2), 8);
	assert_int_equal(ring_call(IORING_OP_READV, fd, in, 2), 8);
	assert_memory_equal(got, "in parts", 8);
	assert_int_equal(ring_call(IORING_OP_READV, fd, in, 1), -ENOSPC);
	assert_result(slot_destroy(OWN), 0);
	assert_int_equal(ring_call(IORING_OP_READ, fd, got, sizeof(got)), -ENODEV);
	assert_int_equal(ring_call(IORING_OP_WRITE, fd, "message", 7), -ENODEV);
}

/* What would be EAGAIN, io_uring by its own rules tries again when poll() says so. */
static void read_waits_for_poll(void **state)
{
	int fd = own_open_on(O_RDWR, 1), writer = own_open_on(O_WRONLY, 1);
	char got[COURSE_MAX];

	(void)state;
	submit(IORING_OP_READ, fd, got, sizeof(got), 300);
	assert_false(has_completion());
	assert_result(write(writer, "at last", 7), 7);
	assert_int_equal(completion(300), 7);
	assert_memory_equal(got, "at last", 7);
}

static void poll_once(void **state)
{
	int fd = own_open_on(O_RDWR, 1), writer = own_open_on(O_WRONLY, 1), moved;
	int other = own_open_on(O_WRONLY, 2);

	(void)state;
	submit(IORING_OP_POLL_ADD, fd, NULL, 0, 100);
	assert_false(has_completion());
	assert_result(write(writer, "wake", 4), 4);
	assert_int_equal(completion(100) & POLLIN, POLLIN);
	/* Armed on channel 1, fired by channel 2, because that is selected by then. */
	moved = own_open_on(O_RDONLY, 3);
	submit(IORING_OP_POLL_ADD, moved, NULL, 0, 101);
	assert_result(slot_select(moved, 2), 0);
	assert_false(has_completion());
	assert_result(write(other, "wake", 4), 4);
	assert_int_equal(completion(101) & POLLIN, POLLIN);
	/* And by the end of the slot. */
	moved = own_open_on(O_RDONLY, 4);
	submit(IORING_OP_POLL_ADD, moved, NULL, 0, 102);
	assert_result(slot_destroy(OWN), 0);
	assert_int_equal(completion(102) & POLLHUP, POLLHUP);
}

/* A poll that nobody waits for any more: channels go, the file goes, the ring goes. */
static void poll_for_ever(void **state)
{
	int fd = own_open(O_RDONLY);
	unsigned int id;

	(void)state;
	submit(IORING_OP_POLL_ADD, fd, NULL, 0, 200);
	for (id = 1; id <= 100; id++)
		assert_result(slot_select(fd, id), 0);
	assert_false(has_completion());
	assert_result(slot_get(OWN, "channels"), 1);
	close(fd);
	own.count--;
}

static void queue_without_waiting(void **state)
{
	struct iovec part = { "part", 4 };
	char got[COURSE_MAX];
	int fd;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR);
	submit_with(RWF_NOWAIT, IORING_OP_READ, fd, got, sizeof(got), 400);
	assert_int_equal(completion(400), -EAGAIN);
	submit_with(RWF_NOWAIT, IORING_OP_WRITE, fd, "first", 5, 401);
	assert_int_equal(completion(401), 5);
	submit_with(RWF_NOWAIT, IORING_OP_WRITE, fd, "second", 6, 402);
	assert_int_equal(completion(402), -EAGAIN);
	assert_fails(pwritev2(fd, &part, 1, -1, RWF_NOWAIT), EAGAIN);
	submit_with(RWF_NOWAIT, IORING_OP_READ, fd, got, sizeof(got), 403);
	assert_int_equal(completion(403), 5);
	assert_memory_equal(got, "first", 5);
	assert_fails(preadv2(fd, &part, 1, -1, RWF_NOWAIT), EAGAIN);
}

/* Reads that wait get one message each, whichever of them gets which. */
static void waiting_reads_share_a_queue(void **state)
{
	enum { READS = 4 };
	const char *const texts[READS] = { "zero", "one", "two", "three" };
	char got[READS][COURSE_MAX] = { "" };
	bool seen[READS] = { false };
	struct completed done;
	int fd, writer, i, j;

	(void)state;
	own_become("queue");
	fd = own_open_on(O_RDONLY, 5);
	writer = own_open_on(O_WRONLY, 5);
	for (i = 0; i < READS; i++)
		submit(IORING_OP_READ, fd, got[i], COURSE_MAX, i);
	assert_false(has_completion());
	for (i = 0; i < READS; i++)
		assert_result(write(writer, texts[i], strlen(texts[i])), strlen(texts[i]));
	for (i = 0; i < READS; i++) {
		done = any_completion();
		for (j = 0; j < READS; j++) {
			if (strcmp(got[done.tag], texts[j]))
				continue;
			assert_int_equal(done.result, strlen(texts[j]));
			assert_false(seen[j]);
			seen[j] = true;
		}
	}
	for (j = 0; j < READS; j++)
		assert_true(seen[j]);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "received"), READS);
}

static void a_waiting_write_is_let_in(void **state)
{
	const char *const full[] = { "queue", "broadcast" };
	int reader, writer;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(full); mode++) {
		own_become(full[mode]);
		assert_result(slot_set(OWN, "depth", 1), 0);
		if (mode)
			assert_result(slot_put(OWN, "overflow", "block\n"), 0);
		reader = own_open_on(O_RDONLY, 5);
		writer = own_open_on(O_WRONLY, 5);
		assert_result(write(writer, "first", 5), 5);
		submit(IORING_OP_WRITE, writer, "second", 6, 500);
		assert_false(has_completion());
		assert_receives(reader, 5, 0, 0, 1, "first");
		assert_int_equal(completion(500), 6);
		assert_receives(reader, 5, 0, 0, 2, "second");
	}
}

static void a_broadcast_channel_is_read(void **state)
{
	int fd, writer;
	char got[8];

	(void)state;
	own_become("broadcast");
	fd = own_open(O_RDONLY);
	writer = own_open(O_WRONLY);
	submit(IORING_OP_READ, fd, got, sizeof(got), 600);
	assert_false(has_completion());
	assert_result(write(writer, "in two pieces", 13), 13);
	assert_int_equal(completion(600), 8);
	assert_memory_equal(got, "in two p", 8);
	assert_int_equal(ring_call(IORING_OP_READ, fd, got, sizeof(got)), 5);
	assert_memory_equal(got, "ieces", 5);
}

/* Called off, a read has taken nothing, and takes nothing. */
static void a_waiting_read_is_cancelled(void **state)
{
	char got[COURSE_MAX] = "";
	struct completed done;
	int fd, i;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDWR);
	submit(IORING_OP_READ, fd, got, sizeof(got), 700);
	submit_end_of(IORING_OP_ASYNC_CANCEL, 700, 701);
	for (i = 0; i < 2; i++) {
		done = any_completion();
		assert_int_equal(done.result, done.tag == 700 ? -ECANCELED : 0);
	}
	assert_result(write(fd, "stays", 5), 5);
	assert_false(has_completion());
	assert_int_equal(got[0], 0);
	assert_receives(fd, 0, 0, 0, 1, "stays");
}

/* Closed, the file lives on in the call that waits; the ring closed, the call is no more. */
static void closed_while_a_read_waits(void **state)
{
	char got[COURSE_MAX];
	int fd, writer;

	(void)state;
	own_become("queue");
	writer = own_open(O_RDWR);
	fd = slot_open(OWN, O_RDONLY);
	submit(IORING_OP_READ, fd, got, sizeof(got), 800);
	assert_result(close(fd), 0);
	assert_false(has_completion());
	assert_result(write(writer, "after all", 9), 9);
	assert_int_equal(completion(800), 9);
	assert_memory_equal(got, "after all", 9);

	fd = slot_open(OWN, O_RDONLY);
	submit(IORING_OP_READ, fd, got, sizeof(got), 801);
	assert_result(close(fd), 0);
	ring_free();
	assert_result(write(writer, "for others", 10), 10);
	assert_receives(writer, 0, 0, 0, 2, "for others");
	ring_new();
}

static void destroyed_while_calls_wait(void **state)
{
	struct completed done;
	char got[COURSE_MAX];
	int fd, i;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open(O_RDWR);
	assert_result(send_text(fd, 1, "full"), 1);
	submit(IORING_OP_READ, fd, got, sizeof(got), 900);
	submit(IORING_OP_WRITE, own_open_on(O_WRONLY, 1), "more", 4, 901);
	assert_false(has_completion());
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 2; i++) {
		done = any_completion();
		assert_int_equal(done.result, -ENODEV);
	}
	assert_result(slot_create(OWN, "last"), 0);
}

/* One poll for many messages.  (Debian's 5.10 has the io_uring of 5.15, and so has it, too.) */
static void poll_again_and_again(void **state)
{
	struct completed done;
	char got[COURSE_MAX];
	int fd, writer, i;

	(void)state;
	own_become("queue");
	fd = own_open(O_RDONLY);
	writer = own_open(O_WRONLY);
	submit(IORING_OP_POLL_ADD, fd, NULL, IORING_POLL_ADD_MULTI, 1000);
	for (i = 0; i < 20; i++) {
		assert_false(has_completion());
		assert_result(write(writer, "again", 5), 5);
		done = any_completion();
		assert_int_equal(done.tag, 1000);
		assert_int_equal(done.result & POLLIN, POLLIN);
		assert_true(done.flags & IORING_CQE_F_MORE);
		assert_result(read(fd, got, sizeof(got)), 5);
	}
	submit_end_of(IORING_OP_POLL_REMOVE, 1000, 1001);
	for (i = 0; i < 2; i++) {
		done = any_completion();
		assert_int_equal(done.result, done.tag == 1000 ? -ECANCELED : 0);
	}
	assert_result(write(writer, "silent", 6), 6);
	assert_false(has_completion());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(read_and_write),
		ring_test(read_waits_for_poll),
		ring_test(poll_once),
		ring_test(poll_for_ever),
		ring_test(queue_without_waiting),
		ring_test(waiting_reads_share_a_queue),
		ring_test(a_waiting_write_is_let_in),
		ring_test(a_broadcast_channel_is_read),
		ring_test(a_waiting_read_is_cancelled),
		ring_test(closed_while_a_read_waits),
		ring_test(destroyed_while_calls_wait),
		ring_test(poll_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
