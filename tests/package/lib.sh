# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Shared by the checks of the packages. Sourced, never run.

set -euo pipefail
package=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$package/../vm/lib.sh"
. "$package/../progress.sh"
lane_take :

# release_known SUITE: fails for an unknown release, with a list of the known ones.
release_known()
{
	[[ $1 == @(bookworm|trixie) ]] || die "no packages are made for '$1'; there are releases bookworm and trixie"
}

# ---- verdicts --------------------------------------------------------------

passed=0 failed=0

# check WHAT COMMAND…: runs COMMAND and prints one line with its time and, when it failed,
# its output. Not "if": a function called so would go on after an error.
check()
{
	local what=$1 began=$EPOCHREALTIME log status

	shift
	now_at "${0##*/}: $what"
	log=$(mktemp)
	set +e
	(set -e; "$@") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	verdict "$status" "$(seconds_since "$began")" "$what" "$log"
	rm -f "$log"
}

# verdict STATUS SECONDS WHAT LOG
verdict()
{
	if [ "$1" = 0 ]; then
		passed=$((passed + 1))
		printf 'ok      %6s s  %s\n' "$2" "$3"
	else
		failed=$((failed + 1))
		printf 'FAILED  %6s s  %s\n' "$2" "$3"
		tail -n 60 "$4" | sed 's/^/        /'
		failure "FAILED  ${0##*/}: $3
$(tail -n 20 "$4" | sed 's/^/        /')"
	fi
	ended $((1 - ($1 != 0))) $(($1 != 0)) "$2" "${0##*/}" "$3"
	now_at
}

# The last line of every check; its status is the script's.
sum_up()
{
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# ---- assertions inside a check -------------------------------------------------

# fault TEXT: the check fails, with this reason.
fault()
{
	printf '%s\n' "$*" >&2
	exit 1
}

# says TEXT FILE: FILE has TEXT in it.
says()
{
	grep -qF -- "$1" "$2" || fault "'$1' is not in: $(cat "$2")"
}

# fails COMMAND…: COMMAND must not succeed.
fails()
{
	if ("$@"); then fault "succeeded: $*"; fi
}

# ---- a system of its own -----------------------------------------------------

# apart COMMAND…: runs it as root, isolated from this machine: mounts and processes
# end with the command, there is no network, and no permission to load a module.
apart()
{
	as_root unshare --mount --propagation private --pid --fork --kill-child --net --uts --ipc \
		setpriv --bounding-set=-sys_module,-sys_boot,-sys_time \
		env HOME="$HOME" XDG_CACHE_HOME="${cache%/msgslot}" BUILD="$build" "$@"
}

# The rest of this section is for commands of apart(). Files that are written stay in memory.
scratch=/run/msgslot

open_scratch()
{
	mkdir -p "$scratch"
	mount -t tmpfs -o mode=755,size=75% scratch "$scratch"
}

# layer NAME LOWER…: a root over others, the uppermost first, in $scratch/NAME.
layer()
{
	local at=$scratch/$1

	shift
	mkdir -p "$at" "$at.upper" "$at.work"
	mount -t overlay layer "$at" \
		-o "lowerdir=$(IFS=: && echo "$*"),upperdir=$at.upper,workdir=$at.work"
	mount -t proc proc "$at/proc"
	mount -o remount,bind,ro "$at/proc"
}

# fold NAME: ends writing to it; $scratch/NAME.upper can then be a LOWER.
fold()
{
	local tries

	umount "$scratch/$1/proc"
	# DKMS leaves a "sleep" behind, which holds the root for seconds.
	for tries in {1..100}; do
		if umount "$scratch/$1" 2>/dev/null; then return; fi
		sleep 0.2
	done
	fault "somebody is still in $1 after $tries tries"
}

drop()
{
	if mountpoint -q "$scratch/$1"; then fold "$1"; fi
	rm -rf "${scratch:?}/$1" "$scratch/$1.upper" "$scratch/$1.work"
}

# inside NAME COMMAND…: runs COMMAND there.
inside()
{
	local name=$1

	shift
	chroot "$scratch/$name" env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# on NAME COMMAND…: the same; its output is kept in the file $said.
on()
{
	inside "$@" >"${said:?}" 2>&1 || fault "ended with $?: $(tail -n 40 "$said")"
	cat "$said"
}

# running NAME RELEASE: sets the kernel that "runs" there, which is not this machine's.
running()
{
	local uname=$scratch/$1/usr/bin/uname

	[ -e "$uname.real" ] || mv "$uname" "$uname.real"
	printf '#!/bin/sh\n[ "$*" != -r ] || { echo "%s"; exit; }\nexec uname.real "$@"\n' "$2" >"$uname.new"
	install "$uname.new" "$uname"
	rm "$uname.new"
}

# break_kernel NAME, mend_kernel NAME: breaks a header, so that no module compiles, and mends it.
break_kernel()
{
	local header

	header=$(echo "$scratch/$1"/usr/src/linux-headers-*-common/include/linux/cdev.h)
	cp "$header" "$scratch/$1/root/cdev.h"
	echo '#error planted' >>"$header"
}

mend_kernel()
{
	cp "$scratch/$1/root/cdev.h" "$scratch/$1"/usr/src/linux-headers-*-common/include/linux/cdev.h
}

# paths NAME PATTERN…: prints every path there, except logs, caches, the records of users and groups,
# which are kept on purpose, and paths that match the patterns. A check that nothing is left compares these.
paths()
{
	local at=$scratch/$1 pattern
	local -a but=()

	for pattern in ./proc ./srv ./tmp ./var/log ./var/cache './etc/group*' './etc/gshadow*' "${@:2}"; do
		but+=(-o -path "$pattern")
	done
	(cd "$at" && find . -xdev \( "${but[@]:1}" \) -prune -o -print | sort)
}

# newest_kernel SYSTEM, older_kernel SYSTEM: of the kernels in the pool of a system root, the
# cloud kernel that its metapackage requires, and the one before (or the same, if it has no other).
newest_kernel()
{
	kernel_of "$1" linux-headers-cloud-amd64
}

older_kernel()
{
	local newest

	newest=$(newest_kernel "$1")
	find "$1/pool" -name "linux-headers-*-cloud-amd64_*" | sed 's/.*linux-headers-//; s/_.*//' |
		grep -vxF "$newest" || echo "$newest"
}

# kernel_of SYSTEM METAPACKAGE
kernel_of()
{
	awk -v name="$2" '$1 == "Package:" { inside = $2 == name }
		inside && $1 == "Depends:" { sub(/linux-headers-/, "", $2); print $2; exit }' "$1/pool/Packages"
}

# ---- the tree --------------------------------------------------------------------

version_of()
{
	sed -nE 's/^VERSION[[:blank:]]*:?= *//p' "$1/Makefile"
}

version=$(version_of "$top")

# copy_tree TARGET: copies the project's files of the checkout, all with one
# date, as a release has them.
copy_tree()
{
	local files=$1.files

	mkdir -p "$1"
	(cd "$top" && git -c safe.directory='*' ls-files -z --cached --others --exclude-standard \
		--deduplicate | while IFS= read -rd '' file; do
		[ ! -f "$file" ] || printf '%s\0' "$file"; done) >"$files"
	tar -C "$top" --null --files-from="$files" --mtime="$(release_date)" -cf - | tar -C "$1" -xf -
	rm "$files"
}

# The date of the version, not of its latest Debian package: all of its packages have the same source archive.
release_date()
{
	sed -n "/^msgslot ($version-/,/^ -- /s/^ -- .*>  //p" "$top/debian/changelog" | tail -n 1
}

# bump TREE VERSION [DEBIAN_VERSION]: makes the tree the release VERSION, in all places that
# "make check-version" checks. DEBIAN_VERSION is given when only the package is new.
bump()
{
	local tree=$1 new=$2 debian=${3:-$2-1}

	sed -i "s/^\(VERSION[[:blank:]]*:= \).*/\1$new/" "$tree/Makefile"
	sed -i "s/^\(PACKAGE_VERSION=\).*/\1\"$new\"/" "$tree/dkms.conf"
	sed -i "s/^\(MODULE_VERSION(\).*/\1\"$new\");/" "$tree/src/main.c"
	sed -i "0,/^## /s/^## .*/## $new/" "$tree/CHANGELOG.md"
	sed -i "1s/(.*)/($debian)/" "$tree/debian/changelog"
	sed -i "s/^\(Version:[[:blank:]]*\).*/\1$new/" "$tree/rpm/msgslot.spec"
}
