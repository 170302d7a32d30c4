#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What the manual pages msgslot(1), message_sender(1) and message_reader(1) show, as they show it, by
# a member of the group.

# shellcheck source=common.bash
source "$BATS_TEST_DIRNAME/common.bash"

# shows TEXT: runs the example on standard input and compares what it prints.
shows()
{
	local example

	example=$(cat)
	prints "$1" as member bash -euo pipefail -c "$example"
}

@test "msgslot(1): leave a message and read it" {
	shows 'hello\n' <<-'EXAMPLE'
		msgslot send 0 5 "hello"
		msgslot recv 0 5
	EXAMPLE
}

@test "msgslot(1): something that looks like an option" {
	shows '-1.5\n' <<-'EXAMPLE'
		msgslot send 0 5 -1.5
		msgslot recv 0 5
	EXAMPLE
}

@test "msgslot(1): a file whole" {
	works as member bash -c 'msgslot send 0 7 - < /proc/loadavg'
	works msgslot recv -N 0 7
	grep -qxE '([0-9]+\.[0-9]+ ){3}[0-9]+/[0-9]+ [0-9]+' out
}

@test "msgslot(1): every line but the empty ones, and a copy to another slot" {
	shows '20.7\n' <<-'EXAMPLE'
		printf '%s\n' 20.5 "" 20.7 | grep . | msgslot send -l 0 9
		msgslot recv 0 9
	EXAMPLE
	shows '' <<-'EXAMPLE'
		msgslot recv -N 0 9 | msgslot send 1 9 -
	EXAMPLE
	prints 20.7 msgslot recv -N 1 9
}

@test "msgslot(1): wait for the first message, stop when anything is wrong" {
	local waiting='
		until msgslot recv 0 7 2> /dev/null; do
			test $? -eq 3 || break
			sleep 1
		done'

	fresh
	(
		sleep 2
		msgslot send 0 7 first
	) &
	prints 'first\n' as member bash -c "$waiting"
	wait
	prints '' as outsider bash -c "$waiting"
}

@test "msgslot(1): a single minus" {
	works as member bash -c 'printf - | msgslot send 0 5 -'
	works msgslot recv -N 0 5
	equal "message" "$(cat out)" -
}

@test "message_sender(1) and message_reader(1)" {
	shows 'hello' <<-'EXAMPLE'
		message_sender /dev/msgslot0 1 "hello"
		message_reader /dev/msgslot0 1
	EXAMPLE
	message_reader /dev/msgslot0 1 > message.bin
	same message.bin expected
}
