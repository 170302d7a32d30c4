// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The calls of 32-bit programs: same numbers, same answers.  int 0x80 is their door into a 64-bit
 * kernel, and it is open to a 64-bit program, given addresses below 4 GiB.
 */
#define _GNU_SOURCE
#include "batch.h"

enum { SYS32_READ = 3, SYS32_WRITE = 4, SYS32_IOCTL = 54 };

static long call32(int number, int fd, unsigned int second, unsigned int third)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(number), "b"(fd), "c"(second), "d"(third)
		     : "r8", "r9", "r10", "r11", "memory", "cc");
	if ((int)result < 0 && (int)result >= -4095) {
		errno = -(int)result;
		return -1;
	}
	return (int)result;
}

static void select_by_32_bits(void **state)
{
	/* unsigned long is four bytes there: two encodings are all they have. */
	const unsigned int commands[] = { _IOW(235, 0, uint32_t), _IOW(240, 0, uint32_t) };
	const unsigned int ids[] = { 1, (1 << 20) + 1, 1u << 31, 4294967295u };
	int fd = own_open(O_RDWR), command, id;

	(void)state;
	for (command = 0; command < 2; command++) {
		for (id = 0; id < 4; id++) {
			assert_result(call32(SYS32_IOCTL, fd, commands[command], ids[id]), 0);
			assert_result(write(fd, &ids[id], 4), 4);
			assert_holds(ids[id], &ids[id], 4);
		}
		assert_fails(call32(SYS32_IOCTL, fd, commands[command], 0), EINVAL);
	}
	assert_result(slot_get(OWN, "channels"), 4);
	assert_fails(call32(SYS32_IOCTL, fd, _IOR(235, 0, uint16_t), 5), EINVAL);
	assert_fails(call32(SYS32_IOCTL, fd, _IOW(235, 1, uint32_t), 5), EINVAL);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(call32(SYS32_IOCTL, fd, commands[0], 5), ENODEV);
}

static void read_and_write_by_32_bits(void **state)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	unsigned int address = (uintptr_t)low;
	int fd = own_open_on(O_RDWR, 1);

	(void)state;
	assert_true(low != MAP_FAILED);
	strcpy(low, "thirty-two");
	assert_fails(call32(SYS32_READ, fd, address, 64), EAGAIN);
	assert_result(call32(SYS32_WRITE, fd, address, 10), 10);
	assert_holds(1, "thirty-two", 10);
	assert_result(call32(SYS32_READ, fd, address + 100, 64), 10);
	assert_memory_equal(low + 100, "thirty-two", 10);
	assert_fails(call32(SYS32_READ, fd, address, 9), ENOSPC);
	assert_fails(call32(SYS32_READ, fd, 0, 64), EINVAL);
	assert_fails(call32(SYS32_WRITE, fd, 16, 10), EFAULT);
	assert_fails(call32(SYS32_WRITE, fd, address, COURSE_MAX + 1), EMSGSIZE);
	assert_holds(1, "thirty-two", 10);
	munmap(low, 4096);
}

/* A struct is the same through both doors: what one has sent the other receives. */
static void structs_by_both_doors(void **state)
{
	struct {
		struct msgslot_send send;
		struct msgslot_recv recv;
		struct msgslot_seek seek;
		struct msgslot_clear clear;
		struct msgslot_info info;
		struct msgslot_walk walk;
		struct msgslot_walk_entry entries[4];
		char text[16], got[16];
		unsigned int id;
	} *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		      -1, 0);
	struct msgslot_info info;
	int fd;

	(void)state;
	assert_true(low != MAP_FAILED);
	own_become("broadcast");
	fd = own_open_on(O_RDWR, 1u << 31);
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_GET_CHANNEL, (uintptr_t)&low->id), 0);
	assert_int_equal(low->id, 1u << 31);
	strcpy(low->text, "thirty-two");
	low->send = send_of(1u << 31, low->text, 10);
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_SEND, (uintptr_t)&low->send), 0);
	assert_int_equal(low->send.sequence, 1);
	assert_receives(fd, 1u << 31, MSGSLOT_RECV_PEEK, 0, 1, "thirty-two");
	assert_result(send_text(fd, 1u << 31, "sixty-four"), 2);
	low->recv = recv_of(1u << 31, MSGSLOT_RECV_NEWER, low->got, sizeof(low->got));
	low->recv.sequence = 1;
	low->recv.timeout = -1;
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_RECV, (uintptr_t)&low->recv), 0);
	assert_int_equal(low->recv.sequence, 2);
	assert_memory_equal(low->got, "sixty-four", 10);
	low->recv.timeout = INT64_MIN;
	assert_fails(call32(SYS32_IOCTL, fd, MSGSLOT_RECV, (uintptr_t)&low->recv), EINVAL);
	low->seek = (struct msgslot_seek){ .whence = MSGSLOT_SEEK_END };
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_SEEK, (uintptr_t)&low->seek), 0);
	assert_int_equal(low->seek.sequence, 3);
	low->walk.entries = (uintptr_t)low->entries;
	low->walk.count = 4;
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_WALK, (uintptr_t)&low->walk), 0);
	assert_int_equal(low->walk.count, 1);
	assert_int_equal(low->entries[0].channel, 1u << 31);
	assert_int_equal(low->entries[0].next, 3);
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_INFO, (uintptr_t)&low->info), 0);
	info = info_of(fd);
	assert_memory_equal(&low->info, &info, sizeof(info));
	low->clear.channel = 1u << 31;
	assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_CLEAR, (uintptr_t)&low->clear), 0);
	assert_int_equal(low->clear.messages, 2);
	assert_fails(call32(SYS32_IOCTL, fd, MSGSLOT_SEND, 16), EFAULT);
	munmap(low, 4096);
}

/* A batch is the same, too, and so is a range. */
static void batches_by_both_doors(void **state)
{
	struct {
		struct msgslot_listen listen;
		struct msgslot_send send;
		struct msgslot_recv recv;
		struct batch batch;
	} *low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	size_t mode;
	int fd;

	(void)state;
	assert_true(low != MAP_FAILED);
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open(O_RDWR | O_NONBLOCK);
		low->listen = (struct msgslot_listen){ .first = 1, .last = 1u << 31 };
		assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_LISTEN, (uintptr_t)&low->listen), 0);
		assert_result(info_of(fd).listeners, 1);
		low->batch = *batch_of({ 7, "a" }, { 1u << 31, "bc" }, { 3000000000u, "d" });
		low->send = batch_send_of(&low->batch);
		assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_SEND, (uintptr_t)&low->send), 3);
		assert_int_equal(low->send.sequence, 1);
		assert_gets(fd, 77, RANGE | MSGSLOT_RECV_PEEK, "7.1:a 2147483648.1:bc");
		low->recv = recv_of(77, RANGE | MANY, low->batch.bytes, BATCH_MAX);
		assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_RECV, (uintptr_t)&low->recv), 2);
		assert_gets(fd, 77, RANGE, "EAGAIN");
		/* What came in by one door goes out by the other. */
		low->batch.size = low->recv.length;
		assert_result(batch_send(fd, &low->batch), 2);
		low->send = batch_send_of(&low->batch);
		assert_result(call32(SYS32_IOCTL, fd, MSGSLOT_SEND, (uintptr_t)&low->send), 2);
		assert_gets(fd, 77, RANGE,
			    mode == 0 ? "7.3:a 2147483648.3:bc" :
			    mode == 1 ? "7.2:a 7.3:a 2147483648.2:bc 2147483648.3:bc" :
					"7.2:a 2147483648.2:bc 7.3:a 2147483648.3:bc");
		low->listen.reserved = 1;
		assert_fails(call32(SYS32_IOCTL, fd, MSGSLOT_LISTEN, (uintptr_t)&low->listen),
			     EINVAL);
		assert_fails(call32(SYS32_IOCTL, fd, MSGSLOT_LISTEN, 16), EFAULT);
	}
	munmap(low, sizeof(*low));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(select_by_32_bits),
		own_slot_test(read_and_write_by_32_bits),
		own_slot_test(structs_by_both_doors),
		own_slot_test(batches_by_both_doors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
