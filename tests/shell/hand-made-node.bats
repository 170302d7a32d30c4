#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Nodes made with mknod, as courses do.  The only tests that make nodes or set their mode.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# node MINOR MAJOR [MODE]: in /dev, because a folder for temporary files may be mounted without
# devices.  Teardown removes it.
node()
{
	changed=1
	mknod -m "${3:-600}" "/dev/hand-made-$1" c "$2" "$1"
}

major()
{
	awk '$2 == "msgslot" { print $1 }' /proc/devices
}

@test "opening a hand-made node makes a slot that is in sysfs and has no node" {
	node 77 "$(major)"
	[ ! -e "$class/msgslot77" ]
	works message_sender /dev/hand-made-77 5 hello
	prints hello message_reader /dev/hand-made-77 5
	prints 'hello\n' msgslot recv /dev/hand-made-77 5
	udevadm settle
	[ -d "$class/msgslot77" ]
	[ ! -e "$class/msgslot77/dev" ]
	[ ! -e /dev/msgslot77 ]
	has 77 mode last
	has 77 max_message 128
	has 77 messages 1
	fails 5 "/dev/msgslot77: there is no such node" msgslot recv 77 5
	# A second node of the same minor is the same slot.
	mknod -m 600 /dev/hand-made-again c "$(major)" 77
	prints hello message_reader /dev/hand-made-again 5
}

@test "a hand-made node of a slot that is there is that slot" {
	node 1 "$(major)"
	works message_sender /dev/hand-made-1 6 by-hand
	prints by-hand message_reader /dev/msgslot1 6
}

@test "its mode says who may, as for any file" {
	node 78 "$(major)" 666
	works as outsider message_sender /dev/hand-made-78 5 mine
	prints mine as outsider message_reader /dev/hand-made-78 5
	node 79 "$(major)" 644
	works message_sender /dev/hand-made-79 5 root
	prints root as outsider message_reader /dev/hand-made-79 5
	fails 1 "Permission denied" as outsider message_sender /dev/hand-made-79 5 lost
	node 80 "$(major)" 600
	fails 1 "Permission denied" as outsider message_reader /dev/hand-made-80 5
	[ ! -e "$class/msgslot80" ]
}

@test "a node that is only for root: the error says so" {
	changed=1
	chmod 600 /dev/msgslot1
	chgrp root /dev/msgslot2
	for slot in 1 2; do
		said_in 6 "msgslot: /dev/msgslot$slot: Permission denied: it is only for root
Run it as root, or have udev give the node a group: 'msgslot doctor' says what is missing and what to do." \
			as member msgslot recv $slot 5
	done
}

@test "a destroyed slot stays away until it is created again" {
	node 3 "$(major)"
	node 81 "$(major)"
	works message_sender /dev/hand-made-81 5 gone
	for minor in 3 81; do
		put "$class/destroy" $minor
		fails 1 "No such device or address (the slot was destroyed, or the module msgslot is not loaded)" \
			message_reader /dev/hand-made-$minor 5
		fails 1 "No such device or address" message_sender /dev/hand-made-$minor 5 lost
		[ ! -e "$class/msgslot$minor" ]
		fails 1 "No such device" put "$class/destroy" $minor
		put "$class/create" "$minor last"
		udevadm settle
		equal node "$(stat -c '%a %U:%G' /dev/msgslot$minor)" "660 root:msgslot"
		fails 3 "there is no message" msgslot recv /dev/hand-made-$minor 5
		works message_sender /dev/hand-made-$minor 5 back
		prints back message_reader /dev/msgslot$minor 5
	done
}

@test "minors 0 to 255, and no more" {
	node 255 "$(major)"
	works message_sender /dev/hand-made-255 1 last
	prints last message_reader /dev/hand-made-255 1
	node 256 "$(major)"
	fails 1 "No such device or address" message_sender /dev/hand-made-256 1 lost
	[ ! -e "$class/msgslot256" ]
}

@test "without the module a hand-made node opens nothing" {
	node 5 "$(major)"
	rmmod msgslot
	fails 1 "/dev/hand-made-5: No such device or address (the slot was destroyed, or the module msgslot is not loaded)" \
		message_reader /dev/hand-made-5 1
}

@test "the course's way: major 235, a node a slot, mode 666" {
	load_with slots= major=235
	equal major "$(major)" 235
	[ ! -e /dev/msgslot0 ]
	for minor in 0 1 2; do
		node $minor 235 666
	done
	works as outsider message_sender /dev/hand-made-0 1 "first slot"
	works as outsider message_sender /dev/hand-made-1 1 "second slot"
	works as outsider message_sender /dev/hand-made-0 2 "other channel"
	prints "first slot" as outsider message_reader /dev/hand-made-0 1
	prints "second slot" as outsider message_reader /dev/hand-made-1 1
	prints "other channel" as outsider message_reader /dev/hand-made-0 2
	fails 1 "message_reader: /dev/hand-made-2: channel 1: Resource temporarily unavailable" \
		as outsider message_reader /dev/hand-made-2 1
	works as outsider message_sender /dev/hand-made-0 1 "newer"
	prints newer as outsider message_reader /dev/hand-made-0 1
	fails 1 "Invalid argument" as outsider message_sender /dev/hand-made-0 0 x
}

# built by "make module NAME=message_slot"
@test "the module by the name of a handout, beside the one that is installed" {
	node 1 235
	works insmod "$BATS_TEST_DIRNAME/../common/message_slot.ko" slots= major=235
	equal "in /proc/devices" "$(awk '$1 == 235 { print $2 }' /proc/devices)" message_slot
	equal "in lsmod" "$(lsmod | awk '$1 ~ /^(msgslot|message_slot)$/ { print $1 }' | sort)" \
		$'message_slot\nmsgslot'
	works message_sender /dev/hand-made-1 5 handout
	prints handout message_reader /dev/hand-made-1 5
	[ -d /sys/class/message_slot/message_slot1 ]
	# Neither knows of the other's messages.
	works message_sender /dev/msgslot1 5 ours
	prints handout message_reader /dev/hand-made-1 5
	fails 1 "is in use" rmmod message_slot 3</dev/hand-made-1
	works rmmod message_slot
	fails 1 "No such device or address" message_reader /dev/hand-made-1 5
	prints ours message_reader /dev/msgslot1 5
}

@test "a mode is a row: the one that CONTRIBUTING shows" {
	local node=/dev/hand-made-0 settings=/sys/class/message_slot/message_slot0

	node 0 235
	works insmod "$BATS_TEST_DIRNAME/../common/message_slot.ko" slots=latch:1 major=235
	equal mode "$(<$settings/mode)" latch
	timeout 60 head -c 5 $node >got &
	eventually bash -c "msgslot show -j $node | jq -e '.channel_list[0].files == 1'"
	printf first >$node
	wait $!
	equal "the first value" "$(<got)" first
	printf second >$node
	equal "the newest value" "$(head -c 6 $node)" second
	equal "the newest value, again" "$(head -c 6 $node)" second
	equal depth "$(<$settings/depth)" 1
	fails 1 "Invalid argument" bash -c "echo block >$settings/overflow"
	fails 1 "Invalid argument" bash -c "echo 2 >$settings/depth"
	works msgslot show $node
	grep -qx '  mode            unknown' out
	works rmmod message_slot
}

# recipe TITLE: the block of msgslot-recipes(7) that begins with this comment, on the node /dev/hand-made-chat.
recipe()
{
	sed -n "/^# $1\$/,/^\.fi\$/p" /usr/share/man/man7/msgslot-recipes.7 |
		sed '$d; s/\\&//g; s/\\\\/\\/g; s|\([[:blank:]]\)chat\b|\1/dev/hand-made-chat|g' >"$2"
	[ -s "$2" ]
}

# listening COUNT: so many of member's processes sleep in read(2).
listening()
{
	local call count=0 pid

	for pid in $(pgrep -u member -x cat); do
		read -r call _ <"/proc/$pid/syscall" || return 1
		[ "$call" != "${numbers[read]}" ] || count=$((count + 1))
	done
	[ $count = "$1" ]
} 2>/dev/null

# The processes that were started, and not only the shells that wait for them.
end_readers()
{
	while pkill -KILL -u member; do sleep 0.1; done
	wait
}

@test "kchat's clients: one node by hand, and every reader hears every line whole" {
	local count=400

	[ ! "$small" ] || count=40
	changed=1
	rmmod msgslot
	recipe "kchat: the node, as root" set-up
	recipe "kchat: its clients" clients
	works sh -e set-up
	udevadm settle
	equal slots "$(echo /dev/msgslot*)" /dev/msgslot0
	equal node "$(stat -c '%a %U:%G' /dev/hand-made-chat)" "660 root:msgslot"
	has 0 overflow block
	# As they stand there: a reader in the background, and a line.
	as member sh -c "$(<clients)" >heard.0 3>&- &
	echo "hello, all" >expected
	eventually cmp -s heard.0 expected
	end_readers

	# More lines than the log keeps: the writer waits for three readers that have stopped.
	renew 0 broadcast
	put "$class/msgslot0/depth" 4
	put "$class/msgslot0/overflow" block
	for number in 1 2 3; do
		as member cat /dev/hand-made-chat >heard.$number 3>&- &
	done
	eventually listening 3
	{
		seq -f 'line %g' $count
		printf '%04999d\n' 0
		seq -f 'line %g' $count
	} >expected
	equal "bytes of the longest line" "$(wc -L <expected)" 4999
	pkill -STOP -u member -x cat
	while IFS= read -r line; do
		echo "$line" >/dev/hand-made-chat
	done <expected 3>&- &
	pid=$!
	waits write
	pkill -CONT -u member -x cat
	ends 0
	for number in 1 2 3; do
		eventually cmp -s heard.$number expected
	done
	end_readers
	has 0 dropped 0
	# The long line was two messages: 4 096 bytes and a rest.
	has 0 sent $((2 * count + 2))
}
