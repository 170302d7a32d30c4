/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages that are accounted for: each names its writer, channel and number, and its arrival is
 * noted.
 *
 * A writer numbers its messages on each channel from 0, and advances to the next number only when a
 * call has reported that the message is sent. So the numbers of one writer on one channel have no
 * gap, whatever calls failed, were interrupted or timed out. Only for the last number of a killed
 * writer it is not known whether the message was sent.
 */
#ifndef MSGSLOT_TESTS_STRESS_FLOW_H
#define MSGSLOT_TESTS_STRESS_FLOW_H

#include "judge.h"
#include "late-page.h"

enum {
	CHANNELS = 3,	 /* 0 to 2 */
	WRITERS = 64,	 /* in a round, including those that replace killed ones */
	NUMBERS = 32768, /* of a writer on a channel, in a round */
	LENGTH = 4096,
};

enum kind { QUEUE, BLOCK, DROP, KINDS };

static const char *const kind_modes[] = { "queue", "broadcast", "broadcast" };
static const char *const kind_overflows[] = { "block", "block", "drop" };

/* Of the current round; shared by all processes. */
static struct round {
	volatile bool writers_stop, readers_stop;
	uint32_t sent[KINDS][WRITERS][CHANNELS];   /* the writer's next number */
	uint8_t taken[WRITERS][CHANNELS][NUMBERS]; /* how often each was taken from the queue */
	uint32_t clears[KINDS][CHANNELS];	   /* how many were begun */
} * round;

/* Events of the whole run; shared as well. */
static struct {
	long writes, sends, reads, recvs, peeked, forwarded, refused, told, seeks, replays, polls;
	long timeouts, interrupts, gone, late;
} * happened;

#define happens(what) __atomic_add_fetch(&happened->what, 1, __ATOMIC_RELAXED)

struct head {
	uint32_t length, kind, writer, channel, number;
};

static inline unsigned char message_byte(const struct head *head, uint32_t i)
{
	return head->writer * 31 + head->number * 7 + i;
}

static inline void message_fill(unsigned char *message, const struct head *head)
{
	uint32_t i;

	for (i = sizeof(*head); i < head->length; i++)
		message[i] = message_byte(head, i);
	memcpy(message, head, sizeof(*head));
}

/* Checks that the message is whole and belongs to this slot and channel. */
static inline bool message_check(struct head *head, const unsigned char *message, size_t length,
				 enum kind kind, uint32_t channel)
{
	uint32_t i;

	memcpy(head, message, sizeof(*head));
	if (length < sizeof(*head) || head->length != length)
		complain("a message of %zu bytes says it has %u", length, head->length);
	else if (head->kind != kind || head->channel != channel)
		complain("a message of slot %u, channel %u came in slot %u, channel %u", head->kind,
			 head->channel, kind, channel);
	else if (head->writer >= WRITERS || head->number >= NUMBERS)
		complain("a message that nobody sent");
	else
		for (i = sizeof(*head); i < length; i++)
			if (message[i] != message_byte(head, i)) {
				complain("a torn message: %u of %zu bytes", i, length);
				return false;
			}
	return !judge->complained;
}

/* ---- a writer -------------------------------------------------------------- */

static inline void writer_run(enum kind kind, int minor, uint32_t writer, uint64_t seed)
{
	const int64_t timeouts[] = { 0, 1000000, 20000000, -1, -1 };
	unsigned char message[LENGTH];
	struct head head = { .kind = kind, .writer = writer };
	int fd = slot_open(minor, O_WRONLY | (random_below(&seed, 4) ? 0 : O_NONBLOCK));
	struct msgslot_send s;
	uint32_t *number;
	bool sent;

	while (fd >= 0 && !round->writers_stop && !judge->complained) {
		head.channel = random_below(&seed, CHANNELS);
		number = &round->sent[kind][writer][head.channel];
		if (*number == NUMBERS)
			break;
		head.number = *number;
		head.length =
			sizeof(head) + random_below(&seed, random_below(&seed, 8) ? 100 : 3000);
		message_fill(message, &head);
		if (random_below(&seed, 2)) {
			s = (struct msgslot_send){
				.channel = head.channel,
				.message = (uintptr_t)message,
				.length = head.length,
				.timeout = timeouts[random_below(&seed, 5)],
			};
			/* Now and then an invalid pointer: this message must never arrive. */
			if (random_below(&seed, 16) == 0)
				s.message = 16;
			sent = ioctl(fd, MSGSLOT_SEND, &s) == 0;
			if (sent && s.message == 16)
				complain("a message was sent from nowhere");
			if (!sent)
				expect("SEND", EAGAIN, ETIMEDOUT, EINTR,
				       s.message == 16 ? EFAULT : EAGAIN, 0);
			if (!sent && errno == ETIMEDOUT)
				happens(timeouts);
			happened->sends += sent;
		} else {
			if (slot_select(fd, head.channel))
				expect("select", 0);
			sent = write(fd, message, head.length) == head.length;
			if (!sent)
				expect("write", EAGAIN, EINTR, 0);
			happened->writes += sent;
		}
		if (sent)
			__atomic_store_n(number, head.number + 1, __ATOMIC_RELEASE);
		else if (errno == EINTR)
			happens(interrupts);
		else
			usleep(500);
	}
	_exit(fd < 0);
}

/* ---- a reader of the queue --------------------------------------------------- */

struct taker {
	int fd;
	uint64_t seed;
	unsigned char *message;		  /* LENGTH bytes; in some processes they come late */
	uint64_t sequence[CHANNELS];	  /* of the last message, as far as known */
	uint32_t next[CHANNELS][WRITERS]; /* the lowest number that may come */
};

static inline void taker_took(struct taker *t, size_t length, uint32_t channel)
{
	struct head head;

	if (!message_check(&head, t->message, length, QUEUE, channel))
		return;
	if (__atomic_fetch_add(&round->taken[head.writer][channel][head.number], 1,
			       __ATOMIC_RELAXED))
		complain("message %u of writer %u was taken twice", head.number, head.writer);
	if (head.number < t->next[channel][head.writer])
		complain("message %u of writer %u came after %u", head.number, head.writer,
			 t->next[channel][head.writer] - 1);
	t->next[channel][head.writer] = head.number + 1;
}

static inline void taker_sequence(struct taker *t, uint32_t channel, uint64_t sequence)
{
	if (sequence <= t->sequence[channel])
		complain("sequence %llu came after %llu", (unsigned long long)sequence,
			 (unsigned long long)t->sequence[channel]);
	t->sequence[channel] = sequence;
}

static inline void taker_recv(struct taker *t, int64_t timeout)
{
	struct msgslot_recv r = {
		.channel = random_below(&t->seed, CHANNELS),
		.message = (uintptr_t)t->message,
		.size = LENGTH,
		.timeout = timeout,
	};

	if (random_below(&t->seed, 4) == 0)
		late_page_drop(t->message);
	/* A short buffer or an invalid pointer: the message must stay where it is in the order. */
	if (random_below(&t->seed, 8) == 0)
		r.size = random_below(&t->seed, 30);
	if (random_below(&t->seed, 16) == 0)
		r.message = 16;
	if (ioctl(t->fd, MSGSLOT_RECV, &r) == 0) {
		if (r.message == 16)
			complain("a message was received to nowhere");
		taker_sequence(t, r.channel, r.sequence);
		taker_took(t, r.length, r.channel);
		happens(recvs);
		return;
	}
	expect("RECV", EAGAIN, ETIMEDOUT, EINTR, r.size == LENGTH ? EAGAIN : ENOSPC,
	       r.message == 16 ? EFAULT : EAGAIN, 0);
	if (errno == EINTR)
		happens(interrupts);
	else if (errno == ETIMEDOUT)
		happens(timeouts);
	else if (errno != EAGAIN)
		happens(refused);
}

/* As a forwarder does: peek, pass on, then take exactly that message. */
static inline void taker_forward(struct taker *t)
{
	struct msgslot_recv r = {
		.channel = random_below(&t->seed, CHANNELS),
		.flags = MSGSLOT_RECV_PEEK,
		.message = (uintptr_t)t->message,
		.size = LENGTH,
	};
	uint32_t length;

	if (ioctl(t->fd, MSGSLOT_RECV, &r)) {
		expect("RECV PEEK", EAGAIN, 0);
		return;
	}
	happens(peeked);
	length = r.length;
	r.flags = MSGSLOT_RECV_IF | (random_below(&t->seed, 2) ? MSGSLOT_RECV_DROP : 0);
	r.timeout = 0;
	if (ioctl(t->fd, MSGSLOT_RECV, &r)) {
		expect("RECV IF", ESTALE, 0);
		return;
	}
	happens(forwarded);
	if (r.flags & MSGSLOT_RECV_DROP)
		r.length = length;
	taker_sequence(t, r.channel, r.sequence);
	taker_took(t, r.length, r.channel);
}

static inline void taker_run(int minor, uint64_t seed)
{
	const int64_t timeouts[] = { 0, 1000000, 20000000, -1, -1 };
	struct taker *t = calloc(1, sizeof(*t));
	uint32_t channel = 0;
	ssize_t got;

	t->seed = seed;
	t->fd = slot_open(minor, O_RDONLY | (random_below(&t->seed, 2) ? 0 : O_NONBLOCK));
	t->message = late_page_new(random_below(&t->seed, 2) ? &happened->late : NULL);
	while (t->fd >= 0 && t->message && !round->readers_stop && !judge->complained)
		switch (random_below(&t->seed, 8)) {
		case 0:
			taker_forward(t);
			break;
		case 1 ... 3:
			taker_recv(t, timeouts[random_below(&t->seed, 5)]);
			break;
		default:
			if (random_below(&t->seed, 4) == 0) {
				channel = random_below(&t->seed, CHANNELS);
				if (slot_select(t->fd, channel))
					expect("select", 0);
			}
			got = read(t->fd, t->message, LENGTH);
			if (got >= 0) {
				taker_took(t, got, channel);
				happens(reads);
			} else {
				expect("read", EAGAIN, EINTR, 0);
				usleep(200);
			}
		}
	_exit(t->fd < 0 || !t->message);
}

/* ---- a reader of a broadcast channel ------------------------------------------ */

struct listener {
	enum kind kind;
	int fd;
	uint64_t seed;
	unsigned char *message; /* LENGTH bytes; in some processes they come late */
	uint32_t channel;
	uint64_t next, lost; /* the next sequence and the loss before it; next 0: not known yet */
	bool told;	     /* a loss was reported since the last message */
	bool due[WRITERS];   /* whether the writer's next number is known */
	uint32_t number[WRITERS];
};

static inline void listener_forget(struct listener *l)
{
	l->next = 0;
	memset(l->due, 0, sizeof(l->due));
}

/* A message came: for each writer it must be the next one, unless a loss was reported. */
static inline void listener_heard(struct listener *l, size_t length)
{
	struct head head;

	if (!message_check(&head, l->message, length, l->kind, l->channel))
		return;
	if (l->told)
		memset(l->due, 0, sizeof(l->due));
	if (l->due[head.writer] && l->number[head.writer] != head.number)
		complain("message %u of writer %u came, not %u, and no loss was told", head.number,
			 head.writer, l->number[head.writer]);
	l->due[head.writer] = true;
	l->number[head.writer] = head.number + 1;
	l->told = false;
}

static inline void listener_recv(struct listener *l, int64_t timeout)
{
	struct msgslot_recv r = {
		.channel = l->channel,
		.message = (uintptr_t)l->message,
		.size = LENGTH,
		.timeout = timeout,
	};

	if (random_below(&l->seed, 4) == 0)
		late_page_drop(l->message);
	if (random_below(&l->seed, 8) == 0)
		r.size = random_below(&l->seed, 30);
	if (ioctl(l->fd, MSGSLOT_RECV, &r)) {
		expect("RECV", EAGAIN, ETIMEDOUT, EINTR, r.size == LENGTH ? EAGAIN : ENOSPC, 0);
		if (errno == ETIMEDOUT)
			happens(timeouts);
		else if (errno == EINTR)
			happens(interrupts);
		else if (errno == ENOSPC)
			happens(refused);
		return;
	}
	happens(recvs);
	if (l->next && r.sequence - l->next != r.lost - l->lost)
		complain("message %llu came, %llu was due, but lost went from %llu to %llu",
			 (unsigned long long)r.sequence, (unsigned long long)l->next,
			 (unsigned long long)l->lost, (unsigned long long)r.lost);
	/* If the expected sequence was not known, messages may have been lost. */
	if (!l->next || r.lost != l->lost)
		l->told = true;
	if (l->next && r.lost != l->lost)
		happens(told);
	l->next = r.sequence + 1;
	l->lost = r.lost;
	listener_heard(l, r.length);
}

static inline void listener_read(struct listener *l)
{
	ssize_t got = read(l->fd, l->message, LENGTH);

	if (got >= 0) {
		happens(reads);
		if (l->next)
			l->next++;
		listener_heard(l, got);
		return;
	}
	expect("read", EAGAIN, EINTR, ENOBUFS, 0);
	if (errno == ENOBUFS) {
		/* The next RECV reports where the cursor is. */
		l->next = 0;
		l->told = true;
		happens(told);
	} else {
		usleep(200);
	}
}

/* Moves the cursor to the oldest message kept, or to the end. */
static inline void listener_seek(struct listener *l)
{
	struct msgslot_seek s = { .whence = random_below(&l->seed, 2) };

	if (l->next && random_below(&l->seed, 2)) {
		s.whence = MSGSLOT_SEEK_SEQUENCE;
		s.sequence = l->next - 1;
	}
	if (ioctl(l->fd, MSGSLOT_SEEK, &s))
		expect("SEEK", 0);
	listener_forget(l);
	happens(seeks);
}

/* Reads what another channel keeps, from its oldest message on; the file's cursor stays. */
static inline void listener_replay(struct listener *l)
{
	struct msgslot_recv r = {
		.channel = (l->channel + 1) % CHANNELS,
		.flags = MSGSLOT_RECV_NEWER,
		.message = (uintptr_t)l->message,
		.size = LENGTH,
	};
	const uint32_t *now = &round->clears[l->kind][r.channel];
	uint32_t clears = __atomic_load_n(now, __ATOMIC_SEQ_CST);
	uint64_t before = 0;
	struct head head;

	while (ioctl(l->fd, MSGSLOT_RECV, &r) == 0) {
		/* A channel that was cleared may have been forgotten, with what it had lost. */
		if (before && r.sequence - before - 1 != r.lost &&
		    __atomic_load_n(now, __ATOMIC_SEQ_CST) == clears)
			complain("message %llu came after %llu, but %llu were lost",
				 (unsigned long long)r.sequence, (unsigned long long)before,
				 (unsigned long long)r.lost);
		if (!message_check(&head, l->message, r.length, l->kind, r.channel))
			return;
		before = r.sequence;
		r.timeout = 0;
		happens(replays);
		if (random_below(&l->seed, 8) == 0)
			return;
	}
	expect("RECV NEWER", EAGAIN, 0);
}

static inline void listener_run(enum kind kind, int minor, uint64_t seed)
{
	const int64_t timeouts[] = { 0, 1000000, 20000000, -1, -1 };
	struct listener *l = calloc(1, sizeof(*l));

	l->kind = kind;
	l->seed = seed;
	l->fd = slot_open(minor, O_RDONLY | (random_below(&l->seed, 2) ? 0 : O_NONBLOCK));
	l->message = late_page_new(random_below(&l->seed, 2) ? &happened->late : NULL);
	while (l->fd >= 0 && l->message && !round->readers_stop && !judge->complained)
		switch (random_below(&l->seed, 64)) {
		case 0:
			l->channel = random_below(&l->seed, CHANNELS);
			if (slot_select(l->fd, l->channel))
				expect("select", 0);
			l->lost = 0;
			listener_forget(l);
			break;
		case 1:
			listener_seek(l);
			break;
		case 2:
			listener_replay(l);
			break;
		case 3 ... 30:
			listener_read(l);
			break;
		default:
			listener_recv(l, timeouts[random_below(&l->seed, 5)]);
		}
	_exit(l->fd < 0 || !l->message);
}

#endif
