#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes in comes out: messages through the sender, the reader, send and recv.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

# every_byte: 256 bytes, all there are, so that no byte can mean something on the way.
every_byte()
{
	local byte

	for byte in {0..255}; do
		# shellcheck disable=SC2059 # the format is the byte
		printf "\\x$(printf %x "$byte")"
	done
}

# A slot whose messages may be as long as there are, by the number 9.
long_slot()
{
	changed=1
	put "$class/create" "9 last"
	put "$class/msgslot9/max_message" 1048576
	udevadm settle
}

@test "the sender sends the message without a NUL byte, the reader prints just that" {
	works message_sender /dev/msgslot1 5 hello
	[ ! -s out ]
	prints hello message_reader /dev/msgslot1 5
	prints hello message_reader /dev/msgslot1 5
	works message_sender /dev/msgslot1 5 x
	prints x message_reader /dev/msgslot1 5
	works message_sender /dev/msgslot1 5 "two
lines "
	prints 'two\nlines ' message_reader /dev/msgslot1 5
}

@test "recv adds a newline unless there is one, -N adds nothing" {
	works msgslot send 1 5 hello
	[ ! -s out ]
	prints 'hello\n' msgslot recv 1 5
	prints hello msgslot recv -N 1 5
	prints hello msgslot recv --no-newline 1 5
	works msgslot send 1 5 "$(printf 'hello\n\nx')"
	prints 'hello\n\nx\n' msgslot recv 1 5
	printf 'line\n' | works msgslot send 1 5 -
	prints 'line\n' msgslot recv 1 5
	prints 'line\n' msgslot recv -N 1 5
	printf '\n' | works msgslot send 1 5 -
	prints '\n' msgslot recv 1 5
	printf '\0' | works msgslot send 1 5 -
	prints '\0\n' msgslot recv 1 5
	prints '\0' msgslot recv -N 1 5
}

@test "an empty channel: recv ends with 3, the reader with 1" {
	fresh
	fails 3 $'msgslot: /dev/msgslot1: channel 5: there is no message\nWith -w it waits for one.' \
		msgslot recv 1 5
	fails 3 "there is no message" msgslot recv -N 1 5
	fails 1 "message_reader: /dev/msgslot1: channel 5: Resource temporarily unavailable" \
		message_reader /dev/msgslot1 5
}

@test "all bytes arrive as they were sent" {
	every_byte >all
	equal "bytes" "$(wc -c <all)" 256
	head -c 128 all >low
	tail -c 128 all >high
	for half in low high; do
		works msgslot send 1 7 - <$half
		works message_reader /dev/msgslot1 7
		same out $half
		works msgslot recv -N 1 7
		same out $half
	done
}

@test "a message has 1 to max_message bytes, and one that was refused leaves the old" {
	local full over

	full=$(printf '%0128d' 0)
	over=$(printf '%0129d' 0)
	works message_sender /dev/msgslot1 9 "$full"
	works message_reader /dev/msgslot1 9
	equal "128 bytes" "$(cat out)" "$full"
	works message_sender /dev/msgslot1 9 kept

	fails 1 "message_sender: /dev/msgslot1: channel 9: Message too long (129 bytes are more than the slot's max_message)" \
		message_sender /dev/msgslot1 9 "$over"
	fails 1 "Message too long (it is empty; a message has at least 1 byte)" \
		message_sender /dev/msgslot1 9 ""
	fails 7 $'msgslot: /dev/msgslot1: channel 9: the message is too long: 129 bytes, and max_message is 128\nAs root, \'msgslot set\' raises max_message up to 1048576 bytes (/sys/class/msgslot/msgslot1/max_message).' \
		msgslot send 1 9 "$over"
	fails 7 $'msgslot: /dev/msgslot1: channel 9: the message is empty\nA message has at least 1 byte.' \
		msgslot send 1 9 ""
	fails 7 "the message is empty" msgslot send 1 9 - </dev/null
	printf '%s' "$over" >input
	fails 7 "too long: at least 129 bytes" msgslot send 1 9 - <input
	# No more is read than shows that it is too long.
	fails 7 "too long: at least 129 bytes" msgslot send 1 9 - </dev/zero
	{
		fails 7 "too long" msgslot send 1 9 -
		equal "left of standard input" "$(wc -c)" 871
	} < <(head -c 1000 /dev/zero)
	prints kept message_reader /dev/msgslot1 9
}

@test "messages of 1 MiB" {
	long_slot
	head -c 1048576 /dev/urandom >input
	works msgslot send 9 1 - <input
	works message_reader /dev/msgslot9 1
	same out input
	works msgslot recv -N 9 1
	same out input
	printf x >>input
	fails 7 "at least 1048577 bytes, and max_message is 1048576" msgslot send 9 1 - <input
	head -c 1048576 input >kept
	works msgslot recv -N 9 1
	same out kept

	# A newline fits behind the longest message, too.
	tr '\0' a </dev/zero | head -c 1048576 >input
	works msgslot send 9 2 - <input
	works msgslot recv 9 2
	echo >>input
	same out input

	# Read in pieces of a pipe, as a message of many pages comes.
	works bash -c 'msgslot recv -N 9 1 | cat >piped'
	same piped kept
}

@test "standard input is sent whole, and arrives as soon as it ends" {
	{
		printf 'from '
		sleep 0.2
		printf 'two parts'
	} | works msgslot send 1 11 -
	prints 'from two parts' message_reader /dev/msgslot1 11
	fails 1 "standard input: Is a directory" msgslot send 1 11 - < /
	fails 1 "standard input: Bad file descriptor" msgslot send 1 11 - <&-
	prints 'from two parts' message_reader /dev/msgslot1 11
}

@test "-l sends a message a line, with any bytes, the last newline or not" {
	printf 'one\ntwo\nthree' | works msgslot send -l 1 12
	prints three message_reader /dev/msgslot1 12
	printf 'one\ntwo\n' | works msgslot send --lines 1 12
	prints two message_reader /dev/msgslot1 12
	printf 'a\0b\r\n' | works msgslot send -l 1 12
	prints 'a\0b\r' message_reader /dev/msgslot1 12
	printf -- '-\n' | works msgslot send -l 1 12
	works message_reader /dev/msgslot1 12
	equal "a line of one minus" "$(cat out)" -
	works msgslot send -l 1 12 </dev/null
	works message_reader /dev/msgslot1 12
	equal "no input sends nothing" "$(cat out)" -
}

@test "-l counts: each line is one message" {
	local before

	before=$(get 1 sent)
	seq 100 | works msgslot send -l 1 13
	equal "messages sent" "$(($(get 1 sent) - before))" 100
	prints 100 message_reader /dev/msgslot1 13
}

# shows TEXT: whether the reader finds it on channel 14 within ten seconds.
shows()
{
	for _ in {1..100}; do
		[ "$(message_reader /dev/msgslot1 14 2>/dev/null)" = "$1" ] && return
		sleep 0.1
	done
	return 1
}

@test "-l sends a line as soon as it is complete, and not before" {
	mkfifo lines
	msgslot send -l 1 14 <lines &
	exec {pipe}>lines
	echo first >&"$pipe"
	shows first
	printf 'half a ' >&"$pipe"
	sleep 0.3
	shows first
	echo line >&"$pipe"
	shows 'half a line'
	printf end >&"$pipe"
	exec {pipe}>&-
	wait $!
	prints end message_reader /dev/msgslot1 14
}

@test "-l stops at a line that cannot be sent, and says which" {
	printf 'one\n\nthree\n' | fails 7 "msgslot: /dev/msgslot1: channel 15: line 2: the message is empty" \
		msgslot send -l 1 15
	prints one message_reader /dev/msgslot1 15
	printf 'two\n%0129d\nfour\n' 0 | fails 7 "line 2: the message is too long: at least 129 bytes" \
		msgslot send -l 1 15
	prints two message_reader /dev/msgslot1 15
	fails 7 "line 1: the message is too long: at least 129 bytes" \
		msgslot send -l 1 15 </dev/zero
	fails 1 "standard input: Is a directory" msgslot send -l 1 15 < /
	fails 1 "standard input: Bad file descriptor" msgslot send -l 1 15 <&-
	prints two message_reader /dev/msgslot1 15
}

@test "what cannot be printed is an error" {
	works msgslot send 1 16 kept
	fails 1 "message_reader: standard output: No space left on device" \
		bash -c 'message_reader /dev/msgslot1 16 >/dev/full'
	fails 1 "msgslot: standard output: No space left on device" \
		bash -c 'msgslot recv 1 16 >/dev/full'
	fails 1 "message_reader: standard output: Bad file descriptor" \
		bash -c 'message_reader /dev/msgslot1 16 >&-'
	fails 1 "msgslot: standard output: Bad file descriptor" \
		bash -c 'msgslot recv 1 16 >&-'
	fails 1 "standard output: No space left" bash -c 'msgslot --help >/dev/full'
	fails 1 "standard output: No space left" bash -c 'msgslot send --help >/dev/full'
	fails 1 "standard output: Bad file descriptor" bash -c 'msgslot --version >&-'
	# A reader that went away, and all three streams closed.
	fails 1 "standard output: Broken pipe" bash -c '
		mkfifo pipe; exec {both}<>pipe {to}>pipe {both}<&-; msgslot recv 1 16 >&$to'
	fails 1 "" bash -c 'message_reader /dev/msgslot1 16 <&- >&- 2>&-'
	works bash -c 'message_sender /dev/msgslot1 16 "still kept" <&- >&- 2>&-'
	prints 'still kept' message_reader /dev/msgslot1 16
}
