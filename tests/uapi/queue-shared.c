// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One open file in many hands: threads, fork, dup, a unix socket.  A call that sleeps goes on with
 * the file and the channel it began on, whatever the others do with them.
 */
#define _GNU_SOURCE
#include "queue.h"

static uint64_t number;

static struct caller reading(int fd)
{
	return (struct caller){ READ, .fd = fd, .bytes = &number, .size = sizeof(number) };
}

static void closed_while_another_sleeps(void **state)
{
	int out = own_open_on(O_WRONLY, 1), full, i;
	struct caller c;

	(void)state;
	for (i = 0; i < 3; i++) {
		c = reading(slot_open_on(OWN, O_RDONLY, 1));
		caller_start(&c);
		assert_result(close(c.fd), 0);
		assert_sleeps(&c);
		put_number(out, i);
		caller_join(&c, sizeof(number));
		assert_int_equal(number, i);
	}
	/* A writer, too; and the channel is nobody's when it is done. */
	full = slot_open_on(OWN, O_RDWR | O_NONBLOCK, 2);
	for (i = 0; i < 1024; i++)
		put_number(full, i);
	number = 1024;
	c = (struct caller){ WRITE, .bytes = &number, .size = sizeof(number) };
	c.fd = slot_open_on(OWN, O_WRONLY, 2);
	caller_start(&c);
	assert_result(close(c.fd), 0);
	assert_sleeps(&c);
	for (i = 0; i < 1024; i++)
		assert_next_number(full, i);
	caller_join(&c, sizeof(number));
	assert_next_number(full, 1024);
	close(full);
	assert_result(slot_get(OWN, "channels"), 1);
}

static void selected_while_another_sleeps(void **state)
{
	int one = own_open_on(O_WRONLY, 1), two = own_open_on(O_WRONLY, 2), i;
	struct caller c;

	(void)state;
	for (i = 0; i < 3; i++) {
		c = reading(own_open_on(O_RDONLY, 1));
		caller_start(&c);
		assert_result(slot_select(c.fd, 2), 0);
		put_number(two, 20 + i);
		assert_sleeps(&c);
		put_number(one, 10 + i);
		caller_join(&c, sizeof(number));
		assert_int_equal(number, 10 + i);
		/* The next read is where the file is now. */
		assert_next_number(c.fd, 20 + i);
	}
}

/* Only the sleeper is on the channel any more: the channel exists as long as the sleeper. */
static void a_sleeper_holds_its_channel(void **state)
{
	int file = own_open_on(O_RDONLY, 1), out;
	struct caller c = reading(file);

	(void)state;
	caller_start(&c);
	assert_result(slot_select(file, 2), 0);
	assert_result(slot_get(OWN, "channels"), 2);
	out = own_open_on(O_WRONLY, 1);
	assert_result(slot_get(OWN, "channels"), 2);
	assert_result(slot_select(out, 2), 0);
	assert_sleeps(&c);
	assert_result(slot_get(OWN, "channels"), 2);
	assert_result(queue_send(out, 1, "8 bytes", 8), 0);
	caller_join(&c, 8);
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(slot_get(OWN, "messages"), 0);
}

/* Two threads select different channels on one file, and both read from it: nothing goes astray. */
enum { SIDES = 2 };

static int swinging;
static long each, taken;

static void *swing(void *argument)
{
	uint32_t id = 1 + (argument != NULL);

	while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < SIDES * each)
		demand(slot_select(swinging, id) == 0);
	return NULL;
}

/* Which side and which message of it, in 64 bits. */
static unsigned char *seen[SIDES];

static void *take_from_either(void *unused)
{
	uint64_t got;

	(void)unused;
	while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < SIDES * each) {
		if (read(swinging, &got, sizeof(got)) < 0) {
			demand(errno == EAGAIN);
			continue;
		}
		demand(got >> 32 < SIDES && (long)(got & 0xffffffff) < each);
		/* By now, exactly once. */
		demand(!__atomic_exchange_n(&seen[got >> 32][got & 0xffffffff], 1,
					    __ATOMIC_RELAXED));
		__atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void *send_to_a_side(void *argument)
{
	uint64_t side = argument != NULL, i;
	int fd = slot_open_on(OWN, O_WRONLY, 1 + side);

	demand(fd >= 0);
	for (i = 0; i < (uint64_t)each; i++) {
		uint64_t message = side << 32 | i;

		demand(write(fd, &message, sizeof(message)) == sizeof(message));
	}
	close(fd);
	return NULL;
}

static void two_threads_select_on_one_file(void **state)
{
	pthread_t threads[6];
	int i;

	(void)state;
	each = scaled(10000, 400);
	taken = 0;
	for (i = 0; i < SIDES; i++)
		assert_non_null(seen[i] = calloc(each, 1));
	assert_result(slot_set(OWN, "depth", 50), 0);
	swinging = own_open_on(O_RDWR | O_NONBLOCK, 1);
	for (i = 0; i < 6; i++)
		threads[i] = thread_start(i < 2 ? swing :
					  i < 4 ? take_from_either :
						  send_to_a_side,
					  i % 2 ? threads : NULL);
	for (i = 0; i < 6; i++)
		thread_join(threads[i]);
	assert_int_equal(taken, SIDES * each);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "received"), SIDES * each);
	/* Each file that is open holds one channel, however often it was swung. */
	assert_result(slot_get(OWN, "channels"), 1);
	for (i = 0; i < SIDES; i++)
		free(seen[i]);
}

static void *take_one_and_move(void *argument)
{
	int fd = *(int *)argument;
	uint64_t got;

	demand(read(fd, &got, sizeof(got)) == sizeof(got) && got == 1);
	demand(slot_select(fd, 2) == 0);
	demand(read(fd, &got, sizeof(got)) == sizeof(got) && got == 21);
	return NULL;
}

static void fork_and_dup_share_the_file(void **state)
{
	int file = own_open_on(O_RDWR | O_NONBLOCK, 1), copy = dup(file);
	uint32_t id = 0;

	(void)state;
	assert_true(copy >= 0);
	put_number(file, 1);
	put_number(copy, 2);
	assert_result(queue_send(file, 2, &(uint64_t){ 21 }, 8), 0);
	assert_result(queue_send(file, 2, &(uint64_t){ 22 }, 8), 0);
	child_run(NULL, take_one_and_move, &file);
	/* Here, too, another channel is selected now. */
	assert_result(ioctl(copy, MSGSLOT_GET_CHANNEL, &id), 0);
	assert_int_equal(id, 2);
	assert_next_number(file, 22);
	assert_nothing(copy);
	assert_result(slot_select(file, 1), 0);
	assert_next_number(copy, 2);
	assert_nothing(file);
	/* What was opened once is closed when the last of them is. */
	assert_result(close(copy), 0);
	put_number(file, 3);
	assert_next_number(file, 3);
	assert_result(slot_get(OWN, "channels"), 1);
}

/* A child that sleeps is woken by a message from the test, which has closed the file. */
static void a_child_sleeps_in_an_inherited_file(void **state)
{
	struct caller *c = shared_for_test(sizeof(*c) + sizeof(number));
	int out = own_open_on(O_WRONLY, 1), file = slot_open_on(OWN, O_RDONLY, 1);
	pid_t child;

	(void)state;
	assert_true(file >= 0);
	*c = (struct caller){ READ, .fd = file, .bytes = c + 1, .size = sizeof(number) };
	child = child_start(NULL, caller_run, c);
	caller_await_sleep(c);
	assert_result(close(file), 0);
	put_number(out, 6);
	child_join(child);
	assert_int_equal(c->result, sizeof(number));
	assert_int_equal(*(uint64_t *)(c + 1), 6);
	munmap(c, sizeof(*c) + sizeof(number));
}

/* Over a socket, to a process that may not open the node. */
static int pair[2];

static void *outsider(void *unused)
{
	int fd = file_receive(pair[1]);
	struct msgslot_recv recv;
	uint64_t got;

	(void)unused;
	demand(slot_open(OWN, O_RDWR) == -1 && errno == EACCES);
	demand(fd >= 0);
	demand(read(fd, &got, sizeof(got)) == sizeof(got) && got == 1);
	recv = queue_recv(9, 0, 0, &got, sizeof(got));
	demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0 && got == 9);
	got = getpid();
	demand(write(fd, &got, sizeof(got)) == sizeof(got));
	demand(slot_select(fd, 3) == 0);
	return NULL;
}

static void passed_over_a_socket(void **state)
{
	int file = own_open_on(O_RDWR | O_NONBLOCK, 1);
	struct msgslot_recv recv;
	uint64_t got;
	uint32_t id;
	pid_t child;

	(void)state;
	assert_result(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	put_number(file, 1);
	assert_result(queue_send(file, 9, &(uint64_t){ 9 }, 8), 0);
	child = child_start("outsider", outsider, NULL);
	assert_result(file_pass(pair[0], file), 0);
	child_join(child);
	/* The child sends as the user that opened the file, but the pid is that of the child. */
	recv = queue_recv(1, 0, 0, &got, sizeof(got));
	assert_result(ioctl(file, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(got, child);
	assert_int_equal(recv.pid, child);
	assert_int_equal(recv.uid, 0);
	assert_result(ioctl(file, MSGSLOT_GET_CHANNEL, &id), 0);
	assert_int_equal(id, 3);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(closed_while_another_sleeps),
		queue_slot_test(selected_while_another_sleeps),
		queue_slot_test(a_sleeper_holds_its_channel),
		queue_slot_test(two_threads_select_on_one_file),
		queue_slot_test(fork_and_dup_share_the_file),
		queue_slot_test(a_child_sleeps_in_an_inherited_file),
		queue_slot_test(passed_over_a_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
