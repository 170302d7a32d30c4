// SPDX-License-Identifier: GPL-2.0-or-later
/* Means that are floors, files in memory, or memory. */
#define _GNU_SOURCE
#include <linux/magic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "peers.h"

int in_file[ENDS_MAX], out_file[ENDS_MAX];

void files_begin(void)
{
	int i;

	for (i = 0; i < ENDS_MAX; i++)
		in_file[i] = out_file[i] = -1;
}

long file_put(int end)
{
	return write(out_file[end], outgoing.bytes, message_size);
}

long file_get(int end)
{
	return read(in_file[end], incoming.bytes, message_size);
}

long file_both(int none)
{
	(void)none;
	return file_put(0) == message_size ? file_get(0) : -1;
}

void files_close(void)
{
	int i;

	for (i = 0; i < ENDS_MAX; i++) {
		if (out_file[i] >= 0 && out_file[i] != in_file[i])
			close(out_file[i]);
		if (in_file[i] >= 0)
			close(in_file[i]);
	}
	files_begin();
}

/* ---- floors -------------------------------------------------------------------------------- */

static int nothing_open(int ends)
{
	(void)ends;
	return 0;
}

static void nothing_close(void)
{
}

static long getppid_get(int end)
{
	(void)end;
	return getppid() >= 0 ? message_size : -1;
}

static int device_open(const char *path, int flags, int ends)
{
	int i;

	files_begin();
	for (i = 0; i < ends; i++) {
		in_file[i] = out_file[i] = open(path, flags | O_CLOEXEC);
		if (in_file[i] < 0)
			return cannot_call(path);
	}
	return 0;
}

static int zero_open(int ends)
{
	return device_open("/dev/zero", O_RDONLY, ends);
}

static int null_open(int ends)
{
	return device_open("/dev/null", O_WRONLY, ends);
}

const struct means getppid_floor = {
	.open = nothing_open, .get = getppid_get, .close = nothing_close, .silent = true
};
const struct means zero_floor = {
	.open = zero_open, .get = file_get, .close = files_close, .silent = true
};
const struct means null_floor = {
	.open = null_open, .put = file_put, .close = files_close, .silent = true
};

/* ---- a file in memory ---------------------------------------------------------------------- */

/* All ends have the same file. */
static int tmpfs_open(int ends)
{
	int i, file;

	files_begin();
	file = memfd_create("peers", MFD_CLOEXEC);
	if (file < 0)
		return cannot_call("memfd_create");
	for (i = 0; i < ends; i++)
		in_file[i] = out_file[i] = i ? dup(file) : file;
	return in_file[ends - 1] < 0 ? cannot_call("dup") : 0;
}

static long tmpfs_put(int end)
{
	return pwrite(out_file[end], outgoing.bytes, message_size, 0);
}

static long tmpfs_get(int end)
{
	return pread(in_file[end], incoming.bytes, message_size, 0);
}

static long tmpfs_both(int none)
{
	(void)none;
	return tmpfs_put(0) == message_size ? tmpfs_get(0) : -1;
}

const struct means tmpfs = { .open = tmpfs_open,
			     .put = tmpfs_put,
			     .get = tmpfs_get,
			     .both = tmpfs_both,
			     .close = files_close,
			     .shared = true };

/* A writer whose readers must see it whole writes another file and gives it the name. */
static char published[64], prepared[72];

static int renamed_open(int ends)
{
	struct statfs fs;

	(void)ends;
	snprintf(published, sizeof(published), "/dev/shm/msgslot-peers-%d", getpid());
	snprintf(prepared, sizeof(prepared), "%s.new", published);
	if (statfs("/dev/shm", &fs))
		return cannot_call("/dev/shm");
	return fs.f_type == TMPFS_MAGIC ? 0 : cannot("/dev/shm is no tmpfs");
}

static long renamed_put(int end)
{
	int file = open(prepared, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	long put;

	(void)end;
	if (file < 0)
		return -1;
	put = write(file, outgoing.bytes, message_size);
	close(file);
	return rename(prepared, published) ? -1 : put;
}

static long renamed_get(int end)
{
	int file = open(published, O_RDONLY | O_CLOEXEC);
	long got;

	(void)end;
	if (file < 0)
		return -1;
	got = read(file, incoming.bytes, message_size);
	close(file);
	return got;
}

static void renamed_close(void)
{
	unlink(prepared);
	unlink(published);
}

const struct means tmpfs_renamed = { .open = renamed_open,
				     .put = renamed_put,
				     .get = renamed_get,
				     .close = renamed_close,
				     .shared = true };

/* ---- memory -------------------------------------------------------------------------------- */

/* Shared as two processes would share it. */
static struct shared {
	unsigned int version;
	unsigned int length;
	char message[LONGEST];
} *shared = MAP_FAILED;

static int shared_open(int ends)
{
	(void)ends;
	files_begin();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED ? cannot_call("mmap") : 0;
}

static void shared_close(void)
{
	if (shared != MAP_FAILED)
		munmap(shared, sizeof(*shared));
	shared = MAP_FAILED;
	files_close();
}

/* One writer, as here there is only one. */
static long seqlock_put(int end)
{
	unsigned int version = __atomic_load_n(&shared->version, __ATOMIC_RELAXED);

	(void)end;
	__atomic_store_n(&shared->version, version + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&shared->length, (unsigned int)message_size, __ATOMIC_RELAXED);
	memcpy(shared->message, outgoing.bytes, message_size);
	__atomic_store_n(&shared->version, version + 2, __ATOMIC_RELEASE);
	return message_size;
}

static long seqlock_get(int end)
{
	unsigned int version, length;

	(void)end;
	do {
		version = __atomic_load_n(&shared->version, __ATOMIC_ACQUIRE);
		length = __atomic_load_n(&shared->length, __ATOMIC_RELAXED);
		if (length <= message_size)
			memcpy(incoming.bytes, shared->message, length);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((version & 1) || version != __atomic_load_n(&shared->version, __ATOMIC_RELAXED));
	return length;
}

const struct means seqlock = { .open = shared_open,
			       .put = seqlock_put,
			       .get = seqlock_get,
			       .close = shared_close,
			       .shared = true };

/* An eventfd tells each reader that there is a message in the memory, which all of them share. */
static int eventfd_open(int ends)
{
	int i;

	if (shared_open(ends))
		return -1;
	for (i = 0; i < ends; i++) {
		in_file[i] = out_file[i] = eventfd(0, EFD_CLOEXEC);
		if (in_file[i] < 0)
			return cannot_call("eventfd");
	}
	return 0;
}

static long eventfd_tell(int end)
{
	uint64_t one = 1;

	return write(out_file[end], &one, sizeof(one)) == sizeof(one) ? message_size : -1;
}

static long eventfd_put(int end)
{
	if (!end)
		memcpy(shared->message, outgoing.bytes, message_size);
	return eventfd_tell(end);
}

/* There and back are two messages. */
static long eventfd_put_each(int end)
{
	memcpy(shared->message, outgoing.bytes, message_size);
	return eventfd_tell(end);
}

static long eventfd_get(int end)
{
	uint64_t count;

	if (read(in_file[end], &count, sizeof(count)) != sizeof(count))
		return -1;
	memcpy(incoming.bytes, shared->message, message_size);
	return message_size;
}

static long eventfd_both(int none)
{
	(void)none;
	return eventfd_put(0) == message_size ? eventfd_get(0) : -1;
}

const struct means eventfd_memory = { .open = eventfd_open,
				      .put = eventfd_put,
				      .get = eventfd_get,
				      .both = eventfd_both,
				      .close = shared_close };
const struct means eventfd_memory_each = {
	.open = eventfd_open, .put = eventfd_put_each, .get = eventfd_get, .close = shared_close
};
