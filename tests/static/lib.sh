# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the static checks share. Sourced, never run: it goes to the top of the
# tree, so every path below is relative to that.

set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

need()
{
	local tool

	for tool; do
		command -v "$tool" >/dev/null || die "$tool is missing: make deps"
	done
}

# files PATHSPEC…: the files of the project, also those not committed yet but
# none that git ignores. None at all means that the check looked at nothing,
# which must not pass. safe.directory: root may test what another user cloned.
files()
{
	git -c safe.directory='*' ls-files --cached --others --exclude-standard --deduplicate \
		-- "$@" | while IFS= read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done |
		grep . || die "no file matches: $*"
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

# lines MESSAGE REGEX FILE…: a fault for every line that matches (Perl's syntax).
lines()
{
	local message=$1 regex=$2

	shift 2
	[ $# = 0 ] || grep -HnP -e "$regex" -- "$@" | sed -E "s|^([^:]*:[0-9]+:)(.*)|\1 $message:\2|" ||
		[ "${PIPESTATUS[0]}" = 1 ]
}
