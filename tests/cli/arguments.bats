#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The arguments of every command: what is taken, what is refused, and how that is told.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

@test "a channel that is not a number from 0 to 4294967295 is refused, never cut" {
	local channel text wrong

	wrong=('' 4294967297 -1 ' 1' $'1\n' 0x +1 '1 ' 1.0 1e3 1x x 0X 0xg 0x-1 -0x1 0b1 '1,000' five ¹ \
		--help 4294967296 0x100000000 0x100000001 18446744073709551616 \
		18446744073709551617 99999999999999999999999999999999999999999)
	# They never get to the kernel: a slow one need not wait for all of them.
	[ ! "$small" ] || wrong=("${wrong[@]:0:6}")
	fresh
	works msgslot send 0 1 kept
	for channel in "${wrong[@]}"; do
		text="channel '${channel//$'\n'/\\x0a}' is not a number from 0 to 4294967295"
		fails 2 "$text" msgslot send 0 "$channel" lost
		fails 2 "$text" msgslot recv 0 "$channel"
		fails 1 "$text" message_sender /dev/msgslot0 "$channel" lost
		fails 1 "$text" message_reader /dev/msgslot0 "$channel"
	done
	prints kept message_reader /dev/msgslot0 1
	has 0 messages 1
}

@test "channels are decimal or hexadecimal, up to the last one" {
	local pair

	for pair in 1=0x1 10=010 10=0000000000000000000000000000000000010 255=0xfF 255=0Xff \
		4294967295=0xffffffff 2147483648=0x80000000 1048577=0x00100001; do
		works msgslot send 0 "${pair#*=}" "to $pair"
		prints "to $pair\n" msgslot recv 0 "${pair%=*}"
		prints "to $pair" message_reader /dev/msgslot0 "${pair#*=}"
		works message_sender /dev/msgslot0 "${pair%=*}" "again $pair"
		prints "again $pair" message_reader /dev/msgslot0 "${pair#*=}"
	done
}

@test "channel 0 is a number, but no channel of mode last" {
	local text="/dev/msgslot0: channel 0: Invalid argument (channels of a slot of mode last start at 1)"
	local said=$'msgslot: /dev/msgslot0: there is no channel 0 in mode last\nChannels of a slot of mode last are 1 to 4294967295.'

	fails 2 "$said" msgslot send 0 0 lost
	fails 2 "$said" msgslot recv 0 0x0
	fails 2 "$said" msgslot recv -w 0 0
	fails 2 "$said" msgslot watch 0 0 cat
	fails 2 "$said" msgslot clear 0 0
	fails 1 "message_sender: $text" message_sender /dev/msgslot0 0 lost
	fails 1 "message_reader: $text" message_reader /dev/msgslot0 00
}

@test "a slot is a number from 0 to 255 or a path" {
	works msgslot send 2 5 "by number"
	prints "by number\n" msgslot recv /dev/msgslot2 5
	prints "by number\n" msgslot recv 002 5
	ln -s /dev/msgslot2 link
	prints "by number\n" msgslot recv link 5
	ln -s /dev/msgslot2 7
	prints "by number\n" msgslot recv ./7 5
	for slot in 256 1000 99999999999999999999; do
		fails 2 "slot '$slot' is not a number from 0 to 255" msgslot recv "$slot" 5
		fails 2 "slot '$slot' is not a number from 0 to 255" msgslot send "$slot" 5 lost
	done
	fails 5 "msgslot: /dev/msgslot255: there is no such node" msgslot recv 255 5
	for slot in -1x 0x2 +2 2.0 '2 '; do
		fails 5 "msgslot: $slot: there is no such node" msgslot recv -- "$slot" 5
	done
	fails 2 "slot '' is neither a number nor a path" msgslot recv "" 5
	prints "by number" message_reader 2 5
}

@test "the number of arguments is exact" {
	fails 1 "Usage: message_sender SLOT CHANNEL MESSAGE" message_sender
	fails 1 "3 arguments are needed, 2 given" message_sender /dev/msgslot0 1
	works message_sender 0 8 "by number"
	prints "by number" message_reader 0 8
	fails 1 "@nosuch: there is no such name" message_sender @nosuch x
	fails 1 "1 argument is needed, 2 given" message_reader @nosuch 1
	fails 1 "3 arguments are needed, 4 given" message_sender /dev/msgslot0 1 a b
	fails 1 "Usage: message_reader SLOT CHANNEL" message_reader
	fails 1 "2 arguments are needed, 1 given" message_reader /dev/msgslot0
	fails 1 "2 arguments are needed, 3 given" message_reader /dev/msgslot0 1 2
	for command in send recv watch chat show clear "send -l" "clear -a"; do
		# shellcheck disable=SC2086 # an option is a word of its own
		fails 2 "no slot is given" msgslot $command
	done
	for command in send recv watch chat clear "send -l"; do
		# shellcheck disable=SC2086
		fails 2 "no channel is given" msgslot $command 0
	done
	fails 2 $'msgslot: send: no message is given\nUsage: msgslot send ' msgslot send 0 1
	fails 2 "no command is given" msgslot watch 0 1
	fails 2 "unexpected argument 'b'" msgslot send 0 1 a b
	fails 2 "unexpected argument 'a'" msgslot send -l 0 1 a
	fails 2 "unexpected argument ''" msgslot recv 0 1 "" 2
	fails 2 "unexpected argument '2'" msgslot chat 6 1 2
	fails 2 "unexpected argument '2'" msgslot show 0 1 2
	fails 2 "unexpected argument '2'" msgslot clear 0 1 2
	fails 2 "unexpected argument '1'" msgslot clear -a 0 1
	fails 2 "unexpected argument '0'" msgslot list 0
}

@test "options end at the slot, and the course's programs have none" {
	for message in -1.5 -l -h --help -- -N '-x y'; do
		works msgslot send 0 6 "$message"
		prints "${message//%/%%}\n" msgslot recv 0 6
		works message_sender /dev/msgslot0 6 "$message"
		works message_reader /dev/msgslot0 6
		printf '%s' "$message" >expected
		same out expected
	done
	works message_sender /dev/msgslot0 6 -
	works message_reader /dev/msgslot0 6
	equal "a message of one minus" "$(cat out)" -
	works msgslot send -- 0 6 "behind --"
	prints "behind --\n" msgslot recv -- 0 6
	fails 2 "channel '-N' is not a number" msgslot recv 0 -N
	fails 2 "unexpected argument '-N': options come first" msgslot recv 0 6 -N
	for option in -x -Nx --nothing --lines=3; do
		fails 2 "bad option" msgslot send "$option" 0 6 lost
	done
	fails 2 "bad option '-l'" msgslot recv -l 0 6
	fails 2 "bad option '--lines'" msgslot recv --lines 0 6
	fails 2 "option '-W' needs an argument" msgslot recv -W
	fails 2 "option '--newer' needs an argument" msgslot recv --newer
	fails 1 "channel '--help' is not a number" message_sender --help --help --help
	fails 1 "2 arguments are needed, 1 given" message_reader --help
}

@test "help and version" {
	works msgslot --version
	grep -qxE 'msgslot [0-9]+\.[0-9]+\.[0-9]+' out
	cp out version
	works msgslot -V
	same out version

	works msgslot --help
	cp out overview
	for command in send recv watch chat list show clear help message_sender message_reader; do
		grep -qE "^  $command +[A-Z]" overview
	done
	for command in "-h" "help"; do
		works msgslot "$command"
		same out overview
	done
	for command in send recv watch chat list show clear help; do
		works msgslot "$command" --help
		cp out long
		grep -q "^Usage: msgslot $command " long
		works msgslot "$command" -h
		same out long
		works msgslot help "$command"
		same out long
	done
	works msgslot help message_reader
	grep -qx "Usage: message_reader SLOT CHANNEL" out

	fails 2 "Try 'msgslot --help'." msgslot
	fails 2 "there is no command 'nosuch'" msgslot nosuch
	fails 2 "there is no command ''" msgslot ""
	fails 2 "there is no command '--nosuch'" msgslot --nosuch
	fails 2 "there is no command 'message_sender'" msgslot message_sender /dev/msgslot0 1 a
	fails 2 "there is no command 'nosuch'" msgslot help nosuch
	fails 2 "there is no command 'sned'; is it 'send'?" msgslot sned 0 1 x
	fails 2 "there is no command 'lits'; is it 'list'?" msgslot help lits
	fails 2 "there is no command 'x'" msgslot x
	grep -qx "msgslot: there is no command 'x'" err
	fails 2 "one command at a time" msgslot help send recv
}

@test "the course's programs are what they are by any name" {
	cp "$(command -v message_sender)" sender
	cp "$(command -v message_reader)" reader.o
	ln -s "$(command -v message_sender)" message_reader
	works ./sender /dev/msgslot0 8 "by any name"
	prints "by any name" ./reader.o /dev/msgslot0 8
	works ./message_reader /dev/msgslot0 8 "also by a link"
	prints "also by a link" message_reader /dev/msgslot0 8
	fails 1 "message_sender: 3 arguments are needed, 1 given" ./sender /dev/msgslot0
	# And msgslot is msgslot.
	ln -s "$(command -v msgslot)" message_sender
	prints "also by a link\n" ./message_sender recv 0 8
	# Started without any name at all.
	fails 2 "no command" bash -c 'exec -a "" "$1"' - "$(command -v msgslot)"
}
