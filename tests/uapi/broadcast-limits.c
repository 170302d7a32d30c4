// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a `broadcast` slot may hold: its settings and when they may change, the memory that its logs
 * take however much is said, and what a full slot does to writers.
 */
#define _GNU_SOURCE
#include "broadcast.h"

static void assert_setting(const char *attribute, const char *wanted)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), SLOT_CLASS "/msgslot%d/%s", OWN, attribute);
	assert_works(text_get(path, text, sizeof(text)));
	text[strcspn(text, "\n")] = '\0';
	assert_string_equal(text, wanted);
}

static void assert_defaults(void)
{
	assert_setting("mode", "broadcast");
	assert_setting("depth", "256");
	assert_setting("max_message", "4096");
	assert_setting("overflow", "drop");
}

static void settings_have_defaults(void **state)
{
	(void)state;
	assert_defaults();
	assert_setting("max_bytes", "67108864");
	assert_setting("max_channels", "65536");
}

static void assert_settings_stay(void)
{
	assert_fails(slot_set(OWN, "depth", 255), EBUSY);
	assert_fails(slot_set(OWN, "depth", 257), EBUSY);
	assert_fails(slot_set(OWN, "max_message", 4095), EBUSY);
	assert_fails(slot_put(OWN, "overflow", "block"), EBUSY);
	assert_fails(slot_put(OWN, "mode", "queue"), EBUSY);
	/* To say what is so is no change. */
	assert_result(slot_set(OWN, "depth", 256), 0);
	assert_result(slot_set(OWN, "max_message", 4096), 0);
	assert_result(slot_put(OWN, "overflow", "drop\n"), 0);
	assert_result(slot_put(OWN, "mode", "broadcast"), 0);
	assert_defaults();
}

static void settings_stay_while_in_use(void **state)
{
	int fd = own_open(O_RDONLY);

	(void)state;
	assert_settings_stay();
	own_close(fd);
	fd = own_open(O_WRONLY);
	assert_settings_stay();
	assert_tells(fd, 1);
	own_close(fd);
	/* No file is open, but a message is kept. */
	assert_settings_stay();
	fd = own_open(O_WRONLY);
	assert_result(own_clear(fd, 0), 1);
	own_close(fd);
	assert_result(slot_set(OWN, "depth", 1), 0);
	assert_result(slot_set(OWN, "max_message", 1), 0);
	assert_result(slot_put(OWN, "overflow", "block"), 0);
	assert_setting("depth", "1");
	assert_setting("max_message", "1");
	assert_setting("overflow", "block");
}

static void wrong_settings_change_nothing(void **state)
{
	static const char *const wrong[][2] = {
		{ "depth", "0" },	 { "depth", "65537" },
		{ "depth", "-1" },	 { "depth", "4294967297" },
		{ "depth", "many" },	 { "depth", "\n" },
		{ "max_message", "0" },	 { "max_message", "1048577" },
		{ "max_message", "-1" }, { "overflow", "Drop" },
		{ "overflow", "wait" },	 { "overflow", "drop block" },
		{ "mode", "room" },	 { "mode", "broadcasts" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (slot_put(OWN, wrong[i][0], wrong[i][1]) == 0)
			fail_msg("%s=%s works", wrong[i][0], wrong[i][1]);
		if (errno != EINVAL && errno != ERANGE)
			fail_msg("%s=%s: %s", wrong[i][0], wrong[i][1], strerror(errno));
		assert_defaults();
	}
	assert_result(slot_set(OWN, "depth", MSGSLOT_DEPTH_MAX), 0);
	assert_result(slot_set(OWN, "max_message", MSGSLOT_MESSAGE_MAX), 0);
}

/* A slot may become another mode, with its numbers; the settings of the mode before are gone. */
static void a_slot_changes_its_mode(void **state)
{
	int fd;
	char got[8];

	(void)state;
	assert_result(slot_put(OWN, "mode", "last"), 0);
	assert_setting("depth", "1");
	assert_setting("overflow", "drop");
	fd = own_open(O_RDWR);
	assert_fails(read(fd, got, sizeof(got)), EINVAL);
	own_close(fd);
	assert_result(slot_put(OWN, "mode", "broadcast"), 0);
	assert_defaults();
	fd = own_open(O_RDWR | O_NONBLOCK);
	assert_tells(fd, 1);
	assert_hears(fd, 1);
}

/* However much is said, a log takes no more than its depth. */
static void memory_is_bounded(void **state)
{
	enum { DEPTH = 50 };
	static const size_t lengths[] = { 1, 256, 257, 4096 };
	char message[4096];
	long long bytes;
	size_t i;
	int n, fd;

	(void)state;
	bytes_fill(message, sizeof(message), 1);
	assert_result(slot_set(OWN, "depth", DEPTH), 0);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fd = own_open_on(O_RDWR | O_NONBLOCK, 1 + i);
		for (n = 0; n < 20 * DEPTH; n++) {
			assert_result(write(fd, message, lengths[i]), (ssize_t)lengths[i]);
			if (n % DEPTH)
				continue;
			/* A ring of at most twice its depth, and a spare buffer. */
			bytes = slot_get(OWN, "bytes");
			assert_in_range(bytes, lengths[i], (2 * DEPTH + 1) * (lengths[i] + 512));
			assert_result(slot_get(OWN, "messages"), n < DEPTH ? n + 1 : DEPTH);
		}
		/* Messages of all lengths by turns do not pile up buffers either. */
		for (n = 0; n < 10 * DEPTH; n++)
			assert_works(write(fd, message, 1 + (n * 997) % sizeof(message)));
		assert_in_range(slot_get(OWN, "bytes"), DEPTH,
				(2 * DEPTH + 1) * (sizeof(message) + 512));
		assert_result(own_clear(fd, 1 + i), DEPTH);
		own_close(fd);
		assert_result(slot_get(OWN, "bytes"), 0);
		assert_result(slot_get(OWN, "channels"), 0);
	}
}

/* A slot with no bytes left refuses to grow a log; what it keeps, stays. */
static void a_full_slot_refuses(void **state)
{
	int fd = own_open_on(O_RDWR | O_NONBLOCK, 1), n, kept;
	struct msgslot_recv recv;
	char message[4096];

	(void)state;
	bytes_fill(message, sizeof(message), 2);
	assert_result(slot_set(OWN, "max_bytes", 100000), 0);
	for (kept = 0; write(fd, message, sizeof(message)) > 0; kept++)
		assert_true(kept < 25);
	assert_int_equal(errno, ENOSPC);
	assert_in_range(kept, 2, 24);
	assert_result(slot_get(OWN, "messages"), kept);
	assert_in_range(slot_get(OWN, "bytes"), kept * sizeof(message), 100000);
	/* Bad pointers come before; nothing is lost by any of it. */
	assert_fails(write(fd, nowhere, sizeof(message)), EFAULT);
	for (n = 0; n < kept; n++) {
		recv = recv_into(1, message, sizeof(message));
		assert_result(ioctl(fd, MSGSLOT_RECV, &recv), 0);
		assert_int_equal(recv.length, sizeof(message));
		assert_int_equal(recv.lost, 0);
	}
	assert_hears(fd, -EAGAIN);
	assert_result(own_clear(fd, 1), kept);
	assert_result(write(fd, message, sizeof(message)), sizeof(message));
}

/* As many channels as the slot may have, and not one more, until one of them is forgotten. */
static void channels_are_counted(void **state)
{
	int one = own_open_on(O_RDWR | O_NONBLOCK, 1), two = own_open_on(O_RDWR | O_NONBLOCK, 2);
	__u32 selected = 1;
	int refused;

	(void)state;
	assert_result(slot_set(OWN, "max_channels", 2), 0);
	assert_fails(slot_select(one, 3), ENOSPC);
	assert_int_equal(send_number(one, 3, 3), 0);
	assert_int_equal(errno, ENOSPC);
	/* An open never fails for it: its channel 0 is tried again by each call that needs it. */
	refused = own_open(O_RDWR | O_NONBLOCK);
	assert_hears(refused, -ENOSPC);
	assert_int_equal(tell(refused, 1), -ENOSPC);
	assert_result(ioctl(refused, MSGSLOT_GET_CHANNEL, &selected), 0);
	assert_int_equal(selected, 0);
	own_close(two);
	assert_tells(refused, 1);
	assert_tells(one, 2);
	assert_hears(refused, 1);
	assert_hears(refused, -EAGAIN);
	assert_hears(one, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		broadcast_test(settings_have_defaults),
		broadcast_test(settings_stay_while_in_use),
		broadcast_test(wrong_settings_change_nothing),
		broadcast_test(a_slot_changes_its_mode),
		broadcast_test(memory_is_bounded),
		broadcast_test(a_full_slot_refuses),
		broadcast_test(channels_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
