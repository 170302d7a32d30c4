#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot clear: one channel, or all.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "clear takes the messages of one channel, and says nothing" {
	for mode in last queue broadcast; do
		renew 4 $mode
		for channel in 1 2; do
			works msgslot send 4 $channel one
			works msgslot send 4 $channel two
		done
		prints '' msgslot clear 4 1
		fails 3 "there is no message" msgslot recv -W 0 4 1
		[ "$(get 4 messages)" -gt 0 ]
		prints '' msgslot clear 4 1
		prints '' msgslot clear 4 99
		# Numbers go on.
		prints '3\n' msgslot send -s 4 1 three
	done
}

@test "clear --if-seq: only what is known" {
	renew 1 last
	works msgslot send 1 5 one
	works msgslot send 1 5 two
	for other in 0 1 3; do
		fails 9 $'msgslot: /dev/msgslot1: channel 5: the newest message has another sequence\n' \
			msgslot clear --if-seq $other 1 5
	done
	holds 1
	works msgslot clear --if-seq 2 1 5
	holds 0
	fails 2 "--if-seq is for one channel, and -a for all" msgslot clear -a --if-seq 2 1
}

@test "clear -a: every channel" {
	renew 4 queue
	for channel in 0 1 77 4294967295; do
		works msgslot send 4 $channel x
	done
	holds 4
	works msgslot clear -a 4
	holds 0
	works msgslot clear --all 4
}

@test "clear wakes who waits for room" {
	renew 4 queue
	put "$class/msgslot4/depth" 1
	works msgslot send 4 5 old
	start msgslot send 4 5 new
	waits ioctl
	works msgslot clear 4 5
	ends 0
	prints 'new\n' msgslot recv 4 5
}
