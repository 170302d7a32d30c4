// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot record: write all that is sent to slots of the modes last and broadcast into a file.
 *
 * A block of the file is written when it is long enough, or when it has waited for a moment: so the
 * file can be read while it grows.  Once a second it is made sure that it is on the disk.
 */
#define _GNU_SOURCE /* ppoll() */
#include "clock.h"
#include "command.h"
#include "format.h"
#include "option.h"
#include "output.h"
#include "print.h"
#include "record_show.h"
#include "recordfile.h"
#include "report.h"
#include "slot.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a block waits for more, and a written one for the disk. */
#define RECORD_WAIT (MSGSLOT_SECOND / 10)
#define RECORD_SYNC MSGSLOT_SECOND

/**
 * struct record_source - a slot that is recorded
 * @address: of it, with the channels
 * @slot: open
 * @reader: of the channels
 * @lost: messages, since the beginning
 */
struct record_source {
	struct address address;
	struct slot slot;
	struct msgslot_reader *reader;
	uint64_t lost;
};

/**
 * struct record - what is being recorded
 * @sources: the @count slots
 * @files: to be polled: of the signals, and then of the slots
 * @before: the signal mask that the process was started with
 * @file: that is written
 * @block: that is filled; since @begun, on CLOCK_MONOTONIC, if it has a message
 * @blocks: how many were written
 * @unsynced: since when a block waits for the disk; 0: none does
 * @boot: CLOCK_REALTIME when CLOCK_BOOTTIME was 0
 * @messages: how many were received
 * @written: how many of them are in the file
 */
struct record {
	struct record_source *sources;
	uint32_t count;
	struct pollfd *files;
	sigset_t before;
	struct output file;
	struct text block;
	int64_t begun;
	uint64_t blocks;
	int64_t unsynced;
	int64_t boot;
	uint64_t messages;
	uint64_t written;
};

static const char *record_path;	 /* of -o, or NULL */
static const char *record_shown; /* of --show, or NULL */
static uint64_t record_most;	 /* of -C; 0: no limit */
static int64_t record_duration = MSGSLOT_FOREVER;
static bool record_verbose;
static struct print record_print;

static const struct option_rule record_options[] = {
	{ .letter = 'o', .name = "output", .text = &record_path },
	{ .letter = 'C', .name = "count", .number = &record_most, .min = 1, .max = UINT64_MAX },
	{ .letter = 'd', .name = "duration", .seconds = &record_duration },
	{ .letter = 'v', .name = "verbose", .flag = &record_verbose },
	{ .name = "show", .text = &record_shown },
	PRINT_OPTIONS(record_print),
	{ .name = NULL },
};

/*
 * ---- the file ----------------------------------------------------------------------------------
 */

static int record_write_block(struct record *record)
{
	int status;

	recordfile_complete(&record->block, record->blocks);
	status = output_write(&record->file, &record->block);
	if (status)
		return status;
	record->blocks++;
	record->written = record->messages;
	if (!record->unsynced)
		record->unsynced = clock_now(CLOCK_MONOTONIC);
	recordfile_begin(&record->block);
	return STATUS_DONE;
}

static int record_sync(struct record *record)
{
	record->unsynced = 0;
	/* Of a pipe there is nothing to make sure of. */
	if (!fdatasync(record->file.fd) || errno == EINVAL || errno == EROFS)
		return STATUS_DONE;
	return report_system(record->file.path, errno);
}

/*
 * ---- the slots ---------------------------------------------------------------------------------
 */

static int record_open_source(struct record_source *source)
{
	const struct msgslot_receive_options options = { .flags = MSGSLOT_RECV_RANGE };
	const struct address *address = &source->address;
	struct slot *slot = &source->slot;
	int status = slot_open(slot, address, O_RDONLY);

	if (status)
		return status;
	if (msgslot_slot_get_mode(slot->handle) == MSGSLOT_QUEUE)
		return report_error(STATUS_USAGE, slot->node,
				    "To record a queue would be to take its messages.",
				    "the slot is of mode queue");
	if (msgslot_range_listen(slot->handle, address->channel, address->last, 0))
		return slot_report(slot, errno);
	source->reader = msgslot_reader_new(slot->handle, 0, &options, 0);
	return source->reader ? STATUS_DONE : report_system(slot->node, errno);
}

static int record_add_source(struct record *record, struct record_source *source)
{
	const struct slot *slot = &source->slot;
	struct recordfile_source known = {
		.minor = (uint32_t)msgslot_slot_get_minor(slot->handle),
		.mode = (uint32_t)msgslot_slot_get_mode(slot->handle),
		.first = source->address.channel,
		.last = source->address.last,
		.time = (uint64_t)(record->boot + clock_now(CLOCK_BOOTTIME)),
		.max_message = (uint32_t)msgslot_slot_get_max_message(slot->handle),
	};
	struct msgslot_info info;

	if (msgslot_info_get(slot->handle, &info, sizeof(info)))
		return slot_report(slot, errno);
	memcpy(known.instance, info.instance, sizeof(known.instance));
	recordfile_add_source(&record->block, &known, slot->node);
	return STATUS_DONE;
}

static void record_add_message(struct record *record, uint32_t n,
			       const struct msgslot_message *known, const void *bytes)
{
	struct record_source *source = &record->sources[n];
	const struct recordfile_message message = {
		.source = n,
		.channel = known->channel,
		.length = (uint32_t)known->length,
		.pid = known->pid,
		.uid = known->uid,
		.sequence = known->sequence,
		.time = known->time + (uint64_t)record->boot,
		.lost = known->lost - source->lost,
	};

	if (recordfile_is_empty(&record->block))
		record->begun = clock_now(CLOCK_MONOTONIC);
	source->lost = known->lost;
	recordfile_add_message(&record->block, &message, bytes);
	record->messages++;
}

static bool record_is_complete(const struct record *record)
{
	return record_most && record->messages == record_most;
}

/* Records what a slot has now, but no more than so many messages. */
static int record_take(struct record *record, uint32_t n, size_t most)
{
	struct record_source *source = &record->sources[n];
	struct msgslot_message message;
	int status = STATUS_DONE;
	const void *bytes;

	for (size_t turn = 0; !status && turn < most && !record_is_complete(record); turn++) {
		if (msgslot_reader_next(source->reader, &bytes, &message, sizeof(message)) < 0) {
			if (errno == EAGAIN)
				break;
			status = errno == EINTR ? STATUS_DONE : slot_report(&source->slot, errno);
			continue;
		}
		record_add_message(record, n, &message, bytes);
		if (record->block.length > RECORDFILE_BLOCK)
			status = record_write_block(record);
	}
	return status;
}

/* Records what the readers have received, and receives no more. */
static int record_take_rest(struct record *record)
{
	int status = STATUS_DONE;

	for (uint32_t n = 0; !status && n < record->count; n++)
		status = record_take(record, n, msgslot_reader_get_left(record->sources[n].reader));
	return status;
}

/*
 * ---- all of it ---------------------------------------------------------------------------------
 */

/* When the next thing is to be done without a message: a time of CLOCK_MONOTONIC; or INT64_MAX. */
static int64_t record_next_time(const struct record *record)
{
	int64_t next = record->file.end;

	if (!recordfile_is_empty(&record->block) && record->begun + RECORD_WAIT < next)
		next = record->begun + RECORD_WAIT;
	if (record->unsynced && record->unsynced + RECORD_SYNC < next)
		next = record->unsynced + RECORD_SYNC;
	return next;
}

/* Waits for a message, a signal, which ends the recording, or that time. */
static int record_wait(struct record *record, int64_t until)
{
	int64_t left = until - clock_now(CLOCK_MONOTONIC);
	struct timespec limit = { 0 };

	/* What a reader has received already, poll() does not tell of. */
	for (uint32_t n = 0; n < record->count; n++)
		if (msgslot_reader_get_left(record->sources[n].reader))
			left = 0;
	if (left > 0)
		limit = (struct timespec){ left / MSGSLOT_SECOND, left % MSGSLOT_SECOND };
	if (ppoll(record->files, record->count + 1, until == INT64_MAX && left ? NULL : &limit,
		  NULL) < 0 &&
	    errno != EINTR)
		return report_system("poll", errno);
	if (record->files[0].revents)
		record->file.end = 0;
	return STATUS_DONE;
}

static int record_until_the_end(struct record *record)
{
	int64_t now = clock_now(CLOCK_MONOTONIC);
	int status = STATUS_DONE;

	while (!status && now < record->file.end && !record_is_complete(record)) {
		status = record_wait(record, record_next_time(record));
		/* No more than fits into some blocks: then it is the next one's turn. */
		for (uint32_t n = 0; !status && n < record->count; n++)
			if (record->files[n + 1].revents ||
			    msgslot_reader_get_left(record->sources[n].reader))
				status = record_take(record, n, 4096);
		now = clock_now(CLOCK_MONOTONIC);
		if (!status && !recordfile_is_empty(&record->block) &&
		    now >= record->begun + RECORD_WAIT)
			status = record_write_block(record);
		if (!status && record->unsynced && now >= record->unsynced + RECORD_SYNC)
			status = record_sync(record);
	}
	return status;
}

/* What was received is written also when a slot was destroyed; not when the file failed. */
static int record_end(struct record *record, int status)
{
	int last = record->file.failed ? STATUS_DONE : record_take_rest(record);
	uint64_t lost = 0;

	if (!last && !record->file.failed && !recordfile_is_empty(&record->block))
		last = record_write_block(record);
	if (!last)
		last = record_sync(record);
	for (uint32_t n = 0; n < record->count; n++)
		lost += record->sources[n].lost;
	if (record_verbose)
		fprintf(stderr, "%s: %" PRIu64 " message%s, %" PRIu64 " lost\n", record->file.path,
			record->written, text_plural(record->written), lost);
	if (!status)
		status = last;
	if (!status && lost)
		status = report_error(STATUS_LOST, record->file.path, NULL,
				      "%" PRIu64 " message%s lost before %s could be received",
				      lost, text_plural(lost), lost == 1 ? "it" : "they");
	return status;
}

/* Signals that end the recording are read like messages: SIGHUP unless nohup had it ignored. */
static int record_open_signals(struct record *record)
{
	struct sigaction hangup;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, &record->before);
	return signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int record_begin(struct record *record)
{
	int status = STATUS_DONE;

	record->boot = clock_now(CLOCK_REALTIME) - clock_now(CLOCK_BOOTTIME);
	record->files = calloc(record->count + 1, sizeof(*record->files));
	if (!record->files)
		return report_system("msgslot", errno);
	record->file.signals = record_open_signals(record);
	if (record->file.signals < 0)
		return report_system("signals", errno);
	record->files[0] = (struct pollfd){ .fd = record->file.signals, .events = POLLIN };
	recordfile_begin(&record->block);
	for (uint32_t n = 0; !status && n < record->count; n++) {
		status = record_open_source(&record->sources[n]);
		if (!status)
			status = record_add_source(record, &record->sources[n]);
		if (!status)
			record->files[n + 1] = (struct pollfd){
				.fd = msgslot_slot_get_fd(record->sources[n].slot.handle),
				.events = POLLIN,
			};
	}
	if (!status)
		status = output_create(&record->file, &record->before);
	record->file.end = record_duration < 0 ? INT64_MAX :
						 clock_now(CLOCK_MONOTONIC) + record_duration;
	return status ? status : record_write_block(record);
}

static int record_slots(struct record *record)
{
	int status = record_begin(record);

	if (status)
		return status;
	/* Where it was not said, and there is such a file now. */
	if (!record_path && printf("%s\n", record->file.path) >= 0)
		status = stream_flush();
	if (!status)
		status = record_until_the_end(record);
	return record_end(record, status);
}

/*
 * ---- the words ---------------------------------------------------------------------------------
 */

/* SLOT alone, or SLOT and CHANNEL as often as wanted. */
static int record_take_words(struct record *record, int argc, char **argv)
{
	const enum channel_wanted wanted = argc == 1 ? RANGE_OPTIONAL : CHANNEL_RANGE;
	struct address *address;
	int status = argc ? STATUS_DONE : report_usage("no slot is given");

	record->sources = calloc((size_t)argc + 1, sizeof(*record->sources));
	if (!record->sources)
		return report_system("msgslot", errno);
	while (!status && argc) {
		if (record->count == RECORDFILE_SOURCES_MAX)
			return report_usage("more than %d slots", RECORDFILE_SOURCES_MAX);
		address = &record->sources[record->count++].address;
		status = argument_address(argc, argv, wanted, address);
		if (!status) {
			argc -= address->words;
			argv += address->words;
		}
	}
	return status;
}

/* A name for the file, by the time. */
static const char *record_name(void)
{
	static char name[64];
	time_t now = time(NULL);
	struct tm parts;

	if (!localtime_r(&now, &parts) ||
	    !strftime(name, sizeof(name), "msgslot-%Y%m%d-%H%M%S.record", &parts))
		return "msgslot.record";
	return name;
}

static int record_run(int argc, char **argv)
{
	struct record record = { 0 };
	int status = print_begin(&record_print);

	if (status)
		return status;
	if (record_shown) {
		status = argument_end(argc, argv, 0);
		return status ? status : record_show(record_shown, &record_print, record_most);
	}
	status = record_take_words(&record, argc, argv);
	record.file.path = record_path ? record_path : record_name();
	if (!status && !strcmp(record.file.path, "-") && record_print.terminal)
		status = report_usage("a recording is not written to a terminal");
	if (!status)
		status = record_slots(&record);
	for (uint32_t n = 0; n < record.count; n++) {
		msgslot_reader_free(record.sources[n].reader);
		msgslot_slot_close(record.sources[n].slot.handle);
	}
	free(record.sources);
	free(record.files);
	text_free(&record.block);
	return status;
}

const struct command record_command = {
	.name = "record",
	.run = record_run,
	.options = record_options,
	.arguments = "[OPTION]... { SLOT | SLOT CHANNEL ... | --show FILE }",
	.summary = "Write all that is sent to slots into a file, or print such a file.",
	.help = "  SLOT               a number N for /dev/msgslotN, or the path of a device node\n"
		"  CHANNEL            0 to 4294967295, or a range: 1-100, 0x10-, all; further slots\n"
		"                     and channels may follow (@NAME stands for both)\n"
		"  -o, --output FILE  into this file; '-' is standard output\n"
		"  -C, --count N      end after N messages\n"
		"  -d, --duration SEC  end after so many seconds\n"
		"  -v, --verbose      say at the end how many messages there were\n"
		"      --show FILE    print the messages of a file, also while it grows\n"
		"  -F, --format TEXT  of --show: print TEXT with fields, as msgslot recv does\n"
		"  -j, --json         of --show: print a JSON object for each, one a line\n"
		"  -N, --no-newline   of --show: no newline behind a message\n"
		"  -0, --null         of --show: a NUL byte behind each message\n"
		"  -h, --help         print this\n"
		"\n"
		"It ends with SIGINT (control-C) or SIGTERM.  'msgslot play' sends the messages again.\n",
};
