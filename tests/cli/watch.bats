#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot watch: a command for each message.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "the message is standard input, byte by byte, and what is known of it the environment" {
	renew 4 queue
	printf 'a\0b\n\033' | works as member msgslot send 4 5 -
	works msgslot watch -C 1 4 5 bash -c 'cat >got; env | grep ^MSGSLOT_ | sort >environment'
	printf 'a\0b\n\033' >expected
	same got expected
	grep -v -e _PID= -e _TIME= -e _KERNEL= -e _SLOW= -e _QUICK= -e _SECONDS= environment >seen
	cat >expected <<-END
		MSGSLOT_CHANNEL=5
		MSGSLOT_DELIVERED=0
		MSGSLOT_LENGTH=5
		MSGSLOT_LOST=0
		MSGSLOT_NODE=/dev/msgslot4
		MSGSLOT_SEQUENCE=1
		MSGSLOT_UID=$(id -u member)
		MSGSLOT_USER=member
	END
	same seen expected
	grep -qE '^MSGSLOT_PID=[0-9]+$' environment
	grep -qE '^MSGSLOT_TIME=[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z$' environment
	holds 0
}

@test "a message of 1 MiB, also where the command does not read it" {
	renew 4 queue
	put "$class/msgslot4/max_message" 1048576
	head -c 1048576 /dev/urandom >message
	works msgslot send 4 5 - <message
	works msgslot send 4 5 - <message
	works msgslot watch -C 1 4 5 true
	works msgslot watch -C 1 4 5 cat
	same out message
}

@test "waits in every mode, and runs the command for what comes" {
	for mode in last queue broadcast; do
		renew 4 $mode
		start msgslot watch -C 2 4 5 sh -c 'echo "$MSGSLOT_SEQUENCE $(cat)"'
		waits ppoll
		works msgslot send 4 5 one
		says '1 one\n'
		waits ppoll
		works msgslot send 4 5 two
		ends 0
		says '1 one\n2 two\n'
	done
	renew 4 last
	works msgslot send 4 5 here
	prints 'here' msgslot watch -C 1 4 5 cat
	fails 4 "no message came in time" msgslot watch --newer 1 -W 0.05 4 5 cat
	fails 3 "there is no message" msgslot watch --newer 1 -W 0 4 5 cat
}

@test "a command that fails is passed over where it takes nothing; with -e it is the end" {
	for mode in last broadcast; do
		renew 4 $mode
		start msgslot watch -C 2 4 5 sh -c 'cat; exit 3'
		waits ppoll
		works msgslot send 4 5 one
		says 'one'
		waits ppoll
		works msgslot send 4 5 two
		ends 0
		says 'onetwo'
	done
	renew 4 queue
	works msgslot send -l 4 5 < <(printf 'three\nfour\n')
	code=0
	msgslot watch -e 4 5 sh -c 'cat; exit 3' >out 2>err || code=$?
	equal "exit code" $code 1
	equal said "$(<err)" "msgslot: sh: ended with 3"
	equal printed "$(<out)" three
	fails 1 "msgslot: sh: was ended by signal 9" msgslot watch --errexit 4 5 sh -c 'kill -9 $$'
	holds 2
	fails 1 "msgslot: /usr/bin/no-such-command: No such file or directory" \
		msgslot watch 4 5 /usr/bin/no-such-command
	holds 2
	prints 'threefour' msgslot watch -C 2 4 5 cat
	holds 0
}

@test "what cannot be delivered is not taken" {
	renew 4 queue
	works msgslot send -l 4 5 < <(printf 'one\ntwo\nthree\n')
	fails 1 "no-such-program: No such file or directory" msgslot watch 4 5 no-such-program
	fails 1 "./no-such-program: No such file or directory" msgslot watch -C 1 4 5 ./no-such-program
	printf '#!/no/such/interpreter\n' >script
	fails 1 "./script: Permission denied" msgslot watch 4 5 ./script
	install script found
	fails 1 "./found: No such file or directory" msgslot watch 4 5 ./found
	printf '#!./found\n' >found
	fails 1 "./found: Too many levels of symbolic links" msgslot watch 4 5 ./found
	fails 1 "/tmp: Permission denied" msgslot watch 4 5 /tmp
	fails 1 "cat: No such file or directory" env PATH=/nowhere "$(command -v msgslot)" watch 4 5 cat
	holds 3
	# A program that goes while a message is waited for.
	printf '#!/bin/sh\ncat\n' >found
	works msgslot clear 4 5
	start msgslot watch 4 5 ./found
	waits ppoll
	rm found
	works msgslot send 4 5 kept
	ends 1
	says ''
	holds 1
	# Nobody reads what the command prints.
	works msgslot send -l 4 5 < <(printf 'one\ntwo\n')
	code=0
	timeout 20 msgslot watch 4 5 cat 2>err > >(exec true) || code=$?
	equal "exit code" $code 1
	equal said "$(tail -n 1 err)" "msgslot: standard output: Broken pipe"
	[ "$(get 4 messages)" -ge 1 ]
	renew 4 queue
	works msgslot send 4 5 quiet
	works sh -c 'exec msgslot watch -C 1 4 5 sh -c "cat >printed" >&-'
	equal "without an output" "$(<printed)" quiet
}

# shellcheck disable=SC2016 # the inner shell's
@test "only the end of its own command counts" {
	renew 4 queue
	works msgslot send 4 5 job
	# A child of the shell that it replaced ends first.
	fails 1 "msgslot: sh: ended with 1" sh -c \
		'sleep 0.2 & exec msgslot watch -p -C 1 4 5 sh -c "sleep 1; exit 1"'
	holds 1
	# A parent that ignored the ends of its children.
	fails 1 "msgslot: false: ended with 1" env --ignore-signal=CHLD msgslot watch -p -C 1 4 5 false
	holds 1
	prints 'job' env --ignore-signal=CHLD msgslot watch -C 1 -J 2 4 5 cat
	holds 0
}

@test "a command that is being written is waited for" {
	renew 4 queue
	cp "$(command -v cat)" job
	sleep 1000 >>job 3>&- &
	writer=$!
	works msgslot send 4 5 word
	start msgslot watch -C 1 4 5 ./job
	eventually grep -q "Text file busy" errors
	stop "$writer"
	ends 0
	says 'word'
}

@test "a script without a first line that says by what is run by sh" {
	renew 4 queue
	works msgslot send 4 5 word
	printf 'cat; echo " $0 $*"\n' >text
	install text script
	prints 'word ./script a b\n' msgslot watch -C 1 4 5 ./script a b
	works msgslot send 4 5 word
	prints 'word found/script \n' env PATH="found:$PATH" sh -c \
		'mkdir found && cp script found && msgslot watch -C 1 4 5 script'
}

@test "queue: a message is taken when its command has succeeded" {
	renew 4 queue
	works msgslot send -l 4 5 < <(printf 'one\ntwo\n')
	fails 1 "msgslot: false: ended with 1" msgslot watch -p 4 5 false
	holds 2
	prints 'one' msgslot watch -p -C 1 4 5 cat
	holds 1
	# Others do not find it meanwhile, and a watch that is killed has taken nothing.
	for option in -p -e --retries=5; do
		start msgslot watch $option 4 5 sleep 1000
		waits wait4
		fails 3 "there is no message" msgslot recv -W 0 4 5
		prints 'two\n' msgslot recv -p --newer 0 4 5
		equal leased "$(get 4 leased)" 1
		sleeper=$(pgrep -P "$pid")
		kill -KILL "$pid" "$sleeper"
		wait "$pid" || true
		holds 1
		prints 'two\n' msgslot recv -p 4 5
	done
	# With -e and -p the message comes back as the watch ends.
	fails 2 "it excludes --newer" msgslot watch -p --newer 1 4 5 cat
	# One that is cleared meanwhile is gone.
	works msgslot watch -p -C 1 4 5 sh -c 'msgslot clear 4 5'
	holds 0
	for mode in last broadcast; do
		renew 4 $mode
		fails 2 "-p is for mode queue" msgslot watch -p 4 5 cat
		fails 2 "--retries is for mode queue" msgslot watch --retries 1 4 5 cat
		fails 2 "--dead-letter is for mode queue" msgslot watch --dead-letter 1 4 5 cat
	done
}

# shellcheck disable=SC2016 # the inner shell's
@test "queue: a message whose command fails comes first again, and is put aside in the end" {
	renew 4 queue
	works msgslot send -l 4 5 < <(printf 'bad\ngood\n')
	# It stays, and is told; the next one is done.
	fails 1 "channel 5: message 1 failed 3 times" msgslot watch --retries 2 -C 4 4 5 \
		sh -c 'echo "$MSGSLOT_DELIVERED $(cat)" | tee -a log | grep -q good'
	printf '0 bad\n1 bad\n2 bad\n0 good\n' >expected
	same log expected
	holds 1
	# As that watch ended it came back. Another one tries once more, or puts it where others look.
	fails 1 "channel 5: message 1 failed 4 times" msgslot watch --retries 2 -C 1 4 5 false
	holds 1
	works msgslot watch --retries 2 --dead-letter 9 -C 1 4 5 sh -c 'echo not run; exit 1'
	equal printed "$(<out)" ""
	prints 'bad\n' msgslot recv -W 0 4 9
	holds 0
	works msgslot send 4 5 worse
	works msgslot watch --retries 0 --dead-letter 9 -C 1 4 5 false
	prints 'worse\n' msgslot recv -W 0 4 9
	# A channel for them that is full: it stays.
	renew 4 queue
	put "$class/msgslot4/depth" 1
	works msgslot send 4 9 full
	works msgslot send 4 5 bad
	fails 1 "channel 9: " msgslot watch --retries 0 --dead-letter 9 -C 1 4 5 false
	grep -q "message 1 failed 1 time$" err
	prints 'bad\n' msgslot recv -W 0 4 5
	holds 1
	fails 2 "--dead-letter 'x' is not" msgslot watch --dead-letter x 4 5 false
}

@test "options end at the slot: the command has its own" {
	renew 1 last
	works msgslot send 1 5 x
	prints 'x--help -C 3\n' msgslot watch -C 1 1 5 sh -c 'cat; echo "$@"' - --help -C 3
	# The command is not deaf for SIGPIPE, as the tool is.
	prints '141\n' msgslot watch -C 1 1 5 bash -c 'kill -PIPE $BASHPID & wait $!; echo $?'
}

@test "-J runs several at a time, and waits for all of them" {
	renew 4 queue
	works msgslot send -l 4 5 < <(printf '1\n2\n3\n')
	mkfifo one two three
	# Each of them waits for the one before: one at a time would be for ever.
	start msgslot watch -J 3 -C 3 4 5 bash -c '
		case $(cat) in
		1) echo 1 >one; read -r word <three; echo "first $word" ;;
		2) read -r word <one; echo "second $word"; echo 2 >two ;;
		3) read -r word <two; echo "third $word"; echo 3 >three ;;
		esac'
	ends 0
	says 'second 1\nthird 2\nfirst 3\n'
	# No more than that.
	works msgslot send -l 4 5 < <(seq 8)
	works msgslot watch -J 2 -C 8 4 5 bash -c 'echo begin; sleep 0.05; echo end'
	[ "$(awk '/begin/ { n++; if (n > most) most = n } /end/ { n-- } END { print most }' out)" = 2 ]
	# With -e the first that fails is the end, also while a message is waited for.
	works msgslot send -l 4 5 < <(printf 'good\nbad\n')
	start msgslot watch -e -J 2 4 5 bash -c '[ "$(cat)" = good ]'
	ends 1
	grep -qx "msgslot: bash: ended with 1" errors
	# A lease each: with -p, too.
	works msgslot clear 4 5
	works msgslot send -l 4 5 < <(seq 4)
	works msgslot watch -p -J 4 -C 4 4 5 true
	holds 0
	fails 2 "-J '0' is not a number from 1 to 1024" msgslot watch -J 0 4 5 cat
	# The command has its own children, and hears of them.
	works msgslot send 4 5 x
	prints 'child\n' msgslot watch -J 2 -C 1 4 5 bash -c 'trap "echo child" CHLD; sleep 0 & wait $!; :'
}
