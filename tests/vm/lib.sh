# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the scripts of the harness share. Sourced, never run.

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

# The one door to root: mmdebstrap, chroot and private mounts need it.
as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		die "needs root, or sudo without a password, for: $1"
	fi
}

# processor_seconds: what a shell and all that it waited for used of a processor, from what its
# "times" printed. (To a file first: each side of a pipe is a new shell.)
processor_seconds()
{
	tr 'ms' '  ' | awk '
		{ used += $1 * 60 + $2 + $3 * 60 + $4 }
		END { printf "%.1f\n", used }'
}

# kernel_names: all of them; kernel_row NAME: "name suite package" of the one that
# is called so, or is the "newest" release or the "default".
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

# kernel_arch PACKAGE: the machine it is for, in Debian's words.
kernel_arch()
{
	case $1 in
	*arm64) echo arm64 ;;
	*s390x) echo s390x ;;
	*) echo amd64 ;;
	esac
}

# userland_kernel ARCH: the kernel in whose build root the guest's programs are made: of the guest's
# release.
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

# meanwhile WHAT: says every ten seconds that it goes on, until enough; where tests/steps shows that, nothing.
meanwhile()
{
	local what=$1 since=$SECONDS

	ticker=''
	[ ! -d "${MSGSLOT_STEPS-}" ] || return 0
	(
		# A lock that is held is not this one's.
		[ -z "${cache_lock-}" ] || exec {cache_lock}>&-
		# Nothing comes there: a sleep that leaves no process behind.
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

# A name in the cache for something made by these recipe files and words, so
# that a changed recipe makes a new one.
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
# and renames it, one process at a time. What was not used for a month goes.
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
		(set -e; "$@" "$path.new") >"$path.log" 2>&1
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
