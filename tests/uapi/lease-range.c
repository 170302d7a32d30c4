// SPDX-License-Identifier: GPL-2.0-or-later
/* Leases by a file that listens to a range of channels, and in batches. */
#define _GNU_SOURCE
#include "batch.h"
#include "lease.h"

enum { LEASE = MSGSLOT_RECV_LEASE };

#define assert_leases_from(fd, id, number, times)                                          \
	do {                                                                               \
		char heard_[COURSE_MAX];                                                   \
		struct msgslot_recv hear_ = recv_of(0, RANGE | LEASE, heard_, COURSE_MAX); \
                                                                                           \
		assert_result(ioctl(fd, MSGSLOT_RECV, &hear_), 0);                         \
		assert_int_equal(hear_.channel, id);                                       \
		assert_int_equal(hear_.sequence, number);                                  \
		assert_int_equal(hear_.delivered, times);                                  \
	} while (0)

static void a_range(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK);
	int one = own_open_listening(O_RDWR | O_NONBLOCK, 1, 9);
	int two = own_open_listening(O_RDWR | O_NONBLOCK, 1, 9);

	(void)state;
	assert_result(send_text(fd, 3, "a"), 1);
	assert_result(send_text(fd, 5, "b"), 1);
	assert_int_equal(events_of(one) & POLLIN, POLLIN);
	assert_leases_from(one, 3, 1, 0);
	assert_leases_from(one, 5, 1, 0);
	assert_int_equal(events_of(one) & POLLIN, 0);
	assert_int_equal(events_of(two) & POLLIN, 0);
	assert_hears_nothing(two, EAGAIN);
	assert_result(lease_return(one, 5, 1), 0);
	assert_int_equal(events_of(two) & POLLIN, POLLIN);
	assert_leases_from(two, 5, 1, 1);
	assert_result(lease_done(two, 5, 1), 0);
	own_close(one);
	assert_hears_from(two, 3, "a");
	assert_hears_nothing(two, EAGAIN);
	assert_result(slot_get(OWN, "channels"), 0);
}

static void the_lowest(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), one = own_open(O_RDWR | O_NONBLOCK);

	(void)state;
	assert_result(listen_to(one, 0, -1u, MSGSLOT_LISTEN_LOWEST), 0);
	assert_result(send_text(fd, 7, "low"), 1);
	assert_result(send_text(fd, 2, "high"), 1);
	assert_leases_from(one, 2, 1, 0);
	assert_leases_from(one, 7, 1, 0);
	assert_result(lease_return(one, 7, 1), 0);
	assert_result(lease_return(one, 2, 1), 0);
	assert_leases_from(one, 2, 1, 1);
}

/* A listener that sleeps is woken by what comes back; also a first one that comes after that. */
static void a_listener_that_sleeps(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), one, late;
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(0, RANGE | LEASE, got, sizeof(got));
	struct caller caller;

	(void)state;
	assert_result(send_text(fd, 3, "a"), 1);
	assert_leases(fd, 3, 1, "a", 0);
	one = own_open_listening(O_RDWR, 1, 9);
	recv.timeout = -1;
	caller_start(&caller, call_recv, one, &recv);
	assert_result(lease_return(fd, 3, 1), 0);
	assert_result(caller_end(&caller), 0);
	assert_int_equal(recv.channel, 3);
	assert_int_equal(recv.delivered, 1);
	own_close(one);
	late = own_open_listening(O_RDWR | O_NONBLOCK, 1, 9);
	assert_leases_from(late, 3, 1, 2);
}

static struct batch batch;

/* How many messages come, without waiting; or -1. */
static int batch_lease(int fd, unsigned int channel, unsigned int flags, size_t size)
{
	struct msgslot_recv recv = recv_of(channel, MANY | LEASE | flags, batch.bytes, size);
	int count = ioctl(fd, MSGSLOT_RECV, &recv);

	batch.size = count < 0 ? 0 : recv.length;
	return count;
}

static void batches(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i, count, total = 0;
	const struct msgslot_header *header;
	char text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (i = 1; i <= 40; i++)
		assert_works(write(fd, text, i % 5 ? 20 : 600));
	while (total < 40) {
		count = batch_lease(fd, 0, 0, sizeof(batch.bytes));
		assert_in_range(count, 1, 16);
		for (header = NULL, i = 0; i < count; i++) {
			header = batch_next(&batch, header);
			assert_int_equal(header->sequence, ++total);
			assert_int_equal(header->length, total % 5 ? 20 : 600);
		}
	}
	assert_result(batch_lease(fd, 0, 0, sizeof(batch.bytes)), -1);
	assert_kept(fd, 0, 40, 40);
	for (i = 1; i <= 40; i++)
		if (i % 2)
			assert_result(lease_return(fd, 0, i), 0);
	/* What came back, in order, each once. */
	for (total = 1; total < 40; total += 2) {
		count = batch_lease(fd, 0, 0, sizeof(batch.bytes));
		assert_result(count, 1);
		assert_int_equal(batch_next(&batch, NULL)->sequence, total);
	}
	for (i = 1; i <= 40; i++)
		assert_result(lease_done(fd, 0, i), 0);
	assert_kept(fd, 0, 0, 0);
}

static void batches_of_a_range(void **state)
{
	int fd = own_open(O_RDWR | O_NONBLOCK), i, count, total = 0;
	int one = own_open_listening(O_RDWR | O_NONBLOCK, 1, 9);
	const struct msgslot_header *header;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_works(send_text(fd, 1 + i % 4, "text"));
	while (total < 20) {
		count = batch_lease(one, 0, RANGE, sizeof(batch.bytes));
		assert_in_range(count, 1, 16);
		for (header = NULL, i = 0; i < count; i++) {
			header = batch_next(&batch, header);
			assert_result(lease_done(one, header->channel, header->sequence), 0);
		}
		total += count;
	}
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
}

/* A batch that takes goes over what came back, too, and a look over all. */
static void other_batches(void **state)
{
	struct msgslot_recv recv = recv_of(0, MANY, batch.bytes, sizeof(batch.bytes));
	int fd = own_open(O_RDWR | O_NONBLOCK), i;

	(void)state;
	for (i = 1; i <= 6; i++)
		assert_works(send_text(fd, 0, "text"));
	for (i = 1; i <= 4; i++)
		assert_leases(fd, 0, i, "text", 0);
	assert_result(lease_return(fd, 0, 2), 0);
	assert_result(lease_return(fd, 0, 4), 0);
	recv.flags |= MSGSLOT_RECV_PEEK | MSGSLOT_RECV_NEWER;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 6);
	recv.flags = MANY;
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 1);
	assert_int_equal(recv.sequence, 2);
	/* It goes on as long as there is no gap. */
	assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 3);
	assert_int_equal(recv.sequence, 6);
	assert_kept(fd, 0, 2, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lease_test(a_range),
		lease_test(the_lowest),
		lease_test(a_listener_that_sleeps),
		lease_test(batches),
		lease_test(batches_of_a_range),
		lease_test(other_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
