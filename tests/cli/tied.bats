#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot hold and tie: a message that goes with a command; locks and presence.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "hold: one command at a time has the lock, and its end frees it" {
	renew 4 last
	prints '7\n' msgslot hold 4 5 sh -c 'echo 7'
	holds 0
	fails 3 "" msgslot hold 4 5 sh -c 'exit 3'
	fails 137 "" msgslot hold 4 5 sh -c 'kill -9 $$'
	holds 0
	start msgslot hold -m "job seven" 4 5 sleep 1000
	waits wait4
	prints 'job seven\n' msgslot recv 4 5
	fails 1 "msgslot: /dev/msgslot4: channel 5 is held: job seven" msgslot hold -n 4 5 echo never
	fails 1 "channel 5 is held: job seven" msgslot hold -W 0.05 4 5 echo never
	# The command inherits it: so it outlives the death of its parent, and goes with the last.
	sleeper=$(pgrep -P "$pid")
	kill -KILL "$pid"
	wait "$pid" || true
	fails 1 "channel 5 is held" msgslot hold -n 4 5 echo never
	kill -KILL "$sleeper"
	prints 'free\n' msgslot hold 4 5 echo free
	holds 0
	start msgslot hold -o 4 5 sleep 1000
	waits wait4
	sleeper=$(pgrep -P "$pid")
	kill -KILL "$pid"
	wait "$pid" || true
	prints 'free\n' msgslot hold 4 5 echo free
	kill -KILL "$sleeper"
}

# shellcheck disable=SC2016 # the inner shell's
@test "hold: of many that wait one has it, whichever is killed" {
	renew 4 last
	for _ in 1 2 3 4 5; do
		msgslot hold 4 5 sh -c '[ ! -e inside ] && touch inside && sleep 0.1 && rm inside && echo done >>log' 3>&- &
	done
	works msgslot hold 4 5 sh -c '[ ! -e inside ]'
	wait
	equal "lines" "$(wc -l <log)" 5
	holds 0
}

@test "tie: the message is there as long as the command, or its will follows" {
	renew 4 last
	prints 'here\n' msgslot tie 4 5 here -- msgslot recv 4 5
	fails 3 "there is no message" msgslot recv 4 5
	fails 4 "" msgslot tie --will gone 4 5 here sh -c 'exit 4'
	prints 'gone\n' msgslot recv 4 5
	start msgslot tie --will "7: gone" 4 7 "7: here" sleep 1000
	waits wait4
	prints '7: here\n' msgslot recv 4 7
	works msgslot show -jv 4
	equal tied "$(jq -c '[.channel_list[] | select(.channel == 7).leased]' out)" "[1]"
	kill -KILL "$(pgrep -P "$pid")" "$pid"
	wait "$pid" || true
	prints '7: gone\n' msgslot recv -W 5 -w --newer 1 4 7
	# A newer message stays.
	prints '' msgslot tie 4 8 here -- msgslot send 4 8 newer
	prints 'newer\n' msgslot recv 4 8
}

@test "hold and tie: what cannot be" {
	renew 4 queue
	fails 2 "the slot's mode is not last" msgslot hold 4 5 true
	fails 2 "the slot's mode is not last" msgslot tie 4 5 x true
	renew 4 last
	fails 2 "no command is given" msgslot hold 4 5
	fails 2 "no message is given" msgslot tie 4 5
	fails 2 "no command is given" msgslot tie 4 5 x
	fails 2 "no command is given" msgslot tie 4 5 x --
	fails 1 "no-such-program: No such file or directory" msgslot hold 4 5 no-such-program
	fails 1 "no-such-program: No such file or directory" msgslot tie 4 5 x no-such-program
	fails 7 "" msgslot tie 4 5 "" true
	fails 7 "" msgslot tie --will "$(printf %0200d 0)" 4 5 x true
	holds 0
}

@test "send --if-seq 0 waits only with -W" {
	renew 4 last
	works msgslot send --if-seq 0 4 5 one
	fails 9 "" msgslot send --if-seq 0 4 5 two
	fails 4 "" msgslot send --if-seq 0 -W 0.05 4 5 two
	start msgslot send --if-seq 0 -W 60 4 5 two
	waits ioctl
	works msgslot clear 4 5
	ends 0
	prints 'two\n' msgslot recv 4 5
}

@test "dump leaves out what goes with its sender, and nothing that is leased" {
	renew 4 last
	works msgslot send 4 6 stays
	works msgslot tie 4 5 here -- msgslot dump 4 file
	works msgslot clear 4 all
	works msgslot restore 4 file
	prints 'stays\n' msgslot recv 4 5-6
	renew 4 queue
	works msgslot send 4 5 job
	works msgslot recv --lease 4 5 -- msgslot dump 4 leased
	holds 0
	works msgslot restore 4 leased
	prints 'job\n' msgslot recv 4 5
}
