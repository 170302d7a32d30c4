// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of channels: the two files, what a line may be, and where a wrong one stands.
 * The user's file is in the test's folder, the system's in /etc, where there is none before.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <sys/stat.h>

#include "library.h"

#define SYSTEM "/etc/msgslot/channels"

static char user_file[PATH_MAX];

static void put_bytes(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_result(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

static void put_user(const char *text)
{
	put_bytes(user_file, text, strlen(text));
}

static void put_system(const char *text)
{
	put_bytes(SYSTEM, text, strlen(text));
}

static int begin(void **state)
{
	char folder[PATH_MAX - 64];

	(void)state;
	if (!getcwd(folder, sizeof(folder)) || setenv("XDG_CONFIG_HOME", folder, 1))
		return -1;
	snprintf(user_file, sizeof(user_file), "%s/msgslot/channels", folder);
	if ((mkdir("msgslot", 0755) || mkdir("/etc/msgslot", 0755)) && errno != EEXIST)
		return -1;
	unlink(user_file);
	rmdir(user_file);
	unlink(SYSTEM);
	return 0;
}

static int end(void **state)
{
	begin(state);
	return rmdir("msgslot") || rmdir("/etc/msgslot");
}

static void assert_found(const char *name, const char *slot, uint32_t channel, const char *file,
			 unsigned int line)
{
	struct msgslot_place place;
	struct msgslot_name found;

	if (msgslot_name_find(name, &found, sizeof(found), &place, sizeof(place)))
		fail_msg("%s: %s", name, strerror(errno));
	assert_string_equal(found.name, name + (*name == '@'));
	assert_string_equal(found.slot, slot);
	assert_int_equal(found.channel, channel);
	assert_string_equal(place.file, file);
	assert_int_equal(place.line, line);
	/* Nobody has to want to know. */
	assert_result(msgslot_name_find(name, &found, sizeof(found), NULL, 0), 0);
}

static void assert_malformed(const char *name, const char *file, unsigned int line)
{
	struct msgslot_place place;
	struct msgslot_name found;

	assert_fails(msgslot_name_find(name, &found, sizeof(found), &place, sizeof(place)),
		     EBADMSG);
	assert_string_equal(place.file, file);
	assert_int_equal(place.line, line);
	assert_fails(msgslot_name_find(name, &found, sizeof(found), NULL, 0), EBADMSG);
}

static void assert_unknown(const char *name)
{
	struct msgslot_place place;
	struct msgslot_name found;

	assert_fails(msgslot_name_find(name, &found, sizeof(found), &place, sizeof(place)), ENOENT);
}

static void no_file_is_no_error(void **state)
{
	struct msgslot_names *names = msgslot_names_open();
	struct msgslot_place place;
	struct msgslot_name name;

	(void)state;
	assert_unknown("battery");
	assert_non_null(names);
	assert_result(msgslot_names_next(names, &name, sizeof(name), &place, sizeof(place)), 0);
	assert_result(msgslot_names_next(names, &name, sizeof(name), &place, sizeof(place)), 0);
	msgslot_names_close(names);
	put_system("battery 0 5\n");
	assert_found("battery", "0", 5, SYSTEM, 1);
	/* Nor one that cannot be there. */
	setenv("XDG_CONFIG_HOME", "/dev/null", 1);
	assert_found("battery", "0", 5, SYSTEM, 1);
}

static void lines_are_name_slot_channel_comment(void **state)
{
	(void)state;
	put_system("# the house's channels\n"
		   "\n"
		   "battery 0 5\n"
		   "  lounge\t6   0x1F# where we sit\n"
		   "\t \n"
		   "Job-queue_2.b /dev/jobs 4294967295 # by its node\r\n"
		   "z 255 010");
	assert_found("battery", "0", 5, SYSTEM, 3);
	assert_found("@battery", "0", 5, SYSTEM, 3);
	assert_found("lounge", "6", 31, SYSTEM, 4);
	assert_found("Job-queue_2.b", "/dev/jobs", 4294967295u, SYSTEM, 6);
	/* The last line needs no newline, and a leading zero makes nothing octal. */
	assert_found("z", "255", 10, SYSTEM, 7);
	assert_unknown("Battery");
	assert_unknown("batter");
	assert_unknown("batteryy");
	assert_unknown("the");
}

static void the_user_s_name_wins(void **state)
{
	(void)state;
	put_system("battery 0 5\nlounge 6 1\n");
	put_user("# mine\nbattery 1 50\nbattery 2 51\n");
	assert_found("battery", "1", 50, user_file, 2);
	assert_found("lounge", "6", 1, SYSTEM, 2);
}

static void the_user_s_file_is_where_xdg_says(void **state)
{
	char folder[PATH_MAX], file[PATH_MAX + 32];

	(void)state;
	assert_non_null(getcwd(folder, sizeof(folder)));
	put_user("here 0 1\n");
	put_system("there 0 2\n");
	assert_found("here", "0", 1, user_file, 1);

	/* A relative folder counts as none, and ~/.config is next. */
	assert_works(mkdir(".config", 0755));
	assert_works(mkdir(".config/msgslot", 0755));
	snprintf(file, sizeof(file), "%s/.config/msgslot/channels", folder);
	put_bytes(file, "home 0 3\n", 9);
	setenv("HOME", folder, 1);
	setenv("XDG_CONFIG_HOME", ".", 1);
	assert_unknown("here");
	assert_found("home", "0", 3, file, 1);
	unsetenv("XDG_CONFIG_HOME");
	assert_found("home", "0", 3, file, 1);
	unsetenv("HOME");
	assert_unknown("home");
	assert_found("there", "0", 2, SYSTEM, 1);
	assert_works(unlink(file));
	assert_works(rmdir(".config/msgslot"));
	assert_works(rmdir(".config"));
}

static void wrong_lines_have_a_place(void **state)
{
	static const char *const wrong[] = {
		"wrong",
		"wrong 0",
		"wrong 0 5 6",
		"wrong 256 5",
		"wrong -1 5",
		"wrong 0x1 5",
		"wrong node 5",
		"wrong @wrong 5",
		"wrong 0 -1",
		"wrong 0 +1",
		"wrong 0 4294967296",
		"wrong 0 99999999999999999999999",
		"wrong 0 0x",
		"wrong 0 0x100000000",
		"wrong 0 5f",
		"wrong 0 five",
		"wrong 0 # 5",
		"wrong # 0 5",
	};
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "right 0 5\n%s\nbehind 0 7\n", wrong[i]);
		put_user(text);
		assert_found("right", "0", 5, user_file, 1);
		/* Others do not suffer. */
		assert_found("behind", "0", 7, user_file, 3);
		/* But a user does not get another file's channel because of a malformed line. */
		put_system("wrong 0 9\n");
		assert_malformed("wrong", user_file, 2);
		/* A name that is nowhere may have been meant by it. */
		assert_malformed("nowhere", user_file, 2);
	}
}

static void wrong_names_have_a_place(void **state)
{
	static const char *const wrong[] = { "1st", "-a",  ".a",    "_a",	"a/b",	    "a@b",
					     "@a",  "a:b", "\"a\"", "\xc3\xa4", "a\033[2J", "*" };
	char text[256], longest[80];
	struct msgslot_name found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "\n%s 0 5\nright 0 5\n", wrong[i]);
		put_user(text);
		assert_found("right", "0", 5, user_file, 3);
		assert_malformed("nowhere", user_file, 2);
		if (wrong[i][0] != '@')
			assert_fails(msgslot_name_find(wrong[i], &found, sizeof(found), NULL, 0),
				     EINVAL);
	}
	assert_fails(msgslot_name_find("", &found, sizeof(found), NULL, 0), EINVAL);
	assert_fails(msgslot_name_find("@", &found, sizeof(found), NULL, 0), EINVAL);
	assert_fails(msgslot_name_find("@@right", &found, sizeof(found), NULL, 0), EINVAL);
	assert_fails(msgslot_name_find(NULL, &found, sizeof(found), NULL, 0), EINVAL);

	/* 63 characters, and one more. */
	memset(longest, 'n', sizeof(longest));
	longest[63] = '\0';
	snprintf(text, sizeof(text), "%s 0 5\n", longest);
	put_user(text);
	assert_found(longest, "0", 5, user_file, 1);
	longest[63] = 'n';
	longest[64] = '\0';
	snprintf(text, sizeof(text), "%s 0 5\n", longest);
	put_user(text);
	assert_fails(msgslot_name_find(longest, &found, sizeof(found), NULL, 0), EINVAL);
	assert_malformed("nowhere", user_file, 1);
}

static void slots_fit_or_are_wrong(void **state)
{
	char text[512], path[300];

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[255] = '\0';
	snprintf(text, sizeof(text), "name %s 5\n", path);
	put_user(text);
	assert_found("name", path, 5, user_file, 1);
	path[255] = 'p';
	path[256] = '\0';
	snprintf(text, sizeof(text), "name %s 5\n", path);
	put_user(text);
	assert_malformed("name", user_file, 1);
	memset(path, '0', sizeof(path));
	path[299] = '\0';
	snprintf(text, sizeof(text), "name %s 5\n", path);
	put_user(text);
	assert_malformed("name", user_file, 1);
}

static void long_lines_and_nul_are_wrong(void **state)
{
	static char text[8192];
	int at;

	(void)state;
	/* 1023 bytes are a line. */
	at = sprintf(text, "name 0 5 #");
	memset(text + at, 'c', sizeof(text) - at);
	memcpy(text + 1023, "\nnext 0 6\n", 11);
	put_user(text);
	assert_found("name", "0", 5, user_file, 1);
	assert_found("next", "0", 6, user_file, 2);
	/* One more is none, but it is still one line; and across buffers, too. */
	memset(text + 1023, 'c', sizeof(text) - 1023);
	memcpy(text + 1024, "\nnext 0 6\n", 11);
	put_user(text);
	assert_malformed("name", user_file, 1);
	assert_found("next", "0", 6, user_file, 2);
	memset(text + 1023, 'c', sizeof(text) - 1023);
	memcpy(text + 7000, "\nnext 0 6\n", 11);
	put_user(text);
	assert_malformed("name", user_file, 1);
	assert_found("next", "0", 6, user_file, 2);

	put_bytes(user_file, "name 0 5\0 \nnext 0 6\n", 20);
	assert_malformed("name", user_file, 1);
	assert_found("next", "0", 6, user_file, 2);
	put_bytes(user_file, "na\0me 0 5\nnext 0 6\n", 19);
	assert_malformed("nowhere", user_file, 1);
}

static void the_walk_tells_everything(void **state)
{
	static const struct {
		int result;
		const char *name;
		const char *file;
		unsigned int line;
	} expected[] = {
		{ 1, "first", user_file, 1 }, { -1, "broken", user_file, 3 },
		{ -1, "", user_file, 4 },     { 1, "second", user_file, 5 },
		{ -1, "broken", SYSTEM, 1 },  { 1, "first", SYSTEM, 2 },
	};
	struct msgslot_names *names;
	struct msgslot_place place;
	struct msgslot_name name;
	size_t i;

	(void)state;
	put_user("first 0 1\n\nbroken\n7up 0 2\nsecond 0 3\n");
	put_system("broken 0 1 1\nfirst 0 4");
	names = msgslot_names_open();
	assert_non_null(names);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		int result = msgslot_names_next(names, &name, sizeof(name), &place, sizeof(place));

		assert_int_equal(result, expected[i].result);
		if (result < 0)
			assert_int_equal(errno, EBADMSG);
		assert_string_equal(name.name, expected[i].name);
		assert_string_equal(place.file, expected[i].file);
		assert_int_equal(place.line, expected[i].line);
	}
	assert_result(msgslot_names_next(names, &name, sizeof(name), NULL, 0), 0);
	msgslot_names_close(names);
	/* Half way is a place to stop, too. */
	names = msgslot_names_open();
	assert_non_null(names);
	assert_result(msgslot_names_next(names, &name, sizeof(name), NULL, 0), 1);
	msgslot_names_close(names);
}

static void what_cannot_be_read_is_told(void **state)
{
	struct msgslot_place place;
	struct msgslot_name found;
	struct msgslot_names *names;

	(void)state;
	put_system("battery 0 5\n");
	assert_works(mkdir(user_file, 0755));
	assert_fails(msgslot_name_find("battery", &found, sizeof(found), &place, sizeof(place)),
		     EISDIR);
	assert_string_equal(place.file, user_file);
	assert_int_equal(place.line, 0);
	/* The walk goes on with the next file. */
	names = msgslot_names_open();
	assert_non_null(names);
	assert_fails(msgslot_names_next(names, &found, sizeof(found), &place, sizeof(place)),
		     EISDIR);
	assert_int_equal(place.line, 0);
	assert_result(msgslot_names_next(names, &found, sizeof(found), &place, sizeof(place)), 1);
	assert_string_equal(found.name, "battery");
	assert_result(msgslot_names_next(names, &found, sizeof(found), &place, sizeof(place)), 0);
	msgslot_names_close(names);
	assert_works(rmdir(user_file));

	assert_works(symlink("channels", user_file));
	assert_fails(msgslot_name_find("battery", &found, sizeof(found), &place, sizeof(place)),
		     ELOOP);
	assert_works(unlink(user_file));

	/* A pipe is not waited for. */
	assert_works(mkfifo(user_file, 0600));
	assert_found("battery", "0", 5, SYSTEM, 1);
	assert_works(unlink(user_file));
}

static void open_takes_a_name_for_slot_and_channel(void **state)
{
	struct msgslot *slot;
	uint32_t channel;

	(void)state;
	assert_result(own_begin(NULL), 0);
	put_user("mine 200 77\nnode /dev/msgslot200 78\nzero 200 0\nnull /dev/null 1\n"
		 "gone 199 1\nbroken 200\n");
	slot = open_or_fail("@mine", O_RDWR);
	assert_result(msgslot_channel_get(slot, &channel), 0);
	assert_int_equal(channel, 77);
	assert_result(write(msgslot_slot_get_fd(slot), "named", 5), 5);
	assert_next(slot, 77, "named");
	msgslot_slot_close(slot);

	slot = open_or_fail("@node", O_RDONLY);
	assert_result(msgslot_channel_get(slot, &channel), 0);
	assert_int_equal(channel, 78);
	msgslot_slot_close(slot);

	assert_open_fails(msgslot_slot_open("@nowhere", O_RDWR), EBADMSG);
	assert_open_fails(msgslot_slot_open("@broken", O_RDWR), EBADMSG);
	assert_open_fails(msgslot_slot_open("@null", O_RDWR), ENOTTY);
	assert_open_fails(msgslot_slot_open("@gone", O_RDWR), ENOENT);
	/* There is no channel 0 in `last`; nothing stays open. */
	assert_open_fails(msgslot_slot_open("@zero", O_RDWR), EINVAL);
	put_user("mine 200 77\n");
	assert_open_fails(msgslot_slot_open("@nowhere", O_RDWR), ENOENT);
	assert_result(own_end(NULL), 0);
}

static void *looks_up(void *name)
{
	struct msgslot_name found;
	int i, rounds = scaled(500, 50);

	for (i = 0; i < rounds; i++) {
		demand(!msgslot_name_find(name, &found, sizeof(found), NULL, 0));
		demand(!strcmp(found.name, name));
		demand(found.channel == (uint32_t)(unsigned char)*(char *)name);
	}
	return NULL;
}

static void threads_may_look_up_at_once(void **state)
{
	pthread_t threads[4];
	char names[4][2] = { "a", "b", "c", "d" };
	int i;

	(void)state;
	put_user("a 0 97\nb 0 98\n");
	put_system("c 0 99\nd 0 100\n");
	for (i = 0; i < 4; i++)
		threads[i] = thread_start(looks_up, names[i]);
	for (i = 0; i < 4; i++)
		thread_join(threads[i]);
}

/* Whatever bytes a file has, every line is told once, and nothing is read past its end. */
static void hostile_bytes_do_no_harm(void **state)
{
	static const char likely[] = "ab 05#\n\t/x\n";
	uint64_t seed = seed_get();
	char bytes[300];
	int round, rounds = scaled(2000, 100);

	(void)state;
	for (round = 0; round < rounds; round++) {
		size_t length = random_below(&seed, sizeof(bytes)) + 1, i;
		struct msgslot_names *names;
		struct msgslot_place place;
		struct msgslot_name name;
		unsigned int last = 0, newlines = 0;
		int result;

		for (i = 0; i < length; i++) {
			bytes[i] = random_below(&seed, 8) ?
					   likely[random_below(&seed, sizeof(likely) - 1)] :
					   (char)random_next(&seed);
			newlines += bytes[i] == '\n';
		}
		put_bytes(user_file, bytes, length);
		names = msgslot_names_open();
		assert_non_null(names);
		while ((result = msgslot_names_next(names, &name, sizeof(name), &place,
						    sizeof(place))) != 0) {
			assert_true(result > 0 || errno == EBADMSG);
			assert_string_equal(place.file, user_file);
			assert_true(place.line > last && place.line <= newlines + 1);
			last = place.line;
		}
		msgslot_names_close(names);
	}
}

#define names_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		names_test(no_file_is_no_error),
		names_test(lines_are_name_slot_channel_comment),
		names_test(the_user_s_name_wins),
		names_test(the_user_s_file_is_where_xdg_says),
		names_test(wrong_lines_have_a_place),
		names_test(wrong_names_have_a_place),
		names_test(slots_fit_or_are_wrong),
		names_test(long_lines_and_nul_are_wrong),
		names_test(the_walk_tells_everything),
		names_test(what_cannot_be_read_is_told),
		names_test(open_takes_a_name_for_slot_and_channel),
		names_test(threads_may_look_up_at_once),
		names_test(hostile_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
