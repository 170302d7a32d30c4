// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory is accounted from the first day: to the slot, to the user that opened the file, to the
 * memory cgroup of the task.  Over a limit a call fails, and what was there stays.
 */
#define _GNU_SOURCE
#include "cgroup.h"
#include "check.h"
#include "judge.h"

enum { MIB = 1024 * 1024 };

static char text[MIB];

static int long_begin(void **state)
{
	if (own_begin(state))
		return -1;
	return slot_set(OWN, "max_message", MIB);
}

#define long_slot_test(test) cmocka_unit_test_setup_teardown(test, long_begin, own_end)

static void defaults_are_as_published(void **state)
{
	char mode[16];

	(void)state;
	assert_result(slot_get(OWN, "depth"), 1);
	assert_result(slot_get(OWN, "max_message"), 128);
	assert_result(slot_get(OWN, "max_bytes"), 64 * MIB);
	assert_result(slot_get(OWN, "max_channels"), 1048576);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "messages"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_get(OWN, "sent"), 0);
	assert_result(slot_get(OWN, "received"), 0);
	assert_result(slot_get(OWN, "dropped"), 0);
	assert_works(text_get(SLOT_CLASS "/msgslot200/mode", mode, sizeof(mode)));
	assert_string_equal(mode, "last\n");
}

static void attributes_take_nothing_else(void **state)
{
	const char *const limits[] = { "max_bytes", "max_channels", "max_message", "depth" };
	const char *const wrong[] = { "",    "\n",  "x",   "-1",
				      "1x",  "1 2", "0x",  "99999999999999999999",
				      "1.5", " ",   "\xff" };
	const char *const fixed[] = {
		"channels", "messages", "bytes", "sent", "received", "dropped"
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		long long before = slot_get(OWN, limits[i]);

		/* An empty write never reaches an attribute. */
		for (j = 1; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
			assert_int_equal(slot_put(OWN, limits[i], wrong[j]), -1);
			assert_true(errno == EINVAL || errno == ERANGE);
		}
		assert_result(slot_get(OWN, limits[i]), before);
		/* Writing the present value always succeeds. */
		assert_result(slot_set(OWN, limits[i], before), 0);
	}
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		assert_fails(slot_set(OWN, fixed[i], 0), EACCES);
	assert_fails(slot_set(OWN, "depth", 2), EINVAL);
	assert_fails(slot_put(OWN, "mode", "nonsense\n"), EINVAL);
	assert_result(slot_put(OWN, "mode", "last\n"), 0);
}

static void *may_not_change_limits(void *unused)
{
	(void)unused;
	demand(slot_set(OWN, "max_bytes", 1) == -1 && errno == EACCES);
	demand(slot_create(OWN + 1, "last") == -1 && errno == EACCES);
	demand(slot_destroy(OWN) == -1 && errno == EACCES);
	/* To look is everyone's. */
	demand(slot_get(OWN, "max_bytes") == 64 * MIB);
	return NULL;
}

static void limits_are_roots(void **state)
{
	(void)state;
	child_run("member", may_not_change_limits, NULL);
	child_run("outsider", may_not_change_limits, NULL);
}

/* Fills channels from first on with long messages until one fails; how many that were. */
static int fill(int fd, unsigned int first, int most)
{
	int count;

	for (count = 0; count < most; count++)
		if (slot_select(fd, first + count) || write(fd, text, MIB) != MIB)
			break;
	return count;
}

static void slot_holds_so_many_bytes(void **state)
{
	long long before;
	int fd, count, i;

	(void)state;
	bytes_fill(text, MIB, 1);
	assert_result(slot_set(OWN, "max_bytes", 8 * MIB), 0);
	fd = own_open(O_RDWR);
	count = fill(fd, 1, 100);
	assert_int_equal(errno, ENOSPC);
	assert_in_range(count, 7, 8);
	before = slot_get(OWN, "bytes");
	assert_in_range(before, (long long)count * MIB, 8 * MIB);
	/* The one that failed left nothing; the others are whole. */
	assert_empty(1 + count);
	for (i = 1; i <= count; i++)
		assert_holds(i, text, MIB);
	/* A bad pointer is told before a full slot. */
	assert_fails(write(fd, nowhere, MIB), EFAULT);
	assert_fails(write(fd, text, MIB), ENOSPC);
	assert_result(slot_get(OWN, "bytes"), before);
	/* Lower than what is held: all of it stays, nothing comes. */
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	assert_fails(write(fd, text, MIB), ENOSPC);
	assert_holds(1, text, MIB);
	assert_result(slot_get(OWN, "bytes"), before);
	/* Higher: it goes on. */
	assert_result(slot_set(OWN, "max_bytes", 16 * MIB), 0);
	assert_result(write(fd, text, MIB), MIB);
}

/*
 * In steady state nothing is charged: a full slot goes on taking messages where there were some as
 * long.  A longer one may have to be charged for, and then leaves what was there.
 */
static void a_full_slot_still_works(void **state)
{
	int fd = own_open_on(O_RDWR, 1), i;
	char short_text[COURSE_MAX];

	(void)state;
	bytes_fill(short_text, COURSE_MAX, 1);
	assert_result(write(fd, "first", 5), 5);
	assert_result(slot_set(OWN, "max_bytes", slot_get(OWN, "bytes")), 0);
	assert_fails(write(fd, short_text, COURSE_MAX), ENOSPC);
	assert_holds(1, "first", 5);
	assert_result(slot_set(OWN, "max_bytes", MIB), 0);
	assert_result(write(fd, short_text, COURSE_MAX), COURSE_MAX);
	assert_result(write(fd, "first", 5), 5);
	assert_result(slot_set(OWN, "max_bytes", slot_get(OWN, "bytes")), 0);
	for (i = 1; i <= COURSE_MAX; i++) {
		bytes_fill(short_text, i, i);
		assert_result(write(fd, short_text, i), i);
		assert_holds(1, short_text, i);
	}
	assert_result(slot_select(fd, 2), 0);
	assert_fails(write(fd, "second", 6), ENOSPC);
	assert_empty(2);
	assert_holds(1, short_text, COURSE_MAX);
}

/* used + n <= (free + used) / 2: a user gets half of 16 MiB, and the next a quarter. */
static void *fill_a_share(void *argument)
{
	int most = *(int *)argument, fd = slot_open(OWN, O_RDWR), count, before, i;

	demand(fd >= 0);
	count = fill(fd, 1000 * most, 100);
	demand(errno == EDQUOT);
	demand(count == most || count == most - 1);
	/* What the user has is kept, and may change. */
	before = slot_get(OWN, "messages");
	for (i = 0; i < count; i++) {
		demand(slot_select(fd, 1000 * most + i) == 0);
		demand(write(fd, text, MIB) == MIB);
	}
	demand(slot_get(OWN, "messages") == before);
	return NULL;
}

static void users_get_their_share(void **state)
{
	int eight = 8, four = 4, fd;

	(void)state;
	assert_result(slot_set(OWN, "max_bytes", 16 * MIB), 0);
	child_run("member", fill_a_share, &eight);
	child_run("member2", fill_a_share, &four);
	/* Root: to the slot's limit. */
	fd = own_open(O_RDWR);
	assert_true(fill(fd, 1, 100) >= 3);
	assert_int_equal(errno, ENOSPC);
}

static void *hold_four_channels(void *unused)
{
	int files[5], i;

	(void)unused;
	for (i = 0; i < 5; i++)
		demand((files[i] = slot_open(OWN, O_RDWR)) >= 0);
	for (i = 0; i < 4; i++)
		demand(slot_select(files[i], getpid() * 8 + i) == 0);
	demand(slot_select(files[4], getpid() * 8 + 4) == -1 && errno == EDQUOT);
	return NULL;
}

static void a_share_is_given_back(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		/* With the files go the empty channels... */
		assert_result(slot_set(OWN, "max_channels", 8), 0);
		child_run("member", hold_four_channels, NULL);
		child_run("member", hold_four_channels, NULL);
		child_run("member2", hold_four_channels, NULL);
		assert_result(slot_get(OWN, "channels"), 0);
		/* ...and with the slot everything. */
		assert_int_equal(own_end(state), 0);
		assert_int_equal(own_begin(state), 0);
	}
}

/* A sender in a small memory cgroup: fails with ENOMEM, is not killed, and the machine goes on. */
enum { GROUP_MIB = 24 };

static void *fill_a_group(void *argument)
{
	int fd = slot_open(OWN, O_RDWR);
	int *count = argument;

	demand(fd >= 0);
	demand(group_enter() == 0);
	*count = fill(fd, 1, 4 * GROUP_MIB);
	demand(errno == ENOMEM);
	/* Short messages count towards the same limit, but there may still be space for one. */
	demand(slot_select(fd, 1) == 0);
	demand(write(fd, "short", 5) == 5);
	return NULL;
}

static void memory_cgroups_pay(void **state)
{
	int *count = shared_for_test(sizeof(*count));
	int fd, waits;

	(void)state;
	group_begin(GROUP_MIB * MIB);
	bytes_fill(text, MIB, 6);
	assert_result(slot_set(OWN, "max_bytes", 4 * GROUP_MIB * MIB), 0);
	child_run(NULL, fill_a_group, count);
	assert_result(group_get("memory.events", "oom_kill "), 0);

	/* The messages are there, whole, and still the group's though nobody is in it. */
	assert_in_range(*count, GROUP_MIB / 4, GROUP_MIB);
	assert_result(slot_get(OWN, "messages"), *count);
	assert_holds(1, "short", 5);
	assert_holds(2, text, MIB);
	assert_holds(*count, text, MIB);
	assert_true(group_get("memory.current", NULL) >= (*count - 2) * MIB);
	/* A process outside the group is not limited by it. */
	fd = own_open(O_RDWR);
	assert_int_equal(fill(fd, 1000, 8), 8);

	assert_int_equal(own_end(state), 0);
	for (waits = 0; group_get("memory.current", NULL) > 4 * MIB && waits < 300; waits++)
		usleep(100000);
	assert_in_range(group_get("memory.current", NULL), 0, 4 * MIB);
	group_end();
	munmap(count, sizeof(*count));
}

/* Opens, selects and closes, in step with another that does the same. */
struct pair {
	pthread_barrier_t meet;
	long rounds;
};

static void *select_in_step(void *argument)
{
	struct pair *pair = argument;
	long i, refused = 0;
	int fd;

	/* To the end in any case, as the other one waits. */
	for (i = 0; i < pair->rounds; i++) {
		fd = slot_open(OWN, O_RDWR);
		pthread_barrier_wait(&pair->meet);
		refused += slot_select(fd, 9) != 0;
		pthread_barrier_wait(&pair->meet);
		close(fd);
		pthread_barrier_wait(&pair->meet);
	}
	demand(refused == 0);
	return NULL;
}

/* A slot that has space for one channel more has it for all callers that want that one. */
static void the_same_channel_at_once(void **state)
{
	struct pair pair = { .rounds = scaled(8000, 200) };
	pthread_t thread;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 1), 0);
	assert_int_equal(pthread_barrier_init(&pair.meet, NULL, 2), 0);
	thread = thread_start(select_in_step, &pair);
	assert_ptr_equal(select_in_step(&pair), NULL);
	thread_join(thread);
	pthread_barrier_destroy(&pair.meet);
}

static bool deepening;

static void *deepen(void *unused)
{
	(void)unused;
	while (__atomic_load_n(&deepening, __ATOMIC_RELAXED))
		demand(slot_set(OWN, "depth", 1000) == 0 || errno == EINVAL);
	return NULL;
}

/* In `last` there is one message, whatever is set while the mode is. */
static void the_depth_fits_the_mode(void **state)
{
	long rounds = scaled(8000, 300);
	pthread_t thread;

	(void)state;
	deepening = true;
	thread = thread_start(deepen, NULL);
	while (rounds--) {
		assert_result(slot_put(OWN, "mode", "queue"), 0);
		assert_result(slot_put(OWN, "mode", "last"), 0);
		assert_result(slot_get(OWN, "depth"), 1);
	}
	__atomic_store_n(&deepening, false, __ATOMIC_RELAXED);
	thread_join(thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(defaults_are_as_published),
		own_slot_test(attributes_take_nothing_else),
		own_slot_test(limits_are_roots),
		long_slot_test(slot_holds_so_many_bytes),
		own_slot_test(a_full_slot_still_works),
		long_slot_test(users_get_their_share),
		own_slot_test(a_share_is_given_back),
		long_slot_test(memory_cgroups_pay),
		own_slot_test(the_same_channel_at_once),
		own_slot_test(the_depth_fits_the_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
