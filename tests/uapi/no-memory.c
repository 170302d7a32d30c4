// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A failed call changes nothing, whichever allocation or copy inside it was the one that failed.
 *
 * Each call is made again and again: first its first allocation fails, then its second, and so on
 * until it comes through.  Kernels with fault injection (the debug kernel) do that; on the others
 * every call comes through at once, and what it should have done is held to all the same.
 */
#define _GNU_SOURCE
#include "check.h"

enum { SHORT = 100, LONG = 60000, TOO_MANY = 2000 };

static char before[LONG], after[LONG], got[LONG];
static int faults = -1; /* this thread's fail-nth */
static int came;	/* that many faults did */

static int setup(void **state)
{
	/* Also where the allocation could have waited, and without a word in the log. */
	const char *const settings[][2] = {
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
	};
	size_t i;

	(void)state;
	bytes_fill(before, LONG, 1);
	bytes_fill(after, LONG, 2);
	faults = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (faults < 0)
		return errno == ENOENT ? 0 : -1;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (text_put(settings[i][0], settings[i][1]))
			return -1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	printf("# %d faults came\n", came);
	if (faults < 0)
		return 0;
	close(faults);
	return came ? 0 : -1;
}

static void fault_set(int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", n);

	if (faults < 0)
		return;
	/* To call a pending fault off can be what it hits: then it is gone, too. */
	while (pwrite(faults, text, length, 0) < 0)
		assert_int_equal(errno, EFAULT);
}

static bool fault_came(void)
{
	char text[16] = "";

	if (faults < 0)
		return false;
	/* The same holds for asking: a fault in here is none in the call before. */
	if (pread(faults, text, sizeof(text) - 1, 0) < 0)
		return false;
	return atoi(text) == 0;
}

/*
 * Makes the call with its n-th step failing; whether there was such a step.  A fault need not mean
 * an error: some allocations have another way.
 */
#define with_fault(n, result, call)                                                     \
	({                                                                              \
		bool came_;                                                             \
		int error_;                                                             \
                                                                                        \
		assert_true((n) < TOO_MANY);                                            \
		fault_set(n);                                                           \
		(result) = (call);                                                      \
		error_ = errno;                                                         \
		came += came_ = fault_came();                                           \
		fault_set(0);                                                           \
		if ((result) < 0 && (!came_ || (error_ != ENOMEM && error_ != EFAULT))) \
			fail_msg("%s, step %d: %s", #call, n, strerror(error_));        \
		came_;                                                                  \
	})

/* On a channel that is empty, and on one that holds a message of some length. */
static void writes(void **state)
{
	const size_t lengths[] = { 0, SHORT, LONG };
	int fd, kept, sent, n;
	unsigned int id = 0;
	long result;
	bool more;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open(O_RDWR);
	for (kept = 0; kept < 3; kept++)
		for (sent = 1; sent < 3; sent++)
			for (n = 1, more = true; more; n++) {
				assert_result(slot_select(fd, ++id), 0);
				if (kept)
					assert_result(write(fd, before, lengths[kept]),
						      (ssize_t)lengths[kept]);
				more = with_fault(n, result, write(fd, after, lengths[sent]));
				if (result >= 0)
					assert_holds(id, after, lengths[sent]);
				else if (kept)
					assert_holds(id, before, lengths[kept]);
				else
					assert_empty(id);
				/* And what failed may be tried again. */
				assert_result(write(fd, after, lengths[sent]),
					      (ssize_t)lengths[sent]);
				assert_holds(id, after, lengths[sent]);
			}
}

static void reads(void **state)
{
	const size_t lengths[] = { SHORT, LONG };
	int fd, i, n;
	long result;
	bool more;

	(void)state;
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	fd = own_open_on(O_RDWR, 1);
	for (i = 0; i < 2; i++) {
		assert_result(write(fd, before, lengths[i]), (ssize_t)lengths[i]);
		for (n = 1, more = true; more; n++) {
			more = with_fault(n, result, read(fd, got, sizeof(got)));
			if (result >= 0) {
				assert_int_equal(result, lengths[i]);
				assert_false(memcmp(got, before, lengths[i]));
			}
			assert_holds(1, before, lengths[i]);
		}
	}
}

static void selects(void **state)
{
	int fd = own_open_on(O_RDWR, 1), n;
	long long channels;
	bool more = true;
	long result;

	(void)state;
	for (n = 1; more; n++) {
		assert_result(slot_select(fd, 1), 0);
		channels = slot_get(OWN, "channels");
		more = with_fault(n, result, slot_select(fd, 1000 + n));
		if (result)
			assert_result(slot_get(OWN, "channels"), channels);
		/* Refused: still on the channel from before. */
		assert_result(write(fd, &n, sizeof(n)), sizeof(n));
		assert_holds(result ? 1 : 1000 + n, &n, sizeof(n));
		if (result)
			assert_empty(1000 + n);
	}
}

static void opens(void **state)
{
	bool more = true;
	long fd;
	int n;

	(void)state;
	for (n = 1; more; n++) {
		more = with_fault(n, fd, slot_open(OWN, O_RDWR));
		if (fd < 0)
			continue;
		assert_result(slot_select(fd, 1), 0);
		assert_result(write(fd, &n, sizeof(n)), sizeof(n));
		close(fd);
		assert_holds(1, &n, sizeof(n));
	}
	/* No open that failed counts as an open file, which would keep the settings as they are. */
	assert_result(slot_destroy(OWN), 0);
	assert_result(slot_create(OWN, "last"), 0);
	for (n = 1, more = true; more; n++) {
		more = with_fault(n, fd, slot_open(OWN, O_RDWR));
		if (fd >= 0)
			close(fd);
		assert_result(slot_set(OWN, "max_message", 100 + n), 0);
	}
}

static void creates(void **state)
{
	bool more = true;
	long result;
	int n, fd;

	(void)state;
	assert_result(slot_destroy(OWN), 0);
	for (n = 1; more; n++) {
		more = with_fault(n, result, slot_create(OWN, "last"));
		assert_int_equal(slot_exists(OWN), result == 0);
		if (result) {
			/* Not half there: it can be created as if nothing had been. */
			assert_fails(slot_destroy(OWN), ENODEV);
			assert_result(slot_create(OWN, "last"), 0);
		}
		fd = slot_open_on(OWN, O_RDWR, 1);
		assert_works(fd);
		assert_result(write(fd, "works", 5), 5);
		close(fd);
		assert_result(slot_destroy(OWN), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(writes), own_slot_test(reads),   own_slot_test(selects),
		own_slot_test(opens),  own_slot_test(creates),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
