/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A ring of io_uring, as the tests of this folder submit to it: it is made anew for each test. */
#ifndef MSGSLOT_TESTS_URING_H
#define MSGSLOT_TESTS_URING_H

#include <linux/io_uring.h>
#include <poll.h>

#include "check.h"

/* As much of a ring as one submission at a time needs. */
static struct ring {
	int fd;
	void *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
} ring;

static inline unsigned int *ring_word(uint32_t offset)
{
	return (unsigned int *)((char *)ring.rings + offset);
}

static inline void ring_new(void)
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

static inline void ring_free(void)
{
	munmap(ring.sqes, ring.params.sq_entries * sizeof(*ring.sqes));
	munmap(ring.rings, ring.rings_size);
	close(ring.fd);
}

static inline void submit_sqe(const struct io_uring_sqe *sqe)
{
	unsigned int tail = *ring_word(ring.params.sq_off.tail);
	unsigned int index = tail & *ring_word(ring.params.sq_off.ring_mask);

	ring.sqes[index] = *sqe;
	ring_word(ring.params.sq_off.array)[index] = index;
	__atomic_store_n(ring_word(ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	assert_result(syscall(SYS_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0), 1);
}

static inline void submit_with(int flags, int opcode, int fd, const void *buffer,
			       unsigned int length, uint64_t tag)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = opcode;
	sqe.fd = fd;
	sqe.addr = (uintptr_t)buffer;
	sqe.user_data = tag;
	sqe.len = length;
	if (opcode == IORING_OP_POLL_ADD) {
		sqe.poll_events = POLLIN;
	} else {
		sqe.off = -1; /* a stream has no position */
		sqe.rw_flags = flags;
	}
	submit_sqe(&sqe);
}

static inline void submit(int opcode, int fd, const void *buffer, unsigned int length, uint64_t tag)
{
	submit_with(0, opcode, fd, buffer, length, tag);
}

/* Calls off what was submitted as @target. */
static inline void submit_end_of(int opcode, uint64_t target, uint64_t tag)
{
	struct io_uring_sqe sqe;

	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = opcode;
	sqe.fd = -1;
	sqe.addr = target;
	sqe.user_data = tag;
	submit_sqe(&sqe);
}

static inline bool has_completion(void)
{
	return *ring_word(ring.params.cq_off.head) !=
	       __atomic_load_n(ring_word(ring.params.cq_off.tail), __ATOMIC_ACQUIRE);
}

struct completed {
	uint64_t tag;
	int result;
	unsigned int flags;
};

static inline struct completed any_completion(void)
{
	struct io_uring_cqe *cqes = (void *)ring_word(ring.params.cq_off.cqes), *cqe;
	struct completed done;
	unsigned int head;

	while (!has_completion())
		if (syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			assert_int_equal(errno, EINTR);
	head = *ring_word(ring.params.cq_off.head);
	cqe = &cqes[head & *ring_word(ring.params.cq_off.ring_mask)];
	done = (struct completed){ cqe->user_data, cqe->res, cqe->flags };
	__atomic_store_n(ring_word(ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return done;
}

static inline int completion(uint64_t tag)
{
	struct completed done = any_completion();

	assert_int_equal(done.tag, tag);
	return done.result;
}

static inline int ring_call(int opcode, int fd, const void *buffer, unsigned int length)
{
	static uint64_t tag;

	submit(opcode, fd, buffer, length, ++tag);
	return completion(tag);
}

static inline int ring_begin(void **state)
{
	ring_new();
	return own_begin(state);
}

static inline int ring_end(void **state)
{
	int result = own_end(state);

	ring_free();
	return result;
}

#define ring_test(test) cmocka_unit_test_setup_teardown(test, ring_begin, ring_end)

#endif
