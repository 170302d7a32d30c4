// SPDX-License-Identifier: GPL-2.0-or-later
/* msgslot doctor: whether the module exists for this kernel, can be loaded, and is loaded. */
#include "doctor_module.h"

#include "file.h"
#include "finding.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MODULES "/lib/modules/"

/* The file that modprobe would load, according to depmod.  False: none. */
static bool doctor_module_file(const char *release, char *path, size_t size)
{
	char name[256], line[4096];
	bool found = false;
	FILE *list;

	snprintf(name, sizeof(name), MODULES "%s/modules.dep", release);
	list = fopen(name, "re");
	if (!list)
		return false;
	while (!found && fgets(line, sizeof(line), list)) {
		char *colon = strchr(line, ':'), *base;

		if (!colon)
			continue;
		*colon = '\0';
		base = strrchr(line, '/');
		if (strncmp(base ? base + 1 : line, "msgslot.ko", strlen("msgslot.ko")))
			continue;
		found = true;
		if (line[0] == '/')
			snprintf(path, size, "%s", line);
		else
			snprintf(path, size, MODULES "%s/%s", release, line);
	}
	fclose(list);
	return found;
}

/* A compressed module is UNKNOWN. */
enum signature { UNSIGNED, SIGNED, UNKNOWN };

static enum signature doctor_module_signature(const char *path)
{
	static const char mark[] = "~Module signature appended~\n";
	char end[sizeof(mark) - 1];
	FILE *file = fopen(path, "re");
	bool read;

	if (!file || strcmp(path + strlen(path) - 3, ".ko")) {
		if (file)
			fclose(file);
		return UNKNOWN;
	}
	read = !fseek(file, -(long)sizeof(end), SEEK_END) &&
	       fread(end, 1, sizeof(end), file) == sizeof(end);
	fclose(file);
	if (!read)
		return UNKNOWN;
	return memcmp(end, mark, sizeof(end)) ? UNSIGNED : SIGNED;
}

/* Why the kernel takes only signed modules; NULL if it takes any. */
static const char *doctor_signatures_wanted(void)
{
	static const char efi[] = "/sys/firmware/efi/efivars/"
				  "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
	char text[256];

	/* Four bytes of attributes, and the value. */
	if (file_read_start(efi, text, sizeof(text)) == 5 && text[4] == 1)
		return "Secure Boot is on";
	if (file_read_start("/sys/module/module/parameters/sig_enforce", text, sizeof(text)) &&
	    text[0] == 'Y')
		return "the kernel enforces signatures (module.sig_enforce)";
	if (file_read_start("/sys/kernel/security/lockdown", text, sizeof(text)) &&
	    strchr(text, '[') && !strstr(text, "[none]"))
		return "the kernel is locked down";
	return NULL;
}

static void doctor_check_headers(const char *release, bool needed)
{
	char path[256], todo[256];

	snprintf(path, sizeof(path), MODULES "%s/build", release);
	if (!access(path, F_OK)) {
		finding_well("headers of kernel %s: %s", release, path);
		return;
	}
	if (!needed) {
		finding_note("the headers of kernel %s are not there; a new version of the module "
			     "could not be built",
			     release);
		return;
	}
	snprintf(todo, sizeof(todo),
		 "As root: apt install linux-headers-%s, or dnf install kernel-devel-%s", release,
		 release);
	finding_wrong(todo,
		      "the headers of kernel %s are not there, and the module cannot be built",
		      release);
}

static void doctor_check_signature(const char *path, bool loaded)
{
	const char *why = doctor_signatures_wanted();
	enum signature signature = doctor_module_signature(path);

	if (!why || loaded) {
		finding_well("signatures: %s",
			     why ? "the kernel took the module" : "this kernel takes any module");
		return;
	}
	if (signature == UNSIGNED)
		finding_wrong("Have DKMS sign it: as root, mokutil --import /var/lib/dkms/mok.pub, "
			      "reboot and enrol the key, then dkms install again.",
			      "%s, and %s is not signed", why, path);
	else
		finding_note(
			"%s; where loading fails (\"Key was rejected\"), the key has to be "
			"enrolled: as root, mokutil --import /var/lib/dkms/mok.pub, and reboot",
			why);
}

void doctor_module(void)
{
	bool loaded = sandbox_has_module();
	char path[4352] = "";
	struct utsname system;
	bool built;

	if (uname(&system)) {
		finding_wrong("See the error.", "uname: %s", strerror(errno));
		return;
	}
	snprintf(path, sizeof(path), MODULES "%s", system.release);
	if (access(path, F_OK)) {
		finding_note("kernel %s is another system's (this is a container, or a chroot)",
			     system.release);
		if (loaded)
			finding_well("the module is loaded");
		else
			finding_wrong("On the system whose kernel it is: msgslot doctor",
				      "the module is not loaded");
		return;
	}
	built = doctor_module_file(system.release, path, sizeof(path));
	if (built && !access(path, F_OK))
		finding_well("the module is built for kernel %s: %s", system.release, path);
	else if (built)
		finding_wrong("As root: depmod, or install the package again.",
			      "%s is not there, although modules.dep has it", path);
	else if (loaded)
		finding_note("the module is loaded, but modprobe would not find it for kernel %s "
			     "after a reboot",
			     system.release);
	else
		finding_wrong("As root: dkms autoinstall (with the kernel's headers installed), or "
			      "install the package again.",
			      "there is no module for kernel %s", system.release);
	doctor_check_headers(system.release, !built && !loaded);
	if (built)
		doctor_check_signature(path, loaded);
	if (loaded)
		finding_well("the module is loaded");
	else
		finding_wrong("As root: modprobe msgslot; what it says, or the end of dmesg, tells "
			      "why not.",
			      "the module is not loaded");
}
