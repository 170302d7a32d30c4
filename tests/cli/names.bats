#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# @NAME, wherever SLOT and CHANNEL stand: the user's names, the system's, and what is wrong with them.

# shellcheck source=../common/tools.bash
source "$BATS_TEST_DIRNAME/../common/tools.bash"

setup_file()
{
	mkdir -p /etc/msgslot
	cat >/etc/msgslot/channels <<-'END'
		# name   slot           channel
		battery  1              7         # percent
		jobs     /dev/msgslot4  0x10

		lobby    6              0
		broken   4
	END
}

teardown_file()
{
	rm -rf /etc/msgslot ~member/.config/msgslot
}

@test "every command takes a name" {
	renew 1 last
	works msgslot send @battery 80
	prints '80\n' msgslot recv 1 7
	prints '80\n' msgslot recv @battery
	prints '80\n' msgslot recv -F '%{payload}\n' @battery
	prints '80' msgslot watch -C 1 @battery cat
	works msgslot show @battery
	equal "last line" "$(tail -n 1 out | xargs)" "7 1 1 2 0"
	printf 'one\ntwo\n' | works msgslot send -l @jobs
	prints 'one\n' msgslot recv 4 16
	works msgslot dump @jobs file
	works msgslot clear @jobs
	works msgslot restore @jobs file
	prints 'two\n' msgslot recv @jobs
	prints '' msgslot chat @lobby </dev/null
	works msgslot clear -a @battery
	fails 3 "there is no message" msgslot recv @battery
}

@test "a user's own names win" {
	renew 1 last
	mkdir -p ~member/.config/msgslot
	echo "battery 1 8" >~member/.config/msgslot/channels
	works env HOME=~member setpriv --reuid member --regid member --init-groups \
		msgslot send @battery "of member"
	prints 'of member\n' msgslot recv 1 8
	fails 3 "there is no message" msgslot recv @battery
}

@test "what is wrong is told with its place" {
	for name in @broken @nosuch; do
		said_in 1 "msgslot: /etc/msgslot/channels:6: the line is malformed, and $name is not found
A line is 'name slot channel # comment', or empty." msgslot recv $name
	done
	sed -i '/^broken/d' /etc/msgslot/channels
	said_in 2 "msgslot: @nosuch: there is no such name
Names are lines 'name slot channel' of ~/.config/msgslot/channels and /etc/msgslot/channels." \
		msgslot recv @nosuch
	for name in @ @1 @a/b "@a b"; do
		fails 2 "this cannot be the name of a channel" msgslot recv "$name"
	done
	fails 2 "unexpected argument '7'" msgslot recv @battery 7
	fails 2 "no message is given" msgslot send @battery
}
