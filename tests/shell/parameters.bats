#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The module comes and goes: parameters right and wrong, unloading in use and complete.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

# Nothing of the module is left anywhere.
nothing_left()
{
	udevadm settle
	! compgen -G '/dev/msgslot*' || return 1
	[ ! -e /sys/class/msgslot ] || return 1
	[ ! -e /sys/module/msgslot ] || return 1
	! grep -w msgslot /proc/devices /proc/modules
}

# The modes of all slots in their order, while there are no more than ten.
modes()
{
	cat "$class"/msgslot?/mode | xargs
}

log_lines()
{
	dmesg | grep 'msgslot: ' | grep -vE 'taints kernel|module verification' || true
}

# begin_refusing: the module is away, and what its log says from here on counts.
begin_refusing()
{
	changed=1
	rmmod msgslot
	lines_before=$(log_lines | wc -l)
	wanted=()
}

# refuses TEXT PARAMETER: at load, nothing half made, and all_refused will look for a line with that
# text in the log.
refuses()
{
	local -

	set +T
	fails 1 "could not insert" modprobe msgslot "$2" || return 1
	[ ! -e /sys/class/msgslot ] && [ ! -e /sys/module/msgslot ] || return 1
	wanted+=("$1")
}

# all_refused: each with one line in the log, and no other.
all_refused()
{
	local -
	local lines i

	set +T
	nothing_left || return 1
	# A line so long that its end is cut off shows once the next one begins.
	echo "tests: all were refused" >/dev/kmsg
	mapfile -t lines < <(log_lines | tail -n +$((lines_before + 1)))
	equal "lines in the log" ${#lines[@]} ${#wanted[@]} || return 1
	for i in "${!wanted[@]}"; do
		[[ ${lines[i]} == *"${wanted[i]}"* ]] || {
			echo "in the log: ${lines[i]}, where '${wanted[i]}' was expected"
			return 1
		}
	done
}

@test "unloading takes everything along, and loading brings it back" {
	works msgslot send 0 5 hello
	works msgslot send 4 5 hello
	works msgslot send 6 5 hello
	changed=1
	works rmmod msgslot
	nothing_left
	works modprobe msgslot
	udevadm settle
	equal nodes "$(echo /dev/msgslot*)" "$(echo /dev/msgslot{0..7})"
	equal modes "$(modes)" "last last last last queue queue broadcast broadcast"
	fails 3 "there is no message" msgslot recv 0 5
	for slot in {0..7}; do
		has "$slot" messages 0
	done
	equal slots "$(cat /sys/module/msgslot/parameters/slots)" last:4,queue:2,broadcast:2
	# The kernel picked a major, and the parameter says which.
	equal major "$(cat /sys/module/msgslot/parameters/major)" \
		"$(awk '$2 == "msgslot" { print $1 }' /proc/devices)"
	[ "$(cat /sys/module/msgslot/parameters/major)" -gt 0 ]
}

@test "unloading is refused while a node is open, whatever it was opened for" {
	changed=1
	exec {reader}</dev/msgslot0
	fails 1 "in use" rmmod msgslot
	exec {writer}>/dev/msgslot1
	exec {reader}<&-
	fails 1 "in use" rmmod msgslot
	exec {both}<>/dev/msgslot2
	exec {writer}>&-
	fails 1 "in use" rmmod msgslot
	works msgslot send 0 5 "still here"
	prints "still here" message_reader /dev/msgslot0 5
	# Also a slot that is gone already has its file's code in the module.
	put "$class/destroy" 2
	fails 1 "in use" rmmod msgslot
	exec {both}<&-
	# Where a file has its channel from the start, and a reader sleeps in it.
	for slot in 4 6; do
		cat /dev/msgslot$slot >got &
		until [ "$(get $slot channels)" = 1 ]; do
			sleep 0.1
		done
		fails 1 "in use" rmmod msgslot
		echo hello >/dev/msgslot$slot
		until [ -s got ]; do
			sleep 0.1
		done
		kill $!
		wait $! || true
	done
	works rmmod msgslot
	nothing_left
}

@test "slots= says how many slots of which mode there are" {
	load_with slots=last:1
	equal nodes "$(echo /dev/msgslot*)" /dev/msgslot0
	load_with slots=last:2,last:1
	equal nodes "$(echo /dev/msgslot*)" "/dev/msgslot0 /dev/msgslot1 /dev/msgslot2"
	load_with slots=broadcast:1,queue:2,last:1,queue:1
	equal nodes "$(echo /dev/msgslot*)" "$(echo /dev/msgslot{0..4})"
	equal modes "$(modes)" "broadcast queue queue last queue"
	load_with slots=
	equal nodes "$(echo /dev/msgslot*)" "/dev/msgslot*"
	[ -w "$class/create" ]
	load_with slots=last:256
	equal "number of nodes" "$(compgen -G "/dev/msgslot*" | wc -l)" 256
	equal "last node" "$(stat -c '%a %U:%G' /dev/msgslot255)" "660 root:msgslot"
	works msgslot send 255 1 hello
	prints 'hello\n' msgslot recv 255 1
}

@test "malformed slots= are refused at load, with a line that says why" {
	begin_refusing
	for value in bogus LAST:4 last last: :4 : "," "last:4," ",last:4" "last:4,,last:1" last:x last:4x \
		last:-1 last:0 'last: 4' ' last:4' 'last :4' last:1.5 last:0x4 last:257 \
		last:255,last:2 last:4294967297 last:99999999999999999999 last:4:4 4 4:last \
		queue broadcast: Queue:2 queues:2 queue:0 broadcast:257 queue:128,broadcast:129 \
		last:4,queue:x "last:4 queue:2" last:4,queue:2,nosuch:1 "$(printf 'x%.0s' {1..900})"; do
		refuses "msgslot: slots=" "slots=$value"
	done
	all_refused
}

@test "malformed major= are refused at load" {
	begin_refusing
	for value in 512 4096 4294967295; do
		refuses "msgslot: major=$value: " "major=$value"
	done
	# What is not a number is refused by the kernel itself, in its own words.
	for value in '' x -1 1.5 235x 4294967296 99999999999999999999; do
		refuses "msgslot: \`$value' invalid for parameter \`major'" "major=$value"
	done
	all_refused
}

@test "a major that another driver has is not taken from it" {
	begin_refusing
	refuses "msgslot: major=1: " major=1
	all_refused
	equal "/dev/zero" "$(head -c 1 /dev/zero | od -An -tu1)" "   0"
}
