// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leases by worker processes that are killed and stopped at random, beside writers, readers that
 * take, and clears: every job is worked on; more often than once only as often as its lease came
 * back; never again once it is done; and nothing is left behind.  Where no worker dies or gives
 * back, each is worked on exactly once.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "batch.h"
#include "lease.h"

enum { CHANNELS = 3, WRITERS = 2, WORKERS = 4, MOST = 8192, LONG = 700 };
enum { LEASE = MSGSLOT_RECV_LEASE };

/* What befalls the workers of a run. */
enum { CALM, DEATHS, CLEARS };

/*
 * A message of a channel: it was sent; how often a worker got it, began with it, and was told that
 * it is done.  Numbers may be left out, where a channel was forgotten meanwhile.
 */
struct job {
	unsigned char sent, leased, begun, done;
};

static struct {
	long rounds;
	int danger;
	unsigned int stop;
	unsigned int many;
	struct job jobs[CHANNELS + 1][MOST + 1];
} * run;

/* A worker; what it has leased is in the batch, as a header and its message each. */
struct worker {
	int fd;
	uint64_t seed;
	uint64_t newest[CHANNELS + 1];
	struct batch batch;
};

static void count(unsigned char *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

static unsigned char counted(const unsigned char *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static bool has_stopped(void)
{
	return __atomic_load_n(&run->stop, __ATOMIC_ACQUIRE);
}

/* ---- writers, and readers that take ---------------------------------------------------------- */

static void *writes(void *argument)
{
	uint64_t seed = (uintptr_t)argument;
	int fd = slot_open(OWN, O_WRONLY);
	char text[LONG] = "";
	long i;

	demand(fd >= 0);
	for (i = 0; i < run->rounds; i++) {
		unsigned int id = 1 + random_below(&seed, CHANNELS);
		struct msgslot_send send = send_of(id, text, random_below(&seed, 8) ? 16 : LONG);

		memset(text, '0' + id, sizeof(text));
		send.timeout = -1;
		demand(ioctl(fd, MSGSLOT_SEND, &send) == 0);
		demand(send.sequence <= MOST);
		count(&run->jobs[id][send.sequence].sent);
		if (run->danger == CLEARS && random_below(&seed, 40) == 0)
			demand(clear_channel(fd, id) >= 0);
	}
	close(fd);
	return NULL;
}

/* Receives into the batch, one message or several: how many; 0: none came; -1. */
static long receive(struct worker *w, unsigned int flags, uint64_t *delivered)
{
	struct msgslot_header *header = (void *)w->batch.bytes;
	struct msgslot_recv recv =
		recv_of(1 + random_below(&w->seed, CHANNELS), flags, header + 1, LONG);
	long got;

	recv.timeout = MILLISECOND * random_below(&w->seed, 5);
	if (flags & MANY) {
		recv.message = (uintptr_t)header;
		recv.size = HEADER + LONG + random_below(&w->seed, 4000);
	}
	got = ioctl(w->fd, MSGSLOT_RECV, &recv);
	if (got < 0)
		return errno == ETIMEDOUT || errno == EAGAIN ? 0 : -1;
	w->batch.size = recv.length;
	*delivered = flags & LEASE && !(flags & MANY) ? recv.delivered : UINT8_MAX;
	if (flags & MANY)
		return got;
	*header = (struct msgslot_header){ .size = HEADER,
					   .length = recv.length,
					   .channel = recv.channel,
					   .sequence = recv.sequence };
	w->batch.size = HEADER + recv.length;
	return 1;
}

static unsigned int random_flags(struct worker *w)
{
	return (random_below(&w->seed, 2) ? RANGE : 0) | (random_below(&w->seed, 3) ? 0 : MANY);
}

static void *job_look(const struct msgslot_header *header, struct job **job)
{
	const char *text = (const void *)(header + 1);

	demand(header->channel >= 1 && header->channel <= CHANNELS);
	demand(header->sequence >= 1 && header->sequence <= MOST);
	demand(header->length == 16 || header->length == LONG);
	demand(text[0] == (char)('0' + header->channel) && text[header->length - 1] == text[0]);
	*job = &run->jobs[header->channel][header->sequence];
	demand(counted(&(*job)->done) == 0);
	return NULL;
}

static void *takes(void *argument)
{
	struct worker w = { .seed = (uintptr_t)argument, .fd = slot_open(OWN, O_RDONLY) };
	uint64_t unused;

	demand(w.fd >= 0 && listen_to(w.fd, 1, CHANNELS, 0) == 0);
	while (!has_stopped()) {
		const struct msgslot_header *header = NULL;
		long n = receive(&w, random_flags(&w), &unused);
		struct job *job;
		void *wrong;

		demand(n >= 0);
		while (n--) {
			header = batch_next(&w.batch, header);
			wrong = job_look(header, &job);
			if (wrong)
				return wrong;
			count(&job->begun);
			count(&job->done);
		}
		usleep(random_below(&w.seed, 10000));
	}
	close(w.fd);
	return NULL;
}

/* ---- workers --------------------------------------------------------------------------------- */

/*
 * A job that was leased just now, for the first time after it came back @delivered times.  While it
 * is leased no other process can count.
 */
static void *work_begin(struct worker *w, const struct msgslot_header *header, uint64_t delivered)
{
	struct job *job;
	void *wrong = job_look(header, &job);

	if (wrong)
		return wrong;
	demand(counted(&job->leased) <= (run->danger == CALM ? 0 : delivered));
	/* What never came back leaves the channel in order. */
	if (delivered == 0) {
		demand(header->sequence > w->newest[header->channel]);
		w->newest[header->channel] = header->sequence;
	}
	count(&job->leased);
	count(&job->begun);
	return NULL;
}

static void *work_end(struct worker *w, const struct msgslot_header *header)
{
	struct job *job = &run->jobs[header->channel][header->sequence];
	unsigned int chance = random_below(&w->seed, 8);

	if (run->danger != CALM && chance == 0)
		return NULL; /* until the file is closed */
	if (run->danger != CALM && chance == 1) {
		demand(!lease_return(w->fd, header->channel, header->sequence) ||
		       (run->danger == CLEARS && errno == ESTALE));
		return NULL;
	}
	if (!lease_done(w->fd, header->channel, header->sequence)) {
		demand(counted(&job->done) == 0);
		count(&job->done);
	} else {
		demand(run->danger == CLEARS && errno == ESTALE);
	}
	demand(lease_done(w->fd, header->channel, header->sequence) == -1 && errno == ESTALE);
	return NULL;
}

static void *work(struct worker *w)
{
	const struct msgslot_header *header = NULL;
	void *wrong = NULL;
	uint64_t delivered;
	long got = receive(w, random_flags(w) | LEASE, &delivered), n;

	demand(got >= 0);
	if (got > 1)
		__atomic_fetch_add(&run->many, 1, __ATOMIC_RELAXED);
	for (n = 0; n < got && !wrong; n++) {
		header = batch_next(&w->batch, header);
		wrong = work_begin(w, header, delivered);
	}
	for (n = 0, header = NULL; n < got && !wrong; n++) {
		header = batch_next(&w->batch, header);
		wrong = work_end(w, header);
	}
	return wrong;
}

static void *works(void *argument)
{
	struct worker *w = calloc(1, sizeof(*w));
	void *wrong = NULL;
	int n;

	demand(w);
	w->seed = (uintptr_t)argument;
	while (!wrong && !has_stopped()) {
		w->fd = slot_open(OWN, O_RDWR);
		demand(w->fd >= 0);
		demand(listen_to(w->fd, 1, CHANNELS,
				 random_below(&w->seed, 2) ? MSGSLOT_LISTEN_LOWEST : 0) == 0);
		for (n = random_below(&w->seed, 20); n && !wrong && !has_stopped(); n--)
			wrong = work(w);
		close(w->fd);
	}
	return wrong;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static pid_t child_begin(void *(*runs)(void *), uint64_t *seed)
{
	return child_start(NULL, runs, (void *)(uintptr_t)(random_next(seed) | 1));
}

/* Something happens to a worker: it stops for a while, or dies, and another begins. */
static void befall(pid_t *worker, uint64_t *seed)
{
	usleep(random_below(seed, 4000));
	if (random_below(seed, 4) == 0) {
		assert_result(kill(*worker, SIGSTOP), 0);
		usleep(random_below(seed, 4000));
		assert_result(kill(*worker, SIGCONT), 0);
		return;
	}
	/* One that ended by itself has a complaint. */
	assert_result(waitpid(*worker, NULL, WNOHANG), 0);
	assert_result(kill(*worker, SIGKILL), 0);
	assert_result(waitpid(*worker, NULL, 0), *worker);
	*worker = child_begin(works, seed);
}

static void assert_worked(void)
{
	unsigned int id, i;
	long sent = 0;

	for (id = 1; id <= CHANNELS; id++)
		for (i = 1; i <= MOST; i++) {
			const struct job *job = &run->jobs[id][i];

			assert_in_range(job->sent, 0, 1);
			sent += job->sent;
			if (run->danger != CLEARS && job->sent && !job->begun)
				fail_msg("channel %u: job %u was left out", id, i);
			if (run->danger == CALM)
				assert_int_equal(job->begun, job->sent);
		}
	assert_int_equal(sent, WRITERS * run->rounds);
}

static void run_once(int danger, uint64_t *seed)
{
	pid_t writers[WRITERS], workers[WORKERS], taker;
	int i, status, writing = WRITERS;

	own_become("queue");
	assert_result(slot_set(OWN, "max_message", LONG), 0);
	assert_result(slot_set(OWN, "depth", 16), 0);
	memset(run, 0, sizeof(*run));
	run->danger = danger;
	run->rounds = scaled(MOST / WRITERS, 200);
	for (i = 0; i < WORKERS; i++)
		workers[i] = child_begin(works, seed);
	taker = child_begin(takes, seed);
	for (i = 0; i < WRITERS; i++)
		writers[i] = child_begin(writes, seed);
	while (writing) {
		if (danger != CALM)
			befall(&workers[random_below(seed, WORKERS)], seed);
		if (waitpid(writers[writing - 1], &status, danger == CALM ? 0 : WNOHANG)) {
			assert_int_equal(status, 0);
			writing--;
		}
	}
	await(slot_get(OWN, "messages") == 0);
	__atomic_store_n(&run->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < WORKERS; i++)
		child_join(workers[i]);
	child_join(taker);
	assert_worked();
	assert_true(run->many > 0);
	assert_result(slot_get(OWN, "leased"), 0);
	assert_result(slot_get(OWN, "channels"), 0);
	assert_result(slot_get(OWN, "bytes"), 0);
}

static void each_job_is_done(void **state)
{
	uint64_t seed = seed_get();
	int danger;

	(void)state;
	run = shared_for_test(sizeof(*run));
	for (danger = CALM; danger <= CLEARS; danger++)
		run_once(danger, &seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { lease_test(each_job_is_done) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
