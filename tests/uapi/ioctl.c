// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every command that is not ours, near misses first: EINVAL, nothing changed, nothing in the log.
 * And of those that are ours the two without a struct: select and MSGSLOT_GET_CHANNEL.
 */
#define _GNU_SOURCE
#include "ioctl.h"

static bool is_select(unsigned int command)
{
	unsigned int type = _IOC_TYPE(command), size = _IOC_SIZE(command);

	return command == MSG_SLOT_CHANNEL_1 || command == MSG_SLOT_CHANNEL_3 ||
	       ((type == MSGSLOT_IOC_TYPE || type == MSGSLOT_IOC_TYPE_OLD) && !_IOC_NR(command) &&
		(size == 0 || size == 4 || size == 8));
}

/* What takes a struct is judged by it; structs.c has all of that. */
static bool takes_a_struct(unsigned int command)
{
	/* With the size of the first release. */
	const unsigned int known[] = {
		_IOWR(235, _IOC_NR(MSGSLOT_SEND), char[48]),
		_IOWR(235, _IOC_NR(MSGSLOT_RECV), char[64]),
		MSGSLOT_SEEK,
		MSGSLOT_CLEAR,
		_IOR(235, _IOC_NR(MSGSLOT_INFO), char[136]),
		MSGSLOT_WALK,
		MSGSLOT_LISTEN,
	};
	size_t i;

	if (command == MSGSLOT_GET_CHANNEL)
		return true;
	for (i = 0; i < COUNT_OF(known); i++)
		if (_IOC_TYPE(command) == _IOC_TYPE(known[i]) &&
		    _IOC_NR(command) == _IOC_NR(known[i]) &&
		    _IOC_DIR(command) == _IOC_DIR(known[i]) &&
		    _IOC_SIZE(command) >= _IOC_SIZE(known[i]))
			return true;
	return false;
}

static bool is_ours(unsigned int command)
{
	return is_select(command) || takes_a_struct(command);
}

/* Types that the kernel proper, not the driver, answers on any file. */
static bool is_of_the_vfs(unsigned int command)
{
	switch (_IOC_TYPE(command)) {
	case 0x00:
	case 0x12:
	case 0x15:
	case 'T':
	case 'X':
	case 'f':
	case 'v':
	case 0x94:
		return true;
	}
	return false;
}

static unsigned long argument_for(unsigned int turn)
{
	static char somewhere[256];
	const unsigned long arguments[] = {
		0, 1, 5, -1ul, 1ul << 32, 4096, (unsigned long)somewhere, 0xffff888000000000,
	};

	return arguments[turn % (sizeof(arguments) / sizeof(arguments[0]))];
}

static int begin(int log)
{
	int fd = own_open_on(O_RDWR, 9);

	assert_true(log >= 0);
	assert_result(write(fd, "nine", 4), 4);
	return fd;
}

static void end(int fd, int log)
{
	char got[8];

	assert_result(read(fd, got, sizeof(got)), 4);
	assert_memory_equal(got, "nine", 4);
	assert_result(slot_get(OWN, "channels"), 1);
	assert_result(slot_get(OWN, "messages"), 1);
	assert_int_equal(kernel_log_lines(log), 0);
	close(log);
}

/* Our own types in every number and direction, and all sizes around those in use. */
static void sweep_own_types(void **state)
{
	const unsigned int types[] = { 235, 240, 234, 236, 239, 241 };
	const unsigned int sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 64, 4096, _IOC_SIZEMASK };
	int log = kernel_log_open(), fd = begin(log);
	unsigned int type, number, direction, size, command, turn = 0;

	(void)state;
	for (type = 0; type < sizeof(types) / sizeof(types[0]); type++)
		for (number = 0; number < 256; number += machine_is_slow() ? 5 : 1)
			for (direction = 0; direction < 4; direction++)
				for (size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
					command = _IOC(direction, types[type], number, sizes[size]);
					if (!is_ours(command))
						assert_fails(ioctl(fd, command,
								   argument_for(turn++)),
							     EINVAL);
				}
	end(fd, log);
}

static void any_command(void **state)
{
	int log = kernel_log_open(), fd = begin(log);
	uint64_t seed = seed_get();
	long left = scaled(200000, 10000);

	(void)state;
	while (left--) {
		unsigned int command = random_next(&seed) >> 32;

		if (is_ours(command) || is_of_the_vfs(command))
			continue;
		assert_fails(ioctl(fd, command, argument_for(random_below(&seed, 8))), EINVAL);
	}
	end(fd, log);
}

/* Any id through any of the four commands: it works, but for what is 0 in 32 bits. */
static void any_id(void **state)
{
	const unsigned int commands[] = { MSG_SLOT_CHANNEL, MSG_SLOT_CHANNEL_LONG,
					  MSG_SLOT_CHANNEL_OLD, MSG_SLOT_CHANNEL_OLD_LONG };
	int log = kernel_log_open(), fd = own_open(O_RDWR);
	uint64_t seed = seed_get();
	long left = scaled(20000, 2000);

	(void)state;
	while (left--) {
		unsigned int command = commands[random_below(&seed, 4)];
		uint64_t id = random_next(&seed) >> random_below(&seed, 64);

		if (random_below(&seed, 8) == 0)
			id &= 0xffffffff00000000;
		if ((uint32_t)id)
			assert_result(ioctl(fd, command, id), 0);
		else
			assert_fails(ioctl(fd, command, id), EINVAL);
	}
	assert_in_range(slot_get(OWN, "channels"), 0, 1);
	assert_int_equal(kernel_log_lines(log), 0);
	close(log);
}

static unsigned int selected(int fd)
{
	unsigned int id = 12345;

	assert_result(ioctl(fd, MSGSLOT_GET_CHANNEL, &id), 0);
	return id;
}

static void get_what_is_selected(void **state)
{
	const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK };
	const unsigned int ids[] = { 1, 7, 1u << 31, 4294967295u };
	unsigned int id = 77;
	size_t i, j;
	int fd, copy;

	(void)state;
	for (i = 0; i < COUNT_OF(flags); i++) {
		fd = own_open(flags[i]);
		assert_fails(ioctl(fd, MSGSLOT_GET_CHANNEL, &id), EINVAL);
		assert_int_equal(id, 77);
		for (j = 0; j < COUNT_OF(ids); j++) {
			assert_result(slot_select(fd, ids[j]), 0);
			assert_int_equal(selected(fd), ids[j]);
			/* What is refused leaves what was. */
			assert_fails(slot_select(fd, 0), EINVAL);
			assert_int_equal(selected(fd), ids[j]);
		}
		assert_fails(ioctl(fd, MSGSLOT_GET_CHANNEL, nowhere), EFAULT);
		/* One file, two names. */
		copy = dup(fd);
		assert_result(slot_select(copy, 5), 0);
		assert_int_equal(selected(fd), 5);
		close(copy);
	}
	assert_result(slot_destroy(OWN), 0);
	assert_fails(ioctl(fd, MSGSLOT_GET_CHANNEL, &id), ENODEV);
	assert_fails(ioctl(fd, MSGSLOT_GET_CHANNEL, nowhere), ENODEV);
	assert_result(slot_create(OWN, "last"), 0);
}

/* Channel 0 is where a file begins, and one to come back to. */
static void zero_is_a_channel_elsewhere(void **state)
{
	size_t mode;
	int fd;

	(void)state;
	for (mode = 1; mode < COUNT_OF(modes); mode++) {
		own_become(modes[mode]);
		fd = own_open(O_RDWR);
		assert_int_equal(selected(fd), 0);
		assert_result(slot_select(fd, 9), 0);
		assert_int_equal(selected(fd), 9);
		assert_result(ioctl(fd, MSG_SLOT_CHANNEL_OLD_LONG, 1ul << 32), 0);
		assert_int_equal(selected(fd), 0);
		assert_result(slot_get(OWN, "channels"), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(sweep_own_types),
		own_slot_test(any_command),
		own_slot_test(any_id),
		own_slot_test(get_what_is_selected),
		own_slot_test(zero_is_a_channel_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
