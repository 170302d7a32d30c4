#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot doctor: nodes that were changed by hand, and how they become what they were.

# shellcheck source=doctor.bash
source "$BATS_TEST_DIRNAME/doctor.bash"

# Nodes that were made by hand stay when their slot goes.
teardown()
{
	rmmod msgslot
	rm -rf /dev/msgslot*
	modprobe msgslot
	udevadm settle
}

@test "a node is gone, or something else is in its place" {
	rm /dev/msgslot3
	finds 1 "/dev/msgslot3: No such file or directory, but the slot is there"
	heal /dev/msgslot3
	healthy
	works as member msgslot send 3 5 x
	rm /dev/msgslot3
	echo x >/dev/msgslot3
	finds 1 "/dev/msgslot3 is a plain file or folder in the place of the node"
	heal /dev/msgslot3
	healthy
	cp -a /dev/null /dev/msgslot2.other
	mv /dev/msgslot2.other /dev/msgslot2
	finds 1 "/dev/msgslot2 is the node of another device (1:3 instead of "
	heal /dev/msgslot2
	healthy
	prints 'x\n' as member msgslot recv 3 5
	# A write to the node of a slot that is not there.
	echo x >/dev/msgslot99
	mkdir /dev/msgslot98
	finds 2 "/dev/msgslot99 is a plain file or folder, and there is no such slot"
	heal /dev/msgslot99
	heal /dev/msgslot98
	healthy
}

@test "a node for nobody, or for everybody" {
	chmod 600 /dev/msgslot1
	chgrp root /dev/msgslot2
	finds 2 "/dev/msgslot1 is only for root (group msgslot, mode 0600)"
	heal /dev/msgslot1
	healthy
	chmod 666 /dev/msgslot1
	healthy
	grep -qxF "note  /dev/msgslot1 is open to every user (mode 0666)" out
	chgrp member /dev/msgslot2
	chmod 660 /dev/msgslot1
	healthy
	grep -qxF "ok    /dev/msgslot2 is for the group member (mode 0660)" out
}
