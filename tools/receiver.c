// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Message by message from a channel.  See receiver.h.
 *
 * A message that was taken from a `queue` is lost if standard output has no reader any more.  So
 * standard output is checked before each take, and polled together with the slot while there is no
 * message.  A wait in the kernel's receive would not notice that a pipe was closed meanwhile.
 *
 * In `last` a message is new if its sequence is above that of the one before; in `broadcast` the
 * file has a cursor; in `queue` repeated peeks need the flag of --newer, and may wait in the
 * kernel, as they take nothing.
 */
#define _GNU_SOURCE /* ppoll() */
#include "receiver.h"

#include "clock.h"
#include "format.h"
#include "program.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A `broadcast` file joins at the end; with --newer it goes back to the messages kept. */
static int receiver_join(struct receiver *receiver)
{
	struct slot *slot = &receiver->slot;
	uint64_t sequence = receiver->sequence + 1;
	int status = slot_select(slot);

	receiver->selected = true;
	if (status || !receiver->newer)
		return status;
	if (!msgslot_channel_seek(slot->handle,
				  receiver->sequence ? MSGSLOT_SEEK_SEQUENCE : MSGSLOT_SEEK_OLDEST,
				  &sequence))
		return STATUS_DONE;
	if (errno != EINVAL)
		return slot_report(slot, errno);
	return report_error(
		STATUS_FAILED, slot->node,
		"Every new slot counts from 1 again: --newer 0 receives all that is kept.",
		"channel %u: there was no message %" PRIu64 " yet", slot->channel,
		receiver->sequence);
}

int receiver_open(struct receiver *receiver, const struct address *address)
{
	struct slot *slot = &receiver->slot;
	int status = slot_open(slot, address, O_RDONLY);

	if (status)
		return status;
	switch (msgslot_slot_get_mode(slot->handle)) {
	case MSGSLOT_BROADCAST:
		receiver->wait = true;
		/* The messages kept were sent before this file joined. */
		receiver->newer = receiver->newer || receiver->all;
		return receiver_join(receiver);
	case MSGSLOT_QUEUE:
		receiver->wait = true;
		if (receiver->newer && !receiver->peek)
			return report_error(STATUS_USAGE, slot->node,
					    "With -p no message is taken, and any can be shown.",
					    "in mode queue --newer needs -p");
	}
	return STATUS_DONE;
}

/* The rest of the timeout.  *deadline is -1 until the wait begins. */
static int64_t receiver_time_left(const struct receiver *receiver, int64_t *deadline)
{
	int64_t left;

	if (!receiver->wait)
		return 0;
	if (receiver->timeout <= 0)
		return receiver->timeout;
	if (*deadline < 0)
		*deadline = clock_now(CLOCK_MONOTONIC) + receiver->timeout;
	left = *deadline - clock_now(CLOCK_MONOTONIC);
	return left > 0 ? left : 0;
}

static int receiver_report_output(const struct receiver *receiver, const struct pollfd *output)
{
	if (output->revents & POLLNVAL)
		return report_system("standard output", EBADF);
	if (!(output->revents & (POLLERR | POLLHUP)))
		return STATUS_DONE;
	/* The end of "recv -f | head -n 1": no error, and no message is lost. */
	return receiver->follows ? STATUS_FAILED : report_system("standard output", EPIPE);
}

static int receiver_check_output(const struct receiver *receiver)
{
	struct pollfd output = { .fd = STDOUT_FILENO };

	return poll(&output, 1, 0) > 0 ? receiver_report_output(receiver, &output) : STATUS_DONE;
}

/* Waits for a message, or for the end of standard output, which is an error. */
static int receiver_wait_for_either(const struct receiver *receiver, int64_t timeout)
{
	struct pollfd files[] = {
		{ .fd = receiver->prints ? STDOUT_FILENO : -1 },
		{ .fd = msgslot_slot_get_fd(receiver->slot.handle), .events = POLLIN },
	};
	struct timespec limit = { timeout / MSGSLOT_SECOND, timeout % MSGSLOT_SECOND };

	if (ppoll(files, 2, timeout < 0 ? NULL : &limit, receiver->signals) < 0) {
		if (errno != EINTR)
			return report_system("poll", errno);
		return receiver->interrupted && *receiver->interrupted ? STATUS_INTERRUPTED :
									 STATUS_DONE;
	}
	return receiver_report_output(receiver, &files[0]);
}

/* After EAGAIN: STATUS_DONE to look again. */
static int receiver_wait(struct receiver *receiver, int64_t *deadline)
{
	int64_t left = receiver_time_left(receiver, deadline);
	bool waited = receiver->wait && receiver->timeout;

	if (!left && receiver->all)
		return STATUS_NOTHING;
	if (!left)
		return slot_report_receive(&receiver->slot, 0, waited ? ETIMEDOUT : EAGAIN);
	/*
	 * Not earlier, as a select creates the channel.  A message that came before needs no poll.
	 */
	if (!receiver->selected) {
		receiver->selected = true;
		return slot_select(&receiver->slot);
	}
	return receiver_wait_for_either(receiver, left);
}

static ssize_t receiver_receive(struct receiver *receiver, char *buffer,
				struct msgslot_message *message, int64_t *deadline)
{
	struct msgslot_receive_options options = { 0 };
	int mode = msgslot_slot_get_mode(receiver->slot.handle);
	ssize_t length;

	if (mode == MSGSLOT_QUEUE && receiver->peek) {
		options.flags = MSGSLOT_RECV_PEEK | (receiver->newer ? MSGSLOT_RECV_NEWER : 0);
		options.sequence = receiver->sequence;
		options.timeout = receiver_time_left(receiver, deadline);
	}
	length = msgslot_message_receive_with(receiver->slot.handle, receiver->slot.channel, buffer,
					      receiver->size ? receiver->size : MSGSLOT_MESSAGE_MAX,
					      &options, message, sizeof(*message));
	if (length < 0)
		return -1;

	/* The kernel counts losses from the join on in `broadcast`, and not at all in `last`. */
	if (mode == MSGSLOT_BROADCAST) {
		uint64_t lost = message->lost;

		message->lost -= receiver->lost;
		receiver->lost = lost;
	} else if (mode == MSGSLOT_LAST && receiver->newer) {
		if (message->sequence <= receiver->sequence) {
			errno = EAGAIN;
			return -1;
		}
		if (receiver->sequence)
			message->lost = message->sequence - receiver->sequence - 1;
	}
	receiver->newer = true;
	receiver->sequence = message->sequence;
	return length;
}

/* Whether a message that is taken now can be delivered: a status. */
static int receiver_check_delivery(struct receiver *receiver)
{
	static char path[PATH_MAX];
	bool takes = msgslot_slot_get_mode(receiver->slot.handle) == MSGSLOT_QUEUE &&
		     !receiver->peek;
	int status = takes && receiver->prints ? receiver_check_output(receiver) : STATUS_DONE;

	receiver->program_path = path;
	if (!status && receiver->program && program_find(receiver->program, path))
		return report_system(receiver->program, errno);
	return status;
}

int receiver_next(struct receiver *receiver, char *buffer, struct msgslot_message *message)
{
	int64_t deadline = -1;
	int status = STATUS_DONE;

	message->length = 0;
	while (!status) {
		status = receiver_check_delivery(receiver);
		if (status)
			break;
		if (receiver_receive(receiver, buffer, message, &deadline) >= 0) {
			if (receiver->max_age < 0 || format_age(message) <= receiver->max_age)
				break;
		} else if (errno == EAGAIN) {
			status = receiver_wait(receiver, &deadline);
		} else if (errno != EINTR) {
			status = slot_report_receive(&receiver->slot, message->length, errno);
		}
	}
	return status;
}

int receiver_take(struct receiver *receiver, const struct msgslot_message *message)
{
	const struct msgslot_receive_options options = {
		.flags = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP,
		.sequence = message->sequence,
	};

	if (msgslot_message_receive_with(receiver->slot.handle, receiver->slot.channel, NULL, 0,
					 &options, NULL, 0) >= 0)
		return STATUS_DONE;
	if (errno != ESTALE)
		return slot_report(&receiver->slot, errno);
	return report_error(STATUS_STALE, receiver->slot.node,
			    "Let one process at a time serve a channel.",
			    "channel %u: another reader took message %" PRIu64,
			    receiver->slot.channel, message->sequence);
}

int receiver_status(const struct receiver *receiver)
{
	return receiver->lost ? STATUS_LOST : STATUS_DONE;
}
