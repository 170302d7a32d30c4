/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All that the 32-bit program has in place of a C library: system calls, what its compiler calls,
 * slots, and checks.
 */
#ifndef MSGSLOT_TESTS_COMPAT32_H
#define MSGSLOT_TESTS_COMPAT32_H

#include <linux/msgslot.h>

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

#endif
