#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What README and the manual pages msgslot(1), msgslot(7), message_sender(1) and message_reader(1)
# show, as they show it, by a member of the group.

# shellcheck source=common.bash
source "$BATS_TEST_DIRNAME/common.bash"

# shows TEXT: runs the example on standard input and compares what it prints.
shows()
{
	local example

	example=$(cat)
	prints "$1" as member bash -euo pipefail -c "$example"
}

@test "README: a message stays" {
	shows '21.5 degrees\n21.5 degrees\n' <<-'EXAMPLE'
		msgslot send 0 5 "21.5 degrees"     # slot 0, channel 5
		msgslot recv 0 5                    # another process, another user, an hour later
		msgslot recv 0 5                    # reading takes nothing away
	EXAMPLE
	prints '21.5 degrees\n' as member2 msgslot recv 0 5
}

@test "README: three jobs, each taken once, and one that is waited for" {
	fresh
	shows 'one\ntwo\nthree\nfour\n' <<-'EXAMPLE'
		for job in one two three; do echo $job > /dev/msgslot4; done
		head -n 1 /dev/msgslot4             # each is taken once,
		msgslot recv 4 0                    # by whoever comes
		(sleep 1; echo four > /dev/msgslot4) &
		head -n 2 /dev/msgslot4             # who finds nothing waits
	EXAMPLE
	equal messages "$(get 4 messages)" 0
}

@test "README and msgslot(7): two who listen" {
	shows 'hello, all\nhello, all\n' <<-'EXAMPLE'
		exec 3< /dev/msgslot6 4< /dev/msgslot6      # two who listen
		echo "hello, all" > /dev/msgslot6
		head -n 1 <&3
		head -n 1 <&4
	EXAMPLE
}

@test "README: a slot made while the module runs" {
	changed=1
	works bash -c 'echo "17 queue" > /sys/class/msgslot/create'
	udevadm settle
	equal mode "$(get 17 mode)" queue
	works as member bash -c 'echo hello > /dev/msgslot17'
	prints 'hello\n' as member2 head -n 1 /dev/msgslot17
}

@test "README: slots chosen when the module loads" {
	changed=1
	rmmod msgslot
	mkdir -p /etc/modprobe.d
	echo "options msgslot slots=last:16,queue:4" >/etc/modprobe.d/msgslot-test.conf
	modprobe msgslot
	rm /etc/modprobe.d/msgslot-test.conf
	udevadm settle
	equal "slot 15" "$(get 15 mode)" last
	equal "slot 19" "$(get 19 mode)" queue
	[ ! -e /dev/msgslot20 ]
}

@test "msgslot(7): a value and four jobs" {
	fresh
	shows 'hello\nhello\none\ntwo\nthree\nfour\n' <<-'EXAMPLE'
		msgslot send 0 5 "hello"
		msgslot recv 0 5
		msgslot recv 0 5
		for job in one two three four; do echo $job > /dev/msgslot4; done
		head -n 1 /dev/msgslot4
		msgslot recv 4 0
		head -n 2 /dev/msgslot4
	EXAMPLE
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
