// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A true 32-bit program: its structs as a 32-bit compiler lays them out, its pointers above 2 GiB,
 * as its stack is.  It gets what a 64-bit program gets.
 *
 * There is no 32-bit C library in the guest, and none is needed: this is all the program there is.
 * userland.mk builds it with -m32, or with a compiler for 32-bit ARM.
 */
#include <linux/msgslot.h>
#include <linux/msgslot_map.h>
#include <stddef.h>

enum { SYS32_EXIT = 1, SYS32_READ = 3, SYS32_WRITE = 4, SYS32_OPEN = 5, SYS32_CLOSE = 6 };
enum { SYS32_GETPID = 20, SYS32_IOCTL = 54, SYS32_MMAP = 90, SYS32_MMAP2 = 192, SYS32_MUNMAP = 91 };
enum { IN = 0, OUT = 1, BOTH = 2, NO_WAIT = 04000 }; /* for open() */
enum { BAD_FILE = 9, AGAIN = 11, FAULT = 14, INVALID = 22, NO_SPACE = 28, MESSAGE_SIZE = 90 };
enum { TOO_BIG = 7, NOT_HERE = 95, TIMED_OUT = 110, STALE = 116 };

#define SLOT "200"

static const char slot_path[] = "/dev/msgslot" SLOT;
static int failed, tests;

/*
 * System calls: 0 or more, or minus an error.  The first mmap() of x86 takes its arguments in
 * memory, and 32-bit ARM has only the second, of six arguments.
 */
#ifdef __arm__
#define AT_START
static int call6(int number, const unsigned long *arguments)
{
	register long r7 asm("r7") = number;
	register long r0 asm("r0") = arguments[0];
	register long r1 asm("r1") = arguments[1];
	register long r2 asm("r2") = arguments[2];
	register long r3 asm("r3") = arguments[3];
	register long r4 asm("r4") = arguments[4];
	register long r5 asm("r5") = arguments[5];

	asm volatile("svc #0"
		     : "+r"(r0)
		     : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
		     : "memory", "cc");
	return r0;
}

static int call(int number, unsigned long first, unsigned long second, unsigned long third)
{
	const unsigned long arguments[6] = { first, second, third };

	return call6(number, arguments);
}

static int map(const unsigned long *arguments)
{
	return call6(SYS32_MMAP2, arguments);
}
#else
/* Where a program begins the stack is not aligned as for a call. */
#define AT_START __attribute__((force_align_arg_pointer))
static int call(int number, unsigned long first, unsigned long second, unsigned long third)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(number), "b"(first), "c"(second), "d"(third)
		     : "memory", "cc");
	return result;
}

static int map(const unsigned long *arguments)
{
	return call(SYS32_MMAP, (unsigned long)arguments, 0, 0);
}
#endif

/* The compiler calls these two on its own. */
void *memset(void *bytes, int value, size_t length)
{
	volatile char *at = bytes;

	while (length--)
		*at++ = value;
	return bytes;
}

void *memcpy(void *to, const void *from, size_t length)
{
	volatile char *at = to;
	const char *source = from;

	while (length--)
		*at++ = *source++;
	return to;
}

static int length_of(const char *text)
{
	int length = 0;

	while (text[length])
		length++;
	return length;
}

static int same(const char *one, const char *other, int length)
{
	while (length-- > 0)
		if (*one++ != *other++)
			return 0;
	return 1;
}

static void say(const char *text)
{
	call(SYS32_WRITE, 1, (unsigned long)text, length_of(text));
}

static void say_number(int number)
{
	char digits[12], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = '0' + number % 10;
	while (number /= 10);
	say(at);
}

static int control(int fd, unsigned long command, void *argument)
{
	return call(SYS32_IOCTL, fd, command, (unsigned long)argument);
}

static int put(const char *path, const char *text)
{
	int fd = call(SYS32_OPEN, (unsigned long)path, OUT, 0), result;

	if (fd < 0)
		return fd;
	result = call(SYS32_WRITE, fd, (unsigned long)text, length_of(text));
	call(SYS32_CLOSE, fd, 0, 0);
	return result;
}

/* A new slot, and a file of it. */
static int slot_new(const char *minor_and_mode)
{
	put("/sys/class/msgslot/destroy", SLOT "\n");
	put("/sys/class/msgslot/create", minor_and_mode);
	return call(SYS32_OPEN, (unsigned long)slot_path, BOTH, 0);
}

static void check_(int condition, const char *text, int line)
{
	if (condition)
		return;
	failed = 1;
	say("# line ");
	say_number(line);
	say(": ");
	say(text);
	say("\n");
}

#define check(condition) check_(!!(condition), #condition, __LINE__)

/* The first failure is the end: the slot may be in any state. */
static void end_test(const char *name)
{
	say(failed ? "not ok " : "ok ");
	say_number(++tests);
	say(" - ");
	say(name);
	say("\n");
	if (!failed)
		return;
	put("/sys/class/msgslot/destroy", SLOT "\n");
	call(SYS32_EXIT, 1, 0, 0);
}

static struct msgslot_send send_of(unsigned int channel, const char *text)
{
	struct msgslot_send send;

	memset(&send, 0, sizeof(send));
	send.channel = channel;
	send.message = (unsigned long)text;
	send.length = length_of(text);
	return send;
}

static struct msgslot_recv recv_of(unsigned int channel, unsigned int flags, char *got, int size)
{
	struct msgslot_recv recv;

	memset(&recv, 0xee, sizeof(recv));
	recv.channel = channel;
	recv.flags = flags;
	recv.message = (unsigned long)got;
	recv.size = size;
	recv.timeout = 0;
	recv.sequence = 0;
	return recv;
}

static void select_read_and_write(void)
{
	int fd = slot_new(SLOT " last\n"),
	    none = call(SYS32_OPEN, (unsigned long)slot_path, BOTH, 0);
	unsigned int id = 0;
	char got[16];

	check(fd >= 0 && none >= 0);
	/* unsigned long has four bytes here. */
	check(MSG_SLOT_CHANNEL_LONG == MSG_SLOT_CHANNEL || sizeof(long) == 8);
	check(control(none, MSGSLOT_GET_CHANNEL, &id) == -INVALID);
	check(control(fd, MSG_SLOT_CHANNEL, (void *)0) == -INVALID);
	check(control(fd, MSG_SLOT_CHANNEL_OLD_LONG, (void *)4294967295u) == 0);
	check(control(fd, MSGSLOT_GET_CHANNEL, &id) == 0 && id == 4294967295u);
	check(call(SYS32_READ, fd, (unsigned long)got, sizeof(got)) == -AGAIN);
	check(call(SYS32_WRITE, fd, (unsigned long)"message", 7) == 7);
	check(call(SYS32_READ, fd, (unsigned long)got, sizeof(got)) == 7);
	check(same(got, "message", 7));
	check(control(fd, MSGSLOT_GET_CHANNEL, (void *)0) == -FAULT);
	check(control(fd, MSGSLOT_SEND, (void *)0) == -FAULT);
	call(SYS32_CLOSE, fd, 0, 0);
	call(SYS32_CLOSE, none, 0, 0);
	end_test("select_read_and_write");
}

static void send_and_recv(void)
{
	const char *const modes[] = { SLOT " last\n", SLOT " queue\n", SLOT " broadcast\n" };
	struct msgslot_send send;
	struct msgslot_recv recv;
	char got[64];
	int mode, fd;

	for (mode = 0; mode < 3; mode++) {
		fd = slot_new(modes[mode]);
		check(fd >= 0);
		check(control(fd, MSG_SLOT_CHANNEL, (void *)5) == 0);
		send = send_of(5, "thirty-two");
		send.sequence = 77;
		check(control(fd, MSGSLOT_SEND, &send) == 0 && send.sequence == 1);
		recv = recv_of(5, 0, got, sizeof(got));
		check(control(fd, MSGSLOT_RECV, &recv) == 0);
		check(recv.sequence == 1 && recv.length == 10 && same(got, "thirty-two", 10));
		check(recv.lost == 0 && recv.uid == 0 && recv.time > 1000000);
		check(recv.pid == (unsigned int)call(SYS32_GETPID, 0, 0, 0));
		check(recv.channel == 5 && recv.flags == 0 && recv.size == sizeof(got));
		/* Negative times have all their 64 bits. */
		recv.flags = MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK;
		recv.timeout = -2;
		check(control(fd, MSGSLOT_RECV, &recv) == -INVALID);
		recv.timeout = 5000000;
		check(control(fd, MSGSLOT_RECV, &recv) == -TIMED_OUT);
		recv.timeout = 0;
		check(control(fd, MSGSLOT_RECV, &recv) == -AGAIN);
		/* So have addresses, and what is above is nobody's. */
		send.message |= 1ull << 32;
		check(control(fd, MSGSLOT_SEND, &send) == -FAULT);
		send.message = (unsigned long)"again";
		send.length = 5;
		send.reserved = 1;
		check(control(fd, MSGSLOT_SEND, &send) == -INVALID);
		send.reserved = 0;
		check(control(fd, MSGSLOT_SEND, &send) == 0 && send.sequence == 2);
		recv = recv_of(5, 0, got, 4);
		check(control(fd, MSGSLOT_RECV, &recv) == -NO_SPACE && recv.length == 5);
		recv.message |= 1ull << 63;
		recv.size = 5;
		check(control(fd, MSGSLOT_RECV, &recv) == -FAULT);
		recv.message = (unsigned long)got;
		recv.sequence = 0;
		check(control(fd, MSGSLOT_RECV, &recv) == 0 && recv.sequence == 2);
		check(same(got, "again", 5));
		call(SYS32_CLOSE, fd, 0, 0);
	}
	end_test("send_and_recv");
}

static void what_each_mode_has_for_itself(void)
{
	struct msgslot_send send = send_of(1, "first");
	struct msgslot_recv recv;
	struct msgslot_seek seek;
	char got[64];
	int fd = slot_new(SLOT " last\n");

	send.flags = MSGSLOT_SEND_IF;
	send.expected = 1ull << 32;
	check(control(fd, MSGSLOT_SEND, &send) == -STALE);
	send.expected = 0;
	check(control(fd, MSGSLOT_SEND, &send) == 0);
	check(control(fd, MSGSLOT_SEND, &send) == -STALE);
	call(SYS32_CLOSE, fd, 0, 0);

	fd = slot_new(SLOT " queue\n");
	check(control(fd, MSGSLOT_SEND, &send) == -NOT_HERE);
	send.flags = 0;
	check(control(fd, MSGSLOT_SEND, &send) == 0);
	recv = recv_of(1, MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP, (void *)0, 0);
	recv.sequence = 1ull << 32 | 1;
	check(control(fd, MSGSLOT_RECV, &recv) == -STALE);
	recv.sequence = 1;
	check(control(fd, MSGSLOT_RECV, &recv) == 0);
	call(SYS32_CLOSE, fd, 0, 0);

	fd = slot_new(SLOT " broadcast\n");
	send.channel = 0;
	check(control(fd, MSGSLOT_SEND, &send) == 0);
	check(control(fd, MSGSLOT_SEND, &send) == 0);
	memset(&seek, 0, sizeof(seek));
	seek.whence = MSGSLOT_SEEK_END;
	check(control(fd, MSGSLOT_SEEK, &seek) == 0 && seek.sequence == 3);
	seek.whence = MSGSLOT_SEEK_SEQUENCE;
	seek.sequence = 2;
	check(control(fd, MSGSLOT_SEEK, &seek) == 0);
	recv = recv_of(0, 0, got, sizeof(got));
	check(control(fd, MSGSLOT_RECV, &recv) == 0 && recv.sequence == 2);
	seek.sequence = 1ull << 32;
	check(control(fd, MSGSLOT_SEEK, &seek) == -INVALID);
	call(SYS32_CLOSE, fd, 0, 0);
	end_test("what_each_mode_has_for_itself");
}

static void clear_info_and_walk(void)
{
	const unsigned int ids[] = { 1, 1u << 31, 4294967295u };
	struct msgslot_send send = send_of(1, "text");
	struct msgslot_walk_entry entries[4];
	struct msgslot_clear clear;
	struct msgslot_info info;
	struct msgslot_walk walk;
	int fd = slot_new(SLOT " last\n"), i;

	for (i = 0; i < 3; i++) {
		send.channel = ids[i];
		check(control(fd, MSGSLOT_SEND, &send) == 0);
	}
	memset(&walk, 0, sizeof(walk));
	memset(entries, 0xee, sizeof(entries));
	walk.entries = (unsigned long)entries;
	walk.count = 4;
	check(control(fd, MSGSLOT_WALK, &walk) == 0);
	check(walk.count == 3 && walk.from == 1ull << 32);
	for (i = 0; i < 3; i++)
		check(entries[i].channel == ids[i] && entries[i].files == 0 &&
		      entries[i].first == 1 && entries[i].next == 2);
	memset(&info, 0xee, sizeof(info));
	check(control(fd, MSGSLOT_INFO, &info) == 0);
	check(info.version == MSGSLOT_ABI_VERSION && info.minor == 200);
	check(info.mode == MSGSLOT_LAST && info.overflow == MSGSLOT_DROP && info.depth == 1);
	check(info.max_message == 128 && info.max_bytes == 64 << 20);
	check(info.max_channels == 1048576 && info.channels == 3 && info.messages == 3);
	check(info.share_channels == 3 && info.share_bytes == info.bytes && info.bytes > 0);
	check(info.sent == 3 && info.received == 0 && info.dropped == 0);
	memset(&clear, 0, sizeof(clear));
	clear.channel = ids[2];
	clear.flags = MSGSLOT_CLEAR_IF;
	check(control(fd, MSGSLOT_CLEAR, &clear) == -STALE);
	clear.sequence = 1;
	check(control(fd, MSGSLOT_CLEAR, &clear) == 0 && clear.messages == 1);
	call(SYS32_CLOSE, fd, 0, 0);
	end_test("clear_info_and_walk");
}

static void structs_of_other_sizes(void)
{
	union {
		struct msgslot_send send;
		char bytes[sizeof(struct msgslot_send) + 8];
	} longer;
	int fd = slot_new(SLOT " queue\n"), reader;

	memset(&longer, 0, sizeof(longer));
	longer.send = send_of(1, "text");
	check(control(fd, _IOC(3, 235, 3, 47), &longer) == -INVALID);
	check(control(fd, _IOC(3, 235, 3, sizeof(longer)), &longer) == 0);
	longer.bytes[sizeof(longer) - 1] = 1;
	check(control(fd, _IOC(3, 235, 3, sizeof(longer)), &longer) == -TOO_BIG);
	longer.send.length = 4097;
	check(control(fd, MSGSLOT_SEND, &longer) == -MESSAGE_SIZE);
	reader = call(SYS32_OPEN, (unsigned long)slot_path, IN | NO_WAIT, 0);
	check(control(reader, MSGSLOT_SEND, &longer) == -BAD_FILE);
	call(SYS32_CLOSE, reader, 0, 0);
	call(SYS32_CLOSE, fd, 0, 0);
	end_test("structs_of_other_sizes");
}

/* Numbers are read in one piece here, too. */
static void mapped(void)
{
	/* 1 is PROT_READ, and MAP_SHARED. */
	unsigned long arguments[] = { 0, 4096, 1, 1, 0, 0 };
	const struct msgslot_map_head *head;
	struct msgslot_send send = send_of(5, "thirty-two");
	__u64 sequence = 0;
	char got[64];
	int fd = slot_new(SLOT " last\n");

	check(control(fd, MSG_SLOT_CHANNEL, (void *)5) == 0);
	check(control(fd, MSGSLOT_SEND, &send) == 0);
	arguments[4] = fd;
	head = (void *)(unsigned long)map(arguments);
	check((unsigned long)head < -4095ul);
	check(head->version == MSGSLOT_MAP_VERSION && head->size == 4096 && head->next == 2);
	check(msgslot_map_copy(head, &sequence, got, sizeof(got)) == 10);
	check(sequence == 1 && same(got, "thirty-two", 10));
	call(SYS32_CLOSE, fd, 0, 0);
	check(call(SYS32_MUNMAP, (unsigned long)head, 4096, 0) == 0);
	end_test("mapped");
}

AT_START void _start(void);
void _start(void)
{
	say("1..6\n");
	select_read_and_write();
	send_and_recv();
	what_each_mode_has_for_itself();
	clear_info_and_walk();
	structs_of_other_sizes();
	mapped();
	put("/sys/class/msgslot/destroy", SLOT "\n");
	call(SYS32_EXIT, 0, 0, 0);
	__builtin_unreachable();
}
