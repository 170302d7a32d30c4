#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot show: a slot, my share, its channels, its open files.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "show: what the slot is, my share of it, its channels" {
	renew 4 queue
	put "$class/msgslot4/max_channels" 100
	works as member msgslot send -l 4 7 < <(printf 'one\ntwo\nthree\n')
	works as member2 msgslot send 4 4294967295 four
	prints 'one\n' msgslot recv 4 7
	works as member msgslot show 4
	grep -vE '^  (instance|bytes|my bytes) ' out | sed 's/^ *//; s/  */ /g' >seen
	cat >expected <<-'END'
		/dev/msgslot4
		slot 4
		mode queue
		depth 1024
		max_message 4096
		overflow block
		channels 2 of 100
		my channels 1 of 49
		messages 3
		leased 0
		sent 4
		received 1
		dropped 0
		CHANNEL MESSAGES FIRST NEXT FILES
		7 2 2 4 0
		4294967295 1 1 2 0
	END
	same seen expected
	grep -qxE '  instance        [0-9a-f]{32}' out
	grep -qxE '  bytes           [0-9]+ of 67108864' out
	grep -qxE '  my bytes        [0-9]+ of [0-9]+' out
	works as member msgslot show 4 7
	equal "last line" "$(tail -n 1 out | xargs)" "7 2 2 4 0"
	works msgslot show 4 8
	equal headings "$(grep -c CHANNEL out || true)" 0
	works msgslot show /dev/msgslot4 0xffffffff
	equal "last line" "$(tail -n 1 out | xargs)" "4294967295 1 1 2 0"
}

@test "show -j" {
	renew 1 last
	works msgslot send 1 5 one
	works msgslot send 1 5 two
	works msgslot show -j 1
	equal lines "$(wc -l <out)" 1
	equal keys "$(jq -c keys_unsorted out)" \
		'["node","slot","mode","depth","max_message","overflow","instance","channels","bytes","share_channels","share_bytes","messages","sent","received","dropped","channel_list"]'
	equal values "$(jq -c '[.node,.slot,.mode,.channels,.messages,.sent,.channel_list]' out)" \
		'["/dev/msgslot1",1,"last",{"used":1,"max":1048576},1,2,[{"channel":5,"messages":1,"first":2,"next":3,"files":0,"leased":0}]]'
	works msgslot show -j 1 6
	equal channels "$(jq -c .channel_list out)" "[]"
}

@test "show -v: the open files, and the reader that writers wait for" {
	renew 6 broadcast
	put "$class"/msgslot6/overflow block
	put "$class"/msgslot6/depth 2
	as member bash -c 'exec 3</dev/msgslot6; kill -STOP $BASHPID; exec cat <&3' >got &
	eventually bash -c 'msgslot show -jv 6 | jq -e ".file_list[] | select(.fd == 3)"'
	as member timeout 60 bash -c 'for i in 1 2 3; do echo $i >/dev/msgslot6; done' &
	eventually bash -c 'msgslot show -jv 6 | jq -e ".file_list[] | select(.holds_up_writers)" >said'
	equal reader "$(jq -r '"\(.command) \(.fd) \(.channel) \(.next) \(.behind) \(.lost)"' said)" "bash 3 0 1 2 0"
	works msgslot show -v 6
	sed -n '/ PID /,$p' out | sed 's/^ *[0-9][0-9]* / N /; s/  */ /g; s/^ //' | sort >seen
	same seen - <<-'END'
		N 1 0 - - - - bash
		N 3 0 2 0 wait - bash
		PID FD CHANNEL BEHIND LOST WRITERS LEASED COMMAND
	END
	equal "of channel 5" "$(msgslot show -jv 6 5 | jq -c .file_list)" "[]"
	# A user sees only what that user may look into.
	equal "as member2" "$(as member2 msgslot show -jv 6 | jq -c .file_list)" "[]"
	equal "as member" "$(as member msgslot show -jv 6 | jq '.file_list | length')" 2
	pkill -CONT -u member bash
	eventually grep -qx 3 got
	equal stalled "$(msgslot show -jv 6 | jq '[.file_list[] | select(.holds_up_writers)] | length')" 0
	pkill -KILL -u member
	wait || :
}

@test "show -v: which process has leased what" {
	renew 4 queue
	works as member msgslot send -l 4 5 < <(printf 'one\ntwo\nthree\n')
	start as member msgslot watch -J 2 4 5 sleep 1000
	eventually bash -c '[ "$(cat /sys/class/msgslot/msgslot4/leased)" = 2 ]'
	works msgslot show -jv 4
	equal leased "$(jq -c '[.messages, .leased, .channel_list[0].messages, .channel_list[0].leased]' out)" "[3,2,3,2]"
	equal reader "$(jq -c '.file_list[] | [.command, .leased, .leases]' out)" \
		'["msgslot",2,[{"channel":5,"sequence":1},{"channel":5,"sequence":2}]]'
	equal "of channel 5" "$(msgslot show -jv 4 5 | jq '.file_list | length')" 1
	equal "of channel 6" "$(msgslot show -jv 4 6 | jq '.file_list | length')" 0
	works msgslot show -v 4
	equal line "$(tail -n 1 out | awk '{ print $2, $3, $7, $8 }')" "3 - 2 msgslot"
	pkill -KILL -u member
	wait || :
	works msgslot show -j 4
	equal "come back" "$(jq -c '[.leased, .channel_list[0].messages]' out)" "[0,3]"
}

@test "show: ten thousand channels" {
	local count=10000

	[ ! "$small" ] || count=1000
	renew 4 queue
	works perl -e '
		open(my $slot, "+<", "/dev/msgslot4") or die;
		for my $channel (1 .. $ARGV[0]) {
			ioctl($slot, 0x4004eb00, $channel * 7) or die "$channel: $!";
			syswrite($slot, "x") == 1 or die "$channel: $!";
		}' $count
	works msgslot show 4
	equal channels "$(sed -n 's/^  channels *//p' out)" "$count of 65536"
	sed '1,/CHANNEL/d' out | awk '{ print $1, $2, $3, $4, $5 }' >seen
	awk -v count=$count 'BEGIN { for (n = 1; n <= count; n++) print n * 7, 1, 1, 2, 0 }' >expected
	same seen expected
	works msgslot show -j 4
	equal channels "$(jq '.channel_list | length' out)" $count
	# A reader of only the beginning is an end like any other.
	msgslot show 4 2>said | head -n 1 >first || true
	equal first "$(<first)" /dev/msgslot4
	works msgslot clear -a 4
	holds 0
	has 4 channels 0
}

@test "show needs only the node, not sysfs" {
	renew 1 last
	works msgslot send 1 5 one
	works unshare --mount sh -c '
		mount -t tmpfs none /sys
		msgslot show 1 && msgslot send 1 5 two && msgslot recv 1 5 && msgslot clear 1 5'
	grep -qx two out
	holds 0
}
