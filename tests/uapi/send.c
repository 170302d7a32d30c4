// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSGSLOT_SEND: any channel whatever is selected, how long it waits, every error in its turn, and
 * that a send which failed has changed nothing.
 */
#define _GNU_SOURCE
#include "ioctl.h"

static const char text[4096];

/*
 * A queue, or a broadcast channel with overflow `block`, that is full with two messages, and a
 * reader that has read none.
 */
static int become_full(const char *mode, int *reader)
{
	int fd;

	own_become(mode);
	if (!strcmp(mode, "broadcast"))
		assert_result(slot_put(OWN, "overflow", "block\n"), 0);
	assert_result(slot_set(OWN, "depth", 2), 0);
	*reader = own_open_on(O_RDONLY, 3);
	fd = own_open(O_WRONLY);
	assert_result(send_text(fd, 3, "one"), 1);
	assert_result(send_text(fd, 3, "two"), 2);
	return fd;
}

static void any_channel_whatever_is_selected(void **state)
{
	const unsigned int ids[] = { 1, 2, 7, 1u << 31, 4294967295u };
	unsigned int selected;
	size_t mode, i, round;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd, on, reader;

		own_become(modes[mode]);
		fd = own_open(O_WRONLY);
		on = own_open_on(O_RDWR, 7);
		reader = own_open(O_RDONLY);
		for (round = 1; round <= 3; round++)
			for (i = 0; i < COUNT_OF(ids); i++) {
				/* By turns through a file with nothing selected, and one with. */
				assert_result(send_text(round % 2 ? fd : on, ids[i], "some"),
					      round);
				assert_result(ioctl(on, MSGSLOT_GET_CHANNEL, &selected), 0);
				assert_int_equal(selected, 7);
			}
		for (i = 0; i < COUNT_OF(ids); i++)
			assert_receives(reader, ids[i], MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK, 2,
					3, "some");
		assert_result(slot_get(OWN, "messages"), COUNT_OF(ids) * (mode ? 3 : 1));
		assert_result(slot_get(OWN, "sent"), 3 * COUNT_OF(ids));
		/* Channel 0 is one like all others, but in `last`. */
		if (mode)
			assert_result(send_text(fd, 0, "zero"), 1);
		else
			assert_fails(send_text(fd, 0, "zero"), EINVAL);
	}
}

static void long_and_short_messages(void **state)
{
	const size_t lengths[] = { 1, 255, 256, 257, 4096, 65536, MSGSLOT_MESSAGE_MAX };
	char *bytes = malloc(MSGSLOT_MESSAGE_MAX + 1), *got = malloc(MSGSLOT_MESSAGE_MAX);
	struct msgslot_send send;
	struct msgslot_recv recv;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd, reader;

		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", MSGSLOT_MESSAGE_MAX), 0);
		fd = own_open(O_WRONLY);
		reader = own_open_on(O_RDONLY, 1);
		for (i = 0; i < COUNT_OF(lengths); i++) {
			bytes_fill(bytes, lengths[i], i);
			send = send_of(1, bytes, lengths[i]);
			assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
			assert_int_equal(send.sequence, i + 1);
			recv = recv_of(1, 0, got, lengths[i]);
			assert_result(ioctl(reader, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.length, lengths[i]);
			assert_false(memcmp(got, bytes, lengths[i]));
		}
		send = send_of(1, bytes, MSGSLOT_MESSAGE_MAX + 1);
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
		send.length = -1u;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
	}
	free(bytes);
	free(got);
}

/* Everything is wrong at first; what is told is put right, one after the other. */
static void errors_come_in_order(void **state)
{
	struct msgslot_send send = { .flags = -1u,
				     .will_length = 1,
				     .timeout = -2,
				     .length = COURSE_MAX + 1,
				     .expected = 5 };
	int fd, reader = own_open(O_RDONLY);

	(void)state;
	assert_fails(ioctl(reader, MSGSLOT_SEND, &send), EINVAL);
	send.flags = MSGSLOT_SEND_IF;
	assert_fails(ioctl(reader, MSGSLOT_SEND, &send), EINVAL);
	send.will_length = 0;
	assert_fails(ioctl(reader, MSGSLOT_SEND, &send), EINVAL);
	send.timeout = 0;
	assert_fails(ioctl(reader, MSGSLOT_SEND, &send), EBADF);
	fd = own_open(O_WRONLY);
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.channel = 1;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
	send.length = 0;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
	send.length = COURSE_MAX;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
	send.message = (uintptr_t)nowhere;
	/* No space for a channel, nor for a byte. */
	assert_result(slot_set(OWN, "max_channels", 0), 0);
	assert_result(slot_set(OWN, "max_bytes", 0), 0);
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EFAULT);
	send.message = (uintptr_t)text;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ESTALE);
	send.expected = 0;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ENOSPC);
	assert_result(slot_set(OWN, "max_channels", 1), 0);
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ENOSPC);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_set(OWN, "max_bytes", 1 << 20), 0);
	assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
	assert_int_equal(send.sequence, 1);
	assert_result(slot_destroy(OWN), 0);
	send.flags = -1u;
	assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ENODEV);
	assert_fails(ioctl(fd, MSGSLOT_SEND, nowhere), ENODEV);
	assert_result(slot_create(OWN, "last"), 0);
}

static void errors_of_a_full_channel_in_order(void **state)
{
	const char *const full[] = { "queue", "broadcast" };
	struct msgslot_send send;
	int fd, reader;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(full); i++) {
		fd = become_full(full[i], &reader);
		/* It would need memory, too; but full is full. */
		assert_result(slot_set(OWN, "max_bytes", 0), 0);
		send = send_of(3, null, 0);
		send.flags = MSGSLOT_SEND_IF;
		assert_fails(ioctl(reader, MSGSLOT_SEND, &send), EBADF);
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EOPNOTSUPP);
		send.flags = 0;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
		send.length = 4097;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
		send.length = 4096;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
		send.message = (uintptr_t)nowhere;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EFAULT);
		send.message = (uintptr_t)text;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EAGAIN);
		assert_receives(reader, 3, 0, 0, 1, "one");
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ENOSPC);
		assert_receives(reader, 3, 0, 0, 2, "two");
		assert_receives_nothing(reader, 3, 0, 0, EAGAIN);
	}
}

/* Neither the message, nor its number, nor a figure of the slot. */
static void a_failed_send_changes_nothing(void **state)
{
	struct msgslot_send wrong[7];
	struct msgslot_info before, after;
	size_t mode, i;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", COURSE_MAX), 0);
		fd = own_open_on(O_RDWR, 1);
		assert_result(send_text(fd, 1, "kept"), 1);
		for (i = 0; i < COUNT_OF(wrong); i++)
			wrong[i] = send_of(1 + i % 2, text, COURSE_MAX);
		wrong[0].length = 0;
		wrong[1].length = COURSE_MAX + 1;
		wrong[2].message = 0;
		wrong[3].message = (uintptr_t)nowhere;
		wrong[4].flags = 1u << 31;
		wrong[5].will_length = 1;
		wrong[6].timeout = INT64_MIN;
		before = info_of(fd);
		for (i = 0; i < COUNT_OF(wrong); i++) {
			wrong[i].sequence = 77;
			assert_int_equal(ioctl(fd, MSGSLOT_SEND, &wrong[i]), -1);
			assert_int_equal(wrong[i].sequence, 77);
			/* The struct is where it was, and nobody's. */
			assert_fails(ioctl(fd, MSGSLOT_SEND, nowhere), EFAULT);
		}
		after = info_of(fd);
		assert_memory_equal(&before, &after, sizeof(before));
		assert_receives(fd, 1, 0, 0, 1, "kept");
		assert_result(send_text(fd, 1, "next"), 2);
		assert_result(send_text(fd, 2, "first"), 1);
	}
}

/* That is known before the message is there for anybody. */
static void a_struct_that_cannot_be_written(void **state)
{
	size_t size = sizeof(struct msgslot_send), mode;
	struct msgslot_send *fixed, send = send_of(1, text, COURSE_MAX);
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		fixed = (void *)edge_new(size, PROT_READ | PROT_WRITE);
		*fixed = send;
		fixed->sequence = 77;
		assert_result(ioctl(fd, MSGSLOT_SEND, fixed), 0);
		assert_int_equal(fixed->sequence, 1);
		assert_result(mprotect((void *)((uintptr_t)fixed & ~4095ul), 4096, PROT_READ), 0);
		assert_fails(ioctl(fd, MSGSLOT_SEND, fixed), EFAULT);
		assert_result(slot_get(OWN, "sent"), 1);
		assert_result(slot_get(OWN, "messages"), 1);
		assert_result(send_text(fd, 1, "next"), 2);
		edge_free((char *)fixed, size);
	}
}

/* A page that turns read-only while the call sleeps: sent, or EFAULT, and never both. */
static void a_struct_that_turns_read_only(void **state)
{
	struct msgslot_send *fixed;
	struct caller caller;
	int fd, reader;

	(void)state;
	fd = become_full("queue", &reader);
	fixed = (void *)edge_new(sizeof(*fixed), PROT_READ | PROT_WRITE);
	*fixed = send_of(3, "three", 5);
	fixed->timeout = -1;
	caller_start(&caller, call_send, fd, fixed);
	assert_result(mprotect((void *)((uintptr_t)fixed & ~4095ul), 4096, PROT_READ), 0);
	assert_receives(reader, 3, 0, 0, 1, "one");
	if (caller_end(&caller) == 0)
		assert_int_equal(fixed->sequence, 0);
	else
		assert_int_equal(caller.error, EFAULT);
	assert_receives(reader, 3, 0, 0, 2, "two");
	if (caller.result == 0)
		assert_receives(reader, 3, 0, 0, 3, "three");
	assert_receives_nothing(reader, 3, 0, 0, EAGAIN);
	edge_free((char *)fixed, sizeof(*fixed));
}

static void timeouts(void **state)
{
	const char *const full[] = { "queue", "broadcast" };
	const int64_t wrong[] = { -2, -3, -1000000000, INT64_MIN + 1, INT64_MIN };
	const int64_t bounded[] = { 1, 1000, 20 * MILLISECOND };
	const int64_t endless[] = { -1, INT64_MAX, INT64_MAX - 1, 3600ll * 1000 * MILLISECOND };
	struct msgslot_send send = send_of(3, "three", 5);
	struct caller caller;
	int fd, never, reader;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(full); mode++) {
		fd = become_full(full[mode], &reader);
		never = own_open(O_WRONLY | O_NONBLOCK);
		for (i = 0; i < COUNT_OF(wrong); i++) {
			send.timeout = wrong[i];
			assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EINVAL);
			assert_fails(ioctl(never, MSGSLOT_SEND, &send), EINVAL);
		}
		send.timeout = 0;
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EAGAIN);
		for (i = 0; i < COUNT_OF(bounded); i++) {
			send.timeout = bounded[i];
			assert_fails(ioctl(fd, MSGSLOT_SEND, &send), ETIMEDOUT);
			assert_fails(ioctl(never, MSGSLOT_SEND, &send), EAGAIN);
		}
		for (i = 0; i < COUNT_OF(endless); i++) {
			send.timeout = endless[i];
			assert_fails(ioctl(never, MSGSLOT_SEND, &send), EAGAIN);
			caller_start(&caller, call_send, fd, &send);
			assert_receives(reader, 3, 0, 0, 1 + i,
					i == 0 ? "one" :
					i == 1 ? "two" :
						 "three");
			assert_result(caller_end(&caller), 0);
			assert_int_equal(send.sequence, 3 + i);
		}
		/* Where nothing is full a timeout is nothing, whatever it says. */
		for (i = 0; i < COUNT_OF(endless); i++) {
			send = send_of(10 + i, "three", 5);
			send.timeout = endless[i];
			assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
			assert_result(ioctl(never, MSGSLOT_SEND, &send), 0);
		}
		send.channel = 3;
	}
}

static void signals_while_it_waits(void **state)
{
	struct {
		int64_t timeout;
		int flags;
		int error; /* 0: it goes on */
	} const cases[] = {
		{ -1, SA_RESTART, 0 },
		{ -1, 0, EINTR },
		{ INT64_MAX, SA_RESTART, EINTR },
		{ INT64_MAX, 0, EINTR },
		{ 3600ll * 1000 * MILLISECOND, SA_RESTART, EINTR },
	};
	const char *const full[] = { "queue", "broadcast" };
	struct caller caller;
	int fd, reader;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(full); mode++)
		for (i = 0; i < COUNT_OF(cases); i++) {
			struct msgslot_send send = send_of(3, "three", 5);

			fd = become_full(full[mode], &reader);
			signal_handle(cases[i].flags);
			send.timeout = cases[i].timeout;
			caller_start(&caller, call_send, fd, &send);
			caller_signal(&caller);
			if (cases[i].error) {
				assert_fails(caller_end(&caller), cases[i].error);
			} else {
				caller_must_sleep(&caller);
				caller_signal(&caller);
				caller_must_sleep(&caller);
			}
			assert_receives(reader, 3, 0, 0, 1, "one");
			if (!cases[i].error)
				assert_result(caller_end(&caller), 0);
			assert_receives(reader, 3, 0, 0, 2, "two");
			if (cases[i].error)
				assert_receives_nothing(reader, 3, 0, 0, EAGAIN);
			else
				assert_receives(reader, 3, 0, 0, 3, "three");
		}
}

/* Calls on one channel do not wait for a caller that sleeps in another channel. */
static void sleepers_wake_for_their_own_channel(void **state)
{
	struct msgslot_send send = send_of(3, "three", 5);
	struct caller caller;
	int fd, reader;

	(void)state;
	fd = become_full("queue", &reader);
	send.timeout = -1;
	caller_start(&caller, call_send, fd, &send);
	assert_result(send_text(fd, 4, "four"), 1);
	assert_receives(reader, 4, 0, 0, 1, "four");
	/* And selecting on its file leaves it alone: it named its channel. */
	assert_result(slot_select(fd, 5), 0);
	caller_must_sleep(&caller);
	assert_result(slot_destroy(OWN), 0);
	assert_fails(caller_end(&caller), ENODEV);
	assert_result(slot_create(OWN, "last"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(any_channel_whatever_is_selected),
		own_slot_test(long_and_short_messages),
		own_slot_test(errors_come_in_order),
		own_slot_test(errors_of_a_full_channel_in_order),
		own_slot_test(a_failed_send_changes_nothing),
		own_slot_test(a_struct_that_cannot_be_written),
		own_slot_test(a_struct_that_turns_read_only),
		own_slot_test(timeouts),
		own_slot_test(signals_while_it_waits),
		own_slot_test(sleepers_wake_for_their_own_channel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
