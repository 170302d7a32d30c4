#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot record and play: what is sent to slots, kept in a file, printed, and sent again.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

# recording WORD…: a recording into ./file begins; its number in $pid.
recording()
{
	rm -f file
	start msgslot record -o file "$@"
	waits ppoll
}

# stopped: it ends with control-C.
stopped()
{
	kill -INT "$pid"
	ends 0
}

# ended CODE: it comes to its end, with that.
ended()
{
	eventually gone
	ends "$1"
}

gone()
{
	! kill -0 "$pid" 2>/dev/null
}

case $(uname -m) in
x86_64)	 numbers[openat]=257 ;;
aarch64) numbers[openat]=56 ;;
s390x)	 numbers[openat]=288 ;;
esac

# forge FILE: a recording made of lines, with the right checksums: "source MINOR PATH", "message SOURCE CHANNEL TIME
# TEXT", "bytes TEXT", and "block", which ends one.
# shellcheck disable=SC2016 # Perl's
forge()
{
	perl -e '
		my ($block, $number, $sequence, @table) = ("", 0, 0);
		for my $sum (0 .. 255) {
			for (1 .. 8) {
				$sum = $sum & 1 ? $sum >> 1 ^ 0xedb88320 : $sum >> 1;
			}
			push @table, $sum;
		}
		sub checksum {
			my $sum = 0xffffffff;
			$sum = $sum >> 8 ^ $table[$sum & 255 ^ $_] for unpack("C*", $_[0]);
			return $sum ^ 0xffffffff;
		}
		sub end {
			my $header = pack("a8 V2 Q<", "msgslotR", 1, length($block), $number++);
			print $header, pack("V2", checksum($header), checksum($block)), $block;
			$block = "";
		}
		while (<STDIN>) {
			chomp;
			my ($kind, $rest) = split(/ /, $_, 2);
			end() if $kind eq "block";
			$block .= $rest if $kind eq "bytes";
			if ($kind eq "source") {
				my ($minor, $path) = split(/ /, $rest, 2);
				$block .= pack("V4 Q< x16 V2", $minor, 2, 0, 0xffffffff, 0, 4096, length($path)) . $path;
			} elsif ($kind eq "message") {
				my ($source, $channel, $time, $text) = split(/ /, $rest, 4);
				$block .= pack("V6 Q<3", $source, $channel, length($text), 1, 0, 0, ++$sequence, $time, 0) . $text;
			}
		}
		end() if !$number || $block ne ""' >"$1"
}

# fsyncs COMMAND…: how often it has something brought to the disk.
fsyncs()
{
	local tracing=/sys/kernel/tracing

	[ -d $tracing/events ] || mount -t tracefs tracefs $tracing
	echo >$tracing/trace
	echo 1 >$tracing/events/syscalls/sys_enter_fsync/enable
	"$@"
	echo 0 >$tracing/events/syscalls/sys_enter_fsync/enable
	grep -c 'msgslot-.*sys_fsync(' $tracing/trace
}

@test "all that is sent to a slot, with channel, sequence, sender and time" {
	renew 6 broadcast
	recording 6
	as member msgslot send 6 5 "five words"
	printf 'a\0b' | works msgslot send 6 0 -
	works msgslot send 6 5 again
	stopped
	prints 'five words\na\0b\nagain\n' msgslot record --show file
	prints '5 1 member\n0 1 root\n5 2 root\n' msgslot record --show file -F '%{channel} %{sequence} %{user}'
	works msgslot record --show file -j
	equal payloads "$(jq -r .payload out | tr '\0' . | xargs)" "five words a.b again"
	equal lost "$(jq -c .lost out | xargs)" "0 0 0"
	# When it was sent, not when it was looked at.
	sleep 0.3
	works msgslot record --show file -F '%{age}'
	awk '$1 < 0.3 { exit 1 }' out
	equal mode "$(stat -c %a file)" 600
	prints 'five words\n' msgslot record --show file -C 1
}

@test "last: what is there when it begins, then each new value" {
	renew 1 last
	lines 1 < <(printf '3 old\n9 other\n200 outside\n')
	recording -C 4 1 1-100
	works msgslot send 1 3 new
	waits ppoll
	works msgslot send 1 201 outside
	works msgslot send 1 50 newer
	ends 0
	prints '3 old\n9 other\n3 new\n50 newer\n' msgslot record --show file -F '%{channel} %{payload}'
}

@test "several slots and ranges, and names" {
	renew 1 last
	renew 6 broadcast
	mkdir -p /etc/msgslot
	echo "bell 6 16" >/etc/msgslot/channels
	recording 1 5-9 @bell 6 100-
	lines 1 < <(printf '5 one\n10 outside\n')
	lines 6 < <(printf '16 ding\n17 outside\n100 hundred\n')
	sleep 0.3
	stopped
	rm -r /etc/msgslot
	works msgslot record --show file -F '%{channel} %{payload}'
	printf '100 hundred\n16 ding\n5 one\n' >expected
	sort out >seen
	same seen expected
}

@test "a queue is refused, and what is no slot; nothing is overwritten" {
	fails 2 "the slot is of mode queue" msgslot record -o file 4
	[ ! -e file ]
	fails 5 "" msgslot record -o file 99
	fails 2 "no slot is given" msgslot record
	fails 2 "no channel is given" msgslot record 1 5 6
	fails 2 "unexpected argument" msgslot record --show file 6
	[ ! -e file ]
	echo mine >file
	fails 1 "file: it exists, and nothing is overwritten" msgslot record -o file 6
	equal file "$(cat file)" mine
	on_terminal "msgslot record -o - 6 2>&1"
	grep -q "a recording is not written to a terminal" shown
	# Without a name it is named by the time, and says so.
	start msgslot record -d 0.1 6
	ends 0
	[[ $(cat said) == msgslot-20*.record ]]
	[ -f "$(cat said)" ]
	# It is not said of a file that is not made.
	fails 5 "" msgslot record 60
}

@test "a file that grows can be read, one that was cut up to its last block, one that is damaged as far" {
	renew 6 broadcast
	recording 6
	works msgslot send 6 1 first
	eventually sh -c '[ "$(msgslot record --show file)" = first ]'
	works msgslot send 6 1 second
	eventually sh -c '[ "$(msgslot record --show file | tail -n 1)" = second ]'
	size=$(stat -c %s file)
	works msgslot send 6 1 third
	eventually sh -c '[ "$(msgslot record --show file | tail -n 1)" = third ]'
	# kill -9 is like a power cut.
	kill -KILL "$pid"
	wait "$pid" || true
	prints 'first\nsecond\nthird\n' msgslot record --show file
	head -c $((size + 20)) file >part
	prints 'first\nsecond\n' msgslot record --show part
	head -c $((size + 50)) file >part
	prints 'first\nsecond\n' msgslot record --show part
	cp file damaged
	printf x | dd of=damaged bs=1 seek=$((size - 3)) conv=notrunc status=none
	code=0
	msgslot record --show damaged >out 2>err || code=$?
	equal code $code 1
	equal out "$(cat out)" first
	grep -q "damaged: block 2: it is damaged: the checksum is wrong" err
	fails 1 "damaged: block 2: it is damaged: the checksum is wrong" msgslot play --fast damaged
	: >empty
	fails 1 "empty: it is empty, or ends within its first block" msgslot record --show empty
	fails 1 "it is not a file of msgslot record" msgslot play /etc/passwd
	head -c 100000 /dev/urandom >noise
	fails 1 "it is not a file of msgslot record" msgslot record --show noise
}

@test "damage anywhere is told, or is in what is left out" {
	local length at byte step=1 next

	renew 6 broadcast
	recording 6
	lines 6 < <(printf '1 a\n2 b\n')
	sleep 0.2
	stopped
	msgslot record --show file >whole
	length=$(stat -c %s file)
	# A block that seems to be longer than the file is not taken for its end.
	next=$((32 + $(od -An -tu4 -j 12 -N 4 file)))
	cp file damaged
	printf '\xff' | dd of=damaged bs=1 seek=$((next + 12)) conv=notrunc status=none
	fails 1 "damaged: block 1: it is damaged: the checksum of its header is wrong" \
		msgslot record --show damaged
	[ ! "$small" ] || step=31
	for ((at = RANDOM % step; at < length; at += step)); do
		cp file damaged
		byte=$(od -An -tu1 -j $at -N 1 file)
		printf %b "\\x$(printf %02x $((byte ^ 0xa5)))" |
			dd of=damaged bs=1 seek=$at conv=notrunc status=none
		! msgslot record --show damaged >out 2>err || return 1
		grep -q "damaged: " err
		head -c $at file >damaged
		msgslot record --show damaged >out 2>err || [ $at -lt 200 ]
		! grep -qvxFf whole out
	done
}

@test "play: with its pauses, faster, or without" {
	local began

	renew 6 broadcast
	recording 6
	works msgslot send 6 1 one
	sleep 1.5
	works msgslot send 6 2 two
	stopped
	start msgslot recv -f -F '%{channel} %{payload}' 6 all
	waits ppoll
	began=$EPOCHREALTIME
	works msgslot play file
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a < 1.5 }'
	says '1 one\n2 two\n'
	began=$EPOCHREALTIME
	works msgslot play -x 1.5 file
	awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { exit b - a < 1 }'
	works msgslot play --speed 1000000 file
	msgslot play --fast -v file 2>err
	equal said "$(cat err)" "file: 2 messages sent"
	says '1 one\n2 two\n1 one\n2 two\n1 one\n2 two\n1 one\n2 two\n'
	stop "$pid"
	fails 2 "--fast and --speed exclude" msgslot play --fast -x 2 file
	for wrong in 0 -1 x 1e9 2000000 ""; do
		fails 2 "--speed '$wrong' is not a number" msgslot play -x "$wrong" file
	done
	fails 2 "no file is given" msgslot play
	fails 2 "unexpected argument" msgslot play file x
}

@test "play: by range, time and slot, into another slot, and from a pipe" {
	renew 6 broadcast
	renew 1 last
	recording 6 all 1 1-
	lines 6 < <(printf '1 a\n2 b\n3 c\n')
	lines 1 < <(printf '7 value\n')
	sleep 1.2
	works msgslot send 6 1 late
	stopped
	renew 4 queue
	works msgslot play --fast -s 4 -c 1-2 --source 6 file
	works msgslot recv -a -F '%{channel} %{payload}' 4 all
	printf '1 a\n1 late\n2 b\n' >expected
	sort out >seen
	same seen expected
	works msgslot play --fast -s 4 --from 1 file
	prints '1 late\n' msgslot recv -a -F '%{channel} %{payload}' 4 all
	works msgslot play --fast -s 4 --to 1 --source 1 file
	prints '7 value\n' msgslot recv -a -F '%{channel} %{payload}' 4 all
	works msgslot play --fast -s 4 - <file
	has 4 messages 5
	# Each into the slot that it came from.
	renew 1 last
	works msgslot play --fast --source 1 file
	prints '7 value\n' msgslot recv -F '%{channel} %{payload}' 1 all
	fails 1 "nothing was recorded of slot 3" msgslot play --source 3 file
	fails 5 "" msgslot play --fast -s 99 file
}

@test "play: what the slot does not take is told, with its channel" {
	renew 6 broadcast
	recording 6
	lines 6 < <(printf '0 zero\n5 longer message\n')
	sleep 0.2
	stopped
	renew 1 last
	fails 2 "there is no channel 0 in mode last" msgslot play --fast -s 1 file
	works msgslot set -q 1 max_message=8
	fails 7 "channel 5: the message is too long: 14 bytes, and max_message is 8" msgslot play --fast -s 1 -c 1- file
}

@test "what was lost is told, and is in the file" {
	renew 6 broadcast
	put $class/msgslot6/depth 4
	recording 6
	kill -STOP "$pid"
	for _ in {1..9}; do
		echo "5 x"
	done >input
	lines 6 <input
	kill -CONT "$pid"
	eventually sh -c '[ "$(msgslot record --show file | wc -l)" = 4 ]'
	kill -TERM "$pid"
	ends 10
	grep -q "5 messages lost before they could be received" errors
	prints '5\n0\n0\n0\n' msgslot record --show file -F '%{lost}'
}

@test "the end of a slot, and of a disk, end it; what was recorded is there" {
	renew 6 broadcast
	recording 6
	works msgslot send 6 1 kept
	put $class/destroy 6
	ends 5
	prints 'kept\n' msgslot record --show file
	changed=1
	put $class/create "6 broadcast"
	udevadm settle
	mkdir disk
	mount -t tmpfs -o size=64k none disk
	start msgslot record -o disk/file 6
	waits ppoll
	while kill -0 "$pid" 2>/dev/null; do
		head -c 128 /dev/zero | tr '\0' x | msgslot send 6 1 -
		yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | head -n 300 | msgslot send -l 6 1
	done
	ends 1
	grep -q "disk/file: No space left on device" errors
	works msgslot record --show disk/file
	[ "$(sort -u out | head -n 1 | cut -c 1-8)" = xxxxxxxx ]
	umount disk
}

@test "a lot of it: nothing is lost, nothing comes twice" {
	local count=20000

	[ ! "$small" ] || count=2000
	renew 6 broadcast
	put $class/msgslot6/depth 65536
	recording -C $count 6
	seq $count | awk '{ print $1 % 7, "message", $1 }' >input
	lines 6 <input
	ends 0
	msgslot record --show file -F '%{channel} %{payload}' >seen
	# The order is that of each channel.
	for channel in 0 3 6; do
		cmp <(grep "^$channel " input) <(grep "^$channel " seen)
	done
	cmp <(sort input) <(sort seen)
	renew 4 queue
	put $class/msgslot4/depth 65536
	works msgslot play --fast -s 4 file
	works msgslot recv -a -F '%{channel} %{payload}' 4 all
	cmp <(sort input) <(sort out)
}

@test "play: in their order, whatever slots they were of, and where one is not taken" {
	renew 1 last
	renew 4 queue
	forge file <<-'END'
		source 6 /dev/msgslot6
		source 7 /dev/msgslot7
		block
		message 0 5 0 one
		message 1 5 0 two
		message 0 5 0 three
		message 1 5 0 four
	END
	works msgslot play --fast -s 4 file
	prints 'one\ntwo\nthree\nfour\n' msgslot recv -C 4 4 5
	# There is no channel 0 in mode last: all that was before it has been sent, and is counted.
	forge file <<-'END'
		source 1 /dev/msgslot1
		source 4 /dev/msgslot4
		block
		message 0 5 0 first
		message 1 5 0 second
		message 1 6 0 third
		message 0 6 0 fourth
		message 0 0 0 fifth
		message 0 7 0 sixth
		message 1 8 0 seventh
	END
	fails 2 "there is no channel 0 in mode last" msgslot play --fast -v file
	equal said "$(tail -n 1 err)" "file: 4 messages sent"
	prints '5 second\n6 third\n' msgslot recv -a -F '%{channel} %{payload}' 4 all
	prints '5 first\n6 fourth\n' msgslot recv -F '%{channel} %{payload}' 1 all
}

@test "what comes through a pipe is not held back until there is more" {
	renew 4 queue
	forge file <<-'END'
		source 6 /dev/msgslot6
		block
		message 0 5 0 one
		message 0 5 0 two
	END
	mkfifo pipe
	exec {feed}<>pipe
	start msgslot record --show - <pipe
	cat file >&"$feed"
	says 'one\ntwo\n'
	stop "$pid"
	start msgslot play --fast -s 4 - <pipe
	cat file >&"$feed"
	prints 'one\ntwo\n' msgslot recv -W 60 -C 2 4 5
	stop "$pid"
	exec {feed}>&-
}

@test "a pipe that does not block, and one whose reader has enough" {
	forge file <<-'END'
		source 6 /dev/msgslot6
		block
		message 0 5 0 one
	END
	mkfifo pipe
	exec {feed}<>pipe
	start bash -c 'dd count=0 iflag=nonblock status=none && exec msgslot record --show -' <pipe
	waits poll
	cat file >&"$feed"
	says 'one\n'
	stop "$pid"
	exec {feed}>&-
	{
		printf 'source 6 /dev/msgslot6\nblock\nmessage 0 5 0 '
		head -c 300000 /dev/zero | tr '\0' x
	} | forge file
	msgslot record --show file 2>errors | head -c 1 >said || true
	equal "said, errors" "$(<said), $(<errors)" "x, "
}

@test "a path that is long, and one that is not /dev/msgslotN" {
	local long

	long=$(printf '%0200d/%0200d' 0 0)
	renew 6 broadcast
	mkdir -p "$long"
	ln -s /dev/msgslot6 "$long/node"
	recording "$long/node"
	works msgslot send 6 1 one
	sleep 0.2
	stopped
	prints 'one\n' msgslot record --show file
	works msgslot play --fast file
	renew 4 queue
	# The slot is its number, too.
	works msgslot play --fast -s 4 --source 6 file
	works msgslot play --fast -s 4 --source "$long/node" file
	holds 2
	fails 1 "nothing was recorded of slot 7" msgslot play --source 7 file
}

@test "a file that was made by hand: no slots, no sources, no such times" {
	forge file <<<"bytes xyz"
	fails 1 "file: block 0: it is malformed, although its checksum is right" msgslot record --show file
	forge file </dev/null
	prints '' msgslot record --show file
	fails 1 "file: no slot was recorded in it" msgslot play file
	# To open this one without a terminal fails otherwise.
	printf 'source 6 /dev/tty\nblock\nmessage 0 5 0 x\n' | forge file
	fails 5 "/dev/tty: this is not a slot" setsid -w msgslot play --fast file
	fails 5 "/dev/tty: this is not a slot" setsid -w msgslot play --fast --source /dev/tty file
	forge file <<-END
		source 6 /dev/msgslot6
		block
		message 0 5 0 x
		message 0 5 9223372036854775807 x
		message 0 5 9223372036854775808 x
		message 0 5 18446744073709551615 x
		message 0 5 $(($(date +%s%N) + 3600000000000)) hour
	END
	works msgslot record --show file -j
	equal valid "$(jq -r 'select(.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{6}Z$")) | .age | type' out |
		xargs)" "number number number number number"
	equal age "$(jq 'select(.payload == "hour") | .age < -3000 and .age > -3600' out)" true
	renew 4 queue
	printf 'source 6 /dev/msgslot6\nblock\nmessage 0 5 9223372036854775807 x\n' | forge file
	start msgslot play -x 0.001 -s 4 file
	sleep 1
	holds 0
	stop "$pid"
}

@test "the file has its name on the disk" {
	renew 6 broadcast
	equal "of the folder" "$(fsyncs msgslot record -d 0.1 -o file 6)" 1
}

@test "a pipe without a reader, or whose reader does not read, does not keep it from its end" {
	renew 6 broadcast
	mkfifo pipe
	for signal in TERM INT; do
		# In the background a shell has it ignored.
		start perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' msgslot record -o pipe 6
		waits openat
		kill -$signal "$pid"
		ended $((128 + $(kill -l $signal)))
	done
	# Where it falls behind it would lose messages, and what is left fits into the pipe.
	put $class/msgslot6/depth 65536
	exec {held}<>pipe
	start msgslot record -o pipe 6
	waits ppoll
	yes "$(printf %0100d 0)" | head -n 1000 | works msgslot send -l 6 5
	waits poll
	kill -TERM "$pid"
	ended 1
	grep -q "pipe: it takes no more, and what came last is not in it" errors
	start msgslot record -d 0.2 -o pipe 6
	ended 1
	start bash -c "exec msgslot record -d 0.2 -o - 6 >&$held"
	ended 1
	exec {held}>&-
}

@test "what was received when it ends is in the file, also where that is slow" {
	local count=20000 reader

	[ ! "$small" ] || count=10000
	renew 6 broadcast
	put $class/msgslot6/depth 65536
	recording 6
	kill -STOP "$pid"
	seq $count | works msgslot send -l 6 5
	kill -TERM "$pid"
	kill -CONT "$pid"
	ends 0
	look 6 received
	[ "$seen" -lt $count ]
	equal messages "$(msgslot record --show file | wc -l)" "$seen"

	renew 6 broadcast
	put $class/msgslot6/depth 65536
	mkfifo pipe
	perl -e 'while (sysread(STDIN, $_, 4096)) { syswrite(STDOUT, $_); select(undef, undef, undef, 0.03) }' \
		<pipe >slow 3>&- &
	reader=$!
	start msgslot record -o pipe 6
	waits ppoll
	kill -STOP "$pid"
	yes "$(printf %0100d 0)" | head -n 2000 | works msgslot send -l 6 5
	kill -CONT "$pid"
	waits poll
	kill -TERM "$pid"
	ends 0
	wait "$reader"
	look 6 received
	equal messages "$(msgslot record --show slow | wc -l)" "$seen"
}

@test "nohup: a terminal that is closed does not end it" {
	renew 6 broadcast
	rm -f file
	start bash -c "trap '' HUP; exec msgslot record -o file 6"
	waits ppoll
	kill -HUP "$pid"
	works msgslot send 6 5 "still there"
	eventually sh -c '[ "$(msgslot record --show file)" = "still there" ]'
	stopped
}
