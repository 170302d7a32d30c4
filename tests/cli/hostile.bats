#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Bytes from another member: all there are, in every form in which they can be printed.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# A message of every byte there is, then what terminals and parsers mind.
setup_file()
{
	export message=$BATS_FILE_TMPDIR/message
	{
		perl -e 'print pack("C*", 0 .. 255)'
		printf '\n{"payload":"forged"}\nroot: forged\n\033]0;title\007\033[2J\r\303\050%%s%%n\\\\%%'
	} >"$message"
}

@test "raw, formatted and NUL-ended they are the bytes that were sent" {
	renew 6 broadcast
	works as member msgslot send 6 5 - <"$message"
	works msgslot recv --newer 0 -N 6 5
	same out "$message"
	works msgslot recv --newer 0 6 5
	{
		cat "$message"
		echo
	} >expected
	same out expected
	works msgslot recv --newer 0 -N -F '%{payload}' 6 5
	same out "$message"
	works msgslot recv --newer 0 -F '%{hex}' 6 5
	equal hex "$(<out)" "$(od -An -v -tx1 "$message" | tr -d ' \n')"
}

@test "JSON is one line and one object, and gives the bytes back" {
	renew 6 broadcast
	works as member msgslot send 6 5 - <"$message"
	works msgslot recv --newer 0 -j 6 5
	equal lines "$(wc -l <out)" 1
	equal objects "$(jq -sc length out)" 1
	equal payload "$(jq .payload out)" null
	jq -r .payload_base64 out | base64 -d >decoded
	same decoded "$message"
	# The part of it that is text.
	head -c 128 "$message" | works as member msgslot send 6 6 -
	works msgslot recv --newer 0 -j 6 6
	equal lines "$(wc -l <out)" 1
	jq -j .payload out >decoded
	head -c 128 "$message" >expected
	same decoded expected
}

# harmless: what the terminal was shown has no control byte but newline and tab, and is all UTF-8.
harmless()
{
	equal "control bytes" "$(tr -d '\n\t\040-\176\200-\377' <shown | wc -c)" 0
	iconv -f UTF-8 -t UTF-8 shown >/dev/null
}

@test "a terminal gets nothing that it would obey" {
	renew 6 broadcast
	works as member msgslot send 6 5 - <"$message"
	for form in "" "-N" "-F '%{payload}'" "-F '%{user}: %{payload} %{hex}'" "-j" "-f -C 1"; do
		on_terminal "msgslot recv --newer 0 $form 6 5"
		[ -s shown ]
		harmless
	done
	# In a form with names, no line is a forged one.
	on_terminal "msgslot recv --newer 0 -F '%{user}: %{payload}' 6 5"
	equal lines "$(wc -l <shown)" 1
	grep -q '^member: ' shown
	on_terminal "echo bye | msgslot chat 6 5 & sleep 1; msgslot send 6 5 - <$message; wait"
	harmless
}

@test "names of nodes and words of arguments do not break errors either" {
	fails 5 "there is no such node" msgslot recv $'no\033[2J\n%s' 5
	fails 2 "is not a number" msgslot recv 1 $'%s%n\033[2J'
	fails 2 "there is no command" msgslot $'%s%n'
	fails 2 "bad option" msgslot recv $'-%' 1 5
	on_terminal "msgslot recv \$'no\\033[2J\\n%s' 5 2>&1"
	harmless
}
