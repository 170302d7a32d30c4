// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages of `last` that stay only as long as the file that sent them (MSGSLOT_SEND_TIED), their
 * wills, and the wait for an empty channel: a lock that goes with its holder, a presence.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <sys/wait.h>

#include "ioctl.h"

enum { LONG = 4000 };

static struct msgslot_send tied_of(unsigned int channel, const char *text, const char *will)
{
	struct msgslot_send send = send_of(channel, text, strlen(text));

	send.flags = MSGSLOT_SEND_TIED;
	send.will = (uintptr_t)will;
	send.will_length = will ? strlen(will) : 0;
	return send;
}

/* Sends without waiting; its number, or -1. */
static long long send_tied(int fd, unsigned int channel, const char *text, const char *will)
{
	struct msgslot_send send = tied_of(channel, text, will);

	return ioctl(fd, MSGSLOT_SEND, &send) ? -1 : (long long)send.sequence;
}

/* What WALK tells of channel @id. */
static struct msgslot_walk_detail walk_of(int fd, unsigned int id)
{
	struct msgslot_walk_detail detail = { 0 };
	struct msgslot_walk walk = { .from = id, .entries = (uintptr_t)&detail, .count = 1 };

	walk.entry_size = sizeof(detail);
	assert_result(ioctl(fd, MSGSLOT_WALK, &walk), 0);
	assert_int_equal(walk.count, 1);
	assert_int_equal(detail.channel, id);
	return detail;
}

static void it_goes_with_the_file(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);

	(void)state;
	assert_result(send_tied(holder, 1, "here", NULL), 1);
	assert_receives(fd, 1, 0, 0, 1, "here");
	assert_int_equal(walk_of(fd, 1).leased, 1);
	/* A tie is no file. */
	assert_int_equal(walk_of(fd, 1).files, 0);
	own_close(holder);
	assert_receives_nothing(fd, 1, 0, 0, EAGAIN);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "dropped"), 0);
}

static void a_will_follows(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);
	struct msgslot_recv recv;

	(void)state;
	assert_result(send_tied(holder, 1, "here", "gone, and this is a longer text"), 1);
	own_close(holder);
	recv = assert_receives(fd, 1, 0, 0, 2, "gone, and this is a longer text");
	assert_int_equal(recv.pid, getpid());
	assert_int_equal(recv.uid, getuid());
	assert_int_equal(walk_of(fd, 1).leased, 0);
	assert_result(slot_get(OWN, "sent"), 2);
	assert_result(slot_get(OWN, "messages"), 1);
}

/* Short ones and long ones, in any combination. */
static void lengths(void **state)
{
	const size_t all[] = { 1, 100, 256, 257, LONG };
	static char text[LONG + 1], will[LONG + 1], got[LONG];
	int fd, holder;
	size_t i, j;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open(O_RDWR);
	for (i = 0; i < COUNT_OF(all); i++)
		for (j = 0; j < COUNT_OF(all); j++) {
			struct msgslot_recv recv = recv_of(1, 0, got, sizeof(got));

			memset(text, 0, sizeof(text));
			memset(will, 0, sizeof(will));
			memset(text, 'a' + i, all[i]);
			memset(will, 'A' + j, all[j]);
			holder = own_open(O_RDWR);
			assert_works(send_tied(holder, 1, text, will));
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.length, all[i]);
			assert_memory_equal(got, text, all[i]);
			own_close(holder);
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.length, all[j]);
			assert_memory_equal(got, will, all[j]);
			assert_result(clear_channel(fd, 1), 1);
			assert_result(slot_get(OWN, "bytes"), 0);
		}
}

static void a_newer_message_ends_it(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);

	(void)state;
	assert_result(send_tied(holder, 1, "one", "will"), 1);
	assert_result(send_text(fd, 1, "two"), 2);
	assert_int_equal(walk_of(fd, 1).leased, 0);
	assert_result(send_tied(holder, 2, "one", NULL), 1);
	assert_result(send_text(holder, 2, "two"), 2);
	/* Tied again, by another file, with another will. */
	assert_result(send_tied(holder, 3, "one", "will"), 1);
	assert_result(send_tied(fd, 3, "two", NULL), 2);
	assert_int_equal(walk_of(fd, 3).leased, 1);
	own_close(holder);
	assert_receives(fd, 1, 0, 0, 2, "two");
	assert_receives(fd, 2, 0, 0, 2, "two");
	assert_receives(fd, 3, 0, 0, 2, "two");
	holder = own_open(O_RDWR);
	own_close(fd);
	assert_receives_nothing(holder, 3, 0, 0, EAGAIN);
}

static void a_clear_ends_it(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);

	(void)state;
	assert_result(send_tied(holder, 1, "one", "will"), 1);
	assert_result(send_tied(holder, 2, "one", NULL), 1);
	assert_result(clear_channel(fd, 1), 1);
	assert_result(clear_channel(fd, 2), 1);
	assert_result(send_text(fd, 2, "two"), 2);
	own_close(holder);
	assert_receives_nothing(fd, 1, 0, 0, EAGAIN);
	assert_receives(fd, 2, 0, 0, 2, "two");
	assert_result(slot_get(OWN, "messages"), 1);
}

static void the_slot_goes(void **state)
{
	int holder = own_open(O_RDWR);

	(void)state;
	assert_result(send_tied(holder, 1, "one", "will"), 1);
	assert_result(send_tied(holder, 2, "two", NULL), 1);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(send_tied(holder, 3, "three", NULL), ENODEV);
	own_close(holder);
	assert_result(slot_create(OWN, "last"), 0);
}

/* One that waits for a message hears the will; an end without one is no news. */
static void listeners(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);
	struct pollfd one = { .events = POLLIN };
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(1, MSGSLOT_RECV_NEWER, got, sizeof(got));
	struct msgslot_listen listen = { .first = 1, .last = 9 };
	struct caller caller;

	(void)state;
	one.fd = own_open(O_RDONLY);
	assert_result(ioctl(one.fd, MSGSLOT_LISTEN, &listen), 0);
	assert_result(send_tied(holder, 1, "here", "gone"), 1);
	assert_result(send_tied(holder, 2, "here", NULL), 1);
	recv.sequence = 1;
	recv.timeout = -1;
	caller_start(&caller, call_recv, fd, &recv);
	own_close(holder);
	assert_result(caller_end(&caller), 0);
	assert_int_equal(recv.sequence, 2);
	assert_result(poll(&one, 1, 0), 1);
	recv = recv_of(0, MSGSLOT_RECV_RANGE, got, sizeof(got));
	assert_result(ioctl(one.fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.channel, 1);
	assert_int_equal(recv.sequence, 2);
	assert_result(poll(&one, 1, 0), 0);
	assert_fails(ioctl(one.fd, MSGSLOT_RECV, &recv), EAGAIN);
}

/* ---- a lock ---------------------------------------------------------------------------------- */

static struct msgslot_send lock_of(const char *text, long long timeout)
{
	struct msgslot_send send = tied_of(1, text, NULL);

	send.flags |= MSGSLOT_SEND_IF;
	send.timeout = timeout;
	return send;
}

static void a_wait_for_an_empty_channel(void **state)
{
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR), other = own_open(O_RDWR);
	struct msgslot_send send = lock_of("first", 0);
	struct caller one, two;
	struct msgslot_send wait_one = lock_of("one", -1), wait_two = lock_of("two", -1);

	(void)state;
	assert_result(ioctl(holder, MSGSLOT_SEND, &send), 0);
	send = lock_of("other", 0);
	assert_fails(ioctl(other, MSGSLOT_SEND, &send), ESTALE);
	send.timeout = 20 * MILLISECOND;
	assert_fails(ioctl(other, MSGSLOT_SEND, &send), ETIMEDOUT);
	/* A number that is not 0 is never waited for. */
	send.timeout = -1;
	send.expected = 7;
	assert_fails(ioctl(other, MSGSLOT_SEND, &send), ESTALE);
	caller_start(&one, call_send, fd, &wait_one);
	caller_start(&two, call_send, other, &wait_two);
	own_close(holder);
	await(slot_get(OWN, "sent") == 2);
	usleep(20000);
	assert_result(slot_get(OWN, "sent"), 2);
	/* The one that has it is cleared, and the other one gets it. */
	holder = own_open(O_RDWR);
	assert_result(clear_channel(holder, 1), 1);
	assert_result(caller_end(&one), 0);
	assert_result(caller_end(&two), 0);
	assert_int_equal(wait_one.sequence + wait_two.sequence, 2 + 3);
}

/* Processes that are killed hand a lock on, and only one has it at a time. */
static int *inside, *done;

static void *take_and_hold(void *argument)
{
	struct msgslot_send send = lock_of("mine", -1);
	uint64_t seed = (uintptr_t)argument;
	int fd;

	for (;;) {
		fd = slot_open(OWN, O_RDWR);
		demand(fd >= 0);
		demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		demand(__atomic_exchange_n(inside, getpid(), __ATOMIC_SEQ_CST) == 0);
		usleep(random_below(&seed, 1000));
		__atomic_store_n(inside, 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(done, 1, __ATOMIC_SEQ_CST);
		close(fd);
	}
	return NULL;
}

static void holders_that_are_killed(void **state)
{
	enum { PROCESSES = 4 };
	uint64_t seed = seed_get();
	pid_t children[PROCESSES], dead;
	int i, rounds = reduced(400, 60, 30), before;

	(void)state;
	inside = shared_for_test(sizeof(*inside));
	done = shared_for_test(sizeof(*done));
	for (i = 0; i < PROCESSES; i++)
		children[i] = child_start(NULL, take_and_hold, (void *)(uintptr_t)(i + 1));
	while (rounds--) {
		usleep(random_below(&seed, 3000));
		i = random_below(&seed, PROCESSES);
		/* What it had taken is open again only once it is gone. */
		assert_result(kill(children[i], SIGSTOP), 0);
		assert_result(waitpid(children[i], NULL, WUNTRACED), children[i]);
		dead = children[i];
		__atomic_compare_exchange_n(inside, &dead, 0, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
		assert_result(kill(children[i], SIGKILL), 0);
		assert_result(waitpid(children[i], NULL, 0), children[i]);
		children[i] = child_start(NULL, take_and_hold, (void *)(uintptr_t)(rounds + 9));
	}
	before = *done;
	await(*done > before + 10);
	/* All stop first: none is to see what another leaves. */
	for (i = 0; i < PROCESSES; i++)
		assert_result(waitpid(children[i], NULL, WNOHANG), 0);
	for (i = 0; i < PROCESSES; i++)
		assert_result(kill(children[i], SIGSTOP), 0);
	for (i = 0; i < PROCESSES; i++) {
		assert_result(waitpid(children[i], NULL, WUNTRACED), children[i]);
		assert_result(kill(children[i], SIGKILL), 0);
		assert_result(waitpid(children[i], NULL, 0), children[i]);
	}
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* ---- limits and errors ----------------------------------------------------------------------- */

/* What a will needs is its sender's from the call on: it comes however full the slot is then. */
static void a_full_slot(void **state)
{
	static char will[LONG + 1], got[LONG];
	struct msgslot_recv recv = recv_of(1, 0, got, sizeof(got));
	int fd, holder, id;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	assert_result(slot_set(OWN, "max_bytes", 65536), 0);
	fd = own_open(O_RDWR);
	holder = own_open(O_RDWR);
	memset(will, 'w', LONG);
	assert_result(send_tied(holder, 1, "x", will), 1);
	for (id = 2; send_text(fd, id, will) > 0; id++)
		;
	assert_int_equal(errno, ENOSPC);
	while (send_text(fd, ++id, "x") > 0)
		;
	assert_int_equal(errno, ENOSPC);
	own_close(holder);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, LONG);
	assert_memory_equal(got, will, LONG);
	assert_in_range(slot_get(OWN, "bytes"), 0, 65536);
}

static void errors(void **state)
{
	struct msgslot_send send = tied_of(1, "text", "will");
	const char *const others[] = { "queue", "broadcast" };
	int fd = own_open(O_RDWR);
	size_t i;

	(void)state;
	send.will_length = COURSE_MAX + 1;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
	send.will_length = 4;
	send.will = 0;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.will = (uintptr_t)nowhere;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EFAULT);
	send = tied_of(1, "text", "will");
	send.flags |= MSGSLOT_SEND_MANY;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.flags = 0;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	assert_fails(send_tied(fd, 0, "text", NULL), EINVAL);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
	for (i = 0; i < COUNT_OF(others); i++) {
		own_become(others[i]);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		assert_fails(send_tied(fd, 1, "text", NULL), EOPNOTSUPP);
	}
}

static void many_at_once(void **state)
{
	const long count = reduced(10000, 1000, 300);
	int fd = own_open(O_RDWR), holder = own_open(O_RDWR);
	long i;

	(void)state;
	for (i = 1; i <= count; i++)
		assert_works(send_tied(holder, i, "here", i % 2 ? NULL : "gone"));
	assert_result(slot_get(OWN, "messages"), count);
	own_close(holder);
	assert_result(slot_get(OWN, "messages"), count / 2);
	for (i = 1; i <= count; i++)
		if (i % 2)
			assert_receives_nothing(fd, i, 0, 0, EAGAIN);
		else
			assert_receives(fd, i, 0, 0, 2, "gone");
}

/* Two files that tie messages to the same channels, and others that replace and clear them. */
static void *tie_again_and_again(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	long rounds = reduced(3000, 400, 100);
	char text[300];

	memset(text, 'x', sizeof(text));
	while (rounds--) {
		int fd = slot_open(OWN, O_RDWR), n;

		demand(fd >= 0);
		for (n = random_below(&seed, 6); n; n--) {
			unsigned int id = 1 + random_below(&seed, 3);
			struct msgslot_send send = send_of(id, text, 1 + random_below(&seed, 300));

			if (random_below(&seed, 4)) {
				send.flags = MSGSLOT_SEND_TIED;
				send.will = (uintptr_t)text;
				send.will_length = random_below(&seed, 300);
			}
			demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
			if (random_below(&seed, 8) == 0)
				demand(clear_channel(fd, id) >= 0);
		}
		close(fd);
	}
	return NULL;
}

static void while_others_replace_them(void **state)
{
	pthread_t threads[4];
	int i, fd;

	(void)state;
	assert_result(slot_set(OWN, "max_message", 300), 0);
	for (i = 0; i < 4; i++)
		threads[i] = thread_start(tie_again_and_again, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < 4; i++)
		thread_join(threads[i]);
	fd = own_open(O_RDWR);
	for (i = 1; i <= 3; i++)
		assert_works(clear_channel(fd, i));
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(it_goes_with_the_file),
		own_slot_test(a_will_follows),
		own_slot_test(lengths),
		own_slot_test(a_newer_message_ends_it),
		own_slot_test(a_clear_ends_it),
		own_slot_test(the_slot_goes),
		own_slot_test(listeners),
		own_slot_test(a_wait_for_an_empty_channel),
		own_slot_test(holders_that_are_killed),
		own_slot_test(a_full_slot),
		own_slot_test(errors),
		own_slot_test(many_at_once),
		own_slot_test(while_others_replace_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
