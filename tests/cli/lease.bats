#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot recv --lease: a message for a command. For watch see watch.bats.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# shellcheck disable=SC2016 # the inner shell's
@test "queue: --lease hands a message to a command, and takes it when that has succeeded" {
	renew 4 queue
	works msgslot send -l 4 5 < <(printf 'one\ntwo\n')
	prints '1 0 one\n' msgslot recv --lease 4 5 -- sh -c 'echo "$MSGSLOT_SEQUENCE $MSGSLOT_DELIVERED $(cat)"'
	holds 1
	fails 7 "" msgslot recv --lease 4 5 sh -c 'exit 7'
	fails 137 "" msgslot recv --lease 4 5 sh -c 'kill -9 $$'
	holds 1
	prints '2\n' msgslot recv --lease -W 0 4 1-9 -- printenv MSGSLOT_DELIVERED
	fails 3 "there is no message" msgslot recv --lease -W 0 4 5 cat
	works msgslot send 4 5 three
	fails 1 "no-such-program: No such file or directory" msgslot recv --lease 4 5 -- no-such-program
	start msgslot recv --lease 4 5 sleep 1000
	waits wait4
	fails 3 "there is no message" msgslot recv -W 0 4 5
	kill -KILL "$(pgrep -P "$pid")"
	ends 137
	start msgslot recv --lease 4 5 sleep 1000
	waits wait4
	sleeper=$(pgrep -P "$pid")
	kill -KILL "$pid" "$sleeper"
	wait "$pid" || true
	prints 'three\n' msgslot recv -W 0 4 5
	for option in -a -f -p "-C 1" "--newer 1"; do
		# shellcheck disable=SC2086
		fails 2 "--lease is for one message" msgslot recv --lease $option 4 5 cat
	done
	fails 2 "no command is given" msgslot recv --lease 4 5
	fails 2 "no command is given" msgslot recv --lease 4 5 --
	fails 2 "unexpected argument 'cat'" msgslot recv 4 5 cat
	renew 4 last
	fails 2 "--lease is for mode queue" msgslot recv --lease 4 5 cat
}
