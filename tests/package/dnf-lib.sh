# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the checks with dnf share. Sourced, never run.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# variant NAME COMMAND…: packages in $out/NAME, of a copy of the tree that COMMAND changed.
variant()
{
	local name=$1 out=${out:?} suite=${suite:?}

	shift
	copy_tree "$out/tree"
	"$@" "$out/tree"
	"$top/rpm/build" "$out/$name" "$suite" "$out/tree"
	rm -rf "$out/tree"
}

# Changes the module, too, as one can see by its alias: a fresh one was built.
second_release()
{
	sed -i 's/^\(Release: *\)1/\12/' "$1/rpm/msgslot.spec"
	echo 'MODULE_ALIAS("of-release-2");' >>"$1/src/main.c"
}

# rpm_system NAME: rpm knows what is there, and dnf two archives: "system", which has
# that, and "msgslot".
rpm_system()
{
	local at=$scratch/$1 archive

	mkdir -p "$at/srv/system" "$at/srv/msgslot" "$at/etc/yum.repos.d"
	for archive in system msgslot; do
		printf '[%s]\nname=%s\nbaseurl=file:///srv/%s\ngpgcheck=0\n' $archive $archive $archive
	done >"$at/etc/yum.repos.d/tests.repo"
	cp "$package/rpm-system.spec" "$at/srv"
	inside "$1" rpmbuild -bb --define '_rpmdir /srv/system' /srv/rpm-system.spec
	inside "$1" createrepo_c --quiet /srv/system
	inside "$1" createrepo_c --quiet /srv/msgslot
	inside "$1" dnf --assumeyes --releasever=1 install rpm-system
	# What packages like "filesystem" have, and caches.
	mkdir -p "$at"/usr/share/{licenses,man/man4} "$at/usr/lib/modules-load.d"
	inside "$1" ldconfig
	inside "$1" depmod "$(basename "$at"/lib/modules/*)"
}
