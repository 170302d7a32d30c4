// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libkevents: the original's types, returns and limits; an event is never lost, and "none" is told
 * from "got one".
 */
#define _GNU_SOURCE
#include <kevents_lib.h>
#include <kevents_usr.h>

#include "library.h"

static kevents_ctx context;

static int begin(void **state)
{
	if (own_begin(state) || slot_put(OWN, "mode", "queue") || slot_set(OWN, "depth", 3))
		return -1;
	setenv("KEVENTS_NODE", OWN_NAME, 1);
	return ke_init(&context) == NOERR ? 0 : -1;
}

static int end(void **state)
{
	ke_close(&context);
	return own_end(state);
}

static void the_interface_is_the_original_s(void **state)
{
	/* Each of these lines stops compiling if a type changes. */
	int (*init)(kevents_ctx *) = ke_init;
	int (*poll_event)(kevents_ctx *, int) = ke_poll_event;
	int (*send_event)(kevents_ctx *, int, char *, int) = ke_send_event;
	int (*get_event)(kevents_ctx *, int, char *, int) = ke_get_event;
	int (*close_it)(kevents_ctx *) = ke_close;
	ke_err_e error = NOERR;

	(void)state;
	assert_true(init && poll_event && send_event && get_event && close_it);
	assert_int_equal(error, 0);
	assert_int_equal(FILEERR, 1);
	assert_int_equal(MSGTOOLARGE, 2);
	assert_int_equal(NULLCTX, 3);
	assert_int_equal(MSG_MAX, 1440);
	assert_int_equal(fcntl(context.file, F_GETFL) & O_ACCMODE, O_RDWR);
}

/* A program that was compiled with the original header has a context of one int. */
static void the_context_is_the_original_s(void **state)
{
	struct {
		kevents_ctx context;
		int behind[8];
	} old;
	char got[4];
	size_t i;

	(void)state;
	assert_int_equal(sizeof(kevents_ctx), sizeof(int));
	memset(&old, 0x5a, sizeof(old));
	assert_int_equal(ke_init(&old.context), NOERR);
	assert_result(ke_send_event(&old.context, 1, "a", 1), 0);
	assert_result(ke_poll_event(&old.context, 1), 1);
	assert_result(ke_get_event(&old.context, 1, got, sizeof(got)), 0);
	assert_result(ke_close(&old.context), 0);
	for (i = 0; i < sizeof(old.behind) / sizeof(old.behind[0]); i++)
		assert_int_equal(old.behind[i], 0x5a5a5a5a);
}

static void events_come_by_id_in_order(void **state)
{
	char got[8];
	int id;

	(void)state;
	for (id = -1; id <= 1; id++) {
		assert_result(ke_poll_event(&context, id), 0);
		assert_result(ke_send_event(&context, id, "a", 1), 0);
		assert_result(ke_send_event(&context, id, "bb", 2), 0);
		assert_result(ke_poll_event(&context, id), 1);
	}
	for (id = -1; id <= 1; id++) {
		memset(got, '.', sizeof(got));
		assert_result(ke_get_event(&context, id, got, sizeof(got)), 0);
		assert_memory_equal(got, "a.......", 8);
		assert_result(ke_poll_event(&context, id), 1);
		assert_result(ke_get_event(&context, id, got, sizeof(got)), 0);
		assert_memory_equal(got, "bb......", 8);
		assert_result(ke_poll_event(&context, id), 0);
	}
}

static void none_is_not_got_one(void **state)
{
	char got[] = "as it was";

	(void)state;
	assert_fails(ke_get_event(&context, 5, got, sizeof(got)), EAGAIN);
	assert_string_equal(got, "as it was");
}

static void sending_never_waits(void **state)
{
	char got[8];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_result(ke_send_event(&context, 5, "e", 1), 0);
	assert_fails(ke_send_event(&context, 5, "e", 1), EAGAIN);
	/* Another id has space of its own. */
	assert_result(ke_send_event(&context, 6, "e", 1), 0);
	assert_result(ke_get_event(&context, 5, got, sizeof(got)), 0);
	assert_result(ke_send_event(&context, 5, "e", 1), 0);
}

static void an_event_has_1440_bytes(void **state)
{
	static char sent[MSG_MAX + 1], got[MSG_MAX + 1];

	(void)state;
	bytes_fill(sent, sizeof(sent), 5);
	assert_result(ke_send_event(&context, 5, sent, MSG_MAX + 1), MSGTOOLARGE);
	assert_result(ke_get_event(&context, 5, got, MSG_MAX + 1), MSGTOOLARGE);
	assert_result(ke_poll_event(&context, 5), 0);
	assert_result(ke_send_event(&context, 5, sent, MSG_MAX), 0);
	assert_result(ke_get_event(&context, 5, got, MSG_MAX), 0);
	assert_memory_equal(got, sent, MSG_MAX);
	assert_fails(ke_send_event(&context, 5, sent, -1), EINVAL);
	assert_fails(ke_get_event(&context, 5, got, -1), EINVAL);
	assert_fails(ke_send_event(&context, 5, sent, 0), EMSGSIZE);
	assert_result(ke_poll_event(&context, 5), 0);
}

static void what_fails_loses_nothing(void **state)
{
	char got[8];

	(void)state;
	assert_fails(ke_send_event(&context, 5, nowhere, 5), EFAULT);
	assert_result(ke_poll_event(&context, 5), 0);
	assert_result(ke_send_event(&context, 5, "hello", 5), 0);
	assert_fails(ke_get_event(&context, 5, got, 4), EINVAL);
	assert_fails(ke_get_event(&context, 5, got, 0), EINVAL);
	assert_fails(ke_get_event(&context, 5, nowhere, 8), EFAULT);
	assert_result(ke_poll_event(&context, 5), 1);
	assert_result(ke_get_event(&context, 5, got, 5), 0);
	assert_memory_equal(got, "hello", 5);
}

static void no_context_is_told(void **state)
{
	kevents_ctx closed;
	char got[8];

	(void)state;
	assert_int_equal(ke_init(NULL), NULLCTX);
	assert_int_equal(ke_poll_event(NULL, 1), NULLCTX);
	assert_int_equal(ke_send_event(NULL, 1, "a", 1), NULLCTX);
	assert_int_equal(ke_get_event(NULL, 1, got, 1), NULLCTX);
	assert_int_equal(ke_close(NULL), NULLCTX);
	assert_int_equal(ke_init(&closed), NOERR);
	assert_result(ke_close(&closed), 0);
	assert_int_equal(closed.file, -1);
	assert_fails(ke_poll_event(&closed, 1), EBADF);
	assert_fails(ke_send_event(&closed, 1, "a", 1), EBADF);
	assert_fails(ke_get_event(&closed, 1, got, 1), EBADF);
	assert_result(ke_close(&closed), 0);
}

static int minor_of(const kevents_ctx *opened)
{
	char name[64], path[64];
	int minor;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", opened->file);
	memset(name, 0, sizeof(name));
	assert_works(readlink(path, name, sizeof(name) - 1));
	assert_int_equal(sscanf(name, "/dev/msgslot%d", &minor), 1);
	return minor;
}

static void the_slot_is_found(void **state)
{
	kevents_ctx other;

	(void)state;
	assert_int_equal(minor_of(&context), OWN);
	setenv("KEVENTS_NODE", "/dev/msgslot200", 1);
	assert_int_equal(ke_init(&other), NOERR);
	assert_int_equal(minor_of(&other), OWN);
	ke_close(&other);

	/* Not any slot will do, nor another than was asked for. */
	setenv("KEVENTS_NODE", "0", 1);
	assert_int_equal(ke_init(&other), FILEERR);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_int_equal(other.file, -1);
	setenv("KEVENTS_NODE", "/dev/null", 1);
	assert_int_equal(ke_init(&other), FILEERR);
	setenv("KEVENTS_NODE", "/dev/nothing", 1);
	assert_int_equal(ke_init(&other), FILEERR);
	assert_int_equal(errno, ENOENT);

	/* Without a name: 4 is the lowest queue by default. */
	setenv("KEVENTS_NODE", "", 1);
	assert_int_equal(ke_init(&other), NOERR);
	assert_int_equal(minor_of(&other), 4);
	ke_close(&other);
	unsetenv("KEVENTS_NODE");
	assert_works(symlink("msgslot200", "/dev/kevents"));
	assert_int_equal(ke_init(&other), NOERR);
	assert_int_equal(minor_of(&other), OWN);
	ke_close(&other);
	assert_works(unlink("/dev/kevents"));
}

static void *outsider_begins(void *unused)
{
	kevents_ctx theirs;

	(void)unused;
	unsetenv("KEVENTS_NODE");
	demand(ke_init(&theirs) == FILEERR && errno == EACCES);
	return NULL;
}

static void permission_is_told(void **state)
{
	(void)state;
	child_run("outsider", outsider_begins, NULL);
}

static void *takes(void *count)
{
	char got[8];

	for (;;) {
		int ready = ke_poll_event(&context, 7);

		demand(ready == 0 || ready == 1);
		if (!ready)
			return NULL;
		if (ke_get_event(&context, 7, got, sizeof(got)) == 0)
			__atomic_add_fetch((int *)count, 1, __ATOMIC_RELAXED);
		else
			demand(errno == EAGAIN);
	}
}

/* Between poll and get another may have taken it: nobody takes that for an event. */
static void threads_get_each_event_once(void **state)
{
	int count = 0, i, round, rounds = scaled(200, 10);
	pthread_t threads[4];

	(void)state;
	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 3; i++)
			assert_result(ke_send_event(&context, 7, "event", 5), 0);
		for (i = 0; i < 4; i++)
			threads[i] = thread_start(takes, &count);
		for (i = 0; i < 4; i++)
			thread_join(threads[i]);
	}
	assert_int_equal(count, 3 * rounds);
}

#define kevents_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		kevents_test(the_interface_is_the_original_s),
		kevents_test(the_context_is_the_original_s),
		kevents_test(events_come_by_id_in_order),
		kevents_test(none_is_not_got_one),
		kevents_test(sending_never_waits),
		kevents_test(an_event_has_1440_bytes),
		kevents_test(what_fails_loses_nothing),
		kevents_test(no_context_is_told),
		kevents_test(the_slot_is_found),
		kevents_test(permission_is_told),
		kevents_test(threads_get_each_event_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
