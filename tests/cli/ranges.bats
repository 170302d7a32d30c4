#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A range in the place of a channel: recv, watch, show, clear and dump of many channels, priorities,
# and send with the channel in each line.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "last: what is there on each channel, once, in the order of the channels" {
	renew 1 last
	lines 1 < <(printf '3 three\n1 old\n100 hundred\n1 one\n101 outside\n4294967295 highest\n')
	prints '1 one\n3 three\n100 hundred\n' msgslot recv -F '%{channel} %{payload}' 1 1-100
	prints 'one\nthree\n' msgslot recv -C 2 1 1-100
	prints 'hundred\noutside\nhighest\n' msgslot recv 1 0x10-
	prints 'one\nthree\nhundred\noutside\nhighest\n' msgslot recv 1 all
	prints 'three\n' msgslot recv 1 3-3
	prints '1\n3\n' msgslot recv -a -F '%{channel}' 1 0-0xA
	works msgslot recv -j 1 100-101
	equal channels "$(jq -c .channel out | xargs)" "100 101"
	# Nothing there is no error, as with -a.
	prints '' msgslot recv 1 5-50
	# Nobody is disturbed: they are there still.
	prints 'one\n' msgslot recv 1 1
}

@test "last: -f goes on with what is new, -w waits for one" {
	renew 1 last
	lines 1 < <(printf '1 one\n3 three\n')
	start msgslot recv -f -F '%{channel} %{payload}' 1 1-9
	says '1 one\n3 three\n'
	waits ppoll
	works msgslot send 1 10 outside
	works msgslot send 1 7 "seven words"
	says '1 one\n3 three\n7 seven words\n'
	waits ppoll
	works msgslot send 1 1 "one more"
	says '1 one\n3 three\n7 seven words\n1 one more\n'
	stop "$pid"
	start msgslot recv -w 1 50-60
	waits ppoll
	works msgslot send 1 55 there
	ends 0
	says 'there\n'
	fails 4 "channels 50 to 54: no message came in time" msgslot recv -w -W 0.05 1 50-54
}

@test "queue: each message once, of all channels; -a ends with the last" {
	renew 4 queue
	lines 4 < <(printf '7 a\n9 b\n7 c\n20 outside\n')
	prints '7 a\n' msgslot recv -F '%{channel} %{payload}' 4 5-10
	works msgslot recv -a -F '%{channel} %{payload}' 4 5-10
	printf '7 c\n9 b\n' >expected
	sort out >seen
	same seen expected
	fails 3 "channels 5 to 10: there is no message" msgslot recv -W 0 4 5-10
	has 4 messages 1
	start msgslot recv -f -F '%{channel} %{payload}' 4 5-10
	waits ppoll
	lines 4 < <(printf '5 d\n11 outside\n')
	says '5 d\n'
	waits ppoll
	works msgslot send 4 10 e
	says '5 d\n10 e\n'
	stop "$pid"
}

@test "queue: --lowest takes the lowest channel first" {
	renew 4 queue
	lines 4 < <(printf '31 later\n7 normal\n0 urgent\n7 normal too\n')
	prints 'urgent\n' msgslot recv --lowest 4 0-31
	prints 'normal\nnormal too\nlater\n' msgslot recv -a --lowest 4 all
	lines 4 < <(printf '3 c\n1 a\n2 b\n')
	prints '1 a\n2 b\n3 c\n' msgslot watch -C 3 --lowest 4 all sh -c 'echo $MSGSLOT_CHANNEL $(cat)'
	fails 2 "--lowest is for a range" msgslot recv --lowest 4 5
	renew 1 last
	fails 2 "--lowest is for mode queue" msgslot recv --lowest 1 1-5
}

@test "queue: -p leaves them; -p -a shows all that is kept, channel by channel" {
	renew 4 queue
	lines 4 < <(printf '9 c\n7 a\n7 b\n20 outside\n')
	prints 'a\n' msgslot recv -p 4 5-10
	prints 'a\nb\nc\n' msgslot recv -p -a 4 5-10
	prints 'a\nb\n' msgslot recv -p -a -C 2 4 5-10
	fails 2 "-p on a range is for one message" msgslot recv -p -f 4 5-10
	fails 2 "-p on a range is for one message" msgslot recv -p -C 2 4 5-10
	has 4 messages 4
	prints '' msgslot recv -p -a 4 50-100
	works msgslot clear 4 7
	works msgslot send 4 7 12345
	fails 7 "channel 7: the buffer is too short for a message of 5 bytes" msgslot recv -a -p --max-length 4 4 5-8
	fails 7 "channel 7: the buffer is too short for a message of 5 bytes" msgslot recv --max-length 4 4 5-8
}

# young_until_end: messages come until the watch took one, which on a slow machine may be too old by then, too.
young_until_end()
{
	while kill -0 "$pid" 2>/dev/null; do
		works msgslot send 4 7 young
		sleep 0.02
	done
	ends 0
	says 'young'
	works msgslot clear 4 7
}

@test "queue: -p and --max-age" {
	renew 4 queue
	lines 4 < <(printf '5 old\n6 old\n')
	fails 2 "-p with --max-age is for one channel" msgslot recv -p --max-age 9 4 5-10
	sleep 0.3
	# Of what is too old nothing is run, and it is taken.
	start msgslot watch -p -C 1 --max-age 0.2 4 5-10 cat
	eventually has 4 messages 0
	young_until_end
	works msgslot send 4 7 old
	sleep 0.3
	start msgslot watch -p -C 1 --max-age 0.2 4 7 cat
	young_until_end
	has 4 messages 0
}

@test "-a, and the values of a range, end however busy the senders are" {
	renew 1 last
	yes value | msgslot send -l 1 5 3>&- &
	sender=$!
	eventually msgslot recv 1 5
	prints 'value\n' msgslot recv 1 1-100
	prints 'value\n' msgslot recv -a 1 5
	stop "$sender"
	renew 4 queue
	yes job | msgslot send -l 4 5 3>&- &
	sender=$!
	eventually msgslot recv -p 4 5
	works msgslot recv -a 4 5
	[ "$(wc -l <out)" -le 1024 ]
	works msgslot recv -a 4 all
	[ "$(wc -l <out)" -le 1024 ]
	stop "$sender"
}

@test "broadcast: -a of a range delays no sender, however slowly it prints" {
	renew 6 broadcast
	put "$class/msgslot6/overflow" block
	put "$class/msgslot6/depth" 20
	head -c 4096 /dev/zero >long
	for ((i = 0; i < 20; i++)); do
		works msgslot send 6 9 - <long
	done
	mkfifo pipe
	exec {pipe}<>pipe
	start sh -c 'exec msgslot recv -a 6 all >pipe'
	waits write
	for ((i = 0; i < 30; i++)); do
		works msgslot send -W 20 6 0 x
	done
	stop "$pid"
	exec {pipe}<&-
}

@test "broadcast: every message from then on; -a what is kept" {
	renew 6 broadcast
	exec {fd}</dev/msgslot6
	works msgslot send 6 0 kept
	prints 'kept\n' msgslot recv -a 6 all
	start msgslot recv -f -F '%{channel} %{payload}' 6 0-100
	waits ppoll
	lines 6 < <(printf '5 a\n0 b\n101 outside\n5 c\n')
	says '5 a\n0 b\n5 c\n'
	stop "$pid"
	exec {fd}>&-
}

@test "broadcast: what was lost is told" {
	renew 6 broadcast
	put $class/msgslot6/depth 4
	start msgslot recv -f 6 1-9
	waits ppoll
	kill -STOP "$pid"
	for _ in {1..9}; do
		echo "5 x"
	done >input
	lines 6 <input
	kill -CONT "$pid"
	eventually grep -q "5 messages lost before they could be received" errors
	stop "$pid"
}

@test "watch: the channel is in the environment; -p takes a job where it succeeded" {
	renew 4 queue
	lines 4 < <(printf '7 a\n9 b\n')
	prints '7 a\n9 b\n' msgslot watch -C 2 4 5-10 sh -c 'echo $MSGSLOT_CHANNEL $(cat)'
	lines 4 < <(printf '7 a\n9 b\n')
	works msgslot watch -p -C 1 4 5-10 true
	has 4 messages 1
	fails 1 "ended with 1" msgslot watch -p 4 5-10 false
	has 4 messages 1
	prints 'b\n' msgslot recv 4 9
	renew 1 last
	lines 1 < <(printf '1 a\n2 b\n')
	prints '1 a\n2 b\n' msgslot watch -C 2 1 all sh -c 'echo $MSGSLOT_CHANNEL $(cat)'
}

@test "show, clear and dump of a range" {
	renew 4 queue
	lines 4 < <(printf '1 a\n5 b\n9 c\n12 d\n')
	works msgslot show -j 4 5-9
	equal channels "$(jq -c '[.channel_list[].channel]' out)" "[5,9]"
	works msgslot show 4 10-
	grep -qE '^ +12 +1 ' out
	works msgslot dump 4 5-9 kept
	works msgslot dump 4 1 single
	works msgslot clear 4 2-9
	prints '1 a\n12 d\n' msgslot recv -p -a -F '%{channel} %{payload}' 4 all
	works msgslot restore -a 4 kept
	prints '1 a\n5 b\n9 c\n12 d\n' msgslot recv -p -a -F '%{channel} %{payload}' 4 all
	fails 2 "--if-seq is for one channel" msgslot clear --if-seq 1 4 2-9
	works msgslot clear 4 all
	has 4 messages 0
	works msgslot restore 4 single
	prints 'a\n' msgslot recv -a 4 all
}

@test "show -v: which files listen to which channels" {
	renew 4 queue
	start msgslot recv -f 4 5-10
	waits ppoll
	works msgslot show -v 4
	grep -qE "^ *$pid +[0-9]+ +5-10 .*msgslot$" out
	works msgslot show -vj 4 10-11
	equal range "$(jq -c '.file_list[].listens' out)" '{"first":5,"last":10}'
	works msgslot show -vj 4 11-12
	equal range "$(jq -c '.file_list' out)" '[]'
	stop "$pid"
}

@test "send -l --channel-field: the channel is in the line" {
	renew 4 queue
	printf '5 one\n0x6\ttwo words\n5  two blanks\n' >input
	lines 4 <input
	prints 'one\n two blanks\n' msgslot recv -a 4 5
	prints 'two words\n' msgslot recv -a 4 6
	# What recv prints, send takes.
	lines 4 <input
	works msgslot recv -a -F '%{channel} %{payload}' 4 all
	mv out kept
	lines 4 <kept
	has 4 messages 3
	works msgslot clear 4 all
	# The lines before a wrong one are sent.
	for wrong in '' x '-1 x' '4294967296 x' ' 5 x'; do
		printf '1 a\n1 b\n%s\n1 c\n' "$wrong" >input
		fails 2 "line 3 does not begin with a channel" msgslot send -l --channel-field 4 <input
		prints 'a\nb\n' msgslot recv -a 4 1
	done
	printf '1 a\n1\n' >input
	fails 7 "channel 1: line 2: the message is empty" msgslot send -l --channel-field 4 <input
	prints 'a\n' msgslot recv -a 4 all
	renew 4 queue
	prints '1\n1\n2\n' msgslot send -s -l --channel-field 4 < <(printf '2 a\n3 a\n3 b\n')
	fails 2 "--channel-field is for lines" msgslot send --channel-field 4 x
	fails 2 "unexpected argument" msgslot send -l --channel-field 4 5 </dev/null
}

@test "send -l --channel-field: a line that is cut is not sent, whatever is left of it" {
	renew 1 last
	{ printf '%040d ' 5; head -c 119 /dev/zero | tr '\0' x; echo '7 stray'; } >input
	fails 2 "line 1 begins with a channel that is too long" msgslot send -l --channel-field 1 <input
	has 1 channels 0
}

@test "send -l: a full channel: which line, and those before it are there" {
	renew 4 queue
	put $class/msgslot4/depth 2
	printf '1 a\n2 a\n1 b\n1 c\n2 b\n' >input
	fails 8 "channel 1: line 4: the channel is full" msgslot send -W 0 -l --channel-field 4 <input
	prints 'a\nb\n' msgslot recv -a 4 1
	prints 'a\n' msgslot recv -a 4 2
	printf 'a\nb\nc\n' >input
	fails 4 "channel 1: line 3: the channel stayed full" msgslot send -W 0.05 -l 4 1 <input
	prints 'a\nb\n' msgslot recv -a 4 1
}

@test "send -l: a message of 1 MiB with its channel before it" {
	renew 4 queue
	put "$class/msgslot4/max_message" 1048576
	{
		printf '4294967295 '
		head -c 1048576 /dev/zero | tr '\0' x
		printf '\n3 next\n'
	} >input
	lines 4 <input
	prints '4\n1048576\n' msgslot recv -a -F '%{length}' --lowest 4 3-
	{
		printf '5 '
		head -c 1048577 /dev/zero | tr '\0' x
		printf '\n3 next\n'
	} >input
	fails 7 "line 1: the message is too long" msgslot send -l --channel-field 4 <input
}

@test "many messages: none is lost, none comes twice, in the order of each channel" {
	local count=20000

	[ ! "$small" ] || count=3000
	renew 4 queue
	put $class/msgslot4/depth 65536
	seq $count | awk '{ print $1 % 7, $1 }' >input
	lines 4 <input
	start msgslot recv -C $count -F '%{channel} %{payload}' 4 all
	ends 0
	for channel in 0 3 6; do
		cmp <(grep "^$channel " input) <(grep "^$channel " said)
	done
	cmp <(sort input) <(sort said)
	# Two readers share them.
	lines 4 <input
	msgslot recv -a -F '%{channel} %{payload}' 4 all >one &
	works msgslot recv -a -F '%{channel} %{payload}' 4 0-6
	wait $!
	cmp <(sort input) <(sort one out)
}

@test "what is no range" {
	for wrong in 5-3 -5 - 1--2 1-x x-1 1-4294967296 ALL 1-2-3 "1- 2" "1 -2" ""; do
		fails 2 "channel '$wrong'" msgslot recv 4 "$wrong"
	done
	fails 2 "channel '1-5' is not a number" msgslot send 4 1-5 x
	fails 2 "channel '1-5' is not a number" msgslot chat 6 1-5
	renew 1 last
	fails 2 "there is no channel 0 in mode last" msgslot recv 1 0-0
	fails 2 "--newer is for one channel" msgslot recv --newer 3 1 1-5
}
