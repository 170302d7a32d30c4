#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The exit codes, one after the other, as msgslot(1) and `msgslot help` promise them.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "0: done" {
	renew 1 last
	works msgslot send 1 5 x
	works msgslot recv 1 5
	works msgslot show 1
	works msgslot clear 1 5
	works msgslot list
}

@test "1: anything that has no number of its own" {
	works msgslot send 1 5 x
	fails 1 "" bash -c 'msgslot recv 1 5 >/dev/full'
	ln -s loop loop
	fails 1 "" msgslot recv loop 5
}

@test "2: the arguments make no sense" {
	fails 2 "" msgslot
	fails 2 "" msgslot nosuch
	fails 2 "" msgslot send 1 5
	fails 2 "" msgslot recv 256 5
	fails 2 "" msgslot recv 1 4294967296
	fails 2 "" msgslot recv 1 0
	fails 2 "" msgslot recv @nosuch
	fails 2 "" msgslot send --if-seq 0 4 5 lost
}

@test "3: nothing there" {
	fails 3 "" msgslot recv 1 99
	fails 3 "" msgslot recv -W 0 4 99
	fails 3 "" msgslot recv -W 0 6 99
}

@test "4: timed out" {
	fails 4 "" msgslot recv -w -W 0.02 1 99
	fails 4 "" msgslot recv -W 0.02 4 99
	fails 4 "" msgslot recv -W 0.02 6 99
	fails 4 "" msgslot watch -W 0.02 4 99 cat
}

@test "5: no such slot or no module" {
	fails 5 "" msgslot recv 99 5
	fails 5 "" msgslot recv /dev/null 5
	fails 5 "" msgslot recv nosuch 5
}

@test "6: permission" {
	fails 6 "" as outsider msgslot recv 1 5
	fails 6 "" as outsider msgslot send 1 5 lost
}

@test "7: too long or empty" {
	fails 7 "" msgslot send 1 5 ""
	fails 7 "" msgslot send 1 5 "$(printf '%0129d' 0)"
}

@test "8: full, or the share used up" {
	renew 4 queue
	put "$class/msgslot4/depth" 1
	works msgslot send 4 5 x
	fails 8 "" msgslot send -W 0 4 5 lost
	put "$class/msgslot4/max_channels" 1
	fails 8 "" msgslot send 4 6 lost
	put "$class/msgslot4/max_channels" 2
	fails 8 "" as member msgslot send 4 6 lost
}

@test "9: compare-and-set lost" {
	renew 1 last
	works msgslot send 1 5 x
	fails 9 "" msgslot send --if-seq 0 1 5 lost
	fails 9 "" msgslot clear --if-seq 2 1 5
}

@test "10: delivered, but messages were lost" {
	renew 6 broadcast
	put "$class/msgslot6/depth" 1
	printf 'one\ntwo\nthree\n' | works msgslot send -l 6 5
	code=0
	msgslot recv --newer 1 6 5 >out 2>err || code=$?
	equal "exit code" $code 10
	equal printed "$(<out)" three
	code=0
	msgslot watch -C 1 --newer 1 6 5 cat >out || code=$?
	equal "exit code" $code 10
	equal printed "$(<out)" three
}
