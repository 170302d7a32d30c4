#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What README and the manual pages msgslot(1), msgslot-send(1), msgslot-recv(1) and so on, msgslot(7),
# message_sender(1) and message_reader(1) show, as they show it, by a member of the group.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

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
		msgslot recv 0 5                    # mode last: reading takes nothing away
	EXAMPLE
	prints '21.5 degrees\n' as member2 msgslot recv 0 5
}

@test "README: three jobs, each taken once, and one that is waited for" {
	fresh
	shows 'one\ntwo\nthree\nfour\n' <<-'EXAMPLE'
		for job in one two three; do echo $job > /dev/msgslot4; done
		head -n 1 /dev/msgslot4             # each message is taken once
		msgslot recv 4 0                    # by any reader
		(sleep 1; echo four > /dev/msgslot4) &
		head -n 2 /dev/msgslot4             # a reader of an empty channel waits
	EXAMPLE
	has 4 messages 0
}

@test "README and msgslot(7): two readers" {
	shows 'hello, all\nhello, all\n' <<-'EXAMPLE'
		exec 3< /dev/msgslot6 4< /dev/msgslot6      # two readers
		echo "hello, all" > /dev/msgslot6
		head -n 1 <&3
		head -n 1 <&4
	EXAMPLE
}

@test "README: a slot made while the module runs" {
	changed=1
	works bash -c 'echo "17 queue" > /sys/class/msgslot/create'
	udevadm settle
	has 17 mode queue
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
	has 15 mode last
	has 19 mode queue
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

@test "msgslot(1): by name" {
	mkdir -p /etc/msgslot
	echo "greeting 0 5" >/etc/msgslot/channels
	HOME=~member shows 'hello\n' <<-'EXAMPLE'
		msgslot send @greeting "hello"
		msgslot recv @greeting
	EXAMPLE
	rm -r /etc/msgslot
}

@test "msgslot-send(1): something that looks like an option" {
	shows '-1.5\n' <<-'EXAMPLE'
		msgslot send 0 5 -1.5
		msgslot recv 0 5
	EXAMPLE
}

@test "msgslot-send(1): a file whole" {
	works as member bash -c 'msgslot send 0 7 - < /proc/loadavg'
	works msgslot recv -N 0 7
	grep -qxE '([0-9]+\.[0-9]+ ){3}[0-9]+/[0-9]+ [0-9]+' out
}

@test "msgslot-send(1): every line but the empty ones, and a copy to another slot" {
	shows '20.7\n' <<-'EXAMPLE'
		printf '%s\n' 20.5 "" 20.7 | grep . | msgslot send -l 0 9
		msgslot recv 0 9
	EXAMPLE
	shows '' <<-'EXAMPLE'
		msgslot recv -N 0 9 | msgslot send 1 9 -
	EXAMPLE
	prints 20.7 msgslot recv -N 1 9
}

@test "msgslot-send(1): a single minus" {
	works as member bash -c 'printf - | msgslot send 0 5 -'
	works msgslot recv -N 0 5
	equal "message" "$(cat out)" -
}

@test "msgslot-send(1): four add one to a number, at once" {
	local add='
		for n in 1 2 3 4 5; do
			until now=$(msgslot recv -F "%{sequence} %{payload}" 0 8)
			      msgslot send --if-seq ${now% *} 0 8 $((${now#* } + 1)) 2>/dev/null
			do test $? -eq 9 || break; done
		done'

	works msgslot send 0 8 0
	for _ in 1 2 3 4; do
		as member bash -c "$add" &
	done
	wait
	prints '20\n' msgslot recv 0 8
}

@test "msgslot-recv(1): is a value fresh?" {
	fresh
	shows 'no sign of life for a minute\n' <<-'EXAMPLE'
		msgslot recv --max-age 60 0 5 2> /dev/null || echo "no sign of life for a minute"
	EXAMPLE
	works msgslot send 0 5 alive
	shows 'alive\n' <<-'EXAMPLE'
		msgslot recv --max-age 60 0 5 || echo "no sign of life for a minute"
	EXAMPLE
}

@test "msgslot-recv(1): wait for a channel's first message" {
	fresh
	(
		sleep 1
		msgslot send 0 7 first
	) &
	shows 'first\n' <<-'EXAMPLE'
		msgslot recv -w 0 7
	EXAMPLE
	wait
}

@test "msgslot-recv(1): follow a value; who sends what in a room" {
	fresh
	works msgslot send 0 5 one
	as member bash -c '
		msgslot recv -f 0 5 | while read -r value; do echo "now $value"; done' >values &
	as member msgslot recv -f -F '%{time} %{user}: %{payload}' 6 0 >room &
	until [ "$(cat values)" = "now one" ]; do sleep 0.1; done
	works msgslot send 0 5 two
	until grep -qx "now two" values; do sleep 0.1; done
	until grep -q ': hello$' room; do
		as member2 msgslot send 6 0 hello
		sleep 0.1
	done
	# The programs that were started, not only their parents.
	while pkill -KILL -u member; do sleep 0.1; done
	wait
	grep -qE '^[0-9-]{10}T[0-9:.]{15}Z member2: hello$' room
}

@test "msgslot-recv(1): all that waits, all that is kept, and names with newlines" {
	fresh
	printf 'one\ntwo\n' | works msgslot send -l 6 0
	shows '["one","two"]\n' <<-'EXAMPLE'
		msgslot recv -a -j 6 0 | jq -cs 'map(.payload)'
	EXAMPLE
	printf 'one\ntwo\n' | works msgslot send -l 4 0
	shows 'one\ntwo\n' <<-'EXAMPLE'
		msgslot recv -p -a 4 0
	EXAMPLE
	has 4 messages 2
	touch $'a\nb' c
	works msgslot send 4 1 $'a\nb'
	works msgslot send 4 1 c
	works bash -c 'msgslot recv -C 2 -0 4 1 | xargs -0 -n 1 ls -l'
	equal files "$(grep -c ^- out)" 2
}

@test "msgslot-watch(1): do what the channel says, and do jobs" {
	fresh
	works msgslot send 0 5 70%
	prints 'set 70%%\n' msgslot watch -C 1 0 5 sh -c 'read -r volume; echo "set $volume"'
	printf 'job 1\njob 2\n' | works msgslot send -l 4 0
	# In one write: two jobs are done at the same time.
	printf '#!/bin/sh\necho "$(cat) done"\n' | install -m 755 /dev/stdin do-one-job
	works msgslot watch -C 2 -J 4 --retries 9 --dead-letter 9 4 0 ./do-one-job
	equal jobs "$(sort out)" $'job 1 done\njob 2 done'
	has 4 messages 0
}

@test "msgslot-list(1), msgslot-show(1), msgslot-clear(1)" {
	fresh
	# shellcheck disable=SC2016
	shows '/dev/msgslot4\n/dev/msgslot5\n' <<-'EXAMPLE'
		msgslot list -j | jq -r 'select(.mode == "queue" and .access == "rw").node'
	EXAMPLE
	shows '/dev/msgslot0\n8\n' <<-'EXAMPLE'
		msgslot list -j | jq -rs '.[0].node'
		msgslot list -j | jq -s length
	EXAMPLE
	shows '0\n' <<-'EXAMPLE'
		msgslot show -j 4 0 | jq '.channel_list[0].messages // 0'
	EXAMPLE
	printf 'one\ntwo\n' | works msgslot send -l 4 0
	shows '2\n' <<-'EXAMPLE'
		msgslot show -j 4 0 | jq '.channel_list[0].messages // 0'
	EXAMPLE
	works msgslot send 0 5 x
	shows '' <<-'EXAMPLE'
		msgslot clear 0 5
	EXAMPLE
	fails 3 "" msgslot recv 0 5
}

@test "message_sender(1) and message_reader(1)" {
	shows 'hello' <<-'EXAMPLE'
		message_sender /dev/msgslot0 1 "hello"
		message_reader /dev/msgslot0 1
	EXAMPLE
	message_reader /dev/msgslot0 1 > message.bin
	equal "bytes" "$(<message.bin)" hello
}
