#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Slots come and go while the module runs: what `create` and `destroy` take, and what notices.

# shellcheck source=../common/shells.bash
source "$BATS_TEST_DIRNAME/../common/shells.bash"

# begin COMMAND…: in the background; what it prints is in printed.N, what it says in said.N, where N
# is its number in sleepers.
begin()
{
	"$@" >"printed.${#sleepers[@]}" 2>"said.${#sleepers[@]}" &
	sleepers+=($!)
}

# all_end TEXT: every one that was begun, with exit code 1, nothing printed and that said.
all_end()
{
	local -
	local i code

	set +T
	for i in "${!sleepers[@]}"; do
		code=0
		wait "${sleepers[i]}" || code=$?
		equal "exit code of number $i" $code 1 || return 1
		equal "what number $i printed" "$(<"printed.$i")" "" || return 1
		[[ $(<"said.$i") == *"$1"* ]] || {
			echo "number $i says $(<"said.$i")"
			return 1
		}
	done
	sleepers=()
}

# is_gone SLOT: to the last trace.
is_gone()
{
	[ ! -e "$class/msgslot$1" ] || return 1
	[ ! -e "/dev/msgslot$1" ] || return 1
	fails 1 "No such device" put "$class/destroy" "$1"
}

@test "create and destroy" {
	fresh
	changed=1
	for mode in last queue broadcast; do
		works put "$class/create" "17 $mode"
		udevadm settle
		has 17 mode $mode
		works msgslot send 17 1 hello
		fails 1 "File exists" put "$class/create" "17 $mode"
		fails 1 "File exists" put "$class/create" "17 last"
		has 17 mode $mode
		has 17 messages 1
		works put "$class/destroy" 17
		udevadm settle
		is_gone 17
		# Made again it is empty, and its settings are the defaults.
		works put "$class/create" "17 $mode"
		before=$(get 17 max_message)
		takes 17 max_message 5
		works put "$class/destroy" 17
		works put "$class/create" "17 $mode"
		has 17 max_message "$before"
		has 17 messages 0
		has 17 sent 0
		udevadm settle
		works put "$class/destroy" 17
	done
	works bash -c "printf '255 queue' >$class/create"
	works bash -c "printf 255 >$class/destroy"
	fails 1 "Permission denied" as member cat "$class/create"
}

@test "create and destroy refuse what is malformed" {
	fresh
	changed=1
	for value in '' ' ' 9 '9 ' last 'last 9' '9 nosuch' '9 LAST' '9 Queue' '9 last x' '9 lastx' \
		'9 queues' '9last' '9queue' '9  last' ' 9 last' '9 queue ' '-1 last' '256 queue' \
		'4294967296 last' '4294967305 last' '99999999999999999999 last' '9.5 last' \
		'9x last' '9 last:1' '9 last,queue' $'9\nlast' $'9 last\nx' $'9 queue\n10 queue' \
		"9 $(printf 'x%.0s' {1..3000})"; do
		malformed "$class/create" "$value"
	done
	for value in '' ' ' x -1 256 4294967296 99999999999999999999 '0 last' 0x 1.5 '0 0' $'0\n0'; do
		malformed "$class/destroy" "$value"
	done
	fails 1 "No such device" put "$class/destroy" 9
	equal "slots" "$(cd "$class" && echo *)" "$(echo create destroy msgslot{0..7})"
}

@test "readers and pollers of a destroyed queue or broadcast wake" {
	local mode poller

	changed=1
	# Any of them would sleep for ever.
	poller='vec($set, 0, 1) = 1; select($set, undef, undef, undef);
		defined(sysread(STDIN, $got, 1)) or print(STDERR $!), exit(1)'
	for mode in queue broadcast; do
		renew 4 $mode
		sleepers=()
		begin cat "$slot"
		begin head -n 1 "$slot"
		begin dd if="$slot" bs=4096 status=none
		begin bash -c 'read -r -t 1000 line <$slot'
		begin bash -c 'exec perl -e "$1" <$slot' - "$poller"
		eventually sleeps read "${sleepers[@]:0:3}"
		eventually sleeps pselect6 "${sleepers[@]:3}"
		put "$class/destroy" 4
		all_end "No such device"
		is_gone 4
		put "$class/create" "4 $mode"
	done
}

@test "writers that wait in a destroyed queue or broadcast wake" {
	changed=1
	for mode in queue broadcast; do
		renew 5 $mode
		put "$class/msgslot5/depth" 1
		put "$class/msgslot5/overflow" block
		exec {open}<"$slot"
		echo full >"$slot"
		sleepers=()
		begin bash -c 'echo lost >$slot'
		begin bash -c 'printf lost >$slot'
		begin message_sender "$slot" 0 lost
		eventually sleeps write "${sleepers[@]}"
		begin dash -c 'echo lost >$slot'
		eventually sleeps write "${sleepers[3]}"
		has 5 messages 1
		put "$class/destroy" 5
		# Dash does not say which error it was.
		wait "${sleepers[3]}" && return 1
		grep -q "I/O error" said.3
		unset 'sleepers[3]'
		all_end "No such device"
		is_gone 5
		fails 1 "No such device" head -n 1 <&"$open"
		exec {open}<&-
		put "$class/create" "5 $mode"
	done
}

@test "a destroyed slot's number answers ENXIO, and can be used again" {
	changed=1
	for mode in last queue broadcast; do
		renew 4 $mode
		exec {old}<>"$slot"
		[ $mode = last ] || echo old >&"$old"
		put "$class/destroy" 4
		# A node that is held open still has the number.
		for _ in 1 2; do
			fails 1 "No such device or address" cat "/proc/$BASHPID/fd/$old"
			fails 1 "No such device or address" \
				bash -c "printf lost >/proc/$BASHPID/fd/$old"
		done
		for next in queue last broadcast; do
			put "$class/create" "4 $next"
			has 4 mode $next
			has 4 messages 0
			# A file of the old slot has nothing of the new one.
			fails 1 "No such device" head -n 1 <&"$old"
			fails 1 "No such device" bash -c 'echo lost >&0' <&"$old"
			works msgslot send 4 5 new
			has 4 messages 1
			put "$class/destroy" 4
		done
		exec {old}<&-
		put "$class/create" "4 queue"
	done
}

# memory_is AT_LEAST: free, in KiB.
memory_is()
{
	[ "$(awk '/^MemFree:/ { print $2 }' /proc/meminfo)" -ge "$1" ]
}

@test "a destroyed slot's memory returns, whoever has it open" {
	changed=1
	for mode in queue broadcast; do
		renew 4 $mode
		put "$class/msgslot4/max_message" 1048576
		exec {open}<"$slot"
		before=$(awk '/^MemFree:/ { print $2 }' /proc/meminfo)
		works dd if=/dev/zero of="$slot" bs=1M count=48 status=none
		has 4 messages 48
		[ "$(get 4 bytes)" -ge $((48 * 1048576)) ]
		memory_is $((before - 40 * 1024)) && return 1
		put "$class/destroy" 4
		eventually memory_is $((before - 16 * 1024))
		exec {open}<&-
		put "$class/create" "4 queue"
	done
}

# use_slots PID…: each of the processes has one open.
use_slots()
{
	local pid

	for pid; do
		[[ $(readlink "/proc/$pid/fd/"*) = */dev/msgslot* ]] || return 1
	done
}

@test "slots come and go under commands that use them" {
	changed=1
	for mode in queue broadcast; do
		for _ in {1..5}; do
			renew 4 $mode
			# Otherwise a reader that is overrun ends before the slot does.
			put "$class/msgslot4/overflow" block
			sleepers=()
			begin bash -c 'while echo hello; do :; done >$slot; exit 1'
			begin bash -c 'exec cat $slot >/dev/null'
			begin bash -c 'exec dd if=$slot of=/dev/null bs=4096 status=none'
			eventually use_slots "${sleepers[@]}"
			put "$class/destroy" 4
			all_end "No such device"
			is_gone 4
			put "$class/create" "4 queue"
		done
	done
}
