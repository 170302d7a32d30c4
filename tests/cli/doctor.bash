# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests of msgslot doctor share.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

# No names of channels but the system's: not everybody may look into root's.
export HOME=/nowhere

# healthy: exit code 0, and no line that says otherwise.
healthy()
{
	local -

	set +T
	try 0 "" "${@:-msgslot}" doctor || {
		cat out
		return 1
	}
	! grep -vE '^(ok    |note  )' out
}

# finds COUNT TEXT [COMMAND…]: exit code 1, so many faults, TEXT in one of their lines.
finds()
{
	local - code=0

	set +T
	"${@:3}" msgslot doctor >out 2>err || code=$?
	equal "exit code" $code 1 || return 1
	[ ! -s err ] || return 1
	equal faults "$(grep -c '^WRONG' out)" "$1" && grep -q "^WRONG $2" out && return
	cat out
	return 1
}

# todo TEXT: what is said below the line of this fault.
todo()
{
	grep -A 1 "^WRONG $1" out | sed -n '2s/^      //p'
}

# heal TEXT: does it.
heal()
{
	todo "$1" | sed 's/^As root: //; s/; and see .*//; s/, or .*//' >heal.sh
	sh -e heal.sh
	udevadm settle
}
