#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Nothing leaks from one channel or slot to another, and messages belong to no process.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

@test "what is on one channel of one slot is nowhere else" {
	fresh
	works msgslot send 0 5 here
	for slot in {0..3}; do
		for channel in 4 5 6 1 4294967295 0x80000005 0x10005; do
			[ "$slot $channel" != "0 5" ] || continue
			fails 3 "there is no message" msgslot recv "$slot" "$channel"
		done
	done
	prints 'here\n' msgslot recv 0 5
	# Asking did not leave anything either.
	has 0 channels 1
	has 1 channels 0
}

@test "slots and channels interleaved" {
	local slots=4 channels=6 slot channel round

	fresh
	for round in 1 2; do
		for ((channel = 1; channel <= channels; channel++)); do
			for ((slot = 0; slot < slots; slot++)); do
				message_sender "/dev/msgslot$slot" $channel "$round $slot $channel"
			done
		done
	done
	for ((slot = 0; slot < slots; slot++)); do
		for ((channel = 1; channel <= channels; channel++)); do
			equal "slot $slot channel $channel" \
				"$(message_reader "/dev/msgslot$slot" $channel)" "2 $slot $channel"
		done
		has "$slot" messages $channels
		has "$slot" sent $((2 * channels))
		has "$slot" received $channels
	done
}

@test "a message outlives its sender, and reading leaves it there" {
	bash -c 'message_sender /dev/msgslot2 41 "from the dead"'
	for _ in 1 2 3; do
		prints "from the dead" message_reader /dev/msgslot2 41
	done
	prints "from the dead" as member message_reader /dev/msgslot2 41
}

@test "only the newest message is there, also from many senders at once" {
	local sender

	for sender in 1 2 3 4; do
		(for i in {1..10}; do
			msgslot send 2 42 "sender $sender, message $i"
		done) &
	done
	wait
	works msgslot recv 2 42
	grep -qxE 'sender [1-4], message 10' out
}

@test "files that are open have channels of their own" {
	works msgslot send 2 43 a
	works msgslot send 2 44 b
	# Opened, nothing selected: there is no channel to read or write.
	exec {open}<>/dev/msgslot2
	fails 1 "Invalid argument" cat <&"$open"
	fails 1 "Invalid argument" bash -c 'echo x >&'"$open"
	exec {open}<&-
	prints a message_reader /dev/msgslot2 43
	prints b message_reader /dev/msgslot2 44
}
