#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What a tracer and a reader of /proc see of the module.

# shellcheck source=../common/shells.bash
source "$BATS_TEST_DIRNAME/../common/shells.bash"

tracing=/sys/kernel/tracing

# A kernel without tracing has no tracepoints; the releases of distributions have them.
trace_or_skip()
{
	[ -d $tracing/events ] || mount -t tracefs tracefs $tracing 2>/dev/null ||
		skip "this kernel has no tracing"
	[ -d $tracing/events/msgslot ]
}

# traced COMMAND…: what the tracepoints say of it, without process, processor and time.
traced()
{
	echo >$tracing/trace
	echo 1 >$tracing/events/msgslot/enable
	"$@" >output
	echo 0 >$tracing/events/msgslot/enable
	sed -n 's/.*: \(msgslot_[a-z]*: .*\)/\1/p' $tracing/trace
}

@test "tracepoints: their format" {
	local event seen

	trace_or_skip
	for event in \
		"drop slot channel sequence messages" \
		"full slot channel length error" \
		"receive slot channel sequence lost age length" \
		"select slot channel sequence" \
		"send slot channel sequence length" \
		"slot slot created" \
		"wait slot channel sequence writer" \
		"wake slot channel writers"; do
		seen=$(sed -n 's/^\tfield:[a-z0-9 ]* \([a-z_]*\);.*/\1/p' "$tracing/events/msgslot/msgslot_${event%% *}/format" |
			grep -v ^common_ | xargs)
		equal "fields of ${event%% *}" "$seen" "${event#* }"
	done
	equal events "$(find $tracing/events/msgslot -mindepth 1 -type d | wc -l)" 8
}

@test "tracepoints: a message in and out" {
	trace_or_skip
	renew 4 queue
	traced bash -c 'exec 3<>/dev/msgslot4; echo hello >&3; head -c 6 <&3' |
		sed 's/age=[0-9]*$/age=/' >said
	same - said <<-'END'
		msgslot_select: slot=4 channel=0 sequence=0
		msgslot_send: slot=4 channel=0 sequence=1 length=6
		msgslot_receive: slot=4 channel=0 sequence=1 length=6 lost=0 age=
	END
}

@test "tracepoints: a reader, its wait and its loss" {
	trace_or_skip
	renew 6 broadcast
	put "$class"/msgslot6/depth 2
	traced bash -c 'exec 3</dev/msgslot6; for i in 1 2 3; do echo $i >/dev/msgslot6; done
		msgslot show 6 >/dev/null; read -r word <&3 || read -r word <&3; echo $word' >said
	grep -qx 'msgslot_drop: slot=6 channel=0 sequence=2 messages=1' said
	grep -qE '^msgslot_receive: slot=6 channel=0 sequence=2 length=2 lost=0 age=[0-9]+$' said
	traced bash -c 'exec 3<>/dev/msgslot6; head -n 1 <&3 &
		for i in {1..600}; do
			! grep -q msgslot_wait: '$tracing'/trace || break
			sleep 0.05
		done
		kill $!' >said
	grep -qx 'msgslot_wait: slot=6 channel=0 sequence=4 for=message' said
}

@test "tracepoints: a full queue, and what makes it empty" {
	trace_or_skip
	renew 4 queue
	put "$class"/msgslot4/depth 1
	traced bash -c 'echo 1 >/dev/msgslot4; msgslot send -W 0 4 0 2 || :; msgslot send -W 0.1 4 0 2 || :; msgslot clear 4 0' >said
	grep -qx 'msgslot_full: slot=4 channel=0 length=1 error=11' said
	grep -qx 'msgslot_wait: slot=4 channel=0 sequence=0 for=space' said
	grep -qx 'msgslot_drop: slot=4 channel=0 sequence=0 messages=1' said
}

@test "tracepoints: slots that come and go, and a waiter that is woken" {
	trace_or_skip
	changed=1
	traced renew 5 queue >said
	same - said <<-'END'
		msgslot_slot: slot=5 destroyed
		msgslot_slot: slot=5 created
	END
	head -n 1 /dev/msgslot5 >got &
	# As some file: bats has files of its own.
	eventually bash -c "grep -qs msgslot-channel: /proc/$!/fdinfo/*"
	traced bash -c 'sleep 0.5; echo hello >/dev/msgslot5; wait; sleep 0.5' >said
	wait
	grep -qx 'msgslot_wake: slot=5 channel=0 for=message' said
	equal message "$(<got)" hello
}

@test "fdinfo: what a file has selected, and how far it is" {
	local fd

	renew 6 broadcast
	put "$class"/msgslot6/overflow block
	put "$class"/msgslot6/depth 2
	exec {fd}<>/dev/msgslot6
	grep ^msgslot- /proc/$BASHPID/fdinfo/"$fd" >said
	same - said <<-'END'
		msgslot-slot:	6
		msgslot-mode:	broadcast
		msgslot-channel:	0
		msgslot-messages:	0
		msgslot-writers-waiting:	0
		msgslot-next:	1
		msgslot-behind:	0
		msgslot-lost:	0
		msgslot-holds-up-writers:	no
	END
	echo 1 >/dev/msgslot6
	echo 2 >/dev/msgslot6
	timeout 30 bash -c 'echo 3 >/dev/msgslot6' &
	eventually grep -qx 'msgslot-writers-waiting:	1' /proc/$BASHPID/fdinfo/"$fd"
	grep -qx 'msgslot-behind:	2' /proc/$BASHPID/fdinfo/"$fd"
	grep -qx 'msgslot-holds-up-writers:	yes' /proc/$BASHPID/fdinfo/"$fd"
	read -r word <&"$fd"
	equal word "$word" 1
	wait
	grep -qx 'msgslot-behind:	2' /proc/$BASHPID/fdinfo/"$fd"
	exec {fd}>&-
	# A file without a channel.
	exec {fd}<>/dev/msgslot0
	equal lines "$(grep -c ^msgslot- /proc/$BASHPID/fdinfo/"$fd")" 2
	exec {fd}>&-
}
