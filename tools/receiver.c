// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Message by message from a channel or a range.  See receiver.h.
 *
 * A message that was taken from a `queue` is lost if standard output has no reader any more.  So
 * standard output is checked before each take, and polled together with the slot while there is no
 * message.  A wait in the kernel's receive would not notice that a pipe was closed meanwhile.
 *
 * In `last` a message is new if its sequence is above that of the one before; in `broadcast` the
 * file has a cursor; in `queue` repeated peeks need the flag of --newer, and may wait in the
 * kernel, as they take nothing.
 *
 * Of a range the slot tells what is new, in every mode.  What is kept on its channels, where that
 * is not new or must stay there, is received channel by channel instead: see kept.h.
 *
 * In batches, the messages of `queue` that were taken at a time are what a reader of standard
 * output that ends may lose.
 */
#define _GNU_SOURCE /* ppoll() */
#include "receiver.h"

#include "clock.h"
#include "format.h"
#include "program.h"
#include "report.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Of a `queue` a batch takes no more than a pipe takes in one write(); the least that a message
 * takes in a batch.
 */
enum { BATCH_TAKEN = PIPE_BUF, BATCH_LEAST = sizeof(struct msgslot_header) + 8 };

/* So long a peek waits until standard output is looked at again. */
#define PEEK_TIME MSGSLOT_SECOND

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

/* What is new on a range is the slot's to say; what is kept is received from each channel. */
static int receiver_listen(struct receiver *receiver)
{
	const struct slot *slot = &receiver->slot;
	const int mode = msgslot_slot_get_mode(slot->handle);
	const bool stays = receiver->peek && mode == MSGSLOT_QUEUE;

	if (receiver->newer)
		return report_error(STATUS_USAGE, slot->node, "Every channel counts for itself.",
				    "--newer is for one channel, and not for a range");
	if (receiver->lowest && mode != MSGSLOT_QUEUE)
		return report_error(STATUS_USAGE, slot->node, "In other modes no message is taken.",
				    "--lowest is for mode queue");
	receiver->keeps = receiver->all && (stays || mode == MSGSLOT_BROADCAST);
	if (stays && receiver->max_age >= 0 && !receiver->all)
		return report_error(STATUS_USAGE, slot->node,
				    "With -a all that are kept are looked at.",
				    "-p with --max-age is for one channel");
	/* In `broadcast` also because writers would wait for the channel that open() selects. */
	if (receiver->keeps && mode != MSGSLOT_BROADCAST)
		return STATUS_DONE;
	receiver->selected = true;
	if (!msgslot_range_listen(slot->handle, slot->address->channel, slot->address->last,
				  receiver->lowest ? MSGSLOT_LISTEN_LOWEST : 0))
		return STATUS_DONE;
	return slot_report(slot, errno);
}

static int receiver_begin(struct receiver *receiver)
{
	const struct slot *slot = &receiver->slot;
	const int mode = msgslot_slot_get_mode(slot->handle);

	/* Without a wait, what is there now on each channel. */
	if (mode == MSGSLOT_LAST && slot->address->is_range && !receiver->wait)
		receiver->all = true;
	receiver->wait = receiver->wait || mode != MSGSLOT_LAST;
	if (slot->address->is_range)
		return receiver_listen(receiver);
	if (receiver->lowest)
		return report_usage("--lowest is for a range of channels");
	if (mode == MSGSLOT_BROADCAST) {
		/* The messages kept were sent before this file joined. */
		receiver->newer = receiver->newer || receiver->all;
		return receiver_join(receiver);
	}
	if (mode == MSGSLOT_QUEUE && receiver->newer && !receiver->peek)
		return report_error(STATUS_USAGE, slot->node,
				    "With -p no message is taken, and any can be shown.",
				    "in mode queue --newer needs -p");
	return STATUS_DONE;
}

int receiver_open(struct receiver *receiver, const struct address *address)
{
	struct msgslot_receive_options options = {
		.flags = address->is_range ? MSGSLOT_RECV_RANGE : 0,
	};
	struct slot *slot = &receiver->slot;
	int status = slot_open(slot, address, receiver->writes ? O_RDWR : O_RDONLY);
	int mode;

	if (!status)
		status = receiver_begin(receiver);
	/* What others send meanwhile is not of it: otherwise it might never end. */
	if (!status && receiver->all && !receiver->keeps && kept_count(slot, &receiver->left))
		status = slot_report(slot, errno);
	if (status)
		return status;
	mode = msgslot_slot_get_mode(slot->handle);
	/* One channel of `last` has one message at a time. */
	if (!receiver->batches || receiver->keeps || receiver->peek || receiver->size ||
	    receiver->max_age >= 0 || (mode == MSGSLOT_LAST && !address->is_range))
		return STATUS_DONE;
	receiver->reader = msgslot_reader_new(slot->handle, address->channel, &options,
					      mode == MSGSLOT_QUEUE ? BATCH_TAKEN : 0);
	return receiver->reader ? STATUS_DONE : report_system(slot->node, errno);
}

bool receiver_has_more(const struct receiver *receiver)
{
	return receiver->reader && msgslot_reader_get_left(receiver->reader);
}

/* The rest of the timeout. */
static int64_t receiver_time_left(struct receiver *receiver)
{
	int64_t left;

	if (!receiver->wait)
		return 0;
	if (receiver->timeout <= 0)
		return receiver->timeout;
	if (!receiver->deadline)
		receiver->deadline = clock_now(CLOCK_MONOTONIC) + receiver->timeout;
	left = receiver->deadline - clock_now(CLOCK_MONOTONIC);
	return left > 0 ? left : 0;
}

static int receiver_report_output(const struct pollfd *output)
{
	if (output->revents & POLLNVAL)
		return report_system("standard output", EBADF);
	if (!(output->revents & (POLLERR | POLLHUP)))
		return STATUS_DONE;
	/* The end of "recv -f | head -n 1": no error, and no message is lost. */
	return stream_may_end ? STATUS_FAILED : report_system("standard output", EPIPE);
}

static int receiver_check_output(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO };

	return poll(&output, 1, 0) > 0 ? receiver_report_output(&output) : STATUS_DONE;
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
	return receiver_report_output(&files[0]);
}

/* After EAGAIN: STATUS_DONE to look again. */
static int receiver_wait(struct receiver *receiver)
{
	int64_t left = receiver_time_left(receiver);
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

/* Whether the next call may take as many messages as fit into a batch, because all are wanted. */
static bool receiver_wants_batch(const struct receiver *receiver)
{
	const uint64_t most = BATCH_TAKEN / BATCH_LEAST;

	if (!receiver->reader || msgslot_slot_get_mode(receiver->slot.handle) != MSGSLOT_QUEUE)
		return receiver->reader;
	return (!receiver->count || receiver->count - receiver->received >= most) &&
	       (!receiver->all || receiver->left >= most);
}

/*
 * How long a peek waits in the kernel, as poll() does not tell of what is behind a message that
 * stays.  Meanwhile standard output is looked at, now and then.
 */
static int64_t receiver_peek_time(struct receiver *receiver)
{
	int64_t left = receiver_time_left(receiver);

	return receiver->prints && (left < 0 || left > PEEK_TIME) ? PEEK_TIME : left;
}

/* Receives one message, or tells the next one of a batch. */
static ssize_t receiver_fetch(struct receiver *receiver, const char **bytes,
			      struct msgslot_message *message)
{
	struct msgslot_receive_options options = { 0 };
	const struct slot *slot = &receiver->slot;
	const void *in_batch;
	ssize_t length;

	*bytes = stream_buffer;
	if (receiver_has_more(receiver) || receiver_wants_batch(receiver)) {
		length =
			msgslot_reader_next(receiver->reader, &in_batch, message, sizeof(*message));
		if (length >= 0)
			*bytes = in_batch;
		return length;
	}
	if (slot->address->is_range)
		options.flags = MSGSLOT_RECV_RANGE;
	if (receiver->peek && msgslot_slot_get_mode(slot->handle) == MSGSLOT_QUEUE) {
		options.flags |= MSGSLOT_RECV_PEEK;
		if (receiver->newer && !slot->address->is_range)
			options.flags |= MSGSLOT_RECV_NEWER;
		options.sequence = receiver->sequence;
		options.timeout = receiver_peek_time(receiver);
	} else if (receiver->lease && msgslot_slot_get_mode(slot->handle) == MSGSLOT_QUEUE) {
		options.flags |= MSGSLOT_RECV_LEASE;
	}
	return msgslot_message_receive_with(slot->handle, slot->address->channel, stream_buffer,
					    receiver->size ? receiver->size : MSGSLOT_MESSAGE_MAX,
					    &options, message, sizeof(*message));
}

/* The next message of what is kept.  The losses are those between two messages. */
static ssize_t receiver_fetch_kept(struct receiver *receiver, const char **bytes,
				   struct msgslot_message *message)
{
	ssize_t length = kept_next(&receiver->kept, &receiver->slot, stream_buffer,
				   receiver->size ? receiver->size : MSGSLOT_MESSAGE_MAX, message);

	*bytes = stream_buffer;
	/* Of a queue they are messages that other readers took. */
	if (length > 0 && msgslot_slot_get_mode(receiver->slot.handle) == MSGSLOT_BROADCAST)
		receiver->lost += message->lost;
	if (length)
		return length;
	errno = EAGAIN;
	return -1;
}

static ssize_t receiver_receive(struct receiver *receiver, const char **bytes,
				struct msgslot_message *message)
{
	int mode = msgslot_slot_get_mode(receiver->slot.handle);
	ssize_t length;

	if (receiver->keeps)
		return receiver_fetch_kept(receiver, bytes, message);
	length = receiver_fetch(receiver, bytes, message);
	if (length < 0)
		return -1;

	/* The kernel counts losses from the join on in `broadcast`, and not at all in `last`. */
	if (mode == MSGSLOT_BROADCAST) {
		uint64_t lost = message->lost;

		message->lost -= receiver->lost;
		receiver->lost = lost;
	} else if (mode == MSGSLOT_LAST && receiver->newer && !receiver->slot.address->is_range) {
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

/* A message that is too old is taken all the same, as the next one is behind it. */
static int receiver_skip(struct receiver *receiver, const struct msgslot_message *message)
{
	if (!receiver->lease || msgslot_slot_get_mode(receiver->slot.handle) != MSGSLOT_QUEUE ||
	    !msgslot_lease_done(receiver->slot.handle, message->channel, message->sequence) ||
	    errno == ESTALE)
		return STATUS_DONE;
	return slot_report(&receiver->slot, errno);
}

/* Whether a message that is taken now can be delivered: a status. */
static int receiver_check_delivery(struct receiver *receiver)
{
	static char path[PATH_MAX];
	bool is_queue = msgslot_slot_get_mode(receiver->slot.handle) == MSGSLOT_QUEUE;
	int status = is_queue && receiver->prints ? receiver_check_output() : STATUS_DONE;

	receiver->program_path = path;
	if (!status && receiver->program && program_find(receiver->program, path))
		return report_system(receiver->program, errno);
	return status;
}

int receiver_next(struct receiver *receiver, const char **bytes, struct msgslot_message *message)
{
	int status = STATUS_DONE;

	message->length = 0;
	while (!status) {
		if (receiver->all && !receiver->keeps && !receiver->left)
			return STATUS_NOTHING;
		if (!receiver_has_more(receiver))
			status = receiver_check_delivery(receiver);
		if (status)
			break;
		if (receiver_receive(receiver, bytes, message) >= 0) {
			receiver->slot.channel = message->channel;
			receiver->left -= receiver->left > 0;
			if (receiver->max_age < 0 || format_age(message) <= receiver->max_age)
				break;
			status = receiver_skip(receiver, message);
		} else if (errno == EAGAIN) {
			status = receiver_wait(receiver);
		} else if (errno == ETIMEDOUT && receiver_time_left(receiver)) {
			continue;
		} else if (errno != EINTR) {
			if (message->length)
				receiver->slot.channel = message->channel;
			status = slot_report_receive(&receiver->slot, message->length, errno);
		}
	}
	receiver->received += !status;
	/* A signal does not end the wait. */
	if (status != STATUS_INTERRUPTED)
		receiver->deadline = 0;
	return status;
}

int receiver_status(const struct receiver *receiver)
{
	return receiver->lost ? STATUS_LOST : STATUS_DONE;
}
