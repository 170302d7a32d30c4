// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot doctor: find what is missing or wrong, and what to do about it.  Changes nothing. */
#include "arguments.h"
#include "command.h"
#include "doctor_module.h"
#include "doctor_nodes.h"
#include "finding.h"
#include "option.h"

#include <errno.h>
#include <msgslot.h>
#include <string.h>

/* Checks every line of both files of names. */
static void doctor_names(void)
{
	struct msgslot_names *names = msgslot_names_open();
	struct msgslot_place place;
	struct msgslot_name name;
	unsigned int count = 0;
	int found;

	if (!names) {
		finding_wrong("See the error.", "names of channels: %s", strerror(errno));
		return;
	}
	while ((found = msgslot_names_next(names, &name, sizeof(name), &place, sizeof(place))) !=
	       0) {
		if (found > 0)
			count++;
		else if (errno == EBADMSG)
			finding_wrong("A line is 'name slot channel # comment', or empty.",
				      "%s:%u: the line is malformed", place.file, place.line);
		else
			finding_wrong("Make it readable, or remove it.", "%s: %s", place.file,
				      strerror(errno));
	}
	msgslot_names_close(names);
	finding_well("names of channels: %u", count);
}

static int doctor_run(int argc, char **argv)
{
	int status = argument_end(argc, argv, 0);

	if (status)
		return status;
	finding_well("this is msgslot " MSGSLOT_VERSION);
	doctor_module();
	doctor_nodes();
	doctor_names();
	return finding_print();
}

const struct command doctor_command = {
	.name = "doctor",
	.run = doctor_run,
	.options = option_none,
	.arguments = "[-h]",
	.summary = "Look for what is missing or wrong, and say what to do about it.",
	.help = "  -h, --help  print this\n"
		"\n"
		"Each line is 'ok', a 'note', or what is WRONG, with what to do in the next line.\n"
		"The exit code is 0 when nothing is wrong, else 1.\n",
};
