// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msgslot play: send the messages of a recording again, with the pauses that were between them,
 * with shorter or longer ones, or with none.  The file is not trusted: neither its times, nor that
 * what it names is a slot.
 */
#define _GNU_SOURCE /* O_PATH */
#include "clock.h"
#include "command.h"
#include "option.h"
#include "recordfile.h"
#include "report.h"
#include "report_errno.h"
#include "sandbox.h"
#include "slot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* No pause is longer, in nanoseconds: a century, which can be added to a clock. */
#define PLAY_PAUSE 4e18

/**
 * struct play_target - where the messages of a source go
 * @wanted: they go somewhere
 * @address: of the slot
 * @slot: it, open
 * @writer: for it
 */
struct play_target {
	bool wanted;
	struct address address;
	struct slot slot;
	struct msgslot_writer *writer;
};

/**
 * struct play - what is being played
 * @file: the recording
 * @targets: one for each of its sources
 * @current: the only one whose writer may have messages that were not sent; or NULL
 * @began: when the recording did
 * @start: when this did, on CLOCK_MONOTONIC
 * @messages: how many were given to a writer
 */
struct play {
	struct recordfile file;
	struct play_target *targets;
	struct play_target *current;
	uint64_t began;
	int64_t start;
	uint64_t messages;
};

static const char *play_speed_text; /* of --speed, or NULL */
static double play_speed = 1;
static bool play_fast;
static const char *play_slot;	 /* of --slot: into this one, or NULL */
static const char *play_source;	 /* of --source: only of this one, or NULL */
static const char *play_channel; /* of --channel, or NULL: then of all of play_channels */
static struct address play_channels = { .last = UINT32_MAX };
static int64_t play_from;
static int64_t play_to = INT64_MAX;
static bool play_verbose;

static int play_check_speed(const char *text)
{
	char *end;

	play_speed = strtod(text, &end);
	if (end != text && !*end && strspn(text, "0123456789.") == strlen(text) &&
	    play_speed >= 0.001 && play_speed <= 1000000)
		return STATUS_DONE;
	return report_usage("--speed '%s' is not a number from 0.001 to 1000000", text);
}

static int play_check_channel(const char *text)
{
	return argument_channel(text, CHANNEL_RANGE, &play_channels);
}

static const struct option_rule play_options[] = {
	{ .letter = 'x', .name = "speed", .text = &play_speed_text, .check = play_check_speed },
	{ .name = "fast", .flag = &play_fast },
	{ .letter = 's', .name = "slot", .text = &play_slot },
	{ .name = "source", .text = &play_source },
	{ .letter = 'c', .name = "channel", .text = &play_channel, .check = play_check_channel },
	{ .name = "from", .seconds = &play_from },
	{ .name = "to", .seconds = &play_to },
	{ .letter = 'v', .name = "verbose", .flag = &play_verbose },
	{ .name = NULL },
};

/*
 * ---- sending -----------------------------------------------------------------------------------
 */

/* A send failed: which message it was. */
static int play_report(struct play_target *target, size_t length, uint32_t channel, int error)
{
	target->slot.channel = channel;
	msgslot_writer_get_next(target->writer, &target->slot.channel, &length);
	return slot_report_send(&target->slot, length, error);
}

/* Sends all messages so far. */
static int play_flush(struct play *play)
{
	struct play_target *target = play->current;

	while (target && msgslot_writer_flush(target->writer))
		if (errno != EINTR)
			return play_report(target, 0, 0, errno);
	return STATUS_DONE;
}

/* How many messages were sent. */
static uint64_t play_sent(const struct play *play)
{
	if (!play->current)
		return 0;
	return play->messages - msgslot_writer_get_left(play->current->writer);
}

/* Waits until a message is due; what is due before it is sent first. */
static int play_wait(struct play *play, int64_t offset)
{
	const double pause = (double)(offset - play_from) / play_speed;
	const int64_t due = play->start + (int64_t)(pause < PLAY_PAUSE ? pause : PLAY_PAUSE);
	const struct timespec until = { due / MSGSLOT_SECOND, due % MSGSLOT_SECOND };
	int status;

	if (play_fast || clock_now(CLOCK_MONOTONIC) >= due)
		return STATUS_DONE;
	status = play_flush(play);
	while (!status && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
	return status;
}

static int play_message(struct play *play, const struct recordfile_message *message,
			const char *bytes)
{
	struct play_target *target = &play->targets[message->source];
	int64_t offset = (int64_t)(message->time - play->began);
	int status;

	/* A value that was there already. */
	if (offset < 0)
		offset = 0;
	if (!target->wanted || offset < play_from || offset > play_to ||
	    !address_has(&play_channels, message->channel))
		return STATUS_DONE;
	status = play_wait(play, offset);
	/* The order holds between slots, too. */
	if (!status && target != play->current)
		status = play_flush(play);
	if (status)
		return status;
	play->current = target;
	while (msgslot_writer_put(target->writer, message->channel, bytes, message->length)) {
		const int error = errno;

		if (error == EINTR)
			continue;
		/* Its own fault: those before it are sent. */
		if (error == EMSGSIZE)
			status = play_flush(play);
		return status ? status :
				play_report(target, message->length, message->channel, error);
	}
	play->messages++;
	return STATUS_DONE;
}

static int play_messages(struct play *play)
{
	struct recordfile_message message;
	const char *bytes;
	int last, status = STATUS_DONE;

	play->start = clock_now(CLOCK_MONOTONIC);
	while (!status) {
		/* What is there is sent before the next block is waited for. */
		if (recordfile_is_used_up(&play->file))
			status = play_flush(play);
		if (status)
			return status;
		status = recordfile_next(&play->file, &message, &bytes);
		if (status)
			break;
		status = play_message(play, &message, bytes);
		if (status)
			return status;
	}
	/* Of a file that is damaged, all that is before. */
	last = play_flush(play);
	return status == STATUS_NOTHING ? last : status;
}

/*
 * ---- the slots ---------------------------------------------------------------------------------
 */

/*
 * Whether an option's word, a number, a path or a name, is the slot that was recorded: by its path,
 * or by its number, whatever path it had.
 */
static int play_names(const char *word, const struct recordfile_origin *origin, bool *is)
{
	struct address address;
	char *words[] = { (char *)word, NULL };
	int status = argument_address(1, words, CHANNEL_NONE, &address), number;

	if (status)
		return status;
	*is = !strcmp(address.node, origin->node) ||
	      (address_get_number(&address, &number) && (uint32_t)number == origin->source.minor);
	return STATUS_DONE;
}

/* What keeps a file, opened with O_PATH, from being a slot, as errno; 0: nothing does. */
static int play_check_node(int fd)
{
	struct stat found;
	unsigned int slots;

	if (fstat(fd, &found))
		return errno;
	if (!S_ISCHR(found.st_mode))
		return ENOTTY;
	slots = sandbox_find_major();
	if (!slots)
		return ENXIO;
	return major(found.st_rdev) == slots ? 0 : ENOTTY;
}

/*
 * Opens a slot that the file names.  To open another device may do something: that of a watchdog
 * starts it.  So nothing else is opened, whatever becomes of the path meanwhile.
 */
static int play_open_recorded(struct slot *slot, const struct address *address)
{
	int fd = open(address->node, O_PATH | O_CLOEXEC);
	int error = fd < 0 ? errno : play_check_node(fd);
	char path[32];

	*slot = (struct slot){ .address = address, .node = address->node };
	if (!error) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		slot->handle = msgslot_slot_open(path, O_WRONLY);
		error = slot->handle ? 0 : errno;
	}
	if (fd >= 0)
		close(fd);
	return error ? report_open(slot->node, error) : STATUS_DONE;
}

static int play_open_target(struct play *play, uint32_t n)
{
	const struct recordfile_origin *origin = &play->file.origins[n];
	struct play_target *target = &play->targets[n];
	char *words[] = { (char *)(play_slot ? play_slot : origin->node), NULL };
	int status = STATUS_DONE;

	target->wanted = true;
	if (play_source)
		status = play_names(play_source, origin, &target->wanted);
	if (status || !target->wanted)
		return status;
	status = argument_address(1, words, CHANNEL_NONE, &target->address);
	if (!status)
		status = play_slot ? slot_open(&target->slot, &target->address, O_WRONLY) :
				     play_open_recorded(&target->slot, &target->address);
	if (status)
		return status;
	target->writer = msgslot_writer_new(target->slot.handle, MSGSLOT_FOREVER, 0);
	return target->writer ? STATUS_DONE : report_system(target->slot.node, errno);
}

static int play_open_targets(struct play *play)
{
	bool any = false;
	int status = STATUS_DONE;

	play->targets = calloc(play->file.count + 1, sizeof(*play->targets));
	if (!play->targets)
		return report_system("msgslot", errno);
	play->began = UINT64_MAX;
	for (uint32_t n = 0; !status && n < play->file.count; n++) {
		if (play->file.origins[n].source.time < play->began)
			play->began = play->file.origins[n].source.time;
		status = play_open_target(play, n);
		any = any || play->targets[n].wanted;
	}
	if (!status && !play->file.count)
		status = report_error(STATUS_FAILED, play->file.path, NULL,
				      "no slot was recorded in it");
	else if (!status && !any)
		status = report_error(STATUS_FAILED, play->file.path, NULL,
				      "nothing was recorded of slot %s", play_source);
	return status;
}

static void play_close(struct play *play)
{
	for (uint32_t n = 0; play->targets && n < play->file.count; n++) {
		msgslot_writer_free(play->targets[n].writer);
		msgslot_slot_close(play->targets[n].slot.handle);
	}
	free(play->targets);
	recordfile_close(&play->file);
}

static int play_run(int argc, char **argv)
{
	struct play play = { 0 };
	int status = STATUS_DONE;

	if (play_fast && play_speed_text)
		status = report_usage("--fast and --speed exclude each other");
	if (!status && argc < 1)
		status = report_usage("no file is given");
	if (!status)
		status = argument_end(argc, argv, 1);
	if (status)
		return status;
	status = recordfile_open(&play.file, argv[0]);
	if (!status)
		status = play_open_targets(&play);
	if (!status)
		status = play_messages(&play);
	if (play_verbose)
		fprintf(stderr, "%s: %" PRIu64 " message%s sent\n", play.file.path,
			play_sent(&play), text_plural(play_sent(&play)));
	play_close(&play);
	return status;
}

const struct command play_command = {
	.name = "play",
	.run = play_run,
	.options = play_options,
	.arguments = "[OPTION]... { FILE | - }",
	.summary = "Send the messages of a file that 'msgslot record' wrote.",
	.help = "  FILE               the file; '-' is standard input\n"
		"  -x, --speed X      X times as fast as it was; 0.5 is half as fast\n"
		"      --fast         without pauses\n"
		"  -s, --slot SLOT    into this slot, not into that which was recorded\n"
		"      --source SLOT  only what was recorded of this slot\n"
		"  -c, --channel CHANNEL  only of this channel, or of a range: 1-100, 0x10-\n"
		"      --from SEC     begin so many seconds behind the beginning\n"
		"      --to SEC       end so many seconds behind the beginning\n"
		"  -v, --verbose      say at the end how many messages were sent\n"
		"  -h, --help         print this\n",
};
