// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls: processes of several threads make every system call there is on nodes of every
 * mode, with valid and invalid arguments (calls.h), while slots are created, destroyed and
 * configured, threads get signals, children are forked and die, and whole processes are killed.
 *
 * Held throughout: every call returns, and fails only with an error that is promised for it. At the
 * end nothing is left: cleared slots hold no message, channel or byte, and the module can be
 * unloaded. The harness judges the reports of a sanitizer kernel.
 *
 * MSGSLOT_SECONDS is the duration (10; on a busy machine it is longer, until every call worked
 * once). MSGSLOT_SEED repeats every caller's calls, but not their interleaving.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "judge.h"
#include "userfault.h"

#include "commands.h"
#include "slots.h"

enum { WORKERS = 3, THREADS = 3 };

static long call_fork(struct caller *c);

/* The promised errors. Of calls that may create a channel, and of calls that may sleep: */
#define MAKES ENOSPC, EDQUOT, ENOMEM
#define SLEEPS EAGAIN, EINTR
#define SENDS EMSGSIZE, EFAULT, EOPNOTSUPP, ESTALE, ETIMEDOUT, SLEEPS, MAKES

static const struct {
	const char *name;
	long (*call)(struct caller *c);
	unsigned int weight;
	bool never_works; /* it is promised to fail, or has no effect that counts */
	int errors[20];	  /* besides EBADF, ENODEV and EINVAL, which nearly all calls can return */
} calls[] = {
	{ "open", call_open, 20, false, { ENOENT, ENXIO, EACCES, EPERM, ENOMEM } },
	{ "close", call_close, 6, false, { EINTR } },
	{ "dup", call_dup, 4, false, { EMFILE } },
	{ "pass", call_pass, 2, false, { EAGAIN, ETOOMANYREFS, ENOBUFS, ENOMEM } },
	{ "select", call_select, 20, false, { MAKES } },
	{ "read", call_read, 30, false, { ENOBUFS, EFAULT, SLEEPS, MAKES } },
	{ "write", call_write, 40, false, { EMSGSIZE, EFAULT, SLEEPS, MAKES } },
	{ "readv", call_readv, 8, false, { ENOBUFS, EFAULT, EOPNOTSUPP, SLEEPS, MAKES } },
	{ "writev", call_writev, 8, false, { EMSGSIZE, EFAULT, EOPNOTSUPP, SLEEPS, MAKES } },
	{ "sendfile", call_sendfile, 4, false, { EMSGSIZE, EFAULT, SLEEPS, MAKES } },
	{ "position", call_position, 2, true, { ESPIPE } },
	{ "SEND", call_send, 40, false, { SENDS } },
	{ "RECV", call_recv, 50, false, { SENDS } },
	{ "SEND of many", call_send_many, 10, false, { SENDS } },
	{ "RECV of many", call_recv_many, 20, false, { SENDS } },
	{ "SEEK", call_seek, 8, false, { EFAULT, EOPNOTSUPP, MAKES } },
	{ "LISTEN", call_listen, 5, false, { EFAULT, EOPNOTSUPP, EINTR, MAKES } },
	{ "CLEAR", call_clear, 4, false, { EFAULT, ESTALE } },
	{ "INFO", call_info, 4, false, { EFAULT } },
	{ "WALK", call_walk, 6, false, { EFAULT, ENOMEM } },
	{ "GET_CHANNEL", call_get_channel, 4, false, { EFAULT } },
	{ "odd ioctl", call_odd_ioctl, 6, true, { E2BIG, ENOTTY, EPERM, ENOENT, SENDS } },
	{ "poll", call_poll, 10, false, { EINTR } },
	{ "epoll_ctl", call_epoll_ctl, 8, false, { EEXIST, ENOENT, EPERM, ENOMEM } },
	{ "epoll_wait", call_epoll_wait, 8, false, { EINTR } },
	{ "splice", call_splice, 3, true, { EAGAIN } },
	{ "mmap", call_mmap, 3, true, { EACCES, EPERM, EOPNOTSUPP, EOVERFLOW, MAKES } },
	{ "fcntl", call_fcntl, 6, false, { EPERM } },
	{ "other", call_other, 3, false, { ESPIPE, EOPNOTSUPP, EPERM, EAGAIN, EINTR } },
	{ "madvise", call_discard, 3, false, { EAGAIN } },
	{ "fork", call_fork, 1, false, { EAGAIN, ENOMEM } },
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* Shared by all processes. */
static struct {
	volatile bool stop;
	volatile uint64_t recent;
	uint64_t made[CALLS], worked[CALLS];
	const char *now[WORKERS][THREADS]; /* current call of a thread; NULL: it has ended */
	struct slots_counts slots;
} * all;

static bool is_promised(const int errors[20], int error)
{
	int i;

	if (error == EBADF || error == ENODEV || error == EINVAL)
		return true;
	for (i = 0; i < 20 && errors[i]; i++)
		if (errors[i] == error)
			return true;
	return false;
}

/* A random number for each (seed, n), which does not follow from those before it. */
static uint64_t mix(uint64_t seed, uint64_t n)
{
	uint64_t x = seed + (n + 1) * 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (x ^ (x >> 31)) | 1;
}

static void call_next(struct caller *c, const char **now)
{
	unsigned int total = 0, at, kind;
	long result;

	for (kind = 0; kind < CALLS; kind++)
		total += calls[kind].weight;
	c->state = mix(c->seed, c->count++);
	at = below(c, total);
	for (kind = 0; at >= calls[kind].weight; kind++)
		at -= calls[kind].weight;
	*now = calls[kind].name;
	result = calls[kind].call(c);
	__atomic_add_fetch(&all->made[kind], 1, __ATOMIC_RELAXED);
	if (result >= 0)
		__atomic_add_fetch(&all->worked[kind], 1, __ATOMIC_RELAXED);
	else if (!is_promised(calls[kind].errors, errno))
		complain("%s: %s; call %llu of caller %#llx", calls[kind].name, strerror(errno),
			 (unsigned long long)c->count - 1, (unsigned long long)c->seed);
}

/* A child inherits its parent's open files, and ends at a time that it does not choose. */
static long call_fork(struct caller *c)
{
	struct itimerval end = { .it_value.tv_usec = 1000 + below(c, paced(100000, 900000)) };
	const char *now;
	pid_t child;
	int left;

	if (c->forked)
		return 0;
	child = fork();
	if (child)
		return child;
	setitimer(ITIMER_REAL, &end, NULL);
	c->forked = true;
	c->seed = mix(c->seed, c->state);
	for (left = 30; left; left--)
		call_next(c, &now);
	_exit(0);
}

/* ---- processes ---------------------------------------------------------- */

static void noticed(int signal)
{
	(void)signal;
}

static struct work {
	uint64_t seed;
	const char **now;
	pthread_t thread;
} work[THREADS];

/* Memory with an inaccessible page behind it, which a call must not run into. */
static char *guarded(size_t size)
{
	char *map =
		mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || mprotect(map + size, 4096, PROT_NONE))
		_exit(1);
	return map;
}

/*
 * This thread brings back the pages that call_discard() took, mostly at once: until then a call
 * that accesses one sleeps, wherever in the kernel it is.
 */
static void *bring_pages(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	struct uffd_msg message;

	for (;;) {
		if (read(process.late, &message, sizeof(message)) != sizeof(message))
			continue;
		if (random_below(&seed, 20) == 0)
			usleep(random_below(&seed, 20000));
		(void)userfault_bring(process.late, message.arg.pagefault.address & -4096UL, 4096);
	}
	return NULL;
}

static bool make_late(void *memory, size_t size, uint64_t seed)
{
	pthread_t thread;

	process.late = userfault_open(memory, size, 0);
	return process.late >= 0 &&
	       !pthread_create(&thread, NULL, bring_pages, (void *)(uintptr_t)seed);
}

static void *work_run(void *argument)
{
	struct work *w = argument;
	struct caller c = { .seed = w->seed, .edge = guarded(EDGE), .recent = &all->recent };

	while (!all->stop && !judge->complained)
		call_next(&c, w->now);
	*w->now = NULL;
	return NULL;
}

static void process_run(int number, uint64_t seed)
{
	const struct sigaction interrupts = { .sa_handler = noticed };
	const struct sigaction restarts = { .sa_handler = noticed, .sa_flags = SA_RESTART };
	bool busy = true;
	int i;

	process.memory = guarded(MEMORY);
	if (!make_late(process.memory, MEMORY, seed))
		_exit(1);
	/* Every other process runs as a user that has only a share of the slot. */
	if (number % 2 && become_user("member"))
		_exit(1);
	sigaction(SIGUSR1, &interrupts, NULL);
	sigaction(SIGUSR2, &restarts, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (i = 0; i < FILES; i++)
		process.files[i] = -1;
	process.read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	process.epoll = epoll_create1(EPOLL_CLOEXEC);
	process.source = memfd_create("source", MFD_CLOEXEC);
	if (process.source < 0 || ftruncate(process.source, MEMORY) ||
	    process.read_only == MAP_FAILED || process.epoll < 0 ||
	    pipe2(process.pipe, O_NONBLOCK | O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, process.socket))
		_exit(1);

	for (i = 0; i < THREADS; i++) {
		work[i].now = &all->now[number][i];
		*work[i].now = "start";
		work[i].seed = mix(seed, i);
		if (pthread_create(&work[i].thread, NULL, work_run, &work[i]))
			_exit(1);
	}
	/* Signals interrupt calls that would sleep for ever, and all other calls too. */
	while (busy) {
		usleep(2000 + random_below(&seed, 20000));
		for (busy = false, i = 0; i < THREADS; i++)
			if (*(const char *volatile *)work[i].now) {
				busy = true;
				pthread_kill(work[i].thread,
					     random_below(&seed, 4) ? SIGUSR1 : SIGUSR2);
			}
	}
	_exit(0);
}

static pid_t workers[WORKERS], manager;
static uint64_t generation;

static void process_start(int number, uint64_t seed)
{
	workers[number] = fork();
	if (workers[number] == 0)
		process_run(number, mix(seed, generation));
	generation++;
}

static void manager_start(uint64_t seed)
{
	manager = fork();
	if (manager)
		return;
	while (!all->stop && !judge->complained) {
		const char *complaint = slots_change(&seed, &all->slots);

		if (complaint)
			complain("%s: %s", complaint, strerror(errno));
		usleep(random_below(&seed, 20000));
	}
	_exit(0);
}

/* Reaps all processes that ended, including orphans of killed ones. Returns how many are left. */
static int reap(void)
{
	int status, left = 0, i;
	pid_t child;

	while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
		    WTERMSIG(status) != SIGALRM)
			complain("a process was ended by signal %d", WTERMSIG(status));
		else if (WIFEXITED(status) && WEXITSTATUS(status))
			complain("a process gave up");
		for (i = 0; i < WORKERS; i++)
			if (child == workers[i])
				workers[i] = 0;
		if (child == manager)
			manager = 0;
	}
	for (i = 0; i < WORKERS; i++)
		left += workers[i] != 0;
	return left + (manager != 0) + (child == 0);
}

/* Every process must end by itself; otherwise the calls that do not return are printed. */
static bool all_end(void)
{
	double deadline = seconds_now() + paced(60, 600);
	int i, j;

	all->stop = true;
	while (reap()) {
		if (seconds_now() < deadline) {
			usleep(10000);
			continue;
		}
		for (i = 0; i < WORKERS; i++)
			for (j = 0; workers[i] && j < THREADS; j++)
				printf("# process %d, thread %d: in %s\n", i, j,
				       all->now[i][j] ? all->now[i][j] : "no call");
		return false;
	}
	return true;
}

static bool everything_worked(void)
{
	int i;

	for (i = 0; i < CALLS; i++)
		if (!all->made[i] || (!all->worked[i] && !calls[i].never_works))
			return false;
	return all->slots.created && all->slots.destroyed && all->slots.configured;
}

int main(void)
{
	const char *wanted = getenv("MSGSLOT_SECONDS");
	double seconds = wanted && atof(wanted) > 0 ? atof(wanted) : 10, until;
	uint64_t seed = seed_get(), state = mix(seed, 1);
	bool ended, clean, restored;
	int i, failed = 0, killed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	all = shared_new(sizeof(*all));
	if (!all || !judge_begin() || (!module_is_loaded() && module_restore()) ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	manager_start(mix(seed, 2));
	for (i = 0; i < WORKERS; i++)
		process_start(i, mix(seed, 3));
	until = seconds_now() + seconds;
	while (!judge->complained &&
	       (seconds_now() < until || (!everything_worked() && seconds_now() < until + 240))) {
		usleep(paced(100000, 1000000));
		i = random_below(&state, 4 * WORKERS);
		if (i < WORKERS && workers[i]) {
			kill(workers[i], SIGKILL);
			waitpid(workers[i], NULL, 0);
			process_start(i, mix(seed, 3));
			killed++;
		}
		reap();
	}
	ended = all_end();
	clean = ended && slots_are_clean();
	restored = ended && module_restore() == 0 && slot_exists(3) && !slot_exists(MINOR_FIRST);

	printf("# processes killed: %d; slots created %ld, destroyed %ld, configured %ld\n# worked:",
	       killed, all->slots.created, all->slots.destroyed, all->slots.configured);
	for (i = 0; i < CALLS; i++)
		printf("%s %s %llu of %llu", i ? "," : "", calls[i].name,
		       (unsigned long long)all->worked[i], (unsigned long long)all->made[i]);
	printf("\n1..5\n");
	if (judge->complained)
		printf("# %s\n", judge->complaint);
	failed += tap(1, !judge->complained, "calls fail as promised");
	failed += tap(2, ended, "every call returns");
	failed += tap(3, everything_worked(), "every kind of call worked at least once");
	failed += tap(4, clean, "cleared slots hold no message, channel or byte");
	failed += tap(5, restored, "the module can go, and is back as it was");
	return failed != 0;
}
