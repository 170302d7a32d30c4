#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot version: the tool, the library, the module.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

@test "version: three lines, for everybody who may open a slot" {
	msgslot --version >tool
	read -r _ number <tool
	prints "msgslot $number\nlibmsgslot $number\nmodule ABI 1 (this msgslot knows 1)\n" \
		as member msgslot version
	fails 2 "unexpected argument 'x'" msgslot version x
	fails 2 "bad option '-j'" msgslot version -j
}

@test "version: who may not ask the module is told why, and that is no error" {
	works as outsider msgslot version
	grep -qx "module ABI unknown: Permission denied (this msgslot knows 1)" out
	changed=1
	rmmod msgslot
	udevadm settle
	works msgslot version
	grep -qx "module ABI unknown: there is no slot (this msgslot knows 1)" out
}

@test "version needs only a node, not sysfs" {
	works unshare --mount sh -c 'mount -t tmpfs none /sys && msgslot version'
	grep -qx "module ABI 1 (this msgslot knows 1)" out
}
