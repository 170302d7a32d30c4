# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of the tools share.  They run as root in a guest that has the tools installed, the
# module loaded with its defaults (/dev/msgslot0 to 3 are of mode last, 4 and 5 queue, 6 and 7
# broadcast) and the users member and member2 (in the group msgslot) and outsider (not in it).
#
# A test that needs empty slots calls `fresh`.  One that changes slots or the module sets
# changed=1 (`load_with` does it), and gets the default state back when it ends.  That users'
# mistakes leave no line in the kernel's log is held by the harness, for all tests.
#
# The guest is emulated: what counts is the number of processes, and of commands that bats traces.
# So the functions that compare call one of their own with tracing (set -T) off.

export LC_ALL=C
# Set where numbers are to be small: every day, and on a slow machine.
export small=${MSGSLOT_QUICK-}${MSGSLOT_SLOW-}
class=/sys/class/msgslot

setup()
{
	# Whether the test before left a new module, untouched since.
	untouched=
	read -r untouched 2>/dev/null <"$BATS_FILE_TMPDIR/untouched" || true
	echo >"$BATS_FILE_TMPDIR/untouched"
	cd "$BATS_TEST_TMPDIR" || return 1
	changed=
}

teardown()
{
	[ "${BATS_TEST_COMPLETED-}" ] || let_go
	[ "$changed" ] || return 0
	rm -f /dev/hand-made-*
	untouched=
	fresh
	echo yes >"$BATS_FILE_TMPDIR/untouched"
}

# A test that failed half way may have commands in the background, and a slot open still.
let_go()
{
	local fd pids

	read -rd '' -a pids <<<"$(jobs -p)" || true
	kill "${pids[@]}" 2>/dev/null || true
	wait
	for fd in /proc/"$BASHPID"/fd/*; do
		case $(readlink "$fd") in
		/dev/msgslot* | /dev/hand-made-*)
			fd=${fd##*/}
			exec {fd}>&-
			;;
		esac
	done
}

# load_with PARAMETER…: the module loaded anew, with every node as udev leaves it.
# shellcheck disable=SC2120 # the tests pass parameters
load_with()
{
	changed=1
	if [ -d /sys/module/msgslot ]; then
		rmmod msgslot
	fi
	modprobe msgslot "$@"
	udevadm settle
}

# The default state, as after boot: for a test to begin with.
fresh()
{
	[ ! "$untouched" ] || return 0
	# shellcheck disable=SC2119 # no parameters are the defaults
	load_with
	changed=
}

# equal WHAT SEEN EXPECTED
equal()
{
	[ "$2" = "$3" ] && return
	printf '%s: %q instead of %q\n' "$1" "$2" "$3"
	return 1
}

# same FILE FILE: byte by byte.
same()
{
	cmp -- "$1" "$2"
}

# as USER COMMAND…
as()
{
	setpriv --reuid "$1" --regid "$1" --init-groups -- "${@:2}"
}

# put FILE TEXT: what `echo TEXT > FILE` does, but always in one write, for the functions below.
put()
{
	# Bash's own commands write line by line.
	if [[ $2 == *$'\n'* ]]; then
		cat >"$1" <<<"$2"
	else
		printf '%s\n' "$2" >"$1"
	fi
}

# look SLOT ATTRIBUTE: the value comes to be in $seen, without another process.
look()
{
	IFS= read -r seen <"$class/msgslot$1/$2"
}

# get SLOT ATTRIBUTE: prints the value.
get()
{
	local seen

	look "$@" && printf '%s\n' "$seen"
}

# has SLOT ATTRIBUTE VALUE
has()
{
	local seen

	look "$1" "$2" || return 1
	equal "$2 of slot $1" "$seen" "$3"
}

# keeps SLOT ATTRIBUTE VALUE ERROR: writing VALUE fails and changes nothing.
keeps()
{
	local seen

	look "$1" "$2" || return 1
	fails 1 "$4" put "$class/msgslot$1/$2" "$3" || return 1
	has "$1" "$2" "$seen"
}

# malformed FILE VALUE: writing VALUE fails, as no number or none in range.
malformed()
{
	local said

	fails 1 "" put "$1" "$2" || return 1
	IFS= read -rd '' said <err || true
	[[ $said != *@(Invalid argument|Numerical result out of range)$'\n' ]] || return 0
	printf "%s: '%s': %s\n" "$1" "$2" "$said"
	return 1
}

# takes SLOT ATTRIBUTE VALUE
takes()
{
	works put "$class/msgslot$1/$2" "$3" || return 1
	has "$1" "$2" "$3"
}

# works COMMAND…: exit code 0 and nothing on standard error; standard output is in ./out.
works()
{
	local -

	set +T
	try 0 "" "$@"
}

# fails CODE TEXT COMMAND…: exit code CODE, TEXT on standard error, nothing on standard output.
fails()
{
	local -

	set +T
	try "$@"
}

# prints TEXT COMMAND…: works, and standard output is TEXT, where printf's escapes count.
prints()
{
	local - expected said

	set +T
	try 0 "" "${@:2}" || return 1
	# Usually without a process; cmp tells where they differ, and knows a NUL.
	# shellcheck disable=SC2059 # the escapes are the point
	printf -v expected -- "$1"
	if [[ ${1//'\n'/} != *\\* ]] && ! IFS= read -rd '' said <out && [ "$said" = "$expected" ]; then
		return 0
	fi
	# shellcheck disable=SC2059 # likewise
	printf -- "$1" >expected
	same out expected
}

# try CODE TEXT COMMAND…: a call that hangs is ended by the harness.
try()
{
	local code=0 expected=$1 text=$2 said

	shift 2
	"$@" >out 2>err || code=$?
	IFS= read -rd '' said <err || true
	if [ "$code" != "$expected" ]; then
		echo "$*: exit code $code instead of $expected, standard error: $said"
	elif [ "$code" = 0 ] && [ "$said" ]; then
		echo "$*: said on standard error: $said"
	elif [ "$code" != 0 ] && [ -s out ]; then
		echo "$*: printed, although it failed"
	elif [[ $said != *"$text"* ]]; then
		echo "$*: no '$text' in: $said"
	else
		return 0
	fi
	return 1
}
