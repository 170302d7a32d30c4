// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Readers and writers that get stuck half way: their memory does not come (userfaultfd), they are
 * stopped, killed while they copy, or their slot is destroyed.  Everybody else goes on, and the
 * message stays at the head.
 */
#define _GNU_SOURCE
#include "late.h"
#include "queue.h"

enum { LONG = 2 * PAGE };

/* Short messages, where the whole buffer is late; long ones, of which the second half is. */
static size_t length;

static struct caller stuck_caller(struct late *late, int call, int fd)
{
	return (struct caller){
		.call = call,
		.fd = fd,
		.timeout = -1,
		.bytes = length == LONG ? late->pages : late->pages + PAGE,
		.size = length,
	};
}

static void send_number(int fd, uint64_t number)
{
	char bytes[LONG];

	message_fill(bytes, length, number);
	assert_result(write(fd, bytes, length), length);
}

static void assert_next_message(int fd, uint64_t number)
{
	char bytes[LONG];

	assert_result(read(fd, bytes, sizeof(bytes)), length);
	assert_int_equal(message_number(bytes, length), number);
}

/* Each test for both lengths and both calls. */
static int way_begin(int way)
{
	length = way / 2 ? LONG : 8;
	return way % 2 ? RECV : READ;
}

static void late_readers_delay_no_other(void **state)
{
	int fd, reader, way, when;
	struct late late;
	struct caller c;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	reader = own_open(O_RDONLY);
	for (way = 0; way < 12; way++) {
		when = way / 4;
		assert_no_complaint(late_new(&late, LONG));
		c = stuck_caller(&late, way_begin(way % 4), reader);
		send_number(fd, 10);
		send_number(fd, 11);
		c.thread = thread_start(caller_run, &c);
		assert_no_complaint(late_await_fault(&late));
		/* Its message is still there for all. */
		assert_result(slot_get(OWN, "messages"), 2);
		switch (when) {
		case 0: /* its page comes in time */
			late_come(&late);
			caller_join(&c, length);
			assert_int_equal(message_number(c.bytes, length), 10);
			break;
		case 1: /* another reader took the message: the caller gets the next one */
			assert_next_message(fd, 10);
			late_come(&late);
			caller_join(&c, length);
			assert_int_equal(message_number(c.bytes, length), 11);
			send_number(fd, 11);
			break;
		default: /* another reader took them all: the caller waits, as any other */
			assert_next_message(fd, 10);
			assert_next_message(fd, 11);
			assert_nothing(fd);
			late_come(&late);
			assert_sleeps(&c);
			send_number(fd, 12);
			caller_join(&c, length);
			assert_int_equal(message_number(c.bytes, length), 12);
			send_number(fd, 11);
		}
		assert_next_message(fd, 11);
		assert_nothing(fd);
		late_free(&late);
	}
}

/* The stuck one is the first, the second or the last to be woken: the others get what comes. */
static void late_readers_delay_no_sleeper(void **state)
{
	static char bytes[2][LONG];
	int fd, reader, way, place, i;
	struct caller stuck, others[2];
	struct late late;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	reader = own_open(O_RDONLY);
	for (way = 0; way < 12; way++) {
		place = way / 4;
		assert_no_complaint(late_new(&late, LONG));
		stuck = stuck_caller(&late, way_begin(way % 4), reader);
		for (i = 0; i < 3; i++) {
			struct caller *c = i == place ? &stuck : &others[i > place ? i - 1 : i];

			if (i != place)
				*c = (struct caller){ .call = i % 2 ? READ : RECV,
						      .fd = reader,
						      .timeout = -1,
						      .bytes = bytes[i > place ? i - 1 : i],
						      .size = LONG };
			caller_start(c);
		}
		send_number(fd, 0);
		send_number(fd, 1);
		/* Two messages, three waiters: the two that can take them get them now or soon. */
		for (i = 0; i < 2; i++)
			caller_join(&others[i], length);
		assert_int_equal(
			message_number(bytes[0], length) + message_number(bytes[1], length), 1);
		assert_false(stuck.up);
		/* If it was woken it waits for its page; if not, for a message. */
		send_number(fd, 2);
		assert_no_complaint(late_await_fault(&late));
		late_come(&late);
		caller_join(&stuck, length);
		assert_int_equal(message_number(stuck.bytes, length), 2);
		assert_nothing(fd);
		late_free(&late);
	}
}

/* Nobody waits for a writer whose message does not come, nor is a place kept for it. */
static void late_writers_delay_no_other(void **state)
{
	int fd, writer, way, i;
	struct late late;
	struct caller c;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	assert_result(slot_set(OWN, "depth", 2), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	writer = own_open(O_WRONLY);
	for (way = 0; way < 4; way++) {
		assert_no_complaint(late_new(&late, LONG));
		c = stuck_caller(&late, way_begin(way) == READ ? WRITE : SEND, writer);
		c.thread = thread_start(caller_run, &c);
		assert_no_complaint(late_await_fault(&late));
		for (i = 0; i < 3; i++) {
			send_number(fd, 1);
			send_number(fd, 2);
			assert_next_message(fd, 1);
			assert_next_message(fd, 2);
			assert_nothing(fd);
		}
		late_come(&late);
		caller_join(&c, length);
		assert_result(read(fd, (char[LONG]){ 0 }, LONG), length);
		late_free(&late);
	}
}

/* A child gets stuck and is killed there. */
struct victim {
	struct caller caller;
	volatile bool stuck;
};

static void *get_stuck(void *argument)
{
	struct victim *victim = argument;
	pthread_t thread;
	struct late late;
	void *complaint = late_new(&late, LONG);

	if (complaint)
		return complaint;
	victim->caller = stuck_caller(&late, victim->caller.call, victim->caller.fd);
	demand(pthread_create(&thread, NULL, caller_run, &victim->caller) == 0);
	complaint = late_await_fault(&late);
	if (complaint)
		return complaint;
	victim->stuck = true;
	for (;;)
		pause();
}

static void killed_while_copying(void **state)
{
	struct victim *victim = shared_for_test(sizeof(*victim));
	const int calls[] = { READ, RECV, WRITE, SEND };
	int fd, status, way;
	pid_t child;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open(O_RDWR | O_NONBLOCK);
	for (way = 0; way < 8; way++) {
		length = way / 4 ? LONG : 8;
		send_number(fd, 0);
		send_number(fd, 1);
		*victim = (struct victim){ .caller = { .call = calls[way % 4], .fd = fd } };
		child = child_start(NULL, get_stuck, victim);
		await(victim->stuck);
		kill(child, SIGKILL);
		assert_result(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_result(slot_get(OWN, "messages"), 2);
		send_number(fd, 2);
		assert_next_message(fd, 0);
		assert_next_message(fd, 1);
		assert_next_message(fd, 2);
		assert_nothing(fd);
	}
	munmap(victim, sizeof(*victim));
}

/* A stopped reader does not wait; when it goes on, it does again. */
static void stopped_readers_do_not_count(void **state)
{
	struct caller *c = shared_for_test(sizeof(*c) + 8), other;
	int fd = own_open(O_RDWR | O_NONBLOCK), reader = own_open(O_RDONLY), i;
	uint64_t *got = (uint64_t *)(c + 1), number;
	pid_t child;

	(void)state;
	for (i = 0; i < scaled(20, 4); i++) {
		*c = (struct caller){ .call = i % 2 ? RECV : READ, .fd = reader, .timeout = -1 };
		c->bytes = got;
		c->size = 8;
		other = (struct caller){ READ, .fd = reader, .bytes = &number, .size = 8 };
		child = child_start(NULL, caller_run, c);
		caller_await_sleep(c);
		caller_start(&other);
		/* Stopped before the message comes, or when it was woken for it. */
		if (i % 4 < 2) {
			kill(child, SIGSTOP);
			await(task_state(child) == 'T');
			put_number(fd, 0);
			caller_join(&other, 8);
			assert_int_equal(number, 0);
			assert_false(c->up);
		} else {
			put_number(fd, 0);
			kill(child, SIGSTOP);
			await(slot_get(OWN, "messages") == 0);
			put_number(fd, 1);
			caller_join(&other, 8);
			/* One of the two messages was for either, or the second is there yet. */
			assert_in_range(number, 0, 1);
		}
		kill(child, SIGCONT);
		put_number(fd, 2);
		child_join(child);
		assert_int_equal(c->result, 8);
		if (i % 4 >= 2)
			assert_int_equal(*got + number, 1);
		else
			assert_int_equal(*got, 2);
		while (read(fd, &number, 8) > 0)
			assert_int_equal(number, 2);
	}
	munmap(c, sizeof(*c) + 8);
}

/* All callers that wait, and one caller that cannot even leave its copy. */
static void destroyed_with_all_of_them(void **state)
{
	const int calls[] = { READ, RECV, WRITE, SEND };
	uint64_t numbers[8] = { 0 };
	struct caller stuck, callers[8];
	struct pollfd both[2];
	struct late late;
	int full, i;

	(void)state;
	length = 8;
	assert_result(slot_set(OWN, "depth", 1), 0);
	assert_no_complaint(late_new(&late, LONG));
	full = own_open_on(O_RDWR, 2);
	put_number(full, 1);
	stuck = stuck_caller(&late, READ, own_open_on(O_RDWR, 2));
	stuck.thread = thread_start(caller_run, &stuck);
	assert_no_complaint(late_await_fault(&late));
	for (i = 0; i < 8; i++) {
		callers[i] = (struct caller){
			.call = calls[i % 4],
			.fd = own_open_on(O_RDWR, i % 4 < 2 ? 1 : 2),
			.id = i % 4 < 2 ? 1 : 2,
			.timeout = i < 4 ? -1 : INT64_MAX,
			.bytes = &numbers[i],
			.size = 8,
		};
		caller_start(&callers[i]);
	}
	assert_result(slot_destroy(OWN), 0);
	for (i = 0; i < 8; i++)
		caller_join_fails(&callers[i], ENODEV);
	both[0] = (struct pollfd){ .fd = full, .events = POLLIN };
	both[1] = (struct pollfd){ .fd = callers[0].fd, .events = POLLIN | POLLOUT };
	assert_result(poll(both, 2, 0), 2);
	for (i = 0; i < 2; i++)
		assert_int_equal(both[i].revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	/* A new slot of that number has nothing to do with it. */
	assert_result(slot_create(OWN, MSGSLOT_MODE_QUEUE), 0);
	assert_false(stuck.up);
	late_come(&late);
	caller_join_fails(&stuck, ENODEV);
	assert_result(slot_get(OWN, "messages"), 0);
	late_free(&late);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_slot_test(late_readers_delay_no_other),
		queue_slot_test(late_readers_delay_no_sleeper),
		queue_slot_test(late_writers_delay_no_other),
		queue_slot_test(killed_while_copying),
		queue_slot_test(stopped_readers_do_not_count),
		queue_slot_test(destroyed_with_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
