// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * MSGSLOT_INFO: what a slot is, without sysfs (a container may have the node and nothing else), and
 * the share of the user that opened the file.
 */
#define _GNU_SOURCE
#include "ioctl.h"

enum { MIB = 1024 * 1024 };

static char text[MIB];

static void assert_agrees_with_sysfs(const struct msgslot_info *info)
{
	const struct {
		const char *attribute;
		uint64_t value;
	} pairs[] = {
		{ "depth", info->depth },
		{ "max_message", info->max_message },
		{ "max_bytes", info->max_bytes },
		{ "bytes", info->bytes },
		{ "max_channels", info->max_channels },
		{ "channels", info->channels },
		{ "messages", info->messages },
		{ "sent", info->sent },
		{ "received", info->received },
		{ "dropped", info->dropped },
	};
	char word[16], wanted[16];
	size_t i;

	for (i = 0; i < COUNT_OF(pairs); i++)
		if (slot_get(OWN, pairs[i].attribute) != (long long)pairs[i].value)
			fail_msg("%s is %lld in sysfs, %llu in INFO", pairs[i].attribute,
				 slot_get(OWN, pairs[i].attribute),
				 (unsigned long long)pairs[i].value);
	assert_works(text_get(SLOT_CLASS "/msgslot200/mode", word, sizeof(word)));
	snprintf(wanted, sizeof(wanted), "%s\n", modes[info->mode]);
	assert_string_equal(word, wanted);
	assert_works(text_get(SLOT_CLASS "/msgslot200/overflow", word, sizeof(word)));
	assert_string_equal(word, info->overflow == MSGSLOT_BLOCK ? "block\n" : "drop\n");
	assert_int_equal(info->version, MSGSLOT_ABI_VERSION);
	assert_int_equal(info->minor, OWN);
}

static void a_new_slot(void **state)
{
	const struct {
		unsigned int overflow, depth, max_message;
		uint64_t max_channels;
	} wanted[] = {
		{ MSGSLOT_DROP, 1, 128, 1048576 },
		{ MSGSLOT_BLOCK, 1024, 4096, 65536 },
		{ MSGSLOT_DROP, 256, 4096, 65536 },
	};
	struct msgslot_info info;
	size_t mode;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		/* Over rubbish, to see every byte written; and from a file that cannot read. */
		memset(&info, 0xee, sizeof(info));
		assert_result(ioctl(own_open(O_WRONLY), MSGSLOT_INFO, &info), 0);
		assert_agrees_with_sysfs(&info);
		assert_int_equal(info.mode, mode);
		assert_int_equal(info.overflow, wanted[mode].overflow);
		assert_int_equal(info.depth, wanted[mode].depth);
		assert_int_equal(info.max_message, wanted[mode].max_message);
		assert_int_equal(info.max_bytes, 64 * MIB);
		assert_int_equal(info.max_channels, wanted[mode].max_channels);
		/* Opening to write takes no channel. */
		assert_int_equal(info.channels, 0);
		assert_int_equal(info.share_channels, 0);
		assert_int_equal(info.share_bytes, info.bytes);
		assert_int_equal(info.share_max_bytes, 64 * MIB);
		assert_int_equal(info.share_max_channels, wanted[mode].max_channels);
		assert_int_equal(info.messages, 0);
		assert_int_equal(info.sent, 0);
		assert_int_equal(info.received, 0);
		assert_int_equal(info.dropped, 0);
	}
}

static void after_some_use(void **state)
{
	struct msgslot_info info;
	char got[COURSE_MAX];
	int fd, reader;
	size_t mode, i;

	(void)state;
	for (mode = 0; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		assert_result(slot_set(OWN, "max_message", 1000), 0);
		if (mode)
			assert_result(slot_set(OWN, "depth", 4), 0);
		if (mode == 2)
			assert_result(slot_put(OWN, "overflow", "block\n"), 0);
		assert_result(slot_set(OWN, "max_bytes", 5 * MIB + 1), 0);
		assert_result(slot_set(OWN, "max_channels", 77), 0);
		fd = own_open_on(O_WRONLY, 1);
		reader = own_open_on(O_RDONLY, 1);
		for (i = 1; i <= 4; i++) {
			assert_result(write(fd, text, 200 * i), (ssize_t)(200 * i));
			assert_result(send_text(fd, 1 + i, "elsewhere"), 1);
			assert_agrees_with_sysfs((info = info_of(reader), &info));
		}
		assert_receives_nothing(reader, 1, 0, 0, ENOSPC);
		assert_result(read(reader, got, sizeof(got)), mode == 2 ? COURSE_MAX : -1);
		info = info_of(reader);
		assert_agrees_with_sysfs(&info);
		assert_int_equal(info.depth, mode ? 4 : 1);
		assert_int_equal(info.overflow, mode ? MSGSLOT_BLOCK : MSGSLOT_DROP);
		assert_int_equal(info.max_message, 1000);
		assert_int_equal(info.max_bytes, 5 * MIB + 1);
		assert_int_equal(info.max_channels, 77);
		assert_int_equal(info.channels, 5);
		assert_int_equal(info.messages, mode ? 8 : 5);
		assert_int_equal(info.sent, 8);
		assert_int_equal(info.share_channels, 5);
		assert_int_equal(info.share_bytes, info.bytes);
		assert_true(info.bytes > 0);
	}
}

/* Random, the same for everyone, and another one with every creation. */
static void the_instance_is_this_slots(void **state)
{
	enum { LIVES = 20 };
	static const uint8_t nothing[16];
	uint8_t seen[LIVES][16];
	struct msgslot_info info;
	int life, before;

	(void)state;
	for (life = 0; life < LIVES; life++) {
		own_become(modes[life % 3]);
		info = info_of(own_open(O_RDONLY));
		memcpy(seen[life], info.instance, 16);
		assert_true(memcmp(info.instance, nothing, 16));
		for (before = 0; before < life; before++)
			assert_true(memcmp(seen[before], info.instance, 16));
		assert_true(send_text(own_open(O_WRONLY), 1, "no matter") > 0);
		info = info_of(own_open(O_WRONLY));
		assert_false(memcmp(seen[life], info.instance, 16));
	}
	/* Nor does it change with the settings. */
	own_become("last");
	info = info_of(own_open(O_RDONLY));
	close(own.files[--own.count]);
	assert_result(slot_put(OWN, "mode", "queue\n"), 0);
	memcpy(seen[0], info.instance, 16);
	info = info_of(own_open(O_RDONLY));
	assert_int_equal(info.mode, MSGSLOT_QUEUE);
	assert_false(memcmp(seen[0], info.instance, 16));
}

/* The share as the header says it: half of what the others have left. */
static void *look_at_my_share(void *unused)
{
	int fd = slot_open(OWN, O_RDWR);
	uint64_t others_bytes, others_channels;
	struct msgslot_info info;

	(void)unused;
	demand(fd >= 0);
	demand(ioctl(fd, MSGSLOT_INFO, &info) == 0);
	/* Opening takes no channel, and looking neither. */
	demand(info.share_channels == 0 && info.share_bytes == 0);
	others_bytes = info.bytes;
	others_channels = info.channels;
	demand(others_bytes >= MIB && others_channels == 1);
	demand(info.share_max_bytes == (info.max_bytes - others_bytes) / 2);
	demand(info.share_max_channels == (info.max_channels - others_channels) / 2);

	/* What the user holds counts for the user, and the user's share stays what it was. */
	demand(send_text(fd, 5, text) == 1);
	demand(send_text(fd, 6, text) == 1);
	demand(ioctl(fd, MSGSLOT_INFO, &info) == 0);
	demand(info.share_channels == 2);
	demand(info.share_bytes >= 2000);
	demand(info.bytes == others_bytes + info.share_bytes);
	demand(info.share_max_bytes == (info.max_bytes - others_bytes) / 2);
	demand(info.share_max_channels == (info.max_channels - others_channels) / 2);
	demand(clear_channel(fd, 5) == 1 && clear_channel(fd, 6) == 1);
	demand(ioctl(fd, MSGSLOT_INFO, &info) == 0);
	demand(info.share_channels == 0 && info.bytes == others_bytes);
	return NULL;
}

static int passed;

/* A file that root opened is root's, whichever user asks. */
static void *look_at_roots_share(void *argument)
{
	const struct msgslot_info *wanted = argument;
	struct msgslot_info info;

	demand(ioctl(passed, MSGSLOT_INFO, &info) == 0);
	demand(!memcmp(&info, wanted, sizeof(info)));
	return NULL;
}

static void shares(void **state)
{
	struct msgslot_send send = send_of(1, text, MIB);
	struct msgslot_info info;

	(void)state;
	own_become("queue");
	memset(text, 't', sizeof(text) - 1);
	assert_result(slot_set(OWN, "max_message", MIB), 0);
	passed = own_open(O_RDWR);
	assert_result(ioctl(passed, MSGSLOT_SEND, &send), 0);
	info = info_of(passed);
	assert_true(info.share_bytes >= MIB);
	assert_int_equal(info.share_bytes, info.bytes);
	assert_int_equal(info.share_max_bytes, info.max_bytes);
	assert_int_equal(info.share_max_channels, info.max_channels);
	text[1000] = '\0';
	child_run("member", look_at_my_share, NULL);
	info = info_of(passed);
	child_run("member", look_at_roots_share, &info);
	/* Once others hold something, it is all the rest that the privileged may hold. */
	assert_result(slot_set(OWN, "max_bytes", 1000), 0);
	info = info_of(passed);
	assert_true(info.share_max_bytes >= info.share_bytes);
}

/*
 * One keeps a message in a queue, another takes it, each on a processor of its own if there are
 * two.
 */
static bool moving;

static void *keep_sending(void *argument)
{
	while (__atomic_load_n(&moving, __ATOMIC_RELAXED))
		demand(send_text(*(int *)argument, 1, "moves") > 0 || errno == EAGAIN);
	return NULL;
}

static void *keep_taking(void *argument)
{
	char got[16];

	while (__atomic_load_n(&moving, __ATOMIC_RELAXED))
		demand(read(*(int *)argument, got, sizeof(got)) > 0 || errno == EAGAIN);
	return NULL;
}

/* There are never fewer messages than none, nor far more than the queue is deep. */
static void counted_while_they_move(void **state)
{
	long rounds = scaled(20000, 500);
	pthread_t threads[2];
	int fd;

	(void)state;
	own_become("queue");
	assert_result(slot_set(OWN, "depth", 1), 0);
	fd = own_open_on(O_RDWR | O_NONBLOCK, 1);
	moving = true;
	threads[0] = thread_start(keep_sending, &fd);
	threads[1] = thread_start(keep_taking, &fd);
	while (rounds--) {
		assert_in_range(info_of(fd).messages, 0, 1000000);
		assert_in_range(slot_get(OWN, "messages"), 0, 1000000);
	}
	__atomic_store_n(&moving, false, __ATOMIC_RELAXED);
	thread_join(threads[0]);
	thread_join(threads[1]);
	assert_in_range(slot_get(OWN, "messages"), 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(a_new_slot),
		own_slot_test(after_some_use),
		own_slot_test(the_instance_is_this_slots),
		own_slot_test(shares),
		own_slot_test(counted_while_they_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
