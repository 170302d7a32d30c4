// SPDX-License-Identifier: GPL-2.0-or-later
/* What one user of a slot may do to another: not slow, starve, pin or mislead. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "late.h"
#include "map.h"
#include "own-as.h"

/* ---- nothing is pinned ---------------------------------------------------------- */

enum { STUCK = 40 };

struct stuck {
	struct late late;
	int fd;
	pthread_t thread;
};

static void *read_into_late(void *argument)
{
	struct stuck *s = argument;

	demand(read(s->fd, s->late.pages, MIB) == MIB);
	return NULL;
}

/* Readers whose pages do not come keep nothing of what is replaced meanwhile. */
static void readers_without_pages_pin_nothing(void **state)
{
	static struct stuck stuck[STUCK];
	int writer, reader, i;

	(void)state;
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	assert_result(slot_set(OWN, "max_bytes", 64 * MIB), 0);
	writer = own_open_as("member", O_RDWR);
	assert_result(slot_select(writer, 1), 0);
	reader = own_open_on(O_RDONLY, 1);
	bytes_fill(text, MIB, 1);
	for (i = 0; i < STUCK; i++) {
		assert_result(write(writer, text, MIB), MIB);
		assert_no_complaint(late_new(&stuck[i].late, MIB));
		stuck[i].fd = reader;
		stuck[i].thread = thread_start(read_into_late, &stuck[i]);
		assert_no_complaint(late_await_fault(&stuck[i].late));
	}
	assert_in_range(slot_get(OWN, "bytes"), MIB, MIB + 64 * 1024);
	/* What they began to read they get whole. */
	for (i = 0; i < STUCK; i++) {
		late_come(&stuck[i].late);
		thread_join(stuck[i].thread);
		assert_memory_equal(stuck[i].late.pages, text, MIB);
		late_free(&stuck[i].late);
	}
}

/* ---- replacing takes nothing ------------------------------------------------------ */

struct replacer {
	int fd;
	long rounds;
	pthread_t thread;
};

static void *replace_again_and_again(void *argument)
{
	struct replacer *r = argument;

	while (r->rounds--)
		demand(write(r->fd, text, 3000) == 3000);
	return NULL;
}

static void replacing_in_a_full_slot(void **state)
{
	struct replacer replacers[3];
	size_t i;

	(void)state;
	bytes_fill(text, 3000, 1);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	replacers[0].fd = own_open_on(O_RDWR, 1);
	assert_result(write(replacers[0].fd, text, 3000), 3000);
	assert_result(slot_set(OWN, "max_bytes", slot_get(OWN, "bytes")), 0);
	for (i = 0; i < COUNT_OF(replacers); i++) {
		replacers[i].fd = own_open_on(O_RDWR, 1);
		replacers[i].rounds = scaled(20000, 1000);
		replacers[i].thread = thread_start(replace_again_and_again, &replacers[i]);
	}
	for (i = 0; i < COUNT_OF(replacers); i++)
		thread_join(replacers[i].thread);
	/* A longer message finds no space, and the old message stays. */
	bytes_fill(text, 4096 + 1, 2);
	assert_fails(write(replacers[0].fd, text, 4096 + 1), ENOSPC);
	bytes_fill(text, 3000, 1);
	assert_holds(1, text, 3000);
	/* A shorter one does, also one that goes into its cell; so does one of the same length. */
	for (i = 0; i < 3000; i += 250) {
		assert_result(write(replacers[0].fd, text, 3000 - i), 3000 - i);
		assert_holds(1, text, 3000 - i);
	}
}

/*
 * A ring that was cleared waits for its readers to have looked: of these there is no pile either.
 */
static void cleared_rings_leave_no_pile(void **state)
{
	struct msgslot_clear clear = { .channel = 1 };
	const int rounds = scaled(40, 4), depth = scaled(65536, 16384);
	long long before, least, now;
	int fd, i, j;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", depth), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	before = least = meminfo_get("MemFree:");
	for (i = 0; i < rounds; i++) {
		for (j = 0; j < depth; j++)
			assert_result(write(fd, text, 200), 200);
		assert_result(ioctl(fd, MSGSLOT_CLEAR, &clear), 0);
		assert_int_equal(clear.messages, depth);
		now = meminfo_get("MemFree:");
		least = now < least ? now : least;
	}
	printf("# %lld KiB less at most\n", (before - least) / 1024);
	/* What the slot may hold, and once more. */
	assert_true(before - least <= 130 * MIB);
}

static pthread_barrier_t together;

static void *write_together(void *argument)
{
	pthread_barrier_wait(&together);
	demand(write(*(int *)argument, text, 200) == 200);
	return NULL;
}

/*
 * However many calls of a user find at once that a log must grow: they have no more under way than
 * it may hold.
 */
static void growing_at_once_is_bounded(void **state)
{
	enum { FULL = 32768, WRITERS = 64 };
	pthread_t threads[WRITERS];
	long long before, least;
	int fd, i;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 2 * FULL), 0);
	fd = own_open_on(O_RDWR, 1);
	for (i = 0; i < FULL; i++)
		assert_result(write(fd, text, 200), 200);
	assert_int_equal(pthread_barrier_init(&together, NULL, WRITERS + 1), 0);
	for (i = 0; i < WRITERS; i++)
		threads[i] = thread_start(write_together, &fd);
	before = least = meminfo_get("MemFree:");
	pthread_barrier_wait(&together);
	while (slot_get(OWN, "messages") < FULL + WRITERS) {
		long long now = meminfo_get("MemFree:");

		least = now < least ? now : least;
	}
	for (i = 0; i < WRITERS; i++)
		thread_join(threads[i]);
	pthread_barrier_destroy(&together);
	printf("# %lld KiB less at most\n", (before - least) / 1024);
	assert_true(before - least <= 100 * MIB);
}

/* However quickly, and of whatever lengths: what is replaced is free at once. */
static void replaced_values_leave_no_pile(void **state)
{
	const long rounds = scaled(2000, 200);
	long long before, least;
	int fd, i;

	(void)state;
	bytes_fill(text, MIB, 1);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	assert_result(slot_set(OWN, "max_bytes", 4 * MIB), 0);
	fd = own_open_on(O_RDWR, 1);
	assert_result(write(fd, text, MIB), MIB);
	before = least = meminfo_get("MemFree:");
	for (i = 0; i < rounds; i++) {
		long long now;
		int length = MIB - i % 64 * 4096;

		assert_result(write(fd, text, length), length);
		if (i % 8)
			continue;
		now = meminfo_get("MemFree:");
		least = now < least ? now : least;
	}
	printf("# %lld KiB less at most\n", (before - least) / 1024);
	assert_true(before - least <= 16 * MIB);
}

/* ---- nothing of another message beyond one's own ------------------------------------ */

static struct {
	int fd;
	bool recv;
	bool stop;
	long strange;
} mixed;

/* What a read of n bytes leaves behind them. */
static void *read_mixed(void *unused)
{
	static __thread char taken[4000];
	struct msgslot_recv recv;
	ssize_t n;
	int i;

	(void)unused;
	while (!__atomic_load_n(&mixed.stop, __ATOMIC_RELAXED)) {
		memset(taken, 0, sizeof(taken));
		if (mixed.recv) {
			recv = recv_of(0, 0, taken, sizeof(taken));
			recv.time = recv.lost = recv.pid = recv.uid = recv.length = 77;
			recv.sequence = 77;
			n = ioctl(mixed.fd, MSGSLOT_RECV, &recv) ? -1 : (ssize_t)recv.length;
			/* A call that fails has told nothing. */
			if (n < 0 && (recv.time != 77 || recv.lost != 77 || recv.pid != 77 ||
				      recv.uid != 77 || recv.length != 77 || recv.sequence != 77))
				__atomic_add_fetch(&mixed.strange, 1, __ATOMIC_RELAXED);
		} else {
			n = read(mixed.fd, taken, sizeof(taken));
		}
		demand(n > 0 || errno == EAGAIN);
		for (i = n < 0 ? 0 : n; i < (int)sizeof(taken); i++)
			if (taken[i])
				break;
		if (i < (int)sizeof(taken))
			__atomic_add_fetch(&mixed.strange, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void reads_leave_nothing_of_another_message(void **state)
{
	const int lengths[] = { 100, 10, 4000, 300 };
	const long rounds = scaled(40000, 2000);
	pthread_t readers[2];
	int way, i, fd;
	size_t j;

	(void)state;
	memset(text, 'x', 4000);
	for (way = 0; way < 4; way++) {
		own_become("queue");
		fd = own_open(O_WRONLY | O_NONBLOCK);
		mixed.fd = own_open(O_RDONLY | O_NONBLOCK);
		mixed.recv = way % 2;
		mixed.stop = false;
		mixed.strange = 0;
		for (j = 0; j < COUNT_OF(readers); j++)
			readers[j] = thread_start(read_mixed, NULL);
		/* Short ones only, or of all lengths. */
		for (i = 0; i < rounds; i++)
			while (write(fd, text, lengths[i % (way / 2 ? 4 : 2)]) < 0)
				assert_int_equal(errno, EAGAIN);
		mixed.stop = true;
		for (j = 0; j < COUNT_OF(readers); j++)
			thread_join(readers[j]);
		assert_int_equal(mixed.strange, 0);
	}
}

/* ---- one share for each person ------------------------------------------------------ */

static int begun[2], mapped[2];

/* In a user namespace of member's, as many ids as it has. */
static void *many_ids_of_one(void *argument)
{
	const size_t length = *(size_t *)argument;
	int id, fd, files = 0;
	char byte;

	demand(unshare(CLONE_NEWUSER) == 0);
	demand(write(begun[1], "r", 1) == 1);
	demand(read(mapped[0], &byte, 1) == 1);
	for (id = 1; id <= 16; id++) {
		demand(setresuid(id, id, 0) == 0);
		fd = slot_open(OWN, O_RDWR);
		demand(fd >= 0);
		if (slot_select(fd, id) || write(fd, text, length) < 0)
			break;
		files++;
		demand(setresuid(0, 0, 0) == 0);
	}
	demand(files < 16 && errno == EDQUOT);
	return NULL;
}

static void *one_message(void *argument)
{
	int fd = slot_open_on(OWN, O_RDWR, 100);

	demand(fd >= 0);
	demand(write(fd, text, *(size_t *)argument) > 0);
	return NULL;
}

static void many_ids_are_one_person(void **state)
{
	size_t length = 60000;
	char path[64], byte;
	pid_t child;

	(void)state;
	bytes_fill(text, length, 1);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	assert_result(pipe(mapped), 0);
	assert_result(pipe(begun), 0);
	child = child_start("member", many_ids_of_one, &length);
	assert_result(read(begun[0], &byte, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	assert_result(text_put(path, "0 100000 65536"), 0);
	assert_result(write(mapped[1], "g", 1), 1);
	child_join(child);
	/* No more than half of it is gone. */
	assert_true(slot_get(OWN, "bytes") <= MIB / 2);
	child_run("member2", one_message, &length);
}

/* ---- a stop does not end a call ------------------------------------------------------ */

static void *wait_for_a_message(void *unused)
{
	int fd = slot_open_on(OWN, O_RDONLY, 1);
	struct msgslot_recv recv = recv_of(1, MSGSLOT_RECV_NEWER, text, sizeof(text));
	double began = seconds_now();

	(void)unused;
	recv.timeout = 2000LL * MILLISECOND;
	demand(fd >= 0);
	demand(ioctl(fd, MSGSLOT_RECV, &recv) == -1);
	demand(errno == ETIMEDOUT);
	demand(seconds_now() - began >= 1.9);
	demand(recv.remaining == 0);
	return NULL;
}

static void a_stop_does_not_end_a_wait(void **state)
{
	int status, i;
	pid_t child;

	(void)state;
	child = child_start(NULL, wait_for_a_message, NULL);
	for (i = 0; i < 3; i++) {
		usleep(300000);
		assert_result(kill(child, SIGSTOP), 0);
		assert_result(waitpid(child, &status, WUNTRACED), child);
		assert_true(WIFSTOPPED(status));
		assert_result(kill(child, SIGCONT), 0);
	}
	child_join(child);
}

/* What is left after a handler is told, and is what the same struct waits for. */
static void what_is_left_is_told(void **state)
{
	int fd = own_open_on(O_RDONLY, 1);
	struct msgslot_recv recv = recv_of(1, MSGSLOT_RECV_NEWER, text, sizeof(text));
	struct caller caller;

	(void)state;
	signal_handle(0);
	recv.timeout = 3600LL * 1000 * MILLISECOND;
	caller_start(&caller, call_recv, fd, &recv);
	caller_signal(&caller);
	assert_fails(caller_end(&caller), EINTR);
	assert_in_range(recv.remaining, 1, recv.timeout);
	recv.remaining = 1;
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ETIMEDOUT);
	assert_int_equal(recv.remaining, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(readers_without_pages_pin_nothing),
		own_slot_test(replacing_in_a_full_slot),
		own_slot_test(replaced_values_leave_no_pile),
		own_slot_test(cleared_rings_leave_no_pile),
		own_slot_test(growing_at_once_is_bounded),
		own_slot_test(reads_leave_nothing_of_another_message),
		own_slot_test(many_ids_are_one_person),
		own_slot_test(a_stop_does_not_end_a_wait),
		own_slot_test(what_is_left_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
