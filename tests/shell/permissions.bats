#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Permissions: the group msgslot sends and receives, root sets up, others may do nothing.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

owned()
{
	equal "$1" "$(stat -c '%F %a %U:%G' "$1")" "character special file 660 root:msgslot"
}

@test "every node is 0660 root:msgslot as soon as udev is done" {
	local nodes

	nodes=(/dev/msgslot*)
	equal "nodes" "${nodes[*]}" "$(echo /dev/msgslot{0..7})"
	for node in "${nodes[@]}"; do
		owned "$node"
	done
	load_with slots=last:20
	for slot in {0..19}; do
		owned "/dev/msgslot$slot"
	done
	[ ! -e /dev/msgslot20 ]
	put "$class/create" "200 last"
	put "$class/create" "201 queue"
	put "$class/create" "202 broadcast"
	udevadm settle
	for slot in {200..202}; do
		owned "/dev/msgslot$slot"
	done
}

@test "the rule holds for every event, and gives systemd its tag" {
	local rules=/run/udev/rules.d/61-msgslot-test.rules

	udevadm trigger --settle -s msgslot
	owned /dev/msgslot0
	# A rule of the machine's own gives another group, and takes it along when it goes.
	mkdir -p /run/udev/rules.d
	echo 'ACTION!="remove", SUBSYSTEM=="msgslot", KERNEL=="msgslot1", GROUP="users", SYMLINK+="weather"' >$rules
	udevadm control --reload
	udevadm trigger --settle -s msgslot
	equal group "$(stat -c %G /dev/msgslot1)" users
	equal link "$(readlink -f /dev/weather)" /dev/msgslot1
	owned /dev/msgslot0
	rm $rules
	udevadm control --reload
	udevadm trigger --settle -s msgslot
	owned /dev/msgslot1
	[ ! -e /dev/weather ]
	udevadm info -q property -n /dev/msgslot0 | grep -qE '^(CURRENT_)?TAGS=.*:systemd:'
	equal "subsystem" "$(udevadm info -q property -n /dev/msgslot0 | grep '^SUBSYSTEM=')" \
		SUBSYSTEM=msgslot
	equal "sysusers" "$(grep -v '^#' /usr/lib/sysusers.d/msgslot.conf)" "g msgslot - -"
	equal "modules-load" "$(grep -v '^#' /usr/lib/modules-load.d/msgslot.conf)" msgslot
}

@test "a rule that was read before there was a group holds once there is one" {
	local rule=/usr/lib/udev/rules.d/60-msgslot.rules id

	id=$(getent group msgslot | cut -d : -f 3)
	sed -i "s/^msgslot:/aside:/" /etc/group
	# Another time of change: it is read anew.
	touch $rule
	udevadm control --reload
	udevadm trigger --settle -s msgslot
	sed -i "s/^aside:/msgslot:/" /etc/group
	udevadm trigger --settle -s msgslot
	owned /dev/msgslot0
	equal group "$(stat -c %g /dev/msgslot0)" "$id"
}

@test "members leave messages for each other" {
	works as member message_sender /dev/msgslot0 31 "from member"
	prints "from member" as member2 message_reader /dev/msgslot0 31
	works as member2 msgslot send 0 31 "from member2"
	prints "from member2\n" as member msgslot recv 0 31
	prints "from member2" message_reader /dev/msgslot0 31
}

@test "members share a queue and a broadcast" {
	fresh
	works as member bash -c 'echo "from member" >/dev/msgslot4'
	prints 'from member\n' as member2 head -n 1 /dev/msgslot4
	has 4 messages 0
	exec {open}</dev/msgslot6
	works as member2 bash -c 'echo "from member2" >/dev/msgslot6'
	prints 'from member2\n' head -n 1 <&"$open"
	exec {open}<&-
}

@test "who is not in the group is refused, and changes nothing" {
	fresh
	works msgslot send 0 32 kept
	fails 1 "message_sender: /dev/msgslot0: Permission denied (are you in the group msgslot?)" \
		as outsider message_sender /dev/msgslot0 32 lost
	fails 1 "message_reader: /dev/msgslot0: Permission denied" \
		as outsider message_reader /dev/msgslot0 32
	for slot in {0..7}; do
		fails 6 "Permission denied" as outsider msgslot send "$slot" 32 lost
		fails 6 "Permission denied" as outsider msgslot recv "$slot" 32
	done
	for slot in {4..7}; do
		fails 1 "Permission denied" as outsider bash -c "echo lost >/dev/msgslot$slot"
		fails 1 "Permission denied" as outsider cat "/dev/msgslot$slot"
		has "$slot" sent 0
	done
	echo lost | fails 6 "Permission denied" as outsider msgslot send 0 32 -
	fails 6 "Permission denied" setpriv --reuid 65534 --regid 65534 --clear-groups \
		msgslot recv 0 32
	prints "kept\n" setpriv --reuid 65534 --regid 65534 --groups msgslot msgslot recv 0 32
	prints kept message_reader /dev/msgslot0 32
}

@test "making, setting and destroying slots is root's" {
	local attribute

	equal "create" "$(stat -c '%a %U:%G' "$class/create")" "200 root:root"
	equal "destroy" "$(stat -c '%a %U:%G' "$class/destroy")" "200 root:root"
	for attribute in mode depth max_message overflow max_bytes max_channels; do
		equal "$attribute" "$(stat -c '%a %U:%G' "$class/msgslot0/$attribute")" "644 root:root"
	done
	for attribute in channels messages bytes sent received dropped; do
		equal "$attribute" "$(stat -c '%a %U:%G' "$class/msgslot0/$attribute")" "444 root:root"
	done
	for user in member outsider; do
		fails 1 "Permission denied" as "$user" bash -c 'echo "9 last" >/sys/class/msgslot/create'
		fails 1 "Permission denied" as "$user" bash -c 'echo 0 >/sys/class/msgslot/destroy'
		fails 1 "Permission denied" as "$user" bash -c 'echo 5 >/sys/class/msgslot/msgslot0/max_bytes'
		prints '128\n' as "$user" cat "$class/msgslot0/max_message"
	done
	[ ! -e /dev/msgslot9 ]
	owned /dev/msgslot0
}
