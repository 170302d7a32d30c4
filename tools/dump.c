// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot dump: copy the messages of a slot, or of some of its channels, into a file.  No message
 * is taken, and no cursor moves.
 *
 * All messages are fetched before the first byte is written.  While the slot is open this process
 * is a reader, and with overflow=block writers wait for readers: a slow disk or pipe must not delay
 * them.
 */
#define _GNU_SOURCE /* mkostemp() */
#include "clock.h"
#include "command.h"
#include "dumpfile.h"
#include "file.h"
#include "kept.h"
#include "option.h"
#include "report.h"
#include "slot.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * ---- the slot ----------------------------------------------------------------------------------
 */

/* The dump that is being made. */
struct dump {
	struct slot slot;
	struct text file;
	struct dumpfile_header header;
	int64_t boot; /* CLOCK_REALTIME when CLOCK_BOOTTIME was 0 */
};

static void dump_add_message(struct dump *dump, const struct msgslot_message *known)
{
	struct dumpfile_message message = {
		.channel = known->channel,
		.length = (uint32_t)known->length,
		.sequence = known->sequence,
		.time = known->time + (uint64_t)dump->boot,
		.pid = known->pid,
		.uid = known->uid,
	};

	dumpfile_swap_message(&message);
	text_bytes(&dump->file, &message, sizeof(message));
	text_bytes(&dump->file, stream_buffer, known->length);
}

static int dump_add_all(struct dump *dump, unsigned int mode)
{
	struct kept kept = { .lasting = mode == MSGSLOT_LAST };
	struct dumpfile_header *header = &dump->header;
	struct msgslot_message message;
	uint32_t channel = 0;
	int status = STATUS_DONE;
	ssize_t length;

	while ((length = kept_next(&kept, &dump->slot, stream_buffer, sizeof(stream_buffer),
				   &message)) > 0) {
		header->channels += !header->messages || message.channel != channel;
		header->messages++;
		channel = message.channel;
		dump_add_message(dump, &message);
	}
	dump->slot.channel = kept.channel;
	if (length < 0)
		status = slot_report_receive(&dump->slot, 0, errno);
	kept_end(&kept);
	return status;
}

/* Makes the whole file in memory.  Closes the slot. */
static int dump_fetch(struct dump *dump, const struct address *address)
{
	struct dumpfile_header *header = &dump->header;
	struct msgslot_info info;
	int status = slot_open(&dump->slot, address, O_RDONLY);

	if (status)
		return status;
	dump->boot = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME);
	text_bytes(&dump->file, header, sizeof(*header));
	if (msgslot_info_get(dump->slot.handle, &info, sizeof(info))) {
		status = slot_report(&dump->slot, errno);
	} else {
		header->depth = info.depth;
		status = dump_add_all(dump, info.mode);
	}
	msgslot_slot_close(dump->slot.handle);
	if (status)
		return status;

	memcpy(header->magic, DUMPFILE_MAGIC, sizeof(header->magic));
	header->version = DUMPFILE_VERSION;
	header->mode = info.mode;
	header->length = dump->file.length + DUMPFILE_CHECKSUM;
	header->time = (uint64_t)clock_now(CLOCK_REALTIME);
	memcpy(header->instance, info.instance, sizeof(header->instance));
	header->max_message = info.max_message;
	header->overflow = info.overflow;
	dumpfile_swap_header(header);
	memcpy(dump->file.bytes, header, sizeof(*header));
	dumpfile_add_checksum(&dump->file);
	return STATUS_DONE;
}

/*
 * ---- the file ----------------------------------------------------------------------------------
 */

/* Writes to a pipe or a device.  Reports name path, which the user gave. */
static int dump_write_other(const char *path, const char *target, const struct text *file)
{
	int fd = open(target, O_WRONLY | O_CLOEXEC);
	int status = STATUS_DONE;

	if (fd < 0)
		return report_system(path, errno);
	if (stream_write_to(fd, file->bytes, file->length))
		status = report_system(path, errno);
	close(fd);
	return status;
}

/*
 * Writes the file whole or not at all: under another name first.  If the disk is full that file is
 * removed, and the old one is still there.  The data and the name are on the disk when this
 * returns, because a reboot may follow.
 */
static int dump_write_regular(const char *path, const char *target, const struct text *file)
{
	char name[4096];
	int fd, status = STATUS_DONE;

	if (snprintf(name, sizeof(name), "%s.XXXXXX", target) >= (int)sizeof(name))
		return report_system(path, ENAMETOOLONG);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return report_system(path, errno);
	if (stream_write_to(fd, file->bytes, file->length) || fsync(fd))
		status = report_system(path, errno);
	if (close(fd) && !status)
		status = report_system(path, errno);
	if (!status && rename(name, target))
		status = report_system(path, errno);
	if (status)
		unlink(name);
	else if (file_sync_name(target))
		status = report_system(path, errno);
	return status;
}

static int dump_write_file(const char *path, const struct text *file)
{
	char *target = realpath(path, NULL);
	struct stat found;
	int status;

	/* A link stays a link: its target is replaced. */
	if (target && !stat(target, &found) && !S_ISREG(found.st_mode))
		status = dump_write_other(path, target, file);
	else
		status = dump_write_regular(path, target ? target : path, file);
	free(target);
	return status;
}

static int dump_run(int argc, char **argv)
{
	struct dump dump = { 0 };
	struct address address;
	int status = argument_address(argc, argv, CHANNEL_NONE, &address);
	const char *path;

	/* Of @NAME it is the slot, too, and the channel a word of its own. */
	if (!status && argc > 2) {
		status = argument_channel(argv[1], CHANNEL_RANGE, &address);
		address.words = 2;
	}
	if (!status && argc <= address.words)
		status = report_usage("no file is given");
	if (!status)
		status = argument_end(argc, argv, address.words + 1);
	if (status)
		return status;
	path = argv[address.words];
	if (!strcmp(path, "-") && isatty(STDOUT_FILENO))
		return report_usage("a dump is not written to a terminal");

	status = dump_fetch(&dump, &address);
	if (!status && strcmp(path, "-"))
		status = dump_write_file(path, &dump.file);
	else if (!status)
		status = stream_print(&dump.file);
	text_free(&dump.file);
	return status;
}

const struct command dump_command = {
	.name = "dump",
	.run = dump_run,
	.options = option_none,
	.arguments = "[-h] SLOT [CHANNEL] { FILE | - }",
	.summary = "Copy the messages of a slot into a file.",
	.help = "  SLOT        a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL     only this channel, or a range: 1-100, 0x10-\n"
		"  FILE        where to; '-' is standard output\n"
		"  -h, --help  print this\n"
		"\n"
		"The messages stay where they are.  'msgslot restore' sends them again.\n",
};
