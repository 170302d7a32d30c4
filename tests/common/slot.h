/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots as a test program sees them: nodes in /dev, attributes in sysfs, the select call.
 *
 * Nothing here judges: functions return what system calls return (-1 and errno), so that a test can
 * expect an error as easily as success. check.h adds the assertions for programs with cmocka.
 */
#ifndef MSGSLOT_TESTS_SLOT_H
#define MSGSLOT_TESTS_SLOT_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/msgslot.h>
#include <linux/msgslot_map.h>

#define SLOT_CLASS "/sys/class/msgslot"

static inline int is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && !strcmp(value, "1");
}

/* The kernel with checkers is 20 to 100 times slower, an emulated s390x 4 times. */
static inline int machine_is_slow(void)
{
	return is_set("MSGSLOT_SLOW");
}

static inline int size_is_quick(void)
{
	return is_set("MSGSLOT_QUICK");
}

/*
 * A number of repetitions: the same coverage with a smaller one at quick size and on a slow
 * machine.
 */
static inline long reduced(long full, long quick, long least)
{
	if (machine_is_slow())
		return least;
	return size_is_quick() ? quick : full;
}

/* A slow machine at quick size: for loops whose least number still takes minutes. */
static inline int machine_is_hurried(void)
{
	return machine_is_slow() && size_is_quick();
}

/* For loops where an eighth is enough at quick size. */
static inline long scaled(long full, long least)
{
	return reduced(full, full / 8 > least ? full / 8 : least, least);
}

/* A bound on time or memory: it depends on the machine alone. */
static inline long paced(long normal, long slow)
{
	return machine_is_slow() ? slow : normal;
}

/* Memory that this process shares with its children. */
static inline void *shared_new(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

/* The text is written by one write(), because sysfs takes each write() as a whole value. */
static inline int text_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int saved;
	ssize_t put;

	if (fd < 0)
		return -1;
	put = write(fd, text, strlen(text));
	saved = errno;
	close(fd);
	errno = saved;
	return put < 0 ? -1 : 0;
}

static inline ssize_t text_get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int saved;
	ssize_t got;

	if (fd < 0)
		return -1;
	got = read(fd, text, size - 1);
	saved = errno;
	close(fd);
	errno = saved;
	text[got < 0 ? 0 : got] = '\0';
	return got;
}

static inline int slot_create(int minor, const char *mode)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %s\n", minor, mode);
	return text_put(SLOT_CLASS "/create", text);
}

static inline int slot_destroy(int minor)
{
	char text[16];

	snprintf(text, sizeof(text), "%d\n", minor);
	return text_put(SLOT_CLASS "/destroy", text);
}

static inline int slot_exists(int minor)
{
	char path[64];

	snprintf(path, sizeof(path), SLOT_CLASS "/msgslot%d", minor);
	return access(path, F_OK) == 0;
}

static inline int slot_put(int minor, const char *attribute, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), SLOT_CLASS "/msgslot%d/%s", minor, attribute);
	return text_put(path, text);
}

static inline int slot_set(int minor, const char *attribute, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu\n", value);
	return slot_put(minor, attribute, text);
}

/* The attribute's number; -1 on failure, as no attribute is negative. */
static inline long long slot_get(int minor, const char *attribute)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), SLOT_CLASS "/msgslot%d/%s", minor, attribute);
	if (text_get(path, text, sizeof(text)) <= 0)
		return -1;
	return strtoll(text, NULL, 10);
}

static inline int slot_open(int minor, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/msgslot%d", minor);
	return open(path, flags | O_CLOEXEC);
}

static inline int slot_select(int fd, unsigned int id)
{
	return ioctl(fd, MSG_SLOT_CHANNEL, id);
}

/* A file with a channel selected. */
static inline int slot_open_on(int minor, int flags, unsigned int id)
{
	int fd = slot_open(minor, flags);
	int saved;

	if (fd < 0 || slot_select(fd, id) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* This cannot be undone: call it in a child. */
static inline int become_user(const char *name)
{
	struct passwd *user = getpwnam(name);

	if (!user) {
		errno = ENOENT;
		return -1;
	}
	if (initgroups(name, user->pw_gid) || setresgid(user->pw_gid, user->pw_gid, user->pw_gid))
		return -1;
	return setresuid(user->pw_uid, user->pw_uid, user->pw_uid);
}

/* udev sets the owner and group of a node after the kernel has made the node. */
static inline int nodes_settle(void)
{
	return system("udevadm settle --timeout=60") == 0 ? 0 : -1;
}

/* EWOULDBLOCK while a file is open. */
static inline int module_unload(void)
{
	return syscall(SYS_delete_module, "msgslot", O_NONBLOCK);
}

/* Loads the installed module with exactly these parameters: no file of modprobe.d adds any. */
static inline int module_load(const char *parameters)
{
	struct utsname name;
	char path[256];
	int fd, result, saved;

	uname(&name);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/msgslot.ko", name.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = syscall(SYS_finit_module, fd, parameters, 0);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

static inline int module_is_loaded(void)
{
	return access("/sys/module/msgslot", F_OK) == 0;
}

/* The state after boot: the default slots, their nodes with their group. */
static inline int module_restore(void)
{
	int tries;

	/* udev may have a node open for a moment. */
	for (tries = 0; module_is_loaded() && module_unload() && tries < 200; tries++)
		usleep(50000);
	if (module_load(""))
		return -1;
	return nodes_settle();
}

/* The kernel's log from now on: a descriptor for kernel_log_lines(). */
static inline int kernel_log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* The number of the module's lines since the last call; -1 if the log cannot be read. */
static inline int kernel_log_lines(int fd)
{
	char record[8192], *text;
	int lines = 0;
	ssize_t got;

	for (;;) {
		got = read(fd, record, sizeof(record) - 1);
		if (got < 0 && errno == EAGAIN)
			return lines;
		/* EPIPE: the log has overrun this reader, and reports it once. */
		if (got < 0 && errno != EPIPE)
			return -1;
		if (got <= 0)
			continue;
		record[got] = '\0';
		text = strchr(record, ';');
		if (text && !strncmp(text + 1, "msgslot: ", 9))
			lines++;
	}
}

/* Random numbers that repeat (xorshift64*): the seed is printed, and MSGSLOT_SEED sets it. */
static inline uint64_t seed_get(void)
{
	const char *given = getenv("MSGSLOT_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)now.tv_sec * 1000003 + now.tv_nsec;
	if (!seed)
		seed = 1;
	printf("# MSGSLOT_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dULL;
}

static inline unsigned int random_below(uint64_t *state, unsigned int limit)
{
	return (random_next(state) >> 32) % limit;
}

static inline double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

#endif
