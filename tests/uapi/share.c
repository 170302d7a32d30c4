// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How much each user may keep in a queue or a broadcast channel.  The slot's limits hold for all
 * users.  An unprivileged user has its share and leaves the other users theirs.  A passed file is
 * charged to the user that opened it.  The memory is charged to the sender's cgroup.  (What `last`
 * does with the same rules is in limits.c.)
 */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <poll.h>
#include <sys/stat.h>

#include "ioctl.h"
#include "own-as.h"

enum { KIB = 1024, MIB = 1024 * KIB, LONG = 64 * KIB };

static const char *const logs[] = { "queue", "broadcast" };
static char text[MIB];

/* A slot that keeps as many messages as its bytes allow. */
static int become_deep(const char *mode, unsigned long max_bytes)
{
	own_become(mode);
	bytes_fill(text, sizeof(text), 1);
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	assert_result(slot_set(OWN, "max_bytes", max_bytes), 0);
	assert_result(nodes_settle(), 0);
	/* On channel 0, which so is root's. */
	return own_open_on(O_RDWR, 0);
}

/* Sends until it fails; how many came through. */
static int fill(int fd, unsigned int channel, size_t length)
{
	struct msgslot_send send = send_of(channel, text, length);
	int count = 0;

	while (ioctl(fd, MSGSLOT_SEND, &send) == 0)
		count++;
	return count;
}

/* They are all there, in order and whole. */
static void *keeps(int fd, unsigned int channel, int count, size_t length)
{
	static char got[MIB];
	struct msgslot_recv recv =
		recv_of(channel, MSGSLOT_RECV_NEWER | MSGSLOT_RECV_PEEK, got, sizeof(got));
	int i;

	recv.sequence = 0;
	for (i = 1; i <= count; i++) {
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
		demand(recv.sequence == (uint64_t)i && recv.lost == 0);
		demand(recv.length == length && !memcmp(got, text, length));
	}
	demand(ioctl(fd, MSGSLOT_RECV, &recv) == -1 && errno == EAGAIN);
	return NULL;
}

#define assert_keeps(fd, channel, count, length)                            \
	do {                                                                \
		const char *complaint_ = keeps(fd, channel, count, length); \
                                                                            \
		if (complaint_)                                             \
			fail_msg("%s (%s)", complaint_, strerror(errno));   \
	} while (0)

static void a_slot_holds_so_many_bytes(void **state)
{
	size_t mode;
	int fd, count;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		fd = become_deep(logs[mode], 8 * MIB);
		count = fill(fd, 1, LONG);
		assert_int_equal(errno, ENOSPC);
		assert_in_range(count, 8 * MIB / LONG - 8, 8 * MIB / LONG);
		assert_in_range(slot_get(OWN, "bytes"), (long)count * LONG, 8 * MIB);
		assert_keeps(fd, 1, count, LONG);
		assert_true(clear_channel(fd, 1) == count);
		/* Of short ones, too, where it is the ring that cannot grow. */
		own_become(logs[mode]);
		fd = become_deep(logs[mode], 512 * KIB);
		count = fill(fd, 1, 100);
		assert_int_equal(errno, ENOSPC);
		assert_in_range(count, 256, 512 * KIB / 100);
		assert_keeps(fd, 1, count, 100);
		/* With more space it goes on where it was. */
		assert_result(slot_set(OWN, "max_bytes", 4 * MIB), 0);
		assert_result(send_text(fd, 1, "goes on"), count + 1);
	}
}

static void a_slot_has_so_many_channels(void **state)
{
	size_t mode;
	int fd, id;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		fd = become_deep(logs[mode], MIB);
		assert_result(slot_set(OWN, "max_channels", 5), 0);
		for (id = 1; id < 5; id++)
			assert_result(send_text(fd, id, "text"), 1);
		assert_fails(send_text(fd, 5, "text"), ENOSPC);
		assert_fails(slot_select(fd, 5), ENOSPC);
		assert_result(send_text(fd, 4, "text"), 2);
		assert_result(slot_get(OWN, "channels"), 5);
		assert_result(clear_channel(fd, 4), 2);
		assert_true(send_text(fd, 5, "text") > 0);
	}
}

/* Channel 0, on which a file starts, can be refused like any other; open() cannot. */
static void a_file_without_a_channel(void **state)
{
	unsigned int selected;
	char got[COURSE_MAX];
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		own_become(logs[mode]);
		assert_result(slot_set(OWN, "max_channels", 0), 0);
		fd = own_open(O_RDWR | O_NONBLOCK);
		assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
		assert_int_equal(selected, 0);
		assert_fails(write(fd, "text", 4), ENOSPC);
		assert_fails(read(fd, got, sizeof(got)), ENOSPC);
		assert_fails(slot_select(fd, 0), ENOSPC);
		assert_fails(slot_select(fd, 3), ENOSPC);
		assert_result(slot_set(OWN, "max_channels", 1), 0);
		assert_result(write(fd, "text", 4), 4);
		assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
		assert_int_equal(selected, 0);
	}
}

/* Otherwise the last channel there is space for would be the one that the open selects. */
static void opening_to_send_takes_none(void **state)
{
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_channels", 1), 0);
		fd = own_open(O_WRONLY);
		assert_result(slot_get(OWN, "channels"), 0);
		assert_result(send_text(fd, 9, "text"), 1);
		assert_result(slot_get(OWN, "channels"), 1);
		assert_fails(write(fd, "text", 4), mode ? ENOSPC : EINVAL);
		assert_result(slot_select(fd, 9), 0);
		assert_result(write(fd, "text", 4), 4);
	}
}

/* Polling means channel 0, as reading does: it waits, and is woken. */
static void poll_selects_channel_0(void **state)
{
	struct pollfd polled = { .events = POLLIN };
	size_t mode;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		own_become(logs[mode]);
		polled.fd = own_open(O_RDWR);
		fd = own_open(O_WRONLY);
		assert_result(poll(&polled, 1, 0), 0);
		assert_result(slot_get(OWN, "channels"), 1);
		assert_result(send_text(fd, 1, "elsewhere"), 1);
		assert_result(poll(&polled, 1, 0), 0);
		assert_result(send_text(fd, 0, "here"), 1);
		assert_result(poll(&polled, 1, 0), 1);
	}
}

static void *poll_once(void *fd)
{
	struct pollfd polled = { .fd = *(int *)fd, .events = POLLIN };

	demand(poll(&polled, 1, 0) >= 0);
	return NULL;
}

/* A selection by hand holds, whatever threads poll the file for the first time meanwhile. */
static void a_selection_stays(void **state)
{
	int rounds = scaled(1000, 50), fd;
	unsigned int selected;
	pthread_t thread;

	(void)state;
	own_become("queue");
	while (rounds--) {
		fd = slot_open(OWN, O_RDWR);
		assert_works(fd);
		thread = thread_start(poll_once, &fd);
		assert_result(slot_select(fd, 5), 0);
		thread_join(thread);
		assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &selected), 0);
		assert_int_equal(selected, 5);
		close(fd);
	}
}

/* One user takes all it can, and another user comes after it. */
static void *take_a_share(void *argument)
{
	size_t length = *(size_t *)argument;
	int fd = slot_open(OWN, O_RDWR), count;
	struct msgslot_info info;

	demand(fd >= 0);
	count = fill(fd, getuid(), length);
	demand(errno == EDQUOT);
	demand(count > 0);
	demand(ioctl(fd, MSGSLOT_INFO, &info) == 0);
	demand(info.share_bytes <= info.share_max_bytes);
	demand(info.share_bytes <= (info.max_bytes - info.bytes + info.share_bytes) / 2);
	/* And not for nothing: a ring doubles, so it may be a quarter of the share. */
	demand(info.share_bytes >= info.share_max_bytes / 4);
	return keeps(fd, getuid(), count, length);
}

static void one_user_does_not_take_the_whole_slot(void **state)
{
	size_t lengths[] = { LONG, 100 }, mode, i;
	int fd;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++)
		for (i = 0; i < COUNT_OF(lengths); i++) {
			fd = become_deep(logs[mode], i ? MIB : 16 * MIB);
			child_run("member", take_a_share, &lengths[i]);
			child_run("member2", take_a_share, &lengths[i]);
			assert_int_equal(info_of(fd).share_bytes, 0);
			/* The privileged may have the rest. */
			assert_true(fill(fd, 1, lengths[i]) > 0);
			assert_int_equal(errno, ENOSPC);
		}
}

/* What is taken out of a queue is given back to the user that had sent it. */
static void *send_and_take(void *unused)
{
	int fd = slot_open(OWN, O_RDWR), count, again;
	struct msgslot_recv recv = recv_of(7, 0, text, sizeof(text));

	(void)unused;
	demand(fd >= 0);
	count = fill(fd, 7, LONG);
	demand(errno == EDQUOT && count > 10);
	for (again = 0; again < 10; again++)
		demand(ioctl(fd, MSGSLOT_RECV, &recv) == 0);
	again = fill(fd, 7, LONG);
	demand(errno == EDQUOT);
	/* All but what a larger ring may take meanwhile. */
	demand(again >= 8 && again <= 10);
	demand(clear_channel(fd, 7) == count - 10 + again);
	return NULL;
}

static void a_share_comes_back(void **state)
{
	struct msgslot_info info;
	int fd;

	(void)state;
	fd = become_deep("queue", 8 * MIB);
	info = info_of(fd);
	child_run("member", send_and_take, NULL);
	assert_int_equal(info_of(fd).bytes, info.bytes);
	child_run("member", send_and_take, NULL);
	assert_int_equal(info_of(fd).bytes, info.bytes);
}

/* Of eight channels root has channel 0; of the seven left a user gets three, the next one two. */
static void *take_channels(void *argument)
{
	int most = *(int *)argument, fd = slot_open(OWN, O_WRONLY), i;
	unsigned int first = getuid() * 100;

	demand(fd >= 0);
	for (i = 0; i < most; i++)
		demand(send_text(fd, first + i, "mine") == 1);
	demand(send_text(fd, first + i, "one more") == -1 && errno == EDQUOT);
	demand(slot_select(fd, first + i) == -1 && errno == EDQUOT);
	/* The channels of other users cost this user nothing. */
	demand(slot_select(fd, first) == 0 && slot_select(fd, 0) == 0);
	demand(send_text(fd, 0, "to all") > 0);
	return NULL;
}

static void channels_are_shared_alike(void **state)
{
	int three = 3, two = 2, fd;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		fd = become_deep(logs[mode], MIB);
		assert_result(slot_set(OWN, "max_channels", 8), 0);
		child_run("member", take_channels, &three);
		child_run("member2", take_channels, &two);
		assert_result(slot_get(OWN, "channels"), 6);
		assert_result(send_text(fd, 1, "root"), 1);
		assert_result(send_text(fd, 2, "root"), 1);
		assert_fails(send_text(fd, 3, "root"), ENOSPC);
	}
}

/* It is the capability that lifts the share, not the number 0; and it counts when opening. */
static void *drop_the_capability(void *argument)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	int with = slot_open(OWN, O_RDWR), without;
	struct msgslot_info info;

	(void)argument;
	demand(with >= 0);
	demand(syscall(SYS_capget, &header, data) == 0);
	data[0].effective &= ~(1u << CAP_SYS_RESOURCE);
	demand(syscall(SYS_capset, &header, data) == 0);
	without = slot_open(OWN, O_RDWR);
	demand(without >= 0);
	demand(fill(without, 1, LONG) > 0 && errno == EDQUOT);
	demand(ioctl(without, MSGSLOT_INFO, &info) == 0);
	demand(info.share_bytes <= info.max_bytes / 2);
	demand(fill(with, 2, LONG) > 0 && errno == ENOSPC);
	/* Meanwhile the user is far above its share. */
	demand(fill(without, 1, LONG) == 0 && (errno == EDQUOT || errno == ENOSPC));
	return NULL;
}

static void a_capability_lifts_it(void **state)
{
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		become_deep(logs[mode], 8 * MIB);
		child_run(NULL, drop_the_capability, NULL);
	}
}

/* Root sends through a file that member opened: as little as member may, on member's account. */
static void a_passed_file_is_its_openers(void **state)
{
	int fd, passed, count;
	struct msgslot_info theirs, mine;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(logs); mode++) {
		fd = become_deep(logs[mode], 8 * MIB);
		passed = own_open_as("member", O_RDWR);
		count = fill(passed, 1, LONG);
		assert_int_equal(errno, EDQUOT);
		assert_in_range(count, 4 * MIB / LONG - 8, 4 * MIB / LONG);
		theirs = info_of(passed);
		mine = info_of(fd);
		assert_true(theirs.share_bytes >= (uint64_t)count * LONG);
		assert_int_equal(theirs.share_channels, 1);
		assert_int_equal(mine.share_bytes, 0);
		/* The member's file is closed, and the member still holds what it holds. */
		own_close(passed);
		assert_int_equal(info_of(fd).bytes, mine.bytes);
		assert_result(clear_channel(fd, 1), count);
	}
}

/* A sender in a small memory cgroup. */
enum { GROUP_MIB = 24 };

#define GROUPS "/sys/fs/cgroup"
#define GROUP GROUPS "/msgslot-share"

/*
 * Goes in, fills, and comes out again at once: whatever else a task does in a group that is full to
 * the last byte, be it to open a file, calls for the OOM killer.
 */
static int fill_inside(int fd, size_t length, const int doors[2])
{
	int count, error;

	if (write(doors[0], "0", 1) != 1)
		return -1;
	count = fill(fd, 1, length);
	error = errno;
	if (write(doors[1], "0", 1) != 1)
		return -1;
	errno = error;
	return count;
}

static void *fill_a_group(void *argument)
{
	size_t length = *(size_t *)argument;
	int fd = slot_open(OWN, O_RDWR), count, waits;
	const int doors[2] = { open(GROUP "/cgroup.procs", O_WRONLY),
			       open(GROUPS "/cgroup.procs", O_WRONLY) };

	demand(fd >= 0 && doors[0] >= 0 && doors[1] >= 0);
	count = fill_inside(fd, length, doors);
	demand(count > 0 && errno == ENOMEM);
	demand(count * length <= GROUP_MIB * MIB);
	demand(slot_get(OWN, "messages") == count);
	/* What is cleared may be used again, once the kernel has really got it back. */
	demand(clear_channel(fd, 1) == count);
	for (waits = 0, count = 0; !count && waits < 300; waits++) {
		usleep(100000);
		count = fill_inside(fd, length, doors);
		demand(errno == ENOMEM);
	}
	demand(count > 0);
	return NULL;
}

static void a_memory_cgroup_pays(void **state)
{
	/* Whole messages of their own; and cells, so that a ring has to double. */
	size_t lengths[] = { MIB, 200 }, mode, i;
	const int of_cells = size_is_quick() ? 4 : 8;
	char limit[32], events[4096];
	int fd;

	(void)state;
	/* There already, or not yet: both are fine. */
	assert_result(text_put(GROUPS "/cgroup.subtree_control", "+memory"), 0);
	for (mode = 0; mode < COUNT_OF(logs); mode++)
		for (i = 0; i < COUNT_OF(lengths); i++) {
			fd = become_deep(logs[mode], 1024ul * MIB);
			assert_result(mkdir(GROUP, 0700), 0);
			snprintf(limit, sizeof(limit), "%d", (i ? of_cells : GROUP_MIB) * MIB);
			assert_result(text_put(GROUP "/memory.max", limit), 0);
			child_run(NULL, fill_a_group, &lengths[i]);
			assert_works(text_get(GROUP "/memory.events", events, sizeof(events)));
			assert_non_null(strstr(events, "oom_kill 0\n"));
			/* A sender that is not in it is not limited by it. */
			assert_true(send_text(fd, 2, "fine") > 0);
			own_become(logs[mode]);
			assert_result(rmdir(GROUP), 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_slot_holds_so_many_bytes),
		own_slot_test(a_slot_has_so_many_channels),
		own_slot_test(a_file_without_a_channel),
		own_slot_test(opening_to_send_takes_none),
		own_slot_test(poll_selects_channel_0),
		own_slot_test(a_selection_stays),
		own_slot_test(one_user_does_not_take_the_whole_slot),
		own_slot_test(a_share_comes_back),
		own_slot_test(channels_are_shared_alike),
		own_slot_test(a_capability_lifts_it),
		own_slot_test(a_passed_file_is_its_openers),
		own_slot_test(a_memory_cgroup_pays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
