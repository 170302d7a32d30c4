#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot record and play: what is sent to slots, kept in a file, printed, and sent again.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# recording WORD…: a recording into ./file begins; its number in $pid.
recording()
{
	rm -f file
	start msgslot record -o file "$@"
	waits ppoll
}

# stopped: it ends with control-C.
stopped()
{
	kill -INT "$pid"
	ends 0
}

@test "all that is sent to a slot, with channel, sequence, sender and time" {
	renew 6 broadcast
	recording 6
	as member msgslot send 6 5 "five words"
	printf 'a\0b' | works msgslot send 6 0 -
	works msgslot send 6 5 again
	stopped
	prints 'five words\na\0b\nagain\n' msgslot record --show file
	prints '5 1 member\n0 1 root\n5 2 root\n' msgslot record --show file -F '%{channel} %{sequence} %{user}'
	works msgslot record --show file -j
	equal payloads "$(jq -r .payload out | tr '\0' . | xargs)" "five words a.b again"
	equal lost "$(jq -c .lost out | xargs)" "0 0 0"
	# When it was sent, not when it was looked at.
	sleep 0.3
	works msgslot record --show file -F '%{age}'
	awk '$1 < 0.3 { exit 1 }' out
	equal mode "$(stat -c %a file)" 600
	prints 'five words\n' msgslot record --show file -C 1
}

@test "last: what is there when it begins, then each new value" {
	renew 1 last
	lines 1 < <(printf '3 old\n9 other\n200 outside\n')
	recording -C 4 1 1-100
	works msgslot send 1 3 new
	waits ppoll
	works msgslot send 1 201 outside
	works msgslot send 1 50 newer
	ends 0
	prints '3 old\n9 other\n3 new\n50 newer\n' msgslot record --show file -F '%{channel} %{payload}'
}

@test "several slots and ranges, and names" {
	renew 1 last
	renew 6 broadcast
	mkdir -p /etc/msgslot
	echo "bell 6 16" >/etc/msgslot/channels
	recording 1 5-9 @bell 6 100-
	lines 1 < <(printf '5 one\n10 outside\n')
	lines 6 < <(printf '16 ding\n17 outside\n100 hundred\n')
	sleep 0.3
	stopped
	rm -r /etc/msgslot
	works msgslot record --show file -F '%{channel} %{payload}'
	printf '100 hundred\n16 ding\n5 one\n' >expected
	sort out >seen
	same seen expected
}

@test "a queue is refused, and what is no slot; nothing is overwritten" {
	fails 2 "the slot is of mode queue" msgslot record -o file 4
	[ ! -e file ]
	fails 5 "" msgslot record -o file 99
	fails 2 "no slot is given" msgslot record
	fails 2 "no channel is given" msgslot record 1 5 6
	fails 2 "unexpected argument" msgslot record --show file 6
	[ ! -e file ]
	echo mine >file
	fails 1 "file: it exists, and nothing is overwritten" msgslot record -o file 6
	equal file "$(cat file)" mine
	on_terminal "msgslot record -o - 6 2>&1"
	grep -q "a recording is not written to a terminal" shown
	# Without a name it is named by the time, and says so.
	start msgslot record -d 0.1 6
	ends 0
	[[ $(cat said) == msgslot-20*.record ]]
	[ -f "$(cat said)" ]
}

@test "a file that grows can be read, one that was cut up to its last block, one that is damaged as far" {
	renew 6 broadcast
	recording 6
	works msgslot send 6 1 first
	eventually sh -c '[ "$(msgslot record --show file)" = first ]'
	works msgslot send 6 1 second
	eventually sh -c '[ "$(msgslot record --show file | tail -n 1)" = second ]'
	size=$(stat -c %s file)
	works msgslot send 6 1 third
	eventually sh -c '[ "$(msgslot record --show file | tail -n 1)" = third ]'
	# kill -9 is like a power cut.
	kill -KILL "$pid"
	wait "$pid" || true
	prints 'first\nsecond\nthird\n' msgslot record --show file
	head -c $((size + 20)) file >part
	prints 'first\nsecond\n' msgslot record --show part
	head -c $((size + 50)) file >part
	prints 'first\nsecond\n' msgslot record --show part
	cp file damaged
	printf x | dd of=damaged bs=1 seek=$((size - 3)) conv=notrunc status=none
	code=0
	msgslot record --show damaged >out 2>err || code=$?
	equal code $code 1
	equal out "$(cat out)" first
	grep -q "damaged: block 2: it is damaged: the checksum is wrong" err
	fails 1 "damaged: block 2: it is damaged: the checksum is wrong" msgslot play --fast damaged
	: >empty
	fails 1 "empty: it is empty, or ends within its first block" msgslot record --show empty
	fails 1 "it is not a file of msgslot record" msgslot play /etc/passwd
	head -c 100000 /dev/urandom >noise
	fails 1 "it is not a file of msgslot record" msgslot record --show noise
}

@test "damage anywhere is told, or is in what is left out" {
	local length at byte step=1 next

	renew 6 broadcast
	recording 6
	lines 6 < <(printf '1 a\n2 b\n')
	sleep 0.2
	stopped
	msgslot record --show file >whole
	length=$(stat -c %s file)
	# A block that seems to be longer than the file is not taken for its end.
	next=$((32 + $(od -An -tu4 -j 12 -N 4 file)))
	cp file damaged
	printf '\xff' | dd of=damaged bs=1 seek=$((next + 12)) conv=notrunc status=none
	fails 1 "damaged: block 1: it is damaged: the checksum of its header is wrong" \
		msgslot record --show damaged
	[ ! "$small" ] || step=11
	for ((at = RANDOM % step; at < length; at += step)); do
		cp file damaged
		byte=$(od -An -tu1 -j $at -N 1 file)
		printf %b "\\x$(printf %02x $((byte ^ 0xa5)))" |
			dd of=damaged bs=1 seek=$at conv=notrunc status=none
		! msgslot record --show damaged >out 2>err || return 1
		grep -q "damaged: " err
		head -c $at file >damaged
		msgslot record --show damaged >out 2>err || [ $at -lt 200 ]
		! grep -qvxFf whole out
	done
}

@test "play: with its pauses, faster, or without" {
	local began

	renew 6 broadcast
	recording 6
	works msgslot send 6 1 one
	sleep 1.5
	works msgslot send 6 2 two
	stopped
	start msgslot recv -f -F '%{channel} %{payload}' 6 all
	waits ppoll
	began=$EPOCHREALTIME
	works msgslot play file
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a < 1.5 }'
	says '1 one\n2 two\n'
	began=$EPOCHREALTIME
	works msgslot play -x 1.5 file
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a < 1 }'
	works msgslot play --speed 1000000 file
	msgslot play --fast -v file 2>err
	equal said "$(cat err)" "file: 2 messages sent"
	says '1 one\n2 two\n1 one\n2 two\n1 one\n2 two\n1 one\n2 two\n'
	stop "$pid"
	fails 2 "--fast and --speed exclude" msgslot play --fast -x 2 file
	for wrong in 0 -1 x 1e9 2000000 ""; do
		fails 2 "--speed '$wrong' is not a number" msgslot play -x "$wrong" file
	done
	fails 2 "no file is given" msgslot play
	fails 2 "unexpected argument" msgslot play file x
}

@test "play: by range, time and slot, into another slot, and from a pipe" {
	renew 6 broadcast
	renew 1 last
	recording 6 all 1 1-
	lines 6 < <(printf '1 a\n2 b\n3 c\n')
	lines 1 < <(printf '7 value\n')
	sleep 1.2
	works msgslot send 6 1 late
	stopped
	renew 4 queue
	works msgslot play --fast -s 4 -c 1-2 --source 6 file
	works msgslot recv -a -F '%{channel} %{payload}' 4 all
	printf '1 a\n1 late\n2 b\n' >expected
	sort out >seen
	same seen expected
	works msgslot play --fast -s 4 --from 1 file
	prints '1 late\n' msgslot recv -a -F '%{channel} %{payload}' 4 all
	works msgslot play --fast -s 4 --to 1 --source 1 file
	prints '7 value\n' msgslot recv -a -F '%{channel} %{payload}' 4 all
	works msgslot play --fast -s 4 - <file
	has 4 messages 5
	# Each into the slot that it came from.
	renew 1 last
	works msgslot play --fast --source 1 file
	prints '7 value\n' msgslot recv -F '%{channel} %{payload}' 1 all
	fails 1 "nothing was recorded of slot 3" msgslot play --source 3 file
	fails 5 "" msgslot play --fast -s 99 file
}

@test "play: what the slot does not take is told, with its channel" {
	renew 6 broadcast
	recording 6
	lines 6 < <(printf '0 zero\n5 longer message\n')
	sleep 0.2
	stopped
	renew 1 last
	fails 2 "there is no channel 0 in mode last" msgslot play --fast -s 1 file
	works msgslot set -q 1 max_message=8
	fails 7 "channel 5: the message is too long: 14 bytes, and max_message is 8" msgslot play --fast -s 1 -c 1- file
}

@test "what was lost is told, and is in the file" {
	renew 6 broadcast
	put $class/msgslot6/depth 4
	recording 6
	kill -STOP "$pid"
	for _ in {1..9}; do
		echo "5 x"
	done >input
	lines 6 <input
	kill -CONT "$pid"
	eventually sh -c '[ "$(msgslot record --show file | wc -l)" = 4 ]'
	kill -TERM "$pid"
	ends 10
	grep -q "5 messages lost before they could be received" errors
	prints '5\n0\n0\n0\n' msgslot record --show file -F '%{lost}'
}

@test "the end of a slot, and of a disk, end it; what was recorded is there" {
	renew 6 broadcast
	recording 6
	works msgslot send 6 1 kept
	put $class/destroy 6
	ends 5
	prints 'kept\n' msgslot record --show file
	changed=1
	put $class/create "6 broadcast"
	udevadm settle
	mkdir disk
	mount -t tmpfs -o size=64k none disk
	start msgslot record -o disk/file 6
	waits ppoll
	while kill -0 "$pid" 2>/dev/null; do
		head -c 128 /dev/zero | tr '\0' x | msgslot send 6 1 -
		yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -n 300 | msgslot send -l 6 1
	done
	ends 1
	grep -q "disk/file: No space left on device" errors
	works msgslot record --show disk/file
	[ "$(sort -u out | head -n 1 | cut -c 1-8)" = xxxxxxxx ]
	umount disk
}

@test "a lot of it: nothing is lost, nothing comes twice" {
	local count=20000

	[ ! "$small" ] || count=2000
	renew 6 broadcast
	put $class/msgslot6/depth 65536
	recording -C $count 6
	seq $count | awk '{ print $1 % 7, "message", $1 }' >input
	lines 6 <input
	ends 0
	msgslot record --show file -F '%{channel} %{payload}' >seen
	# The order is that of each channel.
	for channel in 0 3 6; do
		cmp <(grep "^$channel " input) <(grep "^$channel " seen)
	done
	cmp <(sort input) <(sort seen)
	renew 4 queue
	put $class/msgslot4/depth 65536
	works msgslot play --fast -s 4 file
	works msgslot recv -a -F '%{channel} %{payload}' 4 all
	cmp <(sort input) <(sort out)
}
