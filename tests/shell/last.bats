#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# A slot of mode last from the shell: no channel is selected, and no shell can select one.

# shellcheck source=../common/shells.bash
source "$BATS_TEST_DIRNAME/../common/shells.bash"

# select_on_3 CHANNEL SHELL SCRIPT: the script with a slot open as 3, on which another program has
# selected.
select_on_3()
{
	local code=0 select

	# By the number in _IOW(235, 0, unsigned int).
	select="ioctl(STDIN, 0x4004eb00, $1) or die"
	exec {both}<>"$slot"
	perl -e "$select" <&"$both" && "$2" "$3" "$4" 3<&"$both"
	code=$?
	exec {both}<&-
	return $code
}

@test "last: echo, printf" {
	renew 0 last
	fails 1 "echo: write error: Invalid argument" bash -c 'echo hello >$slot'
	fails 1 "echo: I/O error" dash -c 'echo hello >$slot'
	fails 1 "printf: write error: Invalid argument" bash -c 'printf "one\ntwo\n" >$slot'
	fails 1 "printf: I/O error" dash -c 'printf "one\ntwo\n" >$slot'
	each fails 1 "" 'echo hello >>$slot'
	each fails 1 "" 'echo hello 1<>$slot'
	each fails 1 "" 'exec 3<>$slot; echo hello >&3'
	holds 0
}

@test "last: cat" {
	renew 0 last
	each fails 1 "cat: /dev/msgslot0: Invalid argument" 'cat $slot'
	each fails 1 "cat: -: Invalid argument" 'cat <$slot'
	each fails 1 "cat: -: Invalid argument" 'exec 3<>$slot; cat <&3'
	each fails 1 "cat: write error: Invalid argument" 'echo hello | cat >$slot'
	# At once, not when the time is up.
	each fails 1 "Invalid argument" 'timeout 1000 cat $slot'
	holds 0
}

@test "last: read" {
	renew 0 last
	fails 1 "read: read error: 0: Invalid argument" bash -c 'read -r line <$slot'
	fails 1 "read: read error: 3: Invalid argument" bash -c 'read -r -u 3 line 3<$slot'
	fails 1 "read: read error: 0: Invalid argument" bash -c 'read -r -N 1 line <$slot'
	# It waits in select(), which has nothing to say while nothing is selected.
	fails 142 "" bash -c 'read -r -t 0.5 line <$slot'
	# Dash does not say why.
	fails 1 "" dash -c 'read -r line <$slot'
	[ ! -s err ]
}

@test "last: while read" {
	renew 0 last
	each prints 'ended with 0\n' '
		while read -r line; do
			echo "not reached"
		done <$slot 2>/dev/null
		echo "ended with $?"'
}

@test "last: substitution, mapfile" {
	renew 0 last
	# Nothing, without an error: bash looks at none.
	prints '0 <>\n' bash -c 'text=$(<$slot); echo "$? <$text>"'
	prints '0 0\n' bash -c 'mapfile -t lines <$slot; echo "$? ${#lines[@]}"'
}

@test "last: head, dd" {
	renew 0 last
	each fails 1 "head: error reading '/dev/msgslot0': Invalid argument" 'head -n 1 $slot'
	each fails 1 "head: error reading 'standard input': Invalid argument" 'head -c 1 <$slot'
	each fails 1 "dd: error reading '/dev/msgslot0': Invalid argument" 'dd if=$slot bs=128 count=1'
	echo hello >file
	each fails 1 "'/dev/msgslot0': Invalid argument" 'dd if=file of=$slot'
	holds 0
}

@test "last: : > SLOT, exec 3<> SLOT" {
	renew 0 last
	each works 'exec 3<>$slot 4<$slot 5>$slot; : >$slot; : <$slot; exec 3<&- 4<&- 5>&-'
	has 0 channels 0
}

@test "last: msgslot send, msgslot recv" {
	renew 0 last
	each prints 'hello\n' 'msgslot send 0 5 hello; msgslot recv 0 5'
	each prints '<hello>\n' 'echo "<$(msgslot recv 0 5)>"'
	each prints 'two\n' 'printf "one\ntwo\n" | msgslot send -l 0 5; msgslot recv 0 5'
	each prints 'two' 'msgslot recv 0 5 | { read -r line; printf "%s" "$line"; }'
	each prints '' 'msgslot recv 0 6 2>/dev/null || [ $? = 3 ]'
}

@test "last: a file on which another program selected" {
	renew 0 last
	prints '' select_on_3 5 bash -c 'echo hello >&3'
	prints 'hello\n' msgslot recv 0 5
	prints '' select_on_3 5 dash -c 'echo hello >&3'
	holds 1
	for shell in bash dash; do
		prints 'hello\n' select_on_3 5 $shell -c 'dd bs=128 count=1 status=none <&3'
		prints 'hello\n' select_on_3 5 $shell -c 'head -n 1 <&3'
		# The message stays, so there is no end of it.
		prints 'hello\nhello\nhello\n' select_on_3 5 $shell -c 'cat <&3 2>/dev/null | head -n 3'
		# They read byte by byte, and a message comes whole or not at all.
		fails 1 "" select_on_3 5 $shell -c 'read -r line <&3'
	done
	fails 1 "read error: 0: No space left on device" select_on_3 5 bash -c 'read -r line <&3'
	# Replaced, not added to: all lines but the last are gone.
	prints '' select_on_3 5 bash -c 'printf "one\ntwo\n" >&3'
	prints 'two\n' msgslot recv 0 5
	prints '' select_on_3 5 dash -c 'printf "one\ntwo\n" >&3'
	prints 'one\ntwo\n' msgslot recv 0 5
}
