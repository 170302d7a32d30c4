// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program and a library of different versions: structs that the library fills are as long as the
 * program says, and flags that the library does not know are refused.
 *
 * A longer struct is what a later version would have: one word more.  The last member of the first
 * release is where the shortest may end.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/stat.h>

#include "library.h"

#define SYSTEM "/etc/msgslot/channels"

/* A struct of a later version, and what must not be touched behind it. */
#define LATER(type)                    \
	struct {                       \
		struct type known;     \
		uint64_t later;        \
		unsigned char kept[8]; \
	}
#define LATER_SIZE(variable) (sizeof(variable) - sizeof((variable).kept))

#define later_fill(variable) memset(&(variable), 0xa5, sizeof(variable))

#define assert_later_is_zero(variable)                                                             \
	do {                                                                                       \
		const unsigned char kept_[8] = { 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5 }; \
                                                                                                   \
		assert_int_equal((variable).later, 0);                                             \
		assert_memory_equal((variable).kept, kept_, sizeof(kept_));                        \
	} while (0)

/* Of the first release: what follows is not touched. */
#define assert_later_is_kept(variable) assert_true((variable).later == 0xa5a5a5a5a5a5a5a5ull)

static void message_may_be_longer(void **state)
{
	const struct msgslot_receive_options peek = { .flags = MSGSLOT_RECV_PEEK };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	LATER(msgslot_message) message;
	char got[8];

	(void)state;
	assert_result(msgslot_message_send(slot, 3, "hello", 5), 0);
	later_fill(message);
	assert_result(msgslot_message_receive_with(slot, 3, got, sizeof(got), &peek, &message.known,
						   LATER_SIZE(message)),
		      5);
	assert_int_equal(message.known.sequence, 1);
	assert_int_equal(message.known.uid, getuid());
	assert_later_is_zero(message);
	later_fill(message);
	assert_result(msgslot_message_receive_with(slot, 3, got, sizeof(got), &peek, &message.known,
						   sizeof(message.known)),
		      5);
	assert_int_equal(message.known.length, 5);
	assert_later_is_kept(message);
	/* The same where the buffer is too short. */
	later_fill(message);
	assert_fails(msgslot_message_receive_with(slot, 3, got, 1, &peek, &message.known,
						  LATER_SIZE(message)),
		     ENOSPC);
	assert_int_equal(message.known.length, 5);
	assert_int_equal(message.known.uid, 0);
	assert_later_is_zero(message);
	msgslot_slot_close(slot);
}

static void a_size_that_never_was_takes_no_message(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	struct msgslot_message message;
	char got[8];

	(void)state;
	assert_result(msgslot_message_send(slot, 3, "hello", 5), 0);
	memset(&message, 0xa5, sizeof(message));
	assert_fails(msgslot_message_receive_with(slot, 3, got, sizeof(got), NULL, &message, 0),
		     EINVAL);
	assert_fails(msgslot_message_receive_with(slot, 3, got, sizeof(got), NULL, &message,
						  offsetof(struct msgslot_message, uid)),
		     EINVAL);
	assert_true(message.sequence == 0xa5a5a5a5a5a5a5a5ull);
	assert_next(slot, 3, "hello");
	msgslot_slot_close(slot);
}

static void info_may_be_longer(void **state)
{
	struct msgslot *slot = own_slot("queue", O_RDWR);
	const size_t least = offsetof(struct msgslot_info, dropped) + sizeof(uint64_t);
	static char longest[1 << 14];
	LATER(msgslot_info) info;

	(void)state;
	later_fill(info);
	assert_result(msgslot_info_get(slot, &info.known, LATER_SIZE(info)), 0);
	assert_int_equal(info.known.minor, OWN);
	assert_later_is_zero(info);
	later_fill(info);
	assert_result(msgslot_info_get(slot, &info.known, least), 0);
	assert_int_equal(info.known.minor, OWN);
	assert_later_is_kept(info);

	/* The kernel's commands have 14 bits for a size. */
	assert_result(msgslot_info_get(slot, (void *)longest, sizeof(longest) - 1), 0);
	later_fill(info);
	assert_fails(msgslot_info_get(slot, (void *)longest, sizeof(longest)), EINVAL);
	assert_fails(msgslot_info_get(slot, &info.known, least - 1), EINVAL);
	assert_fails(msgslot_info_get(slot, NULL, 0), EINVAL);
	assert_true(info.known.minor == 0xa5a5a5a5);
	msgslot_slot_close(slot);
}

static void a_channel_may_be_longer(void **state)
{
	struct msgslot *slot = own_slot("last", O_RDWR);
	struct msgslot_walker *walker;
	LATER(msgslot_walk_detail) entry;

	(void)state;
	assert_result(msgslot_message_send(slot, 3, "a", 1), 0);
	assert_result(msgslot_message_send(slot, 5, "b", 1), 0);
	walker = msgslot_walker_new(slot);
	assert_non_null(walker);
	later_fill(entry);
	assert_result(msgslot_walker_next(walker, &entry.known, LATER_SIZE(entry)), 1);
	assert_int_equal(entry.known.channel, 3);
	assert_later_is_zero(entry);
	/* A wrong size is no step. */
	assert_fails(msgslot_walker_next(walker, &entry.known,
					 offsetof(struct msgslot_walk_entry, next)),
		     EINVAL);
	later_fill(entry);
	assert_result(msgslot_walker_next(walker, &entry.known, sizeof(entry.known)), 1);
	assert_int_equal(entry.known.channel, 5);
	assert_int_equal(entry.known.messages, 1);
	assert_later_is_kept(entry);
	msgslot_walker_free(walker);
	msgslot_slot_close(slot);
}

static void put_names(const char *text)
{
	int fd;

	assert_true(!mkdir("/etc/msgslot", 0755) || errno == EEXIST);
	fd = open(SYSTEM, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_result(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int names_end(void **state)
{
	(void)state;
	return unlink(SYSTEM) || rmdir("/etc/msgslot");
}

static void names_and_places_may_be_longer(void **state)
{
	struct msgslot_names *names;
	LATER(msgslot_place) place;
	LATER(msgslot_name) name;

	(void)state;
	assert_works(setenv("XDG_CONFIG_HOME", "/dev/null", 1));
	put_names("battery 0 5\nlounge 6 7\nwrong\n");
	later_fill(name);
	later_fill(place);
	assert_result(msgslot_name_find("lounge", &name.known, LATER_SIZE(name), &place.known,
					LATER_SIZE(place)),
		      0);
	assert_string_equal(name.known.slot, "6");
	assert_int_equal(place.known.line, 2);
	assert_later_is_zero(name);
	assert_later_is_zero(place);
	assert_fails(msgslot_name_find("lounge", &name.known, 64, NULL, 0), EINVAL);
	assert_fails(msgslot_name_find("lounge", &name.known, LATER_SIZE(name), &place.known, 64),
		     EINVAL);

	names = msgslot_names_open();
	assert_non_null(names);
	later_fill(name);
	later_fill(place);
	assert_fails(msgslot_names_next(names, &name.known, 64, NULL, 0), EINVAL);
	assert_result(msgslot_names_next(names, &name.known, sizeof(name.known), &place.known,
					 sizeof(place.known)),
		      1);
	assert_string_equal(name.known.name, "battery");
	assert_int_equal(place.known.line, 1);
	assert_later_is_kept(name);
	assert_later_is_kept(place);
	msgslot_names_close(names);
}

/* A later flag comes with a member that this library does not look at. */
static void later_flags_are_refused(void **state)
{
	struct msgslot_receive_options receive = { .timeout = 0 };
	struct msgslot_send_options send = { .timeout = 0 };
	struct msgslot *slot = own_slot("queue", O_RDWR);
	char got[8];

	(void)state;
	assert_result(msgslot_message_send(slot, 3, "hello", 5), 0);
	for (receive.flags = MSGSLOT_RECV_RETURN; receive.flags; receive.flags <<= 1)
		assert_fails(msgslot_message_receive_with(slot, 3, got, sizeof(got), &receive, NULL,
							  0),
			     EINVAL);
	for (send.flags = 2; send.flags; send.flags <<= 1)
		assert_fails(msgslot_message_send_with(slot, 3, "x", 1, &send, NULL), EINVAL);
	assert_next(slot, 3, "hello");
	assert_nothing(slot, 3);
	msgslot_slot_close(slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(message_may_be_longer),
		own_slot_test(a_size_that_never_was_takes_no_message),
		own_slot_test(info_may_be_longer),
		own_slot_test(a_channel_may_be_longer),
		cmocka_unit_test_teardown(names_and_places_may_be_longer, names_end),
		own_slot_test(later_flags_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
