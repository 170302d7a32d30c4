#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot dump and restore: what was there is there again, and a damaged file changes nothing.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# contents SLOT: channel, number of messages, and the messages in hexadecimal digits, in order.
contents()
{
	local channel

	while read -r channel _; do
		msgslot recv -p -W 0 --newer 0 -f -F '%{channel} %{hex}\n' "$1" "$channel" 2>said ||
			grep -q "no message" said
	done < <(msgslot show "$1" | sed '1,/CHANNEL/d')
}

# fill SLOT: three channels, all bytes there are, the longest and the shortest message.
fill()
{
	perl -e 'print map { chr } 0 .. 255' | msgslot send "$1" 1 -
	printf '\n' | msgslot send "$1" 77 -
	printf 'one\n' | msgslot send "$1" 4294967295 -
	printf 'two' | msgslot send "$1" 4294967295 -
	head -c 20000 /dev/urandom | msgslot send "$1" 77 -
}

# seal FILE: puts the right checksum at its end, in the place of the present one.
seal()
{
	head -c -4 "$1" >open
	gzip -c open | tail -c 8 | head -c 4 >checksum
	cat open checksum >"$1"
}

# patch FILE OFFSET BYTES: writes over what is there; printf's escapes count.
patch()
{
	# shellcheck disable=SC2059
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# refused FILE TEXT: exit code 1, that said, and nothing sent.
refused()
{
	fails 1 "$2" msgslot restore 4 "$1" || return 1
	grep -qx "Nothing was sent." err || return 1
	holds 0
}

@test "dump takes nothing, and restore brings all of it back, in every mode" {
	for mode in last queue broadcast; do
		renew 4 $mode
		msgslot set -q 4 max_message=20000
		udevadm settle
		fill 4
		contents 4 >before
		[ -s before ]
		# The folder is closed to others.
		as member msgslot dump 4 - >file
		contents 4 >after
		same after before
		cp file "file.$mode"
		# Into another slot that has the number, as after a reboot.
		renew 4 $mode
		msgslot set -q 4 max_message=20000
		udevadm settle
		prints '' as member msgslot restore 4 - <file
		contents 4 >after
		same after before
		equal "length" "$(msgslot dump 4 - | wc -c)" "$(stat -c %s file)"
	done
	equal "messages of last, queue" \
		"$(wc -l <before) $(od -An -tu8 -j 32 -N 8 file.last | xargs)" "5 3"
	# A listener hears what is restored.
	renew 6 broadcast
	msgslot set -q 6 max_message=20000
	start msgslot recv -C 2 -N 6 4294967295
	waits ppoll
	works msgslot restore 6 file
	ends 0
	says 'one\ntwo'
}

@test "queues keep their order, and a reader in a room its place" {
	renew 6 broadcast
	exec {open}<"$slot"
	seq 100 | works msgslot send -l 6 0
	works msgslot dump 6 file
	seq 100 | tr -d '\n' >expected
	head -c 192 <&"$open" >heard
	exec {open}<&-
	same heard expected
	renew 4 queue
	seq 100 | works msgslot send -l 4 5
	prints '1\n' msgslot recv 4 5
	works msgslot dump 4 file
	renew 4 queue
	works msgslot restore 4 file
	seq 2 100 >expected
	works msgslot recv -C 99 4 5
	same out expected
}

# shellcheck disable=SC2016 # Perl's
@test "the file is what msgslot-dump(1) says" {
	renew 4 queue
	works msgslot send 4 258 hello
	works msgslot dump 4 file
	equal mode "$(stat -c %a file)" 600
	equal length "$(stat -c %s file)" $((80 + 32 + 5 + 4))
	works perl -e '
		local $/;
		open(my $file, "<", "file");
		my ($magic, $version, $mode, $length, $channels, $messages, $time, $instance, $depth,
		    $max, $overflow, $zero, $channel, $bytes, $sequence, $sent, $pid, $uid, $text) =
			unpack("a8 VV QQQQ H32 VVVV VV QQ VV a5", <$file>);
		print join(" ", $magic eq "msgslot\n", $version, $mode, $length, $channels, $messages,
			   $depth, $max, $overflow, $zero, $channel, $bytes, $sequence, $uid, $text,
			   $time >= $sent && $time - $sent < 1e9 * 600 && abs($time / 1e9 - time) < 600,
			   length($instance)), "\n"'
	equal header "$(<out)" "1 1 1 121 1 1 1024 4096 1 0 258 5 1 0 hello 1 32"
	cp file again
	seal again
	same file again
	works msgslot show -j 4
	equal instance "$(od -An -tx1 -j 48 -N 16 file | tr -d ' ')" "$(jq -r .instance out)"
}

@test "a damaged file is refused whole" {
	renew 4 queue
	seq 20 | works msgslot send -l 4 5
	works msgslot dump 4 good
	works msgslot clear -a 4
	length=$(stat -c %s good)
	for keep in 0 1 79 80 83 84 111 115 $((length - 5)) $((length - 1)); do
		head -c "$keep" good >bad
		refused bad "bad: it is damaged: it ends too early"
	done
	cat good <(printf x) >bad
	refused bad "bad: it is damaged: it is longer than it should be"
	for at in 12 20 24 32 40 48 64 76 80 84 88 96 104 108 112 $((length - 1)); do
		cp good bad
		# Another byte than is there, which may be any.
		patch bad "$at" "\\$(printf %o $(($(od -An -tu1 -j "$at" -N 1 good) ^ 255)))"
		refused bad "bad: it is damaged"
	done
	cp good bad
	patch bad 3 x
	refused bad "bad: it is not a dump of a slot"
	cp good bad
	patch bad 8 '\2'
	refused bad "bad: it is of a version that this msgslot does not know"
	refused /etc/passwd "it is not a dump of a slot"
	refused /dev/zero "it is not a dump of a slot"
	fails 1 "standard input: it is damaged" msgslot restore 4 - < <(head -c 90 good)
	fails 1 "nosuch: No such file" msgslot restore 4 nosuch
	fails 1 "Is a directory" msgslot restore 4 .
	works msgslot restore 4 good
	holds 20
}

@test "a malformed file with the right checksum is refused whole" {
	local at bytes

	renew 4 queue
	printf 'a\nb\n' | works msgslot send -l 4 5
	works msgslot send 4 6 c
	works msgslot dump 4 good
	works msgslot clear -a 4
	# Mode, counts, reserved, and the second and third message: channel, length, number.
	while read -r at bytes; do
		cp good bad
		patch bad "$at" "$bytes"
		seal bad
		refused bad "bad: it is malformed, although its checksum is right"
	done <<-'END'
		12 \3
		12 \0
		24 \3
		32 \2
		32 \4
		76 \1
		113 \4
		117 \0
		117 \2
		119 \20
		121 \1
		121 \0
		146 \4
		150 \0\0\0\377
	END
	cp good bad
	seal bad
	works msgslot restore 4 bad
	holds 3
}

@test "a file that says it is endless is read as far as it can be a dump" {
	renew 4 queue
	printf 'a\nb\n' | works msgslot send -l 4 5
	works msgslot dump 4 good
	works msgslot clear -a 4
	patch good 16 '\0\0\0\0\0\0\0\100'
	head -c 80 good >header
	tail -c +81 good | head -c 33 >message
	cp message long
	patch long 4 '\377\377\377\177'
	# An empty message, one more than it says it has, one that is too long, one that comes twice.
	head -c -4 good | refused_early
	refused_early <header
	cat header long | refused_early
	cat header message message | refused_early
	holds 0
}

# refused_early: of standard input, and then endless zeros, no more is read than shows that this is no dump.
refused_early()
{
	local code=0

	rm -f consumed
	{
		cat
		head -c 20000000 /dev/zero && echo all >consumed
	} 2>/dev/null | msgslot restore 4 - >out 2>err || code=$?
	equal "exit code" $code 1 || return 1
	grep -q "standard input: it is damaged: it has what cannot be a message" err || return 1
	[ ! -e consumed ]
}

@test "an input that does not block" {
	renew 4 queue
	works msgslot send 4 5 one
	works msgslot dump 4 file
	mkfifo pipe
	exec {feed}<>pipe
	start bash -c "exec $feed>&-
		dd count=0 iflag=nonblock status=none
		exec msgslot restore --add 4 -" <pipe
	waits poll
	cat file >&"$feed"
	exec {feed}>&-
	ends 0
	holds 2
}

@test "of a name it is the slot, and a channel may follow" {
	renew 4 queue
	mkdir -p /etc/msgslot
	echo "jobs 4 16" >/etc/msgslot/channels
	printf '5 five\n16 sixteen\n200 more\n' | works msgslot send -l --channel-field 4
	works msgslot dump @jobs all
	works msgslot dump @jobs 1-100 some
	works msgslot dump @jobs 16 one
	fails 2 "unexpected argument 'x'" msgslot dump @jobs 16 one x
	fails 2 "channel 'x' is not a number" msgslot dump @jobs x one
	rm -r /etc/msgslot
	equal messages "$(for file in all some one; do od -An -tu8 -j 32 -N 8 $file; done | xargs)" "3 2 1"
}

@test "the file is on the disk, with its name" {
	local tracing=/sys/kernel/tracing

	renew 4 queue
	[ -d $tracing/events ] || mount -t tracefs tracefs $tracing
	echo >$tracing/trace
	echo 1 >$tracing/events/syscalls/sys_enter_fsync/enable
	works msgslot dump 4 file
	echo 0 >$tracing/events/syscalls/sys_enter_fsync/enable
	equal "of the file, and of the folder" "$(grep -c 'msgslot-.*sys_fsync(' $tracing/trace)" 2
	# In a folder that cannot be read.
	mkdir -m 733 /tmp/drop
	works as member msgslot dump 4 /tmp/drop/file
	length=$(stat -c %s /tmp/drop/file)
	rm -r /tmp/drop
	equal length "$length" "$(stat -c %s file)"
}

@test "a full disk costs nobody the file that was there" {
	renew 4 queue
	head -c 4000 /dev/urandom >message
	for _ in {1..20}; do
		works msgslot send 4 5 - <message
	done
	mkdir small
	mount -t tmpfs -o size=16k none small
	echo old >small/file
	fails 1 "msgslot: small/file: No space left on device" msgslot dump 4 small/file || failed=1
	seen="$(ls small) $(<small/file)"
	fails 1 "small/new: No space left on device" msgslot dump 4 small/new || failed=1
	seen+=" $(ls small)"
	umount small
	[ ! "${failed-}" ]
	equal "what is there" "$seen" "file old file"
	fails 1 "standard output: No space left on device" bash -c 'msgslot dump 4 - >/dev/full'
	fails 1 "/dev/full: No space left on device" msgslot dump 4 /dev/full
	fails 1 "nosuch/file: No such file or directory" msgslot dump 4 "$PWD/nosuch/file"
	holds 20
}

@test "what dump writes to" {
	renew 4 queue
	works msgslot send 4 5 x
	works msgslot dump 4 file
	echo old >target
	ln -s target link
	works msgslot dump 4 link
	equal link "$(readlink link)" target
	equal length "$(stat -c %s target)" "$(stat -c %s file)"
	mkfifo fifo
	cat fifo >copy &
	works msgslot dump 4 fifo
	wait
	[ -p fifo ]
	msgslot dump 4 - | works msgslot restore --add --dry-run 4 -
	equal length "$(stat -c %s copy)" "$(stat -c %s file)"
	shows 'msgslot: dump: a dump is not written to a terminal\nUsage: msgslot dump [-h] SLOT [CHANNEL] { FILE | - }\n' \
		"msgslot dump 4 - 2>&1"
	fails 2 "no file is given" msgslot dump 4
	fails 2 "channel 'file' is not a number" msgslot dump 4 file x
	fails 2 "unexpected argument 'x'" msgslot dump 4 5 file x
	fails 2 "no file is given" msgslot restore 4
	fails 2 "unexpected argument 'x'" msgslot restore 4 file x
	fails 6 "you are not in the group" as outsider msgslot dump 4 file
	fails 6 "you are not in the group" as outsider msgslot restore 4 - <file
	fails 5 "there is no such node" msgslot dump 99 file
}

@test "a slot in use: restore wants it empty, or --add" {
	renew 4 queue
	works msgslot send 4 5 one
	works msgslot dump 4 file
	said_in 1 "msgslot: /dev/msgslot4: the slot is in use: it keeps 1 message
Clear it first ('msgslot clear -a'), or add to them with --add." msgslot restore 4 file
	holds 1
	works msgslot restore --add 4 file
	prints 'one\none\n' msgslot recv -C 2 4 5
	# In mode last, what is there is newer.
	renew 1 last
	works msgslot send 1 5 old
	works msgslot send 1 6 old
	works msgslot dump 1 file
	works msgslot clear -a 1
	works msgslot send 1 6 new
	prints '/dev/msgslot1: 1 message on 2 channels\n/dev/msgslot1: 1 channel kept a newer message\n' \
		msgslot restore -a -v 1 file
	prints 'old\n' msgslot recv 1 5
	prints 'new\n' msgslot recv 1 6
	works msgslot clear -a 1
	prints '/dev/msgslot1: 2 messages on 2 channels, none sent\n' msgslot restore -n 1 file
	holds 0
}

@test "restore begins only what there is room for" {
	renew 4 queue
	seq 5 | works msgslot send -l 4 5
	works msgslot send 4 6 "a longer message"
	works msgslot dump 4 file
	works msgslot clear -a 4
	works msgslot set -q 4 depth=4
	said_in 8 "msgslot: /dev/msgslot4: the dump has a channel of 5 messages, and depth is 4
As root: msgslot set 4 depth=5" msgslot restore 4 file
	works msgslot set -q 4 depth=5 max_message=15
	said_in 7 "msgslot: /dev/msgslot4: the dump has a message of 16 bytes, and max_message is 15
As root: msgslot set 4 max_message=16" msgslot restore 4 file
	works msgslot set -q 4 max_message=16 max_channels=1
	fails 8 "the dump has 2 channels and 21 bytes of messages, more than the slot takes" \
		msgslot restore 4 file
	works msgslot set -q 4 max_channels=2
	fails 8 "more than your share of the slot" as member msgslot restore 4 - <file
	holds 0
	works msgslot restore 4 file
	holds 6
	renew 4 last
	fails 1 "the slot is of mode last, and the dump of mode queue" msgslot restore 4 file
	# Where it is full only on the way, it is told how far it came.
	renew 4 queue
	works msgslot set -q 4 max_bytes=100
	fails 8 "the slot is full" msgslot restore 4 file
	grep -qE '^[0-5] of 6 messages were sent before that.$' err
	# An --add does not wait for space.
	works msgslot set -q 4 max_bytes=67108864
	works msgslot clear -a 4
	works msgslot set -q 4 depth=5
	works msgslot send 4 5 x
	fails 8 "channel 5: the channel is full" msgslot restore -a 4 file
	grep -qx '4 of 6 messages were sent before that.' err
}

@test "dump ends while others go on sending, and holds nobody up" {
	renew 6 broadcast
	# One, and not the one that was there when the dump began.
	works msgslot set -q 6 depth=1
	start sh -c 'yes | msgslot send -l 6 5'
	eventually sh -c "[ \$(cat $class/msgslot6/sent) -gt 200 ]"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		works msgslot dump 6 file
		equal "channels and messages" "$(od -An -tu8 -j 24 -N 16 file | xargs)" "1 1"
	done
	kill "$pid"
	wait "$pid" || true

	# A broadcast slot that waits for its readers does not wait for the one that dumps it.
	renew 6 broadcast
	works msgslot set -q 6 overflow=block depth=2 max_message=60000
	for _ in 1 2; do
		head -c 60000 /dev/zero | works msgslot send 6 1 -
	done
	mkfifo fifo
	start msgslot dump 6 fifo
	exec {pipe}<fifo
	waits write
	seq 10 | works msgslot send -W 100 -l 6 0
	cat <&"$pipe" >file
	exec {pipe}<&-
	ends 0
	equal length "$(stat -c %s file)" $((80 + 2 * (32 + 60000) + 4))
}

@test "through a module that is loaded anew, and without sysfs" {
	fresh
	changed=1
	works msgslot send 1 5 value
	printf 'one\ntwo\n' | works msgslot send -l 4 5
	works unshare --mount sh -c 'mount -t tmpfs none /sys && msgslot dump 1 one && msgslot dump 4 four'
	rmmod msgslot
	modprobe msgslot
	udevadm settle
	works unshare --mount sh -c 'mount -t tmpfs none /sys && msgslot restore 1 one && msgslot restore 4 four'
	prints 'value\n' msgslot recv 1 5
	prints 'one\ntwo\n' msgslot recv -C 2 4 5
}

# shellcheck disable=SC2016 # Perl's
@test "a message of 1 MiB, ten thousand channels, and an empty slot" {
	local count=10000

	[ ! "$small" ] || count=500
	renew 4 queue
	works msgslot dump 4 file
	equal length "$(stat -c %s file)" 84
	works msgslot restore 4 file
	works msgslot set -q 4 max_message=1048576
	head -c 1048576 /dev/urandom >message
	works msgslot send 4 5 - <message
	works perl -e '
		open(my $slot, "+<", "/dev/msgslot4") or die;
		for my $channel (1 .. $ARGV[0]) {
			ioctl($slot, 0x4004eb00, $channel * 7) or die "$channel: $!";
			syswrite($slot, "x") == 1 or die "$channel: $!";
		}' $count
	works msgslot dump 4 file
	works msgslot clear -a 4
	prints "/dev/msgslot4: $((count + 1)) messages on $((count + 1)) channels\n" msgslot restore -v 4 file
	holds $((count + 1))
	msgslot recv -N 4 5 | cmp - message
}
