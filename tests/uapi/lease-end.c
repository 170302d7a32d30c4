// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a file has leased comes back when the file ends, however that comes: exit, a kill, exec, the
 * last of several descriptors; also many leases at once, and while the channel is cleared or the
 * slot destroyed.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include "lease.h"
#include "own-as.h"

/* Children tell that they are ready, and then how they end. */
static int *ready;

static void *lease_and_exit(void *argument)
{
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));
	int fd = slot_open(OWN, O_RDWR);

	(void)argument;
	demand(fd >= 0);
	demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
	return NULL;
}

static void *lease_and_wait(void *argument)
{
	const char *complaint = lease_and_exit(argument);

	__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
	while (!complaint)
		pause();
	return (void *)complaint;
}

static void *lease_and_exec(void *argument)
{
	const char *complaint = lease_and_exit(argument);

	if (!complaint)
		execl("/bin/sleep", "sleep", "60", (char *)NULL);
	return (void *)complaint;
}

static void child_kill(pid_t child)
{
	assert_result(kill(child, SIGKILL), 0);
	assert_result(waitpid(child, NULL, 0), child);
}

/* A child that has leased what is sent for it by @fd. */
static pid_t child_start_with_lease(int fd)
{
	pid_t child;

	ready = shared_for_test(sizeof(*ready));
	assert_result(send_text(fd, 0, "job"), 1);
	child = child_start(NULL, lease_and_wait, NULL);
	await(__atomic_load_n(ready, __ATOMIC_ACQUIRE));
	return child;
}

static void a_kill(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);
	pid_t child = child_start_with_lease(fd);

	(void)state;
	assert_receives_nothing(fd, 0, 0, 0, EAGAIN);
	child_kill(child);
	assert_leases(fd, 0, 1, "job", 1);
}

/* Also a process that is stopped then. */
static void a_kill_while_stopped(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);
	pid_t child = child_start_with_lease(fd);

	(void)state;
	assert_result(kill(child, SIGSTOP), 0);
	await(task_state(child) == 'T');
	assert_receives_nothing(fd, 0, 0, 0, EAGAIN);
	child_kill(child);
	assert_leases(fd, 0, 1, "job", 1);
}

static void an_exit(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i;

	(void)state;
	assert_result(send_text(fd, 0, "job"), 1);
	for (i = 0; i < 3; i++)
		child_run(NULL, lease_and_exit, NULL);
	assert_leases(fd, 0, 1, "job", 3);
}

/* The descriptor is close-on-exec, and so the file ends as the program begins. */
static void an_exec(void **state)
{
	int fd = own_open(O_RDWR);
	struct msgslot_recv recv;
	char got[COURSE_MAX];
	pid_t child;

	(void)state;
	assert_result(send_text(fd, 0, "job"), 1);
	child = child_start(NULL, lease_and_exec, NULL);
	await(slot_get(OWN, "leased") == 0 && lease_walk(fd, 0).files < 2);
	recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));
	recv.timeout = -1;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	child_kill(child);
}

/* All descriptors of a file share its leases; the last one ends them. */
static void the_last_descriptor(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), holder = slot_open(OWN, O_RDWR | O_NONBLOCK);
	int pair[2], copy, passed;

	(void)state;
	assert_works(holder);
	assert_result(send_text(fd, 0, "one"), 1);
	assert_result(send_text(fd, 0, "two"), 2);
	assert_leases(holder, 0, 1, "one", 0);
	assert_leases(holder, 0, 2, "two", 0);
	copy = dup(holder);
	assert_works(copy);
	assert_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_result(file_pass(pair[0], holder), 0);
	close(holder);
	assert_result(lease_done(copy, 0, 1), 0);
	close(copy);
	/* It is on its way through the socket. */
	assert_kept(fd, 0, 1, 1);
	passed = file_receive(pair[1]);
	assert_works(passed);
	assert_kept(fd, 0, 1, 1);
	close(passed);
	assert_leases(fd, 0, 2, "two", 1);
	close(pair[0]);
	close(pair[1]);
}

static void *end_it(void *argument)
{
	demand(lease_done(*(int *)argument, 0, 1) == 0);
	return NULL;
}

static void a_fork_shares_them(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);

	(void)state;
	assert_result(send_text(fd, 0, "one"), 1);
	assert_leases(fd, 0, 1, "one", 0);
	child_run(NULL, end_it, &fd);
	assert_kept(fd, 0, 0, 0);
}

/* In the order of their numbers, whatever the order in which they came back. */
static void many_at_once(void **state)
{
	const long count = reduced(10000, 2000, 500);
	int fd, holder, back;
	char text[16];
	long i;

	(void)state;
	assert_result(slot_set(OWN, "depth", 16384), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	holder = own_open(O_RDWR | O_NONBLOCK);
	back = own_open(O_RDWR | O_NONBLOCK);
	for (i = 1; i <= count; i++) {
		snprintf(text, sizeof(text), "%ld", i);
		assert_result(send_text(fd, 0, text), i);
	}
	for (i = 1; i <= count; i++) {
		snprintf(text, sizeof(text), "%ld", i);
		assert_leases(i % 3 ? holder : back, 0, i, text, 0);
	}
	for (i = count; i; i--)
		if (i % 3 == 0)
			assert_result(lease_return(back, 0, i), 0);
	own_close(holder);
	assert_kept(fd, 0, count, 0);
	for (i = 1; i <= count; i++) {
		snprintf(text, sizeof(text), "%ld", i);
		if (i % 2)
			assert_receives(fd, 0, 0, 0, i, text);
		else
			assert_leases(fd, 0, i, text, 1);
	}
	assert_kept(fd, 0, count / 2, count / 2);
	assert_result(clear_channel(fd, 0), count / 2);
	assert_kept(fd, 0, 0, 0);
	own_close(fd);
	own_close(back);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
}

/* ---- while others end them, too -------------------------------------------------------------- */

static int stop;

/* Clears, or destroys and makes the slot, as long as others lease. */
static void *clear_again_and_again(void *argument)
{
	int fd = *(int *)argument;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		demand(clear_channel(fd, 0) >= 0);
		sched_yield();
	}
	return NULL;
}

/* A file that is closed with leases, some of which it ended. */
static void *lease_again_and_again(void *argument)
{
	long rounds = reduced(4000, 500, 100), i, n;

	(void)argument;
	while (rounds--) {
		int fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		uint64_t last = 0;

		demand(fd >= 0);
		for (i = 0; i < 8; i++) {
			static __thread char got[4096];
			struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));

			n = i % 3 ? 1000 : 10;
			memset(got, n & 255, sizeof(got));
			demand(write(fd, got, n) == n || errno == EAGAIN);
			if (ioctl(fd, MSGSLOT_RECV, &recv)) {
				demand(errno == EAGAIN);
				continue;
			}
			last = recv.sequence;
			demand(got[0] == (char)(recv.length & 255));
		}
		if (last && rounds % 2)
			demand(!lease_end(fd, 0, last,
					  rounds % 4 == 1 ? MSGSLOT_RECV_DROP :
							    MSGSLOT_RECV_RETURN) ||
			       errno == ESTALE);
		close(fd);
	}
	return NULL;
}

static void while_the_channel_is_cleared(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i;
	pthread_t clearer, workers[3];

	(void)state;
	stop = 0;
	clearer = thread_start(clear_again_and_again, &fd);
	for (i = 0; i < 3; i++)
		workers[i] = thread_start(lease_again_and_again, NULL);
	for (i = 0; i < 3; i++)
		thread_join(workers[i]);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	thread_join(clearer);
	assert_works(clear_channel(fd, 0));
	assert_kept(fd, 0, 0, 0);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "leased"), 0);
	own_close(fd);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
}

static void while_the_slot_goes(void **state)
{
	int rounds = reduced(40, 8, 4), i, fd;
	char long_text[5000];

	(void)state;
	memset(long_text, 'x', sizeof(long_text));
	while (rounds--) {
		own_become("queue");
		fd = own_open(O_RDWR | O_NONBLOCK);
		for (i = 1; i <= 20; i++)
			assert_works(write(fd, long_text, i % 2 ? 10 : 4000));
		for (i = 1; i <= 20; i++) {
			struct msgslot_recv recv =
				recv_of(0, MSGSLOT_RECV_LEASE, long_text, sizeof(long_text));

			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		}
		for (i = 1; i <= 20; i += 4)
			assert_result(lease_return(fd, 0, i), 0);
		assert_result(slot_destroy(OWN), 0);
		assert_fails(lease_done(fd, 0, 20), ENODEV);
		own_close(fd);
		assert_result(slot_create(OWN, "queue"), 0);
	}
}

/* ---- what it costs whom ---------------------------------------------------------------------- */

/* One that leases all it can is bounded by the share; a first lease is not refused. */
static void the_share(void **state)
{
	int sender, greedy, i, leased = 0;
	char got[4096];

	(void)state;
	assert_result(slot_set(OWN, "depth", 4096), 0);
	assert_result(slot_set(OWN, "max_bytes", 1 << 20), 0);
	assert_result(nodes_settle(), 0);
	sender = own_open(O_RDWR | O_NONBLOCK);
	greedy = own_open_as("member", O_RDWR | O_NONBLOCK);
	memset(got, 'x', sizeof(got));
	for (i = 0; i < 1000; i++)
		assert_result(write(sender, got, 200), 200);
	/* The user's share is used up: by other means, too. */
	while (write(greedy, got, 4000) == 4000)
		i++;
	assert_int_equal(errno, EDQUOT);
	for (;;) {
		struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));

		if (ioctl(greedy, MSGSLOT_RECV, &recv))
			break;
		leased++;
	}
	assert_int_equal(errno, EDQUOT);
	assert_true(leased >= 1);
	/* Another user's work goes on: all the rest is there. */
	for (; leased < i; leased++) {
		struct msgslot_recv recv = recv_of(0, MSGSLOT_RECV_LEASE, got, sizeof(got));

		assert_result(ioctl(sender, MSGSLOT_RECV, &recv), 0);
		assert_result(lease_done(sender, 0, recv.sequence), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lease_test(a_kill),
		lease_test(a_kill_while_stopped),
		lease_test(an_exit),
		lease_test(an_exec),
		lease_test(the_last_descriptor),
		lease_test(a_fork_shares_them),
		lease_test(many_at_once),
		lease_test(while_the_channel_is_cleared),
		lease_test(while_the_slot_goes),
		lease_test(the_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
