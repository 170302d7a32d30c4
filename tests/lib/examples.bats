#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs of examples/ do what their first comments say.
#
# Messages are sent by the shell where that is enough: a slot of mode queue or
# broadcast starts on channel 0. Nothing is waited for but what is expected, for as
# long as it takes; the harness ends what hangs.

# shellcheck disable=SC2030,SC2031 # each test has its own processes

class=/sys/class/msgslot
slot=200

setup()
{
	cd "$BATS_TEST_TMPDIR" || return 1
	examples=/usr/lib/msgslot-examples
	started=()
}

teardown()
{
	local process

	for process in "${started[@]}"; do
		kill -KILL "$process" || true
	done 2>/dev/null
	[ ! -d $class/msgslot$slot ] || echo $slot >$class/destroy
	rm -rf /etc/msgslot
}

create()
{
	echo "$slot $1" >$class/create
}

# background COMMAND…: with its output in ./out and ./err, and without the pipes that
# tests write to: they are to end when the test ends them.
background()
{
	"$@" >out 2>err 3>&- 9>&- &
	started+=($!)
}

# await FILE LINE: until the file has the line.
await()
{
	until grep -qxE -e "$2" "$1"; do
		sleep 0.05
	done
}

# stop PROCESS, and be sure of it.
stop()
{
	kill -STOP "$1"
	until grep -q '^State:.T' "/proc/$1/status"; do
		sleep 0.05
	done
}

# same TEXT FILE: the file is the text, where printf's escapes count.
same()
{
	# shellcheck disable=SC2059 # the escapes are the point
	diff <(printf "$1") "$2"
}

# script NAME: standard input, to be run.
script()
{
	cat >"$1.text"
	install -m 755 "$1.text" "$1"
}

kept()
{
	cat $class/msgslot$slot/messages
}

@test "latest: prints what is there, then each newer value" {
	create last
	"$examples/latest" $slot 5 one
	background "$examples/latest" $slot 5
	await out one
	"$examples/latest" $slot 5 "two words"
	await out "two words"
	same 'one\ntwo words\n' out
	same '' err
}

@test "latest: waits where there is nothing, and says what went unread" {
	create last
	background "$examples/latest" $slot 5
	"$examples/latest" $slot 5 first
	await out first
	stop "${started[0]}"
	for value in a b c; do
		"$examples/latest" $slot 5 $value
	done
	kill -CONT "${started[0]}"
	await out "c.*"
	same 'first\nc\t(2 between went unread)\n' out
}

@test "setting: sees each newer value, and asks nobody" {
	create last
	background "$examples/setting" $slot 5
	"$examples/latest" $slot 5 slow
	await out "setting 1: slow"
	"$examples/latest" $slot 5 "rather fast"
	await out "setting 2: rather fast"
	[ "$(cat $class/msgslot$slot/received)" = 0 ]
	echo $slot >$class/destroy
	status=0
	wait "${started[0]}" || status=$?
	[ $status = 1 ]
	same 'setting 1: slow\nsetting 2: rather fast\n' out
	same "$examples/setting: slot $slot: No such device\n" err
	create queue
	run "$examples/setting" $slot 5
	[ "$status" = 1 ]
	[[ $output == *"slot $slot: Operation not supported" ]]
}

@test "worker: each job is run once and then gone" {
	create queue
	script run <<<$'#!/bin/sh\necho "$1" >>ran'
	printf one >/dev/msgslot$slot
	printf "two words" >/dev/msgslot$slot
	background "$examples/worker" $slot 0 ./run
	await ran "two words"
	printf three >/dev/msgslot$slot
	await ran three
	until [ "$(kept)" = 0 ]; do
		sleep 0.05
	done
	same 'one\ntwo words\nthree\n' ran
}

@test "worker: a job that fails is tried again, and given up in the end" {
	create queue
	printf bad >/dev/msgslot$slot
	printf good >/dev/msgslot$slot
	script run <<<$'#!/bin/sh\necho "$1" >>ran; [ "$1" = good ]'
	background "$examples/worker" $slot 0 ./run
	await ran good
	same 'bad\nbad\nbad\ngood\n' ran
	await err "job 'bad' failed 3 times and is given up"
}

@test "worker: several share the jobs, and what one dies over another one does" {
	create queue
	script run <<<$'#!/bin/sh\n[ "$1" != deadly ] || [ -e died ] || { touch died; kill -KILL $PPID; }\necho "$1" >>ran'
	for job in 1 2 deadly 3 4; do
		printf %s $job >/dev/msgslot$slot
	done
	background "$examples/worker" $slot 0 ./run
	background "$examples/worker" $slot 0 ./run
	until [ "$(kept)" = 0 ]; do
		sleep 0.05
	done
	equal=$(sort ran | uniq -c | awk '$2 != "deadly" { print $1, $2 }' | xargs)
	[ "$equal" = "1 1 1 2 1 3 1 4" ]
	grep -q deadly ran
}

@test "worker: a job outlives the worker that died over it" {
	create queue
	script die <<<$'#!/bin/sh\nkill -KILL $PPID'
	printf job >/dev/msgslot$slot
	run "$examples/worker" $slot 0 ./die
	[ "$status" = 137 ]
	[ "$(kept)" = 1 ]
}

@test "listen: prints each message with its sender, by name and by number" {
	create broadcast
	mkdir /etc/msgslot
	echo "lounge $slot 3 # of the tests" >/etc/msgslot/channels
	background "$examples/listen" @lounge
	await err "listening on channel 3"
	echo "hello there" | "$examples/loop" $slot 3
	await out "user 0, process [0-9]+: hello there"
	kill "${started[0]}"
	background "$examples/listen" $slot
	await err "listening on channel 0"
	printf shell >/dev/msgslot$slot
	await out "user 0, process [0-9]+: shell"
}

@test "listen: says how much was missed" {
	create broadcast
	echo 2 >$class/msgslot$slot/depth
	background "$examples/listen" $slot
	await err "listening on channel 0"
	printf before >/dev/msgslot$slot
	await out ".*: before"
	stop "${started[0]}"
	for text in 1 2 3 4 5; do
		printf %s $text >/dev/msgslot$slot
	done
	kill -CONT "${started[0]}"
	await out ".*: 5"
	sed 's/.*: //' out >texts
	same 'before\n(3 missed)\n4\n5\n' texts
}

@test "loop: says what is typed, hears what is said, ends with its input" {
	create broadcast
	mkfifo typed
	"$examples/loop" $slot 6 <typed >out 2>err 3>&- &
	started+=($!)
	exec 9>typed
	echo "first" >&9
	await out first
	printf 'second\nthird' | "$examples/loop" $slot 6 >other
	same 'second\nthird\n' other
	await out third
	exec 9>&-
	wait "${started[0]}"
	same 'first\nsecond\nthird\n' out
	same '' err
}

@test "lock: one at a time" {
	create last
	echo 0 >count
	script increment <<-'END'
		#!/bin/sh
		read -r count <count
		sleep 0.02
		echo $((count + 1)) >count
	END
	script often <<-END
		#!/bin/sh
		for i in 1 2 3 4 5; do
			"$examples/lock" $slot 9 ./increment || exit
		done
	END
	for _ in 1 2 3 4; do
		./often 3>&- &
		started+=($!)
	done
	for process in "${started[@]}"; do
		wait "$process"
	done
	same '20\n' count
	[ "$(kept)" = 0 ]
}

@test "lock: the command's status is passed on, the holder's number is there" {
	create last
	run "$examples/lock" $slot 9 sh -c 'exit 7'
	[ "$status" = 7 ]
	run "$examples/lock" $slot 9 sh -c 'kill -TERM $$'
	[ "$status" = 143 ]
	mkfifo hold
	"$examples/lock" $slot 9 cat hold 3>&- &
	started+=($!)
	exec 9>hold
	background "$examples/latest" $slot 9
	await out "${started[0]}"
	exec 9>&-
	wait "${started[0]}"
	[ "$(kept)" = 0 ]
}

@test "lock: its owner's death frees it" {
	create last
	script die <<<$'#!/bin/sh\nkill -KILL $PPID'
	run "$examples/lock" $slot 9 ./die
	[ "$status" = 137 ]
	[ "$(kept)" = 0 ]
	run "$examples/lock" $slot 9 echo mine
	[ "$output" = mine ]
}

@test "all: no arguments is a usage error, no slot is told" {
	for program in latest setting worker listen loop lock; do
		run "$examples/$program"
		[ "$status" = 2 ]
		[[ $output == "usage: "* ]]
	done
	for program in "latest 199 1" "setting 199 1" "worker 199 1 true" "listen 199" "loop 199 1" "lock 199 1 true"; do
		# shellcheck disable=SC2086 # words are wanted
		run "$examples/"$program
		[ "$status" = 1 ]
		[[ $output == *"199: No such file or directory" ]]
	done
}

@test "dashboard: the newest value of each channel, then what changes" {
	create last
	"$examples/latest" $slot 5 old
	"$examples/latest" $slot 5 five
	"$examples/latest" $slot 9 nine
	"$examples/latest" $slot 10 outside
	background "$examples/dashboard" $slot 1 9
	await out "9: nine"
	"$examples/latest" $slot 7 "seven of them"
	await out "7: seven of them"
	same '5: five\n9: nine\n7: seven of them\n' out
	echo $slot >$class/destroy
	status=0
	wait "${started[0]}" || status=$?
	[ $status = 1 ]
	same "$examples/dashboard: $slot: No such device\n" err
}

@test "priority: the lowest channel that has a job comes first" {
	create queue
	msgslot send $slot 31 later
	msgslot send $slot 7 normal
	msgslot send $slot 0 urgent
	msgslot send $slot 32 "not a priority"
	background "$examples/priority" $slot
	await out "priority 31: later"
	same 'priority 0: urgent\npriority 7: normal\npriority 31: later\n' out
	[ "$(kept)" = 1 ]
	kill "${started[0]}"
	echo $slot >$class/destroy
	create last
	run "$examples/priority" $slot
	[ "$status" = 1 ]
	[[ $output == *"$slot: Operation not supported" ]]
}
