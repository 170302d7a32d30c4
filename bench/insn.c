// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a message costs in mode `last`, beside a file in memory and calls that only copy.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "measure.h"

enum { LONG_MINOR = 63 }; /* our own slot: it gets another max_message */

static struct {
	int zero, null, file, small, big;
} fd;

static long do_getppid(void)
{
	return getppid() >= 0 ? SMALL : -1;
}

static long do_zero(void)
{
	return read(fd.zero, data, SMALL);
}

static long do_null(void)
{
	return write(fd.null, data, SMALL);
}

static long do_pread(void)
{
	return pread(fd.file, data, SMALL, 0);
}

static long do_pwrite(void)
{
	return pwrite(fd.file, data, SMALL, 0);
}

static long do_write(void)
{
	return write(fd.small, data, SMALL);
}

static long do_read(void)
{
	return read(fd.small, data, SMALL);
}

static long do_long_file(void)
{
	return pwrite(fd.file, data, LONG, 0) == LONG ? pread(fd.file, data, LONG, 0) : -1;
}

static long do_long_slot(void)
{
	return write(fd.big, data, LONG) == LONG ? read(fd.big, data, LONG) : -1;
}

static struct call peers[] = {
	{ "getppid, the floor of a call", do_getppid, SMALL, 500, "338", NULL, 0 },
	{ "read /dev/zero", do_zero, SMALL, 500, "682", NULL, 0 },
	{ "write /dev/null (copies nothing)", do_null, SMALL, 500, "591", NULL, 0 },
	{ "tmpfs pread", do_pread, SMALL, 500, "1305", NULL, 0 },
	{ "tmpfs pwrite", do_pwrite, SMALL, 500, "1693", NULL, 0 },
};

static struct call slot_write = { "msgslot last write", do_write, SMALL, 500, "905", NULL, 0 };
static struct call slot_read = { "msgslot last read", do_read, SMALL, 500, "821", NULL, 0 };
static struct call file_long = {
	"tmpfs pwrite + pread, 64 KiB", do_long_file, LONG, 20, "36700", NULL, 0
};
static struct call slot_long = {
	"msgslot last write + read, 64 KiB", do_long_slot, LONG, 20, "19600", NULL, 0
};

static void open_all(void)
{
	fd.zero = need(open("/dev/zero", O_RDONLY), "/dev/zero");
	fd.null = need(open("/dev/null", O_WRONLY), "/dev/null");
	fd.file = need(memfd_create("bench", 0), "memfd_create");
	need(ftruncate(fd.file, LONG), "ftruncate");
	fd.small = need(slot_open_on(0, O_RDWR, 1), "/dev/msgslot0");
	slot_renew(LONG_MINOR, "last");
	need(slot_set(LONG_MINOR, "max_message", LONG), "max_message");
	fd.big = need(slot_open_on(LONG_MINOR, O_RDWR, 1), "our own slot");
}

int main(void)
{
	size_t i;

	open_all();
	measure_begin(3);
	for (i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		measure(&peers[i]);
	measure(&slot_write);
	measure(&slot_read);
	measure(&file_long);
	measure(&slot_long);
	slot_destroy(LONG_MINOR);
	measure_end();

	judge("last: write of 128 bytes", slot_write.insn, 950);
	judge("last: read of 128 bytes", slot_read.insn, 860);
	judge("last: 64 KiB write + read, as a share of tmpfs", slot_long.insn / file_long.insn,
	      0.7);
	return failed != 0;
}
