#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot recv in every mode: what it takes, what it leaves, when it waits and when it ends.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# fails_after TEXT CODE COMMAND…: it prints TEXT, and then fails.
fails_after()
{
	local code=0

	"${@:3}" >said 2>errors || code=$?
	equal "exit code" $code "$2" || return 1
	says "$1"
}

@test "last: ends at once where there is nothing, -w waits" {
	renew 1 last
	fails 3 "there is no message" msgslot recv 1 5
	has 1 channels 0
	start msgslot recv -w 1 5
	waits ppoll
	works msgslot send 1 5 first
	ends 0
	says 'first\n'
	# It does not wait where there is one.
	prints 'first\n' msgslot recv -w 1 5
	prints 'first\n' msgslot recv --wait 1 5
}

@test "last: --newer, with and without -w" {
	renew 1 last
	works msgslot send 1 5 one
	works msgslot send 1 5 two
	prints 'two\n' msgslot recv --newer 1 1 5
	fails 3 "there is no message" msgslot recv --newer 2 1 5
	start msgslot recv -w --newer 2 1 5
	waits ppoll
	works msgslot send 1 6 elsewhere
	works msgslot send 1 5 three
	ends 0
	says 'three\n'
}

@test "last: -f prints the present, then each newer, and not twice" {
	renew 1 last
	works msgslot send 1 5 one
	start msgslot recv -f 1 5
	says 'one\n'
	waits ppoll
	works msgslot send 1 5 two
	says 'one\ntwo\n'
	waits ppoll
	works msgslot send 1 5 two
	says 'one\ntwo\ntwo\n'
	stop "$pid"
	start msgslot recv --follow -C 2 -F '%{payload} %{lost}' 1 5
	says 'two 0\n'
	waits ppoll
	kill -STOP "$pid"
	for text in three four five; do
		works msgslot send 1 5 $text
	done
	kill -CONT "$pid"
	# Values that were replaced are no loss of the mode, but they are counted.
	ends 0
	says 'two 0\nfive 2\n'
}

@test "last: -C receives different messages" {
	renew 1 last
	works msgslot send 1 5 one
	fails_after 'one\n' 3 msgslot recv -C 2 1 5
	start msgslot recv -w -C 2 1 5
	says 'one\n'
	works msgslot send 1 5 two
	ends 0
	says 'one\ntwo\n'
}

@test "queue: takes the oldest, waits for one, -C and -f take more" {
	renew 4 queue
	works msgslot send -l 4 7 < <(printf 'one\ntwo\nthree\nfour\n')
	prints 'one\n' msgslot recv 4 7
	prints 'two\nthree\n' msgslot recv -C 2 4 7
	has 4 messages 1
	start msgslot recv -f 4 7
	says 'four\n'
	waits ppoll
	works msgslot send 4 7 five
	says 'four\nfive\n'
	works msgslot send 4 7 six
	says 'four\nfive\nsix\n'
	stop "$pid"
	holds 0
}

@test "queue: -C takes no more than that, whatever lengths they have" {
	renew 4 queue
	put "$class/msgslot4/max_message" 65536
	{ head -c 60000 /dev/zero | tr '\0' L; echo; seq 500; } >input
	works msgslot send -l 4 7 <input
	works msgslot recv -C 100 4 7
	head -n 100 input >expected
	same out expected
	has 4 messages 401
	prints '100\n' msgslot recv -C 1 4 7
}

@test "queue: -p leaves the message, and with --newer or -f looks at all" {
	renew 4 queue
	works msgslot send -l 4 7 < <(printf 'one\ntwo\nthree\n')
	prints 'one\n' msgslot recv -p 4 7
	prints 'one\n' msgslot recv --peek 4 7
	prints 'two\n' msgslot recv -p --newer 1 4 7
	prints 'one\ntwo\nthree\n' msgslot recv -p -C 3 4 7
	start msgslot recv -pf 4 7
	says 'one\ntwo\nthree\n'
	waits ioctl
	works msgslot send 4 7 four
	says 'one\ntwo\nthree\nfour\n'
	stop "$pid"
	holds 4
	fails_after 'one\ntwo\nthree\nfour\n' 3 msgslot recv -pf -W 0 4 7
	fails_after 'one\ntwo\nthree\nfour\n' 4 msgslot recv -pf -W 0.01 4 7
	fails 2 "in mode queue --newer needs -p" msgslot recv --newer 1 4 7
	prints 'one\n' msgslot recv 4 7
	holds 3
}

@test "-p changes nothing where no message is taken" {
	renew 1 last
	lines 1 < <(printf '1 one\n2 two\n')
	prints 'one\ntwo\n' msgslot recv -p -C 2 1 1-9
	prints 'one\n' msgslot recv -p 1 1
}

@test "broadcast: what is sent from now on, --newer what is kept" {
	renew 6 broadcast
	works msgslot send 6 7 before
	start msgslot recv -C 2 6 7
	waits ppoll
	works msgslot send -l 6 7 < <(printf 'one\ntwo\nthree\n')
	ends 0
	says 'one\ntwo\n'
	prints 'before\n' msgslot recv --newer 0 6 7
	prints 'one\n' msgslot recv --newer 1 6 7
	prints 'two\nthree\n' msgslot recv --newer 2 -C 2 6 7
	fails 3 "there is no message" msgslot recv --newer 4 -W 0 6 7
	fails 1 "there was no message 5 yet" msgslot recv --newer 5 6 7
	start msgslot recv --newer 4 6 7
	waits ppoll
	works msgslot send 6 7 four
	ends 0
	says 'four\n'
	fails 3 "" msgslot recv -W 0 6 7
	fails_after 'before\none\ntwo\nthree\nfour\n' 3 msgslot recv -f --newer 0 -W 0 6 7
}

@test "broadcast: losses are told, and are exit code 10" {
	renew 6 broadcast
	put "$class/msgslot6/depth" 4
	seq 10 | works msgslot send -l 6 0
	fails_after '7\n8\n' 10 msgslot recv --newer 2 -C 2 6 0
	equal said "$(<errors)" "msgslot: /dev/msgslot6: channel 0: 4 messages lost before they could be received"
	fails_after '7\n' 10 msgslot recv --newer 5 6 0
	equal said "$(<errors)" "msgslot: /dev/msgslot6: channel 0: 1 message lost before it could be received"
	# What was kept from the start is no loss, and what is kept no longer was not asked for.
	prints '7\n8\n9\n10\n' msgslot recv --newer 0 -C 4 6 0
	start msgslot recv -C 3 -F '%{sequence} %{lost}' 6 0
	waits ppoll
	kill -STOP "$pid"
	seq 10 | works msgslot send -l 6 0
	kill -CONT "$pid"
	ends 10
	says '17 6\n18 0\n19 0\n'
	# An object says it itself.
	code=0
	msgslot recv --newer 5 -j 6 0 >json 2>errors || code=$?
	equal "exit code" $code 10
	equal lost "$(jq .lost json)" 11
	[ ! -s errors ]
}

@test "recv -W ends any wait, and 0 waits not at all" {
	renew 1 last
	renew 4 queue
	renew 6 broadcast
	for slot in 1 4 6; do
		fails 4 "no message came in time" msgslot recv -w -W 0.05 $slot 5
		fails 3 "there is no message" msgslot recv -w -W 0 $slot 5
	done
	fails 4 "no message came in time" msgslot recv -p --timeout 0.05 4 5
	fails 3 "there is no message" msgslot recv -p -W 0 4 5
	fails 3 "there is no message" msgslot recv -W 100 1 5
	works msgslot send 4 5 x
	prints 'x\n' msgslot recv -W 0 4 5
}

@test "recv --max-age passes over what is older" {
	renew 1 last
	renew 6 broadcast
	renew 4 queue
	for slot in 1 4 6; do
		works msgslot send $slot 5 old
	done
	sleep 0.1
	prints 'old\n' msgslot recv --max-age 1000 1 5
	fails 3 "there is no message" msgslot recv --max-age 0.05 1 5
	start msgslot recv -w --max-age 100 --newer 1 1 5
	waits ppoll
	works msgslot send 1 5 young
	ends 0
	says 'young\n'
	prints 'old\n' msgslot recv -p --max-age 1000 4 5
	works msgslot send 4 5 young
	prints 'young\n' msgslot recv -p --max-age 60 --newer 1 4 5
	# In a queue, passing over is taking.
	sleep 0.1
	fails 3 "" msgslot recv --max-age 0.05 -W 0 4 5
	holds 0
	fails 3 "" msgslot recv --newer 0 --max-age 0.0001 -W 0 6 5
	prints 'old\n' msgslot recv --newer 0 --max-age 1000 6 5
}

@test "four who take: every message once" {
	local count=100000 n

	[ ! "$small" ] || count=200
	renew 4 queue
	for n in 1 2 3 4; do
		msgslot recv -f 4 3 >"got.$n" &
	done
	seq $count | works msgslot send -l 4 3
	eventually all_there $count
	let_go
	sort -n got.* >got
	seq $count >expected
	same got expected
}

all_there()
{
	[ "$(cat got.* | wc -l)" = "$1" ]
}

@test "four who hear: every message, or a loss that is told" {
	local count=100000 n

	[ ! "$small" ] || count=1000
	renew 4 broadcast
	for n in 1 2 3 4; do
		msgslot recv -f -F '%{sequence} %{lost} %{payload}' 4 3 >"got.$n" 2>"lost.$n" &
		# Once it waits, it has joined.
		pid=$!
		waits ppoll
	done
	seq $count | works msgslot send -l 4 3
	for n in 1 2 3 4; do
		eventually grep -q "^$count " "got.$n"
		# Where one left off the next goes on, but for what it says was lost.
		awk -v count=$count '
			$3 != $1 || $1 != last + 1 + $2 { wrong = 1 }
			{ last = $1; lost += $2 }
			END { exit wrong || last != count || NR + lost != count }' "got.$n"
		# And so do the lines on standard error.
		awk 'FNR == NR { lost += $2; next } { for (i = 2; i <= NF; i++) if ($i ~ /^messages?$/) told += $(i - 1) }
			END { exit told != lost }' "got.$n" "lost.$n"
	done
	let_go
}

@test "a slot that is destroyed ends who waits, and who sends" {
	for mode in last queue broadcast; do
		renew 4 $mode
		for command in "recv -w" "recv -f" "watch"; do
			rest=
			[ "$command" != watch ] || rest="cat"
			# shellcheck disable=SC2086
			start msgslot $command 4 5 $rest
			waits ppoll
			put "$class/destroy" 4
			ends 5
			grep -qx "msgslot: /dev/msgslot4: the slot was destroyed" errors
			put "$class/create" "4 $mode"
			udevadm settle
		done
	done
	renew 4 queue
	put "$class/msgslot4/depth" 1
	works msgslot send 4 5 full
	start msgslot send 4 5 lost
	waits ioctl
	put "$class/destroy" 4
	ends 5
	put "$class/create" "4 queue"
	udevadm settle
}

@test "-a prints all that is kept, and ends" {
	for mode in queue broadcast; do
		renew 4 $mode
		prints '' msgslot recv -a 4 5
		works msgslot send -l 4 5 < <(printf 'one\ntwo\nthree\n')
		prints 'one\ntwo\n' msgslot recv --all -C 2 4 5
		[ $mode = broadcast ] || prints 'three\n' msgslot recv -a -p 4 5
		if [ $mode = queue ]; then
			prints 'three\n' msgslot recv -a 4 5
		else
			prints 'one\ntwo\nthree\n' msgslot recv -a 4 5
		fi
	done
	prints 'two\nthree\n' msgslot recv -a --newer 1 4 5
	renew 4 last
	prints '' msgslot recv -a 4 5
	works msgslot send 4 5 here
	prints 'here\n' msgslot recv -a 4 5
	for option in -f -w "-W 1"; do
		# shellcheck disable=SC2086
		fails 2 "-a does not wait" msgslot recv -a $option 4 5
	done
}
