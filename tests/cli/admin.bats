#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot create, destroy and set: slots that come, go and change, and what would make that stay.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# hints FILE COMMAND…: works, and what it says on standard error is in FILE.
hints()
{
	"${@:2}" >out 2>"$1" || return 1
	[ -s "$1" ]
}

# follow FILE…: does what the hints in the files say, and loads the module anew.
follow()
{
	local modprobe=/etc/modprobe.d/msgslot-test.conf rules=/run/udev/rules.d/70-msgslot-test.rules

	changed=1
	mkdir -p /etc/modprobe.d /run/udev/rules.d
	cat "$@" | grep '^options ' | tail -n 1 >"$modprobe" || true
	cat "$@" | grep '^ACTION' >"$rules" || true
	udevadm control --reload
	rmmod msgslot
	modprobe msgslot
	udevadm settle
	rm "$modprobe" "$rules"
	udevadm control --reload
}

# settings SLOT: mode, depth, max_message, overflow, max_bytes, max_channels.
settings()
{
	local name line=

	for name in mode depth max_message overflow max_bytes max_channels; do
		line+=" $(get "$1" $name)"
	done
	echo "${line# }"
}

@test "create takes the lowest number that is free, and prints the node" {
	fresh
	changed=1
	prints '/dev/msgslot8\n' msgslot create -q queue
	udevadm settle
	has 8 mode queue
	works as member msgslot send 8 5 hello
	prints '/dev/msgslot200\n' msgslot create --quiet 200 broadcast depth=8 overflow=block
	equal settings "$(settings 200)" "broadcast 8 4096 block 67108864 65536"
	prints '/dev/msgslot9\n' msgslot create -q /dev/msgslot9 last max_message=1048576
	equal settings "$(settings 9)" "last 1 1048576 drop 67108864 1048576"
	works msgslot destroy -q 2
	prints '/dev/msgslot2\n' msgslot create -q last
	echo "jobs 20 1" >channels
	mkdir -p /etc/msgslot
	mv channels /etc/msgslot/channels
	prints '/dev/msgslot20\n' msgslot create -q @jobs queue
	works msgslot set -q @jobs depth=5
	has 20 depth 5
	works msgslot destroy -q @jobs
	rm -r /etc/msgslot
	[ ! -e "$class/msgslot20" ]
}

@test "create refuses, and leaves nothing behind" {
	fresh
	said_in 1 "msgslot: /dev/msgslot4: there is such a slot, of mode queue
Leave SLOT out, and the lowest free number is taken; 'msgslot set' changes a slot, 'msgslot destroy' makes its number free." \
		msgslot create 4 last
	fails 2 "mode 'Queue' is not last, queue or broadcast" msgslot create 9 Queue
	fails 2 "mode 'x' is not last" msgslot create x
	fails 2 "no mode is given" msgslot create
	fails 2 "no mode is given" msgslot create 9
	fails 2 "slot '256' is not a number from 0 to 255" msgslot create 256 queue
	fails 5 "there is no such node" msgslot create nosuch queue
	fails 5 "this is not a slot" msgslot create /dev/null queue
	fails 2 "'deep=3' is not mode=, depth=," msgslot create 9 queue deep=3
	fails 2 "'more' is not mode=, depth=," msgslot create 9 queue more
	fails 2 "depth is given twice" msgslot create 9 queue depth=3 depth=4
	fails 2 "the mode is given twice" msgslot create 9 queue mode=last
	fails 2 "bad option '-x'" msgslot create -x queue
	for setting in depth=0 depth=65537 depth=x depth= max_message=0 max_message=1048577 \
		max_message=99999999999999999999 overflow=drop overflow=Block max_bytes=-1; do
		fails 2 "${setting%%=*} is" msgslot create 9 queue max_channels=5 $setting
	done
	fails 6 "Permission denied: this needs root" as member msgslot create queue
	equal slots "$(cd "$class" && echo *)" "$(echo create destroy msgslot{0..7})"
	changed=1
	rmmod msgslot
	fails 5 "the module msgslot is not loaded" msgslot create queue
}

@test "create: no number is free" {
	local count=256

	load_with slots=last:256
	said_in 8 "msgslot: there are $count slots, and no number is free
'msgslot destroy' makes the number of a slot free." msgslot create queue
}

@test "set changes all, or nothing" {
	fresh
	changed=1
	works msgslot set -q 4 depth=8 max_message=100 max_bytes=1000000 max_channels=7
	equal settings "$(settings 4)" "queue 8 100 block 1000000 7"
	# A mode has settings of its own, in whatever order they are given.
	works msgslot set -q /dev/msgslot4 overflow=block depth=16 mode=broadcast
	equal settings "$(settings 4)" "broadcast 16 4096 block 67108864 65536"
	works msgslot set -q 4 mode=queue max_channels=9 max_bytes=5000000
	before=$(settings 4)
	fails 2 "max_message cannot be '0'" msgslot set 4 depth=9 max_bytes=3 max_message=0
	grep -qx "max_message is 1 to 1048576 bytes." err
	equal settings "$(settings 4)" "$before"
	fails 2 "overflow cannot be 'drop'" msgslot set 4 overflow=drop depth=77
	fails 2 "depth cannot be '2'" msgslot set 4 mode=last depth=2 max_bytes=77
	equal settings "$(settings 4)" "$before"
	ln -s /dev/msgslot4 link
	works msgslot set -q ./link depth=3
	has 4 depth 3
}

@test "set refuses a slot in use, and says who could be asked" {
	renew 4 queue
	exec {open}<"$slot"
	said_in 1 "msgslot: /dev/msgslot4: the slot is in use: depth cannot be changed (it keeps 0 messages)
It can change only while the slot is not open ('fuser -v /dev/msgslot4' lists the processes) and keeps no message ('msgslot clear -a 4')." \
		msgslot set 4 max_bytes=1000000 depth=3
	has 4 max_bytes 67108864
	works msgslot set -q 4 max_bytes=1000000 depth=1024
	exec {open}<&-
	works msgslot send 4 5 kept
	fails 1 "(it keeps 1 message)" msgslot set 4 mode=last
	prints 'kept\n' msgslot recv 4 5
	works msgslot set -q 4 mode=last
}

@test "set and destroy refuse what is none" {
	before=$(settings 4)
	fails 2 "no slot is given" msgslot set
	fails 2 "no setting is given" msgslot set 4
	fails 2 "no slot is given" msgslot destroy
	fails 2 "unexpected argument '5'" msgslot destroy 4 5
	for command in "set -q" destroy; do
		more=
		[ "$command" = destroy ] || more=depth=3
		# shellcheck disable=SC2086 # options, and perhaps nothing
		{
			fails 5 "/dev/msgslot99: there is no such slot" msgslot $command 99 $more
			fails 5 "/dev/null: this is not a slot" msgslot $command /dev/null $more
			fails 5 "nosuch: there is no such node" msgslot $command nosuch $more
			fails 2 "@nosuch: there is no such name" msgslot $command @nosuch $more
			fails 6 "needs root" as member msgslot $command 4 $more
		}
	done
	equal settings "$(settings 4)" "$before"
}

@test "destroy: the slot goes, and who waits in it hears" {
	renew 4 queue
	changed=1
	works msgslot send 4 5 lost
	start msgslot recv 4 6
	waits ppoll
	prints '' msgslot destroy -q 4
	ends 5
	grep -q "the slot was destroyed" errors
	udevadm settle
	fails 5 "there is no such node" msgslot recv 4 5
	fails 5 "there is no such slot" msgslot destroy 4
}

@test "what create and set say makes it stay" {
	fresh
	changed=1
	hints one msgslot create broadcast depth=8 max_message=100
	equal printed "$(<out)" /dev/msgslot8
	cat >expected <<-'END'
		It lasts until the module unloads, so at most until the next reboot.
		To have it from boot on, as of now:
		# /etc/modprobe.d/msgslot.conf
		options msgslot slots=last:4,queue:2,broadcast:3
		# /etc/udev/rules.d/70-msgslot.rules
		ACTION=="add", SUBSYSTEM=="msgslot", KERNEL=="msgslot8", ATTR{depth}="8", ATTR{max_message}="100"
	END
	same one expected
	hints two msgslot create 10 queue
	grep -qx "options msgslot slots=last:4,queue:2,broadcast:3,last:1,queue:1" two
	grep -q "Numbers in between cannot be left out" two
	hints three msgslot set 4 mode=broadcast depth=32 overflow=block max_bytes=1000000
	follow one two three
	equal "slot 8" "$(settings 8)" "broadcast 8 100 drop 67108864 65536"
	has 9 mode last
	has 10 mode queue
	equal "slot 4" "$(settings 4)" "broadcast 32 4096 block 1000000 65536"
	[ ! -e "$class/msgslot11" ]
}

@test "what destroy says makes it stay" {
	fresh
	changed=1
	# Of a slot that does not come again there is nothing to say.
	works msgslot create -q 20 queue
	msgslot destroy 20 2>none
	same none /dev/null
	hints one msgslot destroy 7
	hints two msgslot destroy 6
	grep -qx "It comes again with the module, so at the latest after the next reboot." two
	grep -qx "To be without it from boot on, as of now:" two
	grep -qx "options msgslot slots=last:4,queue:2" two
	follow two
	equal slots "$(cd "$class" && echo *)" "$(echo create destroy msgslot{0..5})"
	for number in 1 2 3 4 5; do
		works msgslot destroy -q $number
	done
	hints all msgslot destroy 0
	grep -qx "options msgslot slots=" all
	follow all
	equal slots "$(cd "$class" && echo *)" "create destroy"
}
