#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Four watchers of a queue, of which one is killed every 100 ms: every job is done, and a job is done
# again only if its watcher died meanwhile.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

watchers=()

# watcher TURN: in a process group of its own, which its commands do not survive.
watcher()
{
	setsid msgslot watch --retries 1000000 4 5 ./job >>said 2>&1 3>&- &
	watchers[$1]=$!
}

teardown()
{
	local leader

	for leader in "${watchers[@]}"; do
		kill -KILL -- "-$leader" 2>/dev/null || true
	done
	let_go
}

@test "watch: no job is lost, whichever watcher is killed" {
	local jobs=10000 kills=0 turn

	[ ! "$small" ] || jobs=400
	renew 4 queue
	works msgslot set -q 4 depth=16384
	works msgslot send -l 4 5 < <(seq "$jobs")
	# It says which job it has, and how often that came back before.
	install -m 755 /dev/stdin job <<-'END'
		#!/bin/sh
		read -r job
		echo "$job $MSGSLOT_DELIVERED" >>did
	END
	: >did
	for turn in 0 1 2 3; do
		watcher $turn
	done
	while ! holds 0; do
		turn=$((kills++ % 4))
		kill -KILL -- "-${watchers[turn]}"
		wait "${watchers[turn]}" 2>/dev/null || true
		watcher "$turn"
		sleep 0.1
	done
	echo "# $jobs jobs, $kills watchers killed, $(awk '$2' did | wc -l) jobs came back" >&3
	equal "jobs done" "$(cut -d ' ' -f 1 did | sort -nu | wc -l)" "$jobs"
	# A job came back at most as often as a watcher died, and each time it was another one's.
	awk '$2 { again++ } END { exit again > '"$kills"' }' did
	equal "jobs done twice by a watcher" "$(sort did | uniq -d)" ""
}
