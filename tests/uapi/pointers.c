// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every buffer wrong in every way: a clear error, the message kept.  And buffers that are odd but
 * right: memory that ends with the message, memory not yet there, memory just forked.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/uio.h>

#include "check.h"

static char *pages_new(size_t size, int protection)
{
	char *map = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(map != MAP_FAILED);
	return map;
}

static void addresses_that_are_nothing(void **state)
{
	const unsigned long addresses[] = {
		1,
		16,
		4095,
		0x7ffffffff000,
		0x7fffffffffff, /* below and above all mappings */
		0x800000000000,
		0xdead000000000000, /* not canonical */
		0xffff800000000000,
		0xffff888000000000, /* the kernel's */
		0xffffffff81000000,
		0xfffffffffffff000,
		0xffffffffffffffff,
	};
	int fd = own_open_on(O_RDWR, 1);
	size_t i;

	(void)state;
	assert_result(write(fd, "keep it", 7), 7);
	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		char *volatile wrong = (char *)addresses[i];
		struct iovec part = { wrong, 8 };

		assert_fails(write(fd, wrong, 8), EFAULT);
		assert_fails(read(fd, wrong, 8), EFAULT);
		assert_fails(writev(fd, &part, 1), EFAULT);
		assert_fails(readv(fd, &part, 1), EFAULT);
	}
	assert_holds(1, "keep it", 7);
}

static void null_is_einval(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	struct iovec part = { NULL, 8 };

	(void)state;
	assert_result(write(fd, "keep it", 7), 7);
	assert_fails(write(fd, null, 1), EINVAL);
	assert_fails(write(fd, null, COURSE_MAX), EINVAL);
	assert_fails(read(fd, null, 7), EINVAL);
	assert_fails(read(fd, null, 4096), EINVAL);
	/* In a vector it is one bad pointer of many. */
	assert_fails(writev(fd, &part, 1), EFAULT);
	assert_fails(readv(fd, &part, 1), EFAULT);
	assert_holds(1, "keep it", 7);
}

static void protected_memory(void **state)
{
	char *none = pages_new(4096, PROT_NONE), *constant = pages_new(4096, PROT_READ);
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_result(write(fd, "keep it", 7), 7);
	assert_fails(write(fd, none, 7), EFAULT);
	assert_fails(read(fd, none, 7), EFAULT);
	assert_fails(read(fd, constant, 7), EFAULT);
	assert_holds(1, "keep it", 7);
	/* To be read, read-only memory is good enough; it is all zeroes. */
	assert_result(write(fd, constant, 7), 7);
	assert_holds(1, "\0\0\0\0\0\0", 7);
	munmap(none, 4096);
	munmap(constant, 4096);
}

/* Each length at the very end of memory works, one byte more never does. */
static void at_the_end_of_memory(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	size_t length;

	(void)state;
	for (length = 1; length < COURSE_MAX; length += length < 16 ? 1 : 7) {
		char *from = edge_new(length, PROT_READ), *to = edge_new(length, PROT_WRITE);
		char keep[COURSE_MAX];

		bytes_fill(keep, length, length);
		assert_result(write(fd, from, length), (ssize_t)length);
		assert_result(read(fd, to, length), (ssize_t)length);
		assert_memory_equal(to, from, length);
		/* A buffer that claims more than it has: only the message need fit. */
		memset(to, 0, length);
		assert_result(read(fd, to, length + 100), (ssize_t)length);
		assert_memory_equal(to, from, length);

		assert_result(write(fd, keep, length), (ssize_t)length);
		assert_fails(write(fd, from, length + 1), EFAULT);
		assert_holds(1, keep, length);
		edge_free(from, length);
		edge_free(to, length);
	}
}

static void message_over_the_end_of_memory(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char keep[COURSE_MAX];
	size_t capacity;

	(void)state;
	bytes_fill(keep, sizeof(keep), 4);
	assert_result(write(fd, keep, sizeof(keep)), sizeof(keep));
	for (capacity = 1; capacity < COURSE_MAX; capacity++) {
		char *to = edge_new(capacity, PROT_READ | PROT_WRITE);
		struct iovec parts[] = { { to, capacity },
					 { to + capacity, COURSE_MAX - capacity } };

		assert_fails(read(fd, to, COURSE_MAX), EFAULT);
		assert_fails(read(fd, to, 4096), EFAULT);
		assert_fails(readv(fd, parts, 2), EFAULT);
		assert_fails(write(fd, to, capacity + 1), EFAULT);
		assert_fails(writev(fd, parts, 2), EFAULT);
		edge_free(to, capacity);
	}
	assert_holds(1, keep, sizeof(keep));
}

static void one_bad_part_spoils_a_vector(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	static struct iovec many[IOV_MAX + 1];
	char text[8] = "replace", got[8];
	struct iovec out[] = { { text, 4 }, { text, 4 }, { text, 4 } };
	struct iovec in[] = { { got, 2 }, { got, 2 }, { got, 3 } };
	int i;

	(void)state;
	assert_result(write(fd, "keep it", 7), 7);
	for (i = 0; i < 3; i++) {
		struct iovec good_out = out[i], good_in = in[i];

		out[i].iov_base = in[i].iov_base = nowhere;
		assert_fails(writev(fd, out, 3), EFAULT);
		assert_fails(readv(fd, in, 3), EFAULT);
		out[i] = good_out;
		in[i] = good_in;
	}
	in[1].iov_len = out[1].iov_len = -1;
	assert_fails(writev(fd, out, 3), EINVAL);
	assert_fails(readv(fd, in, 3), EINVAL);
	assert_fails(writev(fd, (struct iovec *)nowhere, 3), EFAULT);
	assert_fails(readv(fd, many, IOV_MAX + 1), EINVAL);
	assert_holds(1, "keep it", 7);
}

/* On s390x a process may use any address. */
#ifdef __s390x__
static const bool any_address = true;
#else
static const bool any_address = false;
#endif

/*
 * Lengths nobody has memory for: the kernel proper may catch them first, with its own error, unless
 * there is no address that it knows to be wrong.
 */
static void huge_lengths(void **state)
{
	size_t lengths[] = { 1u << 31, 1ul << 32, (1ul << 32) + 1, 0x7ffff000 };
	size_t huge[] = { SIZE_MAX, SSIZE_MAX, (size_t)SSIZE_MAX + 1, SIZE_MAX - 4096 };
	int fd = own_open_on(O_RDWR, 1);
	/* Far below the end of what a process can map: beyond it the kernel proper says EFAULT. */
	char *page = mmap((void *)(1ul << 40), 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	char *got = page + 4096 - 64;
	ssize_t result;
	size_t i;

	(void)state;
	assert_ptr_equal(page, (void *)(1ul << 40));
	assert_result(write(fd, "keep it", 7), 7);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		/* Never cut to something small. */
		assert_fails(write(fd, got, lengths[i]), EMSGSIZE);
		assert_result(read(fd, got, lengths[i]), 7);
		assert_memory_equal(got, "keep it", 7);
	}
	for (i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
		assert_int_equal(write(fd, got, huge[i]), -1);
		assert_true(errno == EFAULT || errno == EINVAL || errno == EMSGSIZE);
		result = read(fd, got, huge[i]);
		if (any_address && result == 7)
			continue;
		assert_int_equal(result, -1);
		assert_true(errno == EFAULT || errno == EINVAL);
	}
	assert_holds(1, "keep it", 7);
	munmap(page, 4096);
}

/* Pages nobody touched yet, straight from mmap(). */
static void memory_not_yet_there(void **state)
{
	int fd = own_open_on(O_RDWR, 1);
	char *pages = pages_new(4 * 4096, PROT_READ | PROT_WRITE);

	(void)state;
	assert_result(write(fd, pages + 4096 - 20, 64), 64);
	assert_holds(1, (char[64]){ 0 }, 64);
	assert_result(write(fd, "over two fresh pages", 20), 20);
	assert_result(read(fd, pages + 3 * 4096 - 7, 20), 20);
	assert_memory_equal(pages + 3 * 4096 - 7, "over two fresh pages", 20);
	munmap(pages, 4 * 4096);
}

struct forked {
	int fd;
	char *page;
};

static void *read_into_a_shared_page(void *argument)
{
	struct forked *forked = argument;

	demand(read(forked->fd, forked->page + 100, 64) == 6);
	demand(!memcmp(forked->page + 99, "=forked=", 8));
	return NULL;
}

/*
 * Right after fork() a page must be copied before it can be written; the other side keeps its own.
 */
static void memory_just_forked(void **state)
{
	struct forked forked = { own_open_on(O_RDWR, 1), pages_new(4096, PROT_READ | PROT_WRITE) };
	int i;

	(void)state;
	memset(forked.page, '=', 4096);
	assert_result(write(forked.fd, "forked", 6), 6);
	for (i = 0; i < 4; i++)
		child_run(NULL, read_into_a_shared_page, &forked);
	assert_memory_equal(forked.page + 100, "======", 6);
	munmap(forked.page, 4096);
}

/* The page behind the buffer comes and goes; each call is right or an error, never half. */
static volatile bool enough;

static void *unmap_and_map(void *page)
{
	while (!enough) {
		demand(mprotect(page, 4096, PROT_NONE) == 0);
		demand(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
	}
	return NULL;
}

static void memory_that_comes_and_goes(void **state)
{
	char *page = pages_new(4096, PROT_READ | PROT_WRITE), want[64], got[64];
	int fd = own_open_on(O_RDWR, 1);
	long rounds = scaled(20000, 500);
	pthread_t thread;
	ssize_t result;

	(void)state;
	memset(page, 'p', 4096);
	enough = false;
	thread = thread_start(unmap_and_map, page);
	while (rounds--) {
		memset(want, 'o', sizeof(want));
		assert_result(write(fd, want, sizeof(want)), sizeof(want));
		result = write(fd, page + 32, sizeof(want));
		if (result == sizeof(want))
			memset(want, 'p', sizeof(want));
		else
			assert_true(result == -1 && errno == EFAULT);
		assert_result(read(fd, got, sizeof(got)), sizeof(got));
		assert_memory_equal(got, want, sizeof(got));
		result = read(fd, page + 1024, sizeof(got));
		assert_true(result == sizeof(got) || (result == -1 && errno == EFAULT));
	}
	enough = true;
	thread_join(thread);
	munmap(page, 4096);
}

/* Where the result cannot be written to its end, nothing of it is: whatever else went wrong. */
static void a_struct_that_ends_in_protected_memory(void **state)
{
	char *pages = pages_new(8192, PROT_READ | PROT_WRITE), got[16];
	struct msgslot_recv *recv = (void *)(pages + 4096 - offsetof(struct msgslot_recv, pid));
	const size_t sizes[] = { 1, sizeof(got) };
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 5);
	struct msgslot_recv before;
	size_t i;

	(void)state;
	assert_result(write(fd, "a message", 9), 9);
	for (i = 0; i < 2; i++) {
		before = (struct msgslot_recv){
			.channel = 5,
			.flags = MSGSLOT_RECV_NEWER,
			.message = (uintptr_t)got,
			.size = sizes[i],
			.length = 77,
			.time = 77,
			.lost = 77,
			.pid = 77,
		};
		assert_result(mprotect(pages + 4096, 4096, PROT_READ | PROT_WRITE), 0);
		memcpy(recv, &before, sizeof(before));
		assert_result(mprotect(pages + 4096, 4096, PROT_READ), 0);
		assert_fails(ioctl(fd, MSGSLOT_RECV, recv), EFAULT);
		assert_memory_equal(recv, &before, sizeof(before));
	}
	munmap(pages, 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_struct_that_ends_in_protected_memory),
		own_slot_test(addresses_that_are_nothing),
		own_slot_test(null_is_einval),
		own_slot_test(protected_memory),
		own_slot_test(at_the_end_of_memory),
		own_slot_test(message_over_the_end_of_memory),
		own_slot_test(one_bad_part_spoils_a_vector),
		own_slot_test(huge_lengths),
		own_slot_test(memory_not_yet_there),
		own_slot_test(memory_just_forked),
		own_slot_test(memory_that_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
