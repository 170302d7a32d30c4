# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests of msgslot's commands share that have one waiting in the background or on a terminal.

# shellcheck source=../common/shells.bash
source "$BATS_TEST_DIRNAME/../common/shells.bash"

# Slots were made anew with modes and settings of all kinds.
teardown_file()
{
	rmmod msgslot
	modprobe msgslot
	udevadm settle
}

# start COMMAND…: in the background, its output in ./said and errors in ./errors; its number in $pid.
start()
{
	# Said in so many words, or it would be /dev/null, as it runs in the background.
	"$@" <&0 >said 2>errors 3>&- &
	pid=$!
}

# ends CODE: what was started, with that.
ends()
{
	local code=0

	wait "$pid" || code=$?
	equal "exit code" "$code" "$1"
}

# waits CALL: what was started is in that system call.
waits()
{
	eventually in_call "$1"
}

in_call()
{
	local call

	read -r call _ <"/proc/$pid/syscall" && [ "$call" = "${numbers[$1]}" ]
} 2>/dev/null

# says TEXT: ./said comes to be TEXT, where printf's escapes count.
says()
{
	# shellcheck disable=SC2059
	printf -- "$1" >expected
	eventually cmp -s said expected || {
		same said expected
		return 1
	}
}

# lines SLOT: standard input has a channel and a message on each line, to be sent.
lines()
{
	works msgslot send -l --channel-field "$1"
}

# on_terminal COMMAND: its standard output is one, and what it shows is in ./shown.
on_terminal()
{
	script -qec "$1" /dev/null </dev/null | tr -d '\r' >shown
}

# shows TEXT COMMAND: on a terminal, where printf's escapes count.
shows()
{
	on_terminal "$2"
	# shellcheck disable=SC2059
	printf -- "$1" >expected
	same shown expected
}

# said_in CODE TEXT COMMAND…: exit code CODE, and standard error is exactly TEXT.
said_in()
{
	fails "$1" "" "${@:3}" || return 1
	printf '%s\n' "$2" >expected
	same err expected
}
