#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What slots show and take in sysfs: defaults, settings, counters, create and destroy.

# shellcheck source=common.bash
source "$BATS_TEST_DIRNAME/common.bash"

# keeps SLOT ATTRIBUTE VALUE ERROR: writing VALUE fails and changes nothing.
keeps()
{
	local before

	before=$(get "$1" "$2")
	fails 1 "$4" put "$class/msgslot$1/$2" "$3" || return 1
	equal "$2 after writing '$3'" "$(get "$1" "$2")" "$before"
}

# malformed FILE VALUE: writing VALUE fails, as no number or none in range.
malformed()
{
	fails 1 "" put "$1" "$2" || return 1
	grep -qE "Invalid argument|Numerical result out of range" err && return
	printf "%s: '%s': %s\n" "$1" "$2" "$(cat err)"
	return 1
}

# takes SLOT ATTRIBUTE VALUE
takes()
{
	works put "$class/msgslot$1/$2" "$3" || return 1
	equal "$2" "$(get "$1" "$2")" "$3"
}

@test "the defaults of a slot of mode last" {
	fresh
	for slot in {0..3}; do
		equal mode "$(get "$slot" mode)" last
		equal depth "$(get "$slot" depth)" 1
		equal max_message "$(get "$slot" max_message)" 128
		equal overflow "$(get "$slot" overflow)" drop
		equal max_bytes "$(get "$slot" max_bytes)" $((64 * 1024 * 1024))
		equal max_channels "$(get "$slot" max_channels)" 1048576
		for counter in channels messages bytes sent received dropped; do
			equal $counter "$(get "$slot" $counter)" 0
		done
	done
	equal "slots" "$(cd "$class" && echo *)" "create destroy msgslot0 msgslot1 msgslot2 msgslot3"
}

@test "the counters count" {
	fresh
	works msgslot send 0 1 one
	works msgslot send 0 1 newer
	works msgslot send 0 2 two
	fails 1 "Message too long" msgslot send 0 2 ""
	fails 3 "no message" msgslot recv 0 3
	works msgslot recv 0 1
	works msgslot recv 0 1
	works message_reader /dev/msgslot0 2
	equal sent "$(get 0 sent)" 3
	equal received "$(get 0 received)" 3
	equal messages "$(get 0 messages)" 2
	equal channels "$(get 0 channels)" 2
	[ "$(get 0 bytes)" -gt 0 ]
	for counter in channels messages bytes sent received dropped; do
		fails 1 "Permission denied" as member bash -c "echo 0 >$class/msgslot0/$counter"
		equal "$counter of another slot" "$(get 1 $counter)" 0
	done
}

@test "settings that calls rely on: while nothing is open or kept" {
	fresh
	changed=1
	takes 0 max_message 1048576
	takes 0 max_message 1
	works msgslot send 0 1 x
	fails 1 "2 bytes are more than the slot's max_message" msgslot send 0 1 xy

	# A message is kept.
	keeps 0 max_message 128 "Device or resource busy"
	takes 0 max_message 1
	takes 0 depth 1
	takes 0 mode last
	takes 0 overflow drop

	# A file is open, on another slot.
	exec {open}</dev/msgslot1
	keeps 1 max_message 256 "Device or resource busy"
	takes 1 max_message 128
	takes 1 mode last
	exec {open}<&-
	takes 1 max_message 256
}

@test "settings out of range and malformed ones change nothing" {
	fresh
	changed=1
	for value in 0 -1 1048577 4294967296 4294967424 x 12x '1 2' 1.5 '' ' '; do
		malformed "$class/msgslot0/max_message" "$value"
		equal "max_message" "$(get 0 max_message)" 128
	done
	keeps 0 max_message 0 "Invalid argument"
	keeps 0 max_message 1048577 "Invalid argument"
	for value in 0 2 -1 x '' 4294967297; do
		malformed "$class/msgslot0/depth" "$value"
		equal depth "$(get 0 depth)" 1
	done
	keeps 0 depth 2 "Invalid argument"
	for value in LAST queue broadcast lastx las '' ' last' 'last '; do
		keeps 0 mode "$value" "Invalid argument"
	done
	for value in block DROP '' x 'drop drop'; do
		keeps 0 overflow "$value" "Invalid argument"
	done
	for value in x -1 '' 1.5 '1 2' 18446744073709551616; do
		malformed "$class/msgslot0/max_bytes" "$value"
		equal max_bytes "$(get 0 max_bytes)" 67108864
		malformed "$class/msgslot0/max_channels" "$value"
		equal max_channels "$(get 0 max_channels)" 1048576
	done
}

@test "max_channels and max_bytes hold, at any time" {
	fresh
	changed=1
	works msgslot send 0 1 one
	works msgslot send 0 2 two
	exec {open}<>/dev/msgslot0
	takes 0 max_channels 2
	fails 1 "msgslot: send: /dev/msgslot0: channel 3: No space left on device (the slot's max_channels are in use)" \
		msgslot send 0 3 three
	fails 1 "the slot's max_channels are in use" msgslot recv 0 3
	works msgslot send 0 1 "one again"
	takes 0 max_channels 3
	works msgslot send 0 3 three
	takes 0 max_channels 1
	prints 'one again\n' msgslot recv 0 1
	prints 'three\n' msgslot recv 0 3

	takes 0 max_channels 100
	takes 0 max_bytes 0
	fails 1 "channel 4: No space left on device (the slot's max_bytes are in use)" \
		msgslot send 0 4 four
	fails 3 "no message" msgslot recv 0 4
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
	fails 1 "channel 3: Disk quota exceeded (your share of the slot's channels is in use)" \
		as member msgslot send 0 3 three
	works as member msgslot send 0 1 "one again"
	works as member2 msgslot send 0 3 three
	fails 1 "Disk quota exceeded" as member2 msgslot send 0 4 four
	works msgslot send 0 4 four
	fails 1 "No space left on device" msgslot send 0 5 five
	prints 'one again\n' as member2 msgslot recv 0 1
}

@test "create and destroy" {
	fresh
	changed=1
	works put "$class/create" "7 last"
	udevadm settle
	works msgslot send 7 1 hello
	fails 1 "File exists" put "$class/create" "7 last"
	prints 'hello\n' msgslot recv 7 1
	works put "$class/destroy" 7
	udevadm settle
	[ ! -e "$class/msgslot7" ]
	[ ! -e /dev/msgslot7 ]
	fails 1 "No such device" put "$class/destroy" 7
	# Made again it is empty, and its settings are the defaults.
	works put "$class/create" "7 last"
	takes 7 max_message 5
	works put "$class/destroy" 7
	works put "$class/create" "7 last"
	equal max_message "$(get 7 max_message)" 128
	udevadm settle
	fails 3 "no message" msgslot recv 7 1
	works bash -c "printf '255 last' >$class/create"
	works bash -c "printf 255 >$class/destroy"
	fails 1 "Permission denied" as member cat "$class/create"
}

@test "create and destroy refuse what is malformed" {
	fresh
	changed=1
	for value in '' ' ' 9 '9 ' last 'last 9' '9 nosuch' '9 LAST' '9 last x' '9 lastx' '9last' \
		'9  last' ' 9 last' '-1 last' '256 last' '4294967296 last' '4294967305 last' \
		'99999999999999999999 last' '9.5 last' '9x last' '9 queue' '9 broadcast' \
		$'9\nlast' $'9 last\nx' "9 $(printf 'x%.0s' {1..3000})"; do
		malformed "$class/create" "$value"
	done
	for value in '' ' ' x -1 256 4294967296 99999999999999999999 '0 last' 0x 1.5 '0 0' $'0\n0'; do
		malformed "$class/destroy" "$value"
	done
	fails 1 "No such device" put "$class/destroy" 9
	equal "slots" "$(cd "$class" && echo *)" "create destroy msgslot0 msgslot1 msgslot2 msgslot3"
}

@test "udev rules can set a slot up and name it" {
	changed=1
	mkdir -p /run/udev/rules.d
	cat >/run/udev/rules.d/70-msgslot-test.rules <<-'RULES'
		ACTION=="add", SUBSYSTEM=="msgslot", KERNEL=="msgslot9", ATTR{max_message}="4096", SYMLINK+="weather"
	RULES
	udevadm control --reload
	put "$class/create" "9 last"
	udevadm settle
	rm /run/udev/rules.d/70-msgslot-test.rules
	udevadm control --reload
	equal max_message "$(get 9 max_message)" 4096
	equal link "$(readlink -f /dev/weather)" /dev/msgslot9
	works as member message_sender /dev/weather 1 "$(printf '%04096d' 0)"
	equal length "$(as member msgslot recv -N /dev/weather 1 | wc -c)" 4096
}
