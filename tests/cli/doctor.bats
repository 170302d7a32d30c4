#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot doctor: what is wrong is found, and what it says to do helps.

# shellcheck source=doctor.bash
source "$BATS_TEST_DIRNAME/doctor.bash"

@test "nothing is wrong" {
	fresh
	healthy
	grep -qxF "ok    you are root" out
	grep -qx "ok    the module is built for kernel $(uname -r): /lib/modules/.*/msgslot.ko" out
	grep -qxF "note  the headers of kernel $(uname -r) are not there; a new version of the module could not be built" out
	grep -qxF "ok    the module is loaded" out
	grep -qxF "ok    the udev rule is there: /usr/lib/udev/rules.d/60-msgslot.rules" out
	equal nodes "$(grep -cE '^ok    /dev/msgslot[0-7] is for the group msgslot \(mode 0660\)$' out)" 8
	healthy as member msgslot
	grep -qxF "ok    you are in the group msgslot" out
	fails 2 "unexpected argument 'x'" msgslot doctor x
	fails 1 "standard output: No space left on device" bash -c 'msgslot doctor >/dev/full'
}

@test "who I am" {
	finds 1 "you are not in the group msgslot" as outsider
	equal todo "$(todo you)" "As root: usermod -aG msgslot outsider; it counts from the next login on."
	finds 1 "you are in the group msgslot, but this login is older than that" \
		setpriv --reuid member --regid member --clear-groups
	equal todo "$(todo you)" "Log in again, or begin a shell with: newgrp msgslot"
}

@test "the module is not loaded" {
	fresh
	rmmod msgslot
	udevadm settle
	finds 1 "the module is not loaded"
	equal todo "$(todo the)" "As root: modprobe msgslot; what it says, or the end of dmesg, tells why not."
	modprobe msgslot
	udevadm settle
	healthy
}

# shellcheck disable=SC2016 # the inner shell's
@test "no module for this kernel, no headers" {
	fresh
	nowhere='mount -t tmpfs none /lib/modules/$(uname -r) && exec "$@"'
	works unshare --mount sh -c "$nowhere" - msgslot doctor
	grep -q "^note  the module is loaded, but modprobe would not find it for kernel $(uname -r)" out || {
		cat out
		return 1
	}
	changed=1
	rmmod msgslot
	udevadm settle
	finds 3 "there is no module for kernel $(uname -r)" unshare --mount sh -c "$nowhere" -
	equal todo "$(todo "the headers")" \
		"As root: apt install linux-headers-$(uname -r), or dnf install kernel-devel-$(uname -r)"
}

# shellcheck disable=SC2016
@test "Secure Boot, and a module that is not signed" {
	fresh
	changed=1
	rmmod msgslot
	udevadm settle
	secure='mount -t tmpfs none /sys/firmware && mkdir -p /sys/firmware/efi/efivars &&
		printf "\6\0\0\0\1" >/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c &&
		exec "$@"'
	finds 2 "Secure Boot is on, and /lib/modules/.*/msgslot.ko is not signed" \
		unshare --mount sh -c "$secure" -
	[[ $(todo Secure) == *"mokutil --import"* ]]
	# The same, signed.
	cp "$(modinfo -n msgslot)" signed.ko
	printf '~Module signature appended~\n' >>signed.ko
	signed="mount --bind $PWD/signed.ko $(modinfo -n msgslot) && $secure"
	finds 1 "the module is not loaded" unshare --mount sh -c "$signed" -
	grep -q "^note  Secure Boot is on; where loading fails" out
	off=${secure/'\1"'/'\0"'}
	finds 1 "the module is not loaded" unshare --mount sh -c "$off" -
	grep -qx "ok    signatures: this kernel takes any module" out
}

@test "no slot" {
	load_with slots=
	finds 1 "there is no slot"
}

# set_back: the group and the rule, as they were.
set_back()
{
	cp group /etc/group
	cp gshadow /etc/gshadow
	rm -f /run/udev/rules.d/60-msgslot.rules
	[ ! -e 60-msgslot.rules ] || mv 60-msgslot.rules /usr/lib/udev/rules.d/
	udevadm control --reload
}

@test "no group, no rule" {
	fresh
	cp /etc/group /etc/gshadow .
	sed -i '/^msgslot:/d' /etc/group /etc/gshadow
	finds 1 "there is no group msgslot" || failed=1
	heal "there is no group" 2>/dev/null
	healthy || failed=1
	set_back
	[ ! "${failed-}" ]
	healthy
	mv /usr/lib/udev/rules.d/60-msgslot.rules .
	finds 1 "there is no udev rule 60-msgslot.rules" || failed=1
	set_back
	mkdir -p /run/udev/rules.d
	: >/run/udev/rules.d/60-msgslot.rules
	healthy || failed=1
	set_back
	[ ! "${failed-}" ]
	grep -qxF "note  the udev rule is turned off: /run/udev/rules.d/60-msgslot.rules" out
}

@test "names of channels" {
	mkdir -p /etc/msgslot
	printf 'one 1 5\n\ntwo 1\n1three 1 5\n\033[31m 1 5\n' >/etc/msgslot/channels
	finds 3 "/etc/msgslot/channels:3: the line is malformed" || failed=1
	rm -r /etc/msgslot
	[ ! "${failed-}" ]
	grep -qxF "ok    names of channels: 1" out
}

# shellcheck disable=SC2016 # the inner shell's
@test "a service or a container" {
	fresh
	mkdir dev
	own_dev='mount -t tmpfs none dev && cp -a /dev/null dev && for node in "$@"; do cp -a $node dev; done &&
		mount --move dev /dev'
	# No node of a slot is there.
	finds 1 "this /dev is not the machine's, and has no node of its 8 slots" \
		unshare --mount sh -c 'mount -t tmpfs none /dev && exec "$@"' -
	[[ $(todo this) == *"DeviceAllow=char-msgslot rw"*"--device"* ]]
	# One is: the others are withheld on purpose.
	works unshare --mount sh -c "$own_dev"' && exec msgslot doctor' - /dev/msgslot4
	grep -qx "note  this /dev is not the machine's: 7 more slots have no node here" out
	grep -qx "ok    you can open 1 slot" out
	equal "advice to make a node" "$(grep -c 'mk[n]od' out || true)" 0
	# In a user namespace, where the group has no number.
	healthy as member unshare -U msgslot
	grep -qx "ok    you can open every slot" out
	# Without /sys.
	works unshare --mount sh -c 'mount -t tmpfs none /sys && exec msgslot doctor'
	grep -qx "note  there is no /sys here, and slots are seen by their nodes alone" out
	grep -qx "ok    the module is loaded" out
	grep -qx "ok    you can open 8 slots" out
	fails 5 "there is no /sys here, which tells what slots there are" \
		unshare --mount sh -c 'mount -t tmpfs none /sys && exec msgslot list'
	works unshare --mount sh -c 'mount -t tmpfs none /sys && exec msgslot send 0 5 x'
	# On a mount where no device works.
	fails 6 "though its group and mode allow it" \
		unshare --mount sh -c 'mount -t tmpfs -o nodev none dev && cp -a /dev/msgslot0 dev && msgslot recv dev/msgslot0 5'
	# A kernel of another system.
	works unshare --mount sh -c 'mount -t tmpfs none /lib/modules && exec msgslot doctor'
	grep -q "^note  kernel $(uname -r) is another system's" out
	equal "lines about headers" "$(grep -c headers out || true)" 0
}

# A mount without devices refuses as SELinux does: by EACCES, after mode and group allowed it.
# shellcheck disable=SC2016 # the inner shell's
@test "SELinux" {
	fresh
	mkdir dev
	refused='mount -t tmpfs -o nodev none dev && cp -a /dev/msgslot4 dev && mount --move dev /dev'
	enforce='mount -t tmpfs none /sys/fs && mkdir /sys/fs/selinux && echo $0 >/sys/fs/selinux/enforce'
	why="/dev/msgslot4: Permission denied, though its group and mode allow it"
	for user in root member; do
		finds 1 "$why: SELinux, most likely" unshare --mount \
			sh -c "$enforce && $refused"' && user=$1 && shift && exec setpriv --reuid $user --regid $user --init-groups "$@"' 1 $user
		[[ $(todo "$why") == *"ausearch -m AVC"*"--security-opt label=disable"* ]]
	done
	fails 6 "though its group and mode allow it: SELinux, most likely" unshare --mount \
		sh -c "$enforce && $refused && exec msgslot send 4 0 x" 1
	# It only looks on, or is not there.
	finds 1 "$why: a device policy, or where it is mounted" unshare --mount \
		sh -c "$enforce && $refused"' && exec "$@"' 0
	finds 1 "$why: a device policy, or where it is mounted" unshare --mount \
		sh -c "$refused"' && exec "$@"' -
	# A container hides the first file; the context of the process is there.
	context='printf "%s\0" "$0" >context && mount --bind context /proc/$$/attr/current'
	finds 1 "$why: SELinux, most likely" unshare --mount \
		sh -c "$refused && $context"' && exec "$@"' system_u:system_r:container_t:s0:c1,c2
	finds 1 "$why: a device policy, or where it is mounted" unshare --mount \
		sh -c "$refused && $context"' && exec "$@"' "docker-default (enforce)"
}
