// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A true 32-bit program: its structs as a 32-bit compiler lays them out, its pointers above 2 GiB,
 * as its stack is.  It gets what a 64-bit program gets.
 *
 * There is no 32-bit C library in the guest, and none is needed: this is all the program there is.
 * userland.mk builds it with -m32, or with a compiler for 32-bit ARM.
 */
#include <linux/msgslot_map.h>
#include <stddef.h>

#include "compat32.h"

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
		send.will_length = 1;
		check(control(fd, MSGSLOT_SEND, &send) == -INVALID);
		send.will_length = 0;
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

/* ---- batches and ranges -------------------------------------------------------------------- */

/* As it is sent, or as it came; and what gets() made of it. */
static struct {
	unsigned int size;
	_Alignas(8) char bytes[1024];
} batch;

static char text[512];

static struct msgslot_header *batch_add(unsigned int channel, const char *message)
{
	struct msgslot_header *header = (void *)(batch.bytes + batch.size);

	memset(header, 0, sizeof(*header));
	header->size = sizeof(*header);
	header->length = length_of(message);
	header->channel = channel;
	memcpy(header + 1, message, header->length);
	batch.size += (sizeof(*header) + header->length + 7) & ~7u;
	return header;
}

static struct msgslot_send batch_send_of(void)
{
	struct msgslot_send send = send_of(0, "");

	send.flags = MSGSLOT_SEND_MANY;
	send.message = (unsigned long)batch.bytes;
	send.length = batch.size;
	return send;
}

static char *put_number(char *at, unsigned int number)
{
	if (number > 9)
		at = put_number(at, number / 10);
	*at = '0' + number % 10;
	return at + 1;
}

/* Receives many: "CHANNEL.SEQUENCE:MESSAGE " of each, or minus an error. */
static int gets(int fd, unsigned int channel, unsigned int flags, int size, const char *wanted)
{
	struct msgslot_recv recv = recv_of(channel, flags | MSGSLOT_RECV_MANY, batch.bytes, size);
	const unsigned int pid = call(SYS32_GETPID, 0, 0, 0);
	struct msgslot_header *header = (void *)batch.bytes;
	int count = control(fd, MSGSLOT_RECV, &recv), i;
	char *at = text;

	if (count < 0)
		return count;
	for (i = 0; i < count; i++) {
		if (header->size != 48 || header->flags || header->lost || header->uid ||
		    header->pid != pid || header->time < 1000000)
			return 0;
		at = put_number(at, header->channel);
		*at++ = '.';
		at = put_number(at, header->sequence);
		*at++ = ':';
		memcpy(at, header + 1, header->length);
		at += header->length;
		*at++ = ' ';
		header = (void *)((char *)header + ((48 + header->length + 7) & ~7u));
	}
	*at = '\0';
	if (recv.channel != channel || recv.length > (unsigned int)size)
		return 0;
	return length_of(text) == length_of(wanted) && same(text, wanted, length_of(wanted));
}

#define check_gets(fd, channel, flags, wanted) \
	check(gets(fd, channel, flags, sizeof(batch.bytes), wanted) == 1)

static void listen_and_range(void)
{
	const char *const modes[] = { SLOT " last\n", SLOT " queue\n", SLOT " broadcast\n" };
	const unsigned int inside = 1u << 31, outside = 4294967295u;
	struct msgslot_listen listen;
	struct msgslot_info info;
	struct msgslot_send send;
	struct msgslot_recv recv;
	char got[64];
	int mode, fd;

	for (mode = 0; mode < 3; mode++) {
		fd = slot_new(modes[mode]);
		memset(&listen, 0, sizeof(listen));
		listen.first = 1;
		listen.last = inside;
		recv = recv_of(77, MSGSLOT_RECV_RANGE, got, sizeof(got));
		check(control(fd, MSGSLOT_RECV, &recv) == -INVALID && recv.channel == 77);
		check(control(fd, MSGSLOT_LISTEN, (void *)0) == -FAULT);
		check(control(fd, _IOC(1, 235, 9, 12), &listen) == -INVALID);
		listen.reserved = 1;
		check(control(fd, MSGSLOT_LISTEN, &listen) == -INVALID);
		listen.reserved = 0;
		listen.flags = MSGSLOT_LISTEN_LOWEST;
		check(control(fd, MSGSLOT_LISTEN, &listen) == (mode == 1 ? 0 : -NOT_HERE));
		listen.flags = 0;
		listen.first = inside + 1;
		check(control(fd, MSGSLOT_LISTEN, &listen) == -INVALID);
		listen.first = inside - 1;
		check(control(fd, MSGSLOT_LISTEN, &listen) == 0);
		check(control(fd, MSGSLOT_INFO, &info) == 0);
		check(info.listeners == 1 && info.feed_depth == 1024);
		recv.timeout = 5000000;
		check(control(fd, MSGSLOT_RECV, &recv) == -TIMED_OUT && recv.channel == 77);
		send = send_of(outside, "outside");
		check(control(fd, MSGSLOT_SEND, &send) == 0);
		recv.timeout = 0;
		check(control(fd, MSGSLOT_RECV, &recv) == -AGAIN && recv.channel == 77);
		send = send_of(inside, "inside");
		check(control(fd, MSGSLOT_SEND, &send) == 0);
		recv.size = 5;
		check(control(fd, MSGSLOT_RECV, &recv) == -NO_SPACE && recv.length == 6);
		recv = recv_of(77, MSGSLOT_RECV_RANGE, got, sizeof(got));
		check(control(fd, MSGSLOT_RECV, &recv) == 0 && recv.channel == inside);
		check(recv.sequence == 1 && recv.length == 6 && same(got, "inside", 6));
		check(recv.lost == 0 && recv.uid == 0 && recv.time > 1000000);
		send.channel = inside - 1;
		check(control(fd, MSGSLOT_SEND, &send) == 0);
		check(call(SYS32_READ, fd, (unsigned long)got, sizeof(got)) == 6);
		check(control(fd, MSG_SLOT_CHANNEL, (void *)5) == 0);
		recv = recv_of(77, MSGSLOT_RECV_RANGE, got, sizeof(got));
		check(control(fd, MSGSLOT_RECV, &recv) == -INVALID);
		call(SYS32_CLOSE, fd, 0, 0);
	}
	end_test("listen_and_range");
}

/* Five messages of three channels. */
static int batch_send(int fd, unsigned int number)
{
	struct msgslot_send send;

	batch.size = 0;
	batch_add(5, "a");
	batch_add(3, "eight by");
	batch_add(5, "bc");
	batch_add(4294967295u, "d");
	batch_add(5, "thirty-two");
	send = batch_send_of();
	return control(fd, MSGSLOT_SEND, &send) == 5 && send.sequence == number;
}

static void batches_in_each_mode(void)
{
	const unsigned int peek = MSGSLOT_RECV_PEEK, newer = MSGSLOT_RECV_NEWER;
	const unsigned int range = MSGSLOT_RECV_RANGE;
	struct msgslot_listen listen = { .first = 1, .last = 9 };
	int fd = slot_new(SLOT " last\n"), other;

	check(control(fd, MSG_SLOT_CHANNEL, (void *)5) == 0);
	check(gets(fd, 5, 0, sizeof(batch.bytes), "") == -AGAIN);
	check(batch_send(fd, 3));
	check_gets(fd, 5, 0, "5.3:thirty-two ");
	check_gets(fd, 4294967295u, 0, "4294967295.1:d ");
	check(control(fd, MSGSLOT_LISTEN, &listen) == 0);
	check_gets(fd, 77, range, "3.1:eight by 5.3:thirty-two ");
	call(SYS32_CLOSE, fd, 0, 0);

	fd = slot_new(SLOT " queue\n");
	check(batch_send(fd, 3));
	check_gets(fd, 5, peek, "5.1:a 5.2:bc 5.3:thirty-two ");
	check(gets(fd, 5, 0, 56 + 48 + 1, "5.1:a ") == 1);
	check(control(fd, MSGSLOT_LISTEN, &listen) == 0);
	check_gets(fd, 77, range | peek, "3.1:eight by 5.2:bc 5.3:thirty-two ");
	check_gets(fd, 77, range, "3.1:eight by 5.2:bc 5.3:thirty-two ");
	check(gets(fd, 77, range, sizeof(batch.bytes), "") == -AGAIN);
	check_gets(fd, 4294967295u, 0, "4294967295.1:d ");
	call(SYS32_CLOSE, fd, 0, 0);

	fd = slot_new(SLOT " broadcast\n");
	other = call(SYS32_OPEN, (unsigned long)slot_path, IN | NO_WAIT, 0);
	check(control(fd, MSG_SLOT_CHANNEL, (void *)5) == 0);
	check(control(other, MSGSLOT_LISTEN, &listen) == 0);
	check(batch_send(fd, 3));
	check_gets(fd, 5, 0, "5.1:a 5.2:bc 5.3:thirty-two ");
	check_gets(fd, 3, newer, "3.1:eight by ");
	check_gets(other, 77, range, "5.1:a 3.1:eight by 5.2:bc 5.3:thirty-two ");
	check(gets(other, 77, range, sizeof(batch.bytes), "") == -AGAIN);
	call(SYS32_CLOSE, other, 0, 0);
	call(SYS32_CLOSE, fd, 0, 0);
	end_test("batches_in_each_mode");
}

static void batches_that_are_refused(void)
{
	struct msgslot_header *header;
	struct msgslot_send send;
	struct msgslot_recv recv;
	int fd = slot_new(SLOT " queue\n");

	check(sizeof(*header) == MSGSLOT_HEADER_SIZE && offsetof(struct msgslot_header, uid) == 44);
	batch.size = 0;
	batch_add(5, "good");
	header = batch_add(5, "bad");
	send = batch_send_of();
	/* Addresses and lengths have all their bits. */
	send.message |= 1ull << 32;
	check(control(fd, MSGSLOT_SEND, &send) == -FAULT);
	send.message = 0;
	check(control(fd, MSGSLOT_SEND, &send) == -INVALID);
	send = batch_send_of();
	header->length = 4294967295u;
	check(control(fd, MSGSLOT_SEND, &send) == 1 && send.sequence == 1);
	send.message += 56;
	send.length -= 56;
	check(control(fd, MSGSLOT_SEND, &send) == -INVALID);
	header->length = 3;
	send.length -= 6;
	check(control(fd, MSGSLOT_SEND, &send) == -INVALID);
	recv = recv_of(5, MSGSLOT_RECV_MANY, batch.bytes, 51);
	check(control(fd, MSGSLOT_RECV, &recv) == -NO_SPACE && recv.length == 52);
	recv = recv_of(5, MSGSLOT_RECV_MANY, batch.bytes, sizeof(batch.bytes));
	recv.message |= 1ull << 63;
	check(control(fd, MSGSLOT_RECV, &recv) == -FAULT && recv.sequence == 0);
	recv.message = (unsigned long)batch.bytes;
	check(control(fd, MSGSLOT_RECV, &recv) == 1 && recv.sequence == 1 && recv.length == 56);
	/* What was received is sent as it is. */
	batch.size = recv.length;
	send = batch_send_of();
	check(control(fd, MSGSLOT_SEND, &send) == 1);
	check_gets(fd, 5, 0, "5.2:good ");
	call(SYS32_CLOSE, fd, 0, 0);
	end_test("batches_that_are_refused");
}

AT_START void _start(void);
void _start(void)
{
	say("1..9\n");
	select_read_and_write();
	send_and_recv();
	what_each_mode_has_for_itself();
	clear_info_and_walk();
	structs_of_other_sizes();
	mapped();
	listen_and_range();
	batches_in_each_mode();
	batches_that_are_refused();
	put("/sys/class/msgslot/destroy", SLOT "\n");
	call(SYS32_EXIT, 0, 0, 0);
	__builtin_unreachable();
}
