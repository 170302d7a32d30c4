// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sender of a message, as its receiver may know it: the process by the receiver's pid
 * namespace, the user that opened the file by the receiver's user namespace.  And a number names a
 * message for ever: it never comes again while the slot lives.
 */
#define _GNU_SOURCE
#include <pwd.h>
#include <sched.h>

#include "ioctl.h"

enum { NOBODY = 65534 }; /* the kernel's number for a user that has no number */

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static uid_t uid_of(const char *name)
{
	struct passwd *user = getpwnam(name);

	assert_non_null(user);
	return user->pw_uid;
}

static void *send_by_thread(void *argument)
{
	demand(send_text(*(int *)argument, 1, "thread") > 0);
	return NULL;
}

static void *send_by_process(void *argument)
{
	int fd = argument ? *(int *)argument : slot_open(OWN, O_WRONLY);

	demand(send_text(fd, 1, "process") > 0);
	return NULL;
}

/* Becomes the user only after the file was opened, or before. */
static void *send_as_member(void *argument)
{
	demand(become_user("member") == 0);
	return send_by_process(argument);
}

static void the_process_sends(void **state)
{
	struct msgslot_recv recv;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		pid_t child;
		int fd;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		/* A thread is its process. */
		thread_join(thread_start(send_by_thread, &fd));
		recv = assert_receives(fd, 1, 0, 0, 1, "thread");
		assert_int_equal(recv.pid, getpid());
		/*
		 * The pid is the caller's, whichever process opened the file.  The caller may be
		 * gone by now.
		 */
		child = child_start(NULL, send_by_process, &fd);
		child_join(child);
		recv = assert_receives(fd, 1, 0, 0, 2, "process");
		assert_true(recv.pid == (__u32)child || recv.pid == 0);
	}
}

static void the_opener_is_the_sender(void **state)
{
	struct msgslot_recv recv;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd;

		own_become(modes[mode]);
		assert_result(nodes_settle(), 0);
		fd = own_open_on(O_RDWR, 1);
		/* A message through a file that was handed to a user does not name that user... */
		child_run(NULL, send_as_member, &fd);
		recv = assert_receives(fd, 1, 0, 0, 1, "process");
		assert_int_equal(recv.uid, 0);
		/* ...one through a file that the user opened does. */
		child_run(NULL, send_as_member, NULL);
		recv = assert_receives(fd, 1, 0, 0, 2, "process");
		assert_int_equal(recv.uid, uid_of("member"));
		child_run("member2", send_by_process, NULL);
		recv = assert_receives(fd, 1, 0, 0, 3, "process");
		assert_int_equal(recv.uid, uid_of("member2"));
	}
}

/*
 * Two pid namespaces and a slot: one process inside, one outside, and which processes each of them
 * sees.
 */
struct spaces {
	int fd;
	int to_child[2], to_parent[2];
};

static void *meet(int from)
{
	char byte;

	demand(read(from, &byte, 1) == 1);
	return NULL;
}

static void *tell(int to)
{
	demand(write(to, "", 1) == 1);
	return NULL;
}

#define demand_that(call)                  \
	do {                               \
		void *complaint_ = (call); \
                                           \
		if (complaint_)            \
			return complaint_; \
	} while (0)

static void *be_process_1(void *argument)
{
	struct spaces *spaces = argument;
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(1, 0, got, sizeof(got));

	demand(getpid() == 1);
	/* From outside: not visible here. */
	demand(ioctl(spaces->fd, MSGSLOT_RECV, &recv) == 0);
	demand(recv.pid == 0 && recv.uid == 0);
	/* From inside. */
	demand(send_text(spaces->fd, 2, "inside") == 1);
	recv.channel = 2;
	recv.flags = MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK;
	recv.sequence = 0;
	demand(ioctl(spaces->fd, MSGSLOT_RECV, &recv) == 0);
	demand(recv.pid == 1);
	demand_that(tell(spaces->to_parent[1]));
	demand_that(meet(spaces->to_child[0]));
	return NULL;
}

static void *enter_pid_namespace(void *argument)
{
	struct spaces *spaces = argument;
	struct msgslot_recv recv;
	char got[COURSE_MAX];
	int status;
	pid_t child;

	demand(unshare(CLONE_NEWPID) == 0);
	child = fork();
	demand(child >= 0);
	if (!child) {
		const char *complaint = be_process_1(spaces);

		if (complaint) {
			fprintf(stderr, "# inside: %s (errno: %s)\n", complaint, strerror(errno));
			tell(spaces->to_parent[1]);
		}
		_exit(complaint != NULL);
	}
	close(spaces->to_parent[1]);
	/* Seen from here the child, alive, has the number that fork() gave. */
	demand_that(meet(spaces->to_parent[0]));
	recv = recv_of(2, MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK, got, sizeof(got));
	demand(ioctl(spaces->fd, MSGSLOT_RECV, &recv) == 0);
	demand(recv.pid == (__u32)child);
	demand_that(tell(spaces->to_child[1]));
	demand(waitpid(child, &status, 0) == child && status == 0);
	return NULL;
}

static void pid_namespaces(void **state)
{
	struct spaces spaces;
	size_t mode;
	int i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		spaces.fd = own_open_on(O_RDWR, 1);
		assert_result(pipe(spaces.to_child), 0);
		assert_result(pipe(spaces.to_parent), 0);
		assert_result(send_text(spaces.fd, 1, "outside"), 1);
		child_run(NULL, enter_pid_namespace, &spaces);
		for (i = 0; i < 2; i++) {
			close(spaces.to_child[i]);
			close(spaces.to_parent[i]);
		}
	}
}

/* A child that is process 1 of a new pid namespace, and has this number outside. */
static pid_t child_numbered(pid_t number)
{
	pid_t numbers[2] = { 1, number };
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
		uint64_t set_tid, set_tid_size;
	} arguments = {
		.flags = CLONE_NEWPID,
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)numbers,
		.set_tid_size = 2,
	};

	fflush(stdout);
	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static void *be_no_sender(void *argument)
{
	struct msgslot_recv recv;
	char got[COURSE_MAX];

	demand(getpid() == 1);
	recv = recv_of(1, 0, got, sizeof(got));
	demand(ioctl(*(int *)argument, MSGSLOT_RECV, &recv) == 0);
	demand(recv.pid == 0);
	return NULL;
}

/* The sender is gone, and its number is the receiver's, outside, by now. */
static void a_number_that_is_another_process(void **state)
{
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		pid_t sender, receiver;
		int fd;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		sender = child_start(NULL, send_by_process, &fd);
		child_join(sender);
		receiver = child_numbered(sender);
		if (!receiver) {
			const char *complaint = be_no_sender(&fd);

			if (complaint)
				fprintf(stderr, "# inside: %s\n", complaint);
			_exit(complaint != NULL);
		}
		assert_int_equal(receiver, sender);
		child_join(receiver);
	}
}

static long long boot_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/* Where the clock is a million seconds ahead. */
static void *receive_in_time_namespace(void *argument)
{
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(1, 0, got, sizeof(got));
	long long age;

	demand(boot_time() > 1000000000000000ll);
	demand(ioctl(*(int *)argument, MSGSLOT_RECV, &recv) == 0);
	age = boot_time() - (long long)recv.time;
	demand(age >= 0 && age < 1000ll * paced(60, 600) * MILLISECOND);
	return NULL;
}

static void *enter_time_namespace(void *argument)
{
	/* Those to come are in it. */
	demand(unshare(CLONE_NEWTIME) == 0);
	demand(text_put("/proc/self/timens_offsets", "boottime 1000000 0") == 0);
	child_run(NULL, receive_in_time_namespace, argument);
	return NULL;
}

static void time_namespaces(void **state)
{
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		assert_result(send_text(fd, 1, "just now"), 1);
		child_run(NULL, enter_time_namespace, &fd);
	}
}

/* In a user namespace where root is 1000 and nobody else is anybody. */
static void *enter_user_namespace(void *argument)
{
	int fd = *(int *)argument;
	char got[COURSE_MAX];
	struct msgslot_recv recv = recv_of(1, 0, got, sizeof(got));

	demand(unshare(CLONE_NEWUSER) == 0);
	demand(text_put("/proc/self/uid_map", "1000 0 1") == 0);
	demand(getuid() == 1000);
	demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
	demand(recv.uid == 1000);
	recv.channel = 2;
	recv.flags = MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK;
	recv.sequence = 0;
	demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
	demand(recv.uid == NOBODY);
	return NULL;
}

static void *send_to_channel_2(void *unused)
{
	(void)unused;
	demand(send_text(slot_open(OWN, O_WRONLY), 2, "member's") == 1);
	return NULL;
}

static void user_namespaces(void **state)
{
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		assert_result(send_text(fd, 1, "root's"), 1);
		child_run("member", send_to_channel_2, NULL);
		child_run(NULL, enter_user_namespace, &fd);
	}
}

/* Every way in which a channel loses its messages, or itself. */
static void a_number_never_comes_again(void **state)
{
	enum { CHANNELS = 4 };
	long rounds = scaled(2000, 200);
	uint64_t seed = seed_get(), newest[CHANNELS + 1];
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		struct msgslot_recv recv;
		char got[COURSE_MAX];
		int fd, other;
		long i;

		own_become(modes[mode]);
		fd = own_open(O_RDWR);
		other = own_open(O_RDWR);
		memset(newest, 0, sizeof(newest));
		for (i = 0; i < rounds; i++) {
			unsigned int id = 1 + random_below(&seed, CHANNELS);
			long long sequence;

			switch (random_below(&seed, 5)) {
			case 0:
			case 1:
				sequence = send_text(other, id, "text");
				assert_true(sequence > (long long)newest[id]);
				newest[id] = sequence;
				break;
			case 2:
				assert_true(clear_channel(other, id) >= 0);
				break;
			case 3:
				/* Hold it for a while, so that it is not always forgotten. */
				assert_result(slot_select(fd, id), 0);
				break;
			default:
				recv = recv_of(id, mode == 2 ? MSGSLOT_RECV_NEWER : 0, got,
					       sizeof(got));
				if (ioctl(other, MSGSLOT_RECV, &recv) == 0 && mode < 2)
					assert_true(recv.sequence <= newest[id]);
			}
		}
	}
}

static void numbers_begin_at_1_and_have_no_gaps(void **state)
{
	size_t mode;
	long i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		int fd;

		own_become(modes[mode]);
		fd = own_open_on(O_RDWR, 1);
		for (i = 1; i <= 100; i++)
			assert_result(send_text(fd, 1, "text"), i);
		/* Another channel counts for itself. */
		assert_result(send_text(fd, 2, "text"), 1);
		/* One that comes after another was forgotten begins above it. */
		assert_true(clear_channel(fd, 1) > 0);
		assert_result(slot_select(fd, 3), 0);
		assert_true(send_text(fd, 4, "text") > 100);
		assert_true(send_text(fd, 1, "text") > 100);
		assert_result(send_text(fd, 2, "text"), 2);
		/* And a new slot begins anew, under another name. */
		own_become(modes[mode]);
		assert_result(send_text(own_open(O_WRONLY), 1, "text"), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(the_process_sends),
		own_slot_test(the_opener_is_the_sender),
		own_slot_test(pid_namespaces),
		own_slot_test(user_namespaces),
		own_slot_test(a_number_never_comes_again),
		own_slot_test(numbers_begin_at_1_and_have_no_gaps),
		own_slot_test(a_number_that_is_another_process),
		own_slot_test(time_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
