#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot recv: the forms in which a message is printed.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "recv -F: every field" {
	renew 1 last
	works as member msgslot send 1 5 zero
	works as member bash -c 'echo $$; exec msgslot send 1 5 "Grüße"'
	sender=$(<out)
	prints 'Grüße|4772c3bcc39f65|5|2|7|0\n' \
		msgslot recv -F '%{payload}|%{hex}|%{channel}|%{sequence}|%{length}|%{lost}' 1 5
	prints "$sender|$(id -u member)|member\n" msgslot recv --format '%{pid}|%{uid}|%{user}' 1 5
	works msgslot recv -F '%{time}' 1 5
	time=$(<out)
	[[ $time =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$ ]]
	age=$(($(date +%s) - $(date -d "$time" +%s)))
	((age >= 0 && age < 60))
	works msgslot recv -F '%{age}' 1 5
	[[ $(<out) =~ ^[0-9]+\.[0-9]{6}$ ]]
	# A sender in no passwd file is a number.
	works setpriv --reuid 12345 --regid 12345 --groups msgslot msgslot send 1 5 x
	prints '12345 12345\n' msgslot recv -F '%{uid} %{user}' 1 5
}

@test "recv -F: what is no field stays, but % and backslash mean something" {
	renew 1 last
	works msgslot send 1 5 x
	prints '100%% {payload} $ x\n' msgslot recv -F '100%% {payload} $ %{payload}' 1 5
	prints 'a\tb\nc\\d\0e\r\n' msgslot recv -F 'a\tb\nc\\d\0e\r\n' 1 5
	prints '\n' msgslot recv -F '' 1 5
	prints '' msgslot recv -N -F '' 1 5
	prints 'x\0' msgslot recv -0 -F '%{payload}' 1 5
	prints 'xx' msgslot recv -N -F '%{payload}%{payload}' 1 5
	for wrong in % %p '%{' '%{}' '%{payload' '%{ payload}' '%{Payload}' '%{payloads}' '%{payload%}' \
		'x%' \\ '\q' '\x41'; do
		fails 2 "-F: " msgslot recv -F "$wrong" 1 5
	done
	fails 2 "-j and -F exclude each other" msgslot recv -j -F x 1 5
}

@test "a newline behind each message that has none, -N none, -0 a NUL" {
	renew 4 queue
	send_three()
	{
		printf 'a' | msgslot send 4 0 -
		printf 'b\n' | msgslot send 4 0 -
		printf 'c\0' | msgslot send 4 0 -
	}
	send_three
	prints 'a\nb\nc\0\n' msgslot recv -C 3 4 0
	send_three
	prints 'ab\nc\0' msgslot recv -N -C 3 4 0
	send_three
	prints 'a\0b\n\0c\0\0' msgslot recv -0 -C 3 4 0
	send_three
	prints '<a>\n<b\n>\n<c\0>\n' msgslot recv -F '<%{payload}>' -C 3 4 0
}

@test "recv -j: an object a line, with all there is to know" {
	renew 4 queue
	works as member msgslot send 4 5 'say "hi" \ there'
	works msgslot recv -p -j 4 5
	equal lines "$(wc -l <out)" 1
	equal keys "$(jq -c keys_unsorted out)" '["channel","sequence","pid","uid","user","time","age","length","lost","payload"]'
	equal types "$(jq -c 'map_values(type)|[.[]]' out)" \
		'["number","number","number","number","string","string","number","number","number","string"]'
	equal values "$(jq -c '[.channel,.sequence,.uid,.user,.length,.lost,.payload]' out)" \
		"[5,1,$(id -u member),\"member\",16,0,\"say \\\"hi\\\" \\\\ there\"]"
	works msgslot send 4 5 two
	works msgslot recv -j -C 2 4 5
	equal payloads "$(jq -r .payload out)" $'say "hi" \\ there\ntwo'
}

# What base64 says of the bytes stands behind those that are no UTF-8.
@test "recv -j: bytes that are no UTF-8 in base64, all others as they are" {
	renew 4 queue
	while read -r bytes base64; do
		printf "%b" "$bytes" | works msgslot send 4 5 -
		if [ "$base64" ]; then
			echo "base64 $base64"
		else
			echo "text $(printf "%b" "$bytes" | base64 -w 0)"
		fi >>expected
	done <<-'END'
		\0377 /w==
		\0377a /2E=
		\0377ab /2Fi
		ab\0200cd YWKAY2Q=
		\0300\0200 wIA=
		\0340\0200\0200 4ICA
		\0355\0240\0200 7aCA
		\0364\0220\0200\0200 9JCAgA==
		\0303 ww==
		\0360\0237\0230 8J+Y
		\0360\0237\0230\0200
		\0303\0274\0342\0202\0254
		\0364\0217\0277\0277
		\0001\0002\0033[31m\0177
		a\0000b
		\0302\0205\0342\0200\0256
		line\nline\ttab\r\n
	END
	count=$(wc -l <expected)
	[ "$count" = 17 ]
	works msgslot recv -j -C "$count" 4 5
	jq -r 'if .payload == null then "base64 " + .payload_base64
		elif .payload_base64 == null then "text " + (.payload | @base64) else "both" end' out >seen
	same seen expected
	# Nothing of it could move a cursor.
	printf '\033\177\302\205\342\200\256\0\n' | works msgslot send 4 5 -
	works msgslot recv -j 4 5
	equal "control bytes" "$(tr -d '\n\040-\176' <out | wc -c)" 0
}

@test "errors of -j are JSON, on standard error" {
	renew 1 last
	fails 3 '{"error":"channel 5: there is no message","about":"/dev/msgslot1","todo":"With -w it waits for one.","exit":3}' \
		msgslot recv -j 1 5
	fails 2 "" msgslot recv -j 1 x
	equal "error" "$(jq -c '[.error,.exit]' err)" '["channel '"'x'"' is not a number from 0 to 4294967295, nor a range of them as 1-100, 0x10- or all",2]'
	fails 5 "" msgslot recv -j $'no\nsuch"\377' 5
	equal "about" "$(jq -c .about err)" '"no\nsuch\"'$'\357\277\275''"'
	fails 5 '"exit":5}' msgslot show -j nosuch
}

@test "messages of 1 MiB in every form" {
	size=${small:+70000}
	size=${size:-1048576}
	renew 1 last
	put "$class/msgslot1/max_message" 1048576
	head -c "$size" /dev/urandom >message
	works msgslot send 1 5 - <message
	works msgslot recv -N -F '%{payload}' 1 5
	same out message
	works msgslot recv -j 1 5
	jq -r .payload_base64 out | base64 -d >decoded
	same decoded message
	works msgslot recv -F '%{hex}' 1 5
	od -An -v -tx1 message | tr -d ' \n' >expected
	echo >>expected
	same out expected
	tr '\0' '\1' </dev/zero | head -c "$size" >message
	works msgslot send 1 5 - <message
	works msgslot recv -j 1 5
	jq -j .payload out >decoded
	same decoded message
}

@test "on a terminal control bytes are shown, not obeyed" {
	renew 1 last
	printf 'a\033[31mb\0c\177d\233e\302\205f\rg\tGr\303\274\303\237e' | works msgslot send 1 5 -
	shows 'a\\x1b[31mb\\x00c\\x7fd\\x9be\\xc2\\x85f\\x0dg\tGr\303\274\303\237e\n' 'msgslot recv 1 5'
	shows 'a\\x1b[31mb\\x00c\\x7fd\\x9be\\xc2\\x85f\\x0dg\tGr\303\274\303\237e' 'msgslot recv -N 1 5'
	shows '<a\\x1b[31mb\\x00c\\x7fd\\x9be\\xc2\\x85f\\x0dg\tGr\303\274\303\237e>\n' \
		"msgslot recv -F '<%{payload}>' 1 5"
	# Lines are lines, but not where they could be taken for another message's.
	printf 'two\nlines\n' | works msgslot send 1 5 -
	shows 'two\nlines\n' 'msgslot recv 1 5'
	shows 'root: two\\x0alines\n' "msgslot recv -F '%{user}: %{payload}' 1 5"
	# Not on a terminal they are the message's.
	prints 'root: two\nlines\n' msgslot recv -F '%{user}: %{payload}' 1 5
}
