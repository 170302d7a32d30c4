// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which callers may map a channel, and that no caller gets more than reading out of it: no mapping
 * is ever writable or executable, larger than the channel's pages, or a way to keep one of them.
 */
#define _GNU_SOURCE
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "map.h"

static void without_permission(void **state)
{
	int reads = own_open_on(O_RDONLY, 5), writes = own_open_on(O_WRONLY, 5);
	int both = own_open_on(O_RDWR, 5), page = getpagesize(), fd;
	size_t size;

	(void)state;
	assert_fails((long)map_try(writes, page, PROT_READ, MAP_SHARED, 0), EACCES);
	assert_fails((long)map_try(writes, page, PROT_NONE, MAP_SHARED, 0), EACCES);
	assert_fails((long)map_try(reads, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(both, page, PROT_WRITE, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(reads, page, PROT_EXEC, MAP_SHARED, 0), EPERM);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	assert_fails((long)map_try(reads, page, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), EPERM);
	fd = own_open(O_RDWR);
	assert_fails((long)map_try(fd, page, PROT_READ, MAP_SHARED, 0), EINVAL);
	assert_fails((long)map_try(fd, page, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM);
	size = map_size(both);
	assert_fails((long)map_try(both, size + 1, PROT_READ, MAP_SHARED, 0), EINVAL);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_SHARED, size), EINVAL);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_SHARED, 1ll << 62), EINVAL);
	assert_result(slot_get(OWN, "bytes"), 0);
	assert_result(slot_destroy(OWN), 0);
	assert_fails((long)map_try(both, page, PROT_READ, MAP_SHARED, 0), ENODEV);
	assert_fails((long)map_try(both, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0), ENODEV);

	assert_result(slot_create(OWN, "queue"), 0);
	fd = own_open(O_RDWR);
	assert_fails((long)map_try(fd, page, PROT_READ, MAP_SHARED, 0), EOPNOTSUPP);
	assert_fails((long)map_try(fd, page, PROT_READ, MAP_PRIVATE, 0), EINVAL);
	assert_fails((long)map_try(fd, page, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM);
	own_become("broadcast");
	assert_result(slot_set(OWN, "max_message", 64 * KIB), 0);
	assert_result(slot_set(OWN, "depth", 256), 0);
	assert_result(nodes_settle(), 0);
	fd = own_open(O_RDWR);
	assert_fails((long)map_try(fd, page, PROT_READ, MAP_SHARED, 0), ENOSPC);
	assert_result(slot_get(OWN, "bytes"), 0);
}

/* A piece from the middle shows what the whole shows there. */
static void pieces(void **state)
{
	const int page = getpagesize();
	const struct msgslot_map_head *head;
	const char *piece;
	int fd;

	(void)state;
	assert_result(slot_set(OWN, "max_message", 64 * KIB), 0);
	assert_result(nodes_settle(), 0);
	fd = own_open_on(O_RDWR, 5);
	head = map_of(fd);
	bytes_fill(text, 64 * KIB, 1);
	assert_result(write(fd, text, 64 * KIB), 64 * KIB);
	assert_result(write(fd, text, 64 * KIB), 64 * KIB);
	piece = map_try(fd, 3 * page, PROT_READ, MAP_SHARED, head->size - 3 * page);
	assert_ptr_not_equal(piece, (void *)-1);
	assert_memory_equal(piece, (const char *)head + head->size - 3 * page, 3 * page);
	assert_fails((long)map_try(fd, 3 * page, PROT_READ, MAP_SHARED, head->size - 2 * page),
		     EINVAL);
	assert_fails((long)mremap((void *)piece, 3 * page, 4 * page, MREMAP_MAYMOVE), EFAULT);
	assert_result(munmap((void *)piece, 3 * page), 0);
	unmap(head);
}

/* ---- by no road ----------------------------------------------------------- */

static sigjmp_buf refused;

static void on_refusal(int number)
{
	siglongjmp(refused, number);
}

/* Whether the processor refuses it. */
#define is_refused(access)                                                        \
	({                                                                        \
		struct sigaction action_ = { .sa_handler = on_refusal }, before_; \
		int signal_;                                                      \
                                                                                  \
		sigaction(SIGSEGV, &action_, &before_);                           \
		signal_ = sigsetjmp(refused, 1);                                  \
		if (!signal_)                                                     \
			access;                                                   \
		sigaction(SIGSEGV, &before_, NULL);                               \
		signal_ == SIGSEGV;                                               \
	})

static bool can_be_written(void *at)
{
	return !is_refused(*(volatile char *)at = 'x');
}

static bool can_be_executed(void *at)
{
	return !is_refused(((void (*)(void))at)());
}

/* What the kernel says of the area that begins at @at. */
static const char *area_of(void *at)
{
	static char line[512], permissions[8];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start;

	permissions[0] = '\0';
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%*x %7s", &start, permissions) == 2 &&
		    start == (unsigned long)at)
			break;
	if (maps)
		fclose(maps);
	return permissions;
}

static void system_calls_refuse(void *at, size_t size)
{
	const int page = getpagesize();
	struct iovec local = { "x", 1 }, remote = { at, 1 }, whole = { at, page };
	int memory = open("/proc/self/mem", O_RDWR), zero = open("/dev/zero", O_RDONLY), ends[2];
	char *piece = (char *)at + size - page;

	/* Larger, a second time, or one that leaves the first behind. */
	assert_fails((long)mremap(at, size, 2 * size, MREMAP_MAYMOVE), EFAULT);
	assert_fails((long)mremap(at, 0, page, MREMAP_MAYMOVE), EFAULT);
	assert_fails((long)mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP), EINVAL);
	assert_fails((long)mremap(piece, page, 2 * page, 0), EFAULT);
	assert_fails(mprotect(at, page, PROT_READ | PROT_WRITE), EACCES);
	assert_fails(mprotect(at, page, PROT_WRITE), EACCES);
	assert_fails(mprotect(at, page, PROT_READ | PROT_EXEC), EACCES);
	assert_fails(mprotect(at, page, PROT_EXEC), EACCES);
	/* From nothing at all to reading, and no further. */
	assert_result(mprotect(at, page, PROT_NONE), 0);
	assert_fails(mprotect(at, page, PROT_WRITE), EACCES);
	assert_result(mprotect(at, page, PROT_READ), 0);
	/* What a debugger does, and system calls that were told to write there. */
	assert_true(pwrite(memory, "x", 1, (off_t)(uintptr_t)at) < 0);
	assert_fails(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), EFAULT);
	assert_fails(read(zero, at, 1), EFAULT);
	assert_fails(readv(zero, &remote, 1), EFAULT);
	assert_fails(madvise(at, page, MADV_DONTNEED), EINVAL);
	assert_int_equal(madvise(at, page, MADV_REMOVE), -1);
	assert_int_equal(madvise(at, page, 23 /* MADV_POPULATE_WRITE */), -1);
	/* Nobody gets a page to keep it. */
	assert_result(pipe(ends), 0);
	assert_fails(vmsplice(ends[1], &whole, 1, 0), EFAULT);
	close(ends[0]);
	close(ends[1]);
	close(memory);
	close(zero);
}

static void *by_no_road_in_a_child(void *at)
{
	demand(mprotect(at, getpagesize(), PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
	demand(!can_be_written(at));
	demand(!strcmp(area_of(at), "r--s"));
	return NULL;
}

static void by_no_road(void **state)
{
	const int accesses[] = { O_RDONLY, O_RDWR };
	const struct msgslot_map_head *other;
	struct msgslot_map_head *head;
	char before[128];
	size_t i, size;
	int fd;

	(void)state;
	for (i = 0; i < COUNT_OF(accesses); i++) {
		/* More than a page, or there would be no piece. */
		own_become("broadcast");
		assert_result(nodes_settle(), 0);
		fd = own_open_on(accesses[i], 5);
		head = (void *)map_of(fd);
		other = map_of(fd);
		size = head->size;
		assert_result(send_text(own_open(O_WRONLY), 5, "text"), 1);
		memcpy(before, head, sizeof(before));
		system_calls_refuse(head, size);
		assert_string_equal(area_of(head), "r--s");
		assert_false(can_be_written(head));
		assert_false(can_be_executed(head));
		child_run(NULL, by_no_road_in_a_child, head);
		assert_memory_equal(before, head, sizeof(before));
		/*
		 * The old way to turn pages around comes by mmap(), and may have it another page.
		 */
		(void)!remap_file_pages(head, getpagesize(), 0, 1, 0);
		assert_string_equal(area_of(head), "r--s");
		assert_false(can_be_written(head));
		assert_memory_equal(before, other, sizeof(before));
		assert_result(munmap(head, size), 0);
		unmap(other);
	}
}

/* For programs as old as that, what is readable is executable. */
static void *map_as_of_old(void *argument)
{
	void *before = argument, *now;
	int page = getpagesize();

	demand(personality(READ_IMPLIES_EXEC) >= 0);
	demand(mprotect(before, page, PROT_READ) == 0);
	demand(!strcmp(area_of(before), "r--s"));
	demand(!can_be_executed(before));
	/* But for what is in a filesystem where nothing is, as /dev is here and there. */
	now = map_try(own.files[0], page, PROT_READ, MAP_SHARED, 0);
	if (now == (void *)-1)
		demand(errno == EPERM);
	else
		demand(!strcmp(area_of(now), "r--s") && !can_be_executed(now));
	return NULL;
}

static void not_executable_for_old_programs(void **state)
{
	const struct msgslot_map_head *head = map_of(own_open_on(O_RDWR, 5));

	(void)state;
	child_run(NULL, map_as_of_old, (void *)head);
	unmap(head);
}

/* A debugger may write to what is read-only in its victim, but not to this. */
static void not_by_a_debugger(void **state)
{
	struct msgslot_map_head *head = (void *)map_of(own_open_on(O_RDWR, 5));
	struct iovec local = { "x", 1 }, remote = { head, 1 };
	char before[128], path[64];
	int status, memory;
	pid_t child;

	(void)state;
	memcpy(before, head, sizeof(before));
	child = fork();
	assert_works(child);
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_result(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_POKEDATA, child, head, -1L), -1);
	assert_fails(process_vm_writev(child, &local, 1, &remote, 1, 0), EFAULT);
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	memory = open(path, O_RDWR);
	assert_works(memory);
	assert_int_equal(pwrite(memory, "x", 1, (off_t)(uintptr_t)head), -1);
	/* It can write to its own text, so what was refused was this page. */
	assert_result(pwrite(memory, "\0", 1, (off_t)(uintptr_t) "literal" + 7), 1);
	close(memory);
	assert_memory_equal(before, head, sizeof(before));
	assert_result(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
	child_join(child);
	unmap(head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		own_slot_test(without_permission), own_slot_test(pieces),
		own_slot_test(by_no_road),	   own_slot_test(not_executable_for_old_programs),
		own_slot_test(not_by_a_debugger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
