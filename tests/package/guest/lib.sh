# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Shared by the programs of a boot. They run as root on an ordinary machine, with the
# users member, member2 and outsider, and /pool in apt's sources.

set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root
export version='' older='' newest=''
# shellcheck disable=SC1091 # made by tests/package/vm
. /srv/stage/settings
export said=/srv/stage/said
export loaded=/sys/module/msgslot

# check WHAT COMMAND…: prints one line with its time, and the reason if it failed.
check()
{
	local what=$1 began status log=/srv/stage/log

	began=$(date +%s)
	shift
	set +e
	(set -e; "$@") >"$log" 2>&1 </dev/null
	status=$?
	set -e
	what="$(($(date +%s) - began)) s  $what"
	if [ $status = 0 ]; then
		echo "@ok $what"
	else
		echo "@bad $what"
		tail -n 40 "$log" | sed 's/^/@say         /'
	fi
}

fault()
{
	printf '%s\n' "$*" >&2
	exit 1
}

fails()
{
	if ("$@"); then fault "succeeded: $*"; fi
}

# eventually COMMAND…: succeeds within a minute.
eventually()
{
	for _ in {1..60}; do
		if ("$@") >/dev/null 2>&1; then return; fi
		sleep 1
	done
	fault "not in a minute: $*"
}

is()
{
	[ "$1" = "$2" ] || fault "'$1' is not '$2'"
}

says()
{
	grep -qF -- "$1" "$said" || fault "'$1' is not in: $(cat "$said")"
}

as()
{
	runuser -u "$1" -- "${@:2}"
}

apt()
{
	apt-get --yes --no-install-recommends "$@" >"$said" 2>&1 || fault "apt ended with $?: $(cat "$said")"
	cat "$said"
}

dnf()
{
	command dnf --assumeyes --releasever=1 --setopt=metadata_expire=0 "$@" >"$said" 2>&1 ||
		fault "dnf ended with $?: $(cat "$said")"
	cat "$said"
}

# offer now|next: sets the packages of msgslot that apt finds.
offer()
{
	rm -rf /srv/msgslot
	cp -r "/srv/stage/$1" /srv/msgslot
	(cd /srv/msgslot && apt-ftparchive packages . >Packages)
	echo 'deb [trusted=yes] file:/srv/msgslot ./' >/etc/apt/sources.list.d/msgslot.list
	apt update
}

# unpack_early: makes an event between unpacking and configuring, so that udevd reads the rule before the
# group exists. apt leaves that gap each time.
unpack_early()
{
	dpkg --unpack /srv/stage/now/msgslot-common_*.deb
	sleep 4
	udevadm trigger --subsystem-match=mem
	udevadm settle
}

group_of()
{
	udevadm control --reload
	udevadm trigger --subsystem-match=msgslot
	udevadm settle
	stat -c %G "$1"
}

# Events other than "add" run the rules again, too.
other_events()
{
	local rule=/etc/udev/rules.d/61-of-this-test.rules

	udevadm trigger
	udevadm settle
	nodes
	is "$(systemctl is-active dev-msgslot4.device)" active
	echo 'ACTION!="remove", SUBSYSTEM=="msgslot", KERNEL=="msgslot5", GROUP="users"' >$rule
	is "$(group_of /dev/msgslot5)" users
	rm $rule
	is "$(group_of /dev/msgslot5)" msgslot
}

# Checks that the default nodes exist, and that each is open to the group and to no other user.
nodes()
{
	local n

	for n in 0 1 2 3 4 5 6 7; do
		is "$(stat -c '%A %U %G' /dev/msgslot$n)" 'crw-rw---- root msgslot'
	done
	fails test -e /dev/msgslot8
}

send_and_receive()
{
	as member msgslot send 0 5 "21.5 degrees"
	is "$(as member2 msgslot recv 0 5)" "21.5 degrees"
	as member message_sender /dev/msgslot1 7 hello
	is "$(as member2 message_reader /dev/msgslot1 7)" hello
	as member msgslot send 4 1 job
	is "$(as member2 msgslot recv 4 1)" job
}

outsider_refused()
{
	fails as outsider msgslot send 0 5 hello 2>"$said"
	says "Permission denied: you are not in the group msgslot"
	says "usermod -aG msgslot outsider"
}

# Processes that have the node open.
holders()
{
	find /proc/[0-9]*/fd -lname /dev/msgslot0 2>/dev/null | cut -d / -f 3
}

is_open()
{
	[ "$(holders)" ]
}

# A program of the user member keeps a node open beyond the end of the check that started it.
open_reader()
{
	as member sh -c 'exec 3</dev/msgslot0; exec sleep 100000' &
	eventually is_open
}

close_reader()
{
	# shellcheck disable=SC2046 # a list
	kill $(holders)
	eventually fails is_open
}

nothing_loaded()
{
	fails test -e $loaded
	udevadm settle
	fails ls /dev/msgslot*
}
