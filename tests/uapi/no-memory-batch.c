// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No memory for SEND and RECV of many messages, in every mode, of channels and of ranges; see
 * no-memory.h.  What a call did not send or receive, the next one does: each message comes once.
 */
#define _GNU_SOURCE
#include "batch.h"
#include "no-memory.h"

enum { MESSAGES = 8, SELECTED = 9, SEQUENCE_BEFORE = INT32_MAX };

/* The messages of one round, in the order in which they are sent. */
static struct {
	const struct kind *kind;
	int count;
	struct {
		uint32_t channel;
		size_t length;
		bool heard;
	} messages[MESSAGES];
} run;

static struct batch into;

/*
 * @plan has a channel and a size, "s" or "l", of each message; @only: all go to that channel.  A
 * slot keeps four buffers for the next long messages, which have another size then.
 */
static void run_begin(const struct kind *kind, const char *plan, uint32_t only, int n)
{
	int i;

	run.kind = kind;
	run.count = strlen(plan) / 2;
	assert_in_range(run.count, 1, MESSAGES);
	for (i = 0; i < run.count; i++) {
		run.messages[i].channel = only ? only : (uint32_t)(plan[2 * i] - '0');
		run.messages[i].length = plan[2 * i + 1] == 'l' ? (1 + n % 5) * 4096 - 96 : SHORT;
		run.messages[i].heard = false;
	}
}

/* Those from @begin on, up to @end. */
static const struct batch *run_batch(int begin, int end)
{
	int i;

	batch.size = 0;
	for (i = begin; i < end; i++)
		batch_add(&batch, run.messages[i].channel, message(run.messages[i].length, i),
			  run.messages[i].length);
	return &batch;
}

/* It is the oldest of its channel that was not heard yet; in `last` the newest. */
static void assert_in_turn(const struct msgslot_header *header)
{
	int i, next = -1;

	for (i = 0; i < run.count; i++)
		if (run.messages[i].channel == header->channel && !run.messages[i].heard &&
		    (next < 0 || run.kind->last))
			next = i;
	if (next < 0)
		fail_msg("channel %u has one too many", header->channel);
	assert_int_equal(header->lost, 0);
	assert_int_equal(header->length, run.messages[next].length);
	assert_memory_equal((const char *)header + header->size, message(header->length, next),
			    header->length);
	for (i = 0; i <= next; i++)
		if (run.messages[i].channel == header->channel)
			run.messages[i].heard = true;
}

/* What a receive left in @into, which says there are @count. */
static void assert_batch(const struct msgslot_recv *r, int count)
{
	const struct msgslot_header *header = NULL;

	into.size = r->length;
	while ((header = batch_next(&into, header))) {
		assert_in_turn(header);
		count--;
	}
	assert_int_equal(count, 0);
}

/* Receives all that is there: in `last` and by MSGSLOT_RECV_NEWER, above @sequence. */
static void take(int fd, uint32_t id, uint32_t flags, uint64_t sequence)
{
	struct msgslot_recv r = recv_of(id, flags | MANY, into.bytes, BATCH_MAX);
	int count;

	r.sequence = sequence;
	while ((count = ioctl(fd, MSGSLOT_RECV, &r)) > 0)
		assert_batch(&r, count);
	assert_int_equal(count, -1);
	assert_int_equal(errno, EAGAIN);
}

static uint32_t taking(const struct kind *kind)
{
	return kind->queue ? 0 : MSGSLOT_RECV_NEWER;
}

/* Everything came; the channels go. */
static void run_end(int fd)
{
	int i;

	for (i = 0; i < run.count; i++)
		assert_true(run.messages[i].heard);
	for (i = 0; i < run.count; i++)
		clear(fd, run.messages[i].channel);
}

/* As for any call that failed, and it keeps no memory either. */
static void assert_as_before(int fd, const struct snapshot *was)
{
	assert_unchanged(fd, was);
	assert_int_equal(info_of(fd).bytes, was->info.bytes);
	assert_int_equal(info_of(fd).share_bytes, was->info.share_bytes);
	assert_int_equal(info_of(fd).listeners, was->info.listeners);
}

/* ---- sends --------------------------------------------------------------- */

/* The number of the newest message of a channel that has one. */
static uint64_t newest_of(int fd, uint32_t id)
{
	struct msgslot_walk_entry entry;
	struct msgslot_walk walk = { .from = id, .entries = (uintptr_t)&entry, .count = 1 };

	assert_result(ioctl(fd, MSGSLOT_WALK, &walk), 0);
	assert_int_equal(walk.count, 1);
	assert_int_equal(entry.channel, id);
	return entry.next - 1;
}

/* @before of the messages are there already; @listener: a file that listens, or -1. */
static void send_once(int fd, int listener, int before, int n, bool *more)
{
	const uint32_t ids[] = { 5, 7, 9 };
	struct msgslot_send s;
	struct snapshot was;
	int i, sent = 0;
	long result;

	if (before)
		assert_result(batch_send(fd, run_batch(0, before)), before);
	s = batch_send_of(run_batch(before, run.count));
	s.sequence = SEQUENCE_BEFORE;
	was = snapshot_take(fd);
	*more = with_fault(n, result, ioctl(fd, MSGSLOT_SEND, &s));
	if (result < 0) {
		/* A log that has grown stays so. */
		if (before)
			assert_unchanged(fd, &was);
		else
			assert_as_before(fd, &was);
		assert_int_equal(s.sequence, SEQUENCE_BEFORE);
	} else {
		assert_in_range(result, 1, run.count - before);
		sent = result;
		assert_true(*more || sent == run.count - before);
		assert_int_equal(info_of(fd).sent, was.info.sent + sent);
		assert_int_equal(s.sequence,
				 newest_of(fd, run.messages[before + sent - 1].channel));
	}
	sent += before;
	if (sent < run.count)
		assert_result(batch_send(fd, run_batch(sent, run.count)), run.count - sent);
	if (listener >= 0)
		take(listener, 0, RANGE, 0);
	for (i = 0; i < 3 && listener < 0; i++)
		take(fd, ids[i], taking(run.kind), 0);
	run_end(fd);
}

static void sends(void **state)
{
	const struct {
		const char *plan;
		int before;
	} plans[] = {
		{ "9s9s5s9s7s7s", 0 }, { "9l5l9l", 0 },	    { "9s5l9s7l5s", 0 },
		{ "9s9s9l9s", 1 },     { "9s9s9s9s9l", 4 }, { "9s9s9s9s9s", 4 },
	};
	int k, n, fd, listener;
	bool listens, more;
	size_t p;

	(void)state;
	for (k = 0; k < KINDS; k++)
		for (listens = false;; listens = true) {
			kind_begin(&kinds[k]);
			fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
			assert_works(fd);
			listener = listens ? own_open_listening(O_RDONLY | O_NONBLOCK, 1, 9) : -1;
			for (p = 0; p < COUNT_OF(plans); p++)
				for (n = 1, more = true; more; n++) {
					run_begin(&kinds[k], plans[p].plan, 0, n);
					send_once(fd, listener, plans[p].before, n, &more);
				}
			if (listens)
				own_close(listener);
			kind_end(fd);
			if (listens)
				break;
		}
}

/* There is space for none, or for one only, and none comes free. */
static void sends_that_wait(void **state)
{
	int k, n, fd, i, space, due;
	struct msgslot_send s;
	struct snapshot was;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++) {
		if (strcmp(kinds[k].overflow, "block"))
			continue;
		kind_begin(&kinds[k]);
		fd = slot_open_on(OWN, O_RDWR, SELECTED);
		assert_works(fd);
		for (space = 0; space < 2; space++) {
			due = space ? 0 : ETIMEDOUT;
			for (n = 1, more = true; more; n++) {
				for (i = 0; i < DEPTH - space; i++)
					assert_result(write(fd, message(SHORT, i), SHORT), SHORT);
				run_begin(&kinds[k], n % 2 ? "9s9s" : "9l9l", 0, n);
				s = batch_send_of(run_batch(0, run.count));
				s.timeout = 1000000;
				was = snapshot_take(fd);
				more = with_fault_or(n, result, due, ioctl(fd, MSGSLOT_SEND, &s));
				if (result < 0)
					assert_unchanged(fd, &was);
				else
					assert_int_equal(s.sequence, newest_of(fd, SELECTED));
				assert_true(result < 0 || result == space);
				assert_int_equal(clear(fd, SELECTED), DEPTH - space + (result > 0));
			}
		}
		kind_end(fd);
	}
}

/* ---- receives ------------------------------------------------------------ */

/* All flags of one way to receive; of a range, or of the channel SELECTED. */
static const uint32_t ways[] = {
	MANY,
	MANY | MSGSLOT_RECV_PEEK,
	MANY | MSGSLOT_RECV_NEWER,
	MANY | MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK,
	MANY | RANGE,
	MANY | RANGE | MSGSLOT_RECV_PEEK,
};

static void receive_once(int fd, uint32_t flags, int n, bool *more)
{
	const bool keeps = flags & (MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER);
	struct msgslot_recv r, asked;
	struct snapshot was;
	uint32_t rest;
	long result;
	int i;

	assert_result(batch_send(fd, run_batch(0, run.count)), run.count);
	asked = r = recv_of(SELECTED, flags, into.bytes, BATCH_MAX);
	was = snapshot_take(fd);
	*more = with_fault(n, result, ioctl(fd, MSGSLOT_RECV, &r));
	if (result < 0) {
		assert_as_before(fd, &was);
		assert_memory_equal(&r, &asked, sizeof(r));
	} else {
		assert_true(result > 0);
		assert_batch(&r, result);
		for (i = 0; i < run.count; i++)
			assert_true(run.messages[i].heard || *more);
		if (flags & MSGSLOT_RECV_PEEK)
			assert_as_before(fd, &was);
		else
			assert_int_equal(info_of(fd).received, was.info.received + result);
		for (i = 0; i < run.count && keeps; i++)
			run.messages[i].heard = false;
	}
	/* The file's own cursor, but where it has none. */
	rest = flags & RANGE;
	if (!rest && (run.kind->last || flags & MSGSLOT_RECV_NEWER))
		rest = taking(run.kind);
	take(fd, SELECTED, rest, result > 0 && !keeps ? r.sequence : 0);
	run_end(fd);
}

static void receives(void **state)
{
	const char *const plans[] = { "9s", "9s9s5s9s7s7s", "9l5l9l", "9s5l9s7l5s", "9l7s5s" };
	int k, n, fd;
	size_t w, p;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++)
		for (w = 0; w < COUNT_OF(ways); w++) {
			if (kinds[k].queue && ways[w] == (MANY | MSGSLOT_RECV_NEWER))
				continue;
			kind_begin(&kinds[k]);
			fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
			assert_works(fd);
			if (ways[w] & RANGE)
				assert_result(listen_to(fd, 1, 9, 0), 0);
			else if (!(ways[w] & MSGSLOT_RECV_NEWER))
				assert_result(slot_select(fd, SELECTED), 0);
			for (p = 0; p < COUNT_OF(plans); p++)
				for (n = 1, more = true; more; n++) {
					run_begin(&kinds[k], plans[p],
						  ways[w] & RANGE ? 0 : SELECTED, n);
					receive_once(fd, ways[w], n, &more);
				}
			kind_end(fd);
		}
}

/* On a channel that is not there, or a range without one. */
static void receives_that_wait_in_vain(void **state)
{
	int k, n, fd, range;
	struct msgslot_recv r;
	struct snapshot was;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++)
		for (range = 0; range < 2; range++) {
			kind_begin(&kinds[k]);
			fd = slot_open(OWN, O_RDWR);
			assert_works(fd);
			if (range)
				assert_result(listen_to(fd, 50, UINT32_MAX, 0), 0);
			was = snapshot_take(fd);
			for (n = 1, more = true; more; n++) {
				r = recv_of(50 + n, MANY | (range ? RANGE : taking(&kinds[k])),
					    into.bytes, BATCH_MAX);
				r.timeout = 1000000;
				more = with_fault_or(n, result, ETIMEDOUT,
						     ioctl(fd, MSGSLOT_RECV, &r));
				assert_int_equal(result, -1);
				assert_as_before(fd, &was);
			}
			kind_end(fd);
		}
}

/* Sends @batch while the receive most likely sleeps. */
static void *sender(void *argument)
{
	int fd = *(int *)argument;

	usleep(2000);
	demand(batch_send(fd, &batch) == run.count);
	return NULL;
}

static void receives_that_wait(void **state)
{
	int k, n, fd, writer, range;
	struct msgslot_recv r;
	pthread_t thread;
	uint32_t flags;
	long result;
	bool more;

	(void)state;
	for (k = 0; k < KINDS; k++)
		for (range = 0; range < 2; range++) {
			kind_begin(&kinds[k]);
			fd = slot_open(OWN, O_RDWR);
			writer = own_open(O_WRONLY);
			assert_works(fd);
			if (range)
				assert_result(listen_to(fd, 1, 9, 0), 0);
			flags = range ? RANGE : taking(&kinds[k]);
			for (n = 1, more = true; more; n++) {
				run_begin(&kinds[k], kinds[k].last ? "9s" : "9l9s9s", 0, n);
				run_batch(0, run.count);
				r = recv_of(SELECTED, MANY | flags, into.bytes, BATCH_MAX);
				r.timeout = -1;
				thread = thread_start(sender, &writer);
				more = with_fault(n, result, ioctl(fd, MSGSLOT_RECV, &r));
				thread_join(thread);
				if (result > 0)
					assert_batch(&r, result);
				take(fd, SELECTED, flags, result > 0 ? r.sequence : 0);
				run_end(fd);
			}
			own_close(writer);
			kind_end(fd);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(sends),
		own_slot_test(sends_that_wait),
		own_slot_test(receives),
		own_slot_test(receives_that_wait_in_vain),
		own_slot_test(receives_that_wait),
	};

	return cmocka_run_group_tests(tests, faults_setup, faults_teardown);
}
