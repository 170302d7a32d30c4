# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests share whose commands read and write slots by themselves, and sleep in them.  Those of
# tests/shell/MODE.bats are the rows of the tables in msgslot(4), FROM THE SHELL, and are called as these.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

# renew SLOT MODE: an empty one, in $slot; its number in $number.
renew()
{
	number=$1
	export slot=/dev/msgslot$1
	put "$class/destroy" "$1"
	put "$class/create" "$1 $2"
	udevadm settle
}

# each CHECK… SCRIPT: SCRIPT run by bash, and then by dash.
each()
{
	local - shell

	set +T
	for shell in bash dash; do
		"${@:1:$#-1}" $shell -c "${!#}" || {
			printf 'in %s: %s\n' $shell "${!#}"
			return 1
		}
	done
}

# holds COUNT: messages, in the whole slot.
holds()
{
	equal "messages in $slot" "$(get "$number" messages)" "$1" && return
	grep . "$class/msgslot$number"/{sent,received,dropped,channels,bytes}
	return 1
}

# next LENGTH: the oldest message of a queue, taken by a program that reads it whole, is so long.
next()
{
	works dd if="$slot" bs=1M count=1 iflag=nonblock status=none || return 1
	equal "length of the message" "$(wc -c <out)" "$1"
}

# eventually COMMAND…: until it succeeds, for half a minute or more.
eventually()
{
	local - tries

	set +T
	for ((tries = 0; tries < 300; tries++)); do
		"$@" >/dev/null && return
		sleep 0.1
	done
	echo "it does not come to this: $*"
	return 1
}

# The numbers of system calls, which each machine has its own of.
case $(uname -m) in
x86_64)	 declare -gA numbers=([read]=0 [write]=1 [poll]=7 [ioctl]=16 [wait4]=61 [pselect6]=270 [ppoll]=271) ;;
aarch64) declare -gA numbers=([read]=63 [write]=64 [ioctl]=29 [wait4]=260 [pselect6]=72 [ppoll]=73) ;;
s390x)	 declare -gA numbers=([read]=3 [write]=4 [poll]=168 [ioctl]=54 [wait4]=114 [pselect6]=301 [ppoll]=302) ;;
esac

# sleeps CALL PID…: each of the processes is in that system call, on a slot.
sleeps()
{
	local call fd pid

	for pid in "${@:2}"; do
		read -r call fd _ <"/proc/$pid/syscall" || return 1
		[ "$call" = "${numbers[$1]}" ] || return 1
		[ "$1" != pselect6 ] || fd=0
		[[ $(readlink "/proc/$pid/fd/$((fd))") = /dev/msgslot* ]] || return 1
	done
} 2>/dev/null

# stop PID…
stop()
{
	kill "$@"
	wait "$@" || true
} 2>/dev/null
