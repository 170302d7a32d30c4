# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Shared by the scripts of the harness. Sourced, never run.

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$vm/../.." && pwd)
build=$(realpath -m "${BUILD:-$top/build}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/msgslot
export vm top build cache

say()
{
	printf '%s\n' "-- $*" >&2
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# as_root COMMAND…: the only way to root, which mmdebstrap, chroot and private mounts need. own_mounts is
# what cache_make sets.
own_mounts=()
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"${own_mounts[@]}" "$@"
	elif sudo -n true 2>/dev/null; then
		sudo -n "${own_mounts[@]}" "$@"
	else
		die "needs root, or sudo without a password, for: $1"
	fi
}

# kernel_names: the names of all kernels; kernel_row NAME: "name suite package" of the kernel of
# that name, of the "newest" release or of the "default".
kernel_names()
{
	awk '!/^(#|$)/ { print $1 }' "$vm/kernels"
}

kernel_row()
{
	awk -v name="$1" '
		/^(#|$)/ { next }
		$1 == name { row = $0 }
		name == "default" && $4 == name { row = $0 }
		name == "newest" && $3 !~ /source/ && $1 !~ /-/ { row = $0 }
		END { if (!row) exit 1; $0 = row; print $1, $2, $3 }
	' "$vm/kernels" || die "no kernel '$1'; there are: $(kernel_names | xargs) default newest"
}

# kernel_arch PACKAGE: the machine that it is for, by Debian's name.
kernel_arch()
{
	case $1 in
	*arm64) echo arm64 ;;
	*s390x) echo s390x ;;
	*) echo amd64 ;;
	esac
}

# userland_kernel ARCH: the kernel of the guest's release, in whose build root the guest's programs
# are made.
userland_kernel()
{
	local suite name

	read -r name suite _ < <(kernel_row default)
	if [ "$1" = amd64 ]; then
		echo "$name"
	else
		name=$(awk -v suite="$suite" -v arch="$1\$" '$2 == suite && $3 ~ arch { print $1; exit }' "$vm/kernels")
		echo "${name:?no kernel of $suite for $1}"
	fi
}

# meanwhile WHAT: prints a line every ten seconds until enough(); if tests/steps shows the progress, it prints nothing.
meanwhile()
{
	local what=$1 since=$SECONDS

	ticker=''
	[ ! -d "${MSGSLOT_STEPS-}" ] || return 0
	(
		# It must not keep a lock that this process holds.
		[ -z "${cache_lock-}" ] || exec {cache_lock}>&-
		# This reads from a descriptor that gets no data: a sleep that leaves no process behind.
		exec {idle}<> <(:)
		while ! read -r -t 10 -u "$idle" && kill -0 $$ 2>/dev/null; do
			say "$what: $((SECONDS - since)) s"
		done
	) >/dev/null &
	ticker=$!
}

enough()
{
	[ -z "$ticker" ] || { kill "$ticker" && wait "$ticker"; } 2>/dev/null || :
}

# cache_key NAME RECIPE…: a path in the cache. It depends on the recipe, which is files and
# words, so a changed recipe makes a new entry.
cache_key()
{
	local name=$1 file

	shift
	{
		for file in "$@"; do
			if [ -f "$file" ]; then cat "$file"; else printf '%s\n' "$file"; fi
		done
	} | sha256sum | sed "s|^\(.\{12\}\).*|$cache/$name-\1|"
}

# cache_make PATH COMMAND…: when PATH is missing, has COMMAND make "$PATH.new"
# and renames it, one process at a time. Entries that were not used for a month are removed. What COMMAND
# does as root, it does in mounts of its own: one that was killed leaves none in "$PATH.new", through which
# the removal of that would go into /proc and /sys.
cache_make()
{
	local path=$1 status

	shift
	mkdir -p "$cache"
	exec {cache_lock}>"$path.lock"
	flock "$cache_lock"
	if [ ! -e "$path" ]; then
		find "$cache" -mindepth 1 -maxdepth 1 -name '*.lock' -mtime +30 |
			while read -r old; do as_root rm -rf "${old%.lock}" "${old%.lock}.log" "$old"; done
		as_root rm -rf "$path.new"
		meanwhile "making ${path##*/}"
		# Not "||": a function called so would go on after an error.
		set +e
		(set -e; own_mounts=(unshare --mount); "$@" "$path.new") >"$path.log" 2>&1
		status=$?
		set -e
		enough
		[ $status = 0 ] || {
			as_root rm -rf "$path.new"
			die "failed: $1; its output ended with:
$(tail -n 20 "$path.log")
(all of it: $path.log)"
		}
		as_root mv "$path.new" "$path"
	fi
	touch "$path.lock"
	exec {cache_lock}>&-
}
