#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A slot of mode queue from the shell, on channel 0: what is a message, and which reader takes it.

# shellcheck source=../common/shells.bash
source "$BATS_TEST_DIRNAME/../common/shells.bash"

@test "queue: echo, printf" {
	renew 4 queue
	each prints 'hello\n' 'echo hello >$slot; head -n 1 $slot'
	each prints 'hello' 'printf hello >>$slot; dd if=$slot bs=4096 count=1 status=none'
	each prints 'first\nsecond\n' 'echo first >$slot; echo second 1<>$slot; head -n 2 $slot'
	holds 0
	# What is not written is no message.
	each works 'printf "" >$slot; printf %s "" >$slot; : >$slot'
	works bash -c 'echo -n >$slot'
	works dash -c 'echo -n >$slot'
	holds 0
	each works 'echo >$slot'
	next 1
	next 1
}

@test "queue: echo or printf of many lines" {
	renew 4 queue
	# Bash writes line by line, dash and programs what they have.
	works bash -c 'printf "one\ntwo\nthree" >$slot'
	holds 3
	next 4
	next 4
	next 5
	works bash -c 'echo "one
two" >$slot'
	holds 2
	next 4
	next 4
	works dash -c 'printf "one\ntwo\nthree" >$slot'
	next 13
	works dash -c 'echo "one
two" >$slot'
	next 8
	each works 'env printf "one\ntwo\nthree" >$slot'
	next 13
	next 13
	# One each, whatever the shell.
	each works 'printf "one\ntwo\n" | msgslot send -l 4 0'
	holds 4
}

@test "queue: echo of more than max_message" {
	renew 4 queue
	export long
	long=$(printf '%04999d' 0)
	# Bash has a buffer of 4096 bytes, and what it holds is a message.
	works bash -c 'echo "$long" >$slot'
	holds 2
	next 4096
	next 904
	fails 1 "echo: I/O error" dash -c 'echo "$long" >$slot'
	each fails 7 "the message is too long" 'msgslot send 4 0 "$long"'
	holds 0
	long=$(printf '%04095d' 0)
	each works 'echo "$long" >$slot'
	holds 2
	next 4096
	next 4096
}

@test "queue: cat FILE > SLOT" {
	renew 4 queue
	seq 800 >file
	each works 'cat file >$slot; : | cat >$slot'
	holds 2
	next 3092
	next 3092
	each works 'echo hello | cat >$slot'
	next 6
	next 6
	seq 1000 1999 >file
	each fails 1 "cat: write error: Message too long" 'cat file >$slot'
	holds 0
}

@test "queue: dd of=SLOT" {
	renew 4 queue
	seq 1000 1999 >file
	each works 'dd if=file of=$slot bs=2000 status=none'
	holds 6
	for length in 2000 2000 1000 2000 2000 1000; do
		next $length
	done
}

@test "queue: cat SLOT" {
	renew 4 queue
	for shell in bash dash; do
		printf 'one\ntwo\n' >expected
		printf 'one\ntwo\n' >"$slot"
		$shell -c 'exec cat $slot' >got &
		eventually cmp -s got expected
		# There is no end of file: it waits for more, and gets it at once.
		eventually sleeps read $!
		printf 'three' >"$slot"
		printf three >>expected
		eventually cmp -s got expected
		stop $!
		holds 0
	done
}

@test "queue: timeout cat SLOT" {
	renew 4 queue
	each fails 124 "" 'timeout 0.5 cat $slot'
	each fails 124 "" 'timeout 0.5 head -n 1 <$slot'
	each fails 124 "" 'exec 3<>$slot; timeout 0.5 cat <&3'
}

@test "queue: head -n" {
	renew 4 queue
	# It takes whole messages; what it does not print is gone.
	each prints 'one\n' 'env printf "one\ntwo\n" >$slot; head -n 1 $slot'
	holds 0
	for shell in bash dash; do
		prints 'one\ntwo\n' $shell -c \
			'echo one >$slot; echo two >$slot; echo three >$slot; head -n 2 $slot'
		holds 1
		next 6
	done
	# It waits for lines that are not there yet.
	for shell in bash dash; do
		$shell -c 'exec head -n 2 $slot' >got &
		eventually sleeps read $!
		echo one >"$slot"
		printf 'two\nthree\n' | cat >"$slot"
		wait $!
		printf 'one\ntwo\n' >expected
		same got expected
		holds 0
	done
}

@test "queue: head -c" {
	renew 4 queue
	echo hello >"$slot"
	each fails 1 "head: error reading '/dev/msgslot4': No space left on device" 'head -c 5 $slot'
	holds 1
	next 6
	each prints 'hello\n' 'echo hello >$slot; head -c 6 $slot'
	# More than the message has: the rest is waited for, and must be as long as what is missing.
	each prints 'hello\nworld\n' 'echo hello >$slot; echo world >$slot; head -c 12 $slot'
	holds 0
}

@test "queue: read" {
	renew 4 queue
	echo hello >"$slot"
	# Both read byte by byte, and a message comes whole or not at all.
	fails 1 "read: read error: 0: No space left on device" bash -c 'read -r line <$slot'
	fails 1 "read: read error: 3: No space left on device" bash -c 'read -r -u 3 line 3<$slot'
	fails 1 "read: read error: 0: No space left on device" bash -c 'read -r -t 1000 line <$slot'
	fails 1 "" dash -c 'read -r line <$slot'
	[ ! -s err ]
	holds 1
	next 6
	# An empty line is one byte.
	each prints '0 <>\n' 'echo >$slot; read -r line <$slot; echo "$? <$line>"'
	each prints '0 <hello>\n' 'echo hello >$slot; line=$(head -n 1 $slot); echo "$? <$line>"'
	holds 0
}

@test "queue: while read" {
	renew 4 queue
	echo hello >"$slot"
	each prints 'ended with 0\n' '
		while read -r line; do
			echo "not reached"
		done <$slot 2>/dev/null
		echo "ended with $?"'
	holds 1
	next 6
	# What comes through a pipe may be read byte by byte.
	for shell in bash dash; do
		timeout 1000 $shell -c '
			cat $slot | while read -r line; do
				[ "$line" != end ] || break
				echo "<$line>"
			done' >got &
		echo "one two" >"$slot"
		printf 'three\nfour\n' | cat >"$slot"
		echo end >"$slot"
		printf '<one two>\n<three>\n<four>\n' >expected
		eventually cmp -s got expected
		stop $!
		holds 0
	done
}

@test "queue: read -N, read -t 0 of bash" {
	renew 4 queue
	fails 1 "" bash -c 'read -t 0 <$slot'
	echo hello >"$slot"
	works bash -c 'read -t 0 <$slot'
	holds 1
	fails 1 "No space left on device" bash -c 'read -r -N 5 text <$slot'
	holds 1
	prints '<hello\n>' bash -c 'read -r -N 6 text <$slot; printf "<%s>" "$text"'
	holds 0
}

@test "queue: substitution, mapfile" {
	renew 4 queue
	# They want the end of a file that has none, so they take all there is, and wait.
	echo hello >"$slot"
	timeout 1000 bash -c 'text=$(<$slot); echo "not reached: $text"' >got &
	eventually holds 0
	stop $!
	for shell in bash dash; do
		echo hello >"$slot"
		timeout 1000 $shell -c 'text=$(cat $slot); echo "not reached: $text"' >>got &
		eventually holds 0
		stop $!
	done
	[ ! -s got ]
	# Reads byte by byte, and does not say that it failed.
	echo hello >"$slot"
	prints '0 0\n' bash -c 'mapfile -t lines <$slot; echo "$? ${#lines[@]}"'
	holds 1
}

@test "queue: dd if=SLOT" {
	renew 4 queue
	each prints 'hello\n' 'echo hello >$slot; dd if=$slot bs=4096 count=1 status=none'
	each prints 'one\ntwo\n' 'echo one >$slot; echo two >$slot; dd if=$slot count=2 status=none'
	# Blocks are 512 bytes unless said.
	printf '%0513d' 0 >"$slot"
	each fails 1 "dd: error reading '/dev/msgslot4': No space left on device" 'dd if=$slot count=1'
	holds 1
	next 513
	each fails 1 "dd: error reading '/dev/msgslot4': Resource temporarily unavailable" \
		'dd if=$slot iflag=nonblock'
}

@test "queue: exec 3<> SLOT" {
	renew 4 queue
	each prints 'one\ntwo\n' '
		exec 3<>$slot
		echo one >&3
		echo two >$slot
		head -n 1 <&3
		head -n 1 $slot'
	each prints 'one\n' 'exec 3>$slot 4<$slot; echo one >&3; exec 3>&-; head -n 1 <&4'
	# Nobody's: it stays when the file is closed.
	each prints 'one\n' 'exec 3<>$slot; echo one >&3; exec 3<&-; head -n 1 $slot'
	holds 0
}

@test "queue: two readers" {
	renew 4 queue
	for shell in bash dash; do
		$shell -c 'exec cat $slot' >first &
		readers=($!)
		$shell -c 'exec cat $slot' >second &
		readers+=($!)
		eventually sleeps read "${readers[@]}"
		printf '%s\n' {1..50} >"$slot"
		eventually holds 0
		eventually sleeps read "${readers[@]}"
		stop "${readers[@]}"
		sort -n first second >got
		seq 50 >expected
		same got expected
	done
}

@test "queue: a full channel" {
	renew 4 queue
	put "$class/msgslot4/depth" 2
	for shell in bash dash; do
		echo one >"$slot"
		echo two >"$slot"
		fails 124 "" timeout 0.5 $shell -c 'echo three >$slot'
		echo three >file
		fails 1 "Resource temporarily unavailable" dd if=file of="$slot" oflag=nonblock
		holds 2
		$shell -c 'echo four >$slot' &
		eventually sleeps write $!
		prints 'one\n' head -n 1 "$slot"
		wait $!
		prints 'two\nfour\n' head -n 2 "$slot"
	done
}
