// SPDX-License-Identifier: GPL-2.0-or-later
/* No memory for a lease, its end, and the end of a file that has some; see no-memory.h. */
#define _GNU_SOURCE
#include "lease.h"
#include "no-memory.h"

enum { CHANNEL = 5, LEASE = MSGSLOT_RECV_LEASE };

static struct msgslot_recv lease_recv(unsigned int flags)
{
	return recv_of(CHANNEL, flags, got, sizeof(got));
}

/* The head, which came back so often, is leased or, after a fault, as it was. */
static void lease_once(int fd, size_t length, unsigned int number, int n, uint64_t *delivered,
		       bool *more)
{
	struct msgslot_recv recv = lease_recv(LEASE);
	struct snapshot was = snapshot_take(fd);
	long result = -1;

	*more = with_fault(n, result, ioctl(fd, MSGSLOT_RECV, &recv));
	if (result < 0) {
		assert_unchanged(fd, &was);
		assert_int_equal(info_of(fd).leased, 0);
		assert_fails(lease_done(fd, CHANNEL, recv.sequence), ESTALE);
		recv = lease_recv(LEASE);
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
	}
	assert_int_equal(recv.length, length);
	assert_int_equal(recv.delivered, *delivered);
	assert_memory_equal(got, message(length, number), length);
	assert_int_equal(info_of(fd).leased, 1);
	assert_result(lease_return(fd, CHANNEL, recv.sequence), 0);
	++*delivered;
}

/* The first lease of a channel, and of what came back: of a new channel each time. */
static void leases(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	uint64_t delivered;
	int l, n, fd;
	bool more;

	(void)state;
	kind_begin(&kinds[1]);
	fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
	assert_works(fd);
	for (l = 0; l < 2; l++)
		for (n = 1, more = true; more; n++) {
			struct msgslot_send send =
				send_of(CHANNEL, message(lengths[l], n), lengths[l]);
			bool again;

			assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
			delivered = 0;
			lease_once(fd, lengths[l], n, n, &delivered, &more);
			lease_once(fd, lengths[l], n, n, &delivered, &again);
			assert_int_equal(clear(fd, CHANNEL), 1);
		}
	kind_end(fd);
}

/* To end one needs no memory; a fault of a copy leaves it leased. */
static void ends(void **state)
{
	const unsigned int flags[] = { MSGSLOT_RECV_DROP, MSGSLOT_RECV_RETURN };
	long result;
	int f, n, fd;
	bool more;

	(void)state;
	kind_begin(&kinds[1]);
	fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
	assert_works(fd);
	for (f = 0; f < 2; f++)
		for (n = 1, more = true; more; n++) {
			struct msgslot_send send = send_of(CHANNEL, message(SHORT, n), SHORT);
			struct msgslot_recv recv = lease_recv(LEASE);

			assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
			more = with_fault(n, result,
					  lease_end(fd, CHANNEL, recv.sequence, flags[f]));
			if (result < 0) {
				assert_int_equal(errno, EFAULT);
				assert_int_equal(info_of(fd).leased, 1);
				assert_result(lease_end(fd, CHANNEL, recv.sequence, flags[f]), 0);
			}
			assert_int_equal(info_of(fd).leased, 0);
			assert_int_equal(clear(fd, CHANNEL), f);
		}
	kind_end(fd);
}

/* Nor does the end of the file: all come back. */
static void closes(void **state)
{
	long result;
	int n, i, fd, other;
	bool more;

	(void)state;
	kind_begin(&kinds[1]);
	other = slot_open(OWN, O_RDWR | O_NONBLOCK);
	assert_works(other);
	for (n = 1, more = true; more; n++) {
		fd = slot_open(OWN, O_RDWR | O_NONBLOCK);
		assert_works(fd);
		for (i = 0; i < 3; i++) {
			const size_t length = i % 2 ? LONG : SHORT;
			struct msgslot_send send = send_of(CHANNEL, message(length, i), length);
			struct msgslot_recv recv = lease_recv(LEASE);

			assert_result(ioctl(fd, MSGSLOT_SEND, &send), 0);
			assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		}
		more = with_fault(n, result, close(fd));
		assert_result(result, 0);
		assert_int_equal(info_of(other).leased, 0);
		assert_int_equal(info_of(other).messages, 3);
		for (i = 0; i < 3; i++) {
			const size_t length = i % 2 ? LONG : SHORT;
			struct msgslot_recv recv = lease_recv(0);

			assert_result(ioctl(other, MSGSLOT_RECV, &recv), 0);
			assert_int_equal(recv.length, length);
			assert_memory_equal(got, message(length, i), length);
		}
	}
	kind_end(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(leases),
		own_slot_test(ends),
		own_slot_test(closes),
	};

	return cmocka_run_group_tests(tests, faults_setup, faults_teardown);
}
