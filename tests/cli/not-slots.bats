#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A path that is no slot: a clear error, nothing hangs, and nothing happens to what is there.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

# refused PATH TEXT CODE SAID: by the course's programs with TEXT, by the others with CODE and SAID.
refused()
{
	fails 1 "message_sender: $1: $2" message_sender "$1" 5 lost || return 1
	fails 1 "message_reader: $1: $2" message_reader "$1" 5 || return 1
	fails "$3" "msgslot: $1: $4" msgslot send "$1" 5 lost || return 1
	echo lost | fails "$3" "msgslot: $1: $4" msgslot send "$1" 5 - || return 1
	echo lost | fails "$3" "msgslot: $1: $4" msgslot send -l "$1" 5 || return 1
	fails "$3" "msgslot: $1: $4" msgslot recv "$1" 5 || return 1
	fails "$3" "msgslot: $1: $4" msgslot watch "$1" 5 cat || return 1
	fails "$3" "msgslot: $1: $4" msgslot chat "$1" 5 || return 1
	fails "$3" "msgslot: $1: $4" msgslot show "$1" || return 1
	fails "$3" "msgslot: $1: $4" msgslot clear "$1" 5
}

no_slot=$'this is not a slot\nSlots are /dev/msgslot0 and so on'
no_module=$'there is no such node\n'"'msgslot doctor' says what is missing and what to do."
no_node=$'there is no such node\n\'msgslot list\' says what slots there are'

@test "a plain file is not read, written, cut or touched" {
	echo contents >file
	touch -d 2001-02-03 file
	stat -c '%s %x %y %z %i' file >before
	refused file "Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
	stat -c '%s %x %y %z %i' file >after
	same before after
	echo contents >expected
	same file expected
	ln -s file link
	refused ./link "Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
}

@test "a path that is not there is not made" {
	refused nothing "No such file or directory (no such slot, or the module msgslot is not loaded)" 5 "$no_node"
	refused no/thing "No such file or directory" 5 "$no_node"
	ln -s nowhere dangling
	refused dangling "No such file or directory" 5 "$no_node"
	ln -s loop loop
	refused loop "Too many levels of symbolic links" 1 "Too many levels of symbolic links"
	refused "$(printf '%0300d' 0)x" "File name too long" 1 "File name too long"
	[ ! -e nothing ]
	[ ! -e nowhere ]
}

@test "directories, and files taken for one" {
	refused . "Is a directory (not a slot)" 5 "$no_slot"
	refused /dev "Is a directory (not a slot)" 5 "$no_slot"
	refused /dev/msgslot0/ "Not a directory" 5 "$no_node"
	echo contents >file
	refused file/ "Not a directory" 5 "$no_node"
	refused file/x "Not a directory" 5 "$no_node"
}

@test "a FIFO does not hang, and nobody at its other end notices" {
	mkfifo pipe
	refused pipe "Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
	cat pipe >got &
	exec {pipe}>pipe
	refused pipe "Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
	echo mine >&"$pipe"
	exec {pipe}>&-
	wait $!
	equal "through the FIFO" "$(cat got)" mine
	echo mine | refused /proc/self/fd/0 "Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
}

@test "other devices are not slots" {
	refused /dev/null "channel 5: Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
	refused /dev/zero "channel 5: Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
	refused /dev/full "channel 5: Inappropriate ioctl for device (not a slot)" 5 "$no_slot"
}

@test "a slot that was destroyed" {
	changed=1
	works msgslot send 3 5 hello
	exec {open}<>/dev/msgslot3
	put "$class/destroy" 3
	udevadm settle
	refused /dev/msgslot3 "No such file or directory (no such slot, or the module msgslot is not loaded)" 5 "$no_node"
	fails 1 "No such device" cat <&"$open"
	exec {open}<&-
	put "$class/create" "3 last"
	udevadm settle
	fails 3 "there is no message" msgslot recv 3 5
}

@test "no module" {
	changed=1
	rmmod msgslot
	udevadm settle
	refused /dev/msgslot0 "No such file or directory (no such slot, or the module msgslot is not loaded)" 5 "$no_module"
	fails 5 "msgslot: /dev/msgslot0: $no_module" msgslot recv 0 5
	fails 5 $'msgslot: the module msgslot is not loaded\nAs root: modprobe msgslot' msgslot list
}
