#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What slots show and take in sysfs: defaults, counters, settings, limits.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

# defaults SLOT MODE DEPTH MAX_MESSAGE OVERFLOW MAX_CHANNELS: all settings are these.
defaults()
{
	has "$1" mode "$2" || return 1
	has "$1" depth "$3" || return 1
	has "$1" max_message "$4" || return 1
	has "$1" overflow "$5" || return 1
	has "$1" max_bytes $((64 * 1024 * 1024)) || return 1
	has "$1" max_channels "$6"
}

@test "the defaults of every mode" {
	fresh
	for slot in {0..3}; do
		defaults "$slot" last 1 128 drop 1048576
	done
	for slot in 4 5; do
		defaults "$slot" queue 1024 4096 block 65536
	done
	for slot in 6 7; do
		defaults "$slot" broadcast 256 4096 drop 65536
	done
	for slot in {0..7}; do
		for counter in channels messages bytes sent received dropped; do
			has "$slot" $counter 0
		done
	done
	equal "slots" "$(cd "$class" && echo *)" "$(echo create destroy msgslot{0..7})"
}

@test "the counters count: last" {
	fresh
	works msgslot send 0 1 one
	works msgslot send 0 1 newer
	works msgslot send 0 2 two
	fails 7 "empty" msgslot send 0 2 ""
	fails 3 "there is no message" msgslot recv 0 3
	works msgslot recv 0 1
	works msgslot recv 0 1
	works message_reader /dev/msgslot0 2
	has 0 sent 3
	has 0 received 3
	has 0 messages 2
	has 0 channels 2
	[ "$(get 0 bytes)" -gt 0 ]
	for counter in channels messages bytes sent received dropped; do
		fails 1 "Permission denied" as member bash -c "echo 0 >$class/msgslot0/$counter"
		has 1 $counter 0
	done
}

# counts SLOT MESSAGES SENT RECEIVED DROPPED
counts()
{
	has "$1" messages "$2" || return 1
	has "$1" sent "$3" || return 1
	has "$1" received "$4" || return 1
	has "$1" dropped "$5"
}

@test "the counters count: queue" {
	fresh
	printf 'one\ntwo\nthree\n' | works msgslot send -l 4 0
	works msgslot send 4 1 four
	counts 4 4 4 0 0
	has 4 channels 2
	[ "$(get 4 bytes)" -gt 0 ]
	prints 'one\n' msgslot recv 4 0
	# Neither sent nor received.
	fails 1 "No space left on device" dd if=/dev/msgslot4 bs=2 count=1
	fails 7 "empty" msgslot send 4 0 ""
	counts 4 3 4 1 0
	prints 'twothree' dd if=/dev/msgslot4 bs=4096 count=2 status=none
	prints 'four\n' msgslot recv 4 1
	counts 4 0 4 4 0
	# Nobody holds these channels any more.
	has 4 channels 0
	counts 5 0 0 0 0
}

@test "the counters count: broadcast" {
	fresh
	changed=1
	takes 6 depth 2
	exec {first}</dev/msgslot6 {second}</dev/msgslot6 {third}</dev/msgslot6
	echo one >/dev/msgslot6
	prints 'one\n' head -n 1 <&"$first"
	prints 'one\n' head -n 1 <&"$second"
	counts 6 1 1 2 0
	echo two >/dev/msgslot6
	prints 'two\n' head -n 1 <&"$first"
	echo three >/dev/msgslot6
	echo four >/dev/msgslot6
	# It misses one message, another two, and they count when it is told.
	counts 6 2 4 3 0
	fails 1 "No buffer space available" head -n 1 <&"$second"
	counts 6 2 4 3 1
	fails 1 "No buffer space available" head -n 1 <&"$third"
	counts 6 2 4 3 3
	prints 'three\nfour\n' head -n 2 <&"$first"
	prints 'three\nfour\n' head -n 2 <&"$second"
	prints 'three\nfour\n' head -n 2 <&"$third"
	counts 6 2 4 9 3
	# Read in pieces it is one message still.
	echo pieces >/dev/msgslot6
	prints 'pieces\n' dd bs=2 count=4 status=none <&"$first"
	counts 6 2 5 10 3
	exec {first}<&- {second}<&- {third}<&-
	# What is kept is kept for nobody, and stays.
	counts 6 2 5 10 3
	has 6 channels 1
}

@test "settings that calls rely on: while nothing is open or kept" {
	fresh
	changed=1
	takes 0 max_message 1048576
	takes 0 max_message 1
	works msgslot send 0 1 x
	fails 7 "2 bytes, and max_message is 1" msgslot send 0 1 xy

	# A message is kept.
	keeps 0 max_message 128 "Device or resource busy"
	keeps 0 mode queue "Device or resource busy"
	takes 0 max_message 1
	takes 0 depth 1
	takes 0 mode last
	takes 0 overflow drop

	# A file is open, on another slot.
	exec {open}</dev/msgslot1
	keeps 1 max_message 256 "Device or resource busy"
	keeps 1 mode broadcast "Device or resource busy"
	takes 1 max_message 128
	takes 1 mode last
	exec {open}<&-
	takes 1 max_message 256
}

@test "settings of a queue and a broadcast: while nothing is open or kept" {
	fresh
	changed=1
	takes 6 overflow block
	for slot in 4 6; do
		takes $slot depth 3
		takes $slot max_message 100
		exec {open}<>/dev/msgslot$slot
		for kept in no yes; do
			keeps $slot depth 4 "Device or resource busy"
			keeps $slot max_message 4096 "Device or resource busy"
			keeps $slot mode last "Device or resource busy"
			[ $slot = 4 ] || keeps 6 overflow drop "Device or resource busy"
			# What is set already.
			takes $slot depth 3
			takes $slot max_message 100
			takes $slot mode "$(get $slot mode)"
			takes $slot overflow block
			# These hold at any time.
			takes $slot max_bytes 1000000
			takes $slot max_channels 10
			# Again, with a message and no file.
			[ $kept = no ] || break
			echo message >&"$open"
			exec {open}<&-
		done
	done
	# Taken, the message does not hold the settings any more; the counters are no obstacle.
	prints 'message\n' msgslot recv 4 0
	takes 4 depth 4
	has 4 sent 1
}

@test "another mode brings its defaults" {
	fresh
	changed=1
	takes 0 max_message 1000
	takes 0 max_bytes 1000
	takes 0 mode queue
	defaults 0 queue 1024 4096 block 65536
	takes 0 depth 5
	# The mode it has already leaves all as it is.
	takes 0 mode queue
	has 0 depth 5
	takes 0 mode broadcast
	defaults 0 broadcast 256 4096 drop 65536
	takes 0 overflow block
	takes 0 mode last
	defaults 0 last 1 128 drop 1048576
	# It is the mode, not only its name.
	takes 0 mode queue
	prints 'hello\n' bash -c 'echo hello >/dev/msgslot0; head -n 1 /dev/msgslot0'
	has 0 messages 0
	takes 4 mode last
	fails 1 "Invalid argument" cat /dev/msgslot4
	prints 'hello\n' bash -c 'msgslot send 4 5 hello; msgslot recv 4 5 >first; msgslot recv 4 5'
}

@test "depth and max_message, up to their limits" {
	fresh
	changed=1
	for slot in 4 6; do
		takes $slot depth 65536
		takes $slot depth 1
		takes $slot max_message 1048576
		takes $slot max_message 1
		fails 7 "too long" msgslot send $slot 0 xy
		works msgslot send $slot 0 x
		has $slot messages 1
	done
	fails 124 "" timeout 0.5 msgslot send 4 0 y
	works msgslot send 6 0 y
	for slot in 4 6; do
		has $slot messages 1
	done
	prints x msgslot recv -N 4 0
	takes 4 depth 2
	works msgslot send 4 0 x
	works msgslot send 4 0 y
	fails 124 "" timeout 0.5 msgslot send 4 0 z
	prints 'xy' dd if=/dev/msgslot4 bs=1 count=2 status=none
}

@test "overflow is what the mode knows" {
	fresh
	changed=1
	takes 0 overflow drop
	keeps 0 overflow block "Invalid argument"
	takes 4 overflow block
	keeps 4 overflow drop "Invalid argument"
	takes 6 overflow block
	takes 6 overflow drop
	for slot in 0 4 6; do
		for value in DROP BLOCK '' ' ' x 'drop drop' 'block ' ' block' 0 1; do
			keeps $slot overflow "$value" "Invalid argument"
		done
	done
}

@test "settings out of range and malformed ones change nothing" {
	fresh
	changed=1
	for slot in 0 4 6; do
		before=$(get $slot max_message)
		for value in 0 -1 1048577 4294967296 4294967424 x 12x '1 2' 1.5 '' ' '; do
			malformed "$class/msgslot$slot/max_message" "$value"
		done
		keeps $slot max_message 0 "Invalid argument"
		keeps $slot max_message 1048577 "Invalid argument"
		has $slot max_message "$before"
		before=$(get $slot depth)
		for value in 0 65537 -1 x '' 1x 4294967297; do
			malformed "$class/msgslot$slot/depth" "$value"
		done
		keeps $slot depth 0 "Invalid argument"
		keeps $slot depth 65537 "Invalid argument"
		has $slot depth "$before"
		for value in LAST Queue lastx las broadcasts '' ' last' 'last ' 'last queue' 0; do
			keeps $slot mode "$value" "Invalid argument"
		done
		for value in x -1 '' 1.5 '1 2' 18446744073709551616; do
			malformed "$class/msgslot$slot/max_bytes" "$value"
			malformed "$class/msgslot$slot/max_channels" "$value"
		done
	done
	keeps 0 depth 2 "Invalid argument"
	defaults 0 last 1 128 drop 1048576
	defaults 4 queue 1024 4096 block 65536
	defaults 6 broadcast 256 4096 drop 65536
}

@test "max_channels and max_bytes hold, at any time" {
	fresh
	changed=1
	works msgslot send 0 1 one
	works msgslot send 0 2 two
	exec {open}<>/dev/msgslot0
	takes 0 max_channels 2
	fails 8 "msgslot: /dev/msgslot0: the slot is full: channels 2 of 2, " msgslot send 0 3 three
	fails 8 "the slot is full: channels 2 of 2, " msgslot recv -w 0 3
	fails 3 "there is no message" msgslot recv 0 3
	works msgslot send 0 1 "one again"
	takes 0 max_channels 3
	works msgslot send 0 3 three
	takes 0 max_channels 1
	prints 'one again\n' msgslot recv 0 1
	prints 'three\n' msgslot recv 0 3

	takes 0 max_channels 100
	takes 0 max_bytes 0
	fails 8 " of 0" msgslot send 0 4 four
	fails 3 "there is no message" msgslot recv 0 4
	prints 'one again\n' msgslot recv 0 1
	works msgslot send 0 1 "in place"
	takes 0 max_bytes 67108864
	works msgslot send 0 4 four
	exec {open}<&-
}

@test "nobody but root takes more than is left for the others" {
	fresh
	changed=1
	takes 0 max_channels 4
	works as member msgslot send 0 1 one
	works as member msgslot send 0 2 two
	fails 8 "msgslot: /dev/msgslot0: your share of the slot is used up: channels 2 of 2, " \
		as member msgslot send 0 3 three
	works as member msgslot send 0 1 "one again"
	works as member2 msgslot send 0 3 three
	fails 8 "your share of the slot is used up" as member2 msgslot send 0 4 four
	works msgslot send 0 4 four
	fails 8 "the slot is full" msgslot send 0 5 five
	prints 'one again\n' as member2 msgslot recv 0 1
}

@test "max_channels and max_bytes of a queue and a broadcast" {
	fresh
	changed=1
	for slot in 4 6; do
		takes $slot max_channels 2
		works msgslot send $slot 1 one
		works msgslot send $slot 2 two
		fails 8 "the slot is full: channels 2 of 2, " msgslot send $slot 3 three
		# Opening never fails for that; channel 0, which no file has, is the third.
		fails 1 "No space left on device" dd if=/dev/msgslot$slot iflag=nonblock
		fails 1 "write error: No space left on device" bash -c "echo zero >/dev/msgslot$slot"
		exec {open}<>/dev/msgslot$slot
		takes $slot max_channels 3
		echo zero >&"$open"
		exec {open}<&-
		has $slot messages 3

		takes $slot max_channels 100
		takes $slot max_bytes 0
		fails 8 " of 0" msgslot send $slot 4 four
		takes $slot max_bytes 67108864
		works msgslot send $slot 4 four
	done
	prints 'one\n' msgslot recv 4 1
}

@test "udev rules can set a slot up and name it" {
	changed=1
	mkdir -p /run/udev/rules.d
	cat >/run/udev/rules.d/70-msgslot-test.rules <<-'RULES'
		ACTION=="add", SUBSYSTEM=="msgslot", KERNEL=="msgslot9", ATTR{max_message}="4096"
		ACTION!="remove", SUBSYSTEM=="msgslot", KERNEL=="msgslot9", SYMLINK+="weather"
		ACTION=="add", SUBSYSTEM=="msgslot", KERNEL=="msgslot8", ATTR{mode}="broadcast", ATTR{overflow}="block", ATTR{depth}="8"
		ACTION!="remove", SUBSYSTEM=="msgslot", KERNEL=="msgslot8", SYMLINK+="chat"
	RULES
	udevadm control --reload
	put "$class/create" "9 last"
	put "$class/create" "8 last"
	udevadm settle
	rm /run/udev/rules.d/70-msgslot-test.rules
	udevadm control --reload
	has 9 max_message 4096
	equal link "$(readlink -f /dev/weather)" /dev/msgslot9
	works as member message_sender /dev/weather 1 "$(printf '%04096d' 0)"
	equal length "$(as member msgslot recv -N /dev/weather 1 | wc -c)" 4096
	has 8 mode broadcast
	has 8 overflow block
	has 8 depth 8
	works as member bash -c 'exec 3<>/dev/chat; echo hello >&3; read -r line <&3'
}
