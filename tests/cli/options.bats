#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The numbers of options: what is taken and what is refused.

# shellcheck source=../common/common.bash
source "$BATS_TEST_DIRNAME/../common/common.bash"

@test "numbers are digits, and in range" {
	local right text wrong

	wrong=('' -1 18446744073709551616 x 1x 0x1 ' 1' +1 1e3 99999999999999999999999)
	[ ! "$small" ] || wrong=("${wrong[@]:0:3}")
	for text in "${wrong[@]}"; do
		fails 2 "-C '$text' is not a number from 1 to 18446744073709551615" \
			msgslot recv -C "$text" 0 1
		fails 2 "--newer '$text' is not a number from 0 to 18446744073709551614" \
			msgslot recv --newer "$text" 0 1
		fails 2 "--if-seq '$text' is not a number from 0 to 18446744073709551615" \
			msgslot send --if-seq "$text" 0 1 lost
	done
	fails 2 "-C '0' is not a number from 1" msgslot recv -C 0 0 1
}

@test "seconds are digits, with up to nine decimals, and not too many" {
	local right text wrong

	wrong=('' 1000000001 0.1234567890 . -1 x 1x 1. 1.x 1..2 .1.2 1e3 "1,5" 99999999999999999999999999)
	[ ! "$small" ] || wrong=("${wrong[@]:0:3}")
	for text in "${wrong[@]}"; do
		fails 2 "-W '$text' is not a number of seconds from 0 to 1000000000" \
			msgslot recv -W "$text" 0 1
		fails 2 "-W '$text' is not" msgslot send -W "$text" 0 1 lost
		fails 2 "--max-age '$text' is not" msgslot recv --max-age "$text" 0 1
	done
	works msgslot send 0 1 there
	for right in 0 0.0 .5 000 1000000000 0.123456789; do
		prints 'there\n' msgslot recv -w -W "$right" 0 1
	done
}
