// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A chat client that knows nothing of msgslot: it opens the node for reading and writing, waits in
 * select() for its standard input and the node, reads 2048 bytes at a time, writes in a loop until
 * all of a line is written, and shows what it reads.  No ioctl, no O_NONBLOCK, no errors but its
 * end.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/select.h>

#include "broadcast.h"

enum { CLIENTS = 5, PIECE = 2048, LINE_MAX = 4096 };

static void *chat(const char *node, int input, int output)
{
	char bytes[PIECE + LINE_MAX];
	ssize_t got, done, put;
	bool talks = true;
	fd_set set;
	int fd = open(node, O_RDWR);

	demand(fd >= 0);
	/* So that nobody speaks before everybody is there. */
	demand(write(output, "joined\n", 7) == 7);
	for (;;) {
		FD_ZERO(&set);
		FD_SET(fd, &set);
		if (talks)
			FD_SET(input, &set);
		demand(select((fd > input ? fd : input) + 1, &set, NULL, NULL, NULL) > 0);
		if (talks && FD_ISSET(input, &set)) {
			got = read(input, bytes, LINE_MAX);
			demand(got >= 0);
			talks = got > 0;
			for (done = 0; done < got; done += put) {
				put = write(fd, bytes + done, got - done);
				demand(put > 0);
			}
		}
		if (FD_ISSET(fd, &set)) {
			got = read(fd, bytes, PIECE);
			demand(got > 0);
			demand(write(output, bytes, got) == got);
			/* A client that says so ends the chat for all. */
			if (got >= 5 && !memcmp(bytes + got - 5, "\nbye\n", 5))
				break;
		}
	}
	close(fd);
	return NULL;
}

struct client {
	pid_t process;
	int input, output; /* our ends: what we write it says, what it hears we read */
	char *heard;
	size_t length;
};

static struct client clients[CLIENTS];
static char node[32];

/* The child's two ends of the pipes, and what it must not hold open: ours, and its elders'. */
static int client_ends[2];

static void *client_run(void *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < CLIENTS; i++) {
		if (clients[i].input > 0)
			close(clients[i].input);
		if (clients[i].output > 0)
			close(clients[i].output);
	}
	return chat(node, client_ends[0], client_ends[1]);
}

static void hear_more(struct client *client, size_t most)
{
	ssize_t got;

	client->heard = realloc(client->heard, client->length + most + 1);
	assert_non_null(client->heard);
	got = read(client->output, client->heard + client->length, most);
	assert_works(got);
	if (!got)
		fail_msg("a client is gone");
	client->length += got;
	client->heard[client->length] = '\0';
}

static void clients_start(void)
{
	int in[2], out[2], i;

	memset(clients, 0, sizeof(clients));
	for (i = 0; i < CLIENTS; i++) {
		assert_result(pipe(in), 0);
		assert_result(pipe(out), 0);
		clients[i].input = in[1];
		clients[i].output = out[0];
		client_ends[0] = in[0];
		client_ends[1] = out[1];
		clients[i].process = child_start(i % 2 ? "member" : NULL, client_run, NULL);
		close(in[0]);
		close(out[1]);
		while (clients[i].length < 7)
			hear_more(&clients[i], 7 - clients[i].length);
		assert_string_equal(clients[i].heard, "joined\n");
		clients[i].length = 0;
	}
}

static void client_says(int i, const char *text)
{
	assert_result(write(clients[i].input, text, strlen(text)), (ssize_t)strlen(text));
}

/* Everybody hears to the end, and the same. */
static void clients_end(void)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		struct client *client = &clients[i];

		while (client->length < 5 ||
		       strcmp(client->heard + client->length - 5, "\nbye\n") != 0)
			hear_more(client, 65536);
		child_join(client->process);
		close(client->input);
		close(client->output);
		assert_string_equal(client->heard, clients[0].heard);
	}
}

static void clients_forget(void)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		free(clients[i].heard);
}

static int chat_begin(void **state)
{
	struct passwd *member = getpwnam("member");

	if (broadcast_begin(state) || nodes_settle() || !member)
		return -1;
	snprintf(node, sizeof(node), "/dev/msgslot%d", OWN);
	return 0;
}

#define chat_test(test) cmocka_unit_test_setup_teardown(test, chat_begin, own_end)

static void a_talk(void **state)
{
	(void)state;
	clients_start();
	client_says(0, "hello\n");
	while (clients[4].length < 6)
		hear_more(&clients[4], 6);
	client_says(4, "hello yourself\n");
	/* The speaking client hears its own message.  So it knows that the message was heard. */
	while (clients[4].length < 21)
		hear_more(&clients[4], 21);
	client_says(1, "and now\nbye\n");
	clients_end();
	assert_string_equal(clients[2].heard, "hello\nhello yourself\nand now\nbye\n");
	clients_forget();
}

/* All speak at once; as many lines as the log keeps, so that nothing may be lost on the slow. */
static void everybody_talks_at_once(void **state)
{
	int lines = scaled(45, 10), next[CLIENTS] = { 0 }, i, n, who, what, total = 0;
	char text[64], *line, *rest;

	(void)state;
	clients_start();
	for (n = 0; n < lines; n++)
		for (i = 0; i < CLIENTS; i++) {
			snprintf(text, sizeof(text), "%d says %d\n", i, n);
			client_says(i, text);
		}
	/* How many have come cannot be said before they have: lines may come together. */
	for (i = 0, line = NULL; total < CLIENTS * lines;) {
		hear_more(&clients[0], 4096);
		for (total = 0, line = clients[0].heard; (line = strchr(line, '\n')); line++)
			total++;
	}
	client_says(3, "over\nbye\n");
	clients_end();
	for (line = strtok_r(clients[0].heard, "\n", &rest), total = 0; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "%d says %d", &who, &what) != 2)
			break;
		assert_in_range(who, 0, CLIENTS - 1);
		assert_int_equal(what, next[who]++);
		total++;
	}
	assert_int_equal(total, CLIENTS * lines);
	assert_string_equal(line, "over");
	clients_forget();
}

/* Longer than a client reads at a time: the pieces make the message, and no other comes between. */
static void long_texts_come_in_pieces(void **state)
{
	/* Fewer than a pipe holds, as one client is listened to and the others wait. */
	enum { TEXTS = 15 };
	char *text = malloc(LINE_MAX + 1), *at;
	int i, n;

	(void)state;
	assert_non_null(text);
	text[LINE_MAX] = '\0';
	clients_start();
	for (n = 0; n < TEXTS; n++) {
		memset(text, 'a' + n, LINE_MAX);
		text[LINE_MAX - 1] = '\n';
		client_says(n % CLIENTS, text);
	}
	while (clients[0].length < (size_t)TEXTS * LINE_MAX)
		hear_more(&clients[0], 65536);
	client_says(2, "\nbye\n");
	clients_end();
	/* Each text whole, in whatever order. */
	for (n = 0; n < TEXTS; n++) {
		at = clients[4].heard + n * LINE_MAX;
		for (i = 0; i < LINE_MAX - 1; i++)
			assert_int_equal(at[i], at[0]);
		assert_int_equal(at[LINE_MAX - 1], '\n');
	}
	free(text);
	clients_forget();
}

/* A client that is killed is missed by nobody; one that comes later hears from then on. */
static void clients_die_and_come(void **state)
{
	struct client *dead = &clients[1];
	char got[64];
	int status, late, i;

	(void)state;
	clients_start();
	client_says(0, "one\n");
	for (i = 0; i < CLIENTS; i++)
		while (clients[i].length < 4)
			hear_more(&clients[i], 4);
	assert_result(kill(dead->process, SIGKILL), 0);
	assert_result(waitpid(dead->process, &status, 0), dead->process);
	late = own_open(O_RDONLY | O_NONBLOCK);
	client_says(2, "two\nbye\n");
	close(dead->input);
	close(dead->output);
	for (i = 0; i < CLIENTS; i++) {
		if (i == 1)
			continue;
		while (clients[i].length < 12)
			hear_more(&clients[i], 12);
		assert_string_equal(clients[i].heard, "one\ntwo\nbye\n");
		child_join(clients[i].process);
		close(clients[i].input);
		close(clients[i].output);
	}
	assert_string_equal(dead->heard, "one\n");
	assert_result(read(late, got, sizeof(got)), 8);
	assert_memory_equal(got, "two\nbye\n", 8);
	assert_fails(read(late, got, sizeof(got)), EAGAIN);
	clients_forget();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		chat_test(a_talk),
		chat_test(everybody_talks_at_once),
		chat_test(long_texts_come_in_pieces),
		chat_test(clients_die_and_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
