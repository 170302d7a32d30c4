// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plain read() in `broadcast` may take a message in pieces, as from a pipe: the rest waits for
 * the next read.  RECV takes it whole from its start, select drops the rest.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "broadcast.h"

enum { COUNT_MAX = 64 };

static char *sent, *got;

static int setup(void **state)
{
	(void)state;
	sent = malloc(MSGSLOT_MESSAGE_MAX);
	got = malloc(MSGSLOT_MESSAGE_MAX + 1);
	if (!sent || !got)
		return -1;
	bytes_fill(sent, MSGSLOT_MESSAGE_MAX, 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(sent);
	free(got);
	return 0;
}

/* Reads what is left of a message of @length bytes, @step at a time. */
static void read_rest(int fd, size_t done, size_t length, size_t step)
{
	while (done < length) {
		size_t wanted = length - done < step ? length - done : step;

		memset(got, 'x', wanted + 1);
		assert_result(read(fd, got, step), (ssize_t)wanted);
		assert_memory_equal(got, sent + done, wanted);
		assert_int_equal(got[wanted], 'x');
		done += wanted;
	}
}

static void pieces_of_every_size(void **state)
{
	static const size_t lengths[] = { 1, 2, 7, 8, 9, 100, 255, 256, 257, 300, 513 };
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1), reader = own_open_on(O_RDONLY, 1);
	size_t i, step, last;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		last = lengths[i] + 1;
		for (step = 1; step <= last; step += 1 + step / scaled(16, 4)) {
			assert_result(write(fd, sent, lengths[i]), (ssize_t)lengths[i]);
			read_rest(fd, 0, lengths[i], step);
			assert_fails(read(fd, got, step), EAGAIN);
			read_rest(reader, 0, lengths[i], step);
		}
	}
}

/* A read ends where its message ends, however much more there is. */
static void a_piece_is_of_one_message(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);

	(void)state;
	assert_result(write(fd, "abc", 3), 3);
	assert_result(write(fd, "defgh", 5), 5);
	assert_result(write(fd, "i", 1), 1);
	assert_result(read(fd, got, 2), 2);
	assert_memory_equal(got, "ab", 2);
	assert_result(read(fd, got, 100), 1);
	assert_memory_equal(got, "c", 1);
	assert_result(read(fd, got, 4), 4);
	assert_memory_equal(got, "defg", 4);
	assert_result(read(fd, got, 4), 1);
	assert_memory_equal(got, "h", 1);
	assert_result(read(fd, got, 4), 1);
	assert_memory_equal(got, "i", 1);
	assert_fails(read(fd, got, 4), EAGAIN);
}

static void long_messages_in_pieces(void **state)
{
	static const size_t steps[] = { 509, 4096, 65536, 65537, 300000, MSGSLOT_MESSAGE_MAX };
	size_t lengths[] = { 4095, 4096, 4097, 65536, scaled(MSGSLOT_MESSAGE_MAX, 70000) }, i, j;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "max_message", MSGSLOT_MESSAGE_MAX), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (j = 0; j < sizeof(steps) / sizeof(steps[0]); j++) {
			assert_result(write(fd, sent, lengths[i]), (ssize_t)lengths[i]);
			read_rest(fd, 0, lengths[i], steps[j]);
		}
		/* Read is not gone: the log keeps its messages. */
		assert_result(own_clear(fd, 1), (int)j);
	}
	assert_result(write(fd, sent, 4096), 4096);
	read_rest(fd, 0, 4096, 1);
	assert_fails(read(fd, got, 1), EAGAIN);
}

static void poll_tells_of_the_rest(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);

	(void)state;
	assert_result(write(fd, sent, 10), 10);
	assert_int_equal(ready(fd), POLLOUT | POLLIN);
	assert_result(read(fd, got, 9), 9);
	assert_int_equal(ready(fd), POLLOUT | POLLIN);
	assert_result(read(fd, got, 1), 1);
	assert_int_equal(ready(fd), POLLOUT);
	/* Nothing asked for is nothing taken. */
	assert_result(write(fd, sent, 10), 10);
	assert_result(read(fd, got, 0), 0);
	read_rest(fd, 0, 10, 10);
}

static void vectors_take_pieces_too(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	struct iovec parts[] = { { got, 3 }, { got + 3, 0 }, { got + 3, 5 } };

	(void)state;
	assert_result(write(fd, sent, 20), 20);
	assert_result(readv(fd, parts, 3), 8);
	assert_memory_equal(got, sent, 8);
	assert_result(readv(fd, parts, 3), 8);
	assert_memory_equal(got, sent + 8, 8);
	assert_result(readv(fd, parts, 3), 4);
	assert_memory_equal(got, sent + 16, 4);
	assert_fails(readv(fd, parts, 3), EAGAIN);
}

/* What failed took nothing, at the start and in the middle, of short messages and long ones. */
static void a_failed_read_takes_no_piece(void **state)
{
	static const size_t lengths[] = { 100, 256, 257, 4096 };
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t half = lengths[i] / 2, rest = lengths[i] - half;
		char *edge = edge_new(rest - 1, PROT_READ | PROT_WRITE);

		assert_result(write(fd, sent, lengths[i]), (ssize_t)lengths[i]);
		assert_fails(read(fd, nowhere, half), EFAULT);
		assert_fails(read(fd, null, half), EINVAL);
		assert_result(read(fd, got, half), (ssize_t)half);
		assert_memory_equal(got, sent, half);
		assert_fails(read(fd, nowhere, 1), EFAULT);
		/* The buffer has space for all but the last byte. */
		assert_fails(read(fd, edge, rest), EFAULT);
		assert_result(read(fd, edge, rest - 1), (ssize_t)rest - 1);
		assert_memory_equal(edge, sent + half, rest - 1);
		read_rest(fd, lengths[i] - 1, lengths[i], 5);
		assert_fails(read(fd, got, 1), EAGAIN);
		edge_free(edge, rest - 1);
	}
}

static void recv_takes_it_whole(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	struct msgslot_recv recv = recv_into(1, got, 50);

	(void)state;
	assert_result(write(fd, sent, 50), 50);
	assert_result(write(fd, "next", 4), 4);
	assert_result(read(fd, got, 20), 20);
	/* A look changes nothing: the rest is still the rest. */
	recv.flags = MSGSLOT_RECV_PEEK;
	memset(got, 0, 50);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, 50);
	assert_memory_equal(got, sent, 50);
	assert_result(read(fd, got, 5), 5);
	assert_memory_equal(got, sent + 20, 5);
	/* Too short for all of it, though not for the rest: it stays as it was. */
	recv = recv_into(1, got, 49);
	assert_fails(ioctl(fd, MSGSLOT_RECV, &recv), ENOSPC);
	assert_int_equal(recv.length, 50);
	assert_result(read(fd, got, 5), 5);
	assert_memory_equal(got, sent + 25, 5);
	recv.size = 50;
	memset(got, 0, 50);
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	assert_int_equal(recv.length, 50);
	assert_int_equal(recv.lost, 0);
	assert_memory_equal(got, sent, 50);
	/* And nothing of it is left. */
	assert_result(read(fd, got, 50), 4);
	assert_memory_equal(got, "next", 4);
}

static void select_drops_the_rest(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);

	(void)state;
	assert_result(write(fd, sent, 50), 50);
	assert_result(write(fd, "next", 4), 4);
	assert_result(read(fd, got, 20), 20);
	assert_result(slot_select(fd, 1), 0);
	assert_result(read(fd, got, 50), 4);
	assert_memory_equal(got, "next", 4);
	assert_fails(read(fd, got, 50), EAGAIN);
	/* The rest was all there was: now there is nothing, and poll() says so. */
	assert_result(write(fd, sent, 50), 50);
	assert_result(read(fd, got, 20), 20);
	assert_result(slot_select(fd, 1), 0);
	assert_int_equal(ready(fd), POLLOUT);
	assert_fails(read(fd, got, 50), EAGAIN);
	/* What was not begun is not dropped. */
	assert_result(write(fd, sent, 50), 50);
	assert_result(slot_select(fd, 1), 0);
	read_rest(fd, 0, 50, 50);
	/* Another channel and back is joining anew. */
	assert_result(write(fd, sent, 50), 50);
	assert_result(read(fd, got, 20), 20);
	assert_result(slot_select(fd, 2), 0);
	assert_result(slot_select(fd, 1), 0);
	assert_fails(read(fd, got, 50), EAGAIN);
	/* To leave a message in the middle is no loss. */
	assert_result(slot_get(OWN, "dropped"), 0);
}

/* One file's pieces are nothing to another's; a message in pieces was handed out once. */
static void every_file_has_its_own_rest(void **state)
{
	int one = own_open_on(O_RDWR | O_NONBLOCK, 1), two = own_open_on(O_RDONLY | O_NONBLOCK, 1);

	(void)state;
	assert_result(write(one, sent, 300), 300);
	assert_result(read(one, got, 1), 1);
	assert_result(read(two, got, 299), 299);
	read_rest(one, 1, 300, 7);
	read_rest(two, 299, 300, 7);
	assert_fails(read(one, got, 1), EAGAIN);
	assert_fails(read(two, got, 1), EAGAIN);
	assert_result(slot_get(OWN, "received"), 2);
}

/* Whole messages through pieces of random size: the bytes of a log make one stream. */
static void the_pieces_make_a_stream(void **state)
{
	uint64_t seed = seed_get();
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	long rounds = scaled(300, 20);
	size_t total, done, piece;
	int count, i;
	ssize_t came;

	(void)state;
	while (rounds--) {
		count = 1 + random_below(&seed, COUNT_MAX);
		for (i = 0, total = 0; i < count; i++, total += piece) {
			piece = 1 + random_below(&seed, random_below(&seed, 4) ? 300 : 4096);
			assert_result(write(fd, sent + total, piece), (ssize_t)piece);
		}
		for (done = 0; done < total; done += came) {
			came = read(fd, got, 1 + random_below(&seed, 600));
			assert_true(came > 0);
			assert_memory_equal(got, sent + done, came);
		}
		assert_fails(read(fd, got, 1), EAGAIN);
	}
}

/* Of what is longer than a message a plain write takes what fits, and says so; SEND is strict. */
static void writes_take_what_fits(void **state)
{
	const size_t most[] = { 100, 4096 };
	struct msgslot_send send;
	struct iovec parts[2];
	size_t i, max;
	int fd;

	(void)state;
	for (i = 0; i < 2; i++) {
		max = most[i];
		own_end(NULL);
		assert_result(broadcast_begin(NULL), 0);
		assert_result(slot_set(OWN, "max_message", max), 0);
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
		assert_result(write(fd, sent, max + 1), max);
		assert_result(write(fd, sent + max, 2 * max), max);
		parts[0] = (struct iovec){ sent + 2 * max, max - 1 };
		parts[1] = (struct iovec){ sent + 3 * max - 1, max };
		assert_result(writev(fd, parts, 2), max);
		assert_fails(write(fd, sent, 0), EMSGSIZE);
		send = send_of(1, sent, max + 1);
		assert_fails(ioctl(fd, MSGSLOT_SEND, &send), EMSGSIZE);
		/* Three messages, and together what was written. */
		read_rest(fd, 0, max, max);
		read_rest(fd, max, 2 * max, max);
		read_rest(fd, 2 * max, 3 * max, max);
		assert_fails(read(fd, got, 1), EAGAIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(pieces_of_every_size),
		broadcast_test(a_piece_is_of_one_message),
		broadcast_test(long_messages_in_pieces),
		broadcast_test(poll_tells_of_the_rest),
		broadcast_test(vectors_take_pieces_too),
		broadcast_test(a_failed_read_takes_no_piece),
		broadcast_test(recv_takes_it_whole),
		broadcast_test(select_drops_the_rest),
		broadcast_test(every_file_has_its_own_rest),
		broadcast_test(the_pieces_make_a_stream),
		broadcast_test(writes_take_what_fits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
