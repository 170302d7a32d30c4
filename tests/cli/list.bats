#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# msgslot list, show and clear.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

@test "list: every slot, for everybody, with what he may do" {
	fresh
	works msgslot send 0 1 hello
	works msgslot list
	equal lines "$(wc -l <out)" 9
	equal head "$(head -n 1 out | xargs)" \
		"SLOT MODE DEPTH MAX_MESSAGE OVERFLOW CHANNELS MESSAGES BYTES ACCESS NODE"
	equal "slot 0" "$(sed -n 2p out | awk '{ $8 = ""; print }' | xargs)" "0 last 1 128 drop 1 1 rw /dev/msgslot0"
	equal "slot 4" "$(sed -n 6p out | xargs)" "4 queue 1024 4096 block 0 0 0 rw /dev/msgslot4"
	equal "slot 7" "$(sed -n 9p out | xargs)" "7 broadcast 256 4096 drop 0 0 0 rw /dev/msgslot7"
	works as member msgslot list
	equal access "$(awk 'NR > 1 { print $9 }' out | sort -u)" rw
	works as outsider msgslot list
	equal access "$(awk 'NR > 1 { print $9 }' out | sort -u)" -
}

@test "list -j, and slots that come and go" {
	fresh
	changed=1
	put "$class/create" "200 queue"
	put "$class/destroy" 3
	udevadm settle
	works msgslot list -j
	equal slots "$(jq -sc 'map(.slot)' out)" "[0,1,2,4,5,6,7,200]"
	equal "slot 200" "$(jq -c 'select(.slot == 200)' out)" \
		'{"slot":200,"mode":"queue","depth":1024,"max_message":4096,"overflow":"block","channels":0,"messages":0,"bytes":0,"access":"rw","node":"/dev/msgslot200"}'
	load_with slots=
	works msgslot list -j
	[ ! -s out ]
	works msgslot list
	equal lines "$(wc -l <out)" 1
}
