#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot recv: where standard output ends, and what that costs; how messages leave.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "queue: an output that is closed costs no message" {
	renew 4 queue
	works msgslot send -l 4 0 < <(printf 'one\ntwo\nthree\n')
	fails 1 "standard output: Broken pipe" bash -c '
		mkfifo pipe; exec {both}<>pipe {to}>pipe {both}<&-; msgslot recv 4 0 >&$to'
	fails 1 "standard output: Bad file descriptor" bash -c 'msgslot recv 4 0 >&-'
	fails 1 "standard output: Bad file descriptor" bash -c 'msgslot recv -f 4 0 >&-'
	holds 3
}

@test "queue: an output that is closed while it waits ends it, and costs no message" {
	renew 4 queue
	mkfifo pipe
	msgslot recv -f 4 0 >pipe 2>said &
	pid=$!
	exec {reader}<pipe
	waits ppoll
	works msgslot send 4 0 one
	equal "one read" "$(dd bs=65536 count=1 status=none <&"$reader")" one
	waits ppoll
	exec {reader}<&-
	ends 1
	same said /dev/null
	printf 'two\nthree\n' | works msgslot send -l 4 0
	prints 'two\nthree\n' msgslot recv -C 2 4 0
}

@test "last and broadcast: an output that is closed while it waits ends it" {
	for slot in 1 6; do
		mkfifo pipe.$slot
		msgslot recv -f $slot 77 >pipe.$slot 2>said &
		pid=$!
		exec {reader}<pipe.$slot
		waits ppoll
		exec {reader}<&-
		ends 1
		same said /dev/null
	done
}

@test "-f ends silently with its reader, also while it prints, and while it looks" {
	renew 6 broadcast
	yes line | msgslot send -l 6 0 3>&- &
	sender=$!
	msgslot recv -f 6 0 2>err | head -n 1 >out
	equal printed "$(<out)" line
	# Lost are those that came too quickly.
	[[ $(<err) != *"standard output"* ]]
	stop "$sender"
	renew 4 queue
	works msgslot send 4 0 job
	prints 'job\n' timeout 60 sh -c 'msgslot recv -p -f 4 0 | head -n 1'
	works msgslot recv 4 0
}

@test "a disk that is full is told" {
	renew 4 queue
	works msgslot send 4 0 gone
	fails 1 "msgslot: standard output: No space left on device" bash -c 'msgslot recv 4 0 >/dev/full'
	for command in "recv -j -p 4 0" "show 4" "list" "show -j 4" "list -j"; do
		works msgslot send 4 0 kept
		fails 1 "No space left on device" bash -c "msgslot $command >/dev/full"
	done
	fails 1 "" bash -c 'msgslot list >&-'
}

@test "each message leaves in one write, at once" {
	renew 4 queue
	mkfifo pipe
	# A reader that takes what one read gives finds whole messages only.
	msgslot recv -f 4 0 >pipe 2>/dev/null &
	pid=$!
	exec {reader}<pipe
	for n in 1 2 3; do
		works msgslot send 4 0 "message $n"
		equal "one read" "$(dd bs=65536 count=1 status=none <&"$reader")" "message $n"
	done
	exec {reader}<&-
	ends 1
}

@test "several who write into one file do not mix" {
	local count=300 n

	renew 4 queue
	for n in 1 2 3; do
		msgslot recv -f -F '<%{payload}|%{sequence}|%{payload}>' 4 0 >>got &
	done
	seq $count | works msgslot send -l 4 0
	eventually all_got $count
	let_go
	sort -t '<' -k 2n got >sorted
	for ((n = 1; n <= count; n++)); do
		echo "<$n|$n|$n>"
	done >expected
	same sorted expected
}

all_got()
{
	[ "$(wc -l <got)" = "$1" ]
}

@test "an output that does not block for lack of room is waited for" {
	renew 1 last
	put "$class/msgslot1/max_message" 1048576
	tr '\0' a </dev/zero | head -c 1048575 | works msgslot send 1 5 -
	works perl -e '
		use Fcntl;
		pipe(my $from, my $to);
		fcntl($to, F_SETFL, O_NONBLOCK);
		if (!fork) { open(STDOUT, ">&", $to); exec qw(msgslot recv 1 5) }
		close $to;
		sleep 1;
		print while <$from>'
	equal length "$(wc -c <out)" 1048576
}
