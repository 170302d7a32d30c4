// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a reader is left with when others take, clear or replace what is being read: one whole
 * message, and no byte of another.
 */
#define _GNU_SOURCE
#include "ioctl.h"
#include "late.h"

enum { LONG = 8000 };

static char text[LONG], got[LONG];

static int read_begin(void **state)
{
	return own_begin(state) || slot_set(OWN, "max_message", LONG);
}

/* A queue that takes such messages, too. */
static void become_queue(void)
{
	own_become("queue");
	assert_result(slot_set(OWN, "max_message", LONG), 0);
}

#define read_test(test) cmocka_unit_test_setup_teardown(test, read_begin, own_end)

static void assert_cleared(const char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size && !bytes[i]; i++)
		continue;
	assert_int_equal(i, size);
}

/* What a read wrote before it came to a bad pointer is taken back; the message stays. */
static void a_failed_read_leaves_nothing(void **state)
{
	const size_t lengths[] = { 200, LONG }, edges[] = { 1, 100, 199 };
	struct msgslot_recv recv;
	size_t i, j;
	char *edge;
	int fd;

	(void)state;
	become_queue();
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	memset(text, 'x', sizeof(text));
	for (i = 0; i < COUNT_OF(lengths); i++) {
		assert_result(write(fd, text, lengths[i]), lengths[i]);
		for (j = 0; j < COUNT_OF(edges); j++) {
			const size_t size = i ? edges[j] + 4096 : edges[j];

			edge = edge_new(size, PROT_READ | PROT_WRITE);
			memset(edge, 0, size);
			assert_fails(read(fd, edge, LONG), EFAULT);
			assert_cleared(edge, size);
			recv = recv_of(1, 0, edge, LONG);
			recv.sequence = recv.time = 77;
			assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), EFAULT);
			assert_cleared(edge, size);
			assert_int_equal(recv.sequence, 77);
			assert_int_equal(recv.time, 77);
			edge_free(edge, size);
		}
		assert_result(read(fd, got, LONG), lengths[i]);
	}
}

struct reading {
	int fd;
	struct late late;
};

static void *read_ten_into_late(void *argument)
{
	struct reading *r = argument;

	demand(read(r->fd, r->late.pages, LONG) == 10);
	return NULL;
}

/*
 * The first message was copied in part when its reader had to wait for a page, and is another's
 * then.
 */
static void a_message_taken_meanwhile_leaves_nothing(void **state)
{
	struct reading reading;
	pthread_t thread;
	int fd;

	(void)state;
	become_queue();
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	memset(text, 'x', sizeof(text));
	assert_result(write(fd, text, LONG), LONG);
	assert_no_complaint(late_new(&reading.late, 4 * PAGE));
	reading.fd = own_open_on(O_RDONLY | O_NONBLOCK, 1);
	thread = thread_start(read_ten_into_late, &reading);
	assert_no_complaint(late_await_fault(&reading.late));
	assert_result(read(fd, got, LONG), LONG);
	assert_result(write(fd, "0123456789", 10), 10);
	late_come(&reading.late);
	thread_join(thread);
	assert_memory_equal(reading.late.pages, "0123456789", 10);
	assert_cleared(reading.late.pages + 10, LONG - 10);
	late_free(&reading.late);
}

/* ---- two want the same -------------------------------------------------------------- */

static struct {
	int fd;
	long rounds;
	pthread_barrier_t meet;
} dropping;

/*
 * Each drops message after message, if the other one has not; a call that fails has told nothing.
 */
static void *drop_each(void *unused)
{
	long i, wrong = 0, told = 0;
	struct msgslot_recv recv;

	(void)unused;
	/* To the end in any case, as the other one waits. */
	for (i = 1; i <= dropping.rounds; i++) {
		pthread_barrier_wait(&dropping.meet);
		recv = recv_of(1, MSGSLOT_RECV_IF | MSGSLOT_RECV_DROP, NULL, 0);
		recv.sequence = i;
		recv.time = recv.lost = 77;
		recv.length = recv.pid = recv.uid = 77;
		if (!ioctl(dropping.fd, MSGSLOT_RECV, &recv))
			continue;
		wrong += errno != ESTALE;
		told += recv.time != 77 || recv.lost != 77 || recv.length != 77 || recv.pid != 77 ||
			recv.uid != 77;
	}
	demand(wrong == 0);
	demand(told == 0);
	return NULL;
}

static void what_another_dropped_is_not_told(void **state)
{
	pthread_t thread;
	long i;

	(void)state;
	own_become("queue");
	dropping.rounds = scaled(20000, 1000);
	assert_result(slot_set(OWN, "depth", dropping.rounds), 0);
	dropping.fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	for (i = 0; i < dropping.rounds; i++)
		assert_result(write(dropping.fd, "message", 7), 7);
	assert_int_equal(pthread_barrier_init(&dropping.meet, NULL, 2), 0);
	thread = thread_start(drop_each, NULL);
	assert_ptr_equal(drop_each(NULL), NULL);
	thread_join(thread);
	pthread_barrier_destroy(&dropping.meet);
	assert_result(slot_get(OWN, "messages"), 0);
}

/* ---- cleared while it is read ------------------------------------------------------- */

static struct {
	bool stop;
	int fd;
	long whole;
} clearing;

/* Channel 1 has long messages of one letter; what is on others has other letters and lengths. */
static void *read_channel_1(void *unused)
{
	static __thread char taken[LONG];
	ssize_t n, i;

	(void)unused;
	while (!__atomic_load_n(&clearing.stop, __ATOMIC_RELAXED)) {
		n = read(clearing.fd, taken, sizeof(taken));
		if (n < 0) {
			demand(errno == EAGAIN);
			continue;
		}
		demand(n == LONG);
		for (i = 0; i < n; i++)
			demand(taken[i] == '1');
		__atomic_add_fetch(&clearing.whole, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void cleared_while_it_is_read(void **state)
{
	const long rounds = scaled(40000, 4000);
	struct msgslot_clear clear = { .channel = 1 };
	char others[LONG];
	pthread_t readers[2];
	int one, other;
	size_t j;
	long i;

	(void)state;
	memset(text, '1', sizeof(text));
	memset(others, '2', sizeof(others));
	one = own_open_on(O_RDWR | O_NONBLOCK, 1);
	other = own_open_on(O_RDWR | O_NONBLOCK, 2);
	clearing.fd = one;
	clearing.stop = false;
	for (j = 0; j < COUNT_OF(readers); j++)
		readers[j] = thread_start(read_channel_1, NULL);
	for (i = 0; i < rounds; i++) {
		assert_result(write(one, text, LONG), LONG);
		assert_result(ioctl(one, MSGSLOT_CLEAR, &clear), 0);
		/* What was free by that is another message's now. */
		assert_result(write(other, others, i % 2 ? LONG : 300), i % 2 ? LONG : 300);
	}
	clearing.stop = true;
	for (j = 0; j < COUNT_OF(readers); j++)
		thread_join(readers[j]);
	printf("# %ld of %ld were read\n", clearing.whole, rounds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		read_test(a_failed_read_leaves_nothing),
		read_test(a_message_taken_meanwhile_leaves_nothing),
		read_test(what_another_dropped_is_not_told),
		read_test(cleared_while_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
