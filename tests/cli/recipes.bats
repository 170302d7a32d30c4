#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The recipes of msgslot-recipes(7), taken from the page that is installed, and run as they stand there.
# Only their times are shortened.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# It is not for everybody what root has there.
export HOME=/nowhere
page=/usr/share/man/man7/msgslot-recipes.7

# source_text: of the page, without what protects it from troff.
source_text()
{
	sed 's/\\&//g; s/\\\\/\\/g' "$page"
}

# recipe TITLE: the block that begins with this comment.
recipe()
{
	awk -v title="# $1" '
		$0 == ".nf" { inside = 1; first = 1; next }
		$0 == ".RS 4" { next }
		$0 == ".fi" { inside = 0; wanted = 0 }
		inside && first { wanted = $0 == title; first = 0 }
		inside && wanted { found = 1; print }
		END { exit !found }' <(source_text)
}

setup_file()
{
	mkdir -p /etc/msgslot
	recipe "/etc/msgslot/channels" | tee /etc/msgslot/channels >/dev/null
	[ "$(wc -l </etc/msgslot/channels)" -gt 5 ]
}

teardown_file()
{
	rm -r /etc/msgslot
	rmmod msgslot
	modprobe msgslot
	udevadm settle
}

# Whatever a recipe has started, and what that has.
teardown()
{
	local leader

	for leader in "${leaders[@]}"; do
		kill -- "-$leader" 2>/dev/null || true
	done
	let_go
}

# run_in_background FILE: by sh, in a process group of its own, whose number is in $leader.
run_in_background()
{
	setsid sh "$1" >"$1.said" 2>"$1.errors" 3>&- &
	leader=$!
	leaders+=("$leader")
}

leaders=()

@test "the page has recipes, and none that is not tested here" {
	local title

	source_text | sed -n '/^\.nf$/{n;n;s/^# //p}' >titles
	[ "$(wc -l <titles)" -ge 16 ]
	while read -r title; do
		# Those that make a node are run by shell/hand-made-node.bats.
		[[ $title != kchat:* ]] || continue
		grep -qF "recipe \"$title\"" "$BATS_TEST_FILENAME" ||
			grep -qF "recipe $title" "$BATS_TEST_FILENAME"
	done <titles
}

@test "heartbeat" {
	renew 0 last
	recipe "heartbeat: the service" | sed 's/sleep 10/sleep 0.1/' >service
	recipe "heartbeat: the supervisor" >looks
	prints 'no sign of life for 30 seconds\n' as member sh -c "$(<looks)"
	run_in_background service
	eventually msgslot recv @heartbeat
	prints "$leader is alive\n" as member sh -c "$(<looks)"
	kill -- "-$leader"
	sed -i 's/--max-age 30/--max-age 0.000001/' looks
	prints 'no sign of life for 30 seconds\n' as member sh -c "$(<looks)"
}

# shellcheck disable=SC2016 # the inner shell's
@test "work queue over four workers, of which one is killed" {
	local sleeper worker

	renew 4 queue
	recipe "work queue: four workers" >workers
	recipe "work queue: the jobs" >make-jobs
	for number in {1..12}; do
		echo "number $number" >"file $number.log"
	done
	# The first job is in the middle when its worker is killed.
	mkdir bin
	install -m 755 /dev/stdin bin/gzip <<-'END'
		#!/bin/sh
		mkdir first 2>/dev/null && echo $$ >first/sleeper && exec sleep 1000
		exec /bin/gzip "$@"
	END
	PATH=$PWD/bin:$PATH run_in_background workers
	eventually sh -c "[ \$(pgrep -c -P $leader msgslot) = 4 ]"
	works sh make-jobs
	eventually sh -c '[ $(ls *.log.gz 2>/dev/null | wc -l) = 11 ] && [ -s first/sleeper ]'
	sleeper=$(<first/sleeper)
	worker=$sleeper
	until [ "$(ps -o comm= "$worker")" = msgslot ]; do
		worker=$(ps -o ppid= "$worker" | xargs)
	done
	kill -KILL "$worker" "$sleeper"
	eventually sh -c '[ $(ls *.log.gz 2>/dev/null | wc -l) = 12 ] && ! ls *.log'
	equal contents "$(gzip -dc ./*.log.gz | sort -V | xargs)" "$(printf 'number %s ' {1..12} | xargs)"
	[ ! -s workers.errors ] || grep -q Killed workers.errors
	has 4 messages 0
}

@test "priorities" {
	renew 4 queue
	recipe "priorities: the jobs" >make-jobs
	recipe "priorities: a worker" >worker
	works sh make-jobs
	run_in_background worker
	printf 'an urgent one\nsome job\n' >expected
	eventually cmp -s expected worker.said
}

@test "dashboard of many channels" {
	renew 0 last
	recipe "dashboard: the terminal" >terminal
	recipe "dashboard: what measures" | sed 's/sleep 1/sleep 0.2/' >measures
	works msgslot send 0 199 $'a\033[H name'
	run_in_background terminal
	eventually grep -qF $'\033[99;1H199  a^[[H name\033[K' terminal.said
	run_in_background measures
	eventually grep -qE $'\033\\[1;1H101  [0-9.]+\033' terminal.said
	eventually sh -c 'grep -oE "\[2;1H102  [0-9.]+" terminal.said | sort -u | sed -n 2p | grep -q .'
}

@test "record and replay a test rig" {
	renew 0 last
	renew 6 broadcast
	# Until it has both messages, however long that takes.
	recipe "record: the rig, for a minute" | sed 's/-d 60 //' >records
	recipe "replay: twice as fast, and the program is none the wiser" >replays
	run_in_background records
	eventually sh -c "msgslot show -vj 6 | jq -e '.file_list[0].listens'"
	works msgslot send 0 101 value
	works msgslot send 6 3 event
	eventually sh -c '[ "$(msgslot record --show rig.record | wc -l)" = 2 ]'
	kill -TERM -- "-$leader"
	eventually bash -c "! kill -0 -- -$leader"
	renew 0 last
	start msgslot recv -f 6 all
	waits ppoll
	works sh replays
	says 'event\n'
	prints 'value\n' msgslot recv 0 101
	stop "$pid"
}

@test "room" {
	renew 6 broadcast
	recipe "broadcast: a listener" >listener
	recipe "broadcast: a speaker" >speaker
	run_in_background listener
	eventually sh -c 'msgslot show -j @lobby | jq -e ".channel_list[0].files > 0"'
	works as member sh -c "$(<speaker)"
	eventually grep -qxE '[-0-9]+T[0-9:.]+Z member: lunch is ready' listener.said
}

@test "lock" {
	local count=10 number

	[ ! "$small" ] || count=4
	renew 1 last
	recipe "lock: any number of these, one at a time" >work
	recipe "lock: held by whom" >which
	echo 0 >counter
	for ((number = 0; number < count; number++)); do
		sh work >"said.$number" 2>"errors.$number" 3>&- &
	done
	wait
	equal counter "$(<counter)" $count
	equal said "$(cat said.* errors.*)" ""
	prints 'nobody\n' sh -c '. ./which 2>/dev/null'
	start msgslot hold -m "the test" @lock sleep 1000
	waits wait4
	prints 'the test\n' sh which
	kill -KILL "$(pgrep -P "$pid")" "$pid"
	# A user that may not use the slot does not wait for ever.
	fails 6 "Permission denied" as outsider sh -c "$(<work)"
}

@test "leader" {
	local first second

	renew 1 last
	recipe "leader: each candidate" >candidate
	recipe "leader: which it is" >which
	cp candidate other
	run_in_background candidate
	first=$leader
	eventually grep -qx "$(hostname)-$first leads" candidate.said
	run_in_background other
	second=$leader
	eventually sh -c "[ \$(pgrep -c -s $second msgslot) = 1 ]"
	prints "$(hostname)-$first\n" sh which
	[ ! -s other.said ]
	kill -KILL -- "-$first"
	eventually grep -qx "$(hostname)-$second leads" other.said
	prints "$(hostname)-$second\n" sh which
}

@test "presence of a fleet" {
	local first second

	renew 0 last
	recipe "presence: each robot, here number 7" >robot7
	recipe "presence: a robot with a last word" >robot8
	recipe "presence: the list" >list
	run_in_background robot7
	first=$leader
	eventually sh list
	run_in_background robot8
	second=$leader
	eventually msgslot recv 0 1008
	prints "robot 7 on $(hostname)\nrobot 8 is here\n" sh list
	kill -KILL -- "-$first"
	eventually sh -c '! msgslot recv 0 1007'
	prints 'robot 8 is here\n' sh list
	start msgslot recv -f -C 2 0 1000-1999
	eventually grep -q here said
	kill -KILL -- "-$second"
	ends 0
	equal heard "$(<said)" $'robot 8 is here\nrobot 8 is gone'
}

@test "request and reply" {
	renew 4 queue
	recipe "request and reply: the server" >server
	recipe "request and reply: a client" >client
	run_in_background server
	prints 'HOW ARE YOU?\n' as member sh -c "$(<client)"
	prints 'HOW ARE YOU?\n' as member2 sh -c "$(<client)"
	holds 0
}

# docker as far as it matters here: a root of its own, in which no device but the one that was given is,
# and no right to make any.
make_docker()
{
	mkdir -p bin container
	cat >docker <<-'END'
		#!/bin/sh -e
		[ "$1 $2 $3 $5" = "run --rm --device image-with-msgslot" ]
		node=$4
		shift 5
		mount -t tmpfs none container
		mkdir container/usr container/dev container/etc container/proc
		for name in bin lib lib64; do
			ln -s usr/$name container/$name
		done
		mount --bind /usr container/usr
		touch container/dev/null container/$node
		mount --bind /dev/null container/dev/null
		mount --bind $node container/$node
		exec unshare --pid --fork --ipc --net --uts sh -ec '
			mount -t proc proc container/proc
			exec chroot container setpriv --bounding-set=-all --inh-caps=-all "$@"' docker "$@"
	END
	install -m 755 docker bin/docker
}

@test "state shared with a container" {
	renew 2 last
	recipe "container: the host says something" >host
	recipe "container: it reads that, and answers" >container.sh
	make_docker
	works as member sh -c "$(<host)"
	prints 'the host is up\n' env PATH="$PWD/bin:$PATH" unshare --mount sh container.sh
	prints 'so am I\n' as member msgslot recv 2 2
}

# verify FILE: systemd has nothing to say about the unit.
verify()
{
	sed -i "s|%i|0|g" "$1"
	works env SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$PWD/$1"
}

@test "systemd" {
	fresh
	recipe "/etc/systemd/system/worker.service" >worker.service
	recipe "/etc/systemd/system/msgslot-keep@.service" >keep.service
	verify worker.service
	verify keep.service
	# The name that DeviceAllow= looks for, and what makes dev-msgslot4.device of the node.
	grep -qE '^ *[0-9]+ msgslot$' /proc/devices
	udevadm info --query=property /dev/msgslot4 | grep -qE '^TAGS=.*:systemd:'
	# What they run. Nobody is there to log to.
	mkdir -p bin /var/lib/msgslot
	printf '#!/bin/sh\necho "$*"\n' >fake
	install -m 755 fake bin/logger
	sed -n 's/^ExecStart=/exec /p' worker.service >worker
	PATH=$PWD/bin:$PATH run_in_background worker
	works msgslot send @jobs "one job"
	eventually grep -qx "job: one job" worker.said
	sed -n 's/^ExecStart=-//p' keep.service >begin
	sed -n 's/^ExecStop=//p' keep.service >end
	fails 1 "0.dump: No such file or directory" sh begin
	works msgslot send @heartbeat alive
	works sh end
	works msgslot clear -a 0
	works sh begin
	prints 'alive\n' msgslot recv @heartbeat
	rm -r /var/lib/msgslot
}

@test "cron" {
	renew 0 last
	recipe "/etc/cron.d/load" | sed 1d >line
	equal times "$(awk '{ print $1, $2, $3, $4, $5, $6 }' line)" "* * * * * ann"
	sed 's/^\(\* \)\{5\} *ann *//' line >entry
	works as member env -i PATH=/usr/bin:/bin HOME=~member SHELL=/bin/sh /bin/sh -c "$(<entry)"
	works msgslot recv @load
	grep -qxE '[0-9]+\.[0-9]+' out
}
