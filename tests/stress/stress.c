// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything at once: processes and threads that open, select, write, read, poll, epoll, fork and
 * close, on slots that are created and destroyed through sysfs, while the module's unloading is
 * tried all the time. Now and then all of them close everything, so that unloading succeeds; then
 * the module is loaded again.
 *
 * Held throughout: a message is whole, and is read on the slot and channel it was written to; a
 * call fails only with an error that is promised. The harness judges the reports of a sanitizer
 * kernel.
 *
 * MSGSLOT_SECONDS is the duration (10; on a busy machine it is longer, until everything happened
 * once). MSGSLOT_SEED repeats the random choices, but not their interleaving.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "judge.h"

enum {
	PROCESSES = 2,
	THREADS = 3,	 /* in each process */
	OWN_FIRST = 220, /* slots that are created and destroyed; 0..3 come with the module */
	OWN_COUNT = 4,
	SHORT_MAX = 128,
	LONG_MAX = 20000, /* the longest message of some of these slots */
};

/* Shared by all processes. */
static struct {
	volatile bool stop;
	volatile bool lull; /* close everything */
	long opens, selects, writes, reads, maps, polls, forks, created, destroyed, refused,
		unloaded;
} * all;

#define count(what) __atomic_add_fetch(&all->what, 1, __ATOMIC_RELAXED)

/* A message names where it belongs; its other bytes follow from its head. */
struct head {
	uint32_t minor, id, length, seed;
};

static void message_fill(unsigned char *message, const struct head *head)
{
	uint32_t i;

	for (i = sizeof(*head); i < head->length; i++)
		message[i] = head->seed + i * 7;
	memcpy(message, head, sizeof(*head));
}

/* id 0: written through a shared file, whose channel is not known for sure. */
static void message_check(const unsigned char *message, size_t length, uint32_t minor, uint32_t id)
{
	struct head head;
	uint32_t i;

	memcpy(&head, message, sizeof(head));
	if (length < sizeof(head) || head.length != length)
		complain("a message of %zu bytes says it has %u", length, head.length);
	else if (head.minor != minor)
		complain("a message for slot %u in slot %u", head.minor, minor);
	else if (id && head.id && head.id != id)
		complain("a message for channel %u in channel %u", head.id, id);
	else
		for (i = sizeof(head); i < length; i++)
			if (message[i] != (unsigned char)(head.seed + i * 7)) {
				complain("a torn message: %u of %zu bytes", i, length);
				break;
			}
}

/* One open file as its user knows it. */
struct session {
	uint64_t *seed;
	int fd, epoll;
	uint32_t minor, id; /* id 0: shared, or not selected */
	bool selected;	    /* known for sure */
	bool shared;	    /* with other threads or a child, which select too */
};

static __thread unsigned char bytes[2 * LONG_MAX];

static void do_select(struct session *s)
{
	uint32_t id = 1 + random_below(s->seed, 5);

	if (random_below(s->seed, 8) == 0)
		id = (1 + random_below(s->seed, 1000)) * 4000037u;
	if (slot_select(s->fd, id) == 0) {
		s->id = s->shared ? 0 : id;
		s->selected = true;
		count(selects);
	} else {
		expect("select", ENODEV, 0);
	}
}

static void do_write(struct session *s)
{
	struct head head = { s->minor, s->id, 0, random_next(s->seed) };
	struct iovec parts[2];
	ssize_t result;

	head.length = sizeof(head) + random_below(s->seed, SHORT_MAX - sizeof(head) + 1);
	if (random_below(s->seed, 8) == 0)
		head.length = sizeof(head) + random_below(s->seed, LONG_MAX - sizeof(head) + 1);
	message_fill(bytes, &head);
	parts[0].iov_base = bytes;
	parts[0].iov_len = random_below(s->seed, head.length);
	parts[1].iov_base = bytes + parts[0].iov_len;
	parts[1].iov_len = head.length - parts[0].iov_len;
	switch (random_below(s->seed, 8)) {
	case 0:
		result = writev(s->fd, parts, 2);
		break;
	case 1:
		/* This message must never be read. */
		parts[1].iov_base = (void *)16;
		result = writev(s->fd, parts, 2);
		if (result >= 0)
			complain("half a message was taken");
		if (errno == EFAULT)
			return;
		break;
	default:
		result = write(s->fd, bytes, head.length);
	}
	if (result == (ssize_t)head.length)
		count(writes);
	else if (result >= 0)
		complain("a write of %u bytes is %zd", head.length, result);
	else
		expect("write", ENODEV, s->selected ? ENODEV : EINVAL,
		       head.length > SHORT_MAX ? EMSGSIZE : ENODEV, 0);
}

static void do_read(struct session *s)
{
	size_t size = random_below(s->seed, 4) ? sizeof(bytes) : random_below(s->seed, 256);
	struct iovec parts[] = { { bytes, size / 3 }, { bytes + size / 3, size - size / 3 } };
	ssize_t result;

	if (random_below(s->seed, 4) == 0 && size)
		result = readv(s->fd, parts, 2);
	else
		result = read(s->fd, bytes, size);
	if (result >= 0) {
		count(reads);
		message_check(bytes, result, s->minor, s->id);
	} else {
		expect("read", ENODEV, EAGAIN, ENOSPC, s->selected ? ENODEV : EINVAL, 0);
	}
}

/* A timeout in milliseconds, mostly 0, to leave time for the other threads. */
static int a_moment(struct session *s)
{
	return random_below(s->seed, 4) ? 0 : random_below(s->seed, 4);
}

static void do_poll(struct session *s)
{
	struct pollfd one = { .fd = s->fd, .events = POLLIN };

	if (poll(&one, 1, a_moment(s)) < 0)
		expect("poll", EINTR, 0);
	else if (one.revents & ~(POLLIN | POLLHUP | POLLERR))
		complain("poll says %#x", one.revents);
	count(polls);
}

static void do_epoll(struct session *s)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (s->epoll < 0) {
		s->epoll = epoll_create1(EPOLL_CLOEXEC);
		if (random_below(s->seed, 2))
			event.events |= EPOLLET;
		if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->fd, &event))
			expect("epoll_ctl", 0);
	}
	if (epoll_wait(s->epoll, &event, 1, a_moment(s)) < 0)
		expect("epoll_wait", EINTR, 0);
	count(polls);
}

/* The mapping outlives the slot's destruction, and may be the last reference to the file. */
static void do_map(struct session *s)
{
	const struct msgslot_map_head *head;
	size_t size = getpagesize();
	__u64 sequence = 0;
	long length;

	/* The head gives the size of the whole mapping. */
	head = mmap(NULL, size, PROT_READ, MAP_SHARED, s->fd, 0);
	if (head != MAP_FAILED) {
		size = head->size;
		munmap((void *)head, getpagesize());
		head = mmap(NULL, size, PROT_READ, MAP_SHARED, s->fd, 0);
	}
	if (head == MAP_FAILED) {
		expect("mmap", ENODEV, s->selected ? ENODEV : EINVAL, 0);
		return;
	}
	length = msgslot_map_copy(head, &sequence, bytes, sizeof(bytes));
	if (length > 0)
		message_check(bytes, length, s->minor, s->id);
	munmap((void *)head, size);
	count(maps);
}

static void do_something(struct session *s)
{
	switch (random_below(s->seed, 16)) {
	case 0 ... 2:
		do_select(s);
		break;
	case 3 ... 7:
		do_write(s);
		break;
	case 8 ... 12:
		do_read(s);
		break;
	case 13:
		do_map(s);
		break;
	case 14:
		do_poll(s);
		break;
	default:
		do_epoll(s);
	}
}

/* A child uses the file it inherited, and may hold the last reference to it. */
static void do_fork(struct session *s)
{
	pid_t child;
	int i;

	s->shared = true;
	s->id = 0;
	child = fork();
	if (child < 0)
		return;
	if (child == 0) {
		*s->seed ^= getpid();
		for (i = 0; i < 20; i++)
			do_something(s);
		_exit(0);
	}
	count(forks);
	for (i = random_below(s->seed, 30); i > 0; i--)
		do_something(s);
	waitpid(child, NULL, 0);
}

static void session_run(struct session *s)
{
	int left = 1 + random_below(s->seed, 300);

	s->epoll = -1;
	while (left-- && !all->stop && !all->lull && !judge->complained) {
		if (random_below(s->seed, 500) == 0)
			do_fork(s);
		else
			do_something(s);
	}
	/* In either order: the epoll is closed before the file, or after it. */
	if (s->epoll >= 0 && random_below(s->seed, 2)) {
		close(s->epoll);
		s->epoll = -1;
	}
	close(s->fd);
	if (s->epoll >= 0)
		close(s->epoll);
}

/* One file of each process is shared by its threads: each uses a descriptor of its own to it. */
static pthread_mutex_t common_lock = PTHREAD_MUTEX_INITIALIZER;
static int common = -1;
static uint32_t common_minor;

static bool session_begin(struct session *s)
{
	bool make_common = false;

	s->minor = random_below(s->seed, 2) ? random_below(s->seed, 4) :
					      OWN_FIRST + random_below(s->seed, OWN_COUNT);
	s->id = 0;
	s->selected = s->shared = false;
	if (random_below(s->seed, 3) == 0) {
		pthread_mutex_lock(&common_lock);
		s->fd = common;
		s->minor = common >= 0 ? common_minor : s->minor;
		if (common >= 0 && random_below(s->seed, 4))
			s->fd = dup(common);
		else
			common = -1; /* this thread uses it last */
		make_common = s->fd < 0;
		pthread_mutex_unlock(&common_lock);
		s->shared = true;
	}
	if (!s->shared || make_common) {
		s->fd = slot_open(s->minor, O_RDWR | (random_below(s->seed, 2) ? O_NONBLOCK : 0));
		if (s->fd < 0) {
			expect("open", ENOENT, ENXIO, 0);
			return false;
		}
		count(opens);
	}
	if (make_common) {
		pthread_mutex_lock(&common_lock);
		if (common < 0) {
			common = dup(s->fd);
			common_minor = s->minor;
		}
		pthread_mutex_unlock(&common_lock);
	}
	return true;
}

static void *work(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	struct session session = { .seed = &seed };

	while (!all->stop && !judge->complained) {
		if (all->lull) {
			pthread_mutex_lock(&common_lock);
			if (common >= 0)
				close(common);
			common = -1;
			pthread_mutex_unlock(&common_lock);
			usleep(2000);
		} else if (session_begin(&session)) {
			session_run(&session);
		} else {
			usleep(1000);
		}
	}
	return NULL;
}

/* This process exits with its files open: the kernel closes them. */
static void work_in_threads(uint64_t seed)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(seed + 2 * i));
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

static void *come_and_go(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	int minor, left;

	while (!all->stop) {
		minor = OWN_FIRST + random_below(&seed, OWN_COUNT);
		if (slot_create(minor, "last") == 0) {
			count(created);
			/* It fails if another process opened or destroyed the slot first. */
			if (random_below(&seed, 2) && slot_set(minor, "max_message", LONG_MAX))
				expect("max_message", EBUSY, ENOENT, ENODEV, 0);
		} else {
			expect("create", EEXIST, EBUSY, ENOENT, ENODEV, 0);
		}
		for (left = random_below(&seed, 20); left; left--) {
			/* Attributes may be read while their slot is destroyed. */
			slot_get(OWN_FIRST + random_below(&seed, OWN_COUNT), "messages");
			slot_get(random_below(&seed, 4), "bytes");
		}
		usleep(random_below(&seed, 50000));
		minor = OWN_FIRST + random_below(&seed, OWN_COUNT);
		if (slot_destroy(minor) == 0)
			count(destroyed);
		else
			expect("destroy", ENODEV, ENOENT, 0);
	}
	return NULL;
}

static void *unload_and_load(void *unused)
{
	long opened;

	(void)unused;
	while (!all->stop) {
		if (module_unload() == 0) {
			count(unloaded);
			if (module_load("")) {
				complain("loading: %s", strerror(errno));
				break;
			}
			/*
			 * Waits until the new module is used, as it would be unloaded before that.
			 */
			opened = all->opens;
			while (all->opens < opened + 3 && !all->stop)
				usleep(1000);
		} else {
			count(refused);
			expect("unload", EWOULDBLOCK, EBUSY, 0);
		}
		usleep(1000);
	}
	return NULL;
}

static bool everything_happened(void)
{
	return all->writes && all->reads && all->maps && all->created && all->destroyed &&
	       all->refused && all->unloaded;
}

int main(void)
{
	const char *wanted = getenv("MSGSLOT_SECONDS");
	double seconds = wanted && atof(wanted) > 0 ? atof(wanted) : 10, until;
	uint64_t seed = seed_get() | 1;
	pthread_t helpers[3];
	pid_t workers[PROCESSES];
	int i, status, failed = 0, orderly = 1, restored;

	setvbuf(stdout, NULL, _IOLBF, 0);
	all = shared_new(sizeof(*all));
	if (!all || !judge_begin() || (!module_is_loaded() && module_restore())) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	for (i = 0; i < PROCESSES; i++) {
		workers[i] = fork();
		if (workers[i] == 0)
			work_in_threads(seed + 100 * (i + 1));
	}
	pthread_create(&helpers[0], NULL, come_and_go, (void *)(uintptr_t)(seed + 1000));
	pthread_create(&helpers[1], NULL, come_and_go, (void *)(uintptr_t)(seed + 1002));
	pthread_create(&helpers[2], NULL, unload_and_load, NULL);

	until = seconds_now() + seconds;
	while (!judge->complained &&
	       (seconds_now() < until || (!everything_happened() && seconds_now() < until + 240))) {
		long before = all->unloaded;
		double deadline;

		usleep(paced(2000000, 5000000));
		all->lull = true;
		deadline = seconds_now() + paced(5, 60);
		while (all->unloaded == before && !judge->complained && seconds_now() < deadline)
			usleep(1000);
		all->lull = false;
		printf("# opened %ld, selected %ld, written %ld, read %ld, mapped %ld, polled %ld, "
		       "forked %ld\n",
		       all->opens, all->selects, all->writes, all->reads, all->maps, all->polls,
		       all->forks);
	}
	all->stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(helpers[i], NULL);
	for (i = 0; i < PROCESSES; i++)
		orderly &= waitpid(workers[i], &status, 0) == workers[i] && status == 0;
	restored = module_restore() == 0 && slot_exists(3) && !slot_exists(OWN_FIRST);

	printf("# slots created %ld, destroyed %ld; unloading refused %ld times, done %ld times\n",
	       all->created, all->destroyed, all->refused, all->unloaded);
	printf("1..4\n");
	if (judge->complained)
		printf("# %s\n", judge->complaint);
	failed += tap(1, !judge->complained, "messages are whole, errors as promised");
	failed += tap(2, orderly, "processes end in order");
	failed += tap(3, everything_happened(), "everything happened at least once");
	failed += tap(4, restored, "the module is back as it was");
	return failed != 0;
}
