#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A slot of mode broadcast from the shell, on channel 0: which reader hears what, and in which pieces.

# shellcheck source=../common/shells.bash
source "$BATS_TEST_DIRNAME/../common/shells.bash"

@test "broadcast: echo, printf" {
	renew 6 broadcast
	# Whether there is a listener or not; a reader that opens the slot now does not hear it.
	each works 'echo hello >$slot; printf hello >>$slot; echo hello 1<>$slot'
	holds 6
	each fails 1 "Resource temporarily unavailable" 'dd if=$slot iflag=nonblock'
	# What is not written is no message.
	each works 'printf "" >$slot; : >$slot'
	holds 6
	# Lines are messages for bash, all of them are one for dash.
	works bash -c 'printf "one\ntwo\n" >$slot'
	holds 8
	works dash -c 'printf "one\ntwo\n" >$slot'
	holds 9
}

@test "broadcast: echo of more than max_message" {
	renew 6 broadcast
	long=$(printf '%04999d' 0)
	export long
	for shell in bash dash; do
		prints "$long\n" $shell -c 'exec 3<$slot; echo "$long" >$slot; head -n 1 <&3'
	done
	holds 4
	each fails 7 "the message is too long" 'msgslot send 6 0 "$long"'
	holds 4
	prints "$long" bash -c 'exec 3<$slot; message_sender $slot 0 "$long"; head -c 4999 <&3'
	holds 6
}

@test "broadcast: exec 3< SLOT" {
	renew 6 broadcast
	each prints 'hello\n' 'exec 3<$slot; echo hello >$slot; head -n 1 <&3'
	# All of what comes while it is open, by every file of its own.
	each prints 'one\ntwo\none\ntwo\n' '
		exec 3<$slot 4<$slot
		echo one >$slot
		echo two >$slot
		head -n 2 <&3
		head -n 2 <&4'
	# One file shared is one cursor.
	each prints 'one\ntwo\n' '
		exec 3<$slot
		exec 4<&3
		echo one >$slot
		echo two >$slot
		head -n 1 <&3
		head -n 1 <&4'
}

@test "broadcast: exec 3<> SLOT" {
	renew 6 broadcast
	each prints '<hello>\n' 'exec 3<>$slot; echo hello >&3; read -r line <&3; echo "<$line>"'
}

@test "broadcast: cat SLOT" {
	renew 6 broadcast
	for shell in bash dash; do
		echo "not heard" >"$slot"
		$shell -c 'exec cat $slot' >first &
		readers=($!)
		$shell -c 'exec cat <$slot' >second &
		readers+=($!)
		eventually sleeps read "${readers[@]}"
		printf 'one\ntwo\n' >"$slot"
		printf three >"$slot"
		printf 'one\ntwo\nthree' >expected
		for file in first second; do
			eventually cmp -s $file expected
		done
		eventually sleeps read "${readers[@]}"
		stop "${readers[@]}"
	done
}

@test "broadcast: timeout cat SLOT" {
	renew 6 broadcast
	echo "not heard" >"$slot"
	each fails 124 "" 'timeout 0.5 cat $slot'
	each fails 124 "" 'timeout 0.5 head -n 1 <$slot'
	each fails 124 "" 'exec 3<>$slot; timeout 0.5 cat <&3'
}

@test "broadcast: read" {
	renew 6 broadcast
	each prints '<one> <two>\n' '
		exec 3<$slot
		env printf "one\ntwo\n" >$slot
		read -r first <&3
		read -r second <&3
		echo "<$first> <$second>"'
	# A line may come in several messages.
	each prints '<half a line>\n' '
		exec 3<$slot
		printf "half a " >$slot
		echo line >$slot
		read -r line <&3
		echo "<$line>"'
	for shell in bash dash; do
		$shell -c 'read -r line <$slot; echo "<$line>"' >got &
		eventually sleeps read $!
		echo hello >"$slot"
		wait $!
		echo '<hello>' >expected
		same got expected
	done
}

@test "broadcast: while read" {
	renew 6 broadcast
	for shell in bash dash; do
		$shell -c '
			while read -r line; do
				[ "$line" != end ] || break
				echo "<$line>"
			done <$slot' >got &
		eventually sleeps read $!
		printf 'one\ntwo\n' >"$slot"
		printf 'end\n' >"$slot"
		wait $!
		printf '<one>\n<two>\n' >expected
		same got expected
	done
}

has_sent()
{
	[ "$(get 6 sent)" = "$1" ]
}

@test "broadcast: opening the slot for every line" {
	renew 6 broadcast
	for shell in bash dash; do
		# Between the two there is no listener.
		$shell -c '
			read -r first <$slot
			echo lost >$slot
			read -r second <$slot
			echo "$first $second"' >got &
		eventually sleeps read $!
		echo one >"$slot"
		eventually has_sent 2
		eventually sleeps read $!
		echo two >"$slot"
		wait $!
		grep -qx "one two" got
		renew 6 broadcast
	done
}

@test "broadcast: read -N, read -t, mapfile -n of bash" {
	renew 6 broadcast
	prints '<hel> <lo>\n' bash -c '
		exec 3<$slot
		echo hello >$slot
		read -r -N 3 first <&3
		read -r rest <&3
		echo "<$first> <$rest>"'
	prints '1 0\n' bash -c '
		exec 3<$slot
		read -t 0 <&3
		before=$?
		echo hello >$slot
		read -t 0 <&3
		echo $before $?'
	fails 142 "" bash -c 'read -r -t 0.5 line <$slot'
	prints '<one> <two>\n' bash -c '
		exec 3<$slot
		printf "one\ntwo\nthree\n" >$slot
		mapfile -t -n 2 lines <&3
		echo "<${lines[0]}> <${lines[1]}>"'
}

@test "broadcast: substitution" {
	renew 6 broadcast
	each fails 124 "" 'timeout 0.5 bash -c "text=\$(<$slot)"'
	each fails 124 "" 'timeout 0.5 bash -c "text=\$(cat $slot)"'
	each prints '<hello>\n' 'exec 3<$slot; echo hello >$slot; echo "<$(head -n 1 <&3)>"'
}

@test "broadcast: head -n" {
	renew 6 broadcast
	# It takes whole messages; what it does not print is gone for this file.
	each prints 'one\nthree\n' '
		exec 3<$slot
		env printf "one\ntwo\n" >$slot
		echo three >$slot
		head -n 1 <&3
		head -n 1 <&3'
}

@test "broadcast: head -c" {
	renew 6 broadcast
	each prints 'hello\n' 'exec 3<$slot; echo hello >$slot; head -c 3 <&3; head -c 3 <&3'
	each prints 'one\ntwo' 'exec 3<$slot; echo one >$slot; echo two >$slot; head -c 7 <&3'
}

@test "broadcast: dd if=SLOT" {
	renew 6 broadcast
	each prints 'hello\n' 'exec 3<$slot; echo hello >$slot; dd bs=4096 count=1 status=none <&3'
	# One message at a time, in blocks that may be smaller.
	each prints 'hello\n' 'exec 3<$slot; echo hello >$slot; dd bs=4 count=2 status=none <&3'
	each prints 'one\n' '
		exec 3<$slot
		echo one >$slot
		echo two >$slot
		dd bs=4096 count=1 status=none <&3'
	each fails 1 "dd: error reading '/dev/msgslot6': Resource temporarily unavailable" \
		'dd if=$slot iflag=nonblock'
}

@test "broadcast: cat FILE > SLOT, dd of=SLOT" {
	renew 6 broadcast
	seq 800 >file
	each works 'cat file >$slot'
	holds 2
	each works 'dd if=file of=$slot bs=1000 status=none'
	holds 10
	# Of more than a message a write takes what it can, and cat goes on from there.
	seq 1000 1999 >file
	for shell in bash dash; do
		prints "$(<file)\n" $shell -c 'exec 3<$slot; cat file >$slot; head -n 1000 <&3'
	done
	holds 14
	each works 'dd if=file of=$slot bs=5000 status=none'
	holds 18
}

@test "broadcast: a reader that is overrun" {
	renew 6 broadcast
	put "$class/msgslot6/depth" 2
	# Told once, by the call that would have read what is gone; then it goes on.
	fails 1 "cat: -: No buffer space available" bash -c '
		exec 3<$slot
		printf "%s\n" one two three four >$slot
		cat <&3'
	for shell in bash dash; do
		prints 'three\nfour\n' $shell -c '
			exec 3<$slot
			for word in one two three four; do
				echo $word >$slot
			done
			cat <&3 2>/dev/null
			head -n 2 <&3'
		prints '<three> <four>\n' $shell -c '
			exec 3<$slot
			for word in one two three four; do
				echo $word >$slot
			done
			read -r lost <&3 2>/dev/null && echo "not reached"
			read -r first <&3
			read -r second <&3
			echo "<$first> <$second>"'
	done
	fails 1 "read: read error: 3: No buffer space available" bash -c '
		exec 3<$slot
		printf "%s\n" one two three >$slot
		read -r -u 3 line'
}

@test "broadcast: overflow=block" {
	renew 6 broadcast
	put "$class/msgslot6/depth" 2
	put "$class/msgslot6/overflow" block
	# Nobody listens: nobody is waited for.
	each works 'echo 1 >$slot; echo 2 >$slot; echo 3 >$slot'
	for shell in bash dash; do
		exec {open}<"$slot"
		$shell -c 'echo one >$slot; echo two >$slot'
		fails 124 "" timeout 0.5 $shell -c 'echo three >$slot'
		echo three >file
		fails 1 "Resource temporarily unavailable" dd if=file of="$slot" oflag=nonblock
		# A read lets one go on, closing the file all of them.
		$shell -c 'echo three >$slot' &
		eventually sleeps write $!
		prints 'one\n' head -n 1 <&"$open"
		wait $!
		$shell -c 'echo four >$slot; echo five >$slot; echo six >$slot' {open}<&- &
		eventually sleeps write $!
		exec {open}<&-
		wait $!
	done
	# A writer that has it open for reading, too, and does not read waits for itself.
	fails 124 "" timeout 0.5 bash -c 'exec 3<>$slot; printf "%s\n" 1 2 3 >&3'
}
