// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions of `create`, `destroy` and `set`.  See admin.h. */
#include "admin.h"

#include "file.h"
#include "report.h"
#include "report_errno.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <msgslot.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* The number of a node of the module that is not called /dev/msgslotN. */
static int admin_node_minor(const char *node, int *minor)
{
	static const char parameter[] = "/sys/module/msgslot/parameters/major";
	unsigned int module_major;
	struct stat status;
	char text[32];

	if (!file_read_start(parameter, text, sizeof(text)))
		return report_sysfs(node, errno == ENOENT ? ENODEV : errno);
	if (sscanf(text, "%u", &module_major) != 1)
		return report_system(parameter, EIO);
	if (stat(node, &status))
		return report_open(node, errno);
	if (!S_ISCHR(status.st_mode) || major(status.st_rdev) != module_major)
		return report_open(node, ENOTTY);
	*minor = (int)minor(status.st_rdev);
	return STATUS_DONE;
}

int admin_slot(const struct address *address, int *minor)
{
	if (address_get_number(address, minor))
		return STATUS_DONE;
	return admin_node_minor(address->node, minor);
}

static int admin_report_setting(int minor, int setting, const char *value, int error)
{
	char node[32], todo[256], messages[32] = "?";

	snprintf(node, sizeof(node), "/dev/msgslot%d", minor);
	switch (error) {
	case EINVAL:
	case ERANGE:
		return report_error(STATUS_USAGE, node, setting_range(setting), "%s cannot be '%s'",
				    setting_name(setting), value);
	case EBUSY:
		snprintf(todo, sizeof(todo),
			 "It can change only while the slot is not open ('fuser -v %s' lists the "
			 "processes) and keeps no message ('msgslot clear -a %d').",
			 node, minor);
		msgslot_attribute_get(minor, "messages", messages, sizeof(messages));
		return report_error(
			STATUS_FAILED, node, todo,
			"the slot is in use: %s cannot be changed (it keeps %s message%s)",
			setting_name(setting), messages, strcmp(messages, "1") ? "s" : "");
	}
	return report_sysfs(node, error);
}

int admin_apply(int minor, const struct settings *wanted)
{
	struct settings before = { 0 };
	int error, failed;

	for (int i = 0; i < SETTINGS; i++)
		if (msgslot_attribute_get(minor, setting_name(i), before.values[i],
					  sizeof(before.values[i])) < 0)
			return admin_report_setting(minor, i, "", errno);

	for (failed = 0; failed < SETTINGS; failed++)
		if (wanted->values[failed][0] &&
		    msgslot_attribute_set(minor, setting_name(failed), wanted->values[failed]))
			break;
	if (failed == SETTINGS)
		return STATUS_DONE;

	/* Undo all.  A setting that has not changed always accepts its own value. */
	error = errno;
	for (int i = 0; i < SETTINGS; i++)
		msgslot_attribute_set(minor, setting_name(i), before.values[i]);
	return admin_report_setting(minor, failed, wanted->values[failed], error);
}

/*
 * MODE:COUNT[,MODE:COUNT]... for the current slots, as the module's parameter takes it.  Returns
 * whether numbers between them are free.
 */
static bool admin_add_slots(struct text *text)
{
	char mode[32], last[32] = "";
	int count = 0, next = 0, minor = -1;
	bool gaps = false;

	while ((minor = msgslot_slot_next(minor)) >= 0) {
		if (msgslot_attribute_get(minor, "mode", mode, sizeof(mode)) < 0)
			continue;
		for (; next <= minor; next++) {
			const char *this = next < minor ? MSGSLOT_MODE_LAST : mode;

			gaps = gaps || next < minor;
			if (count && strcmp(last, this)) {
				text_format(text, "%s:%d,", last, count);
				count = 0;
			}
			snprintf(last, sizeof(last), "%s", this);
			count++;
		}
	}
	if (count)
		text_format(text, "%s:%d", last, count);
	return gaps;
}

bool admin_comes_with_module(int minor)
{
	char slots[4096], *range;
	int count = 0, n;

	if (!file_read_start("/sys/module/msgslot/parameters/slots", slots, sizeof(slots)))
		return false;
	for (range = strtok(slots, ","); range; range = strtok(NULL, ","))
		if (sscanf(range, "%*[a-z]:%d", &n) == 1)
			count += n;
	return minor < count;
}

static void admin_print_hint(struct text *text)
{
	fwrite(text->bytes, 1, text->length, stderr);
	text_free(text);
}

void admin_hint_slots(const char *what)
{
	struct text text = { 0 };
	bool gaps;

	text_format(&text,
		    "%s\n"
		    "# /etc/modprobe.d/msgslot.conf\n"
		    "options msgslot slots=",
		    what);
	gaps = admin_add_slots(&text);
	text_string(&text, "\n");
	if (gaps)
		text_string(&text,
			    "# Numbers in between cannot be left out: they get mode last.\n");
	admin_print_hint(&text);
}

void admin_hint_settings(int minor, const struct settings *settings)
{
	struct text text = { 0 };

	text_format(&text,
		    "# /etc/udev/rules.d/70-msgslot.rules\n"
		    "ACTION==\"add\", SUBSYSTEM==\"msgslot\", KERNEL==\"msgslot%d\"",
		    minor);
	for (int i = 0; i < SETTINGS; i++)
		if (settings->values[i][0])
			text_format(&text, ", ATTR{%s}=\"%s\"", setting_name(i),
				    settings->values[i]);
	text_string(&text, "\n");
	admin_print_hint(&text);
}
