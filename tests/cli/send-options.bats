#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot send: compare-and-set, the sequence, and waiting for space.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "send --if-seq: who is second has lost, and changes nothing" {
	renew 1 last
	works msgslot send --if-seq 0 1 5 one
	fails 9 "another sender was quicker" msgslot send --if-seq 0 1 5 lost
	works msgslot send --if-seq 1 1 5 two
	for other in 0 1 3 18446744073709551615; do
		fails 9 "another sender was quicker" msgslot send --if-seq $other 1 5 lost
	done
	prints 'two\n' msgslot recv 1 5
	printf 'three' | works msgslot send --if-seq 2 1 5 -
	prints 'three 3\n' msgslot recv -F '%{payload} %{sequence}' 1 5
	for slot in 4 6; do
		fails 2 "--if-seq is for mode last" msgslot send --if-seq 1 $slot 5 lost
	done
	fails 2 "--if-seq is for one message, and -l for many" msgslot send -l --if-seq 1 1 5
}

@test "send --if-seq: of many at once exactly one wins" {
	local n

	renew 1 last
	for n in 1 2 3 4 5 6; do
		(
			code=0
			msgslot send --if-seq 0 1 5 "$n" 2>/dev/null || code=$?
			echo "$n $code" >"end.$n"
		) &
	done
	wait
	equal winners "$(cat end.* | grep -c ' 0$')" 1
	equal losers "$(cat end.* | grep -c ' 9$')" 5
	equal "the winner's" "$(msgslot recv 1 5)" "$(sed -n 's/ 0$//p' end.*)"
}

@test "send -s prints the sequence" {
	renew 1 last
	prints '1\n' msgslot send -s 1 5 one
	prints '2\n' msgslot send --sequence 1 5 two
	prints '3\n' msgslot send -s --if-seq 2 1 5 three
	printf 'a\nb\n' | prints '4\n5\n' msgslot send -sl 1 5
	fails 9 "" msgslot send -s --if-seq 2 1 5 lost
}

@test "a full channel: waits, -W waits so long, -W 0 not at all" {
	renew 4 queue
	put "$class/msgslot4/depth" 2
	works msgslot send -W 0 4 5 one
	works msgslot send 4 5 two
	fails 8 $'msgslot: /dev/msgslot4: channel 5: the channel is full\n' msgslot send -W 0 4 5 lost
	fails 4 $'msgslot: /dev/msgslot4: channel 5: the channel stayed full\n' \
		msgslot send -W 0.05 4 5 lost
	printf 'lost\n' | fails 4 "channel 5: line 1: the channel stayed full" \
		msgslot send -l -W 0.05 4 5
	start msgslot send 4 5 three
	waits ioctl
	prints 'one\n' msgslot recv 4 5
	ends 0
	prints 'two\nthree\n' msgslot recv -C 2 4 5
}

@test "@NAME stands for slot and channel" {
	renew 4 queue
	mkdir -p /etc/msgslot
	printf '%s\n' "# names" "battery 4 7 # of the laptop" "other /dev/msgslot4 0x8" "broken 4" >/etc/msgslot/channels
	works msgslot send @battery 12.3
	prints '12.3\n' msgslot recv -p 4 7
	prints '12.3\n' msgslot recv @battery
	printf 'x\ny\n' | works msgslot send -l @other
	prints 'x\ny\n' msgslot recv -C 2 @other
	works msgslot send @battery 1
	works msgslot show @battery
	works msgslot clear @battery
	holds 0
	fails 1 "msgslot: /etc/msgslot/channels:4: the line is malformed" msgslot recv @broken
	fails 1 "msgslot: /etc/msgslot/channels:4: the line is malformed" msgslot recv @nosuch
	sed -i '/^broken/d' /etc/msgslot/channels
	fails 2 $'msgslot: @nosuch: there is no such name\nNames are lines' msgslot recv @nosuch
	for wrong in @ @1x @-x '@a b' "@$(printf '%064d' 0 | tr 0 a)"; do
		fails 2 "msgslot: $wrong: this cannot be the name of a channel" msgslot recv "$wrong"
	done
	# A user's own come first, and a file whose name begins so has a folder.
	mkdir -p ~member/.config/msgslot
	echo "battery 4 9" >~member/.config/msgslot/channels
	works as member env HOME=~member msgslot send @battery mine
	prints 'mine\n' msgslot recv 4 9
	fails 5 "./@battery: there is no such node" msgslot recv ./@battery 1
	rm -rf /etc/msgslot ~member/.config/msgslot
	fails 2 "there is no such name" msgslot recv @battery
}
