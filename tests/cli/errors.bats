#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What errors say: a first line with the node and what is wrong, a second with what to do about it.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "not in the group" {
	for command in "send 0 5 lost" "recv 0 5" "watch 0 5 cat" "show 0" "clear 0 5"; do
		# shellcheck disable=SC2086
		said_in 6 "msgslot: /dev/msgslot0: Permission denied: you are not in the group msgslot
As root: usermod -aG msgslot outsider; it counts from the next login on." \
			as outsider msgslot $command
	done
	# A user without an account is a number.
	fails 6 "As root: usermod -aG msgslot 12345;" \
		setpriv --reuid 12345 --regid 12345 --clear-groups msgslot recv 0 5
}

@test "in the group, but the login is older than that" {
	said_in 6 "msgslot: /dev/msgslot0: Permission denied: you are in the group msgslot, but this login is older than that
Log in again, or begin a shell with: newgrp msgslot" \
		setpriv --reuid member --regid member --clear-groups msgslot recv 0 5
}

@test "a folder that is closed" {
	mkdir -m 700 closed
	fails 6 "closed/x: Permission denied" as member msgslot recv "$PWD/closed/x" 5
	grep -qx "A folder above it is closed to you." err
}

@test "no node, no slot, no module" {
	changed=1
	said_in 5 "msgslot: /dev/msgslot99: there is no such node
'msgslot list' says what slots there are; as root, 'msgslot create' makes one." msgslot recv 99 5
	# A node that is withheld of a slot that there is, as in a container.
	said_in 5 "msgslot: /dev/msgslot3: there is no such node
'msgslot doctor' says what is missing and what to do." \
		unshare --mount sh -c 'mount -t tmpfs none /dev && msgslot recv 3 5'
	said_in 5 "msgslot: /dev/null: this is not a slot
Slots are /dev/msgslot0 and so on; 'msgslot list' names them." msgslot recv /dev/null 5
	rmmod msgslot
	udevadm settle
	said_in 5 "msgslot: /dev/msgslot0: there is no such node
'msgslot doctor' says what is missing and what to do." msgslot send 0 5 lost
	said_in 5 "msgslot: the module msgslot is not loaded
As root: modprobe msgslot; 'msgslot doctor' says what is missing and what to do." msgslot list
}

@test "too long: the limit, and where to raise it" {
	fresh
	changed=1
	said_in 7 "msgslot: /dev/msgslot2: channel 5: the message is too long: 129 bytes, and max_message is 128
As root, 'msgslot set' raises max_message up to 1048576 bytes (/sys/class/msgslot/msgslot2/max_message)." \
		msgslot send 2 5 "$(printf '%0129d' 0)"
	put "$class/msgslot2/max_message" 129
	works msgslot send 2 5 "$(printf '%0129d' 0)"
	said_in 7 "msgslot: /dev/msgslot2: channel 5: the message is empty
A message has at least 1 byte." msgslot send 2 5 ""
}

@test "the slot is full, the share is used up, the channel is full: three texts" {
	fresh
	changed=1
	put "$class/msgslot0/max_channels" 2
	works as member msgslot send 0 1 one
	used=$(get 0 bytes)
	works msgslot send 0 2 two
	fails 8 "msgslot: /dev/msgslot0: the slot is full: channels 2 of 2, bytes $((2 * used)) of 67108864" \
		msgslot send 0 3 lost
	grep -q "^Clear channels that are not needed ('msgslot clear'), or raise max_channels or max_bytes, as root" err
	put "$class/msgslot0/max_channels" 3
	fails 8 "msgslot: /dev/msgslot0: your share of the slot is used up: channels 1 of " \
		as member msgslot send 0 3 lost
	grep -q "^Clear channels that you do not need ('msgslot clear'); root has no share" err
	put "$class/msgslot4/depth" 1
	works msgslot send 4 5 full
	fails 8 "channel 5: the channel is full" msgslot send -W 0 4 5 lost
	grep -q "^Without -W 0 it waits" err
}

@test "the buffer is too short, which is neither a full slot nor a used share" {
	fresh
	for slot in 0 4; do
		works msgslot send $slot 5 "nine byte"
		said_in 7 "msgslot: /dev/msgslot$slot: channel 5: the buffer is too short for a message of 9 bytes
The message is still there: raise --max-length, or leave it out." msgslot recv --max-length 8 $slot 5
		prints 'nine byte\n' msgslot recv --max-length 9 $slot 5
	done
	works msgslot send 6 5 "nine byte"
	fails 7 "too short for a message of 9 bytes" msgslot recv --newer 0 --max-length 1 6 5
	fails 7 "too short for a message of 9 bytes" msgslot watch --newer 0 --max-length 1 6 5 cat
	fails 2 "--max-length '0' is not a number from 1 to 1048576" msgslot recv --max-length 0 0 5
}

@test "standard streams" {
	works msgslot send 0 5 x
	said_in 1 "msgslot: standard output: No space left on device" bash -c 'msgslot recv 0 5 >/dev/full'
	said_in 1 "msgslot: standard input: Is a directory" bash -c 'msgslot send 0 5 - </'
	# Nowhere to say it, but the exit code.
	bash -c 'msgslot recv 0 99 2>&-' && code=0 || code=$?
	equal "exit code" "$code" 3
	bash -c 'msgslot recv 0 99 2>/dev/full' && code=0 || code=$?
	equal "exit code" "$code" 3
}
