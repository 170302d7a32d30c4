// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking first and taking later: a forwarder peeks at the head, passes it on, and then removes
 * exactly that message, or is told that another reader has.
 */
#define _GNU_SOURCE
#include "queue.h"

enum { IN = 1, OUT = 2, PEEK = MSGSLOT_RECV_PEEK, NEWER = MSGSLOT_RECV_NEWER };

static const uint32_t TAKE = MSGSLOT_RECV_IF, DROP = MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP;

static int recv_call(int fd, uint32_t flags, uint64_t *sequence, uint64_t *number)
{
	struct msgslot_recv recv = queue_recv(IN, flags, *sequence, number, sizeof(*number));
	int result = ioctl(fd, MSGSLOT_RECV, &recv);

	if (!result)
		*sequence = recv.sequence;
	return result;
}

static void only_the_head_and_only_that(void **state)
{
	uint64_t sequence = 0, head, number = 0;
	int fd = own_open_on(O_RDWR | O_NONBLOCK, IN), i;

	(void)state;
	/* On an empty channel no number is the head's. */
	assert_fails(recv_call(fd, TAKE, &sequence, &number), ESTALE);
	assert_fails(recv_call(fd, DROP, &sequence, &number), ESTALE);
	for (i = 0; i < 5; i++)
		put_number(fd, 10 + i);
	assert_result(recv_call(fd, PEEK, &sequence, &number), 0);
	assert_int_equal(number, 10);
	head = sequence;
	for (i = -1; i < 5; i++) {
		sequence = head + i;
		if (!i)
			continue;
		assert_fails(recv_call(fd, TAKE, &sequence, &number), ESTALE);
		assert_fails(recv_call(fd, DROP, &sequence, &number), ESTALE);
		assert_fails(recv_call(fd, TAKE | PEEK, &sequence, &number), ESTALE);
	}
	assert_result(slot_get(OWN, "messages"), 5);
	assert_result(recv_call(fd, TAKE | PEEK, &head, &number), 0);
	assert_int_equal(number, 10);
	assert_result(recv_call(fd, DROP, &head, &number), 0);
	assert_fails(recv_call(fd, DROP, &head, &number), ESTALE);
	head++;
	assert_result(recv_call(fd, TAKE, &head, &number), 0);
	assert_int_equal(number, 11);
	assert_fails(recv_call(fd, TAKE, &head, &number), ESTALE);
	assert_next_number(fd, 12);
	assert_result(slot_get(OWN, "received"), 3);
}

static void dropping_needs_no_buffer(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, IN);
	struct msgslot_recv recv = queue_recv(IN, DROP, 1, nowhere, 0);
	struct msgslot_recv wrong = queue_recv(IN, TAKE, 2, nowhere, 0);
	uint64_t got;

	(void)state;
	put_number(fd, 1);
	put_number(fd, 2);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.sequence, 1);
	assert_int_equal(recv.length, sizeof(got));
	/* Taking needs one, and says first whose turn it is, then what is wrong with the buffer. */
	assert_fails(ioctl(fd, MSGSLOT_RECV, &wrong), ENOSPC);
	wrong = queue_recv(IN, TAKE, 2, nowhere, 8);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &wrong), EFAULT);
	wrong = queue_recv(IN, TAKE, 3, nowhere, 8);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &wrong), ESTALE);
	assert_next_number(fd, 2);
}

/* Where the answer cannot be written, nothing was done. */
static void an_answer_that_cannot_be_written(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, IN);
	struct msgslot_recv *recv =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct msgslot_send *send = (struct msgslot_send *)(recv + 1);
	const uint32_t flags[] = { 0, TAKE, DROP };
	uint64_t got = 7;
	int i;

	(void)state;
	assert_true(recv != MAP_FAILED);
	put_number(fd, 1);
	for (i = 0; i < 3; i++) {
		*recv = queue_recv(IN, flags[i], 1, &got, sizeof(got));
		*send = (struct msgslot_send){ .channel = IN, .message = (uintptr_t)&got };
		send->length = sizeof(got);
		assert_result(mprotect(recv, 4096, PROT_READ), 0);
		assert_fails(ioctl(fd, MSGSLOT_RECV, recv), EFAULT);
		assert_fails(ioctl(fd, MSGSLOT_SEND, send), EFAULT);
		assert_result(mprotect(recv, 4096, PROT_READ | PROT_WRITE), 0);
		assert_result(slot_get(OWN, "messages"), 1);
	}
	assert_next_number(fd, 1);
	assert_result(slot_get(OWN, "sent"), 1);
	munmap(recv, 4096);
}

/*
 * A caller that only looks gives the wake-up to a caller that takes.  So does a caller that waits
 * for a later message.
 */
static void a_peek_does_not_keep_a_taker(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, IN), reader = own_open_on(O_RDONLY, IN), way;
	uint64_t taken, seen, next = 1;

	(void)state;
	for (way = 0; way < 8; way++) {
		bool later = way & 2;
		struct caller taker = { READ, .fd = reader, .bytes = &taken, .size = 8 };
		struct caller looker = {
			.call = RECV,
			.fd = reader,
			.id = IN,
			.flags = later ? PEEK | NEWER : PEEK,
			.sequence = later ? next + 1 : 0,
			.timeout = -1,
			.bytes = &seen,
			.size = 8,
		};

		caller_start(way & 1 ? &taker : &looker);
		caller_start(way & 1 ? &looker : &taker);
		put_number(fd, next);
		caller_join(&taker, 8);
		assert_int_equal(taken, next++);
		/* What the looker did not see any more, or not wait for, it sleeps through. */
		if (later) {
			put_number(fd, next);
			assert_sleeps(&looker);
			assert_next_number(fd, next++);
		}
		put_number(fd, next);
		caller_join(&looker, 8);
		assert_in_range(seen, later ? next : next - 1, next);
		assert_next_number(fd, next++);
		assert_nothing(fd);
	}
}

/* Several callers pass on and then remove, several remove and then pass on, and one just takes. */
enum { CREW = 5, AT_ONCE = 20 };

static long count, dropped_twice, removed;
static int files[CREW];

static void *forward(void *argument)
{
	long me = (intptr_t)argument;
	uint64_t sequence, number;
	int fd = files[me];

	while (__atomic_load_n(&removed, __ATOMIC_RELAXED) < count) {
		sequence = 0;
		if (recv_call(fd, me == 4 ? 0 : PEEK, &sequence, &number)) {
			demand(errno == EAGAIN);
			usleep(100);
			continue;
		}
		if (me < 2)
			demand(queue_send(fd, OUT, &number, sizeof(number)) == 0);
		if (me < 4 && recv_call(fd, me % 2 ? DROP : TAKE, &sequence, &number)) {
			demand(errno == ESTALE);
			if (me < 2)
				__atomic_add_fetch(&dropped_twice, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (me >= 2)
			demand(queue_send(fd, OUT, &number, sizeof(number)) == 0);
		__atomic_add_fetch(&removed, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void two_never_both_succeed(void **state)
{
	long i, out = 0, twice = 0;
	pthread_t threads[CREW];
	unsigned char *seen;
	uint64_t number;
	int fd;

	(void)state;
	count = scaled(4000, 300);
	removed = dropped_twice = 0;
	assert_non_null(seen = calloc(count, 1));
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, IN);
	for (i = 0; i < CREW; i++) {
		files[i] = own_open(O_RDWR | O_NONBLOCK);
		threads[i] = thread_start(forward, (void *)(intptr_t)i);
	}
	for (i = 0; i < count; i++) {
		put_number(fd, i);
		if (i % AT_ONCE == 0)
			usleep(500);
	}
	for (i = 0; i < CREW; i++)
		thread_join(threads[i]);
	assert_int_equal(removed, count);
	assert_nothing(fd);
	assert_result(slot_select(fd, OUT), 0);
	for (; read(fd, &number, sizeof(number)) > 0; out++) {
		assert_in_range(number, 0, count - 1);
		if (seen[number]++)
			twice++;
	}
	printf("# %ld of %ld were passed on twice, and who did it was told\n", twice, count);
	/* Every one passed on; more often only where the forwarder was told so. */
	assert_int_equal(out, count + dropped_twice);
	for (i = 0; i < count; i++)
		assert_true(seen[i]);
	free(seen);
}

/* A forwarder dies between passing on and removing.  Its successor does it again: no loss. */
static void *forward_until_killed(void *unused)
{
	int fd = slot_open(OWN, O_RDWR);
	struct msgslot_recv recv;
	struct msgslot_send send;
	uint64_t number;

	(void)unused;
	demand(fd >= 0);
	for (;;) {
		recv = queue_recv(IN, PEEK, 0, &number, sizeof(number));
		recv.timeout = -1;
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
		send = (struct msgslot_send){ .channel = OUT, .timeout = -1 };
		send.message = (uintptr_t)&number;
		send.length = sizeof(number);
		demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		recv.flags = DROP;
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
	}
}

/*
 * Takes what comes still, which can only be the last one again; whether nothing is left anywhere.
 */
static bool all_are_through(int fd, uint64_t last, long *again)
{
	uint64_t got;

	while (read(fd, &got, sizeof(got)) == sizeof(got)) {
		assert_int_equal(got, last);
		++*again;
	}
	return slot_get(OWN, "messages") == 0;
}

static void killed_forwarders_lose_nothing(void **state)
{
	long rounds = scaled(80, 10), kills = 0, again = 0;
	uint64_t seed = seed_get(), in = 0, out = 0, got;
	struct pollfd arrival = { .events = POLLIN };
	int fd, status;
	pid_t child;

	(void)state;
	assert_result(slot_set(OWN, "depth", 4096), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, IN);
	arrival.fd = own_open_on(O_RDONLY | O_NONBLOCK, OUT);
	while (kills < rounds) {
		child = child_start(NULL, forward_until_killed, NULL);
		for (status = random_below(&seed, 12); status >= 0; status--) {
			put_number(fd, in++);
			usleep(random_below(&seed, paced(300, 3000)));
		}
		kill(child, SIGKILL);
		assert_result(waitpid(child, &status, 0), child);
		kills++;
	}
	child = child_start(NULL, forward_until_killed, NULL);
	while (out < in) {
		assert_result(poll(&arrival, 1, paced(100000, 1000000)), 1);
		assert_result(read(arrival.fd, &got, sizeof(got)), sizeof(got));
		/* In order, and none left out: the last one again, or the next. */
		if (out && got == out - 1)
			again++;
		else
			assert_int_equal(got, out++);
	}
	await(all_are_through(arrival.fd, in - 1, &again));
	kill(child, SIGKILL);
	assert_result(waitpid(child, &status, 0), child);
	assert_true(again <= kills);
	printf("# %ld of %llu came again after %ld kills\n", again, (unsigned long long)in, kills);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(only_the_head_and_only_that),
		queue_slot_test(dropping_needs_no_buffer),
		queue_slot_test(an_answer_that_cannot_be_written),
		queue_slot_test(a_peek_does_not_keep_a_taker),
		queue_slot_test(two_never_both_succeed),
		queue_slot_test(killed_forwarders_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
