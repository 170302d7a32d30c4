# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Shared by the static checks. Sourced, never run. It changes to the top of the
# tree, so every path below is relative to that.

set -euo pipefail
export LC_ALL=C.UTF-8
check=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need()
{
	local tool

	tools=("$@")
	for tool; do
		command -v "$tool" >/dev/null || die "$tool is missing: make deps"
	done
}

# files PATHSPEC…: prints the files of the project, also those not committed yet, but
# none that git ignores. If no file matches, the check would look at nothing, which
# must not pass. safe.directory: root may test a clone of another user.
# CHECK_ONLY restricts the result to one file, for selftest.
files()
{
	git -c safe.directory='*' ls-files --cached --others --exclude-standard --deduplicate \
		-- "$@" | while IFS= read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done |
		if [ "${CHECK_ONLY-}" ]; then grep -xF -e "$CHECK_ONLY"; else grep .; fi ||
		[ "${CHECK_ONLY-}" ] || die "no file matches: $*"
}

# shell_files, by suffix or interpreter.
shell_files()
{
	files . | while IFS= read -r file; do
		case $file in
		*.sh) printf '%s\n' "$file" ;;
		*) head -n 1 "$file" | grep -qaE '^#!.*[ /](sh|bash|dash|bats)( |$)' && printf '%s\n' "$file" ;;
		esac
	done
}

# lines MESSAGE REGEX FILE…: reports every line that matches (Perl's syntax).
lines()
{
	local message=$1 regex=$2

	shift 2
	[ $# = 0 ] || grep -HnP -e "$regex" -- "$@" | sed -E "s|^([^:]*:[0-9]+:)(.*)|\1 $message:\2|" ||
		[ "${PIPESTATUS[0]}" = 1 ]
}

# basis FILE…: sets what the verdict on a file depends on besides the file: these files, the check itself
# and the versions of its tools. For `once`.
basis()
{
	export CHECK_BASIS
	CHECK_BASIS=$({ cat -- "$check" "$@"; for tool in "${tools[@]}"; do "$tool" --version; done; } | sha256sum)
}

# What this machine has checked without a report: for every clone of the project.
export CHECKED=${XDG_CACHE_HOME:-$HOME/.cache}/msgslot/checked
mkdir -p "$CHECKED"

# once FILE COMMAND…: prints the output of COMMAND about FILE. If there was none, COMMAND does not run again
# until FILE or the basis changes; in which folder of mktemp it is does not matter. It also works in processes of
# its own (xargs).
once()
{
	local file=$1 key said

	key=$CHECKED/$({ echo "$CHECK_BASIS ${file#"${TMPDIR:-/tmp}"/*/}"; cat -- "$file"; } | sha256sum | cut -c 1-32)
	if [ -e "$key" ]; then
		touch "$key"
		return 0
	fi
	said=$("${@:2}" 2>&1) || said+=${said:+$'\n'}"$file:1: ended with $?"
	if [ "$said" ]; then
		printf '%s\n' "$said"
	else
		: >"$key"
	fi
}
export -f once
