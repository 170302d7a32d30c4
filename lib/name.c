// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names of channels: the user's file and the system's, read line by line. */
#include "internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SYSTEM_FILE "/etc/msgslot/channels"

/*
 * Files are read in this order.  @buffer keeps what was read of the current one, from @start to
 * @end; @fd is -1 between two files.
 */
enum { USER, SYSTEM, FILES };

struct msgslot_names {
	int file;
	int fd;
	struct msgslot_place place;
	size_t start;
	size_t end;
	char buffer[4096];
	char line[1024];
};

struct msgslot_names *msgslot_names_open(void)
{
	struct msgslot_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->file = USER;
	names->fd = -1;
	return names;
}

static void names_next_file(struct msgslot_names *names)
{
	int saved = errno;

	if (names->fd >= 0)
		close(names->fd);
	names->fd = -1;
	names->file++;
	errno = saved;
}

void msgslot_names_close(struct msgslot_names *names)
{
	int saved = errno;

	if (!names)
		return;
	if (names->fd >= 0)
		close(names->fd);
	free(names);
	errno = saved;
}

/*
 * The path of a file; false if the user has none.  A folder that is not absolute counts as not set,
 * as the XDG specification says.  In a program with more rights than its caller, the caller's
 * environment does not choose the file.
 */
static bool names_get_path(int file, char *path, size_t size)
{
	const char *folder = secure_getenv("XDG_CONFIG_HOME"), *below = "";
	int length;

	if (file == SYSTEM) {
		snprintf(path, size, "%s", SYSTEM_FILE);
		return true;
	}
	if (!folder || *folder != '/') {
		folder = secure_getenv("HOME");
		below = "/.config";
	}
	if (!folder || *folder != '/')
		return false;
	length = snprintf(path, size, "%s%s/msgslot/channels", folder, below);
	return length > 0 && (size_t)length < size;
}

/* 1: a file is open; 0: there are no more; -1: the next one cannot be opened. */
static int names_open_file(struct msgslot_names *names)
{
	for (; names->file < FILES; names->file++) {
		struct msgslot_place *place = &names->place;

		place->line = 0;
		if (!names_get_path(names->file, place->file, sizeof(place->file)))
			continue;
		names->start = 0;
		names->end = 0;
		/*
		 * A pipe of that name reads as an empty file: open() does not wait for its writer.
		 */
		names->fd = open(place->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (names->fd >= 0)
			return 1;
		if (errno != ENOENT && errno != ENOTDIR)
			return -1;
	}
	return 0;
}

/* The next byte of the file; -1 at its end; -2 when it cannot be read. */
static int names_next_byte(struct msgslot_names *names)
{
	if (names->start == names->end) {
		ssize_t got = read(names->fd, names->buffer, sizeof(names->buffer));

		if (got < 0)
			return -2;
		if (got == 0)
			return -1;
		names->start = 0;
		names->end = (size_t)got;
	}
	return (unsigned char)names->buffer[names->start++];
}

/*
 * Reads a line.  1: it is in @line; 0: the file has no more; -1: it cannot be read.  *@whole is
 * false if the line is too long or has a NUL in it.
 */
static int names_read_line(struct msgslot_names *names, bool *whole)
{
	size_t length = 0;
	int byte;

	*whole = true;
	names->place.line++;
	for (;;) {
		byte = names_next_byte(names);
		if (byte == -2)
			return -1;
		if (byte == -1 && length == 0)
			return 0;
		if (byte == -1 || byte == '\n')
			break;
		if (byte == '\0' || length == sizeof(names->line) - 1)
			*whole = false;
		else
			names->line[length++] = (char)byte;
	}
	names->line[length] = '\0';
	return 1;
}

static bool name_begins(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool name_is_valid(const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_.-");

	return name_begins(text[0]) && !text[length] &&
	       length < sizeof(((struct msgslot_name *)0)->name);
}

static bool name_slot_is_valid(const char *text)
{
	uint64_t minor;

	return (text[0] == '/' && strlen(text) < sizeof(((struct msgslot_name *)0)->slot)) ||
	       msgslot_number_parse(text, false, MSGSLOT_SLOTS_MAX - 1, &minor);
}

/* 1: a name; 0: only blanks and comment; -1: malformed. */
static int name_parse(char *line, struct msgslot_name *name)
{
	static const char blanks[] = " \t\r\v\f";
	char *words[3], *rest = NULL, *word;
	uint64_t channel;
	int count = 0;

	line[strcspn(line, "#")] = '\0';
	for (word = strtok_r(line, blanks, &rest); word; word = strtok_r(NULL, blanks, &rest)) {
		if (count < 3)
			words[count] = word;
		count++;
	}
	if (count == 0)
		return 0;
	if (!name_is_valid(words[0]))
		return -1;
	memcpy(name->name, words[0], strlen(words[0]) + 1);
	if (count != 3 || !name_slot_is_valid(words[1]) ||
	    !msgslot_number_parse(words[2], true, UINT32_MAX, &channel))
		return -1;
	name->channel = (uint32_t)channel;
	/* A number with leading zeros may be longer than a path. */
	if (strlen(words[1]) >= sizeof(name->slot))
		return -1;
	memcpy(name->slot, words[1], strlen(words[1]) + 1);
	return 1;
}

/* Stores the next name in @name, and its place in @names. */
static int names_advance(struct msgslot_names *names, struct msgslot_name *name)
{
	bool whole;
	int result;

	do {
		memset(name, 0, sizeof(*name));
		result = names->fd < 0 ? names_open_file(names) : 1;
		if (result == 0)
			return 0;
		if (result > 0)
			result = names_read_line(names, &whole);
		if (result < 0)
			names->place.line = 0;
		if (result <= 0) {
			names_next_file(names);
			continue;
		}
		result = name_parse(names->line, name);
		if (!whole)
			result = -1;
		if (result < 0)
			errno = EBADMSG;
	} while (result == 0);
	return result;
}

static int names_check_sizes(const struct msgslot_name *name, size_t name_size,
			     const struct msgslot_place *place, size_t place_size)
{
	if (result_check(name, name_size, SIZE_UP_TO(struct msgslot_name, channel)))
		return -1;
	return result_check(place, place_size, SIZE_UP_TO(struct msgslot_place, line));
}

int msgslot_names_next(struct msgslot_names *names, struct msgslot_name *name, size_t name_size,
		       struct msgslot_place *place, size_t place_size)
{
	struct msgslot_name next;
	int result;

	if (names_check_sizes(name, name_size, place, place_size))
		return -1;
	result = names_advance(names, &next);
	if (result != 0) {
		result_store(name, name_size, &next, sizeof(next));
		result_store(place, place_size, &names->place, sizeof(names->place));
	}
	return result;
}

int msgslot_name_find(const char *name, struct msgslot_name *found, size_t found_size,
		      struct msgslot_place *place, size_t place_size)
{
	struct msgslot_place malformed;
	struct msgslot_names *names;
	struct msgslot_name entry;
	int result;

	if (names_check_sizes(found, found_size, place, place_size))
		return -1;
	if (!name || !name_is_valid(name + (*name == '@'))) {
		errno = EINVAL;
		return -1;
	}
	name += *name == '@';
	malformed.line = 0;
	names = msgslot_names_open();
	if (!names)
		return -1;
	while ((result = names_advance(names, &entry)) != 0) {
		if (!strcmp(entry.name, name) || (result < 0 && errno != EBADMSG))
			break;
		if (result < 0 && !malformed.line)
			malformed = names->place;
	}
	if (result > 0)
		result_store(found, found_size, &entry, sizeof(entry));
	if (result != 0) {
		result_store(place, place_size, &names->place, sizeof(names->place));
	} else if (malformed.line) {
		errno = EBADMSG;
		result_store(place, place_size, &malformed, sizeof(malformed));
	} else {
		errno = ENOENT;
	}
	msgslot_names_close(names);
	return result > 0 ? 0 : -1;
}
