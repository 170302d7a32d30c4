// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The same calls through io_uring: a second user of the iterators, of RWF_NOWAIT and of the wait
 * queue in the open file, which it may hold longer than any channel lives.
 */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/uio.h>

#include "check.h"

/* As much of a ring as one submission at a time needs. */
static struct ring {
	int fd;
	void *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
} ring;

static unsigned int *ring_word(uint32_t offset)
{
	return (unsigned int *)((char *)ring.rings + offset);
}

static void ring_new(void)
{
	size_t submissions, completions;

	memset(&ring.params, 0, sizeof(ring.params));
	ring.fd = syscall(SYS_io_uring_setup, 8, &ring.params);
	assert_works(ring.fd);
	assert_true(ring.params.features & IORING_FEAT_SINGLE_MMAP);
	submissions = ring.params.sq_off.array + ring.params.sq_entries * sizeof(unsigned int);
	completions =
		ring.params.cq_off.cqes + ring.params.cq_entries * sizeof(struct io_uring_cqe);
	ring.rings_size = submissions > completions ? submissions : completions;
	ring.rings = mmap(NULL, ring.rings_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd,
			  IORING_OFF_SQ_RING);
	assert_true(ring.rings != MAP_FAILED);
	ring.sqes = mmap(NULL, ring.params.sq_entries * sizeof(*ring.sqes), PROT_READ | PROT_WRITE,
			 MAP_SHARED, ring.fd, IORING_OFF_SQES);
	assert_true(ring.sqes != MAP_FAILED);
}

static void ring_free(void)
{
	munmap(ring.sqes, ring.params.sq_entries * sizeof(*ring.sqes));
	munmap(ring.rings, ring.rings_size);
	close(ring.fd);
}

static void submit_with(int flags, int opcode, int fd, const void *buffer, unsigned int length,
			uint64_t tag)
{
	unsigned int tail = *ring_word(ring.params.sq_off.tail);
	unsigned int index = tail & *ring_word(ring.params.sq_off.ring_mask);
	struct io_uring_sqe *sqe = &ring.sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)buffer;
	sqe->user_data = tag;
	if (opcode == IORING_OP_POLL_ADD) {
		sqe->poll_events = POLLIN;
	} else {
		sqe->len = length;
		sqe->off = -1; /* a stream has no position */
		sqe->rw_flags = flags;
	}
	ring_word(ring.params.sq_off.array)[index] = index;
	__atomic_store_n(ring_word(ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	assert_result(syscall(SYS_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0), 1);
}

static void submit(int opcode, int fd, const void *buffer, unsigned int length, uint64_t tag)
{
	submit_with(0, opcode, fd, buffer, length, tag);
}

static bool has_completion(void)
{
	return *ring_word(ring.params.cq_off.head) !=
	       __atomic_load_n(ring_word(ring.params.cq_off.tail), __ATOMIC_ACQUIRE);
}

static int completion(uint64_t tag)
{
	struct io_uring_cqe *cqes = (void *)ring_word(ring.params.cq_off.cqes), *cqe;
	unsigned int head;

	while (!has_completion())
		assert_works(syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS,
				     NULL, 0));
	head = *ring_word(ring.params.cq_off.head);
	cqe = &cqes[head & *ring_word(ring.params.cq_off.ring_mask)];
	assert_int_equal(cqe->user_data, tag);
	__atomic_store_n(ring_word(ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return cqe->res;
}

static int ring_call(int opcode, int fd, const void *buffer, unsigned int length)
{
	static uint64_t tag;

	submit(opcode, fd, buffer, length, ++tag);
	return completion(tag);
}

static int begin(void **state)
{
	ring_new();
	return own_begin(state);
}

static int end(void **state)
{
	int result = own_end(state);

	ring_free();
	return result;
}

#define ring_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(read_and_write),
		ring_test(read_waits_for_poll),
		ring_test(poll_once),
		ring_test(poll_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
